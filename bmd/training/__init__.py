"""One visible loop for all networks: ``python -m bmd train NAME [key=value ...]``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def train(name: str, overrides: Sequence[str] = ()) -> dict[str, Any]:
    """Train a registered network; see ``training.loop.train``. Torch is imported here, not at start.

    The network of the survey's task is fitted on a table of people: ``training.demographics.train``.
    """
    from bmd.models._registry import spec

    if spec(name).task == "survey":
        from bmd.training.demographics import train as fit

        return fit(overrides)
    from bmd.training.loop import train as run

    return run(name, overrides)
