"""What a heat map explains, and its sign: fixed here and nowhere else.

A heat map without an explicit target explains whatever output comes first; for a T-score that would be *high*
density. Every target here is a function of one row of the network's combined output whose increase is what is shown.
"""

from __future__ import annotations

from dataclasses import dataclass

from bmd.errors import OptionError
from bmd.reference import CATEGORIES

COLUMNS = (*CATEGORIES, "t_score")
"""Columns of the combined output that targets read."""


@dataclass(frozen=True)
class Target:
    """What is shown (``text``, for people) and how it is read from one row of the combined output."""

    text: str
    column: int
    sign: float

    def __call__(self, row):  # type: ignore[no-untyped-def]
        """Value whose gradient makes the map; ``row`` is a tensor (4,) ordered as ``COLUMNS``."""
        return self.sign * row[self.column]


def category_target(category: str) -> Target:
    """Evidence for one of ``reference.CATEGORIES``."""
    if category not in CATEGORIES:
        raise OptionError("Unknown category", category, "Choose one of: " + ", ".join(CATEGORIES))
    return Target(f"evidence for {category}", COLUMNS.index(category), 1.0)


def low_density_target() -> Target:
    """Evidence for low bone density: a *low* T-score, so the sign is turned."""
    return Target("evidence for a low T-score", COLUMNS.index("t_score"), -1.0)
