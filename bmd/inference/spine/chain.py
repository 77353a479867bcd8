"""Which of the seen bodies form one spine: an ordered chain with gaps, without names.

Bodies are found more reliably than they are named, so the chain is built from the class-agnostic map and the
foreground of the masks alone. A second-order dynamic programme joins candidates from the lowest upwards. It pays for
every body, and charges for sudden changes of spacing, for sharp turns and for bodies that must have been missed.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from bmd.inference.spine.maps import ANY, S1, Maps, disc_values, peaks, rescale

MIN_PEAK = 0.08
MAX_CANDIDATES = 22
MAX_GAP = 3
"""Largest step of the chain, in vertebrae: up to two neighbours in a row may be missing."""
SPACING_SD = 0.22
"""Expected scatter of log(spacing ratio) between neighbours."""
SPACING_DRIFT = -0.04
"""Vertebrae get smaller upwards: expected log(spacing ratio)."""
TURN_SD = np.radians(22)
GAP_COST = 0.55
NODE_COST = 0.22
"""A candidate weaker than this makes a chain worse."""


@dataclass(frozen=True, eq=False)
class Chain:
    """An ordered run of bodies, lowest first.

    Attributes
    ----------
    points : ndarray
        (n, 2) centres, frame pixels.
    scores : ndarray
        (n,) evidence that there is a body, 0..1.
    slots : ndarray
        int (n,) position in the column counted up from the lowest, 0 first; jumps where a body was missed.
    value : float
        What the dynamic programme made of it; higher is better.
    left_out : float
        Score of a body at the lower end that was judged to be none.
    """

    points: NDArray
    scores: NDArray
    slots: NDArray
    value: float
    left_out: float = 0.0

    def without_lowest(self) -> Chain:
        """The chain without its lowest body, whose score is kept in ``left_out``."""
        slots = self.slots[1:] - self.slots[1]
        return Chain(self.points[1:], self.scores[1:], slots, self.value, float(self.scores[0]))

    def unit(self, at: int = 0) -> float:
        """Spacing of neighbouring centres near the ``at``-th body of the chain, frame pixels."""
        steps = np.linalg.norm(np.diff(self.points, axis=0), axis=1) / np.diff(self.slots)
        if not len(steps):
            return float("nan")
        near = np.exp(-np.abs(np.arange(len(steps)) + 0.5 - at))
        return float((steps * near).sum() / near.sum())

    def place(self, slot: float) -> NDArray:
        """Where the body of a slot is, seen or not: linear between bodies, along the last bend outside, (2,)."""
        if len(self.points) < 2:
            return self.points[0]
        if slot < self.slots[0]:
            return self._beyond(0, 1, slot)
        if slot > self.slots[-1]:
            return self._beyond(-1, -2, slot)
        return np.array([np.interp(slot, self.slots, self.points[:, k]) for k in (0, 1)])

    def _beyond(self, end: int, before: int, slot: float) -> NDArray:
        step = (self.points[end] - self.points[before]) / abs(int(self.slots[end] - self.slots[before]))
        return self.points[end] + step * abs(slot - self.slots[end])


def candidates(maps: Maps) -> NDArray:
    """Places where a body may be: peaks of the class-agnostic map and blobs of the masks.

    Returns
    -------
    ndarray
        (n, 3): x, y in frame pixels and evidence 0..1, strongest first.
    """
    heat = np.maximum(maps.centres[ANY], 0.8 * maps.centres[:S1].max(0))
    found = peaks(cv2.GaussianBlur(heat, (0, 0), 0.7), MIN_PEAK)
    if len(found):
        found[:, :2] = rescale(found[:, :2], maps.centres.shape[-1], maps.size)
    found = np.concatenate([found, _mask_blobs(maps, found)])
    body, unit = maps.body[None], maps.masks.shape[-1] / maps.size
    for row in found:
        cover = disc_values(body, maps.mask_xy(row[None, :2])[0], 6 * unit).mean()
        row[2] = 0.55 * row[2] + 0.45 * cover
    return found[np.argsort(-found[:, 2], kind="stable")][:MAX_CANDIDATES]


def _mask_blobs(maps: Maps, known: NDArray) -> NDArray:
    """Centroids of foreground components that hold no heat peak, as candidates (n, 3)."""
    count, label, stats, centroids = cv2.connectedComponentsWithStats((maps.body > 0.5).astype(np.uint8))
    side = maps.masks.shape[-1]
    taken = set()
    for x, y in np.round(maps.mask_xy(known[:, :2])).astype(int):
        taken.add(int(label[np.clip(y, 0, side - 1), np.clip(x, 0, side - 1)]))
    smallest = (side / 60) ** 2
    free = [k for k in range(1, count) if k not in taken and stats[k, cv2.CC_STAT_AREA] >= smallest]
    centres = rescale(centroids[free], side, maps.size).reshape(-1, 2)
    return np.column_stack([centres, np.full(len(free), 0.3)])


def best_chain(nodes: NDArray) -> Chain | None:
    """The best chain through some of the candidates, or None when there is no candidate.

    Parameters
    ----------
    nodes : ndarray
        (n, 3): x, y, evidence.
    """
    if not len(nodes):
        return None
    edges = _edges(nodes)
    if not edges:
        top = nodes[:1]
        return Chain(top[:, :2], top[:, 2], np.zeros(1, int), float(top[0, 2] - NODE_COST))
    gain = nodes[:, 2] - NODE_COST
    starts: dict[int, list[int]] = {}
    for e, edge in enumerate(edges):
        starts.setdefault(edge.low, []).append(e)
    value, previous = _solve(edges, starts, gain)
    last = int(np.argmax(value))
    path = [last]
    while previous[path[-1]] >= 0:
        path.append(int(previous[path[-1]]))
    path.reverse()
    index = [edges[path[0]].low] + [edges[e].high for e in path]
    slots = np.concatenate([[0], np.cumsum([edges[e].steps for e in path])])
    return Chain(nodes[index, :2], nodes[index, 2], slots.astype(int), float(value[last]))


@dataclass(frozen=True)
class _Edge:
    low: int
    high: int
    steps: int
    log_unit: float
    angle: float


def _edges(nodes: NDArray) -> list[_Edge]:
    """Every step upwards from one candidate to another, as 1..MAX_GAP vertebrae."""
    xy = nodes[:, :2]
    gaps = np.linalg.norm(xy[:, None] - xy[None], axis=2)
    np.fill_diagonal(gaps, np.inf)
    strong = nodes[:, 2] >= 0.5 * nodes[:, 2].max()
    typical = float(np.median(gaps[strong].min(1))) if strong.sum() > 1 else float(gaps.min())
    edges = []
    for i in range(len(nodes)):
        for j in range(len(nodes)):
            dx, dy = xy[j] - xy[i]
            length = float(gaps[i, j])
            if i == j or dy >= 0 or abs(dx) > 2.2 * -dy or not 0.4 * typical < length < 2.4 * MAX_GAP * typical:
                continue
            for steps in range(1, MAX_GAP + 1):
                unit = length / steps
                if 0.45 * typical < unit < 2.4 * typical:
                    edges.append(_Edge(i, j, steps, float(np.log(unit)), float(np.arctan2(dx, -dy))))
    return sorted(edges, key=lambda e: (-xy[e.low, 1], e.low, e.high, e.steps))


def _solve(edges: list[_Edge], starts: dict[int, list[int]], gain: NDArray) -> tuple[NDArray, NDArray]:
    """Best value of a chain ending with each edge, and the edge before it (-1 for none)."""
    value = np.array([gain[e.low] + gain[e.high] - GAP_COST * (e.steps - 1) for e in edges])
    previous = np.full(len(edges), -1)
    for e, edge in enumerate(edges):  # sorted from the bottom up, so every predecessor is final
        for f in starts.get(edge.high, ()):
            after = edges[f]
            spacing = (after.log_unit - edge.log_unit - SPACING_DRIFT) / SPACING_SD
            turn = (after.angle - edge.angle) / TURN_SD
            cost = 0.12 * (spacing**2 + turn**2) + GAP_COST * (after.steps - 1)
            new = value[e] + gain[after.high] - cost
            if new > value[f]:
                value[f], previous[f] = new, e
    return value, previous


def other_chain(nodes: NDArray, chain: Chain) -> Chain | None:
    """The best chain well beside the first one: another spine in the same picture, or None."""
    if len(chain.points) < 2:
        return None
    unit = chain.unit(len(chain.points) // 2)
    gaps = np.linalg.norm(nodes[:, None, :2] - chain.points[None], axis=2).min(1)
    beside = nodes[gaps > 2 * unit]
    found = best_chain(beside) if len(beside) >= 3 else None
    return found if found is not None and len(found.points) >= 3 else None
