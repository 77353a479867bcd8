"""What is said of low bodies against the truth: matched by place, counted by grade; corners in any order."""

from __future__ import annotations

import json

import numpy as np
import pytest

from bmd.evaluation.film.fractures import GRADES, compare_annotated, evaluate_film_fractures, matched, ordered, summed
from bmd.inference.film.fracture import Low
from bmd.reference import LEVELS
from bmd.truth import Truth
from bmd.types import Vertebra


def square(x: float, y: float) -> np.ndarray:
    return np.array([[x, y], [x - 30, y], [x - 30, y + 30], [x, y + 30]], np.float32)


def truth(grades: dict[str, int]) -> Truth:
    corners = np.stack([square(60, 50 * k) for k in range(len(LEVELS))])
    known = np.array([grades.get(level, 0) for level in LEVELS], np.int8)
    nothing = np.zeros(len(LEVELS), np.float32)
    visible = np.array([level != "L1" for level in LEVELS])
    return Truth(np.zeros((2, 2), np.uint8), corners, corners[:, 0], visible, nothing, nothing, known, 0.9, -1.0)


def found(level: str, place: str) -> Vertebra:
    corners = square(62, 50 * LEVELS.index(place) + 3)
    return Vertebra(level, (0, 0, 1, 1), corners, 0.9, corners)


def test_bodies_are_matched_by_place_and_those_out_of_the_picture_do_not_count() -> None:
    bodies = (found("L2", "L3"), found("L3", "L4"))  # named one too high
    rows = matched(bodies, (Low("L2", 0.3, 0.1, 0.3), Low("L3", 0.0, 0.0, 0.0)), truth({"L1": 3, "L3": 2}))
    assert rows == [(0, False, False), (2, True, True), (0, True, False)]
    counted = summed([rows])
    assert counted["moderate"] == {"bodies": 1, "judged": 1, "said": 1}
    assert counted["none"] == {"bodies": 2, "judged": 1, "said": 0}
    assert counted["severe"]["bodies"] == 0


def test_corners_in_any_order_become_those_of_the_outline() -> None:
    ours = square(60, 50)
    for shift in range(4):
        for way in (1, -1):
            assert ordered(np.roll(ours, shift, 0)[::way] + 2.0, ours) == pytest.approx(ours + 2.0)


@pytest.mark.slow
def test_simulated_films_give_counts_for_every_grade() -> None:
    told = evaluate_film_fractures(2, 940_100)
    assert told["films"] == 2
    assert set(GRADES) <= set(told)
    assert all(row["said"] <= row["judged"] <= row["bodies"] for row in (told[grade] for grade in GRADES))
    assert sum(told[grade]["bodies"] for grade in GRADES) >= 6


@pytest.mark.slow
def test_annotated_films_are_compared_with_their_corners(tmp_path) -> None:
    from PIL import Image as Pillow

    from bmd.app.film.samples import SAMPLES
    from bmd.readers import read_study
    from bmd.simulator.case import simulate_film

    sample = SAMPLES.named("normal")
    pixels = read_study(sample.path.name, sample.path.read_bytes()).images[0].pixels
    known = simulate_film(sample.truth()["seed"], pixels.shape[0], finding="normal").truth
    Pillow.fromarray((pixels * 255).astype(np.uint8)).save(tmp_path / "film.png")
    quads = [{"level": v, "quad": q.tolist()} for v, q in zip(LEVELS, known.corners_px.astype(float), strict=True)]
    image = {"file": "film.png", "size": list(pixels.shape[::-1]), "vertebrae": quads}
    (tmp_path / "annotations.json").write_text(json.dumps({"images": [image]}))
    told = compare_annotated(tmp_path)
    assert told["judged"] >= 3
    assert told["said"] == told["low_by_corners"] == 0
    assert abs(told["shift"]) < 0.1
