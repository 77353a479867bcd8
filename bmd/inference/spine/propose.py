"""Step 1, propose: where a vertebral body may be, whichever localiser says so.

What a localiser saw is reduced here to places with evidence; chain and names know nothing else of it.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from bmd.inference.spine.maps import ANY, BODY, S1, Maps, Points, disc_values, peaks, rescale
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
    found = _placed(peaks(maps.centres[ANY], terms.peak, terms.peak_radius), maps)
    spacing = spacing_of(found, terms.single * maps.size)
    points = np.concatenate([found[:, :2], _pieces(maps, found[:, :2], terms.piece)])
    seen = [evidence(maps, xy, terms.reach * spacing) for xy in points]
    scores, levels = np.array([body for body, _ in seen]), np.array([level for _, level in seen]).reshape(-1, S1 + 1)
    order = np.argsort(-scores, kind="stable")[: terms.most]
    sacra = _placed(peaks(maps.centres[S1], terms.peak, terms.peak_radius), maps)
    sacra[:, 2] = [evidence(maps, xy, terms.reach * spacing)[1][S1] for xy in sacra[:, :2]]
    return Proposals(points[order], scores[order], levels[order], spacing, sacra, maps.content)


def _placed(found: Points, maps: Maps) -> Points:
    """Peaks (n, 3) of a centre map in frame pixels."""
    return np.column_stack([rescale(found[:, :2], maps.centres.shape[-1], maps.size), found[:, 2]])


def spacing_of(found: Points, single: float) -> float:
    """Median distance of the clearer places (n, 3) to their nearest neighbours; ``single`` where there are no two."""
    strong = found[found[:, 2] >= 0.5 * found[:, 2].max(initial=0), :2]
    if len(strong) < 2:
        return single
    gaps = np.linalg.norm(strong[:, None] - strong[None], axis=2)
    np.fill_diagonal(gaps, np.inf)
    return float(np.median(gaps.min(1)))


def evidence(maps: Maps, xy: Points, radius: float) -> tuple[float, NDArray[np.float64]]:
    """How probable a body at a place is, and each of the nine levels: mean of the largest heat and the mean mask.

    Parameters
    ----------
    maps : Maps
        Probabilities.
    xy : ndarray
        (2,) frame pixels.
    radius : float
        How far around it, frame pixels.

    Returns
    -------
    float, ndarray
        0..1 and (9,) in 0..1.
    """
    heat = disc_values(maps.centres, maps.centre_xy(xy), radius * maps.centres.shape[-1] / maps.size).max(1)
    mask = disc_values(maps.masks, maps.mask_xy(xy), radius * maps.masks.shape[-1] / maps.size).mean(1)
    body = float(max(heat[ANY], heat[:S1].max())) + float(mask[BODY].sum())
    return body / 2, (heat[: S1 + 1].astype(float) + mask[1:]) / 2


def _pieces(maps: Maps, known: Points, piece: float) -> Points:
    """Centroids of connected bone that holds no known place, (n, 2)."""
    count, label, stats, centroids = cv2.connectedComponentsWithStats((maps.body > 0.5).astype(np.uint8))
    side = maps.masks.shape[-1]
    at = np.clip(np.round(maps.mask_xy(known)).astype(int), 0, side - 1)
    taken = set(label[at[:, 1], at[:, 0]].tolist())
    free = [k for k in range(1, count) if k not in taken and stats[k, cv2.CC_STAT_AREA] >= (side * piece) ** 2]
    return rescale(centroids[free], side, maps.size).reshape(-1, 2)
