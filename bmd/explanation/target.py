"""What a heat map explains, and its sign: fixed here and nowhere else.

A heat map without an explicit target explains whatever output comes first; for a density that would be *high*
density. Every target is a function of one row of a network's output whose increase is what is shown.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bmd.errors import OptionError
from bmd.findings import Finding, note
from bmd.reference import CATEGORIES

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Target:
    """What is shown (``what``, for people) and how it is read from one row of the output."""

    what: Finding
    column: int
    sign: float = 1.0

    def __call__(self, row: Tensor) -> Tensor:
        """Value whose gradient makes the map; ``row`` is (columns,)."""
        return self.sign * row[self.column]


def category_target(category: str) -> Target:
    """Evidence for one of ``reference.CATEGORIES``, from a row of their logits."""
    if category not in CATEGORIES:
        raise OptionError("heat.unknown_category", category=category, known=CATEGORIES)
    return Target(note("heat.evidence", category=note(f"category.{category}")), CATEGORIES.index(category))
