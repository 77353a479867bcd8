"""How good the networks are: on simulated films that were held out, and on annotated real ones."""

from __future__ import annotations

from typing import Any


def evaluate(name: str, data: str = "runs/held", films: int = 2000, write: bool = False) -> dict[str, Any]:
    """Measure a network on simulated films; see ``evaluation.networks.evaluate``. Torch is imported late."""
    from bmd.evaluation.networks import evaluate as run

    return run(name, data, films, write=write)
