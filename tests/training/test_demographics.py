"""Fitting the demographics network: on a made-up survey whose truth is known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from bmd.errors import InputError
from bmd.evaluation.demographics.survey import evaluate_demographics
from bmd.inputs.patient import demographics_vector
from bmd.models import _registry as registry
from bmd.models._metadata import read
from bmd.models._recipe import override
from bmd.models._weights import golden_error
from bmd.models.demographics import DemographicsRecipe
from bmd.training import train
from bmd.training.demographics import conformal_tail, fit, fit_slope
from bmd.training.tasks.demographics import TEST, TRAINING, read_people
from tests.training.people import write_survey


@pytest.fixture(scope="module")
def table(tmp_path_factory) -> Path:
    return write_survey(tmp_path_factory.mktemp("survey") / "nhanes_bmd.csv")


@pytest.fixture(scope="module")
def trained(table, tmp_path_factory) -> Path:
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("weights")
    train("demographics", [f"data={table}", f"weights={folder}", "epochs=12", "members=2", "width=16", "batch=128"])
    return folder


def test_split_is_by_cycle(table):
    people = read_people(table)
    cycles = [set(people.cycles(*names).table["cycle"]) for names in (TRAINING, ("2009-2010",))]
    assert not cycles[0] & cycles[1]
    assert TEST not in cycles[0] | cycles[1]
    assert people.weight.mean() == pytest.approx(1)
    assert np.isfinite(people.t_score).any(1).all()


def test_lowest_is_the_lowest_of_three_measured(table):
    people = read_people(table)
    t = people.t_score
    whole = np.isfinite(t[:, :3]).all(1)
    assert (t[whole, 3] == t[whole, :3].min(1)).all()
    assert np.isnan(t[~whole, 3]).all()
    assert (t[whole, 4] < t[whole, 3]).all()  # the other reference has denser young adults


def test_no_table_says_so(tmp_path):
    with pytest.raises(InputError) as error:
        read_people(tmp_path / "none.csv")
    assert error.value.finding.code == "network.no_survey"
    assert error.value.finding.values == {"file": "none.csv"}


def test_learns_what_is_true_of_the_made_up_people(trained):
    network = registry.load("demographics", trained)
    known = torch.from_numpy(
        np.stack([demographics_vector(*v) for v in ((70, 0, 160, 55), (70, 0, 160, 95), (45, 1, 175, 85))])
    )
    with torch.no_grad():
        below = network(known)["cdf"][:, 0, 110]  # T <= -2.5
    assert below[0] > 2 * below[1] > 0
    assert below[0] > 2 * below[2]


def test_weights_say_what_they_are(trained, table):
    folder = trained / "demographics"
    card = read(folder)
    people = read_people(table)
    assert card["trained_on"] == {"cohort": "nhanes_training", "n": len(people.cycles(*TRAINING))}
    fitted_on = {"cohort": "nhanes_2009_2010", "n": len(people.cycles("2009-2010"))}
    assert card["calibration"]["fitted_on"] == fitted_on
    assert card["range"]["age"][0] >= 20
    assert golden_error(registry.load("demographics", trained), folder) == []


def test_same_seed_same_weights(table):
    recipe = override(DemographicsRecipe(), ["epochs=1", "members=1", "width=8"])
    people = read_people(table)
    one, two = (fit(people, recipe)[0].state_dict() for _ in range(2))
    assert all(torch.equal(one[k], two[k]) for k in one)


def test_evaluation_gives_every_table_and_writes_the_card(table, trained, monkeypatch):
    monkeypatch.setattr("bmd.evaluation.demographics.survey.DRAWS", 5)
    text = evaluate_demographics(table.parent, trained, write=True)
    for word in ("lumbar: network", "logistic regression", "women: OST", "ORAI", "age, sex, weight", "20-49"):
        assert word in text
    assert "Korea" not in text
    card = read(trained / "demographics")
    whole = [m for m in card["metrics"] if m["group"] is None]
    assert [m["inputs"] for m in whole] == ["network", "regression"] * 4
    assert {m["group"] for m in card["metrics"]} >= {None, "women", "men", "age_high", "bmi_low"}
    assert all(m["n"] and m["measured"]["date"] for m in card["metrics"])
    assert {m["cohort"] for m in card["metrics"]} == {"nhanes_2017_2020"}
    assert [m["site"] for m in whole[::2]] == ["lumbar", "femoral_neck", "total_hip", "lowest"]
    lumbar = card["metrics"][0]["values"]
    assert lumbar["macro_auc_low"] < lumbar["macro_auc"] < lumbar["macro_auc_high"]
    assert lumbar["macro_auc"] > 0.65
    assert lumbar["coverage"] == pytest.approx(0.9, abs=0.06)
    assert sum(lumbar[f"share_{k}"] for k in ("normal", "osteopenia", "osteoporosis")) == pytest.approx(1, abs=1e-3)


def test_evaluation_without_the_survey_is_one_sentence(tmp_path):
    assert evaluate_demographics(tmp_path).startswith("Not measured: nhanes_bmd.csv is not in")


def test_temperature_is_found():
    rng = np.random.default_rng(0)
    truth = rng.normal(0, 2, (4000, 1))
    below = rng.random((4000, 1)) < 1 / (1 + np.exp(-truth))
    weight = np.full(4000, 1 / 4000)
    assert np.exp(fit_slope(2 * truth, below, weight)) == pytest.approx(0.5, rel=0.1)


def test_conformal_tail_covers_new_people():
    rng = np.random.default_rng(0)
    level = rng.beta(0.6, 0.6, 500)  # an overconfident distribution
    tail = conformal_tail(level, np.ones(500))
    assert 0.45 < tail <= 0.5
    assert (np.abs(rng.beta(0.6, 0.6, 20_000) - 0.5) <= tail).mean() == pytest.approx(0.9, abs=0.03)
    assert conformal_tail(level[:5], np.ones(5)) == 0.5  # too few people for any promise
