"""Tables of the papers, ours beside theirs: value, interval, n, mix, what it was measured on, what explains a rank."""

from __future__ import annotations

import html
from collections.abc import Sequence
from itertools import groupby

import streamlit as st

from bmd.app import cards, results
from bmd.app.evidence import files, found
from bmd.app.markup import table
from bmd.evaluation.published import PAPERS
from bmd.findings import Finding, note
from bmd.models import _registry as registry
from bmd.reference import CATEGORIES
from bmd.report import networks as words
from bmd.reproduction.results import ClaimResult, Measured, RowResult, TableResult
from bmd.text import codes, say, text

ROOM = 4
"""Lines that a network's name and captions take beside those of its figures."""
FEW, MANY = 2, 10
"""Below the first a value has three decimals; from the second on one."""


def show(wanted: found.Wanted) -> None:
    """Figures on patients, then every table of the papers."""
    chosen, real = found.tables(wanted), list(found.on_patients(wanted))
    if chosen or real:
        files.offer(chosen, real)
    else:
        st.info(text("app.evidence.nothing"), icon=":material/filter_alt_off:")
    if real:
        _patients(real)
    elif wanted.cohort != "simulated":
        st.caption(text("app.evidence.no_patients"))
    if chosen:
        st.header(text("app.evidence.papers_title"), anchor=False)
        st.caption(text("app.evidence.papers_note"))
    for paper, of_paper in groupby(chosen, lambda one: one.paper):
        several = not (wanted.paper or wanted.network)
        with st.expander(PAPERS[paper], expanded=not several, key=f"evidence_{paper}_{several}"):
            for one in of_paper:
                _table(one)


def _patients(real: files.Real) -> None:
    """Figures on patients: those of the survey across the page, the others in two columns."""
    st.header(text("app.evidence.patients_title"), anchor=False)
    st.caption(text("app.evidence.patients_note"))
    surveyed = [one for one in real if words.beside(one[1])]
    narrow = [one for one in real if one not in surveyed]
    for name, entries in surveyed:
        st.subheader(registry.spec(name).title, anchor=False)
        cards.on_patients(entries)
    if narrow:
        columns, filled = results.pair(), [0, 0]
        for name, entries in narrow:
            k = filled.index(min(filled))
            filled[k] += ROOM + sum(len(words.brief(one)["values"]) for one in entries)
            with columns[k]:
                st.subheader(registry.spec(name).title, anchor=False)
                cards.on_patients(entries)


def _table(one: TableResult) -> None:
    st.markdown(f"**{found.heading(one)}**")
    names = figure_names(one)
    head = ("", *(figure_name(name) for name in names), text("app.evidence.measured_on"))
    rows = []
    for row in one.rows:
        rows.append([_label(row), *(_ours(row, name) for name in names), html.escape(on(row))])
        if row.published is not None:
            rows.append(_theirs(row, names))
    st.html(table(head, rows))
    if one.budget:
        st.caption(text("app.evidence.budget", examples=int(one.budget["examples"])))
    if one.claims:
        _claims(one)


def figure_names(one: TableResult) -> list[str]:
    """Names of all figures of a table: those a paper has first."""
    theirs = [name for row in one.rows if row.published for name in row.published["values"]]
    return list(dict.fromkeys([*theirs, *(name for row in one.rows for name in row.values)]))


def figure_name(name: str) -> str:
    """What a figure is called."""
    return words.word("app.evidence.figure", name)


def number(value: float) -> str:
    """A figure with as many decimals as its size asks for."""
    digits = 3 if abs(value) < FEW else 2 if abs(value) < MANY else 1
    return f"{value:.{digits}f}".replace("-", "−")


def _label(row: RowResult) -> str:
    how = f'<span class="ol-sub">{html.escape(how_made(row))}</span>'
    return f"{html.escape(row.label)}<br>{how}"


def how_made(row: RowResult) -> str:
    """Where a row of ours comes from, or why there is none."""
    if row.state == "trained":
        return text("app.evidence.trained", examples=int(row.training["examples"]))
    if row.state == "not trained":
        hours = {unit: float(row.needs[f"{unit}_hours"]) for unit in ("gpu", "core") if f"{unit}_hours" in row.needs}
        for unit, needed in hours.items():
            return text(f"result.needs_{unit}_hours", hours=needed)
        return str(row.needs.get("said", text("result.not_run")))
    return text("app.evidence.shipped" if row.state == "shipped" else "app.evidence.no_network")


def _ours(row: RowResult, name: str) -> str:
    value = row.values.get(name)
    return "" if value is None else with_interval(value)


def with_interval(value: Measured) -> str:
    """A figure of ours, as HTML, and its interval below or beside it."""
    said = f"<b>{number(value.value)}</b>"
    if value.low is None or value.high is None:
        return said
    between = text("app.low_to_high", low=number(value.low), high=number(value.high))
    return f'{said} <span class="ol-sub ol-between">({between})</span>'


def on(row: RowResult) -> str:
    """On whom a row of ours was measured, with its class mix."""
    if not row.values:
        return ""
    cohort = note(f"app.evidence.cohort.{row.test['cohort']}")
    if row.people == row.n:
        said = note("app.evidence.on_people", n=row.n, unit=note(f"app.evidence.unit.{row.unit}"), cohort=cohort)
    else:
        unit = note(f"app.evidence.unit.{row.unit}")
        said = note("app.evidence.on_parts", n=row.n, unit=unit, people=row.people, cohort=cohort)
    return _with_mix(said, row.mix)


def _with_mix(who: Finding, mix: Sequence[float]) -> str:
    """On whom, and of which classes where the mix is known."""
    if not mix:
        return say(who)
    parts = zip(CATEGORIES, mix, strict=True)
    shares = tuple(note("app.share", name=note(f"category.{name}"), share=share) for name, share in parts)
    return text("app.evidence.with_mix", who=who, shares=shares)


def _theirs(row: RowResult, names: list[str]) -> list[str]:
    assert row.published is not None
    values, where = row.published["values"], str(row.published["measured_on"])
    said = _with_mix(note("app.evidence.others_patients", on=where), row.published["mix"])
    first = text("app.evidence.in_the_paper")
    cells = (first, *(number(values[name]) if name in values else "" for name in names), said)
    return [f'<span class="ol-theirs">{html.escape(cell)}</span>' for cell in cells]


def _claims(one: TableResult) -> None:
    """What is claimed of the rows, in our figures and the paper's, and what explains another rank."""
    labels = {row.key: row.label for row in one.rows}
    with st.expander(text("app.evidence.claims", count=len(one.claims))):
        rows = []
        for claim in one.claims:
            ours = with_interval(Measured(claim.difference, claim.low, claim.high))
            pair = text("app.evidence.less", better=labels[claim.better], than=labels[claim.than])
            theirs = "–" if claim.paper is None else number(claim.paper)
            chance = number(claim.p) if claim.p >= 0.001 else text("app.evidence.p_small")
            cells = (pair, figure_name(claim.figure))
            rows.append([*map(html.escape, cells), ours, html.escape(chance), theirs, html.escape(verdict(claim))])
        head = ("pair", "figure", "ours", "p", "paper", "verdict")
        st.html(table([text(f"app.evidence.claim.{name}") for name in head], rows))


def verdict(claim: ClaimResult) -> str:
    """Whether a difference is as in the paper, and why where it is not."""
    if claim.agrees is not None:
        said = note("app.evidence.agrees" if claim.agrees else "app.evidence.differs")
    else:
        apart = claim.low > 0 or claim.high < 0
        said = note("app.evidence.apart" if apart else "app.evidence.not_apart")
    why = f"result.why.{claim.why}"
    if claim.why and why in codes():
        return text("app.evidence.because", said=said, why=note(why))
    return say(said)
