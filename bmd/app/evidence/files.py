"""What is shown as CSV: one line a figure, ours, the papers' and those on patients alike."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from typing import Any

import streamlit as st

from bmd.app.evidence import found
from bmd.models import _metadata as stated
from bmd.report.networks import shown
from bmd.reproduction.results import RowResult, TableResult
from bmd.text import text

HEADER = (
    *("source", "paper", "table", "row", "network", "state", "figure", "value", "low", "high", "n", "unit", "people"),
    *("share_normal", "share_osteopenia", "share_osteoporosis", "measured_on", "command"),
)
Real = Sequence[tuple[str, list[dict[str, Any]]]]
_BLANKS = ("",) * 3


def offer(tables: Sequence[TableResult], real: Real) -> None:
    """A button that downloads the rows that are shown."""
    label = text("app.evidence.download")
    made = as_csv(tables, real).encode()
    icon = ":material/download:"
    st.download_button(label, made, "evidence.csv", "text/csv", key="evidence_csv", on_click="ignore", icon=icon)


def as_csv(tables: Sequence[TableResult], real: Real) -> str:
    """All figures as CSV with CRLF line ends (RFC 4180); rows without ours have a line that says what they need."""
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow(HEADER)
    for name, entries in real:
        writer.writerows(_on_patients(name, entries))
    for one in tables:
        for row in one.rows:
            writer.writerows(_of_row(one, row))
    return buffer.getvalue()


def _on_patients(name: str, entries: list[dict[str, Any]]) -> Iterator[tuple[Any, ...]]:
    for entry in entries:
        values = entry["values"]
        where = (entry["n"], entry["unit"], entry["people"] or "", *_BLANKS, stated.place(entry))
        for key in filter(shown, values):
            ends = (values.get(f"{key}_low", ""), values.get(f"{key}_high", ""))
            command = (entry.get("measured") or {}).get("command", "")
            yield ("patients", found.paper_of(name), "", "", name, "shipped", key, values[key], *ends, *where, command)


def _of_row(one: TableResult, row: RowResult) -> Iterator[tuple[Any, ...]]:
    start = (one.paper, one.printed or one.table, row.key, row.network)
    where = (row.n, row.unit, row.people, *(row.mix or _BLANKS), row.test.get("cohort", ""), row.command)
    for name, value in row.values.items():
        yield ("ours, simulated people", *start, row.state, name, value.value, value.low, value.high, *where)
    if not row.values:
        needs = str(row.needs.get("said", ""))
        yield ("ours, simulated people", *start, row.state, "", "", "", "", "", "", "", *_BLANKS, needs, "")
    given = row.published or {}
    theirs = ("", "", "", *(given.get("mix") or _BLANKS), given.get("measured_on", ""), "")
    for name, number in given.get("values", {}).items():
        yield ("paper, other people's patients", *start, "published", name, number, "", "", *theirs)
