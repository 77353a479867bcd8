"""What becomes of pictures of all kinds: ``python -m bmd evaluate gate FOLDER...``.

A folder of folders gives one row for each of them, whatever it is called; a folder of pictures gives one row. Measuring
only: neither the view network nor any threshold is fitted on such pictures.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bmd.errors import BmdError, InputError
from bmd.evaluation.record import record
from bmd.findings import Finding
from bmd.inference import view
from bmd.inference.dxa.pipeline import analyse_dxa
from bmd.inference.dxa.route import is_dxa
from bmd.inference.engine import Engine
from bmd.inference.film.pipeline import analyse
from bmd.inference.run import Networks
from bmd.models._metadata import measurement
from bmd.models._registry import WEIGHTS, default
from bmd.readers import read_study
from bmd.readers.dxa import as_dxa
from bmd.types import Report

LATERAL, SCANS = "lateral", "dxa"
"""How folders are called that hold lateral films of the lumbar spine, and DXA images; all others must be refused."""
IGNORED = (".md", ".json", ".csv", ".txt")
"""Endings of files that only describe the pictures beside them."""


@dataclass
class Row:
    """One folder.

    Attributes
    ----------
    pictures, unreadable : int
        Files, and those that no reader takes.
    film, film_certain : int
        Analysed on the page of films, and of these with certain levels.
    dxa, dxa_certain : int
        The same on the page of DXA images.
    to_dxa : int
        Sent to the DXA chain by the automatic routing.
    seemed : Counter
        What the view network took them for, a kind or a group of kinds; "unclear" where it was not sure.
    passed : list of str
        Names of the files analysed on the page of films.
    """

    folder: str
    pictures: int = 0
    unreadable: int = 0
    film: int = 0
    film_certain: int = 0
    dxa: int = 0
    dxa_certain: int = 0
    to_dxa: int = 0
    seemed: Counter[str] = field(default_factory=Counter)
    passed: list[str] = field(default_factory=list)

    def cells(self) -> tuple[str, ...]:
        """For one line of the table."""
        seemed = ", ".join(f"{kind} {n}" for kind, n in self.seemed.most_common())
        numbers = (self.pictures, self.unreadable, self.pictures - self.unreadable - self.film, self.film)
        others = (self.film_certain, self.dxa, self.dxa_certain, self.to_dxa)
        return (self.folder, *map(str, numbers + others), seemed)


HEAD = (
    "folder",
    "pictures",
    "unreadable",
    "refused",
    "analysed",
    "certain",
    "on DXA page",
    "certain",
    "to DXA",
    "seemed",
)


def evaluate_gate(folders: Sequence[Path], engine: Engine | None = None, cohort: str | None = None) -> list[Row]:
    """Send every picture of every folder through the film's pipeline, the DXA pipeline and the automatic routing.

    Parameters
    ----------
    folders : sequence of Path
        Each holds pictures, or folders of pictures.
    engine : Engine, optional
        Runs the networks.
    cohort : str, optional
        Code of these pictures; the figures are put under it into the view network's metadata.

    Raises
    ------
    InputError
        "network.no_pictures": a folder holds none.
    """
    found = [_counted(name, files, engine) for folder in folders for name, files in _groups(folder)]
    if cohort is not None:
        record(WEIGHTS / default(view.ROLE), [entry(found, cohort)])
    return found


def entry(rows: Sequence[Row], cohort: str) -> dict[str, Any]:
    """All rows as a measurement; what a folder holds is what its name begins with (``LATERAL``, ``SCANS``)."""
    lateral = [row for row in rows if row.folder.startswith(LATERAL)]
    scans = [row for row in rows if row.folder.startswith(SCANS)]
    others = [row for row in rows if row not in lateral and row not in scans]
    values: dict[str, float] = {}
    parts = (
        ("others_refused", others, lambda row: row.pictures - row.unreadable - row.film),
        ("others_certain", others, lambda row: row.film_certain),
        ("others_refused_as_dxa", others, lambda row: row.pictures - row.unreadable - row.dxa),
        ("lateral_kept", lateral, lambda row: row.film),
        ("dxa_kept", scans, lambda row: row.dxa),
    )
    for name, some, right in parts:
        count = sum(row.pictures - row.unreadable for row in some)
        if count:
            values |= {name: round(sum(map(right, some)) / count, 4), f"{name}_of": count}
    return measurement(cohort, sum(row.pictures - row.unreadable for row in rows), "pictures", "real", values)


def _groups(folder: Path) -> Iterator[tuple[str, list[Path]]]:
    inner = sorted(path for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else []
    groups = {path.name: _files(path.rglob("*")) for path in inner}
    if folder.is_dir():
        groups = {folder.name: _files(folder.iterdir())} | groups
    groups = {name: files for name, files in groups.items() if files}
    if not groups:
        raise InputError("network.no_pictures", folder=str(folder))
    yield from groups.items()


def _files(paths: Iterator[Path]) -> list[Path]:
    return sorted(path for path in paths if path.is_file() and path.suffix.lower() not in IGNORED)


def _counted(name: str, files: list[Path], engine: Engine | None) -> Row:
    row, networks = Row(name), Networks(engine)
    for file in files:
        row.pictures += 1
        try:
            study = read_study(file.name, file.read_bytes())
        except BmdError:
            row.unreadable += 1
            continue
        film, scan = analyse(study, engine=engine), analyse_dxa(as_dxa(study), engine=engine)
        row.film += film.suitability.suitable
        row.film_certain += film.suitability.suitable and film.levels_certain
        row.dxa += scan.suitability.suitable
        row.dxa_certain += scan.suitability.suitable and scan.levels_certain
        row.to_dxa += is_dxa(study, networks)
        row.seemed[_seemed(film)] += 1
        row.passed += [file.name] * film.suitability.suitable
    return row


def _seemed(report: Report) -> str:
    """What the picture was said to seem to be, "unclear", or the code of an earlier refusal; what it was taken for."""
    scores = {key.removeprefix("shows_"): value for key, value in report.suitability.scores.items() if "shows_" in key}
    if not scores:
        return report.suitability.reasons[0].code
    for reason in report.suitability.reasons:
        seems = reason.values.get("seems")
        if isinstance(seems, Finding):
            return seems.code.removeprefix("view.kind.")
        if reason.code == f"view.unclear_{view.LATERAL}":
            return "unclear"
    return max(scores, key=lambda kind: scores[kind])


def table(rows: Sequence[Row]) -> str:
    """Aligned columns, one line per folder."""
    lines = [HEAD, *(row.cells() for row in rows)]
    wide = [max(len(line[k]) for line in lines) for k in range(len(HEAD))]
    ways = [str.ljust, *[str.rjust] * (len(HEAD) - 2), str.ljust]
    return "\n".join(
        "  ".join(way(c, w) for way, c, w in zip(ways, line, wide, strict=True)).rstrip() for line in lines
    )
