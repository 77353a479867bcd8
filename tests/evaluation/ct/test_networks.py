"""Figures of the CT networks: right answers, people kept together, and what is written to the metadata."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from bmd.errors import InputError
from bmd.evaluation.ct.networks import BOTH, OVER_50, Answers, answers, calibrate_ct, figures, fit_temperature, gained
from bmd.models import _registry as registry
from bmd.models._weights import write_weights
from bmd.training import train
from bmd.training.tasks.ct import HA_MIX, HIP, PATIENT, SLICE, CtItems, mixed
from tests.models.fakes import metadata
from tests.models.fakes_ct import write_fake_ct


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_fake_ct(tmp_path_factory.mktemp("ct"))


T_OF = np.array([0.5, -1.7, -3.3])


def said(logits, truth, people=None):
    people = np.arange(len(truth)) if people is None else np.asarray(people)
    return Answers(np.asarray(logits, float), np.asarray(truth), people, T_OF[truth])


def test_figures_of_right_and_wrong_answers():
    truth = np.array([0, 0, 1, 1, 2, 2])
    right = figures(said(5 * np.eye(3)[truth], truth), 1.0)
    assert (
        right["accuracy"] == right["macro_auc"] == right["sensitivity_osteoporosis"] == right["osteoporosis_auc"] == 1
    )
    assert right["true_normal_said_normal"] == 2
    assert right["r"] > 0.95
    wrong = figures(said(5 * np.eye(3)[(truth + 1) % 3], truth), 1.0)
    assert wrong["accuracy"] == 0
    assert wrong["true_normal_said_osteopenia"] == 2
    assert wrong["r"] < 0.1
    assert right["calibration_error"] < 0.05 < wrong["calibration_error"]


def test_people_answer_with_the_mean_of_two_or_more_slices():
    joined = said([[1.0, 0, 0], [3.0, 0, 0], [0, 9.0, 0]], np.array([0, 0, 1]), [7, 7, 9]).of_people()
    np.testing.assert_allclose(joined.logits, [[2, 0, 0]])
    assert (list(joined.truth), list(joined.people), list(joined.t)) == ([0], [7], [T_OF[0]])


def test_what_is_gained_is_paired_and_may_be_nothing():
    rng, truth = np.random.default_rng(0), np.arange(300) % 3
    noise = rng.normal(0, 2, (300, 3))
    less = said(np.eye(3)[truth] + noise, truth)
    same, more = gained(less, less, 1.0), gained(less, said(3 * np.eye(3)[truth] + noise, truth), 1.0)
    assert same["accuracy_gain"] == same["macro_auc_gain_low"] == same["r_gain_high"] == 0
    assert 0 < more["accuracy_gain_low"] < more["accuracy_gain"] < more["accuracy_gain_high"]
    assert more["osteoporosis_auc_gain_low"] > 0


@pytest.mark.parametrize("repeat", [True, False])
def test_class_mix_is_reached(repeat):
    categories = [0] * 50 + [1] * 20 + [2] * 30
    chosen = mixed(list(range(100)), categories, HA_MIX, repeat)
    share = np.bincount([categories[i] for i in chosen]) / len(chosen)
    np.testing.assert_allclose(share, HA_MIX, atol=0.03)
    assert (len(chosen) > 100) == repeat
    assert len(set(chosen)) == len(chosen) or repeat


def test_items_carry_the_classes_of_their_task(folder):
    slices, hips = CtItems(folder, SLICE, repeat=False), CtItems(folder, HIP, repeat=False)
    assert slices[0].hu.shape == (160, 160)
    assert hips[0].hu.shape == (250, 250)
    assert {slices[i].category for i in range(len(slices))} == {0, 1, 2}
    assert len({slices[i].person for i in range(len(slices))}) == 18
    assert len(CtItems(folder, PATIENT, limit=9, repeat=False)) <= 9


def test_no_shards_says_what_to_run(tmp_path):
    with pytest.raises(InputError) as error:
        CtItems(tmp_path, SLICE)
    assert error.value.finding.code == "network.no_ct"


def test_trains_calibrates_and_says_on_what(folder, tmp_path):
    weights = tmp_path / "weights"
    keys = {"data": folder, "out": tmp_path, "weights": weights, "holdout": 9, "batch": 8, "minutes": 0.02, "warmup": 5}
    result = train("femur_demographics", [f"{k}={v}" for k, v in keys.items()])
    assert result["metrics"]["macro_auc"] >= 0
    found = calibrate_ct(folder, folder, None, weights, ("femur_demographics", "pair_acm"))
    assert set(found) == {"femur_demographics"}
    metadata = json.loads((weights / "femur_demographics" / "metadata.json").read_text(encoding="utf-8"))
    assert metadata["calibration"]["temperature"] > 0
    assert (metadata["metrics"][0]["cohort"], metadata["metrics"][0]["kind"]) == ("simulated_ct", "test")
    assert metadata["published"]["values"]["auc"] == 0.859
    again = calibrate_ct(folder, folder, None, weights, ("femur_demographics",))
    twice = json.loads((weights / "femur_demographics" / "metadata.json").read_text(encoding="utf-8"))
    assert len(twice["metrics"]) == len(metadata["metrics"])  # replaced, not added
    assert again["femur_demographics"]["metrics"] == found["femur_demographics"]["metrics"]
    assert "In the paper (593 CT scans" in (weights / "femur_demographics" / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("heat", [0.5, 1.0, 3.0])
def test_temperature_undoes_overconfidence(heat: float) -> None:
    """Classes drawn from known probabilities whose logits were multiplied by ``heat``."""
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 1.5, (4000, 3))
    shares = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    truth = (rng.random((4000, 1)) > shares.cumsum(1)).sum(1)
    assert fit_temperature(heat * logits, truth) == pytest.approx(heat, rel=0.12)


def test_over_50_is_measured_as_it_is_and_the_patient_can_be_hidden(folder, tmp_path):
    torch.manual_seed(0)
    network = registry.build(BOTH, hidden=64)
    write_weights(network, tmp_path / BOTH, metadata(name=BOTH, options={"hidden": 64}))
    every = answers(BOTH, folder, tmp_path, as_it_is=True)
    hidden = answers(BOTH, folder, tmp_path, as_it_is=True, known=False)
    assert len(every.truth) == 36, "both hips of 18 people"
    assert np.array_equal(every.people, hidden.people)
    assert not np.allclose(every.logits, hidden.logits)
    found = calibrate_ct(folder, folder, folder, tmp_path, (BOTH,))[BOTH]["metrics"]
    places = [(entry["cohort"], entry["inputs"]) for entry in found]
    assert places == [(cohort, given) for cohort in ("simulated_ct", OVER_50) for given in (None, "alone", "gained")]
    assert found[3]["n"] == 36
    assert "accuracy_gain_low" in found[5]["values"]
    card = (tmp_path / BOTH / "README.md").read_text(encoding="utf-8")
    assert "from 50 years on" in card
    assert "gained by the patient's data" in card
