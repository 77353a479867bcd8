"""Looking at a CT: viewer, answers of every source, levels, hips, heat maps."""

from __future__ import annotations

import html
from dataclasses import replace

import streamlit as st

from bmd.app import cards, downloads, patient, results, session, shell
from bmd.app.ct import maps as ct_maps
from bmd.app.ct import samples as ct_samples
from bmd.app.markup import chip, percent, plain, table
from bmd.app.results import CHART
from bmd.app.viewers import ct as volume_viewer
from bmd.app.viewers.ct.bodies import Body, bodies
from bmd.figures import ct as figures
from bmd.findings import note
from bmd.models import _registry as registry
from bmd.reference import CATEGORIES
from bmd.text import entry, sentences, text
from bmd.types import Demographics, Prediction, Report

MEASURED_COLUMNS = 3
"""Columns of the table that need no network."""


def viewer() -> None:
    """The three planes with what was found drawn on them."""
    held = session.held("ct")
    if held is None:
        return
    with shell.guard():
        volume_viewer.show(held, _alt(held.report))
    _choice(held)
    results.how_read(held)


def _choice(held: session.Held) -> None:
    """Which volume this is and why others of the upload were not used; nothing where none was refused."""
    said = {code: [n for n in held.study.notes if n.code == code] for code in ("read.ct.chosen", "read.ct.not_used")}
    if said["read.ct.not_used"]:
        st.caption("  \n".join(plain(line) for notes in said.values() for line in sentences(notes)))


def _alt(report: Report | None) -> str:
    if report is None or not report.vertebrae:
        return text("app.ct.picture_alt_empty")
    names = tuple(v.level or note("app.ct.unnamed") for v in report.vertebrae)
    return text("app.ct.picture_alt", count=len(names), names=names)


def result(held: session.Held, report: Report) -> None:
    """The result of a CT that was analysed."""
    results.levels_banner(report)
    sample = ct_samples.SAMPLES.named(held.sample)
    if report.prediction is None and report.answers:
        st.info(text("app.ct.no_spine"), icon=":material/info:")
    else:
        results.headline(report.prediction, sample.truth().get("t_l1l4") if sample else None)
    answers(report)
    results.warnings(report)
    levels, hips, maps, method = st.tabs(entry("app.ct.tabs"))
    with levels:
        _levels(report)
    with hips:
        ct_maps.hips(held, report)
    with maps:
        ct_maps.slices()
    with method:
        cards.provenance(report)
    patient.patient_form(held)
    downloads.row(held, report)


def source(model: str, inside: bool = False) -> str:
    """Plain name of what a network of the CT page looks at, or the words for it ``inside`` a sentence."""
    return text(f"app.ct.source.{registry.spec(model).role}.{'inside' if inside else 'name'}")


def answers(report: Report) -> None:
    """Image, patient data and both side by side, and whether they agree."""
    rows = [answer for answer in report.answers if answer.probabilities]
    if not rows:
        return
    with st.container(border=True, key="ct_answers"):
        st.markdown(f"**{text('app.ct.answers_title')}**")
        st.plotly_chart(
            figures.probability_rows([(source(row.model), row.probabilities) for row in rows]),
            config=CHART,
            key="ct_answer_chart",
            alt="; ".join(f"{source(row.model)}: {results.spoken(row.probabilities)}" for row in rows),
        )
        if said := agreement(rows):
            st.caption(said)
        if report.patient == Demographics():
            st.caption(text("app.ct.needs_patient"))


def agreement(rows: list[Prediction]) -> str:
    """One sentence on whether the sources name the same category."""
    named: dict[str, list[str]] = {}
    for row in rows:
        if row.category:
            named.setdefault(row.category, []).append(source(row.model, inside=True))
    if len(named) == 1 and len(rows) > 1:
        return text("app.ct.agree", count=len(rows), category=next(iter(named)))
    if len(named) > 1:
        parts = (text("app.ct.sources_of", category=name, sources=tuple(models)) for name, models in named.items())
        return text("app.ct.disagree", parts="; ".join(parts))
    return ""


def _levels(report: Report) -> None:
    found = bodies(report)
    if report.attenuation:
        names = tuple(one.name for one in found if one.density)
        st.plotly_chart(
            figures.attenuation_chart(
                [replace(one.density, level=one.name) for one in found if one.density],
                {one.name: one.answer.category for one in found if one.answer},
            ),
            config=CHART,
            key="ct_attenuation",
            alt=text("app.ct.attenuation_alt", names=names),
        )
    else:
        st.caption(text("app.ct.no_attenuation"))
    head = entry("app.ct.level_head")
    columns = len(head) if report.measurements else MEASURED_COLUMNS
    st.html(table(head[:columns], [_row(one)[:columns] for one in found]))
    if any(one.vertebra.level is None for one in found):
        st.caption(text("app.ct.bodies_unnamed"))
    if report.attenuation:
        st.caption(text("app.ct.hu_caption"))
    if report.measurements:
        st.caption(text("app.ct.network_caption"))


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
