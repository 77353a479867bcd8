"""Save, resume and ship a training."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import torch
from torch import nn

from bmd import INTENDED_USE
from bmd.models import _weights as weights
from bmd.models._recipe import Recipe, as_dict
from bmd.training import tasks


def save(path: Path, state: dict[str, Any]) -> None:
    """Write a checkpoint so that a crash in between leaves the old one whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save(state, path.with_suffix(".part"))
    path.with_suffix(".part").replace(path)


def load(path: Path) -> dict[str, Any] | None:
    """Read a checkpoint (tensors and plain values only), or None when there is none."""
    return torch.load(path, map_location="cpu", weights_only=True) if path.is_file() else None


def commit() -> str:
    """Short hash of the commit that trains, "" outside a repository."""
    try:
        run = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return run.stdout.strip()


def describe(network: nn.Module, recipe: Recipe, options: dict[str, Any], training: dict[str, Any]) -> dict[str, Any]:
    """Metadata of weights; ``training`` holds steps, examples, minutes and the validation metrics."""
    spec: Any = network.spec
    pictures = {"radiograph": "films", "ct": "CT", "dxa": "DXA images"}.get(spec.modality, "pictures")
    return {
        "name": spec.name,
        "title": spec.title,
        "paper": spec.paper,
        "task": spec.task,
        "modality": spec.modality,
        "options": options,
        "preprocessing": {"size": recipe.size, "steps": tasks.find(spec.task).inputs},
        "recipe": {k: v for k, v in as_dict(recipe).items() if k not in ("data", "out", "weights", "threads")},
        "training": {k: v for k, v in training.items() if k != "metrics"},
        "seed": recipe.seed,
        "commit": commit(),
        "metrics": [{"measured_on": f"simulated {pictures} held out of training", "values": training["metrics"]}],
        "calibration": {},
        "trained_on": f"simulated {pictures} only; no image of a patient",
        "licence": "Apache-2.0",
        "intended_use": INTENDED_USE,
    }


def export(network: nn.Module, folder: Path, metadata: dict[str, Any]) -> None:
    """Write weights, metadata, golden example and model card, each from the weights as they will be read back."""
    weights.write_weights(network, folder, metadata)
    shipped = weights.read_weights(type(network), folder)
    weights.write_golden(shipped, folder)
    write_card(folder)


def write_card(folder: Path) -> None:
    """Write the model card README.md from metadata.json; run again after metadata changes."""
    m = weights.read_metadata(folder)
    lines = [f"# {m['title']}", "", m["intended_use"], "", f"- Paper: {m['paper']}", f"- Task: {m['task']}"]
    lines += [f"- Input: {m['preprocessing']['steps']}; size {m['preprocessing']['size']}"]
    lines += [f"- Trained on: {m.get('trained_on', 'not stated')}"]
    lines += [f"- Training: {_words(m.get('training', {}))}; seed {m['seed']}, commit {m['commit'] or 'unknown'}"]
    lines += [f"- Licence: {m['licence']}", "", "## Measured", "", "| on | measure | value |", "|---|---|---|"]
    for entry in m["metrics"]:
        lines += [f"| {entry['measured_on']} | {key} | {_number(v)} |" for key, v in entry["values"].items()]
    if "published" in m:
        paper = m["published"]
        lines += ["", f"In the paper ({paper['measured_on']}, other patients): {_words(paper['values'])}."]
    lines += ["", "## Calibration", "", _words(m["calibration"]) if m["calibration"] else "None yet.", ""]
    lines += ["## Files", ""] + [f"- `{name}` sha256 `{digest}`" for name, digest in m["files"].items()]
    (folder / "README.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _number(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _words(values: dict[str, Any]) -> str:
    return ", ".join(f"{key} {_number(value)}" for key, value in values.items())
