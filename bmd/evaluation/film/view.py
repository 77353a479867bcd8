"""Fit the view test of the gate: ``python -m bmd evaluate view --data LATERAL_SHARDS --ap FRONTAL_SHARDS``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bmd.evaluation.logistic import ridge_logistic
from bmd.inference.engine import Engine, default_engine
from bmd.inference.film.view import WEIGHTS, view_features, witnesses
from bmd.inference.spine.localise import localise
from bmd.simulator.shards.film import read_shards

MOST, WITNESSED = 1500, 240
"""Films of each kind used for the picture and, of the held-out fifth, for the localiser."""
RIDGE = 0.03
"""Weight of the squared length of the (standardised) weights; chosen on held-out simulated films."""
LEAST = 0.6
"""Smallest share of a film's width and height that a training picture shows."""


def content(square: NDArray[np.uint8]) -> NDArray[np.float32]:
    """A shard's square picture without its black letterbox, float32 in 0..1."""
    rows, columns = np.nonzero(square.any(1))[0], np.nonzero(square.any(0))[0]
    return square[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].astype(np.float32) / np.float32(255)


def examples(
    squares: NDArray[np.float64],
    seed: int,
    features: Callable[[NDArray[np.float32]], NDArray[np.floating]] = view_features,
    least: float = LEAST,
) -> NDArray[np.float64]:
    """Features (2 n, k) of whole pictures and of random parts of them."""
    rng = np.random.default_rng(seed)
    rows = []
    for square in squares:
        film = content(square)
        height, width = film.shape
        h, w = (round(side * rng.uniform(least, 1)) for side in (height, width))
        top, left = rng.integers(height - h + 1), rng.integers(width - w + 1)
        rows += [features(film), features(np.ascontiguousarray(film[top : top + h, left : left + w]))]
    return np.stack(rows)


def fit(
    side: NDArray[np.float64], front: NDArray[np.float64], ridge: float = RIDGE
) -> tuple[NDArray[np.float64], float]:
    """Ridge logistic regression, classes weighted equally: weights (k,) and bias for the features as they are."""
    x = np.concatenate([side, front]).astype(np.float64)
    y = np.repeat([0, 1], [len(side), len(front)])
    weight = np.repeat([0.5 / len(side), 0.5 / len(front)], [len(side), len(front)])
    mean, spread = x.mean(0), x.std(0) + 1e-3
    z = (x - mean) / spread

    model = ridge_logistic(z, y, ridge, weight)
    best = model.coef_[0] / spread
    return best, float(model.intercept_[0] - (best * mean).sum())


def fit_view(lateral: str, frontal: str) -> dict[str, Any]:
    """Fit both stages on four fifths and one fifth of the films, say how well, write the numbers.

    Returns
    -------
    dict
        For "side" and "front" the percentiles 1 10 50 90 99 of the log odds of a front view on films that were not
        used for the fit: ``picture`` alone and ``joint`` with the localiser. ``borders`` and the ``joint`` weights.
    """
    films = [read_shards(folder, MOST)["image"] for folder in (lateral, frontal)]
    cuts = [int(0.8 * len(x)) for x in films]
    side, front = (examples(x[:cut], seed) for seed, (x, cut) in enumerate(zip(films, cuts, strict=True)))
    weights, bias = fit(side, front)
    weights, engine = weights.astype(np.float16), default_engine()
    seen = [heard(x[cut:], weights.astype(float), bias, engine) for x, cut in zip(films, cuts, strict=True)]
    joint, joint_bias = fit(seen[0][::2], seen[1][::2])
    both = [held[1::2] @ joint + joint_bias for held in seen]
    limits = borders(*(held[:, 0] for held in seen), *both)
    np.savez_compressed(WEIGHTS, weights=weights, bias=bias, joint_weights=joint, joint_bias=joint_bias, borders=limits)
    found = {
        name: {"picture": _percentiles(held[:, 0]), "joint": _percentiles(odds)}
        for name, held, odds in zip(("side", "front"), seen, both, strict=True)
    }
    return found | {"borders": np.round(limits, 2).tolist(), "joint": np.round(joint, 2).tolist()}


def borders(
    side: NDArray[np.float64],
    front: NDArray[np.float64],
    joint_side: NDArray[np.float64],
    joint_front: NDArray[np.float64],
) -> NDArray[np.float64]:
    """The gate's three log odds, (3,), from simulated films alone; see ``inference.film.view.borders``.

    Both witnesses together part the simulated views with a gap; the border lies in its middle, as far as can be from
    either kind. This rule was chosen after real films of both kinds were seen to lie closer together than these.
    """
    middle = (np.percentile(joint_side, 99) + np.percentile(joint_front, 1)) / 2
    return np.array([middle, np.percentile(front, 1), np.percentile(side, 99)])


def heard(squares: NDArray[np.uint8], weights: NDArray[np.float64], bias: float, engine: Engine) -> NDArray[np.float64]:
    """What both witnesses say of films, (n, 6) as ``inference.film.view.witnesses``."""
    rows = []
    for square in squares[:WITNESSED]:
        film = content(square)
        rows.append(witnesses(float(view_features(film) @ weights + bias), localise(film, engine).decoded))
    return np.stack(rows)


def _percentiles(values: NDArray[np.floating]) -> list[float]:
    return [round(float(v), 1) for v in np.percentile(values, (1, 10, 50, 90, 99))]
