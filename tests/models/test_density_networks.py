"""The networks of Jung's step 2 and the variants its table compares."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from bmd.errors import OptionError
from bmd.inputs.film import CROP_FULL, CROP_MARGIN, Cut, box_corners, crop_tensor
from bmd.models import _registry as registry
from bmd.models._density import class_of
from bmd.models._recipe import override
from bmd.training.examples import batches, make_examples
from bmd.training.films import Films
from bmd.training.loop import SWA_FROM, RunningMean, Trainer, learning_rate, make_optimizer
from bmd.training.tasks.density import MEASURE, TURNS, CropAugment, crop_augment, encode_crops, validate_density
from tests.models.fakes import write_fake_shards

NAMES = ("c5_gap_fc3", "resnet18")
PAPER = (
    "hidden=0",
    "joined=no",
    "regression=mse",
    "augment=none",
    "steady=0",
    "drop_film=0",
    "optimiser=adam",
    "ema=0",
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_fake_shards(tmp_path_factory.mktemp("films"), shards=2, films=6, side=192)


def recipe_of(name, folder, *words):
    return override(registry.network_class(name).Recipe(), [f"data={folder}", "holdout=4", "batch=2", *words])


def test_resnet18_has_the_published_number_of_weights() -> None:
    """11,689,512 of He et al., less two input channels of the first convolution and the classifier of 1,000 classes."""
    body = registry.build("resnet18").convolutions
    assert sum(p.numel() for p in body.parameters()) == 11_689_512 - 2 * 64 * 49 - 513_000
    assert sum(isinstance(m, torch.nn.Conv2d) and m.kernel_size != (1, 1) for m in body.modules()) == 17


def test_resnet18_is_the_papers_by_default() -> None:
    """Heads side by side on pooled features, the film alone; so is C5-GAP-FC3 by the options its file names."""
    options = override(registry.network_class("c5_gap_fc3").Recipe(), PAPER)
    for network in (registry.build("resnet18"), registry.build("c5_gap_fc3", hidden=0, joined=False, regression="mse")):
        assert [head.in_features for head in (network.category, network.level, network.t_score)] == [
            network.features
        ] * 3
        assert not hasattr(network, "patient")
        assert not hasattr(network, "mix")
    assert (options.hidden, options.joined, options.ema) == (0, False, 0.0)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("scheme", "classes"), [("three", 3), ("osteoporosis", 2), ("at_risk", 2)])
def test_every_scheme_and_crop_can_be_learned(name, scheme, classes, folder) -> None:
    words = (*PAPER, f"scheme={scheme}", "crop=centre", "size=128")
    recipe = recipe_of(name, folder, *words)
    network = registry.build(name, **recipe.options(registry.network_class(name)))
    examples, held_out = make_examples(MEASURE, recipe)
    batch = next(batches(MEASURE, examples, recipe, 0))
    assert tuple(batch[0].shape[1:]) == (1, 128, 128)
    assert torch.equal(batch[0], batch[2]["again"]), "no augmentation"
    losses = network.train()(*batch)
    assert set(losses) == {"t_score", "category", "level"}
    with torch.no_grad():
        assert network.eval()(*batch[:2], torch.ones(len(batch[0]), 1))["category_logits"].shape[1] == classes
        metrics = validate_density(network, held_out, recipe.size)
    assert 0 <= metrics["category"] <= 1
    assert metrics["squared_error"] > 0
    assert not any(key.startswith(("known", "both")) for key in metrics), "it knows nothing but the film"


def test_classes_of_the_three_schemes() -> None:
    t = torch.tensor([0.0, -1.0, -1.01, -2.49, -2.5])
    assert class_of(t, "three").tolist() == [0, 0, 1, 1, 2]
    assert class_of(t, "osteoporosis").tolist() == [0, 0, 0, 0, 1]
    assert class_of(t, "at_risk").tolist() == [0, 0, 1, 1, 1]


@pytest.mark.parametrize("word", ["scheme", "regression", "crop"])
def test_unknown_choices_are_errors(word) -> None:
    with pytest.raises(OptionError) as error:
        registry.build("resnet18", **{word: "x"})
    assert error.value.finding.code == "network.unknown_choice"
    assert error.value.finding.values["key"] == word
    with pytest.raises(OptionError):
        crop_augment(override(registry.network_class("resnet18").Recipe(), ["augment=x"]))


def test_a_centre_crop_is_the_middle_of_the_whole_one() -> None:
    rng = np.random.default_rng(0)
    film = np.kron(rng.random((24, 24)), np.ones((16, 16))).astype(np.float32)
    corners = box_corners((140, 150, 260, 230))[None]
    whole = crop_tensor(film, corners, Cut(CROP_FULL, CROP_MARGIN))[0, 0]
    middle = crop_tensor(film, corners, Cut.of(64, "centre"))[0, 0]
    expected = whole[80:144, 80:144]
    expected = (expected - expected.mean()) / expected.std()
    assert float((middle - expected).abs().mean()) < 0.02


def test_augmentations_are_those_named(folder) -> None:
    film = Films(folder)[0]
    crops = {
        turn: encode_crops(film, CropAugment(turn=turn)(film, np.random.default_rng(1)), np.random.default_rng(3))[0]
        for turn in TURNS
    }
    plain = crops["none"]
    for turn, axis in (("horizontal", -1), ("vertical", -2)):
        kept = [bool(torch.equal(a, b)) for a, b in zip(crops[turn], plain, strict=True)]
        flipped = [bool(torch.equal(a, b.flip(axis))) for a, b in zip(crops[turn], plain, strict=True)]
        assert all(a != b for a, b in zip(kept, flipped, strict=True))
        assert len(set(kept)) == 2
    change = (crops["rotation"] - plain).abs().mean()
    assert 0.01 < float(change) < float((crops["simulated"] - plain).abs().mean())


def test_optimisers_are_those_named(folder, tmp_path) -> None:
    network = torch.nn.Linear(2, 2)
    kinds = {"adamw": torch.optim.AdamW, "adam": torch.optim.Adam, "sgd": torch.optim.SGD, "swa": torch.optim.SGD}
    for name, kind in kinds.items():
        recipe = override(registry.network_class("resnet18").Recipe(), [f"optimiser={name}"])
        assert type(make_optimizer(network, recipe)) is kind
    with pytest.raises(OptionError):
        make_optimizer(network, override(recipe, ["optimiser=x"]))
    assert recipe.optimiser == "swa"
    assert learning_rate(1000, SWA_FROM, recipe) == pytest.approx(recipe.lr / 2) == learning_rate(1000, 1.0, recipe)


def test_swa_is_the_plain_mean_of_the_last_quarter(folder, tmp_path) -> None:
    recipe = recipe_of(
        "c5_gap_fc3", folder, *PAPER, "optimiser=swa", "steps=8", "warmup=1", f"out={tmp_path}", "bf16=off"
    )
    trainer = Trainer("c5_gap_fc3", recipe)
    examples, _ = make_examples(MEASURE, recipe)
    stream, seen = batches(MEASURE, examples, recipe, 0), []
    for _ in range(8):
        trainer.step(next(stream))
        seen.append(trainer.network.level.weight.detach().clone())
        if len(seen) < 6:
            assert torch.equal(trainer.mean.state["level.weight"], seen[-1])
    torch.testing.assert_close(trainer.mean.state["level.weight"], (seen[6] + seen[7]) / 2)
    trainer.save()
    again = Trainer("c5_gap_fc3", recipe)
    again.resume()
    assert again.progress == trainer.progress
    assert RunningMean(trainer.network, 0.5).state.keys() == trainer.mean.state.keys()


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_loss_falls(name, folder, tmp_path) -> None:
    recipe = recipe_of(name, folder, *PAPER[:-1], "warmup=5", "steps=30", f"out={tmp_path}", "batch=8")
    trainer = Trainer(name, recipe)
    examples, _ = make_examples(MEASURE, recipe)
    stream = batches(MEASURE, examples, recipe, 0)
    losses = [trainer.step(next(stream))["loss"] for _ in range(30)]
    assert np.mean(losses[-5:]) < 0.8 * np.mean(losses[:5])


def test_resnet18_names_a_layer_for_heat_maps() -> None:
    network = registry.build("resnet18").eval()
    seen = {}
    network.heat_layer.register_forward_hook(lambda m, i, o: seen.update(shape=tuple(o.shape)))
    with torch.no_grad():
        network(*network.example())
    assert seen["shape"] == (3, 256, 4, 4)
