"""What there is to show on the Evidence page, and what of it is wanted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import streamlit as st

from bmd.app import cards
from bmd.evaluation import published
from bmd.evaluation.published import PAPERS, Published
from bmd.models import _metadata as stated
from bmd.models import _registry as registry
from bmd.reproduction import results
from bmd.reproduction.results import RowResult, TableResult
from bmd.text import codes, text

COHORTS = ("all", "real", "simulated")
OWN = "own"
"""Stands for a paper where a network has none."""


@dataclass(frozen=True)
class Wanted:
    """Filters: key of a paper, name of a network, one of ``COHORTS``; empty: any."""

    paper: str = ""
    network: str = ""
    cohort: str = "all"


@st.cache_data(show_spinner=False, ttl=60)
def everything() -> tuple[TableResult, ...]:
    """All tables in the order of the papers: those of ``docs/results``, and what of the papers has no row there."""
    made = results.read_all(results.RESULTS)
    known = {(one.paper, *_asked(row.published)) for one in made for row in one.rows if row.published}
    rest = [row for row in published.RESULTS if (row.paper, row.table, row.task, row.model) not in known]
    tables = list(made)
    for row in rest:
        k = next((k for k, one in enumerate(tables) if (one.paper, one.printed) == (row.paper, row.table)), None)
        if k is None:
            tables.append(TableResult(row.paper, row.table, row.table, "", rows=(_untried(row),)))
        else:
            tables[k] = replace(tables[k], rows=(*tables[k].rows, _untried(row)))
    return tuple(sorted(tables, key=_place))


def _asked(row: dict[str, Any]) -> tuple[str, str, str]:
    return row["table"], row["task"], row["model"]


def _untried(row: Published) -> RowResult:
    """A row that nothing is known of: called by its task where a network has several rows."""
    alike = [other for other in published.results(row.paper) if (other.table, other.model) == (row.table, row.model)]
    label = row.task if len(alike) > 1 else row.model
    beside = {key: getattr(row, key) for key in ("model", "table", "task", "values", "measured_on", "mix")}
    return RowResult(row.task, label, "", "not trained", beside, needs={"said": text("result.not_run")})


def _place(one: TableResult) -> tuple[int, bool, str]:
    return list(PAPERS).index(one.paper), not one.printed.startswith("Table"), one.printed or one.table


def heading(one: TableResult) -> str:
    """What a table is called: the paper's name for it, and what is in it."""
    code = f"result.table.{one.title}"
    tasks = {row.published["task"]: None for row in one.rows if row.published}
    title = text(code) if code in codes() else "; ".join(tasks)
    if one.printed in ("", "text"):
        return title[:1].upper() + title[1:]
    return text("app.evidence.table_title", printed=one.printed, title=title)


def short(paper: str) -> str:
    """Authors and year of a paper."""
    return PAPERS[paper].partition(",")[0]


def paper_of(network: str) -> str:
    """Key of the paper that a network is of, or `OWN`."""
    cited = registry.spec(network).paper
    return next((paper for paper in PAPERS if short(paper) in cited), OWN)


def tables(wanted: Wanted) -> list[TableResult]:
    """Tables with those rows that are wanted; none of the cohort is real people."""
    if wanted.cohort == "real":
        return []
    found = []
    for one in everything():
        rows = tuple(row for row in one.rows if wanted.network in ("", row.network))
        if rows and wanted.paper in ("", one.paper):
            claims = tuple(c for c in one.claims if {c.better, c.than} <= {row.key for row in rows})
            found.append(replace(one, rows=rows, claims=claims))
    return found


def on_patients(wanted: Wanted) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Networks that were measured on patients, and these measurements."""
    if wanted.cohort == "simulated":
        return
    for name, card in cards.metadata().items():
        entries = [entry for entry in stated.shown(card) if entry["kind"] in stated.REAL]
        if entries and wanted.network in ("", name) and wanted.paper in ("", paper_of(name)):
            yield name, entries


def networks(paper: str = "") -> list[str]:
    """Names of all networks of a paper, or of all, those with weights first."""
    shipped = cards.metadata()
    names = [name for name in registry.names() if paper in ("", paper_of(name))]
    return sorted(names, key=lambda name: (name not in shipped, registry.spec(name).title.lower()))
