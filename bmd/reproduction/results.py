"""What stands in ``docs/results``: one JSON file a table, its schema, reader and writer. Imports nothing slow.

``docs/results/<paper>/<table>.json`` is one object; times are seconds, intervals 95 %, shares 0..1:

=============  ======================================================================================================
schema         1
paper, table   key in ``evaluation.published.PAPERS``; key of the table ("2", "figure-3")
printed        what the paper calls it ("Table 2"); empty for what only we ask
title          code of the words below ``result.table``
data           of the trained rows: ``name``, ``modality``, ``cohort``, ``code`` (hash of the simulator), ``seeds``
               (first and last of each split that is used), ``sha256`` over the files of each split
budget         ``examples`` every trained row saw; ``slowest`` row's seconds per example where it was timed; or null
rows           list of rows, see ``RowResult``
claims         list of claimed differences, see ``ClaimResult``
=============  ======================================================================================================
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).resolve().parents[2] / "docs" / "results"
SCHEMA = 1
NUMBERS = re.compile(r"\[[\s\d.,eE+-]+\]")
"""A list of numbers, which stands on one line."""
STATES = ("trained", "shipped", "no network", "not trained")


@dataclass(frozen=True)
class Measured:
    """A figure with its 95 % bootstrap interval over people; ``low`` and ``high`` are null where it is undefined."""

    value: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class RowResult:
    """One row.

    Attributes
    ----------
    key, label : str
        Its key in the table and what it is called.
    network : str
        Of the registry, or empty.
    state : str
        "trained" (on the table's data), "shipped" (the weights the product ships), "no network" (a statistic of the
        data), "not trained" (see ``needs``).
    published : dict or None
        The paper's row: ``model``, ``table``, ``task``, ``values``, ``measured_on``, ``mix``.
    values : dict of str to Measured
        By the names of ``published``; empty when not trained.
    n : int
        Test items; ``unit`` says of what, ``people`` of how many persons.
    mix : tuple of float
        Shares of normal, osteopenia, osteoporosis among the items; empty where no class is involved.
    test : dict
        Data of the test set: ``name``, ``cohort``, ``seeds``, ``code``, ``sha256``.
    training : dict
        Of trained rows: ``seed``, ``steps``, ``batch``, ``examples``, ``recipe`` as run, ``chosen_step`` and
        ``validation`` of the checkpoint, ``seconds``, ``hardware``, ``commit``. Of shipped ones: ``provenance``.
    command : str
        What makes the row again.
    needs : dict
        ``core_hours`` or ``gpu_hours`` of a row not trained, and ``said``: "not trained: needs about N GPU-hours".
    points : dict
        What plots are drawn from: keys of ``bmd.reproduction.points``, and those of the row's measure ("tests" of
        ``measures.people``; "pictures" and "heat", or "t_edges", "right" and "wrong", of ``measures.ct``).
    """

    key: str
    label: str
    network: str
    state: str
    published: dict[str, Any] | None = None
    values: dict[str, Measured] = field(default_factory=dict)
    n: int = 0
    unit: str = ""
    people: int = 0
    mix: tuple[float, ...] = ()
    test: dict[str, Any] = field(default_factory=dict)
    training: dict[str, Any] = field(default_factory=dict)
    command: str = ""
    needs: dict[str, Any] = field(default_factory=dict)
    points: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class ClaimResult:
    """A claimed difference, paired on the same test items.

    Attributes
    ----------
    better, than : str
        Keys of rows.
    figure : str
        Name of the figure.
    difference, low, high : float
        Of ``better`` less ``than``, with its 95 % interval: whole people drawn together, both rows on the same draw.
    p : float
        Two-sided, of no difference, from the same draws.
    paper : float or None
        The paper's difference.
    agrees : bool or None
        Whether ours has the paper's sign; None where the paper has no such pair or the interval holds zero.
    why : str
        Code below ``result.why``: what explains a ranking other than the paper's; empty where there is none.
    """

    better: str
    than: str
    figure: str
    difference: float
    low: float
    high: float
    p: float
    paper: float | None = None
    agrees: bool | None = None
    why: str = ""


@dataclass(frozen=True)
class TableResult:
    """A table; see the module."""

    paper: str
    table: str
    printed: str
    title: str
    data: dict[str, Any] = field(default_factory=dict)
    budget: dict[str, Any] | None = None
    rows: tuple[RowResult, ...] = ()
    claims: tuple[ClaimResult, ...] = ()

    def row(self, key: str) -> RowResult | None:
        """A row by its key."""
        return next((row for row in self.rows if row.key == key), None)


def path(paper: str, table: str, folder: Path = RESULTS) -> Path:
    """File of a table."""
    return folder / paper / f"{table}.json"


def read(paper: str, table: str, folder: Path = RESULTS) -> TableResult | None:
    """A table that was written, or None; ValueError for a schema of another time."""
    file = path(paper, table, folder)
    return _table(json.loads(file.read_text(encoding="utf-8"))) if file.is_file() else None


def read_all(folder: Path = RESULTS) -> tuple[TableResult, ...]:
    """All tables that were written, by paper and table."""
    return tuple(_table(json.loads(file.read_text(encoding="utf-8"))) for file in sorted(folder.glob("*/*.json")))


def write(result: TableResult, folder: Path = RESULTS) -> Path:
    """Write a table; returns its file."""
    file = path(result.paper, result.table, folder)
    file.parent.mkdir(parents=True, exist_ok=True)
    words = json.dumps({"schema": SCHEMA} | asdict(result), indent=1, ensure_ascii=False)
    words = NUMBERS.sub(lambda found: re.sub(r"\s+", " ", found[0]).replace("[ ", "[").replace(" ]", "]"), words)
    part = file.with_suffix(".part")
    part.write_text(words + "\n", encoding="utf-8")
    part.replace(file)
    return file


def _table(given: Mapping[str, Any]) -> TableResult:
    if given.get("schema") != SCHEMA:
        raise ValueError(f"docs/results has schema {given.get('schema')}, this reads {SCHEMA}")
    plain = {key: given[key] for key in ("paper", "table", "printed", "title", "data", "budget")}
    rows = tuple(_row(row) for row in given["rows"])
    return TableResult(**plain, rows=rows, claims=tuple(ClaimResult(**claim) for claim in given["claims"]))


def _row(given: Mapping[str, Any]) -> RowResult:
    values = {name: Measured(**value) for name, value in given["values"].items()}
    return RowResult(**{**given, "values": values, "mix": tuple(given["mix"])})
