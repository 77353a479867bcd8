"""Fit what tells a DXA image from a film: ``python -m bmd.evaluation.route DXA_SHARDS FILM_SHARDS [FILM_SHARDS ...]``.

Film shards hold films from the side and from the front (tag "ap"), both are needed. A fifth of each is held out.
"""

from __future__ import annotations

import logging
import sys

import numpy as np
from numpy.typing import NDArray

from bmd.evaluation.view import content, fit
from bmd.inference.route import LEAST_LOGIT, WEIGHTS, route_features
from bmd.simulator.shards import read_shards

MOST = 500
LEAST = 0.7
"""Random parts of a picture have at least this share of its sides."""
log = logging.getLogger(__name__)


def examples(squares: NDArray, seed: int) -> NDArray:
    """Features (2 n, k) of whole pictures and of random parts of them."""
    rng = np.random.default_rng(seed)
    rows = []
    for square in squares:
        film = content(square)
        height, width = film.shape
        h, w = (round(side * rng.uniform(LEAST, 1)) for side in (height, width))
        top, left = rng.integers(height - h + 1), rng.integers(width - w + 1)
        rows += [route_features(film), route_features(np.ascontiguousarray(film[top : top + h, left : left + w]))]
    return np.stack(rows)


def main(words: list[str]) -> int:
    """Fit on four fifths, say how many of the rest are right, write the numbers; returns the exit status."""
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stdout)
    scans = read_shards(words[0], MOST)
    dxa = scans["image"][[bool(labels.any()) for labels in scans["labels"]]]
    sideways, frontal = [], []
    for folder in words[1:]:
        films = read_shards(folder)
        front = np.array(["ap" in tags.split(",") for tags in films["tags"]])
        sideways.append(films["image"][~front][:MOST])
        frontal.append(films["image"][front][:MOST])
    groups = [dxa, np.concatenate(sideways)[:MOST], np.concatenate(frontal)[:MOST]]
    seen = [examples(group, k) for k, group in enumerate(groups)]
    cuts = [int(0.8 * len(x)) for x in seen]
    films_fit = np.concatenate([x[:cut] for x, cut in zip(seen[1:], cuts[1:], strict=True)])
    weights, bias = fit(films_fit, seen[0][: cuts[0]])
    for name, x, cut in zip(("DXA", "side", "front"), seen, cuts, strict=True):
        values = x[cut:] @ weights + bias
        log.info("%s: %d held out, %.3f taken for DXA", name, len(values), float((values > LEAST_LOGIT).mean()))
    np.savez_compressed(WEIGHTS, weights=weights.astype(np.float16), bias=bias)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
