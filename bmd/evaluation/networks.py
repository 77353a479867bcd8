"""One network on simulated films that it has not seen: the figures of its task, and on what they were measured."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from bmd.evaluation import groups
from bmd.evaluation.record import record, with_interval
from bmd.metrics import bootstrap
from bmd.models import _registry as registry
from bmd.models._metadata import measurement

DRAWS = 500
"""Of a bootstrap."""
OVER_FILMS = ("found", "level_exact", "dice")
"""Figures of the task "masks" that get an interval."""
OF_PARTS = (*OVER_FILMS, "sacrum")
"""Figures of the task "masks" that are stated of parts of the cohort."""


def evaluate(
    name: str,
    data: str | Path = "runs/held",
    films: int = 2000,
    weights: str | Path = registry.WEIGHTS,
    write: bool = False,
) -> dict[str, Any]:
    """Measure a network with its shipped weights.

    Parameters
    ----------
    name : str
        A registered network.
    data : path
        Folder of shards with films that were not trained on.
    films : int
        How many to use at most.
    weights : path
        Folder with the networks' weights.
    write : bool
        Put the figures into the network's metadata.

    Returns
    -------
    dict
        ``model``, ``task``, on whom (``cohort``, ``n``, ``unit``, ``data``) and ``values``, named by the validation.

    Raises
    ------
    OptionError
        The network is unknown.
    WeightsError
        It has no weights, or they are damaged.
    InputError
        The folder holds no films.
    """
    from bmd.training import tasks

    task = tasks.find(registry.spec(name).task)
    network: Any = registry.load(name, weights)
    held_out = task.read(str(data), limit=films, repeat=False)
    size = int(network.metadata["preprocessing"]["size"])
    split = _parts_of_masks if task.name == "masks" else _whole
    parts = split(task, network, held_out, size, str(data))
    entries = [
        measurement(task.cohort, count, task.unit, "test", values, group=code) for code, (count, values) in parts
    ]
    if write:
        record(Path(weights) / name, entries)
    return {
        "model": name,
        "task": task.name,
        "cohort": task.cohort,
        "n": len(held_out),
        "unit": task.unit,
        "kind": "test",
        "data": Path(data).name,
        "values": entries[0]["values"],
        "groups": {entry["group"]: {"n": entry["n"]} | entry["values"] for entry in entries[1:]},
    }


Parts = list[tuple[str | None, tuple[int, dict[str, float]]]]
"""Of the whole (None) and of each part of a cohort: how many, and the figures."""


def _whole(task: Any, network: Any, items: Any, size: int, data: str) -> Parts:
    return [(None, (len(items), _rounded(task.measure(network, items, size))))]


def _parts_of_masks(task: Any, network: Any, items: Any, size: int, data: str) -> Parts:
    """All films, with intervals over films, and the parts of ``groups``; the network runs once on each."""
    from bmd.simulator.shards.film import read_shards
    from bmd.training.tasks.film import judge_masks, of_masks

    films = judge_masks(network.eval(), items, size)
    values = of_masks(films)
    for name in OVER_FILMS:
        owners = [k for k, film in enumerate(films) for _ in film[name]]
        flat = np.array([value for film in films for value in film[name]])
        with_interval(values, name, bootstrap(lambda x: float(np.mean(x)), flat, patients=owners, count=DRAWS))
    found: Parts = [(None, (len(films), _rounded(values)))]
    for code, rows in groups.large(groups.of_films(read_shards(data, len(films)))).items():
        own = of_masks([films[k] for k in rows])
        found.append((code, (len(rows), _rounded({name: own[name] for name in OF_PARTS}))))
    return found


def _rounded(values: dict[str, float]) -> dict[str, float]:
    return {key: round(float(value), 4) for key, value in values.items() if np.isfinite(value)}
