"""The demographics page: its result, from headline to downloads. The form is in ``form``."""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import Any

import streamlit as st

from bmd import figures
from bmd.app import cards, choices, results, session, shell, sites
from bmd.app.demographics import form, what_if
from bmd.app.markup import categories_key, chip, number, percent, plain, signed, table
from bmd.app.results import CHART
from bmd.app.viewers import announce
from bmd.figures import demographics as charts
from bmd.findings import Finding, note
from bmd.inference.demographics.terms import BELOW, FIELDS, LOWEST, SITES, UNITS
from bmd.models import _metadata as stated
from bmd.models import _registry as registry
from bmd.reference import REFERENCES, Reference, age_curve
from bmd.report import headline as words
from bmd.report import networks as network_words
from bmd.report import to_csv, to_json
from bmd.text import entry, say, text
from bmd.types import Demographics, Prediction, Report, ScreeningScore

KIND: session.Kind = "demographics"
MODEL = registry.default("demographics")
ICONS = ("bar_chart", "speed", "checklist", "tune", "download")
"""Signs before the lines of "app.demographics.empty"."""
OUTSIDE = ("korea", "lumos")
"""Cohorts of people the survey does not describe."""
ENDS = {"start": "nothing_known", "answer": "this_patient"}
"""What the first and the last bar of the staircase are called."""


def page() -> None:
    """The form on the left, the answer on the right, the screening scores in a row below."""
    left, right = st.columns([4, 8], gap="medium")
    with left:
        patient, reference = form.show()
    with right, shell.guard() as outcome:
        if patient is None:
            session.drop_report(KIND)
            announce.tell(KIND, KIND, announce.PROBLEM, text("app.demographics.no_answer"))
            st.info(text("app.demographics.no_answer"), icon=":material/info:")
            return
        if patient == Demographics():
            announce.tell(KIND, KIND, announce.CHOOSE)
            _empty()
            return
        report = _answer(patient, reference)
        session.keep(KIND, report, "form")
        announce.tell(KIND, KIND, *_spoken_answer(report))
        if not report.suitability.suitable:
            _refusal(report)
            return
        _result(report, reference)
    if outcome.problem is None:
        _scores(report.scores)


def _answer(patient: Demographics, reference: str) -> Report:
    """The report; the first one loads torch and the network."""
    with st.spinner(text("app.demographics.waiting")):
        from bmd.inference import assess

        return assess(patient, reference=reference)


def _spoken_answer(report: Report) -> tuple[str, str]:
    """What the page is at, and what is read out of a new answer."""
    if not report.suitability.suitable:
        return announce.REFUSED, text("app.demographics.refused")
    assert report.prediction is not None
    return announce.RESULT, text("app.say.answer", title=words.headline(report.prediction))


def _empty() -> None:
    st.empty()  # what follows stands one place lower than a result, which then takes this place at once
    with st.container(border=True, key="demographics_empty"):
        st.header(text("app.demographics.empty_title"), anchor=False)
        lines = zip(ICONS, entry("app.demographics.empty"), strict=True)
        st.markdown("\n\n".join(f":material/{icon}: {line}" for icon, line in lines))
    st.caption(text("app.demographics.empty_note"))


def _refusal(report: Report) -> None:
    reasons = "".join(f"<li>{html.escape(say(reason))}</li>" for reason in report.suitability.reasons)
    st.html(
        f'<div class="ol-card ol-refusal" role="status"><h2>{text("app.demographics.refused")}</h2><ul>{reasons}</ul>'
        f"<p>{text('app.demographics.refused_do')}</p></div>"
    )


def _result(report: Report, reference: str) -> None:
    _headline(report)
    results.rests_on(report)
    results.warnings(report)
    _details(report, reference)
    _downloads(report)


@st.fragment
def _details(report: Report, reference: str) -> None:
    """Everything behind the answer; drawn again alone when another tab is opened."""
    each, changed, fields, age, method = choices.tabs("app.demographics.tabs", "demographics_tab")
    with each:
        _sites(report)
    with changed:
        what_if.show(report, reference)
    with fields:
        _fields(report, reference)
    with age:
        _age(report, reference)
    with method:
        _method(report)


def _headline(report: Report) -> None:
    prediction = report.prediction
    assert prediction is not None
    if prediction.t_score is not None:
        results.headline(prediction)
        st.caption(f"{text('app.demographics.lowest_of')}. {text('app.demographics.meaning')}")
        if said := _elsewhere():
            st.caption(said)
        return
    z, site = prediction.z_score, sites.name(sites.site(prediction))
    interval = f"{_coverage()} {_ends(prediction.z_interval)}" if prediction.z_interval else ""
    title = text("app.demographics.density_alone") if z is None else text("app.demographics.z_score", z=z)
    below = prediction.probabilities.get(BELOW)
    chance = "" if below is None else f'<div class="ol-sub">{text("app.demographics.z_below", share=below)}</div>'
    with st.container(border=True, key="headline"):
        st.html(
            f'<div class="ol-headline" style="--c:{figures.GREY}"><h2 class="ol-category">{title}</h2>'
            f'<div class="ol-sub"><span>{interval}</span><span>{number(prediction.bmd_g_cm2)} g/cm²</span></div>'
            f"{chance}</div>"
        )
    if z is None:
        st.caption(text("app.demographics.density_only", site=site))
    else:
        st.caption(f"{text('app.demographics.z_of', site=site)} {text('app.demographics.z_rule')}")


def _coverage() -> str:
    """What the network's intervals are called: "90% interval"."""
    share = cards.coverage(MODEL)
    if share is None:
        return text("app.demographics.stated_interval")
    return text("app.demographics.coverage_interval", coverage=share)


def _ends(interval: tuple[float, float] | None) -> str:
    return "–" if interval is None else text("app.interval", low=interval[0], high=interval[1])


# --- sites -------------------------------------------------------------------------------------------------------
def _sites(report: Report) -> None:
    answers = report.answers
    if any(p.t_score is not None for p in answers):
        chart = charts.site_probabilities(answers, {level: sites.name(level) for level in (*SITES, LOWEST)})
        st.plotly_chart(chart, config=CHART, key="site_probabilities", alt=_spoken(answers))
        st.html(categories_key())
        head = _head("app.demographics.site_head")
        rows = [
            [
                sites.name(sites.site(p)),
                chip(p.category),
                signed(p.t_score),
                _ends(p.interval),
                number(p.bmd_g_cm2),
            ]
            for p in answers
        ]
    else:
        head = _head("app.demographics.z_head")
        rows = [
            [
                sites.name(sites.site(p)),
                signed(p.z_score),
                _ends(p.z_interval),
                percent(p.probabilities.get(BELOW)),
                number(p.bmd_g_cm2),
            ]
            for p in answers
        ]
    st.html(table(head, rows))


def _head(code: str) -> list[str]:
    return [name.format(interval=_coverage()) for name in entry(code)]


def _spoken(answers: Sequence[Prediction]) -> str:
    parts = [f"{sites.name(sites.site(p))}: {results.spoken(p.probabilities)}" for p in answers]
    return text("app.demographics.sites_alt", sites=". ".join(parts))


# --- how each field moved the answer -----------------------------------------------------------------------------
def _fields(report: Report, reference: str) -> None:
    from bmd.explanation.demographics import field_effects
    from bmd.inference.demographics.assess import ROLE, typical
    from bmd.inference.run import Networks

    prediction = report.prediction
    assert prediction is not None
    site = prediction.level or ""
    young = prediction.t_score is None
    unit, networks = "bmd" if young else "t_score", Networks(chosen={ROLE: prediction.model})
    effects = field_effects(report.patient, lambda asked: typical(asked, site, reference, unit, networks))
    inside = sites.name(site, inside=True)
    st.caption(text("app.demographics.fields_bmd", site=inside) if young else text("app.demographics.fields_t"))
    names = {name: _field_words(report.patient, name) for name in effects.effects}
    names |= {end: text(f"app.demographics.{code}") for end, code in ENDS.items()}
    chart = charts.field_bars(effects.start, effects.effects, effects.answer, names, 3 if young else 2)
    spoken = tuple(f"{names[name]} {value:+.2f}" for name, value in effects.effects.items())
    st.plotly_chart(chart, config=CHART, key="field_bars", alt=text("app.demographics.fields_alt", effects=spoken))
    st.caption(text("app.demographics.fields_how"))


def _field_words(patient: Demographics, name: str) -> str:
    value = getattr(patient, name)
    if name in UNITS:
        said = note("app.demographics.field_number", value=value, unit=note(f"unit.{UNITS[name]}"))
    else:
        said = note(f"word.{value}")
    return text("app.demographics.field_is", field=text(f"app.demographics.field_{FIELDS[name]}"), value=said)


# --- age curve ---------------------------------------------------------------------------------------------------
@st.fragment
def _age(report: Report, reference: str) -> None:
    """The chosen site on its age curve; drawn again alone when another site is chosen."""
    patient = report.patient
    if patient.sex is None or patient.age_y is None:
        st.info(text("app.demographics.age_needs"), icon=":material/person:")
    if patient.sex is None:
        return
    st.segmented_control(
        text("app.demographics.age_site"),
        [*SITES],
        format_func=sites.name,
        key=choices.start("demographics_curve_site", "lumbar", [*SITES]),
        label_visibility="collapsed",
        required=True,
    )
    site = str(choices.keep("demographics_curve_site"))
    chosen = REFERENCES[reference]
    grown = any(p.t_score is not None for p in report.answers)
    found = next(p for p in report.answers if p.level == site)
    curve = figures.nhanes_curve(patient.sex, SITES[site])
    ends = _density_ends(found, patient, SITES[site], chosen)
    st.plotly_chart(
        figures.age_curve(curve, patient.age_y, found.bmd_g_cm2, ends, chosen if grown else None),
        config=CHART,
        key="age_curve",
        alt=text("app.demographics.age_alt", site=sites.name(site, inside=True)),
    )
    cuts = text("app.demographics.age_cuts", name=chosen.name) if grown else ""
    st.caption(f"{text('figure.nhanes')} {cuts}")


def _density_ends(found: Prediction, patient: Demographics, key: str, chosen: Reference) -> tuple[float, float] | None:
    """Interval of the density, g/cm2, from that of the T- or Z-score."""
    if found.interval is not None:
        low, high = (chosen.mean[key] + t * chosen.sd[key] for t in found.interval)
        return low, high
    if found.z_interval is None or patient.sex is None or patient.age_y is None:
        return None
    mean, sd = age_curve(patient.age_y, patient.sex, key)
    return mean + found.z_interval[0] * sd, mean + found.z_interval[1] * sd


# --- scores, method, downloads -----------------------------------------------------------------------------------
def _scores(scores: Sequence[ScreeningScore]) -> None:
    st.header(text("app.demographics.scores_title"), anchor=False)
    for column, score in zip(st.columns(max(1, len(scores))), scores, strict=False):
        with column, st.container(border=True, key=f"score_{score.name}", height="stretch"):
            value = "–" if score.value is None else f"{score.value:g}".replace("-", "−")
            missing = tuple(note(f"word.{name}") for name in score.missing)
            verdict = say(score.verdict or note("app.demographics.needs", fields=missing))
            about = text("app.demographics.about_score", cutoff=score.cutoff, source=score.source)
            st.html(
                f'<div class="ol-score"><div><b>{html.escape(score.name)}</b> <span class="ol-t">{value}</span></div>'
                f"<div>{html.escape(verdict[:1].upper() + verdict[1:])}</div>"
                f'<div class="ol-sub">{html.escape(about)}</div></div>'
            )
    st.caption(text("app.demographics.scores_note"))


def _method(report: Report) -> None:
    """The network beside plain logistic regression, at every site and in every cohort it was measured on."""
    card = cards.metadata().get(MODEL, {})
    st.markdown(f"**{text('app.role.demographics')}** {plain(card.get('title', MODEL))}")
    st.markdown(text("app.demographics.method"))
    st.html(table(entry("app.demographics.figure_head"), network_words.beside(stated.shown(card))))
    st.caption(f"{text('app.auc_means')} {text('app.demographics.figure_note')}")
    st.caption(text("app.demographics.why_network"))
    st.caption(f"{text('app.learned_from', what=cards.learned_from(MODEL))} {cards.ran_on(report)}")


Measured = dict[str, Any]


def _elsewhere() -> str:
    """How often the interval held the measured value in people outside the survey; empty where nobody was measured."""
    told = [
        note("app.demographics.covered", share=one["values"]["coverage"], n=one["n"], whom=_whom(one))
        for one in stated.shown(cards.metadata().get(MODEL, {}))
        if one["cohort"] in OUTSIDE and one["site"] == "lumbar" and one["inputs"] == "network" and one["group"] is None
    ]
    return text("app.demographics.elsewhere", told=tuple(told)) if told else ""


def _whom(one: Measured) -> Finding:
    return note(f"app.demographics.whom.{one['cohort']}")


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
