"""What is printed on a film changes its pixels and nothing else: shape, range, type, repeatability."""

from __future__ import annotations

import numpy as np
import pytest

from bmd.simulator.film import printed
from bmd.simulator.film.tissue import noise

SHAPES = ((64, 64), (64, 90), (384, 300), (500, 150))


def picture(shape: tuple[int, int]) -> printed.F32:
    rough = noise(np.random.default_rng(3), shape, shape[0] / 4, 5, 0.8)
    return np.clip(0.5 + 0.2 * rough, 0, 1).astype(np.float32)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", sorted(printed.NUISANCES))
def test_a_nuisance_changes_pixels_and_nothing_else(name: str, shape: tuple[int, int]) -> None:
    draw, before = printed.NUISANCES[name], picture(shape)
    kept = before.copy()
    for seed in range(25):
        after = draw(before, np.random.default_rng(seed))
        assert np.array_equal(before, kept), "the input is left as it is"
        assert after.shape == shape
        assert after.dtype == np.float32
        assert 0 <= after.min() <= after.max() <= 1
        assert np.abs(after - before).max() > 0.05, seed
        assert np.array_equal(after, draw(before, np.random.default_rng(seed)))
    assert not np.array_equal(after, draw(before, np.random.default_rng(99)))


@pytest.mark.parametrize("name", ["grid", "ruler", "lettering", "sticker"])
def test_what_is_printed_leaves_the_rest_where_it_was(name: str) -> None:
    before = picture((384, 300))
    for seed in range(25):
        assert np.median(np.abs(printed.NUISANCES[name](before, np.random.default_rng(seed)) - before)) < 1e-6


def test_lines_of_a_grid_run_both_ways_at_its_pitch() -> None:
    plain = np.full((400, 400), 0.2, np.float32)
    for seed in range(20):
        change = np.abs(printed.grid(plain, np.random.default_rng(seed)) - plain) > 0.02
        for axis in (0, 1):
            crossings = change.mean(axis) > 0.5  # turned grids smear their lines over a few pixels
            spread = change.any(1 - axis).mean()
            assert crossings.any() or spread > 0.9
    assert change.mean() < 0.6


def test_thin_lines_stay_visible_on_small_pictures() -> None:
    assert printed._lines(np.arange(20.0), 10.0, 5.3, 0.4).max() == pytest.approx(0.4)
    cover = printed._lines(np.arange(2000.0), 100.0, 33.3, 3.0)
    assert cover.mean() == pytest.approx(0.03, rel=0.05)


def test_low_contrast_is_low_and_parts_are_driven_to_an_end() -> None:
    before = picture((128, 128))
    for seed in range(20):
        assert printed.flat(before, np.random.default_rng(seed)).std() < 0.5 * before.std()
        after = printed.bright_or_dark_part(before, np.random.default_rng(seed)) - before
        assert (after >= -1e-6).all() or (after <= 1e-6).all()


def test_equalising_lifts_weak_detail() -> None:
    weak = (0.5 + 0.05 * (picture((256, 256)) - 0.5)).astype(np.float32)
    for seed in range(10):
        assert printed.equalise(weak, np.random.default_rng(seed)).std() > 1.5 * weak.std()
