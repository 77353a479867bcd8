"""The baseline of the demographics network against scikit-learn's."""

from __future__ import annotations

import numpy as np
import pytest

from bmd.evaluation.demographics.survey import floor, logistic, quadratic, softmax
from bmd.metrics import expected_calibration_error


def test_logistic_regression_agrees_with_scikit_learn():
    linear = pytest.importorskip("sklearn.linear_model")
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.normal(size=(600, 3)), np.ones((600, 1))], 1)
    labels = (x @ [1.0, -0.5, 0.2, 0.3] + rng.logistic(size=600) > 0).astype(int) + (rng.random(600) < 0.2)
    ours = softmax(x @ logistic(x, labels, ridge=1.0))
    theirs = linear.LogisticRegression(C=1.0, fit_intercept=False, max_iter=1000, tol=1e-8).fit(x, labels)
    assert ours == pytest.approx(theirs.predict_proba(x), abs=2e-3)


def test_quadratic_has_every_product_once():
    known = np.array([[0.5, 1.0, -1.0, 0.3, 1, 1, 1, 1]])
    columns = quadratic(known)
    assert columns.shape == (1, 21)
    assert 1.0 in columns
    assert 0.5**2 in columns


def test_floor_is_what_chance_alone_shows():
    rng = np.random.default_rng(0)
    chance = rng.dirichlet((3, 2, 1), 2000)
    labels = (rng.random((2000, 1)) > chance.cumsum(1)[:, :2]).sum(1)
    assert floor(chance) == pytest.approx(expected_calibration_error(labels, chance), abs=0.015)
    assert floor(chance) > 0.01
    assert floor(chance, np.exp(rng.normal(size=2000))) > floor(chance)


def test_weighted_calibration_error():
    chance, labels = np.array([[0.9, 0.1]] * 4), np.array([0, 0, 0, 1])
    even = expected_calibration_error(labels, chance, bins=1)
    assert even == pytest.approx(0.15)
    assert expected_calibration_error(labels, chance, bins=1, weight=np.ones(4)) == pytest.approx(even)
    assert expected_calibration_error(labels, chance, bins=1, weight=[1, 1, 1, 0]) == pytest.approx(0.1)
