"""Ridge logistic regression is at the minimum of the loss it states."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import softmax

from bmd.evaluation.logistic import ridge_logistic

rng = np.random.default_rng(0)
X = rng.normal(size=(600, 3))


@pytest.mark.parametrize("ridge", [0.03, 1.0, 30.0])
def test_three_classes_without_intercept(ridge: float) -> None:
    labels = (X @ [1.0, -0.5, 0.2] + rng.logistic(size=600) > 0).astype(int) + (rng.random(600) < 0.2)
    model = ridge_logistic(X, labels, ridge, intercept=False)
    chance = softmax(X @ model.coef_.T, axis=1)
    np.testing.assert_allclose(model.predict_proba(X), chance, atol=1e-9)
    slope = X.T @ (chance - np.eye(3)[labels]) + ridge * model.coef_.T
    assert np.abs(slope).max() < 1e-4


def test_two_classes_with_weights_and_a_free_intercept() -> None:
    labels = (X[:, 0] + rng.logistic(size=600) > 1.5).astype(int)
    weight = np.where(labels == 1, 0.5 / (labels == 1).sum(), 0.5 / (labels == 0).sum())
    model = ridge_logistic(X, labels, 0.03, weight)
    chance = 1 / (1 + np.exp(-(X @ model.coef_[0] + model.intercept_[0])))
    pull = weight * (chance - labels)
    np.testing.assert_allclose(X.T @ pull + 0.03 * model.coef_[0], 0, atol=1e-6)
    assert pull.sum() == pytest.approx(0, abs=1e-6)
