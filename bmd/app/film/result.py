"""Looking at a film: viewer, levels, age curve, heat maps, downloads."""

from __future__ import annotations

import html

import streamlit as st

from bmd import figures
from bmd.app import cards, curve, downloads, results, session, shell, text
from bmd.app.film import choose as inputs
from bmd.app.film import samples
from bmd.app.markup import chip, number, percent, signed, table
from bmd.app.results import CHART
from bmd.app.viewers import film as film_viewer
from bmd.reference import LUMBAR
from bmd.types import Explanation, Prediction, Report, Vertebra


@st.fragment
def viewer() -> None:
    """The film with what was found drawn on it, and the heat maps below; redrawn alone."""
    film = session.film()  # not an argument: a fragment would keep the one of the last whole run
    if film is None:
        return
    stage = st.container()
    report = film.report
    if report is not None and report.suitability.suitable and report.measurements:
        shown = results.heat_maps(film, text.HEAT_TOGGLE, text.HEAT_HELP)
        film = session.film() or film
        if shown:
            _heat_numbers(film.maps or ())
    with stage, shell.guard():
        film_viewer.show(film, _alt(film))
    results.how_read(film)


def _alt(film: session.Held) -> str:
    report = film.report
    if report is None or not report.vertebrae:
        return f"Radiograph {film.name}; nothing marked"
    names = ", ".join(v.level or "unnamed" for v in report.vertebrae)
    return f"Radiograph with {len(report.vertebrae)} vertebrae outlined: {names}. Press V to step through them."


def _heat_numbers(maps: tuple[Explanation, ...]) -> None:
    rows = [
        [
            html.escape(m.level),
            html.escape(m.target),
            percent(m.fidelity.get("inside_share")),
            percent(m.fidelity.get("area_share")),
            number(m.fidelity.get("random_correlation"), 2),
        ]
        for m in maps
    ]
    st.html(table(text.HEAT_HEAD, rows))
    st.caption(text.HEAT_MEANING)


def result(film: session.Held, report: Report) -> None:
    """The result of a film that was analysed."""
    results.levels_banner(report)
    sample = samples.find(film.sample)
    results.headline(report.prediction, sample.truth().get("t_l1l4") if sample else None)
    results.warnings(report)
    levels, age, method = st.tabs([text.TAB_LEVELS, text.TAB_AGE, text.TAB_METHOD])
    with levels:
        _levels(report)
    with age:
        _age(report)
    with method:
        cards.provenance(report)
    inputs.patient_form(film)
    downloads.row(film, report)


def _levels(report: Report) -> None:
    everything = [*([report.prediction] if report.prediction else []), *report.measurements]
    if any(p.t_score is not None for p in everything):
        st.plotly_chart(
            figures.t_score_chart(everything), config=CHART, key="levels", alt="T-score of each level with its interval"
        )
    measured = {m.level: m for m in report.measurements}
    shown = [v for v in report.vertebrae if v.level in LUMBAR or (v.level and v.level in measured)]
    st.html(table(text.LEVELS_HEAD, [_row(v, measured.get(v.level)) for v in shown]))
    others = [v.level or text.UNNAMED for v in report.vertebrae if v not in shown]
    if others:
        st.caption(text.ALSO_OUTLINED.format(levels=", ".join(others)))


def _row(vertebra: Vertebra, measured: Prediction | None) -> list[str]:
    interval = measured.interval if measured else None
    return [
        html.escape(vertebra.level or "?"),
        chip(measured.category if measured else None),
        signed(measured.t_score if measured else None),
        f"{signed(interval[0])} to {signed(interval[1])}" if interval else "–",
        number(measured.bmd_g_cm2 if measured else None),
        f"{vertebra.score:.2f}",
    ]


def _age(report: Report) -> None:
    patient, prediction = report.patient, report.prediction
    if patient.sex is None:
        st.info(text.AGE_NEEDS_SEX, icon=":material/person:")
        return
    if patient.age_y is None:
        st.info(text.AGE_NEEDS_AGE, icon=":material/person:")
    reference_curve = curve.age_curve(patient.sex)
    bmd, interval = curve.density(prediction)
    st.plotly_chart(
        figures.age_curve(reference_curve, patient.age_y, bmd, interval),
        config=CHART,
        key="age_curve",
        alt="Bone density against age in the reference population, with this patient marked",
    )
    st.caption(f"{reference_curve.source} {text.REFERENCE}: {curve.REFERENCE.name}.")
