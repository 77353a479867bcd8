"""One network on simulated films that it has not seen: the figures of its task, and on what they were measured."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bmd.models import _registry as registry


def evaluate(
    name: str, data: str | Path = "runs/held", films: int = 2000, weights: str | Path = registry.WEIGHTS
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
    values = task.measure(network, held_out, int(network.metadata["preprocessing"]["size"]))
    return {
        "model": name,
        "task": task.name,
        "cohort": task.cohort,
        "n": len(held_out),
        "unit": task.unit,
        "kind": "validation",
        "data": Path(data).name,
        "values": {key: round(value, 4) for key, value in values.items()},
    }
