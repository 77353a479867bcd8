"""Ranking pictures by fixed scores, and counting what became of them: each figure is checked where it is known."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from bmd import cli
from bmd.errors import InputError
from bmd.evaluation.dxa import pictures
from bmd.evaluation.dxa.ranking import DISPLAYS, cues
from bmd.simulator.case import simulate_dxa
from bmd.types import Report, Suitability, Vertebra


def _drawn(bone: float, soft: float = 0.2, grain: float = 0.01) -> tuple[np.ndarray, list[Vertebra]]:
    """A column of four bodies of one grey, with darker discs, between soft tissue."""
    rng = np.random.default_rng(1)
    grey = np.full((200, 120), soft, np.float32) + grain * rng.standard_normal((200, 120)).astype(np.float32)
    found = []
    for k in range(4):
        top, low = 20 + 40 * k, 59 + 40 * k
        grey[top : low + 1, 40:80] = 0.7 * bone
        grey[top + 7 : low - 6, 40:80] = bone
        outline = np.array([[40, top], [79, top], [79, low], [40, low]], float)
        found.append(Vertebra(f"L{k + 1}", (40, top, 79, low), outline, 1.0))
    return np.clip(grey, 0, 1), found


def test_less_bone_scores_higher_and_a_window_cancels_where_it_should() -> None:
    dense, light = (cues(*_drawn(bone)) for bone in (0.8, 0.5))
    for name in ("bone grey", "bone minus soft tissue", "bone over soft tissue", "bodies minus discs"):
        assert light[name] > dense[name], name
    assert light["edge of the bone"] > dense["edge of the bone"]
    grey, found = _drawn(0.8)
    windowed = cues(0.5 * grey, found)
    ratio = "bone over soft tissue's spread"
    assert windowed[ratio] == pytest.approx(dense[ratio], rel=0.1)
    assert windowed["low bodies (height over width)"] == dense["low bodies (height over width)"]


def test_rough_texture_has_the_flatter_variogram() -> None:
    grey, found = _drawn(0.6)
    noise = np.random.default_rng(0).standard_normal(grey.shape).astype(np.float32)
    smooth = cv2.GaussianBlur(noise, (0, 0), 2)
    name = "texture: slope of the variogram"
    rough = cues(grey + 0.02 * noise, found)[name]
    assert rough > cues(grey + 0.02 * smooth / smooth.std(), found)[name] + 0.5


def test_nothing_is_scored_without_two_regions() -> None:
    grey, found = _drawn(0.6)
    assert cues(grey, found[:1]) == {}
    assert cues(grey, []) == {}


def test_every_display_keeps_the_range() -> None:
    grey = np.linspace(0, 1, 100, dtype=np.float32).reshape(10, 10)
    for undo in DISPLAYS.values():
        assert 0 <= undo(grey).min() <= undo(grey).max() <= 1
        assert undo(grey).dtype == np.float32


def test_scores_are_ranked_against_osteoporosis_and_looks_are_counted() -> None:
    classes = {f"{k}.png": "osteoporosis" if k < 10 else "normal" for k in range(30)}
    rng = np.random.default_rng(0)
    scores = {
        file: {"truth": float(k < 10) + 0.01 * k, "chance": float(rng.random())} for k, file in enumerate(classes)
    }
    found = pictures.ranked(scores, classes)
    assert found["ranking"]["truth"]["auc"] == 1.0
    assert found["ranking"]["truth"]["n"] == 30
    assert found["ranking"]["chance"]["low"] < 0.5 < found["ranking"]["chance"]["high"]
    assert found["looks"] == 3
    assert found["classes"] == {"osteoporosis": 10, "normal": 20}


def _report(code: str | None = None, inverted: bool = False, down: bool = False, certain: bool = True) -> Report:
    gate = Suitability(code is None, (), inverted, upside_down=down)
    if code is not None:
        from bmd.findings import refusal

        gate = Suitability(False, (refusal(code),))
    return Report("", "dxa", gate, levels_certain=certain)


def test_what_becomes_of_a_turned_picture_is_told_apart() -> None:
    dark = pictures.TURNS["negative"][0]
    assert pictures._became(_report(inverted=True), dark) == "names certain"
    assert pictures._became(_report(inverted=True, certain=False), dark) == "names uncertain"
    assert pictures._became(_report(), dark) == "read the wrong way round"
    assert pictures._became(_report("dxa.no_spine"), dark) == "dxa.no_spine"


def test_the_command_measures_a_folder(tmp_path: Path, monkeypatch, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(InputError):
        pictures.evaluate_pictures(tmp_path)
    shown = simulate_dxa(3, finding="normal", height=240).study.images[0].pixels
    for k in range(2):
        cv2.imwrite(str(tmp_path / f"{k}.png"), (shown * 255).round().astype(np.uint8))
    classes = [{"file": "0.png", "category": "normal"}, {"file": "1.png", "category": "osteoporosis"}]
    (tmp_path / "labels.json").write_text(json.dumps(classes))
    monkeypatch.setattr(pictures, "analyse_dxa", lambda *given, **named: _report("dxa.no_spine"))
    monkeypatch.setattr(pictures, "_scores", lambda study, networks: {"a": 1.0})
    assert cli.main(["evaluate", "dxa-pictures", str(tmp_path)]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["pictures"] == 2
    assert found["turned"]["negative"] == {"dxa.no_spine": 2}
    assert found["ranking"]["a"]["auc"] == 0.5
    assert cli.main(["evaluate", "dxa-pictures"]) == 2
