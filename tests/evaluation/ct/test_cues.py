"""No bone of a simulated hip may tell the T-score that a hip scan reads better than a patient's does."""

from __future__ import annotations

import json

import pytest

from bmd import cli
from bmd.evaluation.ct import cues

PEOPLE = 120
TOLERANCE = 0.10
"""Two standard errors of a correlation of .7 in 120 people."""

AT_MOST = {
    "trabecular": 0.62,
    "cortex_of_neck": 0.55,
    "cortex_of_shaft": 0.55,
    "thickness": 0.55,
    "ward_filled": 0.30,
    "mineral_of_neck": 0.75,
    "mineral_of_hip": 0.75,
    "bone_together": 0.82,
}


@pytest.fixture(scope="module")
def found() -> dict:
    return cues.evaluate_hip_cues(PEOPLE, seed=640_000)


def test_no_part_of_a_hip_is_the_label(found: dict) -> None:
    r = {name: cue["r"] for name, cue in found["cues"].items()}
    assert {name: r[name] for name, bound in AT_MOST.items() if abs(r[name]) > bound + TOLERANCE} == {}
    assert found["people"] == PEOPLE
    assert found["seeds"] == [640_000, 640_000 + PEOPLE - 1]


def test_hips_still_tell_of_density(found: dict) -> None:
    r = {name: cue["r"] for name, cue in found["cues"].items()}
    assert r["bone_together"] > 0.6
    assert r["mineral_of_hip"] > 0.5
    assert r["trabecular"] > 0.3


def test_the_command_prints_the_table(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    asked: list[int] = []
    monkeypatch.setattr(cues, "evaluate_hip_cues", lambda count: asked.append(count) or {"people": count})
    assert cli.main(["evaluate", "hip-cues", "--count", "7"]) == 0
    assert cli.main(["evaluate", "hip-cues"]) == 0
    assert asked == [7, 1000]
    assert json.loads(capsys.readouterr().out.partition("}")[0] + "}") == {"people": 7}
