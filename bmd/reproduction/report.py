"""What stands in ``docs/results`` as Markdown, as CSV and as a list; the page is generated, never written by hand."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from bmd.evaluation import published, tables
from bmd.evaluation.published import Published
from bmd.evaluation.tables import Measured, Section
from bmd.reproduction import results
from bmd.reproduction.papers import tables as planned
from bmd.reproduction.plan import Row, Table
from bmd.reproduction.results import RowResult, TableResult
from bmd.text import text

PAGE = "README.md"


def sections(found: Sequence[TableResult]) -> list[Section]:
    """One section a table: ours, and the paper's rows they stand beside."""
    return [
        Section(heading(one), [_measured(row, one) for row in one.rows if row.values], list(_beside(one)))
        for one in found
        if any(row.values for row in one.rows)
    ]


def heading(one: TableResult) -> str:
    """What a table is called: the paper, what it calls the table, and what is in it."""
    paper = published.PAPERS[one.paper].partition(",")[0]
    title = text(f"result.table.{one.title}")
    return f"{paper}, {one.printed}: {title}" if one.printed else f"{paper}: {title}"


def _measured(row: RowResult, one: TableResult) -> Measured:
    intervals = {k: (v.low, v.high) for k, v in row.values.items() if v.low is not None and v.high is not None}
    on = text("result.measured_on", n=row.n, unit=row.unit, people=row.people, cohort=row.test["cohort"])
    if row.state == "trained":
        on += "; " + text("result.trained_on", examples=row.training["examples"])
    values = {key: value.value for key, value in row.values.items()}
    return Measured(row.label, one.title, values, on, row.mix, intervals)


def _beside(one: TableResult) -> Iterator[Published]:
    """The paper's rows; the task is said where one network has several."""
    rows = [row.published for row in one.rows if row.published is not None]
    models = [row["model"] for row in rows]
    for row in rows:
        given = {key: row[key] for key in ("table", "task", "values", "measured_on")}
        alone = models.count(row["model"]) == 1
        model = row["model"] if alone else f"{row['model']}, {row['task']}"
        yield Published(one.paper, model=model, **given, mix=tuple(row["mix"]))


def claims(one: TableResult) -> Iterator[str]:
    """One line a claimed difference: ours with interval and p, the paper's, and what explains another ranking."""
    for claim in one.claims:
        rows = {row.key: row.label for row in one.rows}
        ours = f"{claim.difference:+.3g} ({claim.low:+.3g} to {claim.high:+.3g}), p {claim.p:.3f}"
        theirs = text("result.paper_says", difference=claim.paper) if claim.paper is not None else ""
        why = text(f"result.why.{claim.why}") if claim.why else ""
        words = [f"- {rows[claim.better]} - {rows[claim.than]}, {claim.figure}: {ours}", theirs, why]
        yield "; ".join(word for word in words if word)


def markdown(found: Sequence[TableResult]) -> str:
    """Every table, its claims and what is not trained, one section a table."""
    parts = []
    for one, part in zip(_with_values(found), tables.page(sections(found)), strict=True):
        parts += [part, *claims(one), ""]
    missing = [
        f"- {one.paper} {one.printed or one.table}, {row.label}: {row.needs.get('said', '')}"
        for one in found
        for row in one.rows
        if not row.values
    ]
    return "\n".join([*parts, *([f"### {text('result.missing')}", "", *missing] if missing else [])]).rstrip() + "\n"


def _with_values(found: Sequence[TableResult]) -> list[TableResult]:
    return [one for one in found if any(row.values for row in one.rows)]


def page(folder: Path = results.RESULTS) -> str:
    """``docs/results/README.md``, from the JSON beside it."""
    found = results.read_all(folder)
    return f"# {text('result.page_title')}\n\n{text('result.page_intro')}\n\n{markdown(found)}"


def write_page(folder: Path = results.RESULTS) -> Path:
    """Write ``README.md`` into the folder of results."""
    file = folder / PAGE
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(page(folder), encoding="utf-8")
    return file


def csv(found: Sequence[TableResult]) -> str:
    """All tables as CSV, one after the other, each with its heading's line."""
    blocks = [f"{s.title}\r\n" + tables.as_csv(tables.rows(s.measured, s.beside)) for s in sections(found)]
    return "\r\n".join(blocks)


def listed(folder: Path = results.RESULTS) -> Iterator[str]:
    """One line a published row: the paper's figures, and ours or why there are none."""
    ours = [(table, row) for table in planned() for row in table.rows if row.published]
    for given in published.RESULTS:
        table, row = next(pair for pair in ours if pair[0].beside(pair[1]) == given)
        state = _state(table, row, folder)
        figures = ", ".join(f"{key} {value:g}" for key, value in given.values.items())
        yield f"{given.paper} {given.table}: {given.model} ({given.task}): {figures} | {state}"


def _state(table: Table, row: Row, folder: Path) -> str:
    found = results.read(table.paper, table.key, folder)
    said = found.row(row.key) if found else None
    if said is None:
        return text("result.not_run")
    if not said.values:
        return str(said.needs.get("said", ""))
    figures = [f"{key} {v.value:g} ({v.low:g} to {v.high:g})" for key, v in said.values.items() if v.low is not None]
    return f"{text('result.ours')} {', '.join(figures)}"


def show(words: str) -> None:
    """Print, whatever the terminal's encoding."""
    sys.stdout.write(words if words.endswith("\n") else words + "\n")
