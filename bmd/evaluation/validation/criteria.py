"""What would count as success, stated before anything is measured; the reasons are in docs/validation.md."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Verdict = Literal["met", "not_met", "undecided", "not_measured"]


@dataclass(frozen=True)
class Criterion:
    """One figure and the range it must lie in.

    Attributes
    ----------
    code : str
        Of its words, below "validation.criterion".
    place : tuple of str
        Where the figure stands in the results; its interval is beside it, with ``_low`` and ``_high``.
    low, high : float
        The range, ends included.
    bare : bool
        It has no interval and is judged as it is.
    """

    code: str
    place: tuple[str, ...]
    low: float = -math.inf
    high: float = math.inf
    bare: bool = False


CRITERIA = (
    Criterion("lateral_refused", ("films", "lateral", "share_refused"), high=0.10),
    Criterion("ap_refused", ("films", "ap", "share_refused"), low=0.95),
    Criterion("film_r", ("answers", "film", "all", "r"), low=0.45),
    Criterion("both_auc", ("answers", "both", "all", "auc_osteoporosis"), low=0.80),
    Criterion("gain", ("answers", "gains", "both_over_demographics", "osteoporosis", "difference"), low=0.0),
    Criterion("bias", ("answers", "both", "all", "bias"), low=-0.3, high=0.3),
    Criterion("coverage", ("answers", "both", "all", "coverage"), low=0.85, high=0.95),
    Criterion("calibration", ("answers", "both", "all", "ece_excess"), high=0.05, bare=True),
    Criterion("ct_r", ("ct", "r"), low=0.53),
    Criterion("ct_auc", ("ct", "auc_osteoporosis"), low=0.74),
)


def verdict(criterion: Criterion, results: Mapping[str, Any]) -> tuple[Verdict, dict[str, float]]:
    """Whether results meet a criterion, and the figure with its interval where it has one.

    Met or not met is said where the whole 95 % interval lies inside or outside; where it crosses an end, it is
    undecided, and so is a figure of so few that it has none: more patients would tell.
    """
    at: Any = results
    for key in criterion.place[:-1]:
        at = at.get(key, {}) if isinstance(at, Mapping) else {}
    name = criterion.place[-1]
    if name not in at:
        return "not_measured", {}
    value = float(at[name])
    low, high = float(at.get(f"{name}_low", value)), float(at.get(f"{name}_high", value))
    found = {"value": value} if criterion.bare else {"value": value, "low": low, "high": high}
    if not criterion.bare and f"{name}_low" not in at:
        return "undecided", {"value": value}
    if criterion.low <= low and high <= criterion.high:
        return "met", found
    outside = high < criterion.low or low > criterion.high
    return ("not_met" if outside else "undecided"), found


def judged(results: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Every criterion with its verdict, for JSON: ends that are not asked for are None."""
    rows: list[dict[str, Any]] = []
    for one in CRITERIA:
        said, found = verdict(one, results)
        ends = {name: end if math.isfinite(end) else None for name, end in (("from", one.low), ("to", one.high))}
        rows.append({"code": one.code, "verdict": said, **found, **ends})
    return rows
