"""Outcomes on disk: a network looks at a test set once; every figure and every pair is made of what it said then."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np

from bmd.reproduction.datasets import Made
from bmd.reproduction.plan import Measure, Outcome


def file_of(folder: Path, network: str, run: str, measure: Measure, test: Made) -> Path:
    """Where an outcome lies: by network, what made its weights, what was asked and of whom."""
    asked = f"{measure.answer.__module__}.{getattr(measure.answer, '__name__', measure.answer)}"
    words = json.dumps([network, run, asked, test.code, test.sha256["test"]])
    return folder / f"{network or 'data'}-{test.data.name}-{hashlib.sha256(words.encode()).hexdigest()[:12]}.npz"


def store(file: Path, outcome: Outcome) -> None:
    """Write an outcome."""
    file.parent.mkdir(parents=True, exist_ok=True)
    said = json.dumps({"unit": outcome.unit, "mix": outcome.mix, "points": outcome.points})
    arrays: dict[str, Any] = {f"column_{key}": value for key, value in outcome.columns.items()}
    part = file.with_suffix(".part.npz")
    np.savez_compressed(part, people=outcome.people, said=said, **arrays)
    part.rename(file)


def stored(file: Path) -> Outcome | None:
    """The outcome of a file, if there is one."""
    if not file.is_file():
        return None
    with np.load(file) as arrays:
        said = json.loads(str(arrays["said"]))
        columns = {key.removeprefix("column_"): arrays[key] for key in arrays.files if key.startswith("column_")}
        return Outcome(arrays["people"], columns, said["unit"], tuple(said["mix"]), said["points"])
