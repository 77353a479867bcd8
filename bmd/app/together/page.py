"""All results of a session side by side: one chart, what differs, what each figure was learned from."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import streamlit as st

from bmd.app import cards, results, session, shell, sites
from bmd.app.ct.result import source as looked_at
from bmd.app.markup import categories_key, chip, percent, plain, signed, table
from bmd.app.results import CHART
from bmd.ct_types import TRABECULAR
from bmd.figures import GREY
from bmd.figures import ct as ct_figures
from bmd.figures import together as figures
from bmd.findings import Finding, note
from bmd.inference.demographics.terms import FIELDS, UNITS
from bmd.inference.dxa.densitometry import MEASURED
from bmd.printed import PRINTED
from bmd.reference import CATEGORIES
from bmd.text import entry, say, text
from bmd.types import Demographics, Prediction, Report

HOW = {MEASURED: "measured", PRINTED: "printed"}
"""How an answer that no network gave came about, by its model."""


@dataclass(frozen=True)
class Source:
    """One answer to compare: where it comes from, code of the skeletal site, what it says, its input's page."""

    name: str
    site: str
    says: Prediction
    page: str


def sources(found: Mapping[session.Kind, Report]) -> list[Source]:
    """Every answer of every result, in the order of the navigation; a network is listed once for each site."""
    rows: list[Source] = []
    for kind, report in found.items():
        answers = [*((report.prediction,) if report.prediction else ()), *report.answers]
        if kind == "demographics":  # its headline is one of its sites
            answers = list(report.answers or answers)
        seen = set()
        for answer in answers:
            if (answer.model, answer.level) not in seen:
                seen.add((answer.model, answer.level))
                rows.append(_source(kind, answer))
    return rows


def _source(kind: session.Kind, answer: Prediction) -> Source:
    page, site = text(f"modality.{kind}.title"), sites.site(answer)
    what = sites.name(site, inside=True) if answer.level else ""
    if kind == "dxa":
        what = text(f"app.together.dxa_{HOW.get(answer.model, 'estimated')}")
    if kind == "ct":
        what = looked_at(answer.model, inside=True)
    return Source(text("app.together.source", page=page, what=what) if what else page, site, answer, page)


def page() -> None:
    """Everything that is known, or what to do."""
    found = session.results()
    rows = sources({kind: report for kind, report in found.items() if report.suitability.suitable})
    _different_patients()
    if not rows:
        _empty(found)
        return
    left, right = st.columns([7, 5], gap="medium")
    with left:
        _charts(rows)
    with right:
        _agreement(rows)
        _unfinished(found)
        _missing(found)
    _tables(rows, found)


def _empty(found: Mapping[session.Kind, Report]) -> None:
    with st.container(border=True, key="together_empty"):
        st.header(text("app.together.empty_title"), anchor=False)
        st.markdown(text("app.together.empty"))
        _links([kind for kind in session.KINDS if kind not in found])
    _unfinished(found)


def _links(kinds: Sequence[session.Kind]) -> None:
    for name, title, icon in shell.PAGES:
        for kind in kinds:
            if text(f"modality.{kind}.title") == title and (shell.ROOT / "pages" / f"{name}.py").exists():
                label = text("app.together.link", title=title, what=note(f"app.together.what.{kind}"))
                st.page_link(f"pages/{name}.py", label=label, icon=f":material/{icon}:")


def _missing(found: Mapping[session.Kind, Report]) -> None:
    missing = [kind for kind in session.KINDS if kind not in found]
    if missing:
        with st.container(border=True, key="together_missing"):
            st.markdown(text("app.together.one") if len(found) == 1 else text("app.together.add"))
            _links(missing)


def _unfinished(found: Mapping[session.Kind, Report]) -> None:
    for kind, report in found.items():
        if not report.suitability.suitable:
            reasons = " ".join(plain(say(reason)) for reason in report.suitability.reasons)
            refused = text("app.together.refused", page=text(f"modality.{kind}.title"), reasons=reasons)
            st.info(refused, icon=":material/block:")
        elif report.prediction is None and not report.answers:
            why = [say(warning) for warning in report.warnings if warning.code == "dxa.no_unit"]
            if why:
                said = text("app.together.no_density", page=text(f"modality.{kind}.title"), reason=plain(why[0]))
                st.info(said, icon=":material/info:")
    for now in session.holdings():
        if now.report is None:
            waiting = text("app.together.waiting", page=text(f"modality.{now.kind}.title"))
            st.info(waiting, icon=":material/hourglass_empty:")


def _different_patients() -> None:
    parts = differences(session.patients())
    if parts:
        said = "; ".join(say(part) for part in parts)
        st.warning(text("app.together.different", parts=said), icon=":material/group_off:")


def differences(patients: Mapping[session.Kind, Demographics]) -> list[Finding]:
    """Fields that two pages know differently: "Age: 71 years on Spine X-ray, 65 years on Abdominal CT"."""
    found = []
    for name in FIELDS:
        known = {kind: getattr(patient, name) for kind, patient in patients.items()}
        known = {kind: value for kind, value in known.items() if value is not None}
        if len({value if isinstance(value, str) else round(value) for value in known.values()}) > 1:
            said = tuple(
                note("app.together.known_on", value=_value(name, value), page=text(f"modality.{kind}.title"))
                for kind, value in known.items()
            )
            found.append(note("app.together.field_differs", field=note(f"app.together.field.{name}"), known=said))
    return found


def _value(name: str, value: float | str) -> Finding:
    if isinstance(value, str):
        return note(f"word.{value}")
    return note("app.together.rounded", value=value, unit=note(f"unit.{UNITS[name]}"))


def _charts(rows: Sequence[Source]) -> None:
    with_t = [(row.name, row.says) for row in rows if row.says.t_score is not None]
    if with_t:
        st.header(text("app.together.t_title"), anchor=False)
        spoken = "; ".join(text("app.together.t_alt", name=name, t=says.t_score or 0.0) for name, says in with_t)
        st.plotly_chart(figures.sources_chart(with_t), config=CHART, key="together_t", alt=spoken)
        st.caption(text("app.together.t_caption"))
    shares = [(row.name, row.says.probabilities) for row in rows if set(CATEGORIES) & set(row.says.probabilities)]
    if shares:
        st.header(text("app.together.p_title"), anchor=False)
        spoken = "; ".join(f"{name}: {results.spoken(share)}" for name, share in shares)
        alone = any(set(share) == {"osteoporosis"} for _, share in shares)
        st.html(categories_key([(GREY, text("figure.undivided"))] if alone else []))
        st.plotly_chart(ct_figures.probability_rows(shares), config=CHART, key="together_p", alt=spoken)


def _agreement(rows: Sequence[Source]) -> None:
    with st.container(border=True, key="together_agreement"):
        st.header(text("app.together.agreement"), anchor=False)
        for finding in (categories(rows), *gaps(rows)):
            st.markdown(say(finding))
        st.caption(text("app.together.same_patient"))


def categories(rows: Sequence[Source]) -> Finding:
    """The categories that are named, and by whom; no vote. Inputs agree, not the several answers from one of them."""
    pages = {row.page for row in rows if row.says.category}
    named: dict[str, list[str]] = {}
    for row in rows:
        if row.says.category:
            named.setdefault(row.says.category, []).append(row.name)
    parts = "; ".join(
        text("app.together.category_of", category=note(f"category.{category}"), names=tuple(names))
        for category, names in named.items()
    )
    count = sum(len(names) for names in named.values())
    if not count:
        return note("app.together.no_category")
    if len(pages) < 2:
        return note("app.together.one_says" if len(named) == 1 else "app.together.one_says_several", parts=parts)
    if len(named) == 1:
        return note("app.together.all_say", count=len(pages), category=note(f"category.{next(iter(named))}"))
    return note("app.together.differ", parts=parts)


def gaps(rows: Sequence[Source]) -> list[Finding]:
    """For each site that several sources give a T-score of: the two that lie furthest apart."""
    found = []
    for site in dict.fromkeys(row.site for row in rows):
        here = [(row.says.t_score, row) for row in rows if row.site == site and row.says.t_score is not None]
        if len(here) < 2:
            continue
        pair = max(combinations(here, 2), key=lambda two: abs(two[0][0] - two[1][0]))
        (low_t, low), (high_t, high) = sorted(pair, key=lambda one: one[0])
        found.append(
            note(
                "app.together.apart",
                site=sites.name(site, inside=True),
                gap=high_t - low_t,
                low_name=low.name,
                low=low_t,
                high_name=high.name,
                high=high_t,
                overlap=note(f"app.together.{_overlap(low.says, high.says)}"),
            )
        )
    return found


def _overlap(low: Prediction, high: Prediction) -> str:
    if low.interval is None or high.interval is None:
        return "no_interval"
    return "overlap" if low.interval[1] >= high.interval[0] else "no_overlap"


def _tables(rows: Sequence[Source], found: Mapping[session.Kind, Report]) -> None:
    st.header(text("app.together.table_title"), anchor=False)
    st.html(table(entry("app.together.head"), [_row(row) for row in rows]))
    density = found["ct"].attenuation if "ct" in found else ()
    if density:
        st.header(text("app.together.hu_title"), anchor=False)
        where = text("app.together.hu_from")
        cells = [
            [html.escape(a.level or "?"), f"{a.mean_hu:.0f} ± {a.sd_hu:.0f}".replace("-", "−"), where] for a in density
        ]
        st.html(table(entry("app.together.hu_head"), cells))


def _row(row: Source) -> list[str]:
    says, ends = row.says, row.says.interval
    return [
        html.escape(row.name),
        html.escape(sites.name(row.site)),
        chip(says.category),
        signed(says.t_score),
        text("app.interval", low=ends[0], high=ends[1]) if ends else "–",
        percent(says.probabilities.get("osteoporosis")),
        html.escape(learned_from(says.model)),
    ]


def learned_from(model: str) -> str:
    """What the weights behind an answer say they were trained on; what was measured was not learned."""
    return text("app.together.measured") if model in (*HOW, TRABECULAR) else cards.learned_from(model)
