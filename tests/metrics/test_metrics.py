from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn import metrics as oracle

from bmd import metrics

rng = np.random.default_rng(0)
LABELS = rng.integers(0, 3, 400)
SCORES = np.round(rng.random((400, 3)) + 0.6 * np.eye(3)[LABELS], 2)  # with ties
PROBABILITIES = SCORES / SCORES.sum(1, keepdims=True)
PREDICTED = PROBABILITIES.argmax(1)


def test_areas_under_the_curve_agree_with_sklearn() -> None:
    positive, score = LABELS == 2, PROBABILITIES[:, 2]
    assert metrics.auc(positive, score) == pytest.approx(oracle.roc_auc_score(positive, score))
    expected = oracle.roc_auc_score(LABELS, PROBABILITIES, multi_class="ovr", average="macro")
    assert metrics.macro_auc(LABELS, PROBABILITIES) == pytest.approx(expected)


@given(arrays(float, 30, elements=st.floats(-5, 5)), arrays(bool, 30))
def test_auc_is_symmetric_and_ignores_monotone_changes(score: np.ndarray, positive: np.ndarray) -> None:
    area = metrics.auc(positive, score)
    if not positive.any() or positive.all():
        assert np.isnan(area)
    else:
        assert 0 <= area <= 1
        assert metrics.auc(~positive, score) == pytest.approx(1 - area)
        assert metrics.auc(positive, 2 * score + 1) == pytest.approx(area, abs=1e-6) or len(set(score)) != len(
            set(2 * score + 1)
        )


def test_hand_example_of_auc() -> None:
    assert metrics.auc([1, 1, 0, 0], [0.9, 0.4, 0.4, 0.1]) == pytest.approx(0.875)


def test_class_figures_agree_with_sklearn() -> None:
    found = metrics.classification(LABELS, PREDICTED)
    assert found["accuracy"] == pytest.approx(oracle.accuracy_score(LABELS, PREDICTED))
    assert found["sensitivity"] == pytest.approx(oracle.recall_score(LABELS, PREDICTED, average="macro"))
    assert found["precision"] == pytest.approx(oracle.precision_score(LABELS, PREDICTED, average="macro"))
    assert found["f1"] == pytest.approx(oracle.f1_score(LABELS, PREDICTED, average="macro"))
    specificity = [oracle.recall_score(~np.equal(LABELS, k), ~np.equal(PREDICTED, k)) for k in range(3)]
    assert found["specificity"] == pytest.approx(np.mean(specificity))
    np.testing.assert_array_equal(metrics.confusion(LABELS, PREDICTED), oracle.confusion_matrix(LABELS, PREDICTED))


def test_a_class_never_predicted_has_no_precision_and_an_absent_one_does_not_count() -> None:
    guess = metrics.classification([0, 0, 1, 1], [0, 0, 0, 0])
    assert guess["accuracy"] == guess["sensitivity"] == 0.5
    assert guess["precision"] == pytest.approx(0.25)
    assert metrics.classification([0, 1], [0, 1])["f1"] == 1


def test_binary_hand_example() -> None:
    found = metrics.binary([1, 1, 1, 0, 0], [1, 1, 0, 1, 0])
    assert found == pytest.approx(
        {"accuracy": 0.6, "sensitivity": 2 / 3, "specificity": 0.5, "precision": 2 / 3, "f1": 2 / 3}
    )
    assert np.isnan(metrics.binary([0, 0], [0, 0])["sensitivity"])


def test_classes_follow_the_rule_and_the_mix_is_stated() -> None:
    labels = metrics.classes_of([0.3, -1.0, -1.1, -2.5, -3])
    assert labels.tolist() == [0, 0, 1, 2, 2]
    np.testing.assert_allclose(metrics.class_mix(labels), [0.4, 0.2, 0.4])


def test_calibrated_probabilities_have_little_calibration_error_and_bold_ones_have_much() -> None:
    draws = np.random.default_rng(1)
    p = draws.dirichlet([1, 1, 1], 20_000)
    labels = (p.cumsum(1) > draws.random((20_000, 1))).argmax(1)
    assert metrics.expected_calibration_error(labels, p) < 0.015
    bold = p**4 / (p**4).sum(1, keepdims=True)
    assert metrics.expected_calibration_error(labels, bold) > 0.1
    assert metrics.brier_error(labels, p) < metrics.brier_error(labels, bold)


def test_calibration_error_by_hand() -> None:
    assert metrics.expected_calibration_error([0, 1], [[0.8, 0.2], [0.8, 0.2]], bins=1) == pytest.approx(0.3)
    assert metrics.brier_error([0], [[1.0, 0.0, 0.0]]) == 0
    assert metrics.brier_error([1], [[1.0, 0.0, 0.0]]) == 2


def test_coverage_counts_the_ends() -> None:
    assert metrics.coverage([0, 1, 2, 3], [0, 0, 0, 0], [2, 2, 2, 2]) == 0.75


def test_regression_figures() -> None:
    found = metrics.regression([1.0, 2.0, 3.0], [2.0, 3.0, 4.0])
    assert found["bias_error"] == found["mean_absolute_error"] == found["rms_error"] == 1
    assert found["r"] == pytest.approx(1)
    assert metrics.percentage_error([1.0, 2.0], [1.1, 1.8]) == pytest.approx((10, 0))


@given(arrays(bool, (4, 5)), arrays(bool, (4, 5)))
def test_dice_is_symmetric_and_one_only_for_equal_masks(a: np.ndarray, b: np.ndarray) -> None:
    overlap = metrics.dice(a, b)
    assert overlap == metrics.dice(b, a)
    assert 0 <= overlap <= 1
    assert (overlap == 1) == bool((a == b).all())


def test_bootstrap_interval_holds_the_value_and_is_repeatable() -> None:
    positive, score = LABELS == 2, PROBABILITIES[:, 2]
    value, low, high = metrics.bootstrap(metrics.auc, positive, score, count=200)
    assert low < value < high
    assert (value, low, high) == metrics.bootstrap(metrics.auc, positive, score, count=200)


def test_bootstrap_of_a_mean_has_the_textbook_width() -> None:
    x = np.random.default_rng(2).normal(size=400)
    _, low, high = metrics.bootstrap(np.mean, x, count=2000)
    assert (high - low) / 2 == pytest.approx(1.96 * x.std() / 20, rel=0.1)


def test_bootstrap_draws_whole_patients() -> None:
    """Five copies of every patient must not make the interval narrower."""
    x = np.random.default_rng(3).normal(size=80)
    alone = metrics.bootstrap(np.mean, x, count=1000)
    copies = metrics.bootstrap(np.mean, np.tile(x, 5), patients=np.tile(np.arange(80), 5), count=1000)
    assert copies[2] - copies[1] == pytest.approx(alone[2] - alone[1], rel=0.15)
