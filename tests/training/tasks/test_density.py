from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from bmd.inputs.film import crop_tensor
from bmd.training.examples import collate_concatenate
from bmd.training.films import Films, plain_view
from bmd.training.tasks import density
from bmd.training.tasks.density import CropAugment, encode_crops, plain_looks
from tests.models.fakes import write_fake_shards


@pytest.fixture(scope="module")
def films(tmp_path_factory):
    return Films(write_fake_shards(tmp_path_factory.mktemp("films"), shards=2, films=3))


def test_both_looks_show_the_same_bodies(films):
    looks = CropAugment()(films[0], np.random.default_rng(0))
    first, second = looks.images
    assert first.shape == second.shape
    assert first.size < 384 * 384, "only what the crops reach is drawn"
    for image in looks.images:
        assert image.dtype == np.float32
        assert 0 <= image.min() <= image.max() <= 1
    assert np.abs(first - second).max() > 0.01
    again = CropAugment()(films[0], np.random.default_rng(0))
    np.testing.assert_array_equal(second, again.images[1])


def test_corners_follow_into_the_part_that_is_drawn(films, monkeypatch):
    """Without surroundings and processing the crops are those of the whole film."""
    for name in ("redraw", "process", "mark"):
        monkeypatch.setattr(density, name, lambda image, *_: image)
    looks, rng = CropAugment()(films[0], np.random.default_rng(0)), np.random.default_rng(0)
    drawn = encode_crops(films[0], looks, rng, jitter=False)[0]
    whole = crop_tensor(plain_view(films[0], 384, 4).image, plain_looks(films[0]).corners)
    assert tuple(drawn.shape) == (4, 1, 64, 64)
    assert float((drawn - whole).abs().max()) < 1e-3


def test_a_film_without_bodies_gives_no_crops(films):
    blind = replace(films[0], visible=np.zeros(9, bool))
    crops, known, targets = encode_crops(
        blind, CropAugment()(blind, np.random.default_rng(0)), np.random.default_rng(0)
    )
    assert tuple(crops.shape) == (0, 1, 64, 64)
    assert (len(known), len(targets["again"]), len(targets["t_score"])) == (0, 0, 0)


def test_crops_example_leaves_out_l5(films):
    rng = np.random.default_rng(0)
    examples = [encode_crops(films[i], plain_looks(films[i]), rng) for i in range(2)]
    crops, known, targets = collate_concatenate(examples)
    assert tuple(crops.shape) == (8, 1, 64, 64)
    assert tuple(known.shape) == (8, 8)
    assert tuple(targets["again"].shape) == (8, 1, 64, 64)
    assert not torch.equal(targets["again"], crops), "each look has its own small errors of the corners"
    assert targets["level"].tolist() == [0, 1, 2, 3] * 2
    np.testing.assert_allclose(targets["t_score"][:4], films[0].t_score[3:7])
    np.testing.assert_allclose(crops.mean((1, 2, 3)), 0, atol=1e-5)
    np.testing.assert_allclose(crops.std((1, 2, 3)), 1, atol=0.02)
