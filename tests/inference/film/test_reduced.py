"""Films of many pixels are reduced once, and what is found on them lies where it lies on the film as it came."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from bmd.inference.film import gate, reduced
from bmd.types import Vertebra


@pytest.mark.parametrize(
    ("shape", "by"), [((300, 200), 1), ((3071, 2500), 1), ((3072, 2500), 2), ((5000, 3000), 3), ((7200, 5400), 4)]
)
def test_what_the_networks_see_is_reduced_only_where_a_film_has_many_pixels(shape, by):
    film, scale = reduced.reduced(np.zeros(shape, np.uint8))
    assert film.dtype == np.float32
    assert film.shape == (shape[0] // by, shape[1] // by)
    assert max(film.shape) < 2 * reduced.LEAST_SIDE
    assert scale == pytest.approx((by, by), rel=2e-3)


def test_a_film_of_few_pixels_stays_as_it_is():
    pixels = np.random.default_rng(0).random((200, 100), np.float32)
    film, scale = reduced.reduced(pixels)
    assert (film == pixels).all()
    one = Vertebra("L1", (1.0, 2.0, 3.0, 4.0), np.ones((3, 2)), 1.0)
    assert reduced.on_whole_film(one, scale) is one


def test_a_spot_found_on_the_reduced_film_lies_where_it_is_on_the_film():
    pixels = np.zeros((4501, 3203), np.float32)
    x, y = 1709, 3131
    cv2.circle(pixels, (x, y), 30, 1.0, -1)
    film, scale = reduced.reduced(pixels)
    weight = film / film.sum()
    rows, columns = np.indices(film.shape)
    spot = np.array([[float((columns * weight).sum()), float((rows * weight).sum())]])
    box = (*(spot[0] - 5), *(spot[0] + 5))
    found = reduced.on_whole_film(Vertebra("L2", box, spot, 1.0, corners_px=spot.repeat(4, 0)), scale)
    assert np.abs(found.contour_px - [[x, y]]).max() < 0.1
    assert found.corners_px is not None
    assert np.abs(found.corners_px - [[x, y]]).max() < 0.1
    assert (found.box_px[0] + found.box_px[2]) / 2 == pytest.approx(x, abs=0.1)
    assert found.box_px[3] - found.box_px[1] == pytest.approx(10 * scale[1], abs=0.1)


@pytest.mark.parametrize("side", [800, 3400])
def test_a_drawing_is_told_from_a_radiograph_at_any_size(side):
    noise = np.random.default_rng(1).normal(0.5, 0.1, (side, side)).astype(np.float32)
    drawn = np.full((side, side), 0.5, np.float32)
    drawn[side // 4 : side // 2] = 0.8
    assert gate.flat_share(noise) < 0.05
    assert gate.flat_share(drawn) > gate.DRAWN
    assert [reason.code for reason in gate.look_at(drawn)[0]] == ["film.drawn"]
