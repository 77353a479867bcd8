"""Printed results on the DXA page: the page with the rows that were read, and their numbers to compare with it."""

from __future__ import annotations

import html

import streamlit as st

from bmd.app import downloads, patient, results, session, shell
from bmd.app.markup import number, signed, table
from bmd.printed import COLUMNS, UNNAMED, PrintedRow
from bmd.report.printed import page_png
from bmd.text import entry, text
from bmd.types import Report

DIGITS = {"area_cm2": 2, "bmc_g": 2, "bmd_g_cm2": 3}


def viewer(held: session.Held, report: Report) -> None:
    """The page, with a box around every row; of several pages the one that is chosen."""
    pages = sorted({row.page for row in report.printed})
    page = pages[0]
    if len(pages) > 1:
        label, name = text("app.dxa.printed.page"), f"dxa_page_{held.study.uid}"
        page = st.pills(label, pages, default=page, format_func=lambda index: str(index + 1), key=name) or page
    with shell.guard():
        st.image(page_png(held.study, report, page), width="stretch", alt=text("app.dxa.printed.alt"))
    st.caption(text("app.dxa.printed.boxes"))


def result(held: session.Held, report: Report) -> None:
    """The printed numbers and what they say of the patient."""
    results.headline(report.prediction)
    results.rests_on(report)
    results.warnings(report)
    st.header(text("app.dxa.printed.title"), anchor=False)
    st.html(table(_head(report), [_row(row, _columns(report)) for row in report.printed]))
    st.caption(text("app.dxa.printed.unread"))
    downloads.row(held, report)
    patient.patient_form(held)


def _columns(report: Report) -> list[str]:
    """The columns that any row has."""
    return [c for c in COLUMNS if any(getattr(row, c) is not None or c in row.doubts for row in report.printed)]


def _head(report: Report) -> list[str]:
    words = dict(zip(COLUMNS, entry("app.dxa.printed.columns"), strict=True))
    return [text("app.dxa.printed.region"), *(words[column] for column in _columns(report))]


def _row(row: PrintedRow, columns: list[str]) -> list[str]:
    return [html.escape(_name(row)), *(_cell(row, column) for column in columns)]


def _name(row: PrintedRow) -> str:
    if row.region == UNNAMED:
        return text("app.dxa.printed.unnamed")
    name = text(f"app.dxa.printed.{row.region}") if row.region in ("neck", "total_hip") else row.region
    return text("app.dxa.printed.sided", region=name, side=text(f"app.dxa.printed.{row.side}")) if row.side else name


def _cell(row: PrintedRow, column: str) -> str:
    """A number as a printer gives it; a question mark where one stands on the page that is not certain."""
    value = getattr(row, column)
    if column in row.doubts:
        return f'<span title="{html.escape(text("app.dxa.printed.uncertain"))}">?</span>'
    return number(value, DIGITS[column]) if column in DIGITS else signed(value)
