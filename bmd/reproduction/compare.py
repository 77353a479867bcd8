"""Figures of an outcome with their intervals, and what sets two rows apart: whole people drawn, both rows alike."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from bmd.reproduction.plan import Claim, Figure, Outcome, Table
from bmd.reproduction.results import ClaimResult, Measured

REPEATS = 1000
TAIL = 2.5


def draws(people: NDArray[np.int64], repeats: int = REPEATS, seed: int = 0) -> list[NDArray[np.int64]]:
    """Rows of each bootstrap draw of whole people: vertebrae, slices and hips of one person are not independent."""
    _, group = np.unique(people, return_inverse=True)
    order = np.argsort(group, kind="stable")
    members = np.split(order, np.flatnonzero(np.diff(group[order])) + 1)
    rng = np.random.default_rng(seed)
    return [np.concatenate([members[i] for i in rng.integers(len(members), size=len(members))]) for _ in range(repeats)]


def measured(outcome: Outcome, figures: Mapping[str, Figure], repeats: int = REPEATS) -> dict[str, Measured]:
    """Every figure with its 95 % percentile interval over people."""
    spread: dict[str, list[float]] = {name: [] for name in figures}
    for pick in draws(outcome.people, repeats):
        drawn = {key: column[pick] for key, column in outcome.columns.items()}
        for name, figure in figures.items():
            spread[name].append(figure(drawn))
    found = {}
    for name, figure in figures.items():
        if math.isfinite(value := figure(outcome.columns)):
            low, high = np.nanpercentile(spread[name], [TAIL, 100 - TAIL])
            found[name] = Measured(_short(value), _short(float(low)), _short(float(high)))
    return found


def difference(better: Outcome, than: Outcome, figure: Figure, repeats: int = REPEATS) -> tuple[float, ...]:
    """What one outcome has over another of the same items: difference, its interval, and p of no difference.

    Raises
    ------
    ValueError
        The outcomes are not of the same people in the same order.
    """
    if not np.array_equal(better.people, than.people):
        raise ValueError("rows can be paired on the same test items only")
    value = figure(better.columns) - figure(than.columns)
    spread = []
    for pick in draws(better.people, repeats):
        one, other = ({key: c[pick] for key, c in outcome.columns.items()} for outcome in (better, than))
        spread.append(figure(one) - figure(other))
    told = np.array([d for d in spread if math.isfinite(d)])
    below, above = (float((side + 1) / (len(told) + 1)) for side in ((told <= 0).sum(), (told >= 0).sum()))
    low, high = np.percentile(told, [TAIL, 100 - TAIL])
    return value, float(low), float(high), min(1.0, 2 * min(below, above))


def claim_result(
    table: Table, claim: Claim, outcomes: dict[str, Outcome], repeats: int = REPEATS
) -> ClaimResult | None:
    """A claim on our outcomes; None where a row is missing. It is explained where its sign is not the paper's."""
    if claim.better not in outcomes or claim.than not in outcomes:
        return None
    figure = table.measure.figures[claim.figure]
    value, low, high, p = difference(outcomes[claim.better], outcomes[claim.than], figure, repeats)
    found = ClaimResult(claim.better, claim.than, claim.figure, _short(value), _short(low), _short(high), round(p, 4))
    beside = [table.beside(table.row(key)) for key in (claim.better, claim.than)]
    if all(row is not None and claim.figure in row.values for row in beside):
        one, other = (row.values[claim.figure] for row in beside if row is not None)
        found = replace(found, paper=_short(one - other))
        if low > 0 or high < 0:
            found = replace(found, agrees=(value > 0) == (one > other))
    other_way = found.paper is not None and value * found.paper < 0
    return replace(found, why=claim.why) if other_way else found


def _short(value: float) -> float:
    """Four figures after the point are more than any of these intervals resolves."""
    return round(float(value), 4)
