"""``predict --exclude``: vertebrae left out on the command line, as on the page."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bmd import cli

CASES = Path(__file__).parents[3] / "bmd" / "app" / "cases" / "dxa"


def predicted(capsys: pytest.CaptureFixture[str], *words: str) -> list[dict]:
    weights = CASES.parents[3] / "weights"
    if not (weights / "dxa_regions" / "metadata.json").is_file():
        pytest.skip("dxa_regions has no shipped weights")
    assert cli.main(["predict", *words, "--modality", "dxa", "--json", "-"]) == 0
    return json.loads(capsys.readouterr().out)


def test_a_level_left_out_changes_the_measured_result_only(capsys: pytest.CaptureFixture[str]) -> None:
    scan = str(CASES / "dxa_outlier.dcm")
    (whole,), (rest,) = predicted(capsys, scan), predicted(capsys, scan, "--exclude", "l4")
    assert whole["prediction"] != rest["prediction"]
    assert rest["answers"][1:] == whole["answers"][1:]
    assert rest["vertebrae"] == whole["vertebrae"]
    assert (whole["left_out"], rest["left_out"]) == ([], ["L4"])
    assert [(w["code"], w["values"]) for w in rest["warnings"]] == [
        ("dxa.left_out", {"levels": ["L4"], "rest": "L1-L3"}),
        ("dxa.estimate_simulated", {}),
    ]


def test_an_unknown_level_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["predict", str(CASES / "dxa_hip.png"), "--modality", "dxa", "--exclude", "T12"]) == 2
    assert "T12" in capsys.readouterr().err
