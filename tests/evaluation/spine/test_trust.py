"""What is learned of trust: from films whose truth is known, and from numbers alone."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from bmd.evaluation.spine import trust
from bmd.evaluation.spine.films import disturbed, read_disturbed, shown
from bmd.evaluation.spine.trust import Seen, curve, evaluate_trust, fit_metal, fit_names, fit_of, measured, shares
from bmd.geometry import filled
from bmd.inference.spine.trust import CLUES
from bmd.models._metadata import read
from tests.inference.spines import TruthEngine, as_film, plain_tensor, toy_spine, unstretched
from tests.models.fakes import metadata


def seen(count: int, seed: int = 0) -> Seen:
    """Films whose names are right the more often the higher their odds; metal on every fifth, seen as it is."""
    rng = np.random.default_rng(seed)
    clues = rng.uniform(0, 1, (count, len(CLUES)))
    clues[:, 0] = rng.normal(2, 3, count)
    right = rng.random(count) < 1 / (1 + np.exp(-1.5 * clues[:, 0]))
    shows = (np.arange(count) % 5 == 0).astype(float)
    metal = np.where(shows == 1, rng.uniform(0.5, 1, count), rng.uniform(0, 0.3, count))
    scores = rng.uniform(0, 1, count)
    return Seen(clues, right, np.ones(count, bool), metal, shows, scores, scores, metal, shows)


def test_the_probability_means_what_it_says_and_certain_is_seldom_wrong() -> None:
    names = fit_names(seen(3000))
    other = seen(3000, seed=1)
    assert names["weights"]["odds"] == pytest.approx(1.5, rel=0.15)
    assert all(abs(names["weights"][key]) < 0.8 for key in CLUES[1:])
    for mid, share, n in curve(shares(other, names), other.right):
        assert abs(mid - share) < 0.03 + 2 / n**0.5
    values = measured(other, names, fit_metal(seen(3000)))
    assert values["certain_and_wrong"] <= 0.01
    assert values["certain"] > 0.4
    assert values["calibration_error"] < 0.03


def test_unsound_chains_are_never_certain() -> None:
    some = seen(500)
    unsound = Seen(**{**vars(some), "sound": np.zeros(500, bool)})
    assert measured(unsound, fit_names(some), fit_metal(some))["certain"] == 0


def test_metal_limits_find_metal_and_raise_no_false_alarm() -> None:
    limits = fit_metal(seen(2000))
    assert limits["film_from"] == limits["body_from"] == pytest.approx(0.3, abs=0.02)
    values = measured(seen(2000, seed=1), fit_names(seen(2000)), limits)
    assert values["metal_found"] == 1
    assert values["metal_false"] <= 0.02


def test_a_limit_never_lies_in_the_noise() -> None:
    some = seen(400)
    silent = Seen(**{**vars(some), "metal": np.where(some.shows == 1, 0.9, 0.001)})
    assert fit_metal(silent)["film_from"] >= 0.1


def test_an_outline_fits_the_body_it_lies_on() -> None:
    spine = toy_spine(0)
    film = np.round(as_film(spine.labels) * 255).astype(np.uint8)
    case = shown("whole", 0, film, spine.labels, spine.quads, np.ones(9, bool))
    inside = filled(spine.quads[4], case.labels.shape)
    assert fit_of(case, inside) > 0.9
    assert fit_of(case, np.roll(inside, 60, 1)) < 0.3
    assert disturbed(case, 3).pixels.shape == film.shape
    assert (disturbed(case, 3).pixels != case.pixels).any()


def test_the_command_stores_what_it_fitted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bmd.inference.spine.looks.film_tensor", plain_tensor)
    monkeypatch.setattr("bmd.inference.spine.localise.every_way", unstretched)
    monkeypatch.setattr(trust, "read_disturbed", lambda folder, count: plain(folder))
    spines = [toy_spine(seed // 2) for seed in range(8)]
    quads = [np.roll(s.quads, k > 5, 0) for k, s in enumerate(spines)]  # the truth of the last two is one level off
    arrays = {
        "image": np.stack([np.round(as_film(s.labels) * 255).astype(np.uint8) for s in spines]),
        "labels": np.stack([s.labels for s in spines]),
        "metal": np.stack([(s.labels == 6).astype(np.uint8) for s in spines]),
        "corners": np.stack(quads).astype(np.float32),
        "visible": np.ones((8, 9), bool),
    }
    np.savez_compressed(tmp_path / "films_0000000.npz", **arrays)
    assert [case.kind for case in read_disturbed(str(tmp_path), 4)] == ["whole", "whole", "part", "part"]
    (tmp_path / "cmnet").mkdir()
    (tmp_path / "cmnet" / "metadata.json").write_text(json.dumps(metadata(name="cmnet")), encoding="utf-8")
    found = evaluate_trust(str(tmp_path), weights=tmp_path, engine=TruthEngine(metal_on="L3"))
    stored = read(tmp_path / "cmnet")["calibration"]
    assert stored["names"] == found["names"]
    assert stored["metal"] == found["metal"]
    assert stored["fitted_on"] == {"cohort": "simulated_films", "n": 4}
    assert found["metrics"]["metal_found"] == found["metrics"]["under_metal_found"] == 1
    assert found["metrics"]["under_metal_false"] == 0
    assert found["metrics"]["names_right"] == 0.75


def plain(folder: str) -> list:  # type: ignore[type-arg]
    """Toy films as they are: what is printed on them would spell other labels."""
    with np.load(next(Path(folder).glob("films_*.npz"))) as shards:
        rows = zip(*(shards[key] for key in ("image", "labels", "corners", "visible", "metal")), strict=True)
        return [shown("whole", k, *row) for k, row in enumerate(rows)]
