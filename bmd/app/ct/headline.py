"""The answer of a CT: measured HU against published numbers first, the slice network beside it as a second reader."""

from __future__ import annotations

import html

import streamlit as st

from bmd import reference
from bmd.app import results
from bmd.app.markup import chip, percent
from bmd.ct_types import Trabecular
from bmd.figures import ct as ct_figures
from bmd.inference.patient import WHO_AGE_Y
from bmd.models import _registry as registry
from bmd.text import say, text
from bmd.types import Demographics, Report

SLICES = "slices"
"""Role of the second reader."""


def headline(report: Report, true_t: float | None = None) -> None:
    """What was measured and what it means, then what the slice network says, and what both rest on."""
    found = report.trabecular
    if found is None:
        st.info(text("app.ct.no_attenuation"), icon=":material/info:")
        second_reader(report)
        return
    colour = ct_figures.BAND_COLOURS[found.band if found.agrees is not False else None]
    truth = "" if true_t is None else f'<div class="ol-truth">{text("app.truth", t=true_t)}</div>'
    with st.container(border=True, key="headline"):
        st.html(
            f'<div class="ol-headline" style="--c:{colour}">'
            f'<h2 class="ol-category">{text("app.ct.title", hu=found.hu)} {_small(say(found.where))}'
            f"</h2>{''.join(f'<p>{html.escape(line)}</p>' for line in lines(found, report.patient))}{truth}</div>"
        )
        numbers = {"specific_hu": reference.HU_L1_SPECIFIC, "sensitive_hu": reference.HU_L1_SENSITIVE}
        st.plotly_chart(
            ct_figures.hu_scale(found.hu, found.band, found.expected_hu),
            config=results.CHART,
            key="hu_scale",
            alt=text("app.ct.scale_alt", hu=found.hu, **numbers),
        )
        second_reader(report)
        with st.expander(text("app.ct.rests_title")):
            results.rests_on(report)


def lines(found: Trabecular, patient: Demographics) -> list[str]:
    """Verdict, chance of osteoporosis and what is usual, a sentence each."""
    said = [say(found.verdict)]
    if found.chance is not None:
        shares = {name: 100 * getattr(found.chance, name) for name in ("share", "low", "high", "before")}
        said.append(text("app.ct.chance", whom=whom(patient), **shares))
    usual = [] if found.expected_hu is None else [text("app.ct.expected", expected_hu=found.expected_hu)]
    if found.level is None and (usual or found.chance):
        usual.append(text("app.ct.l1_values"))
    if found.level is not None and abs(found.mean_hu - found.hu) >= 1:
        usual.append(text("app.ct.mean_of_all", hu=found.mean_hu))
    return [*said, " ".join(usual)] if usual else said


def whom(patient: Demographics) -> str:
    """The people that a patient is compared with: "women aged 66", "people from 50"."""
    sex = patient.sex or "any"
    if patient.age_y is None:
        return text(f"app.ct.whom.{sex}_from", who_age_y=WHO_AGE_Y)
    return text(f"app.ct.whom.{sex}", age_y=patient.age_y)


def second_reader(report: Report) -> None:
    """What the slice network says of the patient, and whether it agrees with the HU."""
    network = next((row for row in report.answers if row.model in registry.of_role(SLICES)), None)
    if network is None:
        return
    share = percent(network.probabilities.get(network.category or ""))
    st.html(f'<div class="ol-second">{text("app.ct.second_reader")} {chip(network.category)} {share}</div>')
    found = report.trabecular
    if found is not None and found.agrees is False:
        st.warning(text("app.ct.second_differs"), icon=":material/compare_arrows:")
    elif found is not None:
        st.caption(text("app.ct.second_agrees" if found.agrees else "app.ct.second_alone"))


def _small(words: str) -> str:
    return f'<span class="ol-sub">{html.escape(words)}</span>'
