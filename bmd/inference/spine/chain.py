"""Step 2, chain: which of the proposed bodies form one spine, an ordered chain with gaps and without names.

Bodies are found more reliably than they are named, so the chain is built from places and evidence alone. A second-order
dynamic programme joins them from the lowest upwards. It pays for every body, and charges for sudden changes of spacing,
for turns and for bodies that must have been missed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from bmd.inference.spine.maps import Points
from bmd.inference.spine.propose import Proposals
from bmd.inference.spine.terms import ChainTerms


@dataclass(frozen=True, eq=False)
class Chain:
    """An ordered run of n proposed bodies, lowest first.

    Attributes
    ----------
    found : Proposals
        What it was made of.
    rows : ndarray
        int (n,) which of them.
    slots : ndarray
        int (n,) position in the column counted up from the lowest, 0 first; jumps where a body was missed.
    value : float
        What the dynamic programme made of it; higher is better.
    others : int
        Bodies of another chain well beside it.
    """

    found: Proposals
    rows: NDArray[np.int64]
    slots: NDArray[np.int64]
    value: float
    others: int = 0

    @cached_property
    def points(self) -> Points:
        """Centres (n, 2), frame pixels."""
        return self.found.points[self.rows]

    @property
    def scores(self) -> NDArray[np.float64]:
        """Evidence (n,) that there is a body, 0..1."""
        return self.found.scores[self.rows]

    @property
    def levels(self) -> NDArray[np.float64]:
        """Evidence (n, 9) that it is each of ``LEVELS``, 0..1."""
        return self.found.levels[self.rows]

    def part(self, keep: slice | NDArray[np.bool_]) -> Chain:
        """Only some of the bodies, the lowest of them in slot 0."""
        slots = self.slots[keep]
        return replace(self, rows=self.rows[keep], slots=slots - slots[:1].sum())

    def unit(self, at: int = 0) -> float:
        """Spacing of neighbouring centres near the ``at``-th body of the chain, frame pixels; NaN for one body."""
        steps = np.linalg.norm(np.diff(self.points, axis=0), axis=1) / np.diff(self.slots)
        if not len(steps):
            return float("nan")
        near = np.exp(-np.abs(np.arange(len(steps)) + 0.5 - at))
        return float((steps * near).sum() / near.sum())

    def place(self, slot: float) -> Points:
        """Where the body of a slot is, seen or not: linear between bodies, along the last bend outside, (2,)."""
        between: Points = self.points[0]
        if len(self.points) < 2:
            return between
        if slot < self.slots[0]:
            return self._beyond(0, 1, slot)
        if slot > self.slots[-1]:
            return self._beyond(-1, -2, slot)
        between = np.array([np.interp(slot, self.slots, self.points[:, k]) for k in (0, 1)])
        return between

    def _beyond(self, end: int, before: int, slot: float) -> Points:
        step = (self.points[end] - self.points[before]) / abs(int(self.slots[end] - self.slots[before]))
        beyond: Points = self.points[end] + step * abs(slot - self.slots[end])
        return beyond


def join(found: Proposals, terms: ChainTerms) -> Chain | None:
    """The best chain through some of the proposals, or None when there is none.

    Parameters
    ----------
    found : Proposals
        Places where a body may be.
    terms : ChainTerms
        Numbers.
    """
    chain = _best(found, np.arange(len(found.points)), terms)
    if chain is None or len(chain.points) < 2:
        return chain
    unit = chain.unit(len(chain.points) // 2)
    gaps = np.linalg.norm(found.points[:, None] - chain.points[None], axis=2).min(1)
    other = _best(found, np.nonzero(gaps > terms.beside * unit)[0], terms)
    bodies = 0 if other is None else len(other.points)
    return replace(chain, others=bodies if bodies >= terms.beside_bodies else 0)


def _best(found: Proposals, rows: NDArray[np.int64], terms: ChainTerms) -> Chain | None:
    """The best chain through the proposals of some rows."""
    if not len(rows):
        return None
    points, gain = found.points[rows], found.scores[rows] - terms.node
    spacing = found.spacing
    edges = _edges(points, spacing, terms)
    if not edges:
        return Chain(found, rows[:1], np.zeros(1, np.int64), float(gain[0]))
    value, previous = _solve(edges, gain, terms)
    last = int(np.argmax(value))
    path = [last]
    while previous[path[-1]] >= 0:
        path.append(int(previous[path[-1]]))
    path.reverse()
    index = [edges[path[0]].low] + [edges[e].high for e in path]
    slots = np.concatenate([[0], np.cumsum([edges[e].steps for e in path])]).astype(np.int64)
    return Chain(found, rows[index], slots, float(value[last]))


@dataclass(frozen=True)
class _Edge:
    low: int
    high: int
    steps: int
    log_unit: float
    angle: float


def _edges(points: Points, spacing: float, terms: ChainTerms) -> list[_Edge]:
    """Every step upwards from one place to another, as 1 to ``longest`` vertebrae, lowest first."""
    edges = []
    for i, low in enumerate(points):
        for j, high in enumerate(points):
            dx, dy = high - low
            if dy >= 0:
                continue
            for steps in range(1, terms.longest + 1):
                unit = float(np.hypot(dx, dy)) / steps
                if unit < terms.most_step * spacing:
                    edges.append(_Edge(i, j, steps, float(np.log(unit)), float(np.degrees(np.arctan2(dx, -dy)))))
    return sorted(edges, key=lambda e: (-points[e.low, 1], e.low, e.high, e.steps))


def _solve(
    edges: list[_Edge], gain: NDArray[np.float64], terms: ChainTerms
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Best value of a chain ending with each edge, and the edge before it (-1 for none)."""
    starts: dict[int, list[int]] = {}
    for e, edge in enumerate(edges):
        starts.setdefault(edge.low, []).append(e)
    value = np.array([gain[e.low] + gain[e.high] - terms.gap * (e.steps - 1) for e in edges])
    previous = np.full(len(edges), -1)
    for e, edge in enumerate(edges):  # sorted from the bottom up, so every predecessor is final
        for f in starts.get(edge.high, ()):
            after = edges[f]
            spacing = (after.log_unit - edge.log_unit) / terms.spacing_sd
            turn = (after.angle - edge.angle) / terms.turn_sd
            cost = 0.5 * (spacing**2 + turn**2) + terms.gap * (after.steps - 1)
            new = value[e] + gain[after.high] - cost
            if new > value[f]:
                value[f], previous[f] = new, e
    return value, previous
