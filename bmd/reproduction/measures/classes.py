"""Figures of class probabilities: columns ``truth`` (n,) 0..2, ``share`` (n, 3), ``t`` (n,) the T-score behind it."""

from __future__ import annotations

from itertools import combinations

import numpy as np

from bmd.metrics import auc, classification, macro_auc
from bmd.reference import CATEGORIES
from bmd.reproduction.plan import Columns, Figure


def _figure(name: str) -> Figure:
    return lambda columns: classification(columns["truth"], columns["share"].argmax(1))[name]


def macro(columns: Columns) -> float:
    """Mean over the classes of one-against-rest AUC."""
    return macro_auc(columns["truth"], columns["share"])


def percent_right(columns: Columns) -> float:
    """Accuracy in percent."""
    return float(100 * (columns["truth"] == columns["share"].argmax(1)).mean())


def percent_right_of(category: int) -> Figure:
    """Accuracy in percent among those of one class."""

    def of(columns: Columns) -> float:
        mine = columns["truth"] == category
        return float(100 * (columns["share"][mine].argmax(1) == category).mean()) if mine.any() else float("nan")

    return of


FRACTIONS: dict[str, Figure] = {
    name: _figure(name) for name in ("accuracy", "sensitivity", "specificity", "precision", "f1")
} | {"auc": macro}
"""As Ha et al. print them: means over the classes, one against rest."""
PERCENT: dict[str, Figure] = {"accuracy": percent_right}
"""As Choi et al. print it."""
BY_CLASS: dict[str, Figure] = PERCENT | {f"accuracy_{name}": percent_right_of(k) for k, name in enumerate(CATEGORIES)}


def pair_figures(low: int, high: int) -> dict[str, Figure]:
    """Accuracy and AUC among the items of two classes, by the share of ``high`` of both."""

    def both(columns: Columns) -> tuple[np.ndarray, np.ndarray]:
        mine = np.isin(columns["truth"], (low, high))
        share = columns["share"][mine]
        return columns["truth"][mine] == high, share[:, high] / np.maximum(share[:, low] + share[:, high], 1e-12)

    def accuracy(columns: Columns) -> float:
        positive, share = both(columns)
        return float((positive == (share > 0.5)).mean()) if len(positive) else float("nan")

    return {"accuracy": accuracy, "auc": lambda columns: auc(*both(columns))}


PAIRS = {f"{CATEGORIES[a]} or {CATEGORIES[b]}": pair_figures(a, b) for a, b in combinations(range(len(CATEGORIES)), 2)}
"""Two classes at a time (Ha et al., Table 3)."""
