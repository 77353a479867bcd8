"""Numbers beside every heat map: how much of it lies on the bone, and whether it needs the trained weights at all."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Heat: TypeAlias = NDArray[np.floating]


def numbers(heat: Heat, random: Iterable[Heat], inside: NDArray[np.bool_]) -> dict[str, float]:
    """The numbers of one map.

    Parameters
    ----------
    heat : ndarray
        (h, w), not negative.
    random : iterable of ndarray
        Maps (h, w) of the same picture by randomised networks.
    inside : ndarray
        bool (h, w): the bone.

    Returns
    -------
    dict
        ``inside_share``: share of the heat in the bone; ``area_share``: what an even map would have;
        ``random_correlation``: mean ``correlation`` with the random maps. To 0.001.
    """
    return {
        "inside_share": round(mask_share(heat, inside), 3),
        "area_share": round(float(inside.mean()), 3),
        "random_correlation": round(float(np.mean([correlation(heat, one) for one in random])), 3),
    }


def mask_share(heat: Heat, mask: NDArray[np.bool_]) -> float:
    """Share of the heat (h, w) in a boolean mask of the same shape, 0..1; 0 for a map without heat."""
    total = float(heat.sum())
    return float(heat[mask].sum()) / total if total > 0 else 0.0


def correlation(one: Heat, other: Heat) -> float:
    """Pearson correlation of two maps of the same shape; 0 when one of them is flat.

    Between the map of the trained and of a randomised network: near 1 means that the map shows the picture rather
    than what the network has learnt (Adebayo et al. 2018, Sanity checks for saliency maps).
    """
    a, b = one.ravel() - one.mean(), other.ravel() - other.mean()
    size = float(np.sqrt((a * a).sum() * (b * b).sum()))
    return float((a * b).sum() / size) if size > 1e-12 else 0.0
