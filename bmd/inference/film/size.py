"""Whether the vertebrae of a film have pixels enough to be named and measured.

The bounds are measured on 48 simulated films of 1,000 rows, reduced to 400 to 60 pixels (``python -m bmd evaluate
robustness --perturbation reduced_200``): where bodies were 16 pixels high or more (120 answers) every name stayed as on
the whole film and no T-score moved by more than 0.1. Of 155 answers between 8 and 16 pixels, 3 were certain of a wrong
name and T moved by up to 0.6; below 8 pixels (69 answers) 3 were refused and 6 lost or renamed bodies.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bmd.findings import Finding, refusal, warning
from bmd.types import Vertebra

FEW_PX = 16.0
"""Bodies less high than this are warned of."""
LEAST_PX = 8.0
"""Bodies less high than this are not measured."""


def body_px(vertebrae: Sequence[Vertebra]) -> float | None:
    """Median height of the bodies, pixels; None where there are none."""
    heights = [_height(one) for one in vertebrae]
    return float(np.median(heights)) if heights else None


def _height(one: Vertebra) -> float:
    """From the middle of the upper end plate to that of the lower one; of its box where it has no corners."""
    if one.corners_px is None:
        return float(one.box_px[3] - one.box_px[1])
    corners = np.asarray(one.corners_px, np.float64)
    return float(np.linalg.norm(corners[:2].mean(0) - corners[2:].mean(0)))


def too_small(vertebrae: Sequence[Vertebra]) -> tuple[Finding, ...]:
    """The refusal of a film whose bodies are too small to be told apart."""
    height = body_px(vertebrae)
    if height is None or height >= LEAST_PX:
        return ()
    return (refusal("film.bodies_too_small", px=height, least_px=LEAST_PX),)


def few_pixels(vertebrae: Sequence[Vertebra]) -> tuple[Finding, ...]:
    """The warning of a film whose bodies are small."""
    height = body_px(vertebrae)
    if height is None or height >= FEW_PX:
        return ()
    return (warning("film.few_pixels", px=height, least_px=FEW_PX),)
