"""One network at a time, first come first served: reading, checks and geometry of others run beside it.

Two networks at once take longer on the same cores, and would be loaded twice. Who came first with a whole errand, such
as the analysis of one film, goes first with each of its networks, so that he waits for those before him and not for
those who came later. An engine takes the turn by itself; only who wants to know how long it takes, or to give up, says
so with ``errand``.
"""

from __future__ import annotations

import itertools
import threading
import time
from bisect import insort
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Protocol

TELL_EVERY_S = 0.5
"""How often one who waits is told how many are before him."""

_numbers = itertools.count(1)


class Told(Protocol):
    """Who is told how an errand gets on. What either method raises ends the errand: its place goes to the next."""

    def waits(self, before: int) -> None:
        """The turn is another's; so many errands that came earlier are not done yet."""

    def begins(self) -> None:
        """A network is about to run."""


class Untold:
    """Nobody wants to know."""

    def waits(self, before: int) -> None:
        """Nothing happens."""

    def begins(self) -> None:
        """Nothing happens."""


@dataclass(eq=False)
class Errand:
    """What one visitor wants done, and what it took so far.

    Attributes
    ----------
    told : Told
        Hears of it.
    number : int
        Errands are served in this order.
    calls : int
        Networks that ran for it.
    network_s, waited_s : float
        Seconds they ran, loading them included, and seconds they were waited for.
    earlier_s, later_s : float
        Of the seconds waited, those in which a network ran for an errand that came earlier, or later: one that runs is
        not interrupted.
    """

    told: Told = field(default_factory=Untold)
    number: int = field(default_factory=lambda: next(_numbers))
    calls: int = 0
    network_s: float = 0.0
    waited_s: float = 0.0
    earlier_s: float = 0.0
    later_s: float = 0.0


_now: ContextVar[Errand | None] = ContextVar("errand", default=None)


@dataclass(eq=False)
class _Place:
    """One network call in the queue."""

    errand: Errand
    since: float
    key: tuple[int, int]

    def __lt__(self, other: _Place) -> bool:
        return self.key < other.key


class Turn:
    """The right to run a network. It is passed on whatever happens to who holds it."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._queue: list[_Place] = []
        self._holder: _Place | None = None
        self._thread: int | None = None
        self._begun = 0.0
        self._open: set[int] = set()
        self._places = itertools.count()

    @contextmanager
    def errand(self, told: Told | None = None) -> Iterator[Errand]:
        """What this thread does inside is one errand with one place in the order."""
        mine = Errand(told or Untold())
        with self._changed:
            self._open.add(mine.number)
        token = _now.set(mine)
        try:
            yield mine
        finally:
            _now.reset(token)
            with self._changed:
                self._open.discard(mine.number)

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Wait for the turn and hold it; a thread that holds it already goes on at once."""
        if self._thread == threading.get_ident():
            yield
            return
        place = self._enter(_now.get() or Errand())
        try:
            place.errand.told.begins()
            yield
        finally:
            self._leave(place)

    def _enter(self, errand: Errand) -> _Place:
        place = _Place(errand, time.perf_counter(), (errand.number, next(self._places)))
        with self._changed:
            insort(self._queue, place)
        try:
            while not self._mine(place):
                errand.told.waits(self._before(errand))
        except BaseException:  # whoever gives up, or is stopped, leaves the queue
            with self._changed:
                self._queue.remove(place)
                self._changed.notify_all()
            raise
        return place

    def _mine(self, place: _Place) -> bool:
        """Whether the turn came within ``TELL_EVERY_S``; it is then held."""
        with self._changed:
            if not self._changed.wait_for(lambda: self._holder is None and self._queue[0] is place, TELL_EVERY_S):
                return False
            self._queue.pop(0)
            self._holder, self._thread, self._begun = place, threading.get_ident(), time.perf_counter()
            place.errand.waited_s += self._begun - place.since
            return True

    def _before(self, errand: Errand) -> int:
        """Errands that came earlier and are not done."""
        with self._changed:
            return sum(number < errand.number for number in self._open)

    def _leave(self, place: _Place) -> None:
        with self._changed:
            now = time.perf_counter()
            place.errand.calls += 1
            place.errand.network_s += now - self._begun
            for other in self._queue:
                shared = now - max(self._begun, other.since)
                if place.errand.number < other.errand.number:
                    other.errand.earlier_s += shared
                else:
                    other.errand.later_s += shared
            self._holder = self._thread = None
            self._changed.notify_all()


TURN = Turn()
"""That of this process."""
