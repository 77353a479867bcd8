"""Simulated cases on disk for training: npz files with some hundred rows each, written by several processes.

What a row holds is said where it is made: ``shards.film``, ``shards.ct``, ``shards.dxa``. Beside its rows each file
says where they come from:

=======  =========  ====================================================================================
code     str        ``CODE`` of the simulator that drew it; files of different code are never read together
seeds    (2,) int   first and last seed
command  str        what draws it again, with ``--seed`` and ``--count``
=======  =========  ====================================================================================
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from bmd.errors import InputError
from bmd.simulator.kernel import HERE, digest
from bmd.text import text

log = logging.getLogger(__name__)

CODE = digest(HERE, "*.py", "*.json")
"""Hash of all that decides what a seed becomes: sources, and the numbers people are drawn from."""

Row = Callable[[int], dict[str, Any]]
"""Makes the arrays of one case from its seed; must be picklable (a module's function or a ``partial`` of one)."""


@dataclass(frozen=True)
class Kind:
    """One sort of shard: how its files begin, how many rows they have, what the command that draws it is told."""

    prefix: str
    rows: int
    options: str = ""


@dataclass(frozen=True)
class Origin:
    """Where a shard comes from; ``code`` is empty in files of the time before it was written down."""

    code: str
    seeds: tuple[int, int]
    command: str

    def arrays(self) -> dict[str, NDArray[Any]]:
        """As it stands in the file."""
        return {"code": np.array(self.code), "seeds": np.array(self.seeds), "command": np.array(self.command)}


def origin(path: Path) -> Origin:
    """Where the rows of one file come from."""
    return _origin(path, path.stat().st_mtime_ns)


@lru_cache(maxsize=4096)
def _origin(path: Path, _mtime_ns: int) -> Origin:
    with np.load(path) as shard:
        if "code" not in shard.files:
            return Origin("", (0, -1), "")
        first, last = shard["seeds"].tolist()
        return Origin(str(shard["code"]), (first, last), str(shard["command"]))


def finished(folder: str | Path, prefix: str) -> list[Path]:
    """Complete files of a folder in order of seed, all drawn by one version of the simulator.

    Files without ``code`` are of an earlier time. A folder of nothing else is taken as one set, with a warning in the
    log, since nothing says otherwise; beside files that have one they are refused.

    Raises
    ------
    InputError
        "simulator.shards_mixed": files of different code.
    """
    paths = [path for path in sorted(Path(folder).glob(f"{prefix}_*.npz")) if not path.name.endswith(".part.npz")]
    codes = sorted({origin(path).code for path in paths})
    if len(codes) > 1:
        raise InputError("simulator.shards_mixed", folder=str(folder), codes=tuple(code or "-" for code in codes))
    if codes == [""]:
        _warn_of_unknown_code(str(folder))
    return paths


@lru_cache(maxsize=256)
def _warn_of_unknown_code(folder: str) -> None:
    """Once a process and folder."""
    log.warning(text("simulator.shards_unsigned", folder=folder))


def write(folder: str, kind: Kind, seeds: Sequence[int], row: Row, command: str) -> str:
    """Write the cases of ``seeds`` as one file ``<prefix>_<first seed>.npz``, unless it is there; returns its path."""
    cv2.setNumThreads(1)
    path = Path(folder) / f"{kind.prefix}_{seeds[0]:07d}.npz"
    if path.exists() and origin(path).seeds[1] >= seeds[-1]:
        return str(path)
    rows = [row(seed) for seed in seeds]
    part = path.with_suffix(".part.npz")
    arrays: dict[str, Any] = {key: np.stack([one[key] for one in rows]) for key in rows[0]}
    np.savez_compressed(part, **arrays | Origin(CODE, (seeds[0], seeds[-1]), command).arrays())
    part.rename(path)
    return str(path)


def write_all(folder: str, kind: Kind, seeds: range, row: Row, command: str, workers: int = 1) -> list[str]:
    """Write all cases of ``seeds``; files already there are kept. Returns the paths.

    Raises
    ------
    InputError
        The folder holds files of another version of the simulator, or the same seeds drawn by another command.
    """
    Path(folder).mkdir(parents=True, exist_ok=True)
    _can_be_added(folder, kind, seeds, command)
    jobs = [seeds[start : start + kind.rows] for start in range(0, len(seeds), kind.rows)]
    one = partial(write, folder, kind, row=row, command=command)
    paths = []
    with ProcessPoolExecutor(workers) if workers > 1 else nullcontext() as pool:
        for path in pool.map(one, jobs) if pool else map(one, jobs):
            paths.append(path)
            log.info("wrote %s", path)
    return paths


def _can_be_added(folder: str, kind: Kind, seeds: range, command: str) -> None:
    """Refuse to join files of other code, and to take what another command made of a seed for what this one would."""
    for path in finished(folder, kind.prefix):
        there = origin(path)
        if there.code != CODE:
            raise InputError("simulator.shards_older", folder=folder, there=there.code or "-", now=CODE)
        if there.command != command and there.seeds[0] <= seeds[-1] and seeds[0] <= there.seeds[1]:
            raise InputError("simulator.shards_other", folder=folder, there=there.command, command=command)


def read(folder: str, kind: Kind, limit: int | None = None, keys: Iterable[str] = ()) -> dict[str, NDArray[Any]]:
    """All cases of a folder in order of seed (``limit`` at most), all keys of the rows or only those named.

    Raises
    ------
    InputError
        No such file in the folder, or files of different versions of the simulator.
    """
    parts: list[dict[str, NDArray[Any]]] = []
    have = 0
    for path in finished(folder, kind.prefix):
        if limit is not None and have >= limit:
            break
        with np.load(path) as shard:
            wanted = tuple(keys) or [key for key in shard.files if key not in Origin.__dataclass_fields__]
            parts.append({key: shard[key] for key in wanted})
        have += len(next(iter(parts[-1].values())))
    if not parts:
        raise InputError("simulator.shards_none", folder=folder, options=kind.options)
    return {key: np.concatenate([part[key] for part in parts])[:limit] for key in parts[0]}
