"""One row's training: the same loop as shipped weights, its checkpoint chosen on the validation split alone.

A run's folder is named by all that decides what it becomes (network, recipe, people, examples), so that tables which
ask for the same network share it, and a training that broke off goes on.
"""

from __future__ import annotations

import hashlib
import json
import logging
import platform
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from bmd.models import _registry as registry
from bmd.models._precision import bf16_is_faster
from bmd.models._recipe import Recipe, as_dict, override
from bmd.reproduction.datasets import Made
from bmd.reproduction.plan import Row, Table
from bmd.training import checkpoint, tasks
from bmd.training.examples import batches, make_examples
from bmd.training.loop import Trainer, train

log = logging.getLogger(__name__)

CHECKS = 4
"""How often a training is validated; the best of these checkpoints is measured."""
TIMED = 3
"""Steps by which a row's speed is judged, after one that is not counted."""
SEED = 0
PATHS = ("data", "validation", "out", "weights", "threads", "workers", "minutes", "resume", "validate_every")
"""Keys of a recipe that change nothing of what is learned."""


@dataclass(frozen=True)
class Run:
    """A training that is done: its folder and what is to be said of it."""

    folder: Path
    record: dict[str, Any]


def recipe_of(table: Table, row: Row, made: Made, examples: int, folder: Path) -> Recipe:
    """The recipe of a row: the network's own, the table's changes, the row's, then the budget."""
    kind = registry.network_class(row.network)
    recipe: Recipe = override(kind.Recipe(), ("warmup=50", *table.words, *row.words))
    steps = max(1, examples // recipe.batch)
    bf16 = recipe.bf16 if recipe.bf16 != "auto" else ("on" if bf16_is_faster("cpu") else "off")
    recipe = replace(recipe, steps=steps, bf16=bf16, warmup=min(recipe.warmup, max(1, steps // 5)), seed=SEED)
    recipe = replace(recipe, validate_steps=max(1, -(-steps // CHECKS)), best=True, holdout=0, init="", weights="")
    return replace(recipe, data=made.folders["train"], validation=made.folders["validation"], out=str(folder))


def identity(network: str, recipe: Recipe, made: Made) -> str:
    """Twelve letters of a hash over all that decides what a training becomes."""
    decides = {key: value for key, value in as_dict(recipe).items() if key not in PATHS}
    people = {split: str(made.data.seeds(split)) for split in ("train", "validation")}
    words = json.dumps([network, decides, people, made.data.cohort, made.code], sort_keys=True)
    return hashlib.sha256(words.encode()).hexdigest()[:12]


def fitted(table: Table, row: Row, made: Made, examples: int, runs: Path) -> Run:
    """Train a row, or take the run that is there.

    Parameters
    ----------
    table, row : Table, Row
        Which.
    made : Made
        Its data; the test split is not looked at.
    examples : int
        How many it may see; rounded down to whole steps.
    runs : Path
        Folder of all runs.
    """
    recipe = recipe_of(table, row, made, examples, runs)
    name = identity(row.network, recipe, made)
    folder = runs / f"{row.network}-{name}"
    noted = folder / "record.json"
    if noted.is_file():
        return Run(folder, json.loads(noted.read_text(encoding="utf-8")))
    recipe = replace(recipe, out=str(folder))
    log.info("%s %s: %d steps of %d", table.name, row.key, recipe.steps, recipe.batch)
    words = [f"{key}={_plain(value)}" for key, value in as_dict(recipe).items() if value != _default(row.network, key)]
    done = train(row.network, words)
    best = checkpoint.load(folder / row.network / "best.pt")
    assert best is not None, "a training validates at its end"
    record = {
        "run": name,
        "seed": recipe.seed,
        "steps": done["steps"],
        "batch": recipe.batch,
        "examples": done["steps"] * recipe.batch,
        "recipe": {key: value for key, value in as_dict(recipe).items() if key not in PATHS},
        "chosen_step": best["step"],
        "validation": {key: round(value, 4) for key, value in best["metrics"].items()},
        "seconds": round(60 * done["minutes"], 3),
        "hardware": hardware(),
        "commit": checkpoint.commit(),
    }
    noted.write_text(json.dumps(record, indent=1), encoding="utf-8")
    return Run(folder, record)


def _plain(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _default(network: str, key: str) -> Any:
    return getattr(registry.network_class(network).Recipe(), key)


def network_of(row: Row, run: Run) -> Any:
    """The network of a run with the weights of its best checkpoint, in eval mode."""
    best = checkpoint.load(run.folder / row.network / "best.pt")
    assert best is not None, "the run is done"
    network = registry.build(row.network, **_options(row.network, run.record["recipe"]))
    network.load_state_dict(best["network"])
    return network.eval()


def _options(network: str, recipe: dict[str, Any]) -> dict[str, Any]:
    kind = registry.network_class(network)
    return {key: recipe[key] for key in kind.Recipe().options(kind) if key in recipe}


def seconds_per_example(table: Table, row: Row, made: Made, scratch: Path) -> float:
    """How long one example of a row takes in training, from a few steps with random weights."""
    recipe = recipe_of(table, row, made, 10**6, scratch)
    trainer, task = Trainer(row.network, recipe), tasks.find(registry.spec(row.network).task)
    stream = batches(task, make_examples(task, recipe)[0], recipe, 0)
    trainer.step(next(stream))
    start = time.monotonic()
    for _ in range(TIMED):
        trainer.step(next(stream))
    return (time.monotonic() - start) / TIMED / recipe.batch


def hardware() -> str:
    """Processor, cores and accelerator of this machine."""
    name = platform.processor() or platform.machine()
    for line in _lines(Path("/proc/cpuinfo")):
        if line.startswith("model name"):
            name = line.partition(":")[2].strip()
            break
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else "no GPU"
    return f"{name}, {torch.get_num_threads()} thread, {device}"


def _lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
