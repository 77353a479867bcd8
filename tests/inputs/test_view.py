"""The view network's input: borders of any grey leave it as it was."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from bmd.inputs.view import trimmed, view_input
from bmd.simulator.case import simulate_film


@pytest.mark.parametrize("ground", [0.0, 0.4, 1.0])
@pytest.mark.parametrize("sides", [(30, 30, 30, 30), (0, 50, 0, 0), (10, 0, 70, 5)])
def test_a_border_changes_nothing(ground: float, sides: tuple[int, int, int, int]) -> None:
    film = simulate_film(11, 320, finding="normal").study.images[0].pixels
    framed = cv2.copyMakeBorder(film, *sides, cv2.BORDER_CONSTANT, value=ground)
    assert trimmed(framed).shape == trimmed(film).shape
    assert np.allclose(view_input(framed), view_input(film), atol=1e-4)


def test_a_speck_in_the_border_is_no_picture() -> None:
    picture = np.random.default_rng(0).random((100, 80)).astype(np.float32)
    framed = cv2.copyMakeBorder(picture, 20, 20, 20, 20, cv2.BORDER_CONSTANT, value=0.0)
    framed[5, 40] = 1.0
    assert trimmed(framed).shape == picture.shape


@pytest.mark.parametrize("shape", [(50, 40), (300, 20), (16, 16)])
def test_even_pictures_stay_whole(shape: tuple[int, int]) -> None:
    assert trimmed(np.full(shape, 0.5, np.float32)).shape == shape
    assert view_input(np.zeros(shape, np.float32)).shape == (2, 160, 160)


def test_a_small_thing_on_an_even_ground_keeps_its_surroundings() -> None:
    page = np.ones((200, 200), np.float32)
    page[90:100, 90:110] = 0
    assert trimmed(page).shape == (200, 200)
