"""All networks of a role on one study: pictures, answers and seconds side by side, and in words where they agree."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import streamlit as st

from bmd import modality
from bmd.app import cards, choices, networks, results, session, shell, work
from bmd.app.ct import samples as ct_samples
from bmd.app.dxa import samples as dxa_samples
from bmd.app.film import samples as film_samples
from bmd.app.markup import plain, signed, table
from bmd.app.samples import Samples
from bmd.findings import Finding, note
from bmd.metrics.boxes import box_iou
from bmd.report.headline import headline
from bmd.text import entry, say, text
from bmd.types import Prediction, Report, Study, Vertebra

SAMPLES: dict[str, Samples[Any]] = {"film": film_samples.SAMPLES, "ct": ct_samples.SAMPLES, "dxa": dxa_samples.SAMPLES}
"""Built-in cases by kind."""
ACROSS = 3
"""Pictures side by side."""
HELD = "held"
"""Stands for the study of this session among the names of built-in cases."""


@dataclass(frozen=True, eq=False)
class Answer:
    """What one network gave: its name, the report, and the study drawn with it as PNG."""

    network: str
    report: Report
    picture: bytes | None = None

    def says(self) -> Prediction | None:
        """What it says of bone density, or what was said with its help."""
        own = (answer for answer in self.report.answers if answer.model == self.network)
        return next(own, self.report.prediction)


@dataclass(frozen=True, eq=False)
class Asked:
    """A comparison that was made; held in the session, under a key that goes with the study."""

    role: str
    case: str
    uid: str
    answers: tuple[Answer, ...]


def roles() -> dict[tuple[session.Kind, str], tuple[str, ...]]:
    """Kind and role to the networks with weights, where there are several: the default first."""
    return {(kind, role): names for kind in session.KINDS for role, names in networks.choices(kind).items()}


def show() -> None:
    """Choose a role and a study; compare; the answers."""
    st.markdown(text("app.evidence.compare_lead"))
    found = roles()
    if not found:
        st.info(text("app.evidence.nothing_to_compare"), icon=":material/info:")
        return
    left, right = st.columns(2)
    with left:
        kind, role = _role(found)
    with right:
        case = _case(kind)
    names = found[(kind, role)]
    titles = tuple(_title(name) for name in names)
    asked: Asked | None = st.session_state.get(_key(kind))
    if st.button(text("app.evidence.compare"), type="primary", icon=":material/compare:", key="evidence_compare"):
        asked = _ask(kind, role, case, names)
    if asked is None or (asked.role, asked.case) != (role, case) or not _still(kind, asked):
        st.caption(text("app.evidence.will_compare", names=titles))
        return
    _answers(asked)


def _key(kind: session.Kind) -> str:
    """Begins with the kind, so that it goes when the study of that kind is forgotten."""
    return f"{kind}_compared"


def _still(kind: session.Kind, asked: Asked) -> bool:
    """Whether a comparison of the held study is of the one held now."""
    held = session.held(kind)
    return asked.case != HELD or (held is not None and held.study.uid == asked.uid)


def _title(name: str) -> str:
    return str(cards.metadata().get(name, {}).get("title", name))


def _role(found: dict[tuple[session.Kind, str], tuple[str, ...]]) -> tuple[session.Kind, str]:
    names = {f"{kind} {role}": (kind, role) for kind, role in found}
    key = choices.start("evidence_role", next(iter(names)), list(names))
    st.selectbox(text("app.evidence.which_role"), list(names), format_func=lambda name: _spoken(*names[name]), key=key)
    return names[choices.keep(key)]


def _spoken(kind: session.Kind, role: str) -> str:
    return text("app.evidence.role_of", page=text(f"modality.{kind}.title"), role=text(f"app.role.{role}"))


def _case(kind: session.Kind) -> str:
    held, shipped = session.held(kind), {case.name: case for case in SAMPLES[kind].shipped()}
    names = [*((HELD,) if held is not None and held.study.modality else ()), *shipped]

    def spoken(name: str) -> str:
        if name == HELD and held is not None:
            return text("app.evidence.case_held", name=held.name)
        return text("app.evidence.case_built_in", name=shipped[name].title)

    key = choices.start(f"evidence_case_{kind}", names[0], names)
    st.selectbox(text("app.evidence.which_case"), names, format_func=spoken, key=key)
    return str(choices.keep(key))


# --- asking ------------------------------------------------------------------------------------------------------
def _ask(kind: session.Kind, role: str, case: str, names: Sequence[str]) -> Asked | None:
    """Let each network in turn do it, as an analysis of its own: turns and time limit are those of every page."""
    bar = st.progress(0.0, text("app.starting"))
    with shell.guard():
        study, answers = _study(kind, case), []
        for k, name in enumerate(names):

            def advance(share: float, what: Finding, k: int = k, name: str = name) -> None:
                said = note("app.evidence.at_work", name=_title(name), what=what)
                results.advance(bar, (k + share) / len(names), said)

            seen, report = work.analyse_best(modality.Opened(study), advance, {role: name})
            drawn = modality.picture(seen, report) if report.suitability.suitable else None
            answers.append(Answer(name, report, drawn))
        asked = Asked(role, case, study.uid, tuple(answers))
        st.session_state[_key(kind)] = asked
        bar.empty()
        return asked
    bar.empty()
    return None


def _study(kind: session.Kind, case: str) -> Study:
    held = session.held(kind)
    if case == HELD and held is not None:
        return held.study
    sample = SAMPLES[kind].named(case)
    assert sample is not None, "the choice is among those that are shipped"
    return work.read(sample.path.name, sample.path.read_bytes(), kind)


# --- showing -----------------------------------------------------------------------------------------------------
def _answers(asked: Asked) -> None:
    st.header(text("app.evidence.agreement"), anchor=False)
    first, *others = asked.answers
    for other in others:
        st.markdown("\n".join(f"- {plain(say(line))}" for line in agreement(first, other)))
    st.html(table(entry("app.evidence.compare_head"), [_row(answer) for answer in asked.answers]))
    st.caption(text("app.evidence.seconds_note"))
    with st.container(key="compared"):
        for k in range(0, len(asked.answers), ACROSS):
            row = asked.answers[k : k + ACROSS]
            for column, answer in zip(st.columns(max(2, len(row))), row, strict=False):
                with column, st.container(border=True):
                    _picture(answer)


def _picture(answer: Answer) -> None:
    title = _title(answer.network)
    st.subheader(title, anchor=False)
    if answer.picture is not None:
        st.image(answer.picture, width="stretch", alt=text("app.evidence.picture_alt", name=title))
    for reason in answer.report.suitability.reasons:
        st.caption(plain(say(reason)))


def _row(answer: Answer) -> list[str]:
    says, report = answer.says(), answer.report
    ends = says.interval if says else None
    levels = named(report)
    return [
        html.escape(_title(answer.network)),
        html.escape(say(headline(says))) if says else "–",
        signed(says.t_score if says else None),
        text("app.interval", low=ends[0], high=ends[1]) if ends else "–",
        html.escape(text("app.evidence.levels", levels=tuple(levels))) if levels else "–",
        text("word.yes" if report.levels_certain else "word.no") if levels else "–",
        f"{report.seconds:.1f}",
    ]


def named(report: Report) -> dict[str, Vertebra]:
    """Bodies by their level, those that have one."""
    return {body.level: body for body in report.vertebrae if body.level is not None}


def agreement(one: Answer, other: Answer) -> list[Finding]:
    """Where two networks agree and differ: bodies and their names, how far outlines overlap, T-score, category."""
    pair = {"one": _title(one.network), "other": _title(other.network)}
    for answer in (one, other):
        if not answer.report.suitability.suitable:
            return [note("app.evidence.refused_by", name=_title(answer.network))]
    found = _bodies(named(one.report), named(other.report), pair)
    a, b = one.says(), other.says()
    if a is None or b is None:
        return [*found, note("app.evidence.no_answer", **pair)]
    if a.t_score is not None and b.t_score is not None:
        found.append(note("app.evidence.t_apart", gap=abs(a.t_score - b.t_score), **pair))
    first, second = headline(a), headline(b)
    code = "app.evidence.same_answer" if first == second else "app.evidence.other_answer"
    return [*found, note(code, first=first, second=second, **pair)]


def _bodies(one: dict[str, Vertebra], other: dict[str, Vertebra], pair: dict[str, str]) -> list[Finding]:
    if not one or not other:
        return []
    both = [level for level in one if level in other]
    found = []
    if both:
        overlaps = [box_iou(_box(one[level]), _box(other[level])).item() for level in both]
        found.append(note("app.evidence.bodies_both", levels=tuple(both), share=float(np.mean(overlaps)), **pair))
    for name, levels in ((pair["one"], one.keys() - other.keys()), (pair["other"], other.keys() - one.keys())):
        if levels:
            found.append(note("app.evidence.bodies_one", name=name, levels=tuple(sorted(levels))))
    return found


def _box(body: Vertebra) -> np.ndarray:
    return np.array([body.box_px], float)
