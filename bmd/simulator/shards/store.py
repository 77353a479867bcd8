"""Simulated cases on disk for training: npz files with some hundred rows each, written by several processes.

What a row holds is said where it is made: ``shards`` (films), ``ct_shards``, ``dxa_shards``.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from bmd.errors import InputError

log = logging.getLogger(__name__)

Row = Callable[[int], dict[str, Any]]
"""Makes the arrays of one case from its seed; must be picklable (a module's function or a ``partial`` of one)."""


def write(folder: str, prefix: str, seeds: Sequence[int], row: Row) -> str:
    """Write the cases of ``seeds`` as one file ``<prefix>_<first seed>.npz``, unless it is there; returns its path."""
    cv2.setNumThreads(1)
    path = Path(folder) / f"{prefix}_{seeds[0]:07d}.npz"
    if path.exists():
        return str(path)
    rows = [row(seed) for seed in seeds]
    part = path.with_suffix(".part.npz")
    arrays: dict[str, Any] = {key: np.stack([one[key] for one in rows]) for key in rows[0]}
    np.savez_compressed(part, **arrays)
    part.rename(path)
    return str(path)


def write_all(folder: str, prefix: str, seeds: range, per_file: int, row: Row, workers: int = 1) -> list[str]:
    """Write all cases of ``seeds``, ``per_file`` to a file; files already there are kept. Returns the paths."""
    Path(folder).mkdir(parents=True, exist_ok=True)
    jobs = [seeds[start : start + per_file] for start in range(0, len(seeds), per_file)]
    one = partial(write, folder, prefix, row=row)
    paths = []
    with ProcessPoolExecutor(workers) if workers > 1 else nullcontext() as pool:
        for path in pool.map(one, jobs) if pool else map(one, jobs):
            paths.append(path)
            log.info("wrote %s", path)
    return paths


def read(
    folder: str, prefix: str, limit: int | None = None, keys: Sequence[str] = (), kind: str = ""
) -> dict[str, NDArray]:
    """All cases of a folder in order of seed (``limit`` at most), all keys or only those named.

    Raises
    ------
    InputError
        No such file in the folder; says how to make some, with the options ``kind`` of the command.
    """
    parts: list[dict[str, NDArray]] = []
    have = 0
    for path in sorted(Path(folder).glob(f"{prefix}_*.npz")):
        if path.name.endswith(".part.npz") or (limit is not None and have >= limit):
            continue
        with np.load(path) as shard:
            parts.append({key: shard[key] for key in keys or shard.files})
        have += len(next(iter(parts[-1].values())))
    if not parts:
        advice = f"Run: python -m bmd simulate {kind}--out {folder}"
        raise InputError("Training reads simulated cases from npz files.", f"none in {folder}", advice)
    return {key: np.concatenate([part[key] for part in parts])[:limit] for key in parts[0]}
