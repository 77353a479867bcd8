"""The test of the view: what it must not depend on, and that it tells simulated films from the side and front apart."""

from __future__ import annotations

import numpy as np
import pytest

from bmd.evaluation.film.view import fit
from bmd.inference.film.view import edge_histograms, frontal_logit, picture_logit, view_features
from bmd.inference.spine.decode import Decoded
from bmd.simulator.case import simulate_film

SEEDS = range(9_100_000, 9_100_010)


def picture(seed: int, view: str) -> np.ndarray:
    return simulate_film(seed, 256, view).study.images[0].pixels  # type: ignore[arg-type]


def test_films_from_the_front_are_told_from_films_from_the_side() -> None:
    side = np.array([picture_logit(picture(seed, "lateral")) for seed in SEEDS])
    front = np.array([picture_logit(picture(seed, "ap")) for seed in SEEDS])
    assert np.median(side) < -1
    assert np.median(front) > 1
    assert np.mean(side[:, None] < front[None]) > 0.9


def test_mirroring_a_film_changes_nothing() -> None:
    film = picture(3, "lateral")
    assert np.allclose(view_features(film), view_features(np.ascontiguousarray(film[:, ::-1])), atol=1e-5)


def test_exposure_changes_little() -> None:
    film = picture(3, "lateral")
    assert abs(picture_logit(film) - picture_logit(np.clip(0.8 * film + 0.05, 0, 1))) < 1.5


def test_a_sure_localiser_speaks_for_a_film_from_the_side() -> None:
    sure = Decoded(bodies=(None,) * 7, evidence=6.3, sacrum=0.8, posterior=0.99, facing=1.0, doubt=0.2)  # type: ignore
    lost = Decoded(bodies=(None,) * 7, evidence=3.5, sacrum=0.0, posterior=0.5, facing=0.2, doubt=1.3)  # type: ignore
    assert frontal_logit(0.0, sure) < 0 < frontal_logit(0.0, lost)
    assert frontal_logit(3.0, sure) > frontal_logit(-3.0, sure)


def test_edges_of_a_blank_film_are_none() -> None:
    assert edge_histograms(np.full((50, 40), 0.5, np.float32)).max() < 1e-3


@pytest.mark.parametrize("shift", [0.5, 2.0])
def test_the_fit_finds_what_separates(shift: float) -> None:
    rng = np.random.default_rng(0)
    side, front = rng.normal(0, 1, (400, 5)), rng.normal(0, 1, (200, 5))
    front[:, 2] += shift
    weights, bias = fit(side, front, 0.01)
    assert np.argmax(np.abs(weights)) == 2
    assert weights[2] > 0
    assert np.mean(front @ weights + bias > 0) > 0.55
