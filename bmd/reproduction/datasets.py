"""The simulated people that tables share, and how a split is made or taken as it is there.

Seeds begin at 41 million: nothing shipped was trained, calibrated or measured on them (docs/training.md).
"""

from __future__ import annotations

import hashlib
import logging
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any

from bmd import modality
from bmd.errors import OptionError
from bmd.reproduction.plan import SPLITS, Data
from bmd.simulator.film.console import CONSOLES
from bmd.simulator.shards import film, store

log = logging.getLogger(__name__)

CT_CLINIC = Data(
    "ct_clinic",
    "ct",
    "clinic",
    train=range(41_000_000, 41_001_500),
    validation=range(41_500_000, 41_500_200),
    test=range(41_600_000, 41_600_600),
)
"""Adults of every age, a third of each class (Ha 2024, Table 1): for CT slices and hips."""
FILMS_ENRICHED = Data(
    "films_enriched",
    "film",
    "enriched",
    train=range(42_000_000, 42_000_800),
    validation=range(42_500_000, 42_500_200),
    test=range(42_600_000, 42_600_600),
)
"""Lateral films from 50 years on, every T-score as common: osteoporosis is as frequent as in a clinic."""
FILMS_POPULATION = Data(
    "films_population", "film", "film", train=range(0), validation=range(0), test=range(42_700_000, 42_700_400)
)
"""Lateral films of the population from 50 years on."""
DXA_POPULATION = Data(
    "dxa_population", "dxa", "film", train=range(0), validation=range(0), test=range(43_600_000, 43_600_600)
)
"""DXA pictures of the population from 50 years on."""
BY_CONSOLE = tuple(
    Data(
        f"films_console_{k + 1}",
        "film",
        "film",
        train=range(0),
        validation=range(0),
        test=range(42_800_000 + 1000 * k, 42_800_000 + 1000 * k + 60),
        console=k,
    )
    for k in range(len(CONSOLES))
)
"""Films of the population, each set shown by one console."""
PREFIX = {"ct": "ct", "film": "films", "dxa": "films"}


@dataclass(frozen=True)
class Made:
    """A data set on disk: ``folders`` by split, ``code`` of the simulator that drew it, ``sha256`` by split."""

    data: Data
    folders: dict[str, str]
    code: str
    sha256: dict[str, str]

    def described(self, *splits: str) -> dict[str, Any]:
        """For ``docs/results``: name, cohort, simulator, and of the given splits seeds and hashes."""
        data = self.data
        seeds = {split: [data.seeds(split)[0], data.seeds(split)[-1]] for split in splits}
        found = {"name": data.name, "modality": data.modality, "cohort": data.cohort, "code": self.code}
        return found | {"seeds": seeds, "sha256": {split: self.sha256[split] for split in splits}}


def make(data: Data, folder: Path, splits: tuple[str, ...] = SPLITS, workers: int = 1) -> Made:
    """Simulate the splits of a data set that are not on disk yet.

    People that are there are taken as they are, of whatever version of the simulator; ``Made.code`` says which.

    Parameters
    ----------
    folder : Path
        Holds a folder for every data set.
    splits : tuple of str
        Which; those without people are left out.

    Raises
    ------
    InputError
        A folder holds a part of the people, drawn by another version of the simulator.
    OptionError
        "result.people_overlap": a file of one split holds people of another.
    """
    folders, digests, codes = {}, {}, set()
    held: list[tuple[str, tuple[int, int]]] = []
    for split in splits:
        seeds = data.seeds(split)
        if not seeds:
            continue
        out = folder / data.name / split
        files = store.finished(out, PREFIX[data.modality])
        if not _whole(files, seeds):
            log.info("%s: %d people for %s", data.name, len(seeds), split)
            _simulate(data, seeds, str(out), workers)
            files = store.finished(out, PREFIX[data.modality])
        held += [(split, store.origin(file).seeds) for file in files]
        codes |= {store.origin(file).code for file in files}
        digests[split] = _digest(files)
        folders[split] = str(out)
    check_apart(data.name, held)
    return Made(data, folders, "+".join(sorted(codes)), digests)


def _simulate(data: Data, seeds: range, out: str, workers: int) -> None:
    if data.console is not None:
        film.write_shards(out, len(seeds), seeds[0], workers, cohort=data.cohort, console=data.console)
        return
    row = modality.by_kind(data.modality)
    assert row.simulate is not None, "the kinds of the data sets can be simulated"
    row.simulate(modality.Draw(len(seeds), seeds[0], out, workers, data.cohort))


def check_apart(name: str, held: list[tuple[str, tuple[int, int]]]) -> None:
    """Refuse files of different splits that hold the same people; ``held`` has the split and seeds of each file."""
    for k, (split, (first, last)) in enumerate(held):
        for other, (low, high) in held[:k]:
            if split != other and first <= high and low <= last:
                raise OptionError("result.people_overlap", data=name, one=other, other=split)


def _whole(files: list[Path], seeds: range) -> bool:
    """Whether files hold the people of these seeds and nobody else."""
    held = sorted(store.origin(file).seeds for file in files)
    joined = all(one[1] + 1 == other[0] for one, other in pairwise(held))
    return bool(held) and joined and (held[0][0], held[-1][1]) == (seeds[0], seeds[-1])


def _digest(files: list[Path]) -> str:
    """SHA-256 over names and contents, as ``training.examples.digest`` makes it."""
    lines = "".join(f"{file.name} {_content(file, file.stat().st_mtime_ns)}\n" for file in files)
    return hashlib.sha256(lines.encode()).hexdigest()


@lru_cache(maxsize=1024)
def _content(file: Path, _mtime_ns: int) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()
