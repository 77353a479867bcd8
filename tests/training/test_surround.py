from __future__ import annotations

import numpy as np
import pytest

from bmd.training import surround


def spine(left: bool = False):
    """A film (256, 256) with four bright bodies in a dark surround, and their corners (5, 4, 2), the last unknown."""
    film = np.full((256, 256), 0.3, np.float32)
    corners = np.full((5, 4, 2), np.nan, np.float32)
    for k in range(4):
        top = 30 + 50 * k
        film[top : top + 36, 100:150] = 0.6
        box = [[100, top], [149, top], [149, top + 35], [100, top + 35]]
        corners[k] = [box[1], box[0], box[3], box[2]] if left else box
    return film, corners


@pytest.fixture
def bodies():
    film, corners = spine()
    return film, surround.find_bodies(film, corners, np.random.default_rng(0))


@pytest.mark.parametrize("left", [False, True])
def test_masks_lie_where_they_say(left):
    film, corners = spine(left)
    found = surround.find_bodies(film, corners, np.random.default_rng(0))
    assert found.width == pytest.approx(49)
    assert found.inside[48, 125] > 0.99
    assert found.inside[48, 60] < 0.01
    assert found.disc[73, 125] > 0.5
    assert found.disc[48, 125] < 0.1
    before, behind = (20, 230) if left else (230, 20)
    assert found.front[100, before] == 1
    assert found.front[100, behind] == 0
    assert found.unit == pytest.approx(0.15, abs=0.05)


def test_nothing_is_drawn_where_too_few_bodies_are_known():
    film, corners = spine()
    corners[1:] = np.nan
    assert surround.find_bodies(film, corners, np.random.default_rng(0)) is None
    assert surround.redraw(film, corners, np.random.default_rng(0)) is film


def test_surround_changes_and_bodies_stay(bodies):
    film, found = bodies
    core = np.s_[40:54, 115:135]
    outside = np.s_[:, 190:]
    for step in (surround.around_bodies, surround.other_tissue):
        moved = [step(film, found, np.random.default_rng(seed)) for seed in range(12)]
        assert max(np.abs(m[core] - film[core]).max() for m in moved) < 0.02, step.__name__
        assert np.std([m[outside].mean() for m in moved]) > 0.01, step.__name__


def test_frame_is_softened_and_the_rest_is_not(bodies):
    film, found = bodies
    steps = [np.abs(np.diff(f[48])).max() for f in (film, surround.soften_frame(film, found, np.random.default_rng(1)))]
    assert steps[1] < 0.8 * steps[0]
    after = surround.soften_frame(film, found, np.random.default_rng(1))
    np.testing.assert_allclose(after[:, 200:], film[:, 200:], atol=1e-4)


@pytest.mark.parametrize("step", [surround.overlay, surround.gas, surround.bands])
def test_overlays_reach_over_the_bodies(bodies, step):
    film, found = bodies
    core = found.inside > 0.99
    changed = [np.abs(step(film, found, np.random.default_rng(seed)) - film)[core].max() for seed in range(20)]
    assert max(changed) > 0.3 * found.unit
    assert max(changed) < 4 * found.unit


def test_redraw_is_in_range_repeats_and_now_and_then_leaves_the_film():
    film, corners = spine()
    same = 0
    for seed in range(60):
        once, twice = (surround.redraw(film, corners, np.random.default_rng(seed)) for _ in range(2))
        np.testing.assert_array_equal(once, twice)
        assert once.dtype == np.float32
        assert 0 <= once.min() <= once.max() <= 1
        same += once is film
    assert 2 <= same <= 20
