"""Every evaluation is reached by ``python -m bmd evaluate``, and says which folders it needs."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from bmd import cli
from bmd.evaluation.dxa import networks as dxa
from bmd.evaluation.film import route, view
from bmd.models._metadata import read
from bmd.models._registry import WEIGHTS
from tests.models.fakes import write_fake_shards


@pytest.mark.parametrize(
    ("module", "function", "words", "asked"),
    [
        (dxa, "evaluate_dxa", ["dxa", "--calibration", "a", "--data", "b"], ("a", "b")),
        (view, "fit_view", ["view", "--data", "a", "--ap", "b"], ("a", "b")),
        (route, "fit_route", ["route", "--dxa", "a", "--data", "b", "--ap", "c"], ("a", ("b", "c"))),
    ],
)
def test_folders_are_passed_on_and_asked_for(module, function, words, asked, monkeypatch, capsys) -> None:
    seen: list[tuple[object, ...]] = []
    monkeypatch.setattr(module, function, lambda *given: seen.append(given) or {"right": 0.5})
    assert cli.main(["evaluate", *words]) == 0
    assert json.loads(capsys.readouterr().out) == {"right": 0.5}
    assert seen == [asked]
    assert cli.main(["evaluate", words[0]]) == 2
    assert "--" in capsys.readouterr().err
    assert len(seen) == 1


def test_dxa_networks_are_calibrated_and_measured(tmp_path: Path) -> None:
    for name in ("dxa_cnn", "dxa_regions"):
        shutil.copytree(WEIGHTS / name, tmp_path / name)
    folder = str(write_fake_shards(tmp_path / "scans", shards=1, films=8, side=128))
    found = dxa.evaluate_dxa(folder, folder, tmp_path)
    assert set(found) == {"calibration", "dxa_cnn", "dxa_regions"}
    for name, unit in (("dxa_cnn", "patients"), ("dxa_regions", "dice")):
        metadata = read(tmp_path / name)
        first, *rest = metadata["metrics"]
        assert (first["cohort"], first["n"], first["kind"]) == ("simulated_dxa_50_90", 8, "test")
        assert unit in first["values"]
        assert [entry["kind"] for entry in rest] == ["validation"]
    assert read(tmp_path / "dxa_cnn")["calibration"]["fitted_on"] == {"cohort": "simulated_dxa", "n": 8}
