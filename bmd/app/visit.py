"""One visitor's errand: its progress bar, what is said while others are served first, and when it is given up."""

from __future__ import annotations

import os
import time
from collections.abc import Callable

from bmd.errors import OptionError, TooLongError
from bmd.findings import Finding, note

LIMIT = "OSTEOLENS_TIME_LIMIT_S"
"""Environment variable: seconds after which an analysis, or the making of heat maps, is given up."""
LIMIT_S = 180.0
"""Without it. The largest permitted film takes two seconds and a CT of 300 slices some twenty on two cores: this leaves
room for twenty visitors at once, and nobody looks at a progress bar for longer."""

Progress = Callable[[float, Finding], None]


def limit_s() -> float:
    """Seconds after which an errand is given up; raises OptionError where the variable is no number above 0."""
    given = os.environ.get(LIMIT)
    try:
        seconds = LIMIT_S if given is None else float(given)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < float("inf"):
        raise OptionError("app.time_limit", variable=LIMIT, given=str(given))
    return seconds


class Visit:
    """Told of an errand by the library and by the turn (`models._turn.Told`); tells the page.

    Nothing is killed: time is looked at, and the page's script may be stopped, at each step, before each network, and
    twice a second while waiting.

    Parameters
    ----------
    progress : callable
        Called with a share 0..1, never falling, and what is being done, or that others come first.
    """

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._begun = time.monotonic()
        self._limit_s = limit_s()
        self._share, self._what = 0.0, note("app.starting")
        self._waited_s = 0.0
        self._waiting_since: float | None = None

    def step(self, share: float, what: Finding) -> None:
        """The next step of the work; where a second study is tried the bar stays where it was."""
        self._share, self._what = max(self._share, share), what
        self._say(what)

    def waits(self, before: int) -> None:
        """Others come first; the bar stays where it is."""
        if self._waiting_since is None:
            self._waiting_since = time.monotonic()
        self._say(note("app.waiting_behind", count=before) if before else note("app.waiting"))

    def begins(self) -> None:
        """A network is about to run: the words are again those of the work."""
        if self._waiting_since is not None:
            self._waited_s += time.monotonic() - self._waiting_since
            self._waiting_since = None
        self._say(self._what)

    def _say(self, what: Finding) -> None:
        self._check()
        self._progress(self._share, what)

    def _check(self) -> None:
        """Raise TooLongError where the time is over; the words depend on what most of it went into."""
        now = time.monotonic()
        if now - self._begun <= self._limit_s:
            return
        waited = self._waited_s + (now - self._waiting_since if self._waiting_since is not None else 0.0)
        why = "app.too_busy" if waited > (now - self._begun) / 2 else "app.too_long"
        raise TooLongError(why, limit_s=self._limit_s)
