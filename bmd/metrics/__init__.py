"""Figures of merit, each a pure function of arrays. ``*_error`` is better lower, everything else higher.

Classes are integers; with the WHO classes 0 is normal, 1 osteopenia, 2 osteoporosis (``reference.CATEGORIES``).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import rankdata

from bmd.metrics.boxes import Boxes, average_precision
from bmd.reference import CATEGORIES, category

__all__ = [
    "Boxes",
    "auc",
    "average_precision",
    "binary",
    "bootstrap",
    "brier_error",
    "class_mix",
    "classes_of",
    "classification",
    "confusion",
    "coverage",
    "dice",
    "expected_calibration_error",
    "macro_auc",
    "percentage_error",
    "regression",
]


def classes_of(t_scores: ArrayLike) -> NDArray[np.int64]:
    """WHO class (0, 1, 2) of T-scores (n,)."""
    return np.array([CATEGORIES.index(category(float(t))) for t in np.asarray(t_scores).ravel()], np.int64)


def class_mix(labels: ArrayLike, count: int = 3) -> NDArray[np.float64]:
    """Share of each class (count,): what an accuracy must be read against."""
    found = np.bincount(np.asarray(labels, int), minlength=count)
    return np.asarray(found / max(1, found.sum()))


# --- classification ----------------------------------------------------------------------------------------------
def auc(positive: ArrayLike, score: ArrayLike) -> float:
    """Area under the ROC curve: chance that a positive scores above a negative (ties half). NaN without both kinds."""
    positive = np.asarray(positive, bool)
    n, m = int(positive.sum()), int((~positive).sum())
    if not n or not m:
        return float("nan")
    return float((rankdata(np.asarray(score, float))[positive].sum() - n * (n + 1) / 2) / (n * m))


def macro_auc(labels: ArrayLike, probabilities: ArrayLike) -> float:
    """Mean over the classes that occur of one-against-rest AUC; labels (n,), probabilities (n, k)."""
    labels, probabilities = np.asarray(labels, int), np.asarray(probabilities, float)
    areas = [auc(labels == k, probabilities[:, k]) for k in range(probabilities.shape[1])]
    return float(np.nanmean(areas)) if np.isfinite(areas).any() else float("nan")


def confusion(labels: ArrayLike, predicted: ArrayLike, count: int = 3) -> NDArray[np.int64]:
    """Counts (count, count): row is the true class, column the predicted one."""
    table = np.zeros((count, count), np.int64)
    np.add.at(table, (np.asarray(labels, int), np.asarray(predicted, int)), 1)
    return table


def classification(labels: ArrayLike, predicted: ArrayLike, count: int = 3) -> dict[str, float]:
    """Accuracy and sensitivity, specificity, precision and F1, each the mean over classes taken one against rest.

    As in Ha et al. 2024, Table 2. A class that was never predicted has precision 0; one that never occurs counts in
    none of the means. With two classes (0, 1) the usual figures of class 1 are in ``binary``.
    """
    table = confusion(labels, predicted, count).astype(float)
    true, found, hit, total = table.sum(1), table.sum(0), np.diag(table), table.sum()
    occurs = true > 0
    with np.errstate(invalid="ignore", divide="ignore"):
        sensitivity = hit / true
        specificity = (total - true - found + hit) / (total - true)
        precision = np.where(found > 0, hit / found, 0.0)
        f1 = 2 * hit / (true + found)
    means = {"sensitivity": sensitivity, "specificity": specificity, "precision": precision, "f1": f1}
    return {"accuracy": float(hit.sum() / total)} | {k: float(np.nanmean(v[occurs])) for k, v in means.items()}


def binary(positive: ArrayLike, predicted: ArrayLike) -> dict[str, float]:
    """Accuracy, sensitivity, specificity, precision and F1 of the positive class; NaN where undefined."""
    table = confusion(np.asarray(positive, bool), np.asarray(predicted, bool), 2).astype(float)
    (tn, fp), (fn, tp) = table

    def share(part: float, whole: float) -> float:
        return part / whole if whole else float("nan")

    return {
        "accuracy": share(tp + tn, table.sum()),
        "sensitivity": share(tp, tp + fn),
        "specificity": share(tn, tn + fp),
        "precision": share(tp, tp + fp),
        "f1": share(2 * tp, 2 * tp + fp + fn),
    }


# --- calibration -------------------------------------------------------------------------------------------------
def expected_calibration_error(
    labels: ArrayLike, probabilities: ArrayLike, bins: int = 10, weight: ArrayLike | None = None
) -> float:
    """Mean gap between confidence and accuracy of the likeliest class over equally filled bins (Guo et al. 2017).

    ``weight`` (n,) lets people of a survey count for as many as they stand for.
    """
    probabilities = np.asarray(probabilities, float)
    confidence, right = probabilities.max(1), probabilities.argmax(1) == np.asarray(labels, int)
    order = np.argsort(confidence, kind="stable")
    w = np.ones(len(order)) if weight is None else np.asarray(weight, float)
    edges = np.searchsorted(np.cumsum(w[order]), w.sum() * np.arange(1, bins) / bins)
    groups = np.array_split(order, bins) if weight is None else np.split(order, edges)
    gaps = [abs((w[rows] * (confidence[rows] - right[rows])).sum()) for rows in groups if len(rows)]
    return float(sum(gaps) / w.sum())


def brier_error(labels: ArrayLike, probabilities: ArrayLike) -> float:
    """Mean squared distance of probabilities (n, k) from the one-hot truth (Brier 1950), 0..2."""
    probabilities = np.asarray(probabilities, float)
    return float(((probabilities - np.eye(probabilities.shape[1])[np.asarray(labels, int)]) ** 2).sum(1).mean())


def coverage(truth: ArrayLike, low: ArrayLike, high: ArrayLike) -> float:
    """Share of true values inside their intervals, ends included."""
    truth = np.asarray(truth, float)
    return float(((truth >= np.asarray(low)) & (truth <= np.asarray(high))).mean())


# --- regression --------------------------------------------------------------------------------------------------
def regression(truth: ArrayLike, predicted: ArrayLike) -> dict[str, float]:
    """Mean error (predicted - true), mean absolute error, its SD, root mean square error and Pearson's r."""
    truth, predicted = np.asarray(truth, float), np.asarray(predicted, float)
    error = predicted - truth
    spread = truth.std() * predicted.std()
    return {
        "bias_error": float(error.mean()),
        "mean_absolute_error": float(np.abs(error).mean()),
        "absolute_error_sd": float(np.abs(error).std()),
        "rms_error": float(np.sqrt((error**2).mean())),
        "r": float(((truth - truth.mean()) * (predicted - predicted.mean())).mean() / spread)
        if spread
        else float("nan"),
    }


def percentage_error(truth: ArrayLike, predicted: ArrayLike) -> tuple[float, float]:
    """Mean and SD of the absolute error in percent of the truth, as Kirilov et al. report it."""
    relative = 100 * np.abs(np.asarray(predicted, float) / np.asarray(truth, float) - 1)
    return float(relative.mean()), float(relative.std())


# --- areas -------------------------------------------------------------------------------------------------------
def dice(one: ArrayLike, other: ArrayLike) -> float:
    """Dice overlap of two boolean masks; 1 when both are empty."""
    a, b = np.asarray(one, bool), np.asarray(other, bool)
    whole = int(a.sum()) + int(b.sum())
    return 2 * int((a & b).sum()) / whole if whole else 1.0


# --- uncertainty -------------------------------------------------------------------------------------------------
def bootstrap(
    statistic: Callable[..., float],
    *columns: ArrayLike,
    patients: ArrayLike | None = None,
    count: int = 1000,
    level: float = 0.95,
    seed: int = 0,
) -> tuple[float, float, float]:
    """Value of ``statistic(*columns)`` and its percentile bootstrap interval (low, high).

    Parameters
    ----------
    columns : array_like
        Each (n, ...); rows are drawn together.
    patients : array_like, optional
        (n,) whose rows belong together: whole patients are drawn, since vertebrae of one person are not independent.
    level : float
        Coverage asked for.

    Draws in which the statistic is not defined (one class only) are left out.
    """
    rows = [np.asarray(c) for c in columns]
    n = len(rows[0])
    _, group = np.unique(np.arange(n) if patients is None else np.asarray(patients), return_inverse=True)
    order = np.argsort(group, kind="stable")
    members = np.split(order, np.flatnonzero(np.diff(group[order])) + 1)
    rng, values = np.random.default_rng(seed), []
    for _ in range(count):
        pick = np.concatenate([members[i] for i in rng.integers(len(members), size=len(members))])
        values.append(statistic(*(r[pick] for r in rows)))
    tail = 100 * (1 - level) / 2
    low, high = np.nanpercentile(values, [tail, 100 - tail])
    return float(statistic(*rows)), float(low), float(high)
