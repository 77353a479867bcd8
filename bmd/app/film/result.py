"""Looking at a film: viewer, levels, age curve, heat maps, downloads."""

from __future__ import annotations

import html

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from bmd import figures
from bmd.app import cards, choices, curve, downloads, patient, results, session, shell
from bmd.app.film import samples
from bmd.app.markup import chip, number, percent, signed, table
from bmd.app.results import CHART
from bmd.app.viewers import film as film_viewer
from bmd.reference import LUMBAR
from bmd.text import entry, say, text
from bmd.types import Explanation, Prediction, Report, Vertebra

UNJUDGED = "film.density_unjudged"
"""Code of the warning that there is no number because the film looks like none simulated."""


@st.fragment
def viewer() -> None:
    """The film with what was found drawn on it, and the heat maps below; redrawn alone."""
    film = session.film()  # not an argument: a fragment would keep the one of the last whole run
    if film is None:
        return
    stage = st.container()
    report = film.report
    if report is not None and report.suitability.suitable and report.measurements:
        shown = results.heat_maps(film, text("app.film.heat_toggle"), text("app.film.heat_help"))
        film = session.film() or film
        if shown:
            _heat_numbers(film.maps or ())
    with stage, shell.guard():
        film_viewer.show(film, _alt(film))


def _alt(film: session.Held) -> str:
    report = film.report
    if report is None or not report.vertebrae:
        return text("app.film.alt_empty", name=film.name)
    names = tuple(v.level or text("app.unnamed_short") for v in report.vertebrae)
    return text("app.film.alt", count=len(report.vertebrae), names=names)


def _heat_numbers(maps: tuple[Explanation, ...]) -> None:
    rows = [
        [
            html.escape(m.level),
            html.escape(say(m.target)),
            html.escape(say(m.verdict)),
            percent(m.fidelity.get("inside_share")),
            percent(m.fidelity.get("area_share")),
            number(m.fidelity.get("random_correlation"), 2),
        ]
        for m in maps
    ]
    st.html(table(entry("app.film.heat_head"), rows))
    st.caption(text("app.film.heat_meaning"))


def result(film: session.Held, report: Report, below: DeltaGenerator) -> None:
    """The result of a film that was analysed."""
    results.levels_banner(report)
    _headline(film, report)
    results.warnings(report, UNJUDGED)
    downloads.row(film, report)
    patient.patient_form(film)
    with below:
        _details(report)


@st.fragment
def _details(report: Report) -> None:
    """Levels, age curve and method; drawn again alone when another tab is opened."""
    levels, age, method = choices.tabs("app.film.tabs", "film_tab")
    with levels:
        _levels(report)
    with age:
        curve.show(report, "age_curve")
    with method:
        cards.provenance(report)


def _headline(film: session.Held, report: Report) -> None:
    """The patient's result, or that there is none and what remains."""
    if results.in_place_of_card(report, UNJUDGED):
        return
    sample = samples.SAMPLES.named(film.sample)
    results.headline(report.prediction, sample.truth().get("t_l1l4") if sample else None)
    results.rests_on(report)


def _levels(report: Report) -> None:
    everything = [*([report.prediction] if report.prediction else []), *report.measurements]
    measured = {m.level: m for m in report.measurements}
    shown = [v for v in report.vertebrae if v.level in LUMBAR or (v.level and v.level in measured)]
    chart, rows = results.pair()
    with rows:
        st.html(table(entry("app.film.levels_head"), [_row(v, measured.get(v.level)) for v in shown]))
        st.caption(text("app.film.low_bodies"))
        others = [v.level or text("app.unnamed") for v in report.vertebrae if v not in shown]
        if others:
            st.caption(text("app.film.also_outlined", levels=tuple(others)))
    if any(p.t_score is not None for p in everything):
        drawn = figures.t_score_chart(everything)
        chart.plotly_chart(drawn, config=CHART, key="levels", alt=text("app.film.levels_alt"))


def _row(vertebra: Vertebra, measured: Prediction | None) -> list[str]:
    interval = measured.interval if measured else None
    return [
        html.escape(vertebra.level or "?"),
        chip(measured.category if measured else None),
        signed(measured.t_score if measured else None),
        text("app.interval", low=interval[0], high=interval[1]) if interval else "–",
        number(measured.bmd_g_cm2 if measured else None),
        f"{vertebra.score:.2f}",
    ]
