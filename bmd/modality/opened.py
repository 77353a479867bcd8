"""An upload that may hold several studies: the best one first, the next one where it is refused, and what was tried."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol, TypeAlias

from bmd.errors import InputError
from bmd.findings import Finding, note, refusal
from bmd.types import Report, Study

MOST_TRIED = 5
"""Studies of one upload that are looked at before it is refused."""
MOST_SECONDS = 60.0
"""Once this time is over no further one is begun."""
MOST_NAMED = 4
"""Studies that were not looked at and are named."""
ANATOMY = frozenset({"ct.chest", "ct.head", "ct.neck", "ct.slender"})
"""Refusals for what part of the body is shown: another series of the same place would show it again."""


Progress: TypeAlias = Callable[[float, Finding], None]


class Place(Protocol):
    """Where in which patient a study lies."""

    def same(self, other: Any) -> bool:
        """Whether another study shows the same part of the same scan."""


class Candidate(Protocol):
    """One study that an upload holds; nothing of it is decoded yet."""

    @property
    def title(self) -> Finding:
        """What tells it from the others."""

    @property
    def place(self) -> Place | None:
        """Where in the patient it lies, None where that is not known."""

    def load(self, progress: Progress | None = None) -> Study:
        """Decode it; raises InputError."""


@dataclass(frozen=True, eq=False)
class Opened:
    """A study that was read, and those of the same upload that may be tried instead.

    Attributes
    ----------
    study : Study
        The one to analyse; its notes say which it is where there are others.
    title : Finding or None
        What tells it from the others; None where the upload holds one study.
    place : Place or None
        Where in the patient it lies.
    waiting : tuple of Candidate
        Not looked at yet, best first.
    refused : tuple of Finding
        What was tried and why it was not analysed.
    """

    study: Study
    title: Finding | None = None
    place: Place | None = None
    waiting: tuple[Candidate, ...] = ()
    refused: tuple[Finding, ...] = ()

    def analysed(self, analyse: Callable[[Study], Report]) -> tuple[Study, Report]:
        """Analyse the study; where it is refused, the next of the upload, and so on.

        Returns
        -------
        Study, Report
            The first that is suitable, with notes on which was chosen and why others were not; where none is, the
            first with its reasons, followed by those of the others.
        """
        begun = time.monotonic()
        first: Report | None = None
        also: tuple[Finding, ...] = ()
        now: Opened | None = self
        while now is not None:
            report = analyse(now.study)
            if report.suitability.suitable:
                return now.study, report
            first = first or report
            now, also = now._after(report.suitability.reasons, begun)
        assert first is not None
        return self.study, _with_reasons(first, also[len(self.refused) + 1 :])

    def _after(self, reasons: tuple[Finding, ...], begun: float) -> tuple[Opened | None, tuple[Finding, ...]]:
        """The next study to analyse, None where none is left or time is up; and all that was refused so far."""
        refused = (*self.refused, _not_used(self.title or note("read.ct.this"), reasons))
        waiting = self.waiting
        if ANATOMY & {reason.code for reason in reasons} and self.place is not None:
            waiting = tuple(one for one in waiting if one.place is None or not self.place.same(one.place))
        return _first(waiting, refused, begun, None)


def open_best(candidates: Sequence[Candidate], progress: Progress | None = None) -> Opened:
    """Read the best study of an upload that can be read.

    Parameters
    ----------
    candidates : sequence of Candidate
        Best first, at least one.
    progress : callable, optional
        Called with a share 0..1 and what is being done.

    Raises
    ------
    InputError
        None can be read; what is wrong with the best one.
    """
    if len(candidates) > 1:
        found, _ = _first(tuple(candidates), (), time.monotonic(), progress)
        if found is not None:
            return found
    return Opened(candidates[0].load(progress))  # the only one, or its error


def _first(
    waiting: tuple[Candidate, ...], refused: tuple[Finding, ...], begun: float, progress: Progress | None
) -> tuple[Opened | None, tuple[Finding, ...]]:
    """Read the first of those that wait and can be read."""
    while waiting and len(refused) < MOST_TRIED and time.monotonic() - begun < MOST_SECONDS:
        one, waiting = waiting[0], waiting[1:]
        try:
            study = one.load(progress)
        except InputError as error:
            refused = (*refused, _not_used(one.title, (error.finding,)))
            continue
        notes = [note("read.ct.chosen", title=one.title), *(replace(said, severity="note") for said in refused)]
        if waiting:
            others = tuple(other.title for other in waiting[:MOST_NAMED])
            notes.append(note("read.ct.others", count=len(waiting), others=others))
        study = replace(study, notes=(*study.notes, *notes))
        return Opened(study, one.title, one.place, waiting, refused), refused
    return None, refused


def _not_used(title: Finding, reasons: tuple[Finding, ...]) -> Finding:
    return refusal("read.ct.not_used", title=title, reasons=reasons)


def _with_reasons(report: Report, also: tuple[Finding, ...]) -> Report:
    verdict = report.suitability
    return replace(report, suitability=replace(verdict, reasons=(*verdict.reasons, *also)))
