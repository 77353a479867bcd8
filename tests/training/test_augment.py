from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from bmd.simulator.film.printed import NUISANCES
from bmd.training.augment import PRINTED, FilmAugment, clip_borders, draw_printed, within_border
from bmd.training.films import Film, Films, warp
from tests.models.fakes import write_fake_shards


@pytest.fixture(scope="module")
def film(tmp_path_factory) -> Film:
    return Films(write_fake_shards(tmp_path_factory.mktemp("films"), shards=1, films=1))[0]


@pytest.mark.parametrize("seed", range(25))
def test_view_is_valid_and_truth_follows(film, seed):
    """Image in range; every label lies within the polygon of its moved corners."""
    view = FilmAugment(128)(film, np.random.default_rng(seed))
    assert view.image.shape == (128, 128)
    assert view.image.dtype == np.float32
    assert view.image.min() >= 0
    assert view.image.max() <= 1
    assert view.labels.shape == view.metal.shape == (64, 64)
    for level in np.unique(view.labels[view.labels > 0]) - 1:
        ys, xs = np.nonzero(view.labels == level + 1)
        points = np.stack([xs, ys], 1).astype(np.float32) * 2 + 0.5
        polygon = view.corners[level].reshape(-1, 1, 2)
        outside = [-cv2.pointPolygonTest(polygon, tuple(map(float, p)), True) for p in points]
        assert max(outside) < 2.5


def test_same_seed_same_view(film):
    a, b = (FilmAugment(64)(film, np.random.default_rng(7)) for _ in range(2))
    np.testing.assert_array_equal(a.image, b.image)
    np.testing.assert_array_equal(a.labels, b.labels)


def test_views_vary_as_promised(film):
    views = [FilmAugment(96, tight=0.3)(film, np.random.default_rng(s)) for s in range(150)]
    facing = [v.corners[5, 1, 0] > v.corners[5, 0, 0] for v in views]
    assert 0.35 < np.mean(facing) < 0.65
    sacrum_gone = [v.share_in_view()[8] < 0.1 for v in views]
    assert 0.1 < np.mean(sacrum_gone) < 0.7
    side = [np.linalg.norm(v.corners[5, 1] - v.corners[5, 0]) for v in views]
    height = [np.linalg.norm(v.corners[5, 3] - v.corners[5, 0]) for v in views]
    ratio = np.array(side) / height / 1.53  # the fake body is 0.11 wide and 0.072 high
    assert ratio.min() < 1.0
    assert ratio.max() > 1.4
    some_lumbar = [(v.share_in_view()[3:8] > 0.5).any() for v in views]
    assert np.mean(some_lumbar) > 0.85


def test_warp_moves_image_labels_and_metal_alike(film):
    matrix = np.array([[0.5, 0.1, 3.0], [-0.1, 0.45, 30.0]])
    view = warp(replace(film, metal=(film.labels == 6).astype(np.uint8)), matrix, 192, 2, 0)
    body = cv2.resize((view.labels == 6).astype(np.float32), (192, 192), interpolation=cv2.INTER_NEAREST)
    y, x = np.nonzero(body)
    np.testing.assert_allclose([x.mean(), y.mean()], view.corners[5].mean(0), atol=0.8)
    assert view.image[body > 0].mean() > view.image[body == 0].mean()
    np.testing.assert_array_equal(view.metal, view.labels == 6)


@pytest.mark.parametrize("seed", range(8))
def test_a_border_moves_the_truth_with_the_picture(film, seed):
    rng = np.random.default_rng(seed)
    whole = np.array([[0.5, 0, -0.25], [0, 0.5, -0.25]])  # 384 to 192
    matrix, (x1, y1, x2, y2) = within_border(whole, (0, 0, 192, 192), 192, rng)
    assert 0 <= min(x1, y1) <= max(x1, y1) <= 0.15 * 192 + 1
    assert 0.85 * 192 - 1 <= min(x2, y2) <= max(x2, y2) <= 192
    corner = matrix[:, :2] @ [-0.5, -0.5] + matrix[:, 2]  # the outer edge of the film's first pixel
    np.testing.assert_allclose(corner + 0.5, [x1, y1], atol=1)
    white = replace(film, metal=np.ones_like(film.labels), labels=np.full_like(film.labels, 4))
    view = clip_borders(warp(white, matrix, 192, 1, 255), (x1, y1, x2, y2), np.random.default_rng(1))
    assert not view.labels[:y1].any()
    assert not view.metal[:, x2:].any()
    assert view.metal[y1 + 1 : y2 - 1, x1 + 1 : x2 - 1].mean() > 0.75


def test_every_nuisance_that_can_be_printed_is_drawn():
    assert set(PRINTED) == set(NUISANCES)
    flat = np.full((64, 64), 0.5, np.float32)
    np.testing.assert_array_equal(draw_printed(flat, np.random.default_rng(0), 0.0), flat)
    drawn = [draw_printed(flat, np.random.default_rng(seed)) for seed in range(60)]
    assert 0.15 < np.mean([(image != flat).any() for image in drawn]) < 0.6
