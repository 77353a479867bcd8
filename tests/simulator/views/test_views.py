"""Pictures of every kind: each is drawn, differs from seed to seed, and looks like what it is in the plainest way."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bmd.simulator.views import draw_view
from bmd.simulator.views.film import Sheet, column, develop, expose
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


def test_heart_and_diaphragm_only_take_air_away() -> None:
    """Below the lungs the belly is no denser for the domes that end them."""
    rng = np.random.default_rng(2)
    body = build(rng)
    sheet = Sheet(-160, float(body.spine[17][2]), 2.0, (260, 160), np.pi / 2)
    air = replace(body, cavities=[part for part in body.cavities if isinstance(part, Solid) and part.core < 0])
    with_domes, _ = expose(body, sheet, np.random.default_rng(3))
    without, _ = expose(air, sheet, np.random.default_rng(3))
    assert np.abs(with_domes - without).max() > 0.05  # domes and heart are seen against the lungs
    low = sheet.shape[0] - 10
    assert np.abs(with_domes[low:] - without[low:]).max() < 0.35


def test_a_spine_cut_out_stands_on_black() -> None:
    body = build(np.random.default_rng(5))
    sheet = Sheet(-160, float(body.spine[20][2]), 3.0, (200, 110), np.pi / 2)
    mask = column(body, sheet, np.random.default_rng(6))
    assert 0.05 < mask.mean() < 0.5
    signal, inside = expose(body, sheet, np.random.default_rng(7))
    shown = develop(signal, inside, sheet.place(body.spine[8]), np.random.default_rng(8), mask)
    assert max(shown[~mask].max(), 0) == 0 or shown[:, ::-1][~mask].max() == 0
