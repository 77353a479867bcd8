"""One network on simulated films that it has not seen: the figures of its task, and on what they were measured."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bmd.models import _registry as registry
from bmd.training.tasks import ct as ct_examples
from bmd.training.tasks.film import Films


def evaluate(
    name: str, data: str | Path = "runs/held", films: int = 2000, weights: str | Path = "weights"
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
        ``model``, ``task``, ``measured_on`` and ``values`` (names as in ``training.validate``).

    Raises
    ------
    OptionError
        The network is unknown.
    WeightsError
        It has no weights, or they are damaged.
    InputError
        The folder holds no films.
    """
    spec = registry.spec(name)
    from bmd.training.validate import validate

    network = registry.load(name, weights)
    ct = spec.task in ct_examples.TASKS
    held_out: Any = ct_examples.CtItems(data, spec.task, limit=films, repeat=False) if ct else Films(data, limit=films)
    what = "CT pictures" if ct else "films"
    size = int(network.metadata["preprocessing"]["size"])  # type: ignore[index]
    return {
        "model": name,
        "task": spec.task,
        "measured_on": f"{len(held_out)} simulated {what} held out of training, from {Path(data).name}",
        "values": {key: round(value, 4) for key, value in validate(spec.task, network, held_out, size).items()},
    }
