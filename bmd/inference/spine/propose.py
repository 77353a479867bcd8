"""Step 1, propose: where a vertebral body may be, whichever localiser says so.

What a localiser saw is reduced here to places with evidence; chain and names know nothing else of it.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from bmd.inference.spine.maps import ANY, S1, Maps, Points, disc_values, peaks, rescale
from bmd.inference.spine.terms import ProposeTerms


@dataclass(frozen=True, eq=False)
class Proposals:
    """Places on one frame, strongest first.

    Attributes
    ----------
    points : ndarray
        (n, 2) centres, frame pixels.
    scores : ndarray
        (n,) evidence that there is a body, 0..1.
    levels : ndarray
        (n, 9) evidence that the body there is each of ``LEVELS``, 0..1.
    spacing : float
        Typical distance of neighbouring bodies, frame pixels.
    sacra : ndarray
        (m, 3): x, y and evidence of places where S1 may be; frame pixels, 0..1.
    content : tuple of float
        Part of the frame that is picture, (x1, y1, x2, y2), frame pixels.
    """

    points: Points
    scores: NDArray[np.float64]
    levels: NDArray[np.float64]
    spacing: float
    sacra: Points
    content: tuple[float, float, float, float]


def propose(maps: Maps, terms: ProposeTerms) -> Proposals:
    """Peaks of the class-agnostic map and pieces of bone, and what the maps say about the level of each.

    Parameters
    ----------
    maps : Maps
        Probabilities of a localiser that gives maps.
    terms : ProposeTerms
        Numbers.
    """
    heat = np.maximum(maps.centres[ANY], np.float32(terms.level_heat) * maps.centres[:S1].max(0))
    found = peaks(cv2.GaussianBlur(heat, (0, 0), terms.blur), terms.peak, terms.peak_radius)
    found[:, :2] = rescale(found[:, :2], maps.centres.shape[-1], maps.size)
    if terms.blob_score:
        found = np.concatenate([found, _pieces(maps, found, terms)])
    found = _covered(found, maps, maps.body, terms.cover, terms.cover_radius)
    found = found[np.argsort(-found[:, 2], kind="stable")][: terms.most]
    spacing = spacing_of(found[:, :2], found[:, 2], terms.single * maps.size)
    levels = np.array([level_evidence(maps, xy, terms.reach * spacing) for xy in found[:, :2]])
    sacra = peaks(maps.centres[S1], terms.sacrum_peak, terms.peak_radius)[: terms.sacra]
    sacra[:, :2] = rescale(sacra[:, :2], maps.centres.shape[-1], maps.size)
    sacra = _covered(sacra, maps, maps.masks[S1 + 1], terms.sacrum_cover, terms.sacrum_radius)
    return Proposals(found[:, :2], found[:, 2], levels.reshape(-1, S1 + 1), spacing, sacra, maps.content)


def spacing_of(points: Points, scores: NDArray[np.float64], single: float) -> float:
    """Median distance of the clearer places to their nearest neighbours; ``single`` where there are no two."""
    if len(points) < 2:
        return single
    gaps = np.linalg.norm(points[:, None] - points[None], axis=2)
    np.fill_diagonal(gaps, np.inf)
    strong = scores >= 0.5 * scores.max()
    return float(np.median(gaps[strong].min(1))) if strong.sum() > 1 else float(gaps.min())


def level_evidence(maps: Maps, xy: Points, radius: float) -> NDArray[np.float64]:
    """Mean of the largest heat and the mean mask of each level around a place, (9,)."""
    heat = disc_values(maps.centres[: S1 + 1], maps.centre_xy(xy), radius * maps.centres.shape[-1] / maps.size)
    mask = disc_values(maps.masks[1:], maps.mask_xy(xy), radius * maps.masks.shape[-1] / maps.size)
    both: NDArray[np.float64] = (heat.max(1).astype(float) + mask.mean(1)) / 2
    return both


def _covered(found: Points, maps: Maps, mask: NDArray[np.float32], share: float, radius: float) -> Points:
    """Places (n, 3) with the mask's mean around each as a share of its score."""
    side = mask.shape[-1]
    cover = [disc_values(mask[None], maps.mask_xy(xy), radius * side).mean() for xy in found[:, :2]]
    score = (1 - share) * found[:, 2] + share * np.array(cover, float)
    return np.column_stack([found[:, :2], score])


def _pieces(maps: Maps, known: Points, terms: ProposeTerms) -> Points:
    """Centroids of connected bone that holds no known place, (n, 3)."""
    count, label, stats, centroids = cv2.connectedComponentsWithStats((maps.body > 0.5).astype(np.uint8))
    side = maps.masks.shape[-1]
    at = np.clip(np.round(maps.mask_xy(known[:, :2])).astype(int), 0, side - 1)
    taken = set(label[at[:, 1], at[:, 0]].tolist())
    smallest = (side * terms.blob_side) ** 2
    free = [k for k in range(1, count) if k not in taken and stats[k, cv2.CC_STAT_AREA] >= smallest]
    centres = rescale(centroids[free], side, maps.size).reshape(-1, 2)
    return np.column_stack([centres, np.full(len(free), terms.blob_score)])
