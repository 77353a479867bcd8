"""Where the regions L1-L4 lie on a DXA image: the region network on the picture and its mirror image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from bmd.findings import Finding
from bmd.inference.dxa.densitometry import SPINE
from bmd.inference.run import Networks
from bmd.inputs.dxa import REGION_SIZE, region_input
from bmd.inputs.film import Placement
from bmd.reference import LEVELS
from bmd.types import Vertebra

ROLE = "dxa_regions"
FINE = 512
"""Side of the square on which outlines are traced."""
LEAST_AREA = 0.25
"""A region smaller than this share of the largest one is a remnant."""
CLEAR = 0.75
"""Mean probability of a region's name from which it is certain."""
SHOWN = tuple(LEVELS[i] for i in range(1, 8))
"""Levels the network knows: T11-L5."""


Points: TypeAlias = NDArray[np.float64]
Outline: TypeAlias = tuple[Points, float]
"""Points (n, 2) on the fine square, and the mean probability of the region's name."""


@dataclass(frozen=True, eq=False)
class Regions:
    """Regions of one picture, cranial to caudal, T11-L5 as far as found.

    Attributes
    ----------
    vertebrae : tuple of Vertebra
        ``score`` is the mean probability of its name inside the region.
    cut : frozenset of str
        Levels that touch the upper or lower edge of the picture.
    evidence : float
        Sum of the scores of L1-L4.
    certain : bool
        Every region of L1-L4 is clearly named and they follow each other without a gap.
    doubts : tuple of Finding
        What speaks against its being such a scan at all.
    """

    vertebrae: tuple[Vertebra, ...]
    cut: frozenset[str]
    evidence: float
    certain: bool
    doubts: tuple[Finding, ...] = ()


def find_regions(image: NDArray[np.float32], networks: Networks) -> Regions:
    """Find the regions of a picture, float32 (H, W) in 0..1, bone bright."""
    square, placement = region_input(image)
    return regions_of(networks.run(ROLE, np.stack([square, square[..., ::-1]]))["masks"], placement)


def regions_of(logits: NDArray[np.floating], placement: Placement) -> Regions:
    """The regions that logits (2, 10, 128, 128), of a picture and of its mirror image, say."""
    masks = np.moveaxis(softmax(logits, axis=1), 1, -1)
    share = (masks[0] + masks[1][:, ::-1]) / 2  # (128, 128, 10)
    fine = cv2.resize(share.astype(np.float32), (FINE, FINE), interpolation=cv2.INTER_LINEAR)
    labels = np.argmax(fine, -1)
    found = {level: one for level in SHOWN if (one := _region(labels, fine, level)) is not None}
    found = _in_order(found)
    vertebrae, cut = [], set()
    for level, (contour, score) in found.items():
        points = placement.to_image((contour + 0.5) * REGION_SIZE / FINE - 0.5)
        vertebrae.append(_vertebra(level, points, score))
        if _touches(points, placement):
            cut.add(level)
    spine = [v for v in vertebrae if v.level in SPINE]
    evidence = float(sum(v.score for v in spine))
    return Regions(tuple(vertebrae), frozenset(cut), evidence, _certain(spine))


def _region(labels: NDArray[np.intp], share: NDArray[np.float32], level: str) -> Outline | None:
    """Outline (n, 2) of the largest piece of a level on the fine square, and its mean probability."""
    number = LEVELS.index(level) + 1
    count, pieces, stats, _ = cv2.connectedComponentsWithStats((labels == number).astype(np.uint8))
    if count < 2:
        return None
    best = 1 + int(stats[1:, cv2.CC_STAT_AREA].argmax())
    if stats[best, cv2.CC_STAT_AREA] < FINE * FINE * 0.0008:
        return None
    piece = (pieces == best).astype(np.uint8)
    outline = max(cv2.findContours(piece, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)[0], key=cv2.contourArea)
    simple = cv2.approxPolyDP(outline, 0.8, True)[:, 0].astype(float)
    if len(simple) < 3:
        return None
    return simple, float(share[..., number][piece > 0].mean())


def _in_order(found: dict[str, Outline]) -> dict[str, Outline]:
    """Without remnants: pieces much smaller than the others, or out of order from above to below."""
    if not found:
        return found
    areas = {level: cv2.contourArea(np.asarray(one[0], np.float32)) for level, one in found.items()}
    largest = max(areas.values())
    kept: dict[str, Outline] = {}
    for level, one in found.items():
        last = next(reversed(kept.values()), None)
        below = last is None or one[0][:, 1].mean() > last[0][:, 1].mean()
        if areas[level] > LEAST_AREA * largest and below:
            kept[level] = one
    return kept


def _vertebra(level: str, points: Points, score: float) -> Vertebra:
    low, high = points.min(0), points.max(0)
    box = (float(low[0]), float(low[1]), float(high[0]), float(high[1]))
    return Vertebra(level, box, points.astype(np.float32), round(score, 3))


def _touches(points: Points, placement: Placement) -> bool:
    height, width = placement.shape
    edge = 0.006 * max(height, width)
    low, high = points.min(0), points.max(0)
    return bool(low[1] < edge or high[1] > height - 1 - edge or low[0] < edge or high[0] > width - 1 - edge)


def _certain(spine: list[Vertebra]) -> bool:
    names = [v.level for v in spine]
    whole = list(SPINE) == names
    return whole and all(v.score > CLEAR for v in spine)
