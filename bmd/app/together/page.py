"""All results of a session side by side: one chart, what differs, what each figure was learned from."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import streamlit as st

from bmd.app import cards, results, session, shell, text
from bmd.app.ct.result import source as looked_at
from bmd.app.markup import chip, percent, plain, signed, table
from bmd.app.results import CHART
from bmd.app.together import text as words
from bmd.figures import ct as ct_figures
from bmd.figures import together as figures
from bmd.reference import CATEGORIES
from bmd.text import say
from bmd.types import Demographics, Prediction, Report


@dataclass(frozen=True)
class Source:
    """One answer to compare: where it comes from, the skeletal site, and what it says."""

    name: str
    site: str
    says: Prediction


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
    page = text.KINDS[kind]
    if kind == "ct":
        site = words.SITES["hip" if answer.model in words.HIP_MODELS else None]
        return Source(f"{page}: {looked_at(answer.model, inside=True)}", site, answer)
    site = words.SITES.get(answer.level, str(answer.level))
    return Source(f"{page}: {site.lower()}" if answer.level else page, site, answer)


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
    with st.container(border=True, key="what_you_get"):
        st.markdown(f"**{words.EMPTY_TITLE}**")
        st.markdown(words.EMPTY)
        _links([kind for kind in session.KINDS if kind not in found])
    _unfinished(found)


def _links(kinds: Sequence[session.Kind]) -> None:
    for name, title, icon in shell.PAGES:
        for kind in kinds:
            if text.KINDS[kind] == title and (shell.ROOT / "pages" / f"{name}.py").exists():
                st.page_link(f"pages/{name}.py", label=f"{title}: {words.WHAT[kind]}", icon=f":material/{icon}:")


def _missing(found: Mapping[session.Kind, Report]) -> None:
    missing = [kind for kind in session.KINDS if kind not in found]
    if missing:
        with st.container(border=True, key="together_missing"):
            st.markdown(words.ONE if len(found) == 1 else words.ADD)
            _links(missing)


def _unfinished(found: Mapping[session.Kind, Report]) -> None:
    for kind, report in found.items():
        if not report.suitability.suitable:
            reasons = " ".join(plain(say(reason)) for reason in report.suitability.reasons)
            st.info(words.REFUSED.format(page=text.KINDS[kind], reasons=reasons), icon=":material/block:")
    for now in session.holdings():
        if now.report is None:
            st.info(words.WAITING.format(page=text.KINDS[now.kind]), icon=":material/hourglass_empty:")


def _different_patients() -> None:
    parts = differences(session.patients())
    if parts:
        st.warning(words.DIFFERENT.format(parts="; ".join(parts)), icon=":material/group_off:")


def differences(patients: Mapping[session.Kind, Demographics]) -> list[str]:
    """Fields that two pages know differently: "Age: 71 years on Spine X-ray, 65 years on Abdominal CT"."""
    lines = []
    for name, label in words.FIELDS.items():
        known = {kind: getattr(patient, name) for kind, patient in patients.items()}
        known = {kind: value for kind, value in known.items() if value is not None}
        if len({value if isinstance(value, str) else round(value) for value in known.values()}) > 1:
            said = ", ".join(f"{_value(name, value)} on {text.KINDS[kind]}" for kind, value in known.items())
            lines.append(f"{label}: {said}")
    return lines


def _value(name: str, value: float | str) -> str:
    return text.SEXES[value].lower() if isinstance(value, str) else f"{value:.0f}{words.UNITS[name]}"


def _charts(rows: Sequence[Source]) -> None:
    with_t = [(row.name, row.says) for row in rows if row.says.t_score is not None]
    if with_t:
        st.markdown(f"**{words.T_TITLE}**")
        spoken = "; ".join(f"{name}: T-score {signed(says.t_score)}" for name, says in with_t)
        st.plotly_chart(figures.sources_chart(with_t), config=CHART, key="together_t", alt=spoken)
        st.caption(words.T_CAPTION)
    shares = [(row.name, row.says.probabilities) for row in rows if set(CATEGORIES) & set(row.says.probabilities)]
    if shares:
        st.markdown(f"**{words.P_TITLE}**")
        spoken = "; ".join(f"{name}: {results.spoken(share)}" for name, share in shares)
        st.plotly_chart(ct_figures.probability_rows(shares), config=CHART, key="together_p", alt=spoken)


def _agreement(rows: Sequence[Source]) -> None:
    with st.container(border=True, key="together_agreement"):
        st.markdown(f"**{words.AGREEMENT}**")
        for line in (categories_line(rows), *gaps(rows)):
            st.markdown(line)
        st.caption(words.SAME_PATIENT)


def categories_line(rows: Sequence[Source]) -> str:
    """One sentence on the categories that are named."""
    named: dict[str, list[str]] = {}
    for row in rows:
        if row.says.category:
            named.setdefault(row.says.category, []).append(row.name)
    parts = "; ".join(f"**{category}** ({', '.join(names)})" for category, names in named.items())
    count = sum(len(names) for names in named.values())
    if count < 2:
        return words.ONE_SAYS.format(parts=parts) if count else words.NO_CATEGORY
    if len(named) == 1:
        return words.ALL_SAY.format(count=count, category=next(iter(named)))
    return words.DIFFER.format(parts=parts)


def gaps(rows: Sequence[Source]) -> list[str]:
    """For each site that several sources give a T-score of: the two that lie furthest apart."""
    lines = []
    for site in dict.fromkeys(row.site for row in rows):
        here = [row for row in rows if row.site == site and row.says.t_score is not None]
        if len(here) < 2:
            continue
        pair = max(combinations(here, 2), key=lambda two: abs(_t(two[0]) - _t(two[1])))
        low, high = sorted(pair, key=_t)
        lines.append(
            words.APART.format(
                site=site.lower(),
                gap=f"{_t(high) - _t(low):.1f}",
                low_name=low.name,
                low=signed(low.says.t_score),
                high_name=high.name,
                high=signed(high.says.t_score),
                overlap=_overlap(low.says, high.says),
            )
        )
    return lines


def _t(row: Source) -> float:
    return float(row.says.t_score or 0.0)


def _overlap(low: Prediction, high: Prediction) -> str:
    if low.interval is None or high.interval is None:
        return words.NO_INTERVAL
    return words.OVERLAP if low.interval[1] >= high.interval[0] else words.NO_OVERLAP


def _tables(rows: Sequence[Source], found: Mapping[session.Kind, Report]) -> None:
    st.markdown(f"**{words.TABLE_TITLE}**")
    st.html(table(words.HEAD, [_row(row) for row in rows]))
    density = found["ct"].attenuation if "ct" in found else ()
    if density:
        st.markdown(f"**{words.HU_TITLE}**")
        cells = [
            [html.escape(a.level or "?"), f"{a.mean_hu:.0f} ± {a.sd_hu:.0f}".replace("-", "−"), words.HU_FROM]
            for a in density
        ]
        st.html(table(words.HU_HEAD, cells))


def _row(row: Source) -> list[str]:
    says = row.says
    return [
        html.escape(row.name),
        html.escape(row.site),
        chip(says.category),
        signed(says.t_score),
        f"{signed(says.interval[0])} to {signed(says.interval[1])}" if says.interval else "–",
        percent(says.probabilities.get("osteoporosis")),
        html.escape(learned_from(says.model)),
    ]


def learned_from(model: str) -> str:
    """What the weights behind an answer say they were trained on; what was measured was not learned."""
    return words.MEASURED if model == results.MEASURED else cards.learned_from(model)
