"""One distribution gives every number of a film's density: on a grid of numbers, and on simulated films."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from bmd.inference.engine import TorchEngine
from bmd.inference.film.measure import Measured, Normal, between, likeliest, measure, prediction
from bmd.inference.run import Networks
from bmd.reference import CATEGORIES, DENSITY_LEVELS, LEVELS, category
from bmd.simulator.case import simulate_film
from bmd.types import Demographics, Prediction, Vertebra


def check(found: Prediction, said: dict) -> None:
    """Number, interval, class and probabilities of one prediction belong together, or it is said what differs."""
    assert found.t_score is not None
    assert found.interval is not None
    assert found.interval[0] < found.t_score < found.interval[1]
    assert found.category == category(found.t_score)
    top = max(CATEGORIES, key=lambda name: found.probabilities[name])
    if found.probabilities[top] > found.probabilities[found.category]:
        told = said["film.between"]["likeliest"].code if found.level is None else said["film.between_levels"]["levels"]
        assert told == f"category.{top}" if found.level is None else found.level in told
    elif found.level is None:
        assert "film.between" not in said


@given(t=st.floats(-6, 3), spread=st.floats(0.1, 3), level=st.sampled_from([None, *DENSITY_LEVELS]))
def test_everything_follows_from_one_distribution(t: float, spread: float, level: str | None) -> None:
    found = prediction(level, Normal(t, spread), "x")
    check(found, {one.code: one.values for one in between([found])})
    assert found.t_score == pytest.approx(t, abs=0.06)
    assert found.interval is not None
    for end, share in zip(found.interval, (0.05, 0.95), strict=True):
        assert end == pytest.approx(norm.ppf(share, t, spread), abs=0.11)
    edges = norm.cdf([-2.45, -1.05], t, spread)
    exact = dict(zip(CATEGORIES, (1 - edges[1], edges[1] - edges[0], edges[0]), strict=True))
    assert found.probabilities == pytest.approx(exact, abs=0.006 / spread)


@pytest.mark.parametrize(
    ("t", "spread", "named", "most"),
    [
        (-1.2, 1.2, "osteopenia", "normal"),
        (-2.3, 1.2, "osteopenia", "osteoporosis"),
        (-1.75, 1.2, "osteopenia", "osteopenia"),
        (-1.2, 0.1, "osteopenia", "osteopenia"),
        (-0.5, 1.5, "normal", "normal"),
        (-3.0, 2.0, "osteoporosis", "osteoporosis"),
    ],
)
def test_only_a_wide_estimate_near_a_cut_off_has_two_readings(t: float, spread: float, named: str, most: str) -> None:
    found = prediction(None, Normal(t, spread), "x")
    assert (found.category, likeliest(found)) == (named, most)
    assert len(between([found])) == (named != most)


def truly_found(seed: int) -> tuple[np.ndarray, tuple[Vertebra, ...], Demographics]:
    """A simulated film, its bodies at their true corners, and what is known of the patient."""
    case = simulate_film(seed)
    bodies = []
    for level, corners, seen in zip(LEVELS, case.truth.corners_px, case.truth.visible, strict=True):
        if seen:
            box = (*corners.min(0).tolist(), *corners.max(0).tolist())
            bodies.append(Vertebra(level, box, corners, 1.0, corners))
    return case.study.images[0].pixels, tuple(bodies), case.study.patient


def test_shipped_weights_never_contradict_themselves_on_simulated_films() -> None:
    networks, judged = Networks(TorchEngine("cpu", bf16=False)), 0
    for seed in range(88_000_000, 88_000_008):
        film, bodies, patient = truly_found(seed)
        for told in (Demographics(), patient):
            found: Measured = measure(film, bodies, told, networks)
            assert "L5" not in {p.level for p in found.each}
            if found.patient is None:
                assert not found.each or len(found.each) < 2
                continue
            judged += 1
            said = {one.code: one.values for one in found.said}
            for one in (found.patient, *found.each):
                check(one, said)
    assert judged >= 8, "most simulated films can be judged"
