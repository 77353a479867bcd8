"""The demographics page: its result, from headline to downloads. The form is in ``demographics_form``."""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import Any

import numpy as np
import streamlit as st

from bmd import figures
from bmd.app import cards, results, session, shell
from bmd.app.demographics import form, text
from bmd.app.demographics import what_if as demographics_what_if
from bmd.app.markup import chip, number, percent, plain, signed, table
from bmd.app.results import CHART
from bmd.app.text import AUC_MEANS, LEARNED_FROM, ROLES
from bmd.figures import demographics as charts
from bmd.reference import CATEGORIES, CURVE_AGES, REFERENCES, age_curve
from bmd.report import to_csv, to_json
from bmd.text import say
from bmd.types import Demographics, Prediction, Report, ScreeningScore

KIND: session.Kind = "demographics"
MODEL = "demographics"
BELOW = "below the expected range"
KEYS = {"lumbar": "L1-L4", "femoral_neck": "femoral_neck", "total_hip": "total_hip"}


def page() -> None:
    """The form on the left, the answer on the right, the screening scores in a row below."""
    left, right = st.columns([4, 8], gap="medium")
    with left:
        patient, reference = form.show()
    with right, shell.guard() as outcome:
        if patient == Demographics():
            _empty()
            return
        report = _answer(patient, reference)
        session.keep(KIND, report, "form")
        if not report.suitability.suitable:
            _refusal(report)
            return
        _result(report, reference)
    if outcome.problem is None:
        _scores(report.scores)


def _answer(patient: Demographics, reference: str) -> Report:
    """The report; the first one loads torch and the network."""
    with st.spinner(text.WAITING):
        from bmd.inference import assess

        return assess(patient, reference=reference)


def _empty() -> None:
    st.empty()  # what follows stands one place lower than a result, which then takes this place at once
    with st.container(border=True, key="what_you_get"):
        st.markdown(f"**{text.EMPTY_TITLE}**")
        st.markdown("\n\n".join(f"{icon} {line}" for icon, line in text.EMPTY))
    st.caption(text.EMPTY_NOTE)


def _refusal(report: Report) -> None:
    reasons = "".join(f"<li>{html.escape(say(reason))}</li>" for reason in report.suitability.reasons)
    st.html(
        f'<div class="ol-card ol-refusal" role="status"><h3>{text.REFUSED}</h3><ul>{reasons}</ul>'
        f"<p>{text.REFUSED_DO}</p></div>"
    )


def _result(report: Report, reference: str) -> None:
    _headline(report)
    results.warnings(report)
    sites, what_if, fields, age, method = st.tabs(text.TABS)
    with sites:
        _sites(report)
    with what_if:
        demographics_what_if.show(report, reference)
    with fields:
        _fields(report, reference)
    with age:
        _age(report, reference)
    with method:
        _method(report)
    _downloads(report)


def _headline(report: Report) -> None:
    prediction = report.prediction
    assert prediction is not None
    if prediction.t_score is not None:
        results.headline(prediction)
        st.caption(f"{text.LOWEST_OF}. {text.MEANING}")
        return
    site = text.SITES[prediction.level or ""]
    interval = f"{_coverage()} interval {_ends(prediction.z_interval)}" if prediction.z_interval else ""
    title = f"Z-score {signed(prediction.z_score)}" if prediction.z_score is not None else "Density only"
    below = prediction.probabilities.get(BELOW)
    chance = "" if below is None else f'<div class="ol-sub">{text.Z_BELOW.format(share=percent(below))}</div>'
    with st.container(border=True, key="headline"):
        st.html(
            f'<div class="ol-headline" style="--c:{figures.GREY}"><div class="ol-category">{title}</div>'
            f'<div class="ol-sub"><span>{interval}</span><span>{number(prediction.bmd_g_cm2)} g/cm²</span></div>'
            f"{chance}</div>"
        )
    words = text.DENSITY_ONLY if prediction.z_score is None else text.Z_OF
    st.caption(f"{words.format(site=site)} {text.Z_RULE if prediction.z_score is not None else ''}")


def _coverage() -> str:
    share = cards.coverage(MODEL)
    return f"{share:.0%}" if share else "Stated"


def _ends(interval: tuple[float, float] | None) -> str:
    return "–" if interval is None else f"{signed(interval[0])} to {signed(interval[1])}"


# --- sites -------------------------------------------------------------------------------------------------------
def _sites(report: Report) -> None:
    answers = report.answers
    if any(p.t_score is not None for p in answers):
        chart = charts.site_probabilities(answers, text.SITES)
        st.plotly_chart(chart, config=CHART, key="site_probabilities", alt=_spoken(answers))
        head = [name.format(coverage=_coverage()) for name in text.SITE_HEAD]
        rows = [
            [
                text.SITES[p.level or ""],
                chip(p.category),
                signed(p.t_score),
                _ends(p.interval),
                number(p.bmd_g_cm2),
            ]
            for p in answers
        ]
    else:
        head = [name.format(coverage=_coverage()) for name in text.Z_HEAD]
        rows = [
            [
                text.SITES[p.level or ""],
                signed(p.z_score),
                _ends(p.z_interval),
                percent(p.probabilities.get(BELOW)),
                number(p.bmd_g_cm2),
            ]
            for p in answers
        ]
    st.html(table(head, rows))


def _spoken(answers: Sequence[Prediction]) -> str:
    parts = [f"{text.SITES[p.level or '']}: {results.spoken(p.probabilities)}" for p in answers]
    return "Probability of each class. " + ". ".join(parts)


# --- how each field moved the answer -----------------------------------------------------------------------------
def _fields(report: Report, reference: str) -> None:
    from bmd.explanation.demographics import field_effects
    from bmd.inference.demographics.assess import typical

    prediction = report.prediction
    assert prediction is not None
    site = prediction.level or ""
    young = prediction.t_score is None
    unit = "bmd" if young else "t_score"
    effects = field_effects(report.patient, lambda asked: typical(asked, site, reference, unit))
    st.caption(text.FIELDS_BMD.format(site=text.SITES[site].lower()) if young else text.FIELDS_T)
    names = text.FIELD_NAMES | {name: _field_words(report.patient, name) for name in effects.effects}
    names |= {"answer": text.THIS_PATIENT}
    chart = charts.field_bars(effects.start, effects.effects, effects.answer, names, 3 if young else 2)
    spoken = ", ".join(f"{names[name]} {value:+.2f}" for name, value in effects.effects.items())
    st.plotly_chart(chart, config=CHART, key="field_bars", alt=f"What each field adds: {spoken}")
    st.caption(text.FIELDS_HOW)


def _field_words(patient: Demographics, name: str) -> str:
    value = getattr(patient, name)
    words = {"F": "female", "M": "male"}.get(value) or f"{value:g} {text.FIELD_UNITS[name]}"
    return f"{text.FIELD_NAMES[name]}: {words}"


# --- age curve ---------------------------------------------------------------------------------------------------
def _age(report: Report, reference: str) -> None:
    patient = report.patient
    if patient.sex is None or patient.age_y is None:
        st.info(text.AGE_NEEDS, icon=":material/person:")
    if patient.sex is None:
        return
    site = st.segmented_control(
        text.AGE_SITE,
        [*KEYS],
        default="lumbar",
        format_func=text.SITES.__getitem__,
        key="demographics_curve_site",
        label_visibility="collapsed",
        required=True,
    )
    key, chosen = KEYS[site or "lumbar"], REFERENCES[reference]
    ages = np.linspace(CURVE_AGES[0], CURVE_AGES[-1], 60)
    mean, sd = age_curve(ages, patient.sex, key)
    grown = any(p.t_score is not None for p in report.answers)
    source = f"{text.AGE_SOURCE} {text.AGE_CUTS.format(name=chosen.name)}" if grown else text.AGE_SOURCE
    own = figures.AgeCurve(ages, np.asarray(mean), np.asarray(sd), patient.sex, source)
    found = next(p for p in report.answers if p.level == (site or "lumbar"))
    ends = _density_ends(found, key, report, chosen)
    st.plotly_chart(
        figures.age_curve(own, patient.age_y, found.bmd_g_cm2, ends, key, chosen if grown else None),
        config=CHART,
        key="age_curve",
        alt=f"Density of the {text.SITES[site or 'lumbar'].lower()} against age, with this patient marked",
    )
    st.caption(source)


def _density_ends(found: Prediction, key: str, report: Report, chosen: Any) -> tuple[float, float] | None:
    """Interval of the density, g/cm2, from that of the T- or Z-score."""
    if found.interval is not None:
        low, high = (chosen.mean[key] + t * chosen.sd[key] for t in found.interval)
        return low, high
    if found.z_interval is None or report.patient.sex is None or report.patient.age_y is None:
        return None
    mean, sd = age_curve(report.patient.age_y, report.patient.sex, key)
    return mean + found.z_interval[0] * sd, mean + found.z_interval[1] * sd


# --- scores, method, downloads -----------------------------------------------------------------------------------
def _scores(scores: Sequence[ScreeningScore]) -> None:
    st.markdown(f"**{text.SCORES_TITLE}**")
    for column, score in zip(st.columns(max(1, len(scores))), scores, strict=False):
        with column, st.container(border=True, key=f"score_{score.name}", height="stretch"):
            value = "–" if score.value is None else f"{score.value:g}".replace("-", "−")
            verdict = score.verdict or text.NEEDS.format(fields=" and ".join(score.missing))
            about = f"{text.CUTOFF.format(cutoff=score.cutoff)} {text.SOURCE.format(source=score.source)}"
            st.html(
                f'<div class="ol-score"><div><b>{html.escape(score.name)}</b> <span class="ol-t">{value}</span></div>'
                f"<div>{html.escape(verdict[:1].upper() + verdict[1:])}</div>"
                f'<div class="ol-sub">{html.escape(about)}</div></div>'
            )
    st.caption(text.SCORES_NOTE)


def _method(report: Report) -> None:
    card = cards.metadata().get(MODEL, {})
    st.markdown(f"**{ROLES[MODEL]}** {plain(card.get('title', MODEL))}")
    st.markdown(text.METHOD)
    rows = []
    for site, entry in zip(text.SITES.values(), card.get("metrics") or [], strict=False):
        v = entry["values"]
        rows.append(
            [
                site,
                f"{v['people']:.0f}",
                " / ".join(percent(v[f"share_{name}"]) for name in CATEGORIES),
                f"{v['macro_auc']:.3f} ({v['macro_auc_low']:.3f} to {v['macro_auc_high']:.3f})",
                f"{v['osteoporosis_auc']:.3f}",
                percent(v["accuracy"]),
                f"{v['ece']:.3f} ({v['ece_floor']:.3f})",
                percent(v["coverage"]),
            ]
        )
    st.html(table(text.FIGURE_HEAD, rows))
    st.caption(f"{AUC_MEANS} {text.FIGURE_NOTE}")
    st.caption(f"{LEARNED_FROM.format(what=cards.learned_from(MODEL))} {cards.ran_on(report)}")


def _downloads(report: Report) -> None:
    files = (
        ("CSV", lambda: to_csv([report]).encode(), "text/csv"),
        ("JSON", lambda: to_json([report]).encode(), "application/json"),
    )
    with st.container(horizontal=True, key="downloads"):
        for label, make, mime in files:
            name = f"osteolens_demographics.{label.lower()}"
            st.download_button(
                label, make, name, mime, key=f"download_{label}", on_click="ignore", icon=":material/download:"
            )
