"""Whether a vertebral body on a film is so low against its neighbours that it may be fractured.

An outline from a network is smooth: it hardly shows a wedge within a body (docs/decisions/0032). It does show that a
body is lower than both of its neighbours. That is said of L1-L4 where the outline is clear, both neighbours are whole
and the names are certain; where nothing is said, nothing was ruled out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bmd.findings import Finding, warning
from bmd.reference import DENSITY_LEVELS
from bmd.types import Vertebra

Points = NDArray[np.floating[Any]]

LOSS = 0.20
"""Loss of height in front or in the middle, against the mean of both neighbours, from which a body counts as low
(Genant 1993, J Bone Miner Res 8:1137: a fracture begins at 20 %)."""
LOSS_BESIDE = 0.13
"""The same against the lower of the two, so that one neighbour drawn too high decides nothing: 3 SD of healthy bodies
(Eastell 1991, J Bone Miner Res 6:207), where 1 SD is 4.2 % (computed: 3,191 people of NHANES 2013-14)."""
CLEAR = 0.8
"""Least score of an outline that is judged. Of simulated films."""
ACROSS = np.linspace(0.1, 0.9, 17)
"""Where heights are taken, as shares of the depth from back to front."""
STEP = 0.05
"""A loss is said to this step: an outline tells no more."""


@dataclass(frozen=True)
class Low:
    """How much lower one body is than its neighbours; shares, negative where it is higher.

    Attributes
    ----------
    level : str
        L1-L4.
    front, middle : float
        Loss of height against the mean of both neighbours.
    beside : float
        The greater of the two losses against the lower neighbour.
    """

    level: str
    front: float
    middle: float
    beside: float

    @property
    def said(self) -> bool:
        """Whether the body is low enough to be said."""
        return max(self.front, self.middle) >= LOSS and self.beside >= LOSS_BESIDE


def heights(outline: Points, corners: Points) -> NDArray[np.float64]:
    """Mean heights of the front, middle and back third of a body.

    Parameters
    ----------
    outline : ndarray
        (n, 2), closed implicitly.
    corners : ndarray
        (4, 2) as ``Vertebra.corners_px``: they say where front and top are.

    Returns
    -------
    ndarray
        (3,) in pixels; NaN for an outline without extent.
    """
    line, quad = np.asarray(outline, float), np.asarray(corners, float)
    forward = (quad[1] + quad[2] - quad[0] - quad[3]) / 2
    forward = forward / max(float(np.linalg.norm(forward)), 1e-9)
    up = np.array([forward[1], -forward[0]])
    closed = np.vstack([line, line[:1]])
    x, y = closed @ forward, closed @ up
    places = x.min() + ACROSS * np.ptp(x)
    found = np.array([_height(x, y, float(place)) for place in places])
    return np.array([found[11:16].mean(), found[6:11].mean(), found[1:6].mean()])


def _height(x: Points, y: Points, place: float) -> float:
    """Extent of a closed line along y where it crosses ``place``; NaN where it does not."""
    k = np.flatnonzero((x[:-1] - place) * (x[1:] - place) <= 0)
    if len(k) < 2:
        return float("nan")
    step = np.where(x[k + 1] == x[k], 1.0, x[k + 1] - x[k])
    crossed = y[k] + (y[k + 1] - y[k]) * (place - x[k]) / step
    return float(np.ptp(crossed))


def judged(vertebrae: Sequence[Vertebra], skip: frozenset[str] = frozenset()) -> tuple[Low, ...]:
    """Bodies of L1-L4 that can be judged: clear themselves, between two whole neighbours.

    Parameters
    ----------
    vertebrae : sequence of Vertebra
        Cranial to caudal, named for certain.
    skip : frozenset of str
        Levels that are cut off, doubted or under metal.
    """
    whole = [v if v.corners_px is not None and v.level not in skip else None for v in vertebrae]
    sizes = [None if v is None or v.corners_px is None else heights(v.contour_px, v.corners_px) for v in whole]
    found = []
    for k in range(1, len(vertebrae) - 1):
        body, (above, own, below) = vertebrae[k], sizes[k - 1 : k + 2]
        if above is None or own is None or below is None or body.level is None:
            continue
        if body.level in DENSITY_LEVELS and body.score >= CLEAR and _apart(vertebrae[k - 1 : k + 2]):
            found.append(_low(body.level, own, np.stack([above, below])))
    return tuple(one for one in found if np.isfinite([one.front, one.middle, one.beside]).all())


def _low(level: str, own: NDArray[np.float64], beside: NDArray[np.float64]) -> Low:
    front, middle, _ = 1 - own / beside.mean(0)
    return Low(level, float(front), float(middle), float((1 - own / beside.min(0))[:2].max()))


def _apart(three: Sequence[Vertebra]) -> bool:
    """Whether these stand below each other without a gap: each centre lies below the last, at about the same step."""
    centres = [np.mean(np.asarray(v.corners_px, float), 0) for v in three]
    first, second = (float(np.linalg.norm(b - a)) for a, b in pairwise(centres))
    return 2 * min(first, second) > max(first, second)


def low_bodies(vertebrae: Sequence[Vertebra], skip: frozenset[str] = frozenset()) -> tuple[Finding, ...]:
    """What is said of the bodies that are lower than their neighbours; see ``judged``."""
    return tuple(_said(one) for one in judged(vertebrae, skip) if one.said)


def _said(low: Low) -> Finding:
    """In front, in the middle, or both; the loss in steps of 5 %."""
    loss = max(low.front, low.middle)
    both = min(low.front, low.middle) >= LOSS
    where = "film.low_body" if both else "film.low_front" if low.front >= low.middle else "film.low_middle"
    return warning(where, level=low.level, loss=round(STEP * round(loss / STEP), 2))
