"""Plots of one row of a table and bars of all its rows, from the points kept in ``docs/results``."""

from __future__ import annotations

import html
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st

from bmd.app import choices
from bmd.app.evidence import found, tables
from bmd.app.markup import table
from bmd.app.results import CHART
from bmd.figures import evidence as figures
from bmd.findings import note
from bmd.reference import CATEGORIES
from bmd.reproduction.results import RowResult, TableResult
from bmd.text import text

DIGITS = {"t": 2, "g_cm2": 3}
"""Decimals of a difference, by unit."""
OF_CLASS = "accuracy_"
DRAWN = ("roc", "pr", "reliability", "agreement", "confusion", "t_edges", "pictures", "tests")
"""Keys of points that something is drawn from."""


@dataclass(frozen=True)
class Plot:
    """A chart with its title, what it says in words (also for screen readers) and its key."""

    key: str
    title: str
    figure: Any
    words: str


def show(wanted: found.Wanted) -> None:
    """Choose a table and a row of it; then every plot there is of both."""
    measured = [one for one in found.tables(wanted) if _drawn(one)]
    if not measured:
        st.info(text("app.evidence.no_plots"), icon=":material/filter_alt_off:")
        return
    left, right = st.columns(2)
    with left:
        one = _table(measured)
    rows = [row for row in one.rows if set(DRAWN) & set(row.points)]
    with right:
        row = _row(rows) if rows else None
    if row is not None:
        st.caption(text("app.evidence.row_on", label=row.label, how=tables.how_made(row), on=tables.on(row)))
    _grid([*(_of_row(row) if row else ()), *_of_table(one)])
    if row is not None:
        _pictures(row.points)
        _tests(row.points)


def _drawn(one: TableResult) -> bool:
    """Whether there is anything to draw of a table."""
    return sum(bool(row.values) for row in one.rows) > 1 or any(set(DRAWN) & set(row.points) for row in one.rows)


def _table(measured: Sequence[TableResult]) -> TableResult:
    names = {f"{one.paper} {one.table}": one for one in measured}
    key = choices.start("evidence_table", next(iter(names)), list(names))
    st.selectbox(text("app.evidence.which_table"), list(names), format_func=lambda name: _named(names[name]), key=key)
    return names[choices.keep(key)]


def _named(one: TableResult) -> str:
    return text("app.evidence.of_paper", paper=found.short(one.paper), what=found.heading(one))


def _row(rows: Sequence[RowResult]) -> RowResult:
    names = {row.key: row for row in rows}
    key = choices.start("evidence_row", rows[0].key, list(names))
    st.selectbox(text("app.evidence.which_row"), list(names), format_func=lambda name: names[name].label, key=key)
    return names[choices.keep(key)]


def _grid(plots: Sequence[Plot]) -> None:
    """Two side by side where both fit."""
    for k in range(0, len(plots), 2):
        with st.container(key=f"wide_plots_{k}"):
            columns = st.columns(2, gap="medium")
        for column, plot in zip(columns, plots[k : k + 2], strict=False):
            with column, st.container(border=True):
                st.header(plot.title, anchor=False)
                st.plotly_chart(
                    plot.figure, config=CHART, key=f"evidence_{plot.key}", alt=f"{plot.title}. {plot.words}"
                )
                st.caption(plot.words)


# --- of a table --------------------------------------------------------------------------------------------------
def _of_table(one: TableResult) -> Iterator[Plot]:
    """The first figure of all its rows; accuracy by class where it is the table's."""
    rows = [row for row in one.rows if row.values]
    if all(f"{OF_CLASS}{name}" in row.values for row in rows for name in CATEGORIES):
        yield _by_class(rows)
    elif len(rows) > 1 and (names := [name for name in tables.figure_names(one) if name in rows[0].values]):
        yield _compared(rows, names[0])


def _compared(rows: Sequence[RowResult], name: str) -> Plot:
    shown = [row for row in rows if name in row.values]
    lines = []
    for row in shown:
        value, theirs = row.values[name], (row.published or {}).get("values", {})
        lines.append(figures.Compared(row.label, value.value, value.low, value.high, theirs.get(name)))
    title = tables.figure_name(name)
    best, worst = (pick(lines, key=lambda line: line.value) for pick in (max, min))
    words = text(
        "app.evidence.compared_words",
        high=best.name,
        most=tables.number(best.value),
        low=worst.name,
        least=tables.number(worst.value),
    )
    return Plot("compared", text("app.evidence.plot.compared"), figures.compared(lines, title), words)


def _by_class(rows: Sequence[RowResult]) -> Plot:
    bars = [(row.label, {name: row.values[f"{OF_CLASS}{name}"].value for name in CATEGORIES}) for row in rows]
    figure = figures.by_class(bars, text("app.evidence.figure.accuracy"))
    words = text("app.evidence.by_class_words", on=tables.on(rows[0]))
    return Plot("by_class", text("app.evidence.plot.by_class"), figure, words)


# --- of a row ----------------------------------------------------------------------------------------------------
def _of_row(row: RowResult) -> Iterator[Plot]:
    points = row.points
    for key, draw in _CURVES.items():
        if key in points:
            yield Plot(key, _title(key, row), draw(points[key]), _words(key, points[key]))
    if "agreement" in points:
        yield from _agreement(points["agreement"], row)
    if "confusion" in points:
        counts = points["confusion"]["counts"]
        n, right = sum(map(sum, counts)), sum(counts[k][k] for k in range(len(counts)))
        words = text("app.evidence.confusion_words", n=n, right=right, share=right / max(1, n))
        yield Plot("confusion", _title("confusion", row), figures.confusion(counts), words)
    if "t_edges" in points:
        words = text("app.evidence.errors_words", right=sum(points["right"]), wrong=sum(points["wrong"]))
        yield Plot("errors", _title("errors", row), figures.right_and_wrong(points), words)


_CURVES = {
    "roc": lambda points: figures.curve(points, "roc"),
    "pr": lambda points: figures.curve(points, "pr"),
    "reliability": figures.reliability,
}


def _title(key: str, row: RowResult) -> str:
    """What is drawn, of whom, and that these are simulated people."""
    shipped = "shipped" if row.state == "shipped" else "trained"
    return text(
        "app.evidence.plot_title", what=note(f"app.evidence.plot.{key}"), people=note(f"app.evidence.fresh_{shipped}")
    )


def _words(key: str, points: Mapping[str, Any]) -> str:
    if key == "roc":
        return text("app.evidence.roc_words", auc=points["auc"], n=points["n"], ill=points["ill"])
    if key == "pr":
        code = "pr" if "share" in points else "boxes"
        return text(f"app.evidence.{code}_words", average=points["average"], n=points["n"])
    gaps = [n * abs(said - seen) for n, said, seen in zip(points["n"], points["said"], points["seen"], strict=True)]
    return text("app.evidence.reliability_words", n=sum(points["n"]), gap=sum(gaps) / sum(points["n"]))


def _agreement(points: Mapping[str, Any], row: RowResult) -> Iterator[Plot]:
    unit = points["unit"]
    axes = [f"app.evidence.axis.{name}_{unit}" for name in ("true", "said", "mean", "apart")]
    shown = text("app.evidence.first_shown", shown=len(points["true"]), n=points["n"])
    r = row.values.get("r")
    code = "app.evidence.scatter_r" if r else "app.evidence.scatter_words"
    words = text(code, shown=shown, r=r.value) if r else text(code, shown=shown)
    yield Plot("scatter", _title("scatter", row), figures.scatter(points, (axes[0], axes[1])), words)
    low, high = figures.limits(points)
    bias, least, most = (figures.signed(value, DIGITS[unit]) for value in (points["bias"], low, high))
    words = text(f"app.evidence.limits_{unit}", bias=bias, low=least, high=most, shown=shown)
    figure = figures.bland_altman(points, (axes[2], axes[3]))
    yield Plot("bland_altman", _title("bland_altman", row), figure, words)


# --- what is no chart ---------------------------------------------------------------------------------------------
def _pictures(points: Mapping[str, Any]) -> None:
    """Mean picture and mean heat map of each class (Ha et al., fig. 4)."""
    if "pictures" not in points:
        return
    st.header(text("app.evidence.plot.pictures"), anchor=False)
    pairs = figures.mean_pictures(points)
    for column, name, pair in zip(st.columns(len(pairs)), points["classes"], pairs, strict=True):
        category = text(f"category.{name}")
        for picture, code in zip(pair, ("mean", "heat"), strict=True):
            said = text(f"app.evidence.picture_{code}", category=category)
            column.image(picture, caption=said, width="stretch", alt=said)
    st.caption(text("app.evidence.pictures_words", hips=int(points["hips"])))


def _tests(points: Mapping[str, Any]) -> None:
    """Tests between the classes of people (Ha et al., Table 1)."""
    if "tests" not in points:
        return
    tests = points["tests"]
    st.header(text("app.evidence.plot.tests"), anchor=False)
    names = [name for name in tests if name != "sex"]
    pairs = list(tests[names[0]]["games_howell_p"])
    head = ("", *(text(f"app.evidence.test.{key}") for key in ("levene_p", "welch_p")), *pairs)
    rows = []
    for name in names:
        values = (tests[name]["levene_p"], tests[name]["welch_p"], *(tests[name]["games_howell_p"][p] for p in pairs))
        rows.append([html.escape(tables.figure_name(name)), *(html.escape(_p(value)) for value in values)])
    st.html(table(head, rows))
    st.caption(text("app.evidence.tests_words", p=_p(tests["sex"]["chi_squared_p"])))


def _p(value: float) -> str:
    return text("app.evidence.p_small") if value < 0.001 else tables.number(value)
