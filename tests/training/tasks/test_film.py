from __future__ import annotations

import numpy as np
import pytest
import torch

from bmd.errors import InputError
from bmd.reference import LEVELS
from bmd.training.augment import FilmAugment
from bmd.training.examples import Examples
from bmd.training.films import OFTENER, Films, MetalFilms, View, plain_view
from bmd.training.tasks.boxes import encode_boxes, view_boxes
from bmd.training.tasks.film import centre_maps, encode_masks
from tests.models.fakes import write_fake_shards


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_fake_shards(tmp_path_factory.mktemp("films"), shards=2, films=3)


def test_films_skip_limit_and_refresh(folder, tmp_path):
    assert (len(Films(folder)), len(Films(folder, skip=2)), len(Films(folder, limit=4))) == (6, 4, 4)
    np.testing.assert_array_equal(Films(folder, skip=2)[0].image, Films(folder)[2].image)
    with pytest.raises(InputError) as error:
        Films(tmp_path)
    assert error.value.finding.code == "network.no_films"
    write_fake_shards(tmp_path, shards=1, films=2)
    films = Films(tmp_path)
    (tmp_path / "films_0000004.part.npz").write_bytes(b"a shard that is being written")
    write_fake_shards(tmp_path, shards=2, films=2)
    assert (len(films), films.refresh(), len(films)) == (2, 4, 4)


def test_films_with_metal_come_oftener_in_training_only(folder):
    plain, oftener, once = Films(folder), MetalFilms(folder), MetalFilms(folder, repeat=False)
    rare = sum(bool(plain[k].metal.any()) for k in range(len(plain)))
    assert 0 < rare < len(plain)
    assert len(oftener) == len(plain) + (OFTENER - 1) * rare
    assert len(once) == len(plain)
    assert all(oftener[k].metal.any() for k in range(len(plain), len(oftener)))


def test_examples_depend_on_seed_and_index_only(folder):
    def examples(seed):
        return Examples(Films(folder), FilmAugment(64), encode_masks, seed)

    first, second = examples(3), examples(3)
    late = second[17][0]
    for index in (0, 5):
        assert torch.equal(first[index][0], second[index][0])
    assert torch.equal(first[17][0], late)
    assert not torch.equal(examples(4)[17][0], late)


def test_every_film_once_per_epoch(folder):
    seen = []
    examples = Examples(Films(folder), lambda film, rng: film, lambda film, view, rng: seen.append(film.t_l1l4), 0)
    for index in range(12):
        examples[index]
    assert sorted(seen[:6]) == sorted(seen[6:])
    assert len(set(seen[:6])) == 6


def test_masks_example(folder):
    film = Films(folder)[0]
    x, targets = encode_masks(film, plain_view(film, 192, 2), np.random.default_rng(0))
    assert tuple(x.shape) == (1, 192, 192)
    assert tuple(targets["labels"].shape) == (96, 96)
    assert tuple(targets["centres"].shape) == (10, 48, 48)
    assert set(targets["labels"].unique().tolist()) == set(range(10))
    centres = targets["centres"].numpy()
    for level, corners in enumerate(film.corners):
        y, x_ = np.unravel_index(centres[level].argmax(), (48, 48))
        found = np.array([x_, y]) * 8 + 3.5  # cell to film pixel
        assert np.abs(found - corners.mean(0)).max() <= 4.5
        assert centres[level].max() == 1
    np.testing.assert_array_equal(centres[9], centres[: LEVELS.index("S1")].max(0))


def test_levels_out_of_view_have_no_target():
    corners = np.zeros((9, 4, 2), np.float32)
    labels = np.zeros((32, 32), np.uint8)
    image = np.zeros((64, 64), np.float32)
    for level in range(9):
        y = 8 + 14 * level  # the last ones leave the view of 64 pixels
        corners[level] = [[20, y - 5], [44, y - 5], [44, y + 5], [20, y + 5]]
        labels[max(0, (y - 5) // 2) : (y + 5) // 2, 10:22] = level + 1
    maps, weight = centre_maps(View(image, labels, 0 * labels, corners))
    assert (maps[:4].max((1, 2)) == 1).all()
    assert weight[4] == 0  # y = 64: a share is in view, not judged
    assert (maps[4:9] == 0).all()
    assert (weight[5:] == 1).all()


def test_boxes_frame_the_labels(folder):
    film = Films(folder)[1]
    _, targets = encode_boxes(film, plain_view(film, 384, 1), np.random.default_rng(0))
    assert targets["labels"].tolist() == [1, 2, 3, 4, 5]
    for box, number in zip(targets["boxes"].numpy(), targets["labels"].tolist(), strict=True):
        ys, xs = np.nonzero(film.labels == number + 3)
        np.testing.assert_allclose(box, [xs.min(), ys.min(), xs.max() + 1, ys.max() + 1])
    nothing = np.zeros((64, 64), np.uint8)
    empty = View(nothing.astype(np.float32), nothing, nothing, film.corners)
    assert view_boxes(empty)[0].shape == (0, 4)
