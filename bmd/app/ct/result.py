"""Looking at a CT: viewer, answers of every source, levels, hips, heat maps."""

from __future__ import annotations

import html
from dataclasses import replace

import streamlit as st

from bmd.app import cards, downloads, results, session, shell
from bmd.app.ct import maps as ct_maps
from bmd.app.ct import samples as ct_samples
from bmd.app.ct import text as ct_text
from bmd.app.film import choose as inputs
from bmd.app.markup import chip, percent, table
from bmd.app.results import CHART
from bmd.app.viewers import ct as volume_viewer
from bmd.app.viewers.ct.bodies import Body, bodies
from bmd.figures import ct as figures
from bmd.reference import CATEGORIES
from bmd.types import Demographics, Prediction, Report

MEASURED_COLUMNS = 3
"""Columns of the table that need no network."""


def viewer(held: session.Held) -> None:
    """The three planes with what was found drawn on them."""
    with shell.guard():
        volume_viewer.show(held, _alt(held.report))
    results.how_read(held)


def _alt(report: Report | None) -> str:
    if report is None or not report.vertebrae:
        return "CT; nothing marked"
    names = ", ".join(v.level or "unnamed" for v in report.vertebrae)
    return f"CT with {len(report.vertebrae)} vertebrae outlined: {names}. Press V to step through them."


def result(held: session.Held, report: Report) -> None:
    """The result of a CT that was analysed."""
    results.levels_banner(report)
    sample = ct_samples.find(held.sample)
    if report.prediction is None and report.answers:
        st.info(ct_text.NO_SPINE, icon=":material/info:")
    else:
        results.headline(report.prediction, sample.truth().get("t_l1l4") if sample else None)
    answers(report)
    results.warnings(report)
    names = [ct_text.TAB_LEVELS, ct_text.TAB_HIPS, ct_text.TAB_MAPS, ct_text.TAB_METHOD]
    levels, hips, maps, method = st.tabs(names)
    with levels:
        _levels(report)
    with hips:
        ct_maps.hips(held, report)
    with maps:
        ct_maps.slices(held, report)
    with method:
        cards.provenance(report)
    inputs.patient_form(held)
    downloads.row(held, report)


def source(model: str) -> str:
    """Plain name of what a network of the CT page looks at."""
    return ct_text.SOURCES.get(model, model)


def answers(report: Report) -> None:
    """Image, patient data and both side by side, and whether they agree."""
    rows = [answer for answer in report.answers if answer.probabilities]
    if not rows:
        return
    with st.container(border=True, key="ct_answers"):
        st.markdown(f"**{ct_text.ANSWERS_TITLE}**")
        st.plotly_chart(
            figures.probability_rows([(source(row.model), row.probabilities) for row in rows]),
            config=CHART,
            key="ct_answer_chart",
            alt="; ".join(f"{source(row.model)}: {results.spoken(row.probabilities)}" for row in rows),
        )
        if said := agreement(rows):
            st.caption(said)
        if report.patient == Demographics():
            st.caption(ct_text.NEEDS_PATIENT)


def agreement(rows: list[Prediction]) -> str:
    """One sentence on whether the sources name the same category."""
    named: dict[str, list[str]] = {}
    for row in rows:
        if row.category:
            named.setdefault(row.category, []).append(source(row.model).lower())
    if len(named) == 1 and len(rows) > 1:
        return ct_text.AGREE.format(count=len(rows), category=next(iter(named)))
    if len(named) > 1:
        parts = "; ".join(f"{category}: {', '.join(sources)}" for category, sources in named.items())
        return ct_text.DISAGREE.format(parts=parts)
    return ""


def _levels(report: Report) -> None:
    found = bodies(report)
    if report.attenuation:
        names = [one.name for one in found if one.density]
        st.plotly_chart(
            figures.attenuation_chart(
                [replace(one.density, level=one.name) for one in found if one.density],
                {one.name: one.answer.category for one in found if one.answer},
            ),
            config=CHART,
            key="ct_attenuation",
            alt=f"Mean attenuation with its standard deviation of {', '.join(names)}",
        )
    else:
        st.caption(ct_text.NO_ATTENUATION)
    columns = len(ct_text.LEVEL_HEAD) if report.measurements else MEASURED_COLUMNS
    st.html(table(ct_text.LEVEL_HEAD[:columns], [_row(one)[:columns] for one in found]))
    if any(one.vertebra.level is None for one in found):
        st.caption(ct_text.UNNAMED)
    if report.attenuation:
        st.caption(ct_text.HU_CAPTION)
    if report.measurements:
        st.caption(ct_text.NETWORK_CAPTION)


def _row(one: Body) -> list[str]:
    density, answer = one.density, one.answer
    shares = answer.probabilities if answer else {}
    return [
        html.escape(one.name),
        "–" if density is None else f"{density.mean_hu:.0f} ± {density.sd_hu:.0f}".replace("-", "−"),
        "–" if density is None else f"{density.volume_cm3:.1f} cm³",
        chip(answer.category if answer else None),
        *(percent(shares.get(name)) for name in CATEGORIES),
    ]
