"""What one visitor's session holds: one input of each kind and what was found in it, in memory only, until purged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import streamlit as st

from bmd import modality
from bmd.app import forget
from bmd.inference.dxa import without
from bmd.types import Demographics, Explanation, Report, Study

Kind = str
"""Key of a row of `bmd.modality`."""
KINDS: tuple[Kind, ...] = modality.kinds()
"""Kinds of input, in the order of the navigation."""


@dataclass(frozen=True)
class Problem:
    """Something to tell the visitor, in markdown. ``ours`` is True when it is a fault of the product."""

    message: str
    ours: bool = False


@dataclass(frozen=True, eq=False)
class Held:
    """The film, CT, DXA image or form being looked at.

    ``name`` is what the visitor called the file; it is shown to them and never logged. ``sample`` is the name of a
    built-in case, or None. ``report`` is None until the study has been analysed; ``maps`` is None until heat maps
    were asked for. ``problem`` says why the analysis stopped, so that it is not started again on each redraw.
    ``models`` names the networks that were chosen instead of their role's default.
    ``waiting`` is the study with the others of its upload, tried where it is refused; None once it was analysed.
    ``packed`` is the picture as the viewer sends it to the browser. Nothing of all this is kept in a cache of the
    process, which would outlive the session.
    """

    name: str
    study: Study
    kind: Kind = "film"
    sample: str | None = None
    report: Report | None = None
    maps: tuple[Explanation, ...] | None = None
    show_maps: bool = False
    problem: Problem | None = None
    packed: bytes | None = None
    models: Mapping[str, str] = field(default_factory=dict)
    waiting: modality.Opened | None = None
    left_out: tuple[str, ...] = ()
    """DXA: levels that the reader left out of the measured result."""

    @property
    def held_mb(self) -> float:
        """Megabytes of pixels held for this input."""
        return (self.study.nbytes + len(self.packed or b"")) / 1e6


def held(kind: Kind) -> Held | None:
    """Input of this kind, or None."""
    return st.session_state.get(kind)


def film() -> Held | None:
    """Film of this session, or None."""
    return held("film")


def hold(new: Held) -> None:
    """Hold this input instead of the last one of its kind, whose memory is released; so are the bytes of uploads."""
    st.session_state[new.kind] = new
    forget.uploads()


def update(kind: Kind = "film", **changes: object) -> None:
    """Replace fields of the held input; nothing happens when there is none."""
    now = held(kind)
    if now is not None:
        st.session_state[kind] = replace(now, **changes)  # type: ignore[arg-type]


def set_patient(patient: Demographics, kind: Kind = "film") -> None:
    """Use these demographics for the held input; its result is dropped, since it no longer belongs to them."""
    now = held(kind)
    if now is not None:
        update(kind, study=replace(now.study, patient=patient), report=None, maps=None, problem=None)


def set_network(kind: Kind, role: str, name: str) -> None:
    """Let this network take the role for the held input; its result is dropped, since another one gave it."""
    now = held(kind)
    if now is not None:
        update(kind, models={**now.models, role: name}, report=None, maps=None, problem=None)


def drop_report(kind: Kind) -> None:
    """Forget the result of this kind, not its input."""
    update(kind, report=None, maps=None, problem=None)


def keep(kind: Kind, report: Report, name: str = "") -> None:
    """Keep the last result of this kind for the page "Together"; what is held but its result stays as it is."""
    now = held(kind) or Held(name, Study("", (), report.patient, "form"), kind)
    if now.study.modality is None:
        now = replace(now, study=replace(now.study, patient=report.patient))
    st.session_state[kind] = replace(now, name=name or now.name, report=report, problem=None)


def results() -> dict[Kind, Report]:
    """Result of every kind of input that has been analysed or refused, in the order of ``KINDS``.

    Without what the reader left out of it.
    """
    found = {kind: now for kind in KINDS if (now := held(kind)) is not None}
    return {kind: without(now.report, now.left_out) for kind, now in found.items() if now.report is not None}


def holdings() -> list[Held]:
    """Everything held that says anything; an empty form does not."""
    found = [now for kind in KINDS if (now := held(kind)) is not None]
    return [now for now in found if now.study.modality or now.report or now.study.patient != Demographics()]


def patients() -> dict[Kind, Demographics]:
    """What is known of the patient on each page that holds something and knows anything."""
    found = {kind: now.study.patient for kind in KINDS if (now := held(kind)) is not None}
    return {kind: patient for kind, patient in found.items() if patient != Demographics()}


def drop(kind: Kind) -> None:
    """Forget the input of this kind with its result and its fields."""
    for key in [str(key) for key in st.session_state]:
        if key == kind or key.startswith(f"{kind}_"):
            del st.session_state[key]


def purge() -> None:
    """Forget everything this session holds, inputs included."""
    for key in [str(key) for key in st.session_state]:
        if not key.startswith("_shell"):
            del st.session_state[key]
    forget.uploads()
