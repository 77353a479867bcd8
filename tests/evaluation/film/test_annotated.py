"""Scores of annotated films, against cases worked out by hand and against the reference script where it is there."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

from bmd.errors import InputError
from bmd.evaluation.film.annotated import certainty, evaluate_films, score
from bmd.evaluation.film.annotations import Film, read_annotations
from bmd.evaluation.film.overlays import overlays
from bmd.reference import LUMBAR
from bmd.types import Image, Report, Study, Suitability, Vertebra


def film(name: str = "a.png") -> Film:
    quads = {
        level: np.array([[40, 20 + 30 * k], [80, 20 + 30 * k], [80, 42 + 30 * k], [40, 42 + 30 * k]], float)
        for k, level in enumerate(LUMBAR)
    }
    return Film(Path(name), (200, 200), quads)


def answer(shift: int = 0, dx: float = 0.0, name: str = "a.png", **extra: object) -> dict:
    """The truth as a prediction, its names shifted along the spine, its boxes to the side."""
    bodies = []
    for k, level in enumerate(LUMBAR):
        quad = film().quads[LUMBAR[k + shift]] + [dx, 0] if 0 <= k + shift < 5 else None
        if quad is not None:
            box = [*quad.min(0).tolist(), *quad.max(0).tolist()]
            bodies.append({"level": level, "box": box, "score": 0.9, "contour": quad.tolist()})
    return {"file": name, "suitable": True, "vertebrae": bodies, **extra}


def test_the_truth_scores_one() -> None:
    got = score([film()], [answer()])
    assert got["films"] == 1
    assert [got[k] for k in ("level_exact", "found", "dice", "ap50")] == [1, 1, 1, 1]
    assert got["all_five"] == 1


def test_a_shifted_chain_is_found_but_not_exact() -> None:
    got = score([film()], [answer(shift=1)])
    assert got["level_exact"] == 0
    assert got["found"] == 0.8
    assert got["ap50"] == 0


def test_boxes_to_the_side_lose_hits_and_overlap() -> None:
    assert score([film()], [answer(dx=13)])["found"] == 0
    assert score([film()], [answer(dx=11)])["found"] == 1


def test_certain_and_wrong_and_every_failure_is_named() -> None:
    names = ("right.png", "off.png", "sure.png", "low.png", "no.png", "gone.png")
    answers = [
        answer(name="right.png", levels_certain=True),
        answer(shift=1, name="off.png", levels_certain=False),
        answer(shift=1, name="elsewhere/sure.png", levels_certain=True),
        answer(dx=13, name="low.png", levels_certain=True),
        {"file": "no.png", "suitable": False, "vertebrae": [], "levels_certain": False},
    ]
    found = certainty([film(name) for name in names], answers)
    assert (found["certain"], found["certain_wrong"]) == (3, 1)
    assert found["failures"] == {
        "off.png": ["missed", "misnamed"],
        "sure.png": ["missed", "misnamed", "certain_wrong"],
        "low.png": ["missed"],
        "no.png": ["refused"],
        "gone.png": ["unread"],
    }
    some = film("b.png")
    del some.quads["L1"]
    assert certainty([some], []) == {"certain": 0, "certain_wrong": 0, "failures": {}}


def test_pictures_are_drawn_of_what_fails_or_of_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import bmd.modality

    good = tuple(Vertebra(level, (*q.min(0), *q.max(0)), q, 0.9) for level, q in film().quads.items())
    images = []
    for name in ("good.png", "bad.png"):
        Pillow.new("L", (200, 200), 90).save(tmp_path / name)
        vertebrae = [{"level": level, "quad": quad.tolist()} for level, quad in film().quads.items()]
        images.append({"file": name, "size": [200, 200], "vertebrae": vertebrae})
    (tmp_path / "annotations.json").write_text(json.dumps({"images": images}))

    def analyse(study: Study, file: str, **_: object) -> Report:
        return Report(file, "radiograph", Suitability(True), good if file == "good.png" else good[1:])

    monkeypatch.setattr(bmd.modality, "analyse", analyse)
    found = evaluate_films(tmp_path, pictures=tmp_path / "failing")
    assert (found["films"], found["found"], found["failures"]) == (2, 0.9, {"bad.png": ["missed"]})
    assert [path.name for path in (tmp_path / "failing").iterdir()] == ["bad.png"]
    evaluate_films(tmp_path / "annotations.json", pictures=tmp_path / "all", every=True)
    assert sorted(path.name for path in (tmp_path / "all").iterdir()) == ["bad.png", "good.png"]


def test_films_without_all_five_levels_do_not_count_and_missing_predictions_do() -> None:
    some = film("b.png")
    del some.quads["L1"]
    assert score([some], [])["films"] == 0
    assert score([film()], [])["found"] == 0
    assert score([film()], [{"file": "a.png", "suitable": False, "vertebrae": None}])["refused"] == 1


def test_equal_to_the_reference_script(real_data: Path, tmp_path: Path) -> None:
    folder = real_data / "xray_real"
    annotations = folder / "lateral_lumbar_19" / "annotations.json"
    if not annotations.is_file():
        pytest.skip("no annotated films there")
    films = read_annotations(annotations)
    rng = np.random.default_rng(0)
    predictions = [disturbed(one, rng) for one in films]
    path = tmp_path / "predictions.json"
    path.write_text(json.dumps(predictions))
    output = subprocess.run(
        [sys.executable, str(folder / "score.py"), str(annotations), str(path)], capture_output=True, check=True
    ).stdout
    found, reference = score(films, predictions), json.loads(output)
    assert {key: found[key] for key in reference} == reference
    for key in ("dice", "level_exact"):
        assert found[f"{key}_low"] <= found[key] <= found[f"{key}_high"]
    assert set(found) - set(reference) == {
        "dice_low",
        "dice_high",
        "level_exact_low",
        "level_exact_high",
        "incomplete",
        "bodies",
    }


def disturbed(one: Film, rng: np.random.Generator) -> dict:
    """A prediction that is sometimes wrong in every way."""
    bodies = []
    for level, quad in one.quads.items():
        moved = quad + rng.normal(0, 8, quad.shape)
        name = level if rng.random() < 0.8 else str(rng.choice(LUMBAR))
        box = [*moved.min(0).tolist(), *moved.max(0).tolist()]
        body = {"level": name, "box": box, "score": float(rng.random())}
        bodies.append(body | ({"contour": moved.tolist()} if rng.random() < 0.7 else {}))
    return {"file": f"elsewhere/{one.path.name}", "suitable": bool(rng.random() < 0.9), "vertebrae": bodies}


def test_unreadable_annotations_say_so(tmp_path: Path) -> None:
    bad = tmp_path / "a.json"
    bad.write_text('{"images": [{"file": "a.png"}]}')
    with pytest.raises(InputError):
        read_annotations(bad)
    with pytest.raises(InputError):
        evaluate_films(tmp_path / "none.json")


def test_overlays_show_every_film() -> None:
    study = Study("x", (Image(np.full((120, 80), 0.5, np.float32), "radiograph"),))
    square = np.array([[10.0, 10], [40, 10], [40, 40], [10, 40]])
    report = Report("a.png", "radiograph", Suitability(True), (Vertebra("L1", (10, 10, 40, 40), square, 0.9),))
    sheet = overlays([(study, report)] * 3, {"a.png": {"L1": square}}, columns=2, side=100)
    assert sheet.size == (200, 200)
    assert np.array(sheet)[:100].std() > 0
