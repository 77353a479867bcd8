"""What one visitor's session holds: one film and what was found in it, in memory only, until purged."""

from __future__ import annotations

from dataclasses import dataclass, replace

import streamlit as st

from bmd.types import Demographics, Explanation, Report, Study

_FILM = "film"


@dataclass(frozen=True)
class Problem:
    """Something to tell the visitor, in markdown. ``ours`` is True when it is a fault of the product."""

    message: str
    ours: bool = False


@dataclass(frozen=True, eq=False)
class Film:
    """The film being looked at.

    ``name`` is what the visitor called the file; it is shown to them and never logged. ``sample`` is the name of a
    built-in case, or None. ``report`` is None until the film has been analysed; ``maps`` is None until heat maps
    were asked for. ``problem`` says why the analysis stopped, so that it is not started again on each redraw.
    """

    name: str
    study: Study
    sample: str | None = None
    report: Report | None = None
    maps: tuple[Explanation, ...] | None = None
    show_maps: bool = False
    problem: Problem | None = None

    @property
    def held_mb(self) -> float:
        """Megabytes of pixels held for this film."""
        return sum(image.pixels.nbytes for image in self.study.images) / 1e6


def film() -> Film | None:
    """Film of this session, or None."""
    return st.session_state.get(_FILM)


def hold(new: Film) -> None:
    """Hold this film instead of the last one."""
    st.session_state[_FILM] = new


def update(**changes: object) -> None:
    """Replace fields of the held film; nothing happens when there is none."""
    held = film()
    if held is not None:
        hold(replace(held, **changes))  # type: ignore[arg-type]


def set_patient(patient: Demographics) -> None:
    """Use these demographics for the held film; its result is dropped, since it no longer belongs to them."""
    held = film()
    if held is not None:
        hold(replace(held, study=replace(held.study, patient=patient), report=None, maps=None, problem=None))


def purge() -> None:
    """Forget everything this session holds, inputs included."""
    for key in [str(key) for key in st.session_state]:
        if not key.startswith("_shell"):
            del st.session_state[key]
