"""What plots are drawn from: as scikit-learn and the figures have it, small, and nothing where nothing can be drawn."""

from __future__ import annotations

import json

import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from bmd.metrics import auc
from bmd.reproduction import points

RNG = np.random.default_rng(5)


def slices(n: int) -> dict[str, np.ndarray]:
    """Classes and shares that know something of them."""
    truth = RNG.integers(0, 3, n)
    share = np.exp(RNG.normal(0, 1, (n, 3)) + 1.2 * np.eye(3)[truth])
    return {"truth": truth, "share": share / share.sum(1, keepdims=True)}


def bodies(n: int, spread: float) -> dict[str, np.ndarray]:
    """T-scores and what is said of them, 0.2 too low."""
    t = RNG.normal(-1.5, 1.2, n)
    said = t - 0.2 + RNG.normal(0, 0.5, n)
    return {"t": t, "t_said": said, "t_spread": np.full(n, spread)}


def test_curves_are_of_osteoporosis_against_the_rest() -> None:
    columns = slices(700)
    found = points.drawn(columns)
    ill = columns["truth"] == 2
    assert found["roc"]["auc"] == pytest.approx(auc(ill, columns["share"][:, 2]), abs=0.001)
    assert found["pr"]["average"] == pytest.approx(average_precision_score(ill, columns["share"][:, 2]), abs=0.001)
    assert (found["roc"]["n"], found["roc"]["ill"]) == (700, ill.sum())
    assert found["roc"]["false_share"][0] == 0
    assert found["roc"]["true_share"][-1] == 1
    area = np.trapezoid(found["roc"]["true_share"], found["roc"]["false_share"])
    assert area == pytest.approx(found["roc"]["auc"], abs=0.01)


def test_groups_of_reliability_are_equally_filled_and_hold_everyone() -> None:
    columns = slices(605)
    found = points.drawn(columns)["reliability"]
    assert sum(found["n"]) == 605
    assert max(found["n"]) - min(found["n"]) <= 1
    assert found["said"] == sorted(found["said"])
    assert np.average(found["seen"], weights=found["n"]) == pytest.approx((columns["truth"] == 2).mean(), abs=0.001)
    assert "reliability" not in points.drawn(slices(30))


def test_confusion_has_the_truth_by_row() -> None:
    columns = {"truth": np.array([0, 1, 2, 2]), "share": np.eye(3)[[0, 2, 2, 1]]}
    assert points.drawn(columns)["confusion"]["counts"] == [[1, 0, 0], [0, 0, 1], [0, 1, 1]]


def test_bias_and_spread_are_of_all_and_the_scatter_of_the_first() -> None:
    columns = bodies(1000, 0.5)
    found = points.drawn(columns)["agreement"]
    apart = columns["t_said"] - columns["t"]
    assert found["bias"] == pytest.approx(apart.mean(), abs=0.001)
    assert found["sd"] == pytest.approx(apart.std(ddof=1), abs=0.001)
    assert len(found["true"]) == len(found["said"]) == points.MOST
    assert found["true"] == pytest.approx(columns["t"][: points.MOST], abs=0.005)
    assert (found["n"], found["unit"]) == (1000, "t")


def test_without_a_spread_there_is_an_order_but_no_chance() -> None:
    found = points.drawn(bodies(300, 0.0))
    assert "reliability" not in found
    assert found["roc"]["auc"] > 0.9
    assert "reliability" in points.drawn(bodies(300, 0.5))


def test_boxes_that_were_not_found_bound_the_recall() -> None:
    scores = np.full((2, 1, 3), np.nan)
    scores[0, 0, :2], scores[1, 0, 0] = (0.9, 0.4), 0.8
    right = np.zeros((2, 1, 3, 10), bool)
    right[0, 0, 0, 0] = right[1, 0, 0, 0] = True
    found = points.drawn({"count": np.array([[2], [2]]), "scores": scores, "right": right})["pr"]
    assert max(found["recall"]) == pytest.approx(0.5)
    assert found["n"] == 4
    assert found["average"] == pytest.approx(0.5)
    right[:] = False
    assert points.drawn({"count": np.array([[2], [2]]), "scores": scores, "right": right}) == {}


def test_one_class_has_no_curve_and_people_have_no_plot() -> None:
    columns = {"truth": np.zeros(50, int), "share": np.tile([0.8, 0.1, 0.1], (50, 1))}
    assert not {"roc", "pr"} & set(points.drawn(columns))
    assert points.drawn({"truth": np.zeros(5, int), "age": np.zeros(5)}) == {}


def test_what_is_kept_is_small_plain_json() -> None:
    for columns in (slices(5000), bodies(5000, 0.4)):
        assert len(json.dumps(points.drawn(columns))) < 12_000
