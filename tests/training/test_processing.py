from __future__ import annotations

import numpy as np
import pytest

from bmd.training import processing


@pytest.fixture(scope="module")
def film():
    y, x = np.mgrid[0:192, 0:192] / 192
    wave = 0.4 + 0.1 * np.sin(5 * x) * np.cos(4 * y)
    wave[80:110, 60:100] += 0.3
    return wave.astype(np.float32)


@pytest.mark.parametrize("step", [step for _, step in processing.STEPS], ids=lambda step: step.__name__)
def test_each_step_changes_a_film_and_keeps_its_places(film, step):
    for seed in range(5):
        kept = film.copy()
        after = step(kept, np.random.default_rng(seed))
        np.testing.assert_array_equal(kept, film)
        assert after.shape == film.shape
        assert after.dtype == np.float32
        assert np.isfinite(after).all()
        assert np.abs(after - film).max() > 1e-3


STILL = [step for _, step in processing.STEPS if step is not processing.noise]


@pytest.mark.parametrize("step", STILL, ids=lambda step: step.__name__)
def test_no_step_moves_an_edge(film, step):
    for seed in range(5):
        after = step(film, np.random.default_rng(seed)).astype(float)
        rows = np.abs(np.diff(after[:, 64:96], axis=0)).mean(1)
        columns = np.abs(np.diff(after[84:106], axis=1)).mean(0)
        assert min(abs(int(rows.argmax()) - edge) for edge in (79, 109)) <= 2, seed
        assert min(abs(int(columns.argmax()) - edge) for edge in (59, 99)) <= 2, seed


def test_marks_are_those_of_the_simulator(film):
    drawn = [processing.mark(film, np.random.default_rng(seed)) for seed in range(8)]
    assert all(one.shape == film.shape and one.dtype == np.float32 for one in drawn)
    assert max(np.abs(one - film).max() for one in drawn) > 0.1


def test_display_curves_keep_the_order_of_grey_values():
    ramp = np.linspace(0, 1, 400, dtype=np.float32).reshape(20, 20)
    for seed in range(20):
        for step in (processing.gamma, processing.curve):
            after = step(ramp, np.random.default_rng(seed)).ravel()
            assert (np.diff(after) >= -1e-6).all()
            assert after[-1] - after[0] > 0.99


def test_process_is_in_range_and_repeats(film):
    for seed in range(10):
        once, twice = (processing.process(film, np.random.default_rng(seed)) for _ in range(2))
        np.testing.assert_array_equal(once, twice)
        assert once.dtype == np.float32
        assert 0 <= once.min() <= once.max() <= 1
