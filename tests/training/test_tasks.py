"""A new task is one file and a new network is one file; what they lack shows before the first step."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import bmd.models
from bmd.errors import OptionError, WeightsError
from bmd.models import _registry as registry
from bmd.models._metadata import read
from bmd.training import checkpoint, loop, tasks, train
from bmd.training.examples import digest, make_examples
from bmd.training.films import Films
from bmd.training.loop import Trainer
from bmd.training.rehearsal import rehearse
from bmd.training.task import Few, Task
from tests.models.fakes import write_fake_shards

TASK = """
import torch
from bmd.training.films import Films
from bmd.training.task import Task

def encode(film, seen, rng):
    return torch.from_numpy(seen)[None], {"grey": torch.tensor(float(seen.mean()))}

def validate(network, films, size):
    x = torch.stack([torch.from_numpy(plain(films[k], size))[None] for k in range(len(films))])
    return {"mean_error": float((network(x)["grey"] - x.mean((1, 2, 3))).abs().mean())}

def plain(film, size):
    return film.image[:size, :size].astype("float32") / 255

GREY = Task(
    name="grey", inputs="a corner of the film", cohort="simulated_films", unit="films", headline="mean_error",
    read=Films, plain=plain, augment=lambda recipe: lambda film, rng: plain(film, recipe.size),
    encode=encode, validate=validate,
)
"""
NETWORK = """
import torch
from dataclasses import dataclass
from torch import nn
from bmd.models._recipe import Recipe
from bmd.models._registry import Spec, register

@dataclass(frozen=True)
class GreyRecipe(Recipe):
    size: int = 32  # pixels

@register(Spec(name="greynet", title="Grey", task="grey", role="grey", modality="radiograph", paper="none"))
class GreyNet(nn.Module):
    Recipe = GreyRecipe
    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.zeros(1))
    @staticmethod
    def example():
        return (torch.ones(1, 1, 4, 4),)
    def forward(self, x, targets=None):
        grey = self.scale * x.mean((1, 2, 3))
        return {"grey": grey} if targets is None else {"grey": (grey - targets["grey"]).square().mean()}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_fake_shards(tmp_path_factory.mktemp("films"), shards=1, films=6, side=96)


@pytest.fixture
def dummy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Two files beside the others: a task and its network."""
    for package, name, source in ((tasks, "grey", TASK), (bmd.models, "greynet", NETWORK)):
        place = tmp_path / package.__name__
        place.mkdir()
        (place / f"{name}.py").write_text(source, encoding="utf-8")
        monkeypatch.setattr(package, "__path__", [*package.__path__, str(place)])
    for cache in (tasks._found, registry._entries):
        cache.cache_clear()
    yield
    for cache in (tasks._found, registry._entries):
        cache.cache_clear()
    for module in ("bmd.training.tasks.grey", "bmd.models.greynet"):
        sys.modules.pop(module, None)


def keys(folder: Path, out: Path) -> list[str]:
    values = {"data": folder, "out": out / "runs", "weights": out / "weights", "holdout": 3, "batch": 2, "minutes": 1}
    return [f"{key}={value}" for key, value in values.items()]


def two_steps(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Count steps, and let the time budget be spent after two."""
    seen: list[int] = []
    step = Trainer.step

    def counted(self, batch):
        seen.append(self.progress.step)
        self.progress.seconds += 30.0
        return step(self, batch)

    monkeypatch.setattr(Trainer, "step", counted)
    return seen


def test_a_new_task_and_its_network_are_two_files(dummy, folder, tmp_path, monkeypatch) -> None:
    steps = two_steps(monkeypatch)
    assert "grey" in tasks.names()
    assert registry.of_role("grey") == ("greynet",)
    result = train("greynet", keys(folder, tmp_path))
    assert steps == [0, 1]
    assert result["metrics"]["mean_error"] > 0
    metadata = read(tmp_path / "weights" / "greynet")
    assert metadata["task"] == "grey"
    assert metadata["preprocessing"] == {"size": 32, "steps": "a corner of the film"}
    made = metadata["provenance"]
    assert made["command"].startswith("python -m bmd train greynet data=")
    assert str(tmp_path) not in made["command"]
    assert made["data_files"] == 1
    assert made["data_sha256"] == digest(Films(folder))
    assert metadata["metrics"][0]["n"] == 3


def test_outside_a_repository_nothing_is_shipped_or_trained(dummy, folder, tmp_path, monkeypatch) -> None:
    steps = two_steps(monkeypatch)
    monkeypatch.setattr(checkpoint, "commit", lambda: "")
    with pytest.raises(WeightsError) as error:
        train("greynet", keys(folder, tmp_path))
    assert error.value.finding.code == "network.provenance"
    assert error.value.finding.values == {"missing": ("commit",)}
    assert steps == []
    assert train("greynet", [*keys(folder, tmp_path), "weights="])["steps"] == 2  # a trial that ships nothing


@pytest.mark.parametrize("missing", ["validate", "encode", "collate", "read", "headline", "inputs"])
def test_an_incomplete_task_trains_no_step(dummy, folder, tmp_path, monkeypatch, missing) -> None:
    steps = two_steps(monkeypatch)
    whole = tasks.find("grey")
    monkeypatch.setitem(
        tasks._found(), "grey", replace(whole, **{missing: "" if missing in ("headline", "inputs") else None})
    )
    with pytest.raises(OptionError) as error:
        train("greynet", keys(folder, tmp_path))
    assert error.value.finding.code == "network.task_incomplete"
    assert error.value.finding.values == {"task": "grey", "missing": (missing,)}
    assert steps == []


@pytest.mark.parametrize(
    ("part", "broken", "step"),
    [
        ("encode", lambda film, seen, rng: {}["image"], "encode"),
        ("collate", lambda examples: examples["none"], "collate"),
        ("encode", lambda film, seen, rng: (torch.zeros(1, 4, 4), {"white": torch.tensor(0.0)}), "forward"),
        ("validate", lambda network, films, size: {"mean_error": films[0].none}, "validate"),
    ],
)
def test_a_part_that_fails_is_named_before_the_first_step(
    dummy, folder, tmp_path, monkeypatch, part, broken, step
) -> None:
    steps = two_steps(monkeypatch)
    monkeypatch.setitem(tasks._found(), "grey", replace(tasks.find("grey"), **{part: broken}))
    with pytest.raises(OptionError) as error:
        train("greynet", keys(folder, tmp_path))
    assert error.value.finding.code == "network.rehearsal"
    assert error.value.finding.values["step"] == step
    assert steps == []


def test_a_validation_without_its_headline_fails_at_once(dummy, folder, tmp_path, monkeypatch) -> None:
    whole = tasks.find("grey")
    monkeypatch.setitem(tasks._found(), "grey", replace(whole, validate=lambda network, films, size: {"other": 1.0}))
    with pytest.raises(OptionError) as error:
        train("greynet", keys(folder, tmp_path))
    assert error.value.finding.code == "network.no_headline"


def test_an_unknown_task_fails_at_once(folder, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(registry, "spec", lambda name: replace(registry._entries()["cmnet"][0], task="nonsense"))
    with pytest.raises(OptionError) as error:
        loop.train("cmnet", keys(folder, tmp_path))
    assert error.value.finding.code == "network.unknown_task"
    assert error.value.finding.values["known"] == tasks.names()


def test_two_tasks_of_one_name_are_refused(tmp_path, monkeypatch) -> None:
    (tmp_path / "twin.py").write_text(TASK.replace('name="grey"', 'name="masks"'), encoding="utf-8")
    monkeypatch.setattr(tasks, "__path__", [*tasks.__path__, str(tmp_path)])
    tasks._found.cache_clear()
    try:
        with pytest.raises(OptionError) as error:
            tasks.names()
        assert error.value.finding.code == "network.task_twice"
    finally:
        tasks._found.cache_clear()
        sys.modules.pop("bmd.training.tasks.twin", None)


def test_every_network_has_a_complete_task() -> None:
    for name in registry.names():
        assert isinstance(tasks.find(registry.spec(name).task), Task)
    assert set(tasks.names()) == {registry.spec(name).task for name in registry.names()}


def test_a_rehearsal_changes_nothing(folder) -> None:
    torch.manual_seed(3)
    network = registry.build("cmnet", widths=(16, 16, 16, 16, 16, 16))
    before = {key: value.clone() for key, value in network.state_dict().items()}
    state, task = torch.get_rng_state(), tasks.find("masks")
    recipe = registry.network_class("cmnet").Recipe(data=str(folder), holdout=2, size=64)
    examples, held_out = make_examples(task, recipe)
    metrics = rehearse(task, network, recipe, examples, held_out)
    assert set(metrics) == {"dice", "dice_any_bone", "level_exact", "found", "sacrum", "metal_auc"}
    assert torch.equal(state, torch.get_rng_state())
    assert all(torch.equal(before[key], value) for key, value in network.state_dict().items())
    assert all(p.grad is None for p in network.parameters())


def test_few_and_the_digest_of_what_was_read(folder, tmp_path) -> None:
    films = Films(folder)
    few = Few(films, 2)
    assert (len(few), len(list(few)), few[1].t_l1l4) == (2, 2, films[1].t_l1l4)
    with pytest.raises(IndexError):
        few[2]
    assert digest(films) == digest(films, Films(folder, limit=1))
    other = Films(write_fake_shards(tmp_path, shards=1, films=6, side=96, seed=1))
    assert digest(films) != digest(other)
    assert np.isfinite(films[0].t_l1l4)
