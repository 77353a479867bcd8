"""How good the networks are: on simulated films that were held out, and on annotated real ones."""

from __future__ import annotations

from typing import Any


def evaluate(name: str, data: str = "runs/held", films: int = 2000) -> dict[str, Any]:
    """Measure a network on simulated films; see ``networks.evaluate``. Torch is imported here, not at start."""
    from bmd.models._registry import spec

    if spec(name).task == "survey":
        how = "It is measured on people: python -m bmd evaluate demographics --data FOLDER"
        return {"model": name, "task": "survey", "measured_on": how, "values": {}}
    from bmd.evaluation.film.networks import evaluate as run

    return run(name, data, films)
