"""What to do with an input that belongs on another page: say so, and carry it there."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from bmd import modality
from bmd.app import session
from bmd.findings import Finding, note, refusal
from bmd.readers.dxa import as_dxa
from bmd.text import text
from bmd.types import Report, Study, Suitability

BY_CODE = {"film.is_dxa": "dxa", "dxa.is_film": "film"}
"""Where a refused picture opens, by the code of the reason."""
BY_LOOK = {"view.kind.dxa": "dxa", "view.kind.scan": "dxa", "view.kind.lateral_lumbar": "film"}
"""Where it opens, by what it seems to be."""


def misplaced(held: session.Held) -> Report | None:
    """A refusal of a study whose file says that it is of another page's kind; None of one that is not."""
    row = modality.by_kind(held.kind)
    if held.study.modality in (None, row.holds) or held.kind != "film":
        return None
    code = "film.is_dxa" if held.study.modality == "dxa" else "film.other_kind"
    reason = refusal(code) if code in BY_CODE else refusal(code, kind=str(held.study.modality).upper())
    return Report(held.name, row.holds, Suitability(False, (reason,)), patient=held.study.patient)


def belongs(held: session.Held) -> session.Kind | None:
    """The kind that a refused picture seems to be of; None where no other page can read it."""
    reasons = held.report.suitability.reasons if held.report is not None else ()
    for reason in reasons:
        kind = _told(reason)
        if kind is not None and kind != held.kind:
            return kind
    return "dxa" if reasons and held.kind == "film" and is_report(held.study) else None


def _told(reason: Finding) -> session.Kind | None:
    """The kind that the words of a refusal name."""
    seems = reason.values.get("seems")
    return BY_CODE.get(reason.code, BY_LOOK.get(seems.code) if isinstance(seems, Finding) else None)


def is_report(study: Study) -> bool:
    """Whether a picture that is no film is a page of a densitometer's report; reading its letters takes a moment."""
    adopt = modality.by_kind("dxa").adopt
    return bool(study.images) and adopt is not None and adopt(study) is not None


def moved(study: Study, kind: session.Kind) -> Study:
    """The same pictures to be read as a film or as a DXA image."""
    if kind == "dxa":
        return as_dxa(study)
    images = (
        replace(image, modality="radiograph", view=image.view if image.view != "ap" else None) for image in study.images
    )
    return replace(study, images=tuple(images))


def offer(held: session.Held) -> None:
    """A button that opens a refused picture on the page it belongs to; nothing where there is none."""
    known = f"{held.kind}_elsewhere_{held.study.uid}"  # forgotten with the input
    if known not in st.session_state:
        st.session_state[known] = belongs(held)
    kind = st.session_state[known]
    if kind is None:
        return
    reasons = held.report.suitability.reasons if held.report is not None else ()
    if not any(_told(reason) for reason in reasons):
        st.info(text("app.report_page"), icon=":material/receipt_long:")
    row = modality.by_kind(kind)
    label = text("app.open_there", page=note(row.code("title")))
    if st.button(label, type="primary", icon=f":material/{row.icon}:", key=f"{held.kind}_elsewhere"):
        session.drop(held.kind)
        session.hold(session.own(kind, held.name, moved(held.study, kind)))
        st.switch_page(f"pages/{row.page}.py")
