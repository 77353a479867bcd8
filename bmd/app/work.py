"""The calls from the app into the library. Heavy parts are imported inside, after the first screen is drawn."""

from __future__ import annotations

from collections.abc import Callable

from bmd.types import Explanation, Report, Study

Progress = Callable[[float, str], None]


def read(name: str, data: bytes) -> Study:
    """Study from the bytes of an upload; raises ``InputError`` or ``LimitError``."""
    from bmd.data import read_study

    return read_study(name, data)


def analyse(study: Study, progress: Progress) -> Report:
    """Report on the study; ``progress`` is called with a share in 0..1 and what is being done."""
    from bmd.inference import analyse as run

    return run(study, progress=progress)


def explain(study: Study, report: Report) -> tuple[Explanation, ...]:
    """Heat map of every measured vertebra."""
    from bmd.explanation import explain as run

    return run(study, report)
