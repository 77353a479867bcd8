"""Looking at a CT: viewer, answers of every source, levels, hips, heat maps."""

from __future__ import annotations

import html

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from bmd.app import cards, choices, downloads, patient, results, session, shell
from bmd.app.ct import maps as ct_maps
from bmd.app.ct import samples as ct_samples
from bmd.app.ct.headline import headline
from bmd.app.markup import categories_key, chip, percent, plain, table
from bmd.app.results import CHART
from bmd.app.viewers import ct as volume_viewer
from bmd.app.viewers.ct.bodies import Body, bodies
from bmd.ct_types import TRABECULAR, Band
from bmd.figures import ct as figures
from bmd.findings import note
from bmd.models import _registry as registry
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


def result(held: session.Held, report: Report, below: DeltaGenerator) -> None:
    """The result of a CT that was analysed."""
    results.levels_banner(report)
    sample = ct_samples.SAMPLES.named(held.sample)
    headline(report, sample.truth().get("t_l1l4") if sample else None)
    results.warnings(report)
    downloads.row(held, report)
    patient.patient_form(held)
    with below:
        _details(report)


@st.fragment
def _details(report: Report) -> None:
    """Levels, networks, hips, maps and method; drawn again alone when another tab is opened."""
    held = session.held("ct")  # not an argument: a fragment would keep the one of the last whole run
    if held is None:
        return
    levels, networks, hips, maps, method = choices.tabs("app.ct.tabs", "ct_tab")
    with levels:
        _levels(report)
    with networks:
        answers(report)
    with hips:
        ct_maps.hips(held, report)
    with maps:
        ct_maps.slices()
    with method:
        cards.provenance(report)


def source(model: str, inside: bool = False) -> str:
    """Plain name of what an answer of the CT page looks at, or the words for it ``inside`` a sentence."""
    role = TRABECULAR if model == TRABECULAR else registry.spec(model).role
    return text(f"app.ct.source.{role}.{'inside' if inside else 'name'}")


def answers(report: Report) -> None:
    """Image, patient data and both side by side, and whether they agree."""
    rows = [answer for answer in report.answers if answer.probabilities]
    if not rows:
        st.caption(text("app.ct.no_answers"))
        return
    st.html(categories_key())
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
    chart, rows = results.pair() if report.attenuation else (None, st.container())
    if chart is not None:
        measured = [(one.name, one.density) for one in found if one.density]
        chart.plotly_chart(
            figures.attenuation_chart(measured),
            config=CHART,
            key="ct_attenuation",
            alt=text("app.ct.attenuation_alt", names=tuple(one.long for one in found if one.density)),
        )
    else:
        st.caption(text("app.ct.no_attenuation"))
    head = entry("app.ct.level_head")
    columns = len(head) if report.measurements else MEASURED_COLUMNS
    rows.html(table(head[:columns], [_row(one)[:columns] for one in found]))
    said = [text("app.ct.hu_caption")] if report.attenuation else []
    if report.measurements:
        said.append(text("app.ct.network_caption"))
    if said:
        rows.caption(" ".join(said))


def _row(one: Body) -> list[str]:
    density, answer = one.density, one.answer
    share = "" if answer is None else percent(answer.probabilities.get(answer.category or ""))
    return [
        html.escape(one.long),
        "–" if density is None else f"{density.mean_hu:.0f} ± {density.sd_hu:.0f}".replace("-", "−"),
        "–" if density is None or density.band is None else band_chip(density.band),
        f"{chip(answer.category)} {share}" if answer else "–",
    ]


def band_chip(band: Band) -> str:
    """Where HU lie to the cut-offs as a coloured label."""
    words = html.escape(text(f"ct.band.{band}"))
    return f'<span class="ol-chip" style="--c:{figures.BAND_COLOURS[band]}">{words}</span>'
