from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bmd.errors import InputError
from bmd.findings import refusal
from bmd.inputs.film import (
    box_corners,
    crop_tensor,
    film_tensor,
    letterbox,
    local_log_normalise,
    vertebra_crop,
)


def noise(shape, seed=0) -> np.ndarray:
    return np.random.default_rng(seed).random(shape, dtype=np.float32)


def dots(height: int, width: int, points) -> np.ndarray:
    """Gaussian dots, whose centres of mass can be measured to a fraction of a pixel."""
    y, x = np.mgrid[:height, :width].astype(np.float32)
    image = np.zeros((height, width), np.float32)
    for px, py in points:
        image = np.maximum(image, np.exp(-((x - px) ** 2 + (y - py) ** 2) / (2 * 6.0**2)))
    return image


def centre_of_mass(image: np.ndarray) -> np.ndarray:
    y, x = np.mgrid[: image.shape[0], : image.shape[1]]
    return np.array([(x * image).sum(), (y * image).sum()]) / image.sum()


@pytest.mark.parametrize(
    "image",
    [
        noise((64, 64)) * 255,
        noise((64, 64)) - 0.5,
        noise((64, 64)).astype(np.float64),
        (noise((64, 64)) * 255).astype(np.uint8),
        np.full((64, 64), np.nan, np.float32),
        noise((64, 64, 3)),
        noise((4, 64)),
    ],
    ids=["0-255", "negative", "float64", "uint8", "nan", "colour", "thin"],
)
def test_wrong_range_or_type_is_refused(image):
    with pytest.raises(InputError):
        film_tensor(image)


@given(st.integers(16, 900), st.integers(16, 900), st.sampled_from([64, 256, 384]))
@settings(max_examples=40)
def test_placement_maps_both_ways(height, width, size):
    square, placement = letterbox(np.ones((height, width), np.float32), size)
    assert square.shape == (size, size)
    points = np.random.default_rng(0).uniform(0, (width, height), (20, 2))
    np.testing.assert_allclose(placement.to_image(placement.to_square(points)), points, atol=1e-6)
    rows, columns = placement.window
    assert (square[rows, columns] > 0.99).all()
    assert square.sum() == pytest.approx(square[rows, columns].sum())
    assert max(rows.stop - rows.start, columns.stop - columns.start) == size


@pytest.mark.parametrize("shape", [(500, 300), (300, 500), (800, 800), (120, 200)])
def test_points_land_where_the_pixels_land(shape):
    point = (0.37 * shape[1], 0.61 * shape[0])
    square, placement = letterbox(dots(*shape, [point]), 384)
    np.testing.assert_allclose(centre_of_mass(square), placement.to_square(np.array(point)), atol=0.15)


def test_normalise_is_standard_and_blank_is_safe():
    x = local_log_normalise(noise((384, 384)))
    assert abs(float(x.mean())) < 1e-4
    assert float(x.std()) == pytest.approx(1, abs=0.02)
    assert x.dtype == np.float32
    for value in (0.0, 0.5, 1.0):
        assert np.isfinite(local_log_normalise(np.full((384, 384), value, np.float32))).all()


def test_normalise_evens_out_uneven_exposure():
    film = cv2.normalize(cv2.GaussianBlur(noise((384, 384)), (0, 0), 4), None, 0.1, 0.9, cv2.NORM_MINMAX)
    ramp = np.linspace(0.35, 1, 384, dtype=np.float32)
    before = np.corrcoef(film.ravel(), (film * ramp).ravel())[0, 1]
    after = np.corrcoef(local_log_normalise(film).ravel(), local_log_normalise(film * ramp).ravel())[0, 1]
    assert 1 - after < 0.4 * (1 - before)


def test_normalise_matches_the_plain_formula():
    film = cv2.GaussianBlur(noise((256, 256)), (0, 0), 3)
    film = (film - film.min()) / (film.max() - film.min())
    log = np.log(film + 0.05)
    local = log - 0.8 * cv2.GaussianBlur(log, (0, 0), 22)
    low, high = np.percentile(local, (1, 99.5))
    plain = np.clip((local - low) / (high - low), 0, 1)
    plain = (plain - plain.mean()) / plain.std()
    assert np.abs(local_log_normalise(film) - plain).max() < 0.1


def test_film_tensor_shape():
    tensor, placement = film_tensor(noise((700, 500)), 256)
    assert tuple(tensor.shape) == (1, 1, 256, 256)
    assert placement.shape == (700, 500)


def phantom(flip: bool, angle: float) -> tuple[np.ndarray, np.ndarray]:
    """A body whose four corners have grey values of their own, so that a crop shows how it is turned."""
    corners = box_corners((150, 180, 230, 235), 0)
    image = np.full((384, 384), 0.3, np.float32)
    for (x, y), grey in zip(corners * 0.8 + corners.mean(0) * 0.2, (0.5, 0.6, 0.7, 0.8), strict=True):
        cv2.circle(image, (round(float(x)), round(float(y))), 8, grey, -1)
    matrix = cv2.getRotationMatrix2D((192, 192), angle, 1.0)
    image = cv2.warpAffine(image, matrix, (384, 384), borderValue=0.3)
    corners = corners @ matrix[:, :2].T + matrix[:, 2]
    if flip:
        image, corners = image[:, ::-1].copy(), np.c_[383 - corners[:, 0], corners[:, 1]]
    return image, corners.astype(np.float32)


@pytest.mark.parametrize("flip", [False, True])
@pytest.mark.parametrize("angle", [-25.0, 0.0, 40.0])
def test_crop_is_upright_and_faces_right(flip, angle):
    crop = vertebra_crop(*phantom(flip, angle))
    reference = vertebra_crop(*phantom(False, 0.0))
    assert np.corrcoef(crop.ravel(), reference.ravel())[0, 1] > 0.97
    half = 32
    quarters = [crop[:half, :half], crop[:half, half:], crop[half:, half:], crop[half:, :half]]
    brightness = [float(q.max()) for q in quarters]  # superior posterior, superior anterior, inferior anterior, ...
    assert brightness == sorted(brightness)


def test_crop_does_not_depend_on_the_film_resolution():
    image, corners = phantom(False, 10.0)
    large = cv2.resize(image, (1152, 1152), interpolation=cv2.INTER_CUBIC).clip(0, 1)
    a = crop_tensor(image, corners[None]).numpy()
    b = crop_tensor(large, (corners[None] + 0.5) * 3 - 0.5).numpy()
    assert np.abs(a - b).mean() < 0.05


def test_crop_outside_the_film_and_no_crops():
    image = noise((384, 384))
    assert np.isfinite(vertebra_crop(image, box_corners((-60, -60, 10, 10)))).all()
    assert tuple(crop_tensor(image, np.zeros((0, 4, 2))).shape) == (0, 1, 64, 64)
    with pytest.raises(InputError) as error:
        vertebra_crop(image, np.full((4, 2), 50.0))
    assert error.value.finding == refusal("network.corners_meet", extent_px=0.0)


def test_box_corners_order_and_turn():
    corners = box_corners((10, 20, 50, 40))
    np.testing.assert_allclose(corners, [[10, 20], [50, 20], [50, 40], [10, 40]])
    np.testing.assert_allclose(box_corners((10, 20, 50, 40), 90)[0], [40, 10], atol=1e-4)  # turned clockwise
    left = box_corners((10, 20, 50, 40), anterior_right=False)
    assert left[0, 0] > left[1, 0]
