"""Fit what tells a DXA image from a film.

``python -m bmd evaluate route --dxa DXA_SHARDS --data LATERAL_SHARDS --ap FRONTAL_SHARDS``.
A fifth of each is held out.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from bmd.evaluation.film.view import examples, fit
from bmd.inference.film.route import LEAST_LOGIT, WEIGHTS, route_features
from bmd.simulator.shards.film import read_shards

MOST = 500
LEAST = 0.7
"""Random parts of a picture have at least this share of its sides."""


def fit_route(scans: str, films: Sequence[str]) -> dict[str, Any]:
    """Fit on four fifths, measure on the rest, write the numbers.

    Parameters
    ----------
    scans : str
        Shards of DXA images.
    films : sequence of str
        Folders of film shards that together hold views from the side and from the front (tag "ap").

    Returns
    -------
    dict
        For "dxa", "side" and "front" the number held out and the share taken for DXA.
    """
    found = read_shards(scans, MOST)
    dxa = found["image"][[bool(labels.any()) for labels in found["labels"]]]
    sideways, frontal = [], []
    for folder in films:
        some = read_shards(folder)
        front = np.array(["ap" in tags.split(",") for tags in some["tags"]])
        sideways.append(some["image"][~front][:MOST])
        frontal.append(some["image"][front][:MOST])
    groups = [dxa, np.concatenate(sideways)[:MOST], np.concatenate(frontal)[:MOST]]
    seen = [examples(group, k, route_features, LEAST) for k, group in enumerate(groups)]
    cuts = [int(0.8 * len(x)) for x in seen]
    films_fit = np.concatenate([x[:cut] for x, cut in zip(seen[1:], cuts[1:], strict=True)])
    weights, bias = fit(films_fit, seen[0][: cuts[0]])
    np.savez_compressed(WEIGHTS, weights=weights.astype(np.float16), bias=bias)
    odds = [x[cut:] @ weights + bias for x, cut in zip(seen, cuts, strict=True)]
    taken = [{"n": len(values), "taken_for_dxa": round(float((values > LEAST_LOGIT).mean()), 3)} for values in odds]
    return dict(zip(("dxa", "side", "front"), taken, strict=True))
