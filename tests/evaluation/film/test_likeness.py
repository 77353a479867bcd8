"""Likeness of two sets of films: the test on numbers, and the command on toy films."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from bmd.errors import InputError
from bmd.evaluation.film import likeness
from tests.inference.spines import TruthEngine, as_film, plain_tensor, toy_spine, unstretched


def test_samples_of_other_kinds_are_told_apart() -> None:
    rng = np.random.default_rng(0)
    one, same = rng.normal(0, 1, (40, 12)), rng.normal(0, 1, (90, 12))
    apart, p = likeness.mmd(one, same + 0.8, 300)
    assert p < 0.01
    assert apart > 5 * abs(likeness.mmd(one, same, 10)[0])
    wider = likeness.mmd(one, 2 * same, 300)[1]
    assert wider < 0.01, "not only the means count"


def test_p_values_of_alike_samples_are_even() -> None:
    rng = np.random.default_rng(1)
    p = [likeness.mmd(rng.normal(0, 1, (12, 3)), rng.normal(0, 1, (20, 3)), 99, k)[1] for k in range(60)]
    assert 0.3 < np.mean(p) < 0.7


def seen(value: float, name: str = "x") -> likeness.Seen:
    crops = np.full((2, 64, 64), value, np.float32)
    return likeness.Seen(name, crops, np.full((2, 4), value))


def test_neighbours_are_those_nearest_in_features() -> None:
    picture = likeness.neighbours([seen(1.0)], [seen(v) for v in (-2.0, 0.9, 1.1, 5.0, -1.0, 0.0)])
    assert picture.shape == (128, 128 * (1 + likeness.NEAREST))
    greys = picture[0, ::128]
    assert greys[0] == int((1.0 + 2) / 4 * 255)
    assert set(greys[1:5].tolist()) == {int((v + 2) / 4 * 255) for v in (0.9, 1.1)}


def test_films_of_a_folder_are_compared_with_shards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bmd.inference.spine.looks.film_tensor", plain_tensor)
    monkeypatch.setattr("bmd.inference.spine.localise.every_way", unstretched)
    engine, films = TruthEngine(), tmp_path / "films"
    engine.region = {"mean": np.ones(192), "whiten": np.eye(192), "limit": np.array(1.0)}
    images = np.stack([np.round(255 * as_film(toy_spine(seed).labels)) for seed in range(3)]).astype(np.uint8)
    monkeypatch.setattr(likeness, "read_shards", lambda data, count: {"image": images})
    films.mkdir()
    with pytest.raises(InputError):
        likeness.evaluate_likeness(films, "anywhere", engine=engine)
    for k in range(2):
        cv2.imwrite(str(films / f"{k}.png"), images[k])
    (films / "note.txt").write_text("no film")
    got = likeness.evaluate_likeness(films, "anywhere", out=tmp_path / "out", engine=engine)
    assert (got["real"], got["simulated"]) == (2, 3)
    assert got["inside"] == got["simulated_inside"] == 1
    assert got["outside"] == []
    assert (tmp_path / "out" / "neighbours.png").is_file()
    engine.region["mean"] = np.full(192, 3.0)
    assert likeness.evaluate_likeness(films, "anywhere", engine=engine)["outside"] == ["0.png", "1.png"]
