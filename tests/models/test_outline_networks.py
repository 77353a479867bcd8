"""The plain and the modified U-Net of Lim & Kim."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from bmd.models import _registry as registry
from bmd.models._masks import mask_losses
from bmd.models._recipe import override
from bmd.models.modified_unet import Gate
from bmd.reference import UNNAMED
from bmd.training.examples import batches, make_examples
from bmd.training.loop import Trainer
from bmd.training.tasks.film import OUTLINES
from tests.models.fakes import write_fake_shards

NAMES = ("unet", "modified_unet")


def weights(network: torch.nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


def test_unet_has_the_weights_of_figure_1() -> None:
    """31,030,658 with two classes (64, 128, 256, 512, 1024); here ten."""
    network = registry.build("unet")
    assert weights(network) == 31_030_658 + 8 * 65
    assert sum(isinstance(m, torch.nn.Conv2d) for m in network.modules()) == 19  # and four up-convolutions: 23 layers


def test_modified_unet_has_six_levels_on_both_paths() -> None:
    network = registry.build("modified_unet")
    assert [m.second[0].out_channels for m in network.context] == [16, 32, 64, 128, 256, 512]
    assert [m.join[1].out_channels for m in network.localise] == [256, 128, 64, 32, 16]
    assert all(isinstance(m.gate, Gate) for m in network.localise)
    plain = registry.build("modified_unet", gates=False, pyramid=False, supervision=False)
    assert weights(plain) < weights(network)
    assert (len(plain.heads), len(network.heads)) == (1, 4)


@pytest.mark.parametrize("name", NAMES)
def test_masks_have_the_size_of_the_film(name) -> None:
    network = registry.build(name, width=8).eval()
    with torch.no_grad():
        assert network(torch.zeros(1, 1, 64, 96))["masks"].shape == (1, 10, 64, 96)


def test_every_skip_and_every_smaller_picture_counts() -> None:
    torch.manual_seed(0)
    network, x = registry.build("modified_unet", width=8).eval(), torch.randn(1, 1, 128, 128)
    with torch.no_grad():
        before = network(x)["masks"]
        for part in (*network.smaller, *(m.gate.out for m in network.localise)):
            kept = part[0].weight.clone()
            part[0].weight.neg_()
            assert not torch.allclose(before, network(x)["masks"], atol=1e-6, rtol=0)
            part[0].weight.copy_(kept)


def test_a_closed_gate_lets_nothing_through() -> None:
    gate = Gate(16, 32)
    torch.nn.init.constant_(gate.share.bias, -50.0)
    torch.nn.init.zeros_(gate.share.weight)
    with torch.no_grad():
        a, b = (gate(torch.randn(1, 16, 8, 8), torch.randn(1, 32, 4, 4)) for _ in range(2))
    torch.testing.assert_close(a, b)


def test_bodies_above_t10_are_not_judged() -> None:
    labels = torch.zeros(1, 16, 16, dtype=torch.uint8)
    labels[:, :4], labels[:, 8:12] = UNNAMED, 3
    logits = torch.randn(1, 10, 16, 16, requires_grad=True)
    sum(mask_losses(logits, labels)).backward()
    assert (logits.grad[:, :, :4] == 0).all()
    assert (logits.grad[:, :, 4:].abs().sum(1) > 0).all()


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_loss_falls(name, tmp_path) -> None:
    folder = write_fake_shards(tmp_path / "films", shards=2, films=5, side=96)
    words = [f"data={folder}", f"out={tmp_path}", "holdout=2", "batch=2", "size=96", "width=16", "warmup=3", "steps=30"]
    recipe = override(registry.network_class(name).Recipe(), [*words, "lr=1e-3", "tight=0"])
    trainer = Trainer(name, recipe)
    examples, held_out = make_examples(OUTLINES, recipe)
    stream = batches(OUTLINES, examples, recipe, 0)
    losses = [trainer.step(next(stream))["loss"] for _ in range(30)]
    assert np.mean(losses[-5:]) < 0.8 * np.mean(losses[:5])
    assert set(OUTLINES.measure(trainer.network, held_out, 96)) == {"dice", "dice_any_bone"}
