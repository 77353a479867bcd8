"""What plots of a row are drawn from, made of what it said of the test set: small, rounded, kept in ``docs/results``.

===============  ====================================================================================================
roc              osteoporosis told from the rest: ``false_share``, ``true_share``, ``auc``, ``n``, ``ill``
pr               the same, or boxes at IoU 0.5: ``recall``, ``precision``, ``average``, ``share`` of the positive ones
reliability      chance of osteoporosis as ``said`` and as ``seen``, and ``n``, in groups of equally many
confusion        ``counts``, true class by row, said class by column, in the order of ``reference.CATEGORIES``
agreement        ``true`` and ``said`` of the first items, ``unit``; ``bias`` and ``sd`` of said less true, of ``n``
===============  ====================================================================================================
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr
from sklearn.metrics import auc, average_precision_score, precision_recall_curve, roc_curve

from bmd.metrics import classes_of, confusion
from bmd.reference import CATEGORIES, OSTEOPOROSIS_FROM_T
from bmd.reproduction.plan import Columns

MOST, CURVE, GROUPS, LEAST_OF_GROUP = 400, 100, 10, 20
"""Items of a scatter, points of a curve, groups of a reliability plot at most; items of a group at least."""
AT_50 = 0
"""Place of IoU 0.5 among the thresholds of the column ``right``."""


def drawn(columns: Columns) -> dict[str, Any]:
    """Everything that plots of an outcome need, as far as its columns have it.

    Parameters
    ----------
    columns : mapping of ndarray
        Of an ``Outcome``: ``truth`` (n,) classes with ``share`` (n, 3); or ``t`` with ``t_said`` (n,) and perhaps
        ``t_spread``; or ``truth`` with ``said`` (n,) in g/cm2; or ``count``, ``scores`` and ``right`` of boxes.

    Returns
    -------
    dict
        Keys of the module's table; empty where nothing can be drawn.
    """
    if {"truth", "share"} <= set(columns):
        share = np.asarray(columns["share"], float)
        return _classes(columns["truth"], share.argmax(1), share[:, -1], chance=True)
    if {"t", "t_said"} <= set(columns):
        return _bodies(columns)
    if {"truth", "said"} <= set(columns):
        return {"agreement": _agreement(columns["truth"], columns["said"], "g_cm2", 3)}
    if {"count", "scores", "right"} <= set(columns):
        return _boxes(columns)
    return {}


def _bodies(columns: Columns) -> dict[str, Any]:
    said, spread = np.asarray(columns["t_said"], float), np.asarray(columns.get("t_spread", np.zeros(1)), float)
    chance = bool(np.isfinite(spread).all() and (spread > 0).all())
    low = ndtr((OSTEOPOROSIS_FROM_T - said) / spread) if chance else -said
    found = _classes(classes_of(columns["t"]), classes_of(said), low, chance)
    return found | {"agreement": _agreement(columns["t"], said, "t", 2)}


def _classes(truth: ArrayLike, said: ArrayLike, score: NDArray[Any], chance: bool) -> dict[str, Any]:
    """Curves of the last class by ``score``, which is its chance or only an order."""
    truth = np.asarray(truth, int)
    found: dict[str, Any] = {"confusion": {"counts": confusion(truth, said).tolist()}}
    ill = truth == CATEGORIES.index("osteoporosis")
    if 0 < ill.sum() < len(ill):
        found |= {"roc": _roc(ill, score), "pr": _pr(ill, score)}
    if chance and len(truth) >= 2 * LEAST_OF_GROUP:
        found["reliability"] = _reliability(ill, score)
    return found


def _roc(ill: NDArray[np.bool_], score: NDArray[Any]) -> dict[str, Any]:
    false, true, _ = roc_curve(ill, score)
    keep = _thin(len(false))
    counts = {"auc": round(float(auc(false, true)), 3), "n": len(ill), "ill": int(ill.sum())}
    return {"false_share": _short(false[keep]), "true_share": _short(true[keep]), **counts}


def _pr(positive: NDArray[np.bool_], score: NDArray[Any], count: int | None = None) -> dict[str, Any]:
    """``count`` of what there was to find, where what was not found has no score."""
    precision, recall, _ = precision_recall_curve(positive, score)
    average, there = float(average_precision_score(positive, score)), int(positive.sum())
    reached = 1.0 if count is None else there / max(1, count)
    keep = _thin(len(recall))
    curve = {"recall": _short(reached * recall[keep]), "precision": _short(precision[keep])}
    of = {"n": len(positive)} if count is None else {"n": count}
    share = {"share": round(there / len(positive), 3)} if count is None else {}
    return {**curve, "average": round(reached * average, 3), **of, **share}


def _reliability(ill: NDArray[np.bool_], chance: NDArray[Any]) -> dict[str, Any]:
    groups = np.array_split(np.argsort(chance, kind="stable"), min(GROUPS, len(ill) // LEAST_OF_GROUP))
    said, seen = ([float(np.mean(values[rows])) for rows in groups] for values in (chance, ill))
    return {"said": _short(said), "seen": _short(seen), "n": [len(rows) for rows in groups]}


def _agreement(truth: ArrayLike, said: ArrayLike, unit: str, digits: int) -> dict[str, Any]:
    """Bias and limits are of all items, the scatter of the first ones (Bland & Altman 1986)."""
    truth, said = np.asarray(truth, float), np.asarray(said, float)
    apart = said - truth
    two = {"true": _short(truth[:MOST], digits), "said": _short(said[:MOST], digits), "unit": unit, "n": len(truth)}
    return {**two, "bias": round(float(apart.mean()), 3), "sd": round(float(apart.std(ddof=1)), 3)}


def _boxes(columns: Columns) -> dict[str, Any]:
    """Boxes of all classes together, right where they overlap a true one of their class by half."""
    there = np.isfinite(columns["scores"])
    right = np.asarray(columns["right"])[..., AT_50][there]
    if not right.any():
        return {}
    return {"pr": _pr(right, np.asarray(columns["scores"])[there], int(np.sum(columns["count"])))}


def _thin(count: int) -> NDArray[np.int64]:
    return np.unique(np.linspace(0, count - 1, min(count, CURVE)).round().astype(np.int64))


def _short(values: ArrayLike, digits: int = 3) -> list[float]:
    return [round(float(value), digits) for value in np.asarray(values)]
