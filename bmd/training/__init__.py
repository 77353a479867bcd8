"""One visible loop for all networks: ``python -m bmd train NAME [key=value ...]``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def train(name: str, overrides: Sequence[str] = ()) -> dict[str, Any]:
    """Train a registered network; see ``training.loop.train``. Torch is imported here, not at start."""
    from bmd.training.loop import train as run

    return run(name, overrides)
