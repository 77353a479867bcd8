"""Looking at a DXA image: viewer, measured and estimated density, vertebrae to leave out, heat map, downloads."""

from __future__ import annotations

import html

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from bmd import figures, reference
from bmd.app import cards, choices, curve, downloads, patient, results, session, shell
from bmd.app.dxa import printed, samples
from bmd.app.markup import chip, number, percent, signed, table
from bmd.app.results import CHART
from bmd.app.viewers import film as film_viewer
from bmd.inference.dxa import without
from bmd.inference.dxa.densitometry import MEASURED, left_out, proposed_exclusions
from bmd.models import _registry as registry
from bmd.text import entry, say, text
from bmd.types import Explanation, Prediction, Report

NO_UNIT = "dxa.no_unit"
"""Code of the warning that a picture has no scale, so that there is no density."""


@st.fragment
def viewer() -> None:
    """The image with its regions, and the heat map below; drawn again alone when the map is asked for."""
    held = session.held("dxa")  # not an argument: a fragment would keep the one of the last whole run
    if held is None:
        return
    if held.report is not None and held.report.printed:
        printed.viewer(held, held.report)
        return
    stage, report = st.container(), held.report
    if report is not None and any(answer.model != MEASURED for answer in report.answers):
        shown = results.heat_maps(held, text("app.dxa.heat_toggle"), text("app.dxa.heat_help"))
        held = session.held("dxa") or held
        if shown:
            _heat_numbers(held.maps or ())
    with stage, shell.guard():
        film_viewer.show(held, _alt(report))


def _alt(report: Report | None) -> str:
    if report is None or not report.vertebrae:
        return text("app.dxa.picture_alt_empty")
    names = ", ".join(v.level or text("app.unnamed") for v in report.vertebrae)
    return text("app.dxa.picture_alt", count=len(report.vertebrae), names=names)


def _heat_numbers(maps: tuple[Explanation, ...]) -> None:
    rows = []
    for m in maps:
        shares = [percent(m.fidelity.get(key)) for key in ("inside_share", "area_share")]
        random = number(m.fidelity.get("random_correlation"), 2)
        rows.append([html.escape(m.level), html.escape(say(m.target)), html.escape(say(m.verdict)), *shares, random])
    st.html(table(entry("app.dxa.heat_head"), rows))
    st.caption(text("app.dxa.heat_meaning"))


def result(held: session.Held, whole: Report, below: DeltaGenerator) -> None:
    """The result of an image that was analysed, or of a page whose printed numbers were read."""
    if whole.printed:
        printed.result(held, whole)
        return
    results.levels_banner(whole)
    head = st.container()
    report = without(whole, _leave_out(held, whole))
    with head:
        _headline(held, report)
    results.warnings(report, NO_UNIT)
    downloads.row(held, report)
    patient.patient_form(held)
    with below:
        regions, sources, age, method = choices.tabs("app.dxa.tabs", "dxa_tab")
    with regions:
        _levels(report)
    with sources:
        _sources(held, report)
    with age:
        curve.show(report, "dxa_age")
    with method:
        cards.provenance(report)
        st.caption(text("app.dxa.scale_note", reference=reference.HOLOGIC.name))


def _headline(held: session.Held, report: Report) -> None:
    sample = samples.SAMPLES.named(held.sample)
    one = report.prediction
    if one is None and not report.densities:
        if not results.in_place_of_card(report, NO_UNIT):
            st.info(text("app.dxa.no_density"), icon=":material/block:")
        return
    if one is not None and one.bmd_g_cm2 is not None and not report.levels_certain:
        st.info(text("app.dxa.density_alone", bmd=one.bmd_g_cm2), icon=":material/info:")
        results.rests_on(report)
        return
    results.headline(report.prediction, sample.truth().get("t_l1l4") if sample else None)
    results.rests_on(report)


def _leave_out(held: session.Held, report: Report) -> list[str]:
    """Let the reader leave vertebrae out, where the result was measured; the levels chosen."""
    if all(answer.model != MEASURED for answer in report.answers):
        return []
    above = st.container()
    chosen = st.pills(
        text("app.dxa.leave_out"),
        [item.level for item in report.densities],
        selection_mode="multi",
        default=list(held.left_out),
        help=text("app.dxa.leave_out_help"),
        key=f"dxa_out_{held.study.uid}",
    )
    session.update("dxa", left_out=tuple(chosen))
    proposed = proposed_exclusions(report.densities) if report.levels_certain else ()
    open_ = tuple(level for level in proposed if level not in chosen)
    if open_:
        code = "app.dxa.proposed_too" if chosen else "app.dxa.proposed"
        above.info(text(code, levels=open_), icon=":material/rule:")
    return list(chosen)


def _levels(report: Report) -> None:
    if not report.densities:
        cut = _not_to_use(report)
        use = [text("app.dxa.cut" if v.level in cut else "app.dxa.usable") for v in report.vertebrae]
        rows = [[html.escape(v.level or "?"), f"{v.score:.2f}", u] for v, u in zip(report.vertebrae, use, strict=True)]
        st.html(table(entry("app.dxa.plain_head"), rows))
        st.caption(text("app.dxa.sides"))
        return
    measured = {one.level: one for one in report.measurements}
    out, rest = left_out(report)
    used = [one for level, one in measured.items() if level not in out]
    whole = [report.prediction] if report.prediction is not None and report.prediction.t_score is not None else []
    chart, below = results.pair() if any(one.t_score is not None for one in used) else (None, st.container())
    if chart is not None:
        drawn = figures.t_score_chart([*whole, *used], rest or None)
        chart.plotly_chart(drawn, config=CHART, key="dxa_levels", alt=text("app.dxa.levels_alt"))
    scores = {v.level: v.score for v in report.vertebrae}
    rows = []
    for item in report.densities:
        name = text("app.dxa.level_left_out", level=item.level) if item.level in out else item.level
        cells = [chip(measured[item.level].category), signed(measured[item.level].t_score)]
        cells += [f"{item.bmd_g_cm2:.3f}", f"{item.bmc_g:.1f}", f"{item.area_cm2:.1f}", f"{scores[item.level]:.2f}"]
        rows.append([html.escape(name), *cells])
    below.html(table(entry("app.dxa.levels_head"), rows))


def _not_to_use(report: Report) -> tuple[str, ...]:
    """Levels that lie partly outside the picture."""
    found = [said.values["levels"] for said in report.warnings if said.code == "dxa.cut_off"]
    return tuple(str(level) for levels in found if isinstance(levels, tuple) for level in levels)


def _sources(held: session.Held, report: Report) -> None:
    rows = [[html.escape(_source(answer)), *_cells(answer)] for answer in report.answers]
    sample = samples.SAMPLES.named(held.sample)
    truth = sample.truth() if sample else {}
    if "t_l1l4" in truth:
        known = reference.category(reference.reported_t(truth["t_l1l4"]))
        rows.append([text("app.dxa.truth"), number(truth["bmd_l1l4"]), signed(truth["t_l1l4"]), "–", chip(known)])
    if not report.answers:
        st.info(text("app.dxa.no_density"), icon=":material/block:")
    if rows:
        st.html(table(entry("app.dxa.sources_head"), rows))


def _source(answer: Prediction) -> str:
    if answer.model == MEASURED:
        return text("app.dxa.measured")
    return text("app.dxa.estimated", title=registry.spec(answer.model).title)


def _cells(one: Prediction) -> list[str]:
    ends = one.interval
    interval = text("app.interval", low=ends[0], high=ends[1]) if ends else "–"
    return [number(one.bmd_g_cm2), signed(one.t_score), interval, chip(one.category)]
