"""Whether outlines L1-L4 can be a column of vertebrae: sizes that change little, one below the other, no overlap."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations, pairwise

import numpy as np

from bmd.geometry import filled
from bmd.inference.dxa.densitometry import SPINE
from bmd.types import Vertebra

AREA_RATIO = 2.0
"""Largest area of a region over that of its neighbour. Areas grow by 7 % a level (NHANES: 12.4, 13.3, 14.4, 15.8 cm2 in
women); among the true regions of 1,000 simulated scans, fractures and curves among them, the largest ratio is 1.6."""
ASIDE = 0.6
"""Furthest that a region's middle may lie to the side of its neighbour's, of their width; simulated: at most .40."""
APART = 1.6
"""Most that a distance between neighbours' middles may differ from the median of all, as a factor; simulated: 1.4."""
OVERLAP = 0.1
"""Largest share of a region that another one covers."""


def absurd(vertebrae: Sequence[Vertebra], shape: tuple[int, int]) -> bool:
    """Whether the regions among L1-L4, cranial first, cannot be neighbouring vertebrae of one spine.

    Parameters
    ----------
    vertebrae : sequence of Vertebra
        Outlines in pixels of the picture.
    shape : tuple of int
        Height and width of the picture.
    """
    spine = [v for v in vertebrae if v.level in SPINE]
    masks = [filled(v.contour_px, shape) for v in spine]
    if len(spine) < 2 or not all(mask.any() for mask in masks):
        return bool(spine) and not all(mask.any() for mask in masks)
    areas = np.array([mask.sum() for mask in masks], float)
    wide = np.array([v.box_px[2] - v.box_px[0] for v in spine])
    middles = np.array([np.argwhere(mask).mean(0)[::-1] for mask in masks])
    places = np.array([SPINE.index(str(v.level)) for v in spine])
    steps = np.linalg.norm(np.diff(middles, axis=0), axis=1) / np.diff(places)
    for k, j in pairwise(range(len(spine))):
        if places[j] - places[k] > 1:
            continue
        if max(areas[k], areas[j]) > AREA_RATIO * min(areas[k], areas[j]):
            return True
        if abs(middles[j, 0] - middles[k, 0]) > ASIDE * max(wide[k], wide[j]):
            return True
    if steps.max() > APART * float(np.median(steps)) or steps.min() * APART < float(np.median(steps)):
        return True
    return any((one & other).sum() > OVERLAP * min(one.sum(), other.sum()) for one, other in combinations(masks, 2))
