"""The baseline of the demographics network: its features, and the calibration error of chance."""

from __future__ import annotations

import numpy as np
import pytest

from bmd.evaluation.demographics.survey import floor, quadratic
from bmd.metrics import expected_calibration_error


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
