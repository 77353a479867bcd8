"""What one visitor's session holds: one input of each kind and what was found in it, in memory only, until purged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import streamlit as st

from bmd import modality
from bmd.app import address, forget
from bmd.inference.dxa import without
from bmd.types import Demographics, Explanation, Report, Study

Kind = str
"""Key of a row of `bmd.modality`."""
KINDS: tuple[Kind, ...] = modality.kinds()
"""Kinds of input, in the order of the navigation."""
MOST_ASIDE_MB = 256
"""Pictures of one kind that may wait beside the one that is shown: eight of 2,500 x 3,000 pixels."""
_CLOSED, _ASIDE, _COUNTS = "closed", "aside", "counts"


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
    number: int = 1
    """Of a file of the visitor's own, in the order in which they were opened."""

    @property
    def case(self) -> str:
        """How the address calls it: a built-in case by its name, a file by its number."""
        return self.sample or f"{address.OWN}-{self.number}"

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


def shown(kind: Kind) -> Held | None:
    """Input of this kind unless the visitor went back to the picker; it is held all the same."""
    return None if kind in st.session_state.get(_CLOSED, ()) else held(kind)


def close(kind: Kind) -> None:
    """Show the picker; what is held stays so."""
    st.session_state[_CLOSED] = {*st.session_state.get(_CLOSED, ()), kind}


def reopen(kind: Kind) -> None:
    """Show what is held."""
    st.session_state[_CLOSED] = {*st.session_state.get(_CLOSED, ())} - {kind}
    if (now := held(kind)) is not None:
        address.put(address.CASE, now.case)


def show(new: Held) -> None:
    """Hold this input and show it; the address names it. A picture of the visitor's own that was held is set aside."""
    before = held(new.kind)
    if before is not None and before.sample is None and before.number != new.number:
        set_aside(before)
    hold(new)
    reopen(new.kind)


# --- pictures set aside ------------------------------------------------------------------------------------------
def own(kind: Kind, name: str, study: Study) -> Held:
    """A file of the visitor's own under the next number."""
    counts = st.session_state.get(_COUNTS, {})
    number = counts.get(kind, 0) + 1
    st.session_state[_COUNTS] = {**counts, kind: number}
    return Held(name, study, kind, number=number)


def aside(kind: Kind) -> tuple[Held, ...]:
    """Pictures that are held beside the one that is shown, oldest first."""
    return tuple(st.session_state.get(_ASIDE, {}).get(kind, ()))


def set_aside(one: Held) -> bool:
    """Hold a picture beside the one that is shown; False where there is no room for it, or it is a volume."""
    others = tuple(other for other in aside(one.kind) if other.number != one.number)
    slim = replace(one, packed=None, maps=None, show_maps=False)
    if one.study.volume is not None or sum(other.held_mb for other in (*others, slim)) > MOST_ASIDE_MB:
        return False
    _set_aside(one.kind, (*others, slim))
    return True


def bring_back(kind: Kind, number: int) -> None:
    """Show the picture of this number, which was set aside; nothing happens when there is none."""
    found = next((other for other in aside(kind) if other.number == number), None)
    if found is not None:
        _set_aside(kind, tuple(other for other in aside(kind) if other is not found))
        show(found)


def _set_aside(kind: Kind, others: tuple[Held, ...]) -> None:
    in_order = tuple(sorted(others, key=lambda other: other.number))
    st.session_state[_ASIDE] = {**st.session_state.get(_ASIDE, {}), kind: in_order}


def another(kind: Kind) -> None:
    """Forget the input of this kind and show the picker."""
    drop(kind)
    address.put(address.CASE, None)


def hold(new: Held) -> None:
    """Hold this input instead of the last one of its kind, whose memory is released; so are the bytes of uploads."""
    st.session_state[new.kind] = new
    st.session_state[_CLOSED] = {*st.session_state.get(_CLOSED, ())} - {new.kind}
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
    found += [one for kind in KINDS for one in aside(kind)]
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
