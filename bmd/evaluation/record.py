"""Figures that a command measured, written beside the weights they speak of: what the app and the README show.

``python -m bmd evaluate ... --write``. Each entry says when, at which commit and by which command it was measured, so
that whoever doubts a figure can have it again. Folders are named by their last part only.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bmd.models._metadata import update

IN_PYTHON = "called from Python"
"""Stands for the command where there was none."""
_command: ContextVar[str] = ContextVar("command", default=IN_PYTHON)


@contextmanager
def asked(words: Sequence[str]) -> Iterator[None]:
    """While it lasts, figures are recorded as measured by ``python -m bmd`` with these words."""
    before = _command.set(" ".join(["python -m bmd", *map(_shown, words)]))
    try:
        yield
    finally:
        _command.reset(before)


def _shown(word: str) -> str:
    """A word of a command without the folders that lead to a file."""
    name, equals, value = word.partition("=")
    if equals and "/" in value:
        return f"{name}={Path(value).name}"
    return Path(word).name if os.sep in word else word


def stamp() -> dict[str, str]:
    """Date, commit and command of a measurement made now; see ``measured`` of ``bmd.models._metadata``.

    Weights and the README are left out of what may have changed since the commit: recording itself changes them.
    """
    from bmd.training.checkpoint import commit

    head = commit(but=("weights", "README.md"))
    return {"date": f"{datetime.now(UTC):%Y-%m-%d}", "commit": head or "no repository", "command": _command.get()}


def record(folder: Path, entries: Iterable[dict[str, Any]], **changes: Any) -> None:
    """Stamp measurements and put them, with other keys, into the metadata of shipped weights.

    Parameters
    ----------
    folder : Path
        Of the weights.
    entries : iterable of dict
        From ``bmd.models._metadata.measurement``; each takes the place of older ones of its cohort and kind.

    Raises
    ------
    WeightsError
        The metadata cannot be read, or an entry does not say of how many it is.
    """
    now = stamp()
    update(folder, [entry | {"measured": now} for entry in entries], **changes)


def with_interval(values: dict[str, float], name: str, found: tuple[float, float, float]) -> None:
    """Put a value and its 95 % interval, as ``metrics.bootstrap`` gives them, among others.

    Where all or none are right every draw is the same, and no interval is stated: the count says more.
    """
    value, low, high = found
    values[name] = round(value, 4)
    if low < high:
        values |= {f"{name}_low": round(low, 4), f"{name}_high": round(high, 4)}
