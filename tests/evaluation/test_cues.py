"""No quantity that is drawn for a simulated person may tell their T-score better than a patient's does."""

from __future__ import annotations

import json

import numpy as np
import pytest

from bmd import cli
from bmd.evaluation import cues

PEOPLE = 200
TOLERANCE = 0.10
"""Two standard errors of a correlation of .5 to .6 in 200 people."""

AT_MOST = {
    "trabecular": 0.40,
    "texture": 0.40,
    "cortex": 0.45,
    "end_plates": 0.40,
    "arch": 0.55,
    "mineral": 0.65,
    "sacrum_core": 0.40,
    "sacrum_rind": 0.40,
    "hip_core": 0.40,
    "hip_rim": 0.40,
    "femur_rind": 0.45,
    "seen_bodies": 0.55,
    "seen_arch": 0.55,
    "seen_pelvis": 0.45,
    "seen_all": 0.65,
    "body_together": 0.58,
    "bone_together": 0.70,
    "everything_together": 0.72,
}


@pytest.fixture(scope="module")
def found() -> dict:
    return cues.evaluate_cues(PEOPLE, seed=610_000)


def test_nothing_that_is_drawn_whispers_the_answer(found: dict) -> None:
    r = {name: cue["r"] for name, cue in found["cues"].items()}
    assert {name: r[name] for name, bound in AT_MOST.items() if abs(r[name]) > bound + TOLERANCE} == {}
    assert max(abs(value) for value in r.values()) < 0.82
    assert max(cue["auc"] for cue in found["cues"].values()) < 0.95


def test_bones_still_tell_something(found: dict) -> None:
    r = {name: cue["r"] for name, cue in found["cues"].items()}
    assert r["bone_together"] > 0.5
    assert r["trabecular"] > 0.15
    assert r["texture"] > 0.15
    assert found["people"] == PEOPLE
    assert found["seeds"] == [610_000, 610_000 + PEOPLE - 1]
    assert abs(r["bone_together"]) >= abs(r["trabecular"])


def test_what_is_read_together_is_read_by_the_other_halfs_fit() -> None:
    rng = np.random.default_rng(0)
    t, noise = rng.normal(size=400), rng.normal(size=(400, 30))
    assert abs(np.corrcoef(cues.together(noise, t), t)[0, 1]) < 0.2, "thirty columns of noise fit the half they saw"
    noise[:, 0] += 2 * t
    assert np.corrcoef(cues.together(noise, t), t)[0, 1] > 0.8


def test_the_command_prints_the_table(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    asked: list[int] = []
    monkeypatch.setattr(cues, "evaluate_cues", lambda count: asked.append(count) or {"people": count})
    assert cli.main(["evaluate", "cues", "--count", "7"]) == 0
    assert cli.main(["evaluate", "cues"]) == 0
    assert asked == [7, 1500]
    assert json.loads(capsys.readouterr().out.partition("}")[0] + "}") == {"people": 7}
