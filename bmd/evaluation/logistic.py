"""Logistic regression with a ridge penalty, as several evaluations fit it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

Float = NDArray[np.floating]


def ridge_logistic(
    x: Float, labels: NDArray[np.integer], ridge: float, weight: Float | None = None, intercept: bool = True
) -> Any:
    """Fit classes (n,) from features (n, k); a scikit-learn classifier.

    Parameters
    ----------
    ridge : float
        Weight of half the squared length of the coefficients beside the (weighted) sum of log losses; the intercept
        is free of it.
    weight : ndarray, optional
        (n,) of each row.
    """
    model = LogisticRegression(C=1 / ridge, fit_intercept=intercept, solver="newton-cg", tol=1e-8, max_iter=200)
    return model.fit(np.asarray(x, float), labels, sample_weight=weight)
