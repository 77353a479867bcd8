"""Heat maps that say where a result comes from, each with the numbers that say how far to trust it."""

from __future__ import annotations

from bmd.types import Explanation, Report, Study

__all__ = ["explain"]


def explain(study: Study, report: Report, levels: tuple[str, ...] | None = None) -> tuple[Explanation, ...]:
    """Heat maps for the measured vertebrae of a report; see ``maps.explain``. Imports torch when first called."""
    from bmd.explanation.maps import explain as run

    return run(study, report, levels)
