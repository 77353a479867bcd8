"""Every evaluation is reached by ``python -m bmd evaluate``, and says which folders it needs."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from bmd import cli
from bmd.evaluation.dxa import networks as dxa
from bmd.evaluation.film import view
from bmd.models._metadata import read
from bmd.models._registry import WEIGHTS
from bmd.simulator.shards import views
from tests.models.fakes import write_fake_shards


def test_folders_are_passed_on_and_asked_for(monkeypatch, capsys) -> None:
    seen: list[tuple[object, ...]] = []
    monkeypatch.setattr(dxa, "evaluate_dxa", lambda *given: seen.append(given) or {"right": 0.5})
    assert cli.main(["evaluate", "dxa", "--calibration", "a", "--data", "b"]) == 0
    assert json.loads(capsys.readouterr().out) == {"right": 0.5}
    assert seen == [("a", "b")]
    assert cli.main(["evaluate", "dxa"]) == 2
    assert "--" in capsys.readouterr().err
    assert len(seen) == 1


def test_the_gate_takes_folders_and_asks_for_one(tmp_path: Path, capsys) -> None:
    assert cli.main(["evaluate", "gate"]) == 2
    assert "FOLDER" in capsys.readouterr().err
    (tmp_path / "words.csv").write_text("no picture")
    assert cli.main(["evaluate", "gate", str(tmp_path)]) == 1
    assert str(tmp_path) in capsys.readouterr().err


def test_the_view_network_is_calibrated_on_simulated_pictures(tmp_path: Path, capsys, monkeypatch) -> None:
    shutil.copytree(WEIGHTS / "view_cnn", tmp_path / "view_cnn")
    before = read(tmp_path / "view_cnn")["metrics"][-1]
    views.write_shards(str(tmp_path / "views"), 2 * len(views.TURN), 0)
    monkeypatch.setattr(view.calibrate_view, "__defaults__", (2000, None, tmp_path))
    assert cli.main(["evaluate", "view", "--data", str(tmp_path / "views")]) == 0
    said = json.loads(capsys.readouterr().out)
    card = read(tmp_path / "view_cnn")
    assert card["calibration"] == {
        "temperature": said["temperature"],
        "least": said["least"],
        "least_scan": said["least_scan"],
        "fitted_on": {"cohort": "simulated_views", "n": len(views.TURN)},
    }
    assert sorted(entry["kind"] for entry in card["metrics"]) == ["real", "test", "validation"]
    assert before in card["metrics"]
    assert said["least"] >= 0.7


def test_temperature_and_least_probability_follow_the_errors() -> None:
    """Logits twice too large are halved; the bar rises until the wrong ones stay below it."""
    rng = np.random.default_rng(0)
    honest = np.log(rng.dirichlet(np.full(11, 0.3), 4000))
    kinds = (honest + rng.gumbel(size=honest.shape)).argmax(1)
    assert view._temperature(2 * honest, kinds) == pytest.approx(2, rel=0.05)
    shares = np.full((400, 11), 0.01)
    shares[:, 0] = np.linspace(0, 0.9, 400)  # none of them is a lateral film
    film, scan, others = "lateral_lumbar", "dxa", np.ones(400, int)
    assert view._least(shares, others, film) == pytest.approx(0.9)
    assert view._least(np.minimum(shares, 0.5), others, film) == pytest.approx(0.7)
    assert view._least(shares, others, scan) == pytest.approx(0.5), "none of them looks like a scan"


def test_dxa_networks_are_calibrated_and_measured(tmp_path: Path) -> None:
    for name in ("dxa_cnn", "dxa_regions", "dxa_ways"):
        shutil.copytree(WEIGHTS / name, tmp_path / name)
    folder = str(write_fake_shards(tmp_path / "scans", shards=1, films=8, side=128))
    found = dxa.evaluate_dxa(folder, folder, tmp_path)
    assert set(found) == {"calibration", "dxa_cnn", "dxa_regions", "dxa_ways"}
    for name, unit in (("dxa_cnn", "patients"), ("dxa_regions", "dice"), ("dxa_ways", "dice")):
        metadata = read(tmp_path / name)
        (test,) = (entry for entry in metadata["metrics"] if entry["kind"] == "test")
        assert (test["cohort"], test["n"]) == ("simulated_dxa_50_90", 8)
        assert unit in test["values"]
        others = {entry["kind"] for entry in metadata["metrics"]} - {"test"}
        assert others <= {"validation", "real"}, "figures on patients and of training are kept"
    assert read(tmp_path / "dxa_cnn")["calibration"]["fitted_on"] == {"cohort": "simulated_dxa", "n": 8}
