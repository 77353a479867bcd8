"""RetinaNet's variants and Mask R-CNN on VoVNet-19."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from bmd.errors import OptionError
from bmd.models import _registry as registry
from bmd.models._recipe import override
from bmd.models.mask_rcnn_vovnet import INSIDE, OUTSIDE, vovnet19
from bmd.reference import DETECTED, LUMBAR
from bmd.training import tasks
from bmd.training.examples import make_examples
from bmd.training.films import Films, plain_view
from bmd.training.loop import Trainer
from bmd.training.task import Few
from bmd.training.tasks.boxes import as_nine, encode_instances, validate_instances
from tests.models.fakes import write_fake_shards


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_fake_shards(tmp_path_factory.mktemp("films"), shards=2, films=5, side=128)


def weights(network: nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


@pytest.mark.parametrize(("depth", "published"), [(50, 25_557_032), (101, 44_549_160)])
def test_backbones_have_the_published_number_of_weights(depth, published) -> None:
    """Those of He et al. less two input channels of the first convolution and the classifier of 1,000 classes."""
    with torch.device("meta"):
        body = registry.build("retinanet_aploss", depth=depth, width=16).backbone.body
    assert weights(body) == published - 2 * 64 * 49 - 2_049_000


def test_vovnet19_is_as_published() -> None:
    """Nineteen convolutions; every module joins its input and its three convolutions once."""
    network = vovnet19()
    convolutions = [m for m in network.modules() if isinstance(m, nn.Conv2d)]
    assert len(convolutions) == 19
    joins = [m for m in convolutions if m.kernel_size == (1, 1)]
    assert [m.out_channels for m in joins] == list(OUTSIDE)
    assert [m.in_channels for m in joins] == [
        inputs + 3 * inside for inputs, inside in zip((128, *OUTSIDE), INSIDE, strict=False)
    ]
    x = torch.zeros(1, 1, 64, 64)
    sides = []
    with torch.no_grad():
        for part in network:
            x = part(x)
            sides.append(x.shape[2])
    assert sides == [16, 16, 8, 4, 2]


def test_a_name_for_each_of_the_papers_detectors() -> None:
    options = {name: registry.network_class(name).Recipe() for name in ("retinanet_r101", "retinanet_nine")}
    assert (options["retinanet_r101"].depth, options["retinanet_r101"].classes) == (101, "five")
    assert (options["retinanet_nine"].depth, options["retinanet_nine"].classes) == (101, "nine")
    assert registry.network_class("mask_rcnn_nine").Recipe().classes == "nine"
    for name, words in (("retinanet_aploss", {"depth": 34}), ("mask_rcnn_vovnet", {"classes": "six"})):
        with pytest.raises(OptionError) as error:
            registry.build(name, **words)
        assert error.value.finding.code == "network.unknown_choice"


def test_nine_classes_part_the_osteoporotic_from_the_others(folder) -> None:
    film = Films(folder)[0]
    film.t_score[3:8] = [-2.5, -2.4, -3.0, np.nan, -4.0]
    nine = as_nine(np.array([1, 2, 3, 4, 5]), film)
    assert nine.tolist() == [5, 2, 7, 4, 9]
    assert [LUMBAR[DETECTED["nine"][k - 1]] for k in nine] == list(LUMBAR)
    assert as_nine(np.array([3, 5]), film).tolist() == [7, 9]


def test_masks_lie_in_their_boxes(folder) -> None:
    film = Films(folder)[1]
    _, targets = encode_instances(film, plain_view(film, 128, 1), np.random.default_rng(0))
    assert targets["masks"].shape == (5, 128, 128)
    for mask, box, number in zip(targets["masks"], targets["boxes"], targets["labels"], strict=True):
        ys, xs = np.nonzero(mask.numpy())
        assert [xs.min(), ys.min(), xs.max() + 1, ys.max() + 1] == box.tolist()
        assert np.array_equal(mask.numpy() > 0, film.labels == number.item() + 3)


class Oracle(nn.Module):
    """A detector that is right about boxes and, shifted, wrong about masks."""

    classes = "nine"

    def __init__(self, films: Films, shift: int) -> None:
        super().__init__()
        self.parameter = nn.Parameter(torch.zeros(1))
        rows = [encode_instances(film, plain_view(film, 128, 1), np.random.default_rng(0))[1] for film in films]
        self.answers, self.shift = iter(rows * 2), shift

    def forward(self, images):
        found = [next(self.answers) for _ in images]
        return [
            {
                "boxes": row["boxes"],
                "labels": row["nine"],
                "scores": torch.ones(len(row["nine"])),
                "masks": row["masks"][:, None].float().roll(self.shift, -1),
            }
            for row in found
        ]


@pytest.mark.parametrize(("shift", "masks"), [(0, 100), (40, 0)])
def test_boxes_and_masks_are_judged_apart(folder, shift, masks) -> None:
    films = Few(Films(folder), 4)
    found = validate_instances(Oracle(list(films), shift), films, 128)
    assert found["ap"] == pytest.approx(100)
    assert found["level_exact"] == 1
    assert found["mask_ap50"] == pytest.approx(masks, abs=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["retinanet_r101", "retinanet_nine", "mask_rcnn_vovnet", "mask_rcnn_nine"])
def test_loss_falls_on_eight_films(name, folder, tmp_path) -> None:
    words = [f"data={folder}", f"out={tmp_path}", "holdout=2", "batch=2", "size=128", "width=32", "warmup=3"]
    recipe = override(registry.network_class(name).Recipe(), [*words, "steps=30", "tight=0", "bf16=off"])
    task = tasks.find(registry.spec(name).task)
    trainer = Trainer(name, recipe)
    films, _ = make_examples(task, recipe)
    rng = np.random.default_rng(0)
    shown = [task.encode(film, task.plain(film, 128), rng) for film in Few(films.items, 8)]
    losses = [trainer.step(task.collate([shown[2 * (k % 4)], shown[2 * (k % 4) + 1]]))["loss"] for k in range(30)]
    assert np.mean(losses[-8:]) < 0.9 * np.mean(losses[:8])
