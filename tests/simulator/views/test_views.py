"""Pictures of every kind: each is drawn, differs from seed to seed, and looks like what it is in the plainest way."""

from __future__ import annotations

import numpy as np
import pytest

from bmd.simulator.views import draw_view
from bmd.simulator.views.film import Sheet
from bmd.simulator.views.mannequin import Solid, at, build
from bmd.types import SHOWN


@pytest.mark.parametrize("kind", SHOWN)
def test_every_kind_is_drawn_and_the_seed_decides(kind: str) -> None:
    picture = draw_view(kind, 3)
    assert picture.dtype == np.float32
    assert picture.ndim == 2
    assert min(picture.shape) >= 48
    assert picture.min() >= 0
    assert picture.max() <= 1
    assert np.ptp(picture) > 0.1
    assert np.array_equal(picture, draw_view(kind, 3))
    assert picture.shape != draw_view(kind, 4).shape or not np.array_equal(picture, draw_view(kind, 4))


def test_the_chord_through_a_ball_is_its_diameter() -> None:
    sheet = Sheet(-50, 50, 1.0, (101, 101), 0.0)
    out = np.zeros(sheet.shape, np.float32)
    sheet.add(out, Solid(at(0, 0, 0), np.full(3, 20.0), 1.0, 1.0))
    assert out[50, 50] == pytest.approx(4.0, abs=0.01)  # cm
    assert out[50, 50 + 12] == pytest.approx(3.2, abs=0.02)
    assert out.sum() * 0.01 == pytest.approx(4 / 3 * np.pi * 8, rel=0.02)  # cm3


def test_the_front_shows_width_and_the_side_depth() -> None:
    block = Solid(at(0, 0, 0), np.array([30.0, 10.0, 15.0]), 1.0, 1.0, power=6.0)
    wide = []
    for angle in (0.0, np.pi / 2):
        sheet = Sheet(-50, 50, 1.0, (101, 101), angle)
        out = np.zeros(sheet.shape, np.float32)
        sheet.add(out, block)
        wide.append(int((out[50] > 0).sum()))
    assert wide[0] == pytest.approx(20, abs=2)
    assert wide[1] == pytest.approx(60, abs=2)


def test_a_mannequin_stands_upright_with_twenty_four_vertebrae() -> None:
    body = build(np.random.default_rng(0))
    assert body.spine.shape == (24, 3)
    assert (np.diff(body.spine[:, 2]) > 8).all()
    assert body.landmarks["head"][2] > body.spine[-1, 2] > body.spine[0, 2] > body.landmarks["hip"][2]
    assert body.landmarks["hip"][2] > body.landmarks["knee"][2]
