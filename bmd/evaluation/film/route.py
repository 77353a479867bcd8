"""Fit what tells a DXA image from a film.

``python -m bmd.evaluation.film.route DXA_SHARDS FILM_SHARDS [FILM_SHARDS ...]``.

Film shards hold films from the side and from the front (tag "ap"), both are needed. A fifth of each is held out.
"""

from __future__ import annotations

import logging
import sys

import numpy as np

from bmd.evaluation.film.view import examples, fit
from bmd.inference.film.route import LEAST_LOGIT, WEIGHTS, route_features
from bmd.simulator.shards.film import read_shards

MOST = 500
LEAST = 0.7
"""Random parts of a picture have at least this share of its sides."""
log = logging.getLogger(__name__)


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
    seen = [examples(group, k, route_features, LEAST) for k, group in enumerate(groups)]
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
