"""Figures of the models: read from metadata, grouped, never without saying on what they were measured."""

from __future__ import annotations

import json

import pytest

from bmd.app import cards
from bmd.models._metadata import measurement
from bmd.report import networks
from bmd.text import text

PLACE = "1000 simulated films held out of training and calibration, whole pipeline"


MADE = {"date": "2026-11-21", "commit": "abc1234", "command": "python -m bmd evaluate density"}


def entry(what: str | None, **values: float) -> dict:
    return measurement("simulated_films", 1000, "films", "pipeline", values, inputs=what, measured=MADE)


def test_entries_that_differ_in_their_last_words_stand_side_by_side():
    (group,) = networks.figures(
        [
            entry("film", patients=1000.0, auc=0.8412, auc_low=0.81, auc_high=0.87, coverage=0.9),
            entry("both", patients=1000.0, auc=0.87, auc_low=0.85, auc_high=0.9, coverage=0.91),
        ]
    )
    assert group.place == PLACE
    assert group.columns == ("film only", "film and patient data")
    assert group.rows == (
        (text("app.measures.patients"), "1000", "1000"),
        (text("app.interval_95", name=text("app.measures.auc")), "0.84 (0.81 to 0.87)", "0.87 (0.85 to 0.90)"),
        (text("app.measures.coverage"), "90.0%", "91.0%"),
    )


def test_a_single_entry_keeps_its_whole_place():
    (group,) = networks.figures([entry("film", dice=0.9512)])
    assert group.place == PLACE + ", film only"
    assert group.columns == ("",)
    assert group.rows == ((text("app.measures.dice"), "0.951"),)


def test_unknown_measures_and_missing_values_are_shown_plainly():
    (group,) = networks.figures([entry(None, new_measure=float("nan"), text="yes")])
    assert group.rows == (("new_measure", "–"), ("text", "–"))
    assert networks.figures([]) == []


@pytest.fixture
def weights(tmp_path, monkeypatch):
    monkeypatch.setattr(cards, "WEIGHTS", tmp_path)
    cards.metadata.clear()
    yield tmp_path
    cards.metadata.clear()


def test_coverage_comes_from_the_metadata_or_is_not_claimed(weights):
    folder = weights / "c5_gap_fc3"
    folder.mkdir()
    assert cards.coverage("c5_gap_fc3") is None
    for calibration, expected in ((None, None), ({}, None), ({"coverage": 0.9}, 0.9), ({"coverage": 7}, None)):
        (folder / "metadata.json").write_text(json.dumps({"calibration": calibration}))
        cards.metadata.clear()
        assert cards.coverage("c5_gap_fc3") == expected


def test_damaged_metadata_is_left_out(weights):
    (weights / "cmnet").mkdir()
    (weights / "cmnet" / "metadata.json").write_text("{")
    assert cards.metadata() == {}
