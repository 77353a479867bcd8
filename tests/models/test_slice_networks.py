"""The networks that Choi et al. set beside their pair."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from bmd.errors import OptionError
from bmd.models import _registry as registry
from bmd.models._recipe import override
from bmd.models._slices import AUXILIARY
from bmd.models.resnet18_acm import GroupedCompare
from bmd.training.examples import batches, make_examples
from bmd.training.loop import Trainer
from bmd.training.tasks.ct import SLICES
from tests.models.fakes_ct import write_fake_ct

RIVALS = ("resnet18_ct", "resnet18_acm", "xception", "inception_v3", "efficientnet_b0", "vit_b16")
CLASSES = 1000
QUICK = {
    "resnet18_ct": {"width": 16},
    "resnet18_acm": {"width": 16},
    "xception": {"side": 96},
    "inception_v3": {"side": 96, "auxiliary": False},
    "efficientnet_b0": {"side": 96},
    "vit_b16": {"side": 64, "layers": 3, "hidden": 128},
}


def weights(network: nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


@pytest.mark.parametrize(
    ("name", "published", "features", "first"),
    [
        ("resnet18_ct", 11_689_512, 512, 64 * 49),
        ("xception", 22_855_952, 2048, 32 * 9),  # 22.9 million
        ("efficientnet_b0", 5_288_548, 1280, 32 * 9),  # 5.3 million
        ("vit_b16", 86_567_656, 768, 768 * 256),  # 86 million
    ],
)
def test_weights_are_as_many_as_published(name, published, features, first) -> None:
    """With 1,000 classes and three channels, which here are three classes and one channel."""
    with torch.device("meta"):
        network = registry.build(name)
    assert weights(network) + (CLASSES - 3) * (features + 1) + 2 * first == published


def test_inception_has_as_many_weights_as_published() -> None:
    """27,161,264, of which 3,326,696 are in the side classifier (768 features, 1,000 classes)."""
    whole, without = registry.build("inception_v3"), registry.build("inception_v3", auxiliary=False)
    assert weights(without) + (CLASSES - 3) * 2049 + 2 * 32 * 9 == 23_834_568
    assert weights(whole) - weights(without) + (CLASSES - 3) * 769 == 27_161_264 - 23_834_568


def test_xception_has_36_convolutions_in_14_modules() -> None:
    network = registry.build("xception")
    depthwise = [m for m in network.modules() if isinstance(m, nn.Conv2d) and m.groups > 1]
    assert len(depthwise) == 34  # and the first two
    assert len(network.middle) == 8


def test_inception_learns_from_its_side_classifier_too() -> None:
    network = registry.build("inception_v3").train()
    with torch.no_grad():
        losses = network(torch.randn(2, 2, 120, 120), {"category": torch.tensor([0, 2])})
    assert set(losses) == {"category", "auxiliary"}
    assert 0 < float(losses["auxiliary"]) < 5 * AUXILIARY


@pytest.mark.parametrize("name", RIVALS)
@pytest.mark.parametrize("window", ["s", "t"])
def test_each_sees_its_own_window_alone(name, window) -> None:
    torch.manual_seed(0)
    network = registry.build(name, window=window, **QUICK[name]).eval()
    x = torch.randn(2, 2, 120, 120)
    own, other = x.clone(), x.clone()
    own["st".index(window) == torch.arange(2).expand(2, 2)] += 1
    other["st".index(window) != torch.arange(2).expand(2, 2)] += 1
    with torch.no_grad():
        plain = network(x)["logits"]
        assert torch.equal(network(other)["logits"], plain)
        assert not torch.equal(network(own)["logits"], plain)


@pytest.mark.parametrize("name", RIVALS)
def test_heat_maps_have_a_layer_with_cells_smaller_than_a_body(name) -> None:
    """At most 20 mm of the crop's 120; gradients of a class reach it."""
    options = {"resnet18_ct": {}, "resnet18_acm": {}, "vit_b16": {"layers": 2, "hidden": 64}}.get(name, {})
    network = registry.build(name, **options).eval()
    kept = {}
    network.heat_layer.register_forward_hook(lambda m, i, o: kept.update(map=o))
    network(torch.randn(1, 2, 120, 120))["logits"][0, 2].backward(inputs=[kept["map"]] if kept else None)
    assert min(kept["map"].shape[2:]) >= 6
    assert float(kept["map"].grad.abs().max()) > 0


def test_unknown_window_and_place_are_errors() -> None:
    for options in ({"window": "st"}, {"place": "x"}):
        with pytest.raises(OptionError) as error:
            registry.build("resnet18_acm", **options)
        assert error.value.finding.code == "network.unknown_choice"


def test_modules_in_every_block_are_grouped() -> None:
    stage, block = (registry.build("resnet18_acm", place=place) for place in ("stage", "block"))
    compares = [m for m in block.modules() if isinstance(m, GroupedCompare)]
    assert len(compares) == 8
    assert [m.key.groups for m in compares] == [4, 4, 8, 8, 16, 16, 32, 32]
    assert sum(type(m).__name__ == "AttendAndCompare" for m in stage.modules()) == 4
    x = torch.randn(2, 2, 120, 120)
    with torch.no_grad():
        assert block.eval()(x)["logits"].shape == (2, 3)


@pytest.mark.slow
@pytest.mark.parametrize("name", RIVALS)
def test_loss_falls(name, tmp_path) -> None:
    folder = write_fake_ct(tmp_path / "ct")
    words = [f"data={folder}", f"out={tmp_path}", "holdout=3", "batch=8", "warmup=3", "steps=30", "bf16=off"]
    recipe = override(
        registry.network_class(name).Recipe(), [*words, *(f"{key}={value}" for key, value in QUICK[name].items())]
    )
    trainer = Trainer(name, recipe)
    examples, held_out = make_examples(SLICES, recipe)
    stream = batches(SLICES, examples, recipe, 0)
    losses = [trainer.step(next(stream))["loss"] for _ in range(30)]
    assert np.mean(losses[-5:]) < 0.8 * np.mean(losses[:5])
    assert 0 <= SLICES.measure(trainer.network, held_out, 120)["macro_auc"] <= 1
