"""Step 5, trust: how probable it is that all names are right, and where the picture shows metal.

What speaks for and against the names is put into one probability by a logistic regression, fitted on simulated films
with everything drawn that films suffer (``evaluation.spine.trust``); its numbers stand in the localiser's metadata.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from bmd.geometry import filled
from bmd.inference.spine.maps import S1, Maps, Points, rescale
from bmd.inference.spine.naming import Named

CLUES = ("odds", "sacrum", "doubt", "lowest", "weakest", "mean", "bodies", "holes", "below", "beside", "agree", "all")
"""What is judged by: log odds of the naming, evidence of the sacrum in its place, mean entropy of the level on bone,
score of the lowest body, of the weakest and of all on average, their number, bodies missing between them, levels
missing above the sacrum, whether a second spine lies beside; share of the looks that give the same names, whether all
do."""
SURE = 1e-3
"""The naming counts as at most so nearly certain: beyond, the softmax is sure of itself and not of the film."""


def clues(named: Named, doubt: float, agree: float) -> dict[str, float]:
    """What the names are judged by, keys as ``CLUES``.

    Parameters
    ----------
    named : Named
        A chain with names.
    doubt : float
        ``decode.doubt`` of its maps, nats.
    agree : float
        Share 0..1 of the looks, and of their views, that give the same names.
    """
    scores = np.array(named.scores) if named.scores else np.zeros(1)
    slots = named.chain.slots
    holes = float(slots[-1] - slots[0] + 1 - len(slots)) if len(slots) else 0.0
    values = (
        float(logit(np.clip(named.posterior, SURE, 1 - SURE))),
        named.sacrum,
        doubt,
        float(scores[0]),
        float(scores.min()),
        float(scores.mean()),
        float(min(len(named.levels), S1)),
        holes,
        float(named.below),
        float(named.chain.others > 0),
        agree,
        float(agree >= 1),
    )
    return dict(zip(CLUES, values, strict=True))


def probability(found: Mapping[str, float], numbers: Mapping[str, Any]) -> float:
    """Probability 0..1 that all names are right, from clues and the numbers of the regression."""
    weights: Mapping[str, float] = numbers["weights"]
    return float(expit(numbers["offset"] + sum(weights[key] * found[key] for key in CLUES)))


def clearest(heat: NDArray[np.float32], pixels: float) -> float:
    """Mean of the highest values of a map on ``pixels`` of its pixels, at least one."""
    count = int(np.clip(round(pixels), 1, heat.size))
    return float(np.partition(heat.ravel(), heat.size - count)[-count:].mean())


def metal_seen(maps: Maps, unit: float, area: float) -> float:
    """How clearly a frame shows metal, 0..1: the mean probability on its clearest spot of some size.

    Parameters
    ----------
    maps : Maps
        Probabilities.
    unit : float
        Distance of neighbouring bodies, frame pixels.
    area : float
        Size of the spot, squares of that distance.
    """
    if maps.metal is None:
        return 0.0
    return clearest(maps.metal, area * (unit * maps.metal.shape[-1] / maps.size) ** 2)


def metal_on(maps: Maps, outline: Points) -> float:
    """Mean probability of metal inside an outline (n, 2) in frame pixels, 0..1."""
    if maps.metal is None:
        return 0.0
    inside = filled(rescale(outline, maps.size, maps.metal.shape[-1]), maps.metal.shape)
    return float(maps.metal[inside].mean()) if inside.any() else 0.0
