"""Looking at a DXA image: viewer, measured and estimated density, vertebrae to leave out, heat map, downloads."""

from __future__ import annotations

import html
from dataclasses import replace

import streamlit as st

from bmd import figures, reference
from bmd.app import cards, curve, downloads, results, session, shell, text, work
from bmd.app.dxa import samples as dxa_samples
from bmd.app.dxa import text as dxa_text
from bmd.app.film import choose as inputs
from bmd.app.markup import chip, number, percent, signed, table
from bmd.app.results import CHART
from bmd.app.viewers import film as film_viewer
from bmd.inference.dxa.densitometry import LevelDensity, level_densities, pooled, proposed_exclusions
from bmd.types import Prediction, Report


def viewer(held: session.Held) -> None:
    """The image with its regions, and the heat map below."""
    stage = st.container()
    report = held.report
    if report is not None and any(answer.model != "measured" for answer in report.answers):
        _heat_map(held, report)
    with stage, shell.guard():
        film_viewer.show(held, _alt(report))
    results.how_read(held)


def _alt(report: Report | None) -> str:
    if report is None or not report.vertebrae:
        return dxa_text.PICTURE_ALT_EMPTY
    names = ", ".join(v.level or text.UNNAMED for v in report.vertebrae)
    return dxa_text.PICTURE_ALT.format(count=len(report.vertebrae), names=names)


def _heat_map(held: session.Held, report: Report) -> None:
    wanted = st.toggle(dxa_text.HEAT_TOGGLE, held.show_maps, key=f"dxa_maps_{held.study.uid}", help=dxa_text.HEAT_HELP)
    if wanted != held.show_maps:
        session.update("dxa", show_maps=wanted)
        st.rerun()
    if not wanted:
        return
    if held.maps is None:
        with shell.guard() as outcome:
            with st.spinner(text.EXPLAINING):
                maps = work.explain(held.study, report)
            session.update("dxa", maps=maps)
            st.rerun()
        if outcome.problem:
            return
    rows = []
    for m in held.maps or ():
        shares = [percent(m.fidelity.get(key)) for key in ("inside_share", "area_share")]
        random = number(m.fidelity.get("random_correlation"), 2)
        rows.append([html.escape(m.level), html.escape(m.target), *shares, random])
    st.html(table(dxa_text.HEAT_HEAD, rows))
    st.caption(dxa_text.HEAT_MEANING)


def result(held: session.Held, report: Report) -> None:
    """The result of an image that was analysed."""
    results.levels_banner(report)
    levels = level_densities(held.study, [v for v in report.vertebrae if _measured(report, v.level)])
    head, below = st.container(), st.container()
    with below:
        results.warnings(report)
        regions, sources, age, method = st.tabs(
            [dxa_text.TAB_LEVELS, dxa_text.TAB_SOURCES, dxa_text.TAB_AGE, dxa_text.TAB_METHOD]
        )
    with regions:
        report, left_out = _leave_out(held, report, levels)
        _levels(report, levels, left_out)
    with head:
        _headline(held, report)
    with sources:
        _sources(held, report)
    with age:
        _age(report)
    with method:
        cards.provenance(report)
        st.caption(dxa_text.SCALE_NOTE.format(reference=reference.HOLOGIC.name))
    inputs.patient_form(held)
    downloads.row(held, report)


def _measured(report: Report, level: str | None) -> Prediction | None:
    return next((p for p in report.measurements if p.level == level), None)


def _headline(held: session.Held, report: Report) -> None:
    sample = dxa_samples.find(held.sample)
    results.headline(report.prediction, sample.truth().get("t_l1l4") if sample else None)
    if report.prediction is not None and report.prediction.z_score is not None:
        st.caption(dxa_text.Z_LINE.format(z=signed(report.prediction.z_score)))


def _leave_out(held: session.Held, report: Report, levels: tuple[LevelDensity, ...]) -> tuple[Report, tuple[str, ...]]:
    """Let the reader leave vertebrae out; the report with the result of the rest, and what was left out."""
    total = pooled(levels)
    if total is None:
        return report, ()
    proposed = proposed_exclusions(levels)
    if proposed:
        st.info(dxa_text.PROPOSED.format(levels=", ".join(proposed)), icon=":material/rule:")
    chosen = st.pills(
        dxa_text.LEAVE_OUT,
        [item.level for item in levels],
        selection_mode="multi",
        help=dxa_text.LEAVE_OUT_HELP,
        key=f"dxa_out_{held.study.uid}",
    )
    if not chosen:
        return report, ()
    rest = pooled(levels, chosen)
    if rest is None:
        st.warning(dxa_text.TOO_FEW, icon=":material/info:")
        return report, ()
    st.caption(dxa_text.LEFT_OUT.format(levels=", ".join(sorted(chosen)), rest=rest.level))
    return _with_rest(report, rest, tuple(sorted(chosen))), tuple(chosen)


def _with_rest(report: Report, rest: LevelDensity, chosen: tuple[str, ...]) -> Report:
    """The report with the measured result of the levels that remain, and a warning that says so."""
    t = reference.reported_t(rest.t_score)
    one = Prediction(None, round(rest.bmd_g_cm2, 3), t, None, {}, reference.category(t), "measured")
    if report.prediction is not None and report.prediction.z_score is not None:
        one = replace(one, t_score=None, category=None)
    said = dxa_text.LEFT_OUT.format(levels=", ".join(chosen), rest=rest.level).replace("above", "of the patient")
    answers = (one, *(a for a in report.answers if a.model != "measured"))
    return replace(report, prediction=one, answers=answers, warnings=(said, *report.warnings))


def _levels(report: Report, levels: tuple[LevelDensity, ...], left_out: tuple[str, ...]) -> None:
    if not levels:
        rows = [[html.escape(v.level or "?"), f"{v.score:.2f}"] for v in report.vertebrae]
        st.html(table(dxa_text.PLAIN_HEAD, rows))
        st.caption(dxa_text.NOT_CALIBRATED)
        return
    used = [p for p in report.measurements if p.level not in left_out]
    whole = [report.prediction] if report.prediction is not None and report.prediction.t_score is not None else []
    st.plotly_chart(figures.t_score_chart([*whole, *used]), config=CHART, key="dxa_levels", alt="T-score of each level")
    scores = {v.level: v.score for v in report.vertebrae}
    rows = []
    for item in levels:
        one = _measured(report, item.level)
        cells = [chip(one.category if one else None), signed(one.t_score if one else None)]
        cells += [f"{item.bmd_g_cm2:.3f}", f"{item.bmc_g:.1f}", f"{item.area_cm2:.1f}", f"{scores[item.level]:.2f}"]
        rows.append([html.escape(item.level) + (" (left out)" if item.level in left_out else ""), *cells])
    st.html(table(dxa_text.LEVELS_HEAD, rows))


def _sources(held: session.Held, report: Report) -> None:
    rows = [[dxa_text.SOURCES.get(a.model, html.escape(a.model)), *_cells(a)] for a in report.answers]
    sample = dxa_samples.find(held.sample)
    truth = sample.truth() if sample else {}
    if "t_l1l4" in truth:
        known = reference.category(reference.reported_t(truth["t_l1l4"]))
        rows.append([dxa_text.TRUE, number(truth["bmd_l1l4"]), signed(truth["t_l1l4"]), "–", chip(known)])
    st.html(table(dxa_text.SOURCES_HEAD, rows))


def _cells(one: Prediction) -> list[str]:
    interval = f"{signed(one.interval[0])} to {signed(one.interval[1])}" if one.interval else "–"
    return [number(one.bmd_g_cm2), signed(one.t_score), interval, chip(one.category)]


def _age(report: Report) -> None:
    patient = report.patient
    if patient.sex is None:
        st.info(text.AGE_NEEDS_SEX, icon=":material/person:")
        return
    if patient.age_y is None:
        st.info(text.AGE_NEEDS_AGE, icon=":material/person:")
    bmd, interval = curve.density(report.prediction)
    drawn = curve.age_curve(patient.sex)
    st.plotly_chart(
        figures.age_curve(drawn, patient.age_y, bmd, interval),
        config=CHART,
        key="dxa_age",
        alt="Bone density against age in the reference population, with this patient marked",
    )
    st.caption(f"{drawn.source} {text.REFERENCE}: {curve.REFERENCE.name}.")
