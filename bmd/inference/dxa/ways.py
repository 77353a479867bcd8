"""Which way round a DXA image is: bone bright or dark, head up or down, told by where a spine is found.

A network that was shown simulated scans the right way round, and the same as negatives, upside down and on their side
with nothing to find in them, looks at a picture four ways; the way in which it finds a lumbar spine is the right one.
Left and right cannot be told: a lumbar spine and its mirror image look alike, and letters at the side are the
console's, not the patient's.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

from bmd.inference.dxa.densitometry import SPINE
from bmd.inference.dxa.regions import Regions, regions_of
from bmd.inference.run import Networks
from bmd.inputs.dxa import Way, region_input
from bmd.reference import LEVELS
from bmd.types import Vertebra

ROLE = "dxa_way"
LEAST_MARGIN = math.log(10)
"""By how much the log odds of a spine must be better this way than any other: ten to one. Of 300 simulated scans that
were held out all were told right, nearly all by far more."""
COLUMN = 0.09
"""Share of a picture that a lumbar column takes at least: the odds are averaged over so many of its likeliest cells."""
NAMED = slice(2, len(LEVELS))
"""Channels of T11-L5 in the network's masks."""


@dataclass(frozen=True, eq=False)
class Looked:
    """Which way a picture is to be read.

    Attributes
    ----------
    way : Way
        The likeliest.
    margin : float
        Log odds of a spine in the likeliest way less those of the next.
    named : Regions
        What the network names in the picture turned this way, in pixels of that.
    """

    way: Way
    margin: float
    named: Regions

    @property
    def clear(self) -> bool:
        """Whether it could be told."""
        return self.margin >= LEAST_MARGIN


AS_IT_IS = Way()
WAYS = (AS_IT_IS, Way(dark=True), Way(down=True), Way(dark=True, down=True))


def back(found: Regions, way: Way, height: int) -> Regions:
    """Regions found in the turned picture as they lie in the one that came, ``height`` rows high."""
    return replace(found, vertebrae=tuple(_upright(v, height) for v in found.vertebrae)) if way.down else found


def _upright(vertebra: Vertebra, height: int) -> Vertebra:
    x1, y1, x2, y2 = vertebra.box_px
    last = height - 1
    contour = np.asarray(vertebra.contour_px) * (1, -1) + (0, last)
    return replace(vertebra, box_px=(x1, last - y2, x2, last - y1), contour_px=contour.astype(np.float32))


def best_way(pixels: NDArray[np.float32], networks: Networks) -> Looked:
    """The way in which a picture is likeliest to hold a spine.

    Parameters
    ----------
    pixels : ndarray
        float32 (H, W) in 0..1.
    networks : Networks
        Runs the network of the role "dxa_way" on the picture, turned every way, and the mirror images.

    Returns
    -------
    Looked
    """
    views, placements = zip(*(region_input(way.turn(pixels)) for way in WAYS), strict=True)
    logits = networks.run(ROLE, np.stack([*views, *(view[..., ::-1] for view in views)]))["masks"]
    odds = odds_of_spine(logits).reshape(2, len(WAYS)).mean(0)
    order = np.argsort(-odds, kind="stable")
    margin = float(odds[order[0]] - odds[order[1]])
    best = int(order[0])
    return Looked(WAYS[best], margin, regions_of(logits[best :: len(WAYS)], placements[best]))


def odds_of_spine(logits: NDArray[np.floating]) -> NDArray[np.float64]:
    """Log odds (N,) of a named region against nothing, mean over the likeliest cells, of logits (N, 10, h, w)."""
    cells = (logsumexp(logits[:, NAMED], axis=1) - logits[:, 0]).reshape(len(logits), -1)
    count = max(1, round(COLUMN * cells.shape[1]))
    return np.asarray(np.partition(cells, -count, axis=1)[:, -count:].mean(1), np.float64)


def agree(one: Regions, other: Regions) -> bool:
    """Whether two networks give every region of L1-L4 of the first the same name: middles within half a region."""
    places = {v.level: v.box_px for v in other.vertebrae}
    for v in one.vertebrae:
        if v.level not in SPINE:
            continue
        if v.level not in places:
            return False
        (_, top, _, low), (_, other_top, _, other_low) = v.box_px, places[v.level]
        if abs(top + low - other_top - other_low) > low - top:
            return False
    return True
