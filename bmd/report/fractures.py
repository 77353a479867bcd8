"""Which bodies of a report are said to be possibly fractured: the same in the card, on the picture and in the tests."""

from __future__ import annotations

from bmd.findings import Finding
from bmd.types import Report

OF_FILMS = ("film.low_front", "film.low_middle", "film.low_body")
OF_CT = ("ct.wedged", "ct.crushed")


def fractures(report: Report) -> tuple[Finding, ...]:
    """The warnings of a report that speak of a possible fracture."""
    return tuple(warning for warning in report.warnings if _speaks(warning))


def fractured_levels(report: Report) -> tuple[str, ...]:
    """Levels of these; without those of a CT that have no name."""
    named = (warning.values.get("level", warning.values.get("name")) for warning in fractures(report))
    return tuple(name for name in named if isinstance(name, str))


def _speaks(warning: Finding) -> bool:
    reason = warning.values.get("reason")
    return warning.code in OF_FILMS or (isinstance(reason, Finding) and reason.code in OF_CT)
