"""What is done to films: greys stay in range, the same every time, and every point finds its way back."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from bmd.evaluation.film.perturbations import PERTURBATIONS, SAME_PLACE, SMALL_PX, Changed
from bmd.simulator.film.printed import NUISANCES

SPOTS = np.array([[120.0, 90.0], [260.0, 150.0], [180.0, 410.0], [300.0, 505.0]])
MOVING = ("white_border", "black_border", "turned_left", "turned_right", "small")


def spotted(shape: tuple[int, int] = (600, 420)) -> NDArray[np.float32]:
    """A grey film with round bright spots, each brighter than the last, whose centres are known."""
    y, x = np.mgrid[: shape[0], : shape[1]]
    film = np.full(shape, 0.3, np.float32)
    for k, (column, row) in enumerate(SPOTS):
        film = film + (0.3 + 0.1 * k) * np.exp(-((x - column) ** 2 + (y - row) ** 2) / (2 * 5.0**2))
    return np.clip(film, 0, 1).astype(np.float32)


def spots(picture: NDArray[np.float32]) -> NDArray[np.float64]:
    """Centres of the spots of a picture, in any order."""
    inner = picture.copy()
    _, labels, _, _ = cv2.connectedComponentsWithStats(((inner > 0.45) & (inner < 1.01)).astype(np.uint8))
    found = []
    for label in range(1, labels.max() + 1):
        rows, columns = np.nonzero(labels == label)
        if len(rows) < 0.01 * picture.size:  # a border is no spot
            weight = picture[rows, columns] - 0.45
            found.append((np.average(columns, weights=weight), np.average(rows, weights=weight)))
    return np.array(found)


def changed(name: str, film: NDArray[np.float32], seed: int = 0) -> Changed:
    return PERTURBATIONS[name](film, np.random.default_rng(seed))


@pytest.mark.parametrize("name", PERTURBATIONS)
def test_a_film_stays_a_film(name: str) -> None:
    film = spotted()
    before = film.copy()
    first, second, other = changed(name, film), changed(name, film), changed(name, film, 1)
    assert np.array_equal(film, before), "the original is left alone"
    assert first.pixels.dtype == np.float32
    assert first.pixels.ndim == 2
    assert first.pixels.min() >= 0
    assert first.pixels.max() <= 1
    assert np.array_equal(first.pixels, second.pixels), "the same chance gives the same picture"
    assert first.pixels.shape != film.shape or not np.array_equal(first.pixels, film)
    assert np.array_equal(other.back, first.back)
    if name not in MOVING:
        assert first.pixels.shape == film.shape
        assert first.back is SAME_PLACE


@pytest.mark.parametrize("name", MOVING)
def test_every_point_finds_its_way_back(name: str) -> None:
    moved = changed(name, spotted())
    back = moved.to_original(spots(moved.pixels))
    assert len(back) == len(SPOTS)
    for spot in SPOTS:
        assert np.linalg.norm(back - spot, axis=1).min() < 0.25, "to a quarter of a pixel"


@pytest.mark.parametrize("name", ["turned_left", "turned_right"])
def test_nothing_is_cut_off_in_turning(name: str) -> None:
    film = spotted()
    moved = changed(name, film)
    height, width = film.shape
    corners = np.array([[0.0, 0], [width - 1, 0], [0, height - 1], [width - 1, height - 1]])
    forth = np.linalg.inv(np.vstack([moved.back, [0, 0, 1]]))
    there = corners @ forth[:2, :2].T + forth[:2, 2]
    assert there.min() >= -0.5
    assert (there.max(0) <= np.array(moved.pixels.shape[::-1]) - 0.5).all()


def test_left_and_right_turn_apart() -> None:
    left, right = changed("turned_left", spotted()).back, changed("turned_right", spotted()).back
    assert np.allclose(left[:, :2], right[:, :2].T)
    assert left[0, 1] < 0, "counter-clockwise: what is above moves to the left, so the way back leads right"


def test_small_is_small_and_small_films_stay() -> None:
    assert max(changed("small", spotted()).pixels.shape) == SMALL_PX
    tiny = spotted()[:300, :200].copy()
    assert np.array_equal(changed("small", tiny).pixels, tiny)


def test_borders_and_negative_are_what_they_say() -> None:
    film = spotted()
    white, black = changed("white_border", film).pixels, changed("black_border", film).pixels
    assert white.shape == black.shape == (720, 504)
    assert white[:60].min() == 1
    assert black[:, :42].max() == 0
    assert np.array_equal(white[60:-60, 42:-42], film)
    assert np.allclose(changed("inverted", film).pixels, 1 - film)


def test_the_grid_is_thin_and_everywhere() -> None:
    film = np.full((1000, 800), 0.3, np.float32)
    lines = changed("grid", film).pixels != film
    assert lines.all(1).sum() == 20, "ten lines of 2 pixels"
    assert lines.all(0).sum() == 16
    assert 0.02 < lines.mean() < 0.06


def test_the_simulators_nuisances_are_offered() -> None:
    assert {f"printed_{name}" for name in NUISANCES} <= set(PERTURBATIONS)
    assert "printed_grid" in PERTURBATIONS
