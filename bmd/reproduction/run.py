"""A whole table: data, budget, what is missing trained, the test set measured once, differences, ``docs/results``."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from bmd.errors import OptionError
from bmd.models import _registry as registry
from bmd.reproduction import compare, fit, outcomes, points, results
from bmd.reproduction.datasets import Made, make
from bmd.reproduction.plan import Outcome, Row, Table
from bmd.reproduction.results import ClaimResult, RowResult, TableResult
from bmd.text import text

log = logging.getLogger(__name__)
LEAST = 2
"""Steps a training has at least."""


@dataclass(frozen=True)
class Options:
    """How tables are run.

    Attributes
    ----------
    runs : Path
        Data, trainings and outcomes.
    out : Path
        Where tables are written.
    examples : int
        How many every trained row may see; 0: as recorded, else by ``minutes``.
    minutes : float
        Of training, in all rows of all tables asked for.
    people : int
        Of each split at most, for a trial; 0: all.
    workers : int
        Processes that simulate.
    rows : tuple of str
        Only these rows of each table, costly ones among them; empty: all that are not costly.
    repeats : int
        Bootstrap draws.
    """

    runs: Path = Path("runs/reproduce")
    out: Path = results.RESULTS
    examples: int = 0
    minutes: float = 60.0
    people: int = 0
    workers: int = 1
    rows: tuple[str, ...] = ()
    repeats: int = compare.REPEATS


def run_tables(tables: Iterable[Table], options: Options) -> list[TableResult]:
    """Run tables; where ``minutes`` decide, every table gets the share of its trained rows."""
    chosen = list(tables)
    trained = {table.name: sum(_wanted(row, options) for row in table.rows if row.trains) for table in chosen}
    total = max(1, sum(trained.values()))
    return [run_table(t, replace(options, minutes=options.minutes * trained[t.name] / total)) for t in chosen]


def run_table(table: Table, options: Options) -> TableResult:
    """Run one table: every row that is wanted and can be, then the claims; written after every row.

    Raises
    ------
    OptionError
        An unknown row; people in two splits.
    InputError
        Data of another version of the simulator.
    """
    for key in options.rows:
        table.row(key)
    before = results.read(table.paper, table.key, options.out)
    trains = [row for row in table.rows if row.trains and _wanted(row, options)]
    data = table.data.few(options.people)
    made = make(data, options.runs / "data", workers=options.workers) if trains else None
    budget = _budget(table, trains, made, before, options) if made else (before.budget if before else None)
    described = made.described(*made.folders) if made else (before.data if before else {})
    result = TableResult(table.paper, table.key, table.printed, table.name, described, budget)
    rows = {row.key: row for row in _kept(before, result)}
    said: dict[str, Outcome] = {}
    for row in table.rows:
        if _wanted(row, options):
            rows[row.key], said[row.key] = _row(table, row, made, int((budget or {}).get("examples", 0)), options)
        elif row.key not in rows:
            rows[row.key] = _untrained(table, row)
        elif (earlier := _earlier(table, row, rows[row.key], options)) is not None:
            said[row.key] = earlier
        result = replace(result, rows=tuple(rows[r.key] for r in table.rows if r.key in rows))
        results.write(result, options.out)
    result = replace(result, claims=tuple(_claims(table, said, before, rows, options)))
    results.write(result, options.out)
    return result


def fill(tables: Iterable[Table], out: Path) -> None:
    """Write the tables that have no file yet, every row with what it needs."""
    for table in tables:
        if results.read(table.paper, table.key, out) is None:
            rows = tuple(_untrained(table, row) for row in table.rows)
            results.write(TableResult(table.paper, table.key, table.printed, table.name, rows=rows), out)


def _claims(
    table: Table,
    said: dict[str, Outcome],
    before: TableResult | None,
    rows: dict[str, RowResult],
    options: Options,
) -> Iterator[ClaimResult]:
    """Claims between rows whose outcomes are here; those between rows that were only kept, as they were."""
    known = {(c.better, c.than, c.figure): c for c in (before.claims if before else ())}
    for claim in table.claims:
        found = compare.claim_result(table, claim, said, options.repeats)
        kept = all(rows[key].values for key in (claim.better, claim.than))
        found = found or (known.get((claim.better, claim.than, claim.figure)) if kept else None)
        if found is not None:
            yield found


def _wanted(row: Row, options: Options) -> bool:
    """Whether a row is run: asked for, or not costly; and its network is there."""
    if row.network and row.network not in registry.names():
        return False
    return row.key in options.rows if options.rows else not row.costly


def _kept(before: TableResult | None, now: TableResult) -> tuple[RowResult, ...]:
    """Rows written before that still hold: trained ones only on the same data and budget."""
    if before is None:
        return ()
    same = before.data == now.data and (before.budget or {}).get("examples") == (now.budget or {}).get("examples")
    return tuple(row for row in before.rows if row.state != "trained" or same)


# --- the budget ---------------------------------------------------------------------------------------------------
def _budget(
    table: Table, trains: list[Row], made: Made, before: TableResult | None, options: Options
) -> dict[str, Any] | None:
    """Examples every trained row sees: as asked, as recorded, or by the slowest row's speed and the minutes."""
    if options.examples:
        return {"examples": options.examples}
    if before and before.budget and not options.people:
        return before.budget
    scratch = options.runs / "timing"
    speeds = {row.key: fit.seconds_per_example(table, row, made, scratch) for row in trains}
    slowest = max(speeds, key=lambda key: speeds[key])
    batches = [fit.recipe_of(table, row, made, 10**6, scratch).batch for row in trains]
    examples = int(60 * options.minutes / len(trains) / speeds[slowest])
    return {
        "examples": max(LEAST * max(batches), examples),
        "slowest": slowest,
        "seconds_per_example": round(speeds[slowest], 5),
        "minutes": round(options.minutes, 2),
    }


# --- one row ------------------------------------------------------------------------------------------------------
def _row(table: Table, row: Row, made: Made | None, examples: int, options: Options) -> tuple[RowResult, Outcome]:
    measure = row.measure or table.measure
    test = _test(table, row, options)
    training: dict[str, Any] = {}
    network, size, name = None, 0, ""
    if row.trains:
        assert made is not None, "trained rows have data"
        run = fit.fitted(table, row, made, examples, options.runs / "networks")
        training, name, size = run.record, run.record["run"], int(run.record["recipe"]["size"])
        network = fit.network_of(row, run)
    elif row.network:
        network = registry.load(row.network)
        metadata: Any = network.metadata
        training = {"provenance": metadata["provenance"], "files": metadata["files"]}
        name, size = str(metadata["files"]), int(metadata["preprocessing"]["size"])
    file = outcomes.file_of(options.runs / "outcomes", row.network, name, measure, test)
    outcome = outcomes.stored(file)
    if outcome is None:
        log.info("%s %s: looks at the test set", table.name, row.key)
        outcome = measure.answer(network, test.folders["test"], size)
        outcomes.store(file, outcome)
    values = compare.measured(outcome, measure.figures, options.repeats)
    state = "trained" if row.trains else "shipped" if row.network else "no network"
    found = _described(table, row, state)
    return replace(
        found,
        values=values,
        n=len(outcome.people),
        unit=outcome.unit,
        people=len(np.unique(outcome.people)),
        mix=outcome.mix,
        test=test.described("test"),
        training=training,
        command=_command(table, row, examples if row.trains else 0, options),
        points=outcome.points | points.drawn(outcome.columns),
    ), outcome


def _test(table: Table, row: Row, options: Options) -> Made:
    """The people a row is measured on."""
    return make((row.data or table.data).few(options.people), options.runs / "data", ("test",), options.workers)


def _earlier(table: Table, row: Row, result: RowResult, options: Options) -> Outcome | None:
    """What a row said of the test set in an earlier call, where that is still on this disk."""
    if result.state == "not trained" or not (options.runs / "outcomes").is_dir():
        return None
    name = result.training.get("run") or str(result.training.get("files", ""))
    test = _test(table, row, options)
    measure = row.measure or table.measure
    return outcomes.stored(outcomes.file_of(options.runs / "outcomes", row.network, name, measure, test))


def _described(table: Table, row: Row, state: str) -> RowResult:
    beside = table.beside(row)
    printed = None
    if beside is not None:
        printed = {key: getattr(beside, key) for key in ("model", "table", "task", "values", "measured_on")}
        printed |= {"mix": list(beside.mix)}
    return RowResult(row.key, row.label or row.published, row.network, state, printed)


def _untrained(table: Table, row: Row) -> RowResult:
    """A row that is not run: what it needs, in hours."""
    unit, hours = ("gpu", row.gpu_hours) if row.gpu_hours else ("core", row.core_hours)
    there = not row.network or row.network in registry.names()
    said = text("result.not_run" if there else "result.needs_network")
    needs: dict[str, Any] = {"said": text(f"result.needs_{unit}_hours", hours=hours) if hours else said}
    needs |= {f"{unit}_hours": hours} if hours else {}
    return replace(_described(table, row, "not trained"), needs=needs)


def _command(table: Table, row: Row, examples: int, options: Options) -> str:
    words = f"python -m bmd reproduce {table.paper} --table {table.key} --row {row.key}"
    words += f" --examples {examples}" if examples else ""
    return words + (f" --people {options.people}" if options.people else "")


def checked(tables: Iterable[Table]) -> None:
    """Raise OptionError where a claim names a row or a figure that its table has not."""
    for table in tables:
        for claim in table.claims:
            table.row(claim.better), table.row(claim.than)
            if claim.figure not in table.measure.figures:
                raise OptionError("result.unknown_figure", figure=claim.figure, table=table.name)
