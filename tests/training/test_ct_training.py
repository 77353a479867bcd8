"""The CT networks in the training loop: examples, augmentation, starting from another network's weights."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from bmd.models import _registry as registry
from bmd.models._weights import write_weights
from bmd.training import tasks
from bmd.training.examples import batches, make_examples
from bmd.training.loop import start_from
from bmd.training.tasks.ct import (
    SLICE,
    CtItem,
    CtItems,
    augment_hip,
    augment_slice,
    moved,
    plain,
    take_hips,
    validate_ct,
)
from bmd.types import Demographics
from tests.models.fakes import metadata
from tests.models.fakes_ct import write_fake_ct


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_fake_ct(tmp_path_factory.mktemp("ct"))


@pytest.mark.parametrize("name", ["pair_acm", "femur_image", "femur_demographics", "femur_multimodal"])
def test_examples_are_what_the_network_takes(folder, name):
    recipe = registry.network_class(name).Recipe(data=str(folder), holdout=9, batch=3)
    task = tasks.find(registry.spec(name).task)
    examples, held_out = make_examples(task, recipe)
    *inputs, targets = next(batches(task, examples, recipe, 0))
    shapes = [tuple(x.shape[1:]) for x in registry.network_class(name).example()]
    assert [tuple(x.shape[1:]) for x in inputs] == shapes
    assert targets["category"].shape == (3,)
    assert {held_out[i].person for i in range(len(held_out))} <= set(range(9))
    again = next(batches(task, examples, recipe, 0))
    assert all(torch.equal(a, b) for a, b in zip(inputs, again[:-1], strict=True))  # same seed, same examples


def test_left_hips_are_mirrored(folder):
    path = sorted(folder.glob("ct_*.npz"))[0]
    with np.load(path) as shard:
        left, taken = shard["femur"][0, 1], take_hips(shard)
    np.testing.assert_array_equal(taken["hu"][0, 1], left[:, ::-1])


def test_moving_by_nothing_is_the_middle():
    picture = np.random.default_rng(0).normal(0, 50, (160, 160)).astype(np.float32)
    np.testing.assert_allclose(moved(picture, 120, 0, 1, (0, 0), False), picture[20:140, 20:140], atol=1e-3)
    mirrored = moved(picture, 120, 0, 1, (0, 0), True)
    np.testing.assert_allclose(mirrored, picture[20:140, 20:140][:, ::-1], atol=1e-3)


def test_augmentation_follows_its_random_numbers_alone():
    picture = np.random.default_rng(0).normal(0, 50, (250, 250)).astype(np.float32)
    item = CtItem(picture, Demographics(), 0, 0)
    for augment, side in ((augment_slice, 120), (augment_hip, 250)):
        one, same, other = (augment(item, np.random.default_rng(s)) for s in (1, 1, 2))
        assert one.shape == (side, side)
        np.testing.assert_array_equal(one, same)
        assert not np.array_equal(one, other)
    assert plain(SLICE, item).shape == (120, 120)


def test_training_slices_differ_in_size_and_in_dense_bone_and_not_in_the_trabecular_bone():
    rows, columns = np.mgrid[:160, :160] - 79.5
    hu = np.where(np.hypot(rows, columns) < 22, 100, np.where(np.hypot(rows, columns) < 34, 450, 40)).astype(np.float32)
    drawn = [augment_slice(CtItem(hu, Demographics(), 0, 0), np.random.default_rng(seed)) for seed in range(60)]
    dense = np.array([np.percentile(one, 99.5) for one in drawn])
    size = np.array([np.sqrt((one > 200).sum()) for one in drawn])
    assert np.std(np.log(dense - 150)) == pytest.approx(0.2, rel=0.35)
    assert np.std(np.log(size)) > 0.06
    middle = [float(one[56:64, 56:64].mean()) for one in drawn]
    assert np.ptp(middle) < 1


def test_multimodal_starts_from_the_image_network(tmp_path):
    torch.manual_seed(0)
    image = registry.build("femur_image", hidden=128)
    write_weights(image, tmp_path / "femur_image", metadata(name="femur_image", options={"hidden": 128}))
    both = registry.build("femur_multimodal", hidden=128)
    before = both.joint[0][0].weight.clone()
    start_from(both, tmp_path / "femur_image")
    mine, theirs = both.image.convolutions[0].weight, image.image.convolutions[0].weight
    torch.testing.assert_close(mine, theirs.half().float())
    assert torch.equal(before, both.joint[0][0].weight)


class Oracle(torch.nn.Module):
    """Tells the class from how bright the middle is."""

    def __init__(self, sign: float) -> None:
        super().__init__()
        self.sign = torch.nn.Parameter(torch.tensor(sign))

    def forward(self, pictures):
        size = pictures.shape[-1] // 2
        middle = pictures[:, 0, size - 5 : size + 5, size - 5 : size + 5].mean((1, 2)) * self.sign
        place = (middle - middle.mean()) / middle.std()
        return {"logits": torch.stack([5 * place, 1 - place.abs(), -5 * place], 1)}


def test_validation_knows_right_from_wrong(folder):
    items = CtItems(folder, SLICE, repeat=False)
    with torch.no_grad():
        assert validate_ct(SLICE, Oracle(1.0), items, 120)["accuracy"] > 0.8
        assert validate_ct(SLICE, Oracle(-1.0), items, 120)["accuracy"] < 0.5
