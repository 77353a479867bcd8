"""Save, resume and ship a training."""

from __future__ import annotations

import math
import re
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn

from bmd.errors import WeightsError
from bmd.models import _weights as weights
from bmd.models._metadata import PROVENANCE, measurement
from bmd.models._recipe import Recipe, as_dict
from bmd.text import text
from bmd.training import tasks
from bmd.training.examples import digest
from bmd.training.task import Items, Metrics

FIRST_SEED = re.compile(r"_(\d+)\.npz$")
"""The first seed of a file of simulated cases, in its name."""
PLACES = ("data", "validation", "out", "weights", "threads")
"""Keys of a recipe that say where, not how."""


def save(path: Path, state: dict[str, Any]) -> None:
    """Write a checkpoint so that a crash in between leaves the old one whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save(state, path.with_suffix(".part"))
    path.with_suffix(".part").replace(path)


def load(path: Path) -> dict[str, Any] | None:
    """Read a checkpoint (tensors and plain values only), or None when there is none."""
    return torch.load(path, map_location="cpu", weights_only=True) if path.is_file() else None


def keep_best(path: Path, network: nn.Module, step: int, metrics: Metrics, headline: str) -> None:
    """Write the network's weights unless those that are there did better in the headline metric, or as well."""
    before = load(path)
    if before is None or _worth(metrics, headline) > _worth(before["metrics"], headline):
        state = {key: value.cpu() for key, value in network.state_dict().items()}
        save(path, {"network": state, "step": step, "metrics": metrics})


def _worth(metrics: Metrics, headline: str) -> float:
    """More is better; an undefined figure is worth least."""
    value = metrics[headline] * (-1.0 if {"error", "mae"} & set(headline.split("_")) else 1.0)
    return -math.inf if math.isnan(value) else value


def commit(but: Sequence[str] = ()) -> str:
    """Short hash of the commit that trains, with "+" where files were changed since; "" outside a repository.

    ``but`` names files and folders whose changes do not count, from the root of the repository.
    """
    rest = ["--", ":/", *(f":(top,exclude){name}" for name in but)]
    head = _git("rev-parse", "--short", "HEAD")
    changes = _git("status", "--porcelain", "--untracked-files=no", *rest)
    return head + "+" if head and changes else head


def _git(*words: str) -> str:
    here = Path(__file__).parent
    try:
        run = subprocess.run(["git", "-C", str(here), *words], capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return run.stdout.strip()


def command(name: str, overrides: Sequence[str]) -> str:
    """What was asked for, with folders by their last part only."""
    shown = [f"{key}={Path(value).name if '/' in value else value}" for key, _, value in map(_parts, overrides)]
    return " ".join(["python -m bmd train", name, *shown])


def _parts(word: str) -> tuple[str, str, str]:
    return word.partition("=")


def provenance(name: str, overrides: Sequence[str], *items: Items[Any]) -> dict[str, Any]:
    """What makes these weights: commit, command, and a SHA-256 over the names and contents of the files read.

    Raises
    ------
    WeightsError
        "network.provenance": outside a git repository; known before the first step, not after the last.
    """
    found = {"commit": commit(), "command": command(name, overrides)} | read_from(*items)
    missing = tuple(key for key in PROVENANCE if not found[key])
    if missing:
        raise WeightsError("network.provenance", missing=missing)
    return found


def read_from(*items: Items[Any]) -> dict[str, Any]:
    """The part of ``provenance`` that speaks of the data; cases may be added while a training runs."""
    files = {file for some in items for file in some.digests}
    seeds = sorted(int(found[1]) for found in map(FIRST_SEED.search, files) if found)
    return {"data_sha256": digest(*items), "data_files": len(files), "data_seeds": seeds}


def describe(network: nn.Module, recipe: Recipe, training: dict[str, Any], made: dict[str, Any]) -> dict[str, Any]:
    """Metadata of weights.

    Parameters
    ----------
    training : dict
        Steps, examples, minutes, the number ``held_out`` and the validation ``metrics``.
    made : dict
        From ``provenance``.
    """
    spec: Any = network.spec
    task = tasks.find(spec.task)
    kept = {k: v for k, v in training.items() if k not in ("metrics", "held_out")}
    return {
        "name": spec.name,
        "title": spec.title,
        "paper": spec.paper,
        "task": spec.task,
        "modality": spec.modality,
        "options": recipe.options(type(network)),
        "preprocessing": {"size": recipe.size, "steps": task.inputs},
        "recipe": {k: v for k, v in as_dict(recipe).items() if k not in PLACES},
        "training": kept,
        "seed": recipe.seed,
        "provenance": made,
        "metrics": [measurement(task.cohort, training["held_out"], task.unit, "validation", training["metrics"])],
        "calibration": {},
        "trained_on": {"cohort": task.cohort, "n": None},
        "licence": "Apache-2.0",
        "intended_use": text("intended_use"),
    }


def export(network: nn.Module, folder: Path, metadata: dict[str, Any]) -> None:
    """Write weights, metadata, model card and golden example, the last from the weights as they will be read back."""
    weights.write_weights(network, folder, metadata)
    weights.write_golden(weights.read_weights(metadata["name"], folder), folder)
