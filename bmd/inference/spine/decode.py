"""The decoder: probability maps in, a named chain of vertebral bodies out. numpy only, no network, no film."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bmd.inference.spine.chain import Chain, best_chain, candidates, other_chain
from bmd.inference.spine.contour import corners, outlines
from bmd.inference.spine.maps import ANY, S1, Maps, disc_values
from bmd.inference.spine.naming import L5, Naming, bulge, name_chain
from bmd.reference import LEVELS

WEAK_BODY = 0.22
"""Mean foreground probability that is enough for a body where the chain says that there must be one."""


@dataclass(frozen=True, eq=False)
class Body:
    """One body in frame pixels; see ``types.Vertebra`` for the same in picture pixels.

    ``level`` is None for bodies above T10. ``cut`` is true where the outline reaches the edge of the picture.
    """

    level: str | None
    centre: NDArray
    outline: NDArray
    corners: NDArray
    score: float
    cut: bool


@dataclass(frozen=True, eq=False)
class Decoded:
    """What the maps mean.

    Attributes
    ----------
    bodies : tuple of Body
        Cranial to caudal, S1 not included.
    certain : bool
        The sacrum was seen where the names say it is.
    posterior : float
        Probability of the chosen naming among all possible ones.
    sacrum : float
        Evidence 0..1 for S1 in its place.
    evidence : float
        How much chain there is: sum of the scores of the bodies.
    facing : float
        +1 when anterior is to the right of the picture, -1 to the left; its size is the confidence.
    others : int
        Bodies of a second spine beside the first.
    doubt : float
        Mean entropy (nats) of the level on bone: how unsure the localiser is which vertebra is which.
    """

    bodies: tuple[Body, ...] = ()
    certain: bool = False
    posterior: float = 0.0
    sacrum: float = 0.0
    evidence: float = 0.0
    facing: float = 0.0
    others: int = 0
    doubt: float = 2.0


def decode(maps: Maps) -> Decoded:
    """Find and name the vertebral bodies of one film.

    Parameters
    ----------
    maps : Maps
        Probabilities on one frame.
    """
    nodes = candidates(maps)
    chain = best_chain(nodes)
    if chain is None:
        return Decoded()
    naming = name_chain(maps, chain)
    second = other_chain(nodes, chain)
    whole = complete(maps, naming.chain, naming)
    if whole is None:
        return Decoded()
    chain, levels = whole
    facing = anterior_side(chain, naming)
    bodies = _bodies(maps, chain, levels, facing)
    return Decoded(
        bodies=tuple(reversed(bodies)),
        certain=naming.certain,
        posterior=naming.posterior[naming.base],
        sacrum=naming.sacrum,
        evidence=float(sum(b.score for b in bodies)),
        facing=facing,
        others=0 if second is None else len(second.points),
        doubt=doubt(maps),
    )


def doubt(maps: Maps) -> float:
    """Mean entropy of the mask classes where there probably is a body, nats; 2 where there is none."""
    p = maps.masks[:, maps.body > 0.3]
    return float(-(p * np.log(p + 1e-6)).sum(0).mean()) if p.size else 2.0


def complete(maps: Maps, chain: Chain, naming: Naming) -> tuple[Chain, list[int]] | None:
    """Drop S1 from the chain and fill in bodies that the level names say are missing and the masks show weakly.

    Returns
    -------
    tuple of Chain and list of int, or None
        The chain of bodies and their level indices (negative above T10); None when only S1 was there.
    """
    base = naming.base
    rows = [
        (s, *xy, score) for s, xy, score in zip(chain.slots, chain.points, chain.scores, strict=True) if base - s <= L5
    ]
    known = {int(row[0]) for row in rows}
    if len(chain.points) >= 2:
        lowest = min(base - L5, int(chain.slots[0]))
        for slot in range(lowest, int(chain.slots[-1]) + 2):
            if slot not in known and 0 <= base - slot <= L5:
                weak = _weak_body(maps, chain, naming, slot)
                if weak is not None:
                    rows.append((slot, *weak))
    if not rows:
        return None
    table = np.array(sorted(rows), float)
    slots = table[:, 0].astype(int)
    levels = [base - int(s) for s in slots]
    return Chain(table[:, 1:3], table[:, 3], slots - slots[0], chain.value), levels


def _weak_body(maps: Maps, chain: Chain, naming: Naming, slot: int) -> tuple[float, float, float] | None:
    """The centre of mass of faint evidence around a slot, with its score, or None when there is too little."""
    guess, unit = chain.place(slot), chain.unit(0 if slot < 0 else int(np.searchsorted(chain.slots, slot)))
    if slot < 0 and naming.sacrum_xy is not None and naming.base == L5 + slot:
        guess = (chain.points[0] + naming.sacrum_xy) / 2
    level = naming.base - slot
    side, scale = maps.masks.shape[-1], maps.masks.shape[-1] / maps.size
    x, y = maps.mask_xy(guess[None])[0]
    if not (0 <= x < side and 0 <= y < side):
        return None
    ys, xs = np.mgrid[:side, :side]
    near = np.exp(-0.5 * ((xs - x) ** 2 + (ys - y) ** 2) / (0.3 * unit * scale) ** 2)
    mass = near * np.maximum(maps.body, maps.masks[level + 1])
    if mass.sum() < 0.12 * near.sum():
        return None
    centre = np.array([(xs * mass).sum(), (ys * mass).sum()]) / mass.sum()
    cover = disc_values(maps.body[None], centre, 0.25 * unit * scale).mean()
    frame = (centre + 0.5) / scale - 0.5
    if cover < WEAK_BODY or np.linalg.norm(chain.points - frame, axis=1).min() < 0.6 * unit:
        return None
    return float(frame[0]), float(frame[1]), float(0.45 * cover)


def anterior_side(chain: Chain, naming: Naming) -> float:
    """Which way the patient faces, from the lumbar lordosis and the backward turn of the sacrum.

    Returns
    -------
    float
        -1..1: positive when anterior is to the right of the picture.
    """
    points = chain.points
    if naming.sacrum_xy is not None:
        points = np.vstack([naming.sacrum_xy, points])
    return float(np.tanh(bulge(points) / 0.04))


def _bodies(maps: Maps, chain: Chain, levels: list[int], facing: float) -> list[Body]:
    """Outline, corners and score of every body that has an outline, lowest first."""
    found = []
    for k, line in enumerate(outlines(maps, chain)):
        if line is None:
            continue
        up = _up(chain, k)
        right = np.array([-up[1], up[0]])
        posterior = -right if facing >= 0 else right
        found.append(
            Body(
                level=LEVELS[levels[k]] if levels[k] >= 0 else None,
                centre=chain.points[k],
                outline=line,
                corners=corners(line, up, posterior),
                score=_score(maps, chain, k, levels[k]),
                cut=_cut(maps, line),
            )
        )
    return found


def _up(chain: Chain, k: int) -> NDArray:
    points = chain.points
    if len(points) < 2:
        return np.array([0.0, -1.0])
    step = points[min(len(points) - 1, k + 1)] - points[max(0, k - 1)]
    return step / np.linalg.norm(step)


def _score(maps: Maps, chain: Chain, k: int, level: int) -> float:
    """Confidence 0..1: half that a body is there, half that it is this one."""
    unit = chain.unit(k)
    radius = 0.3 * unit if np.isfinite(unit) else maps.size / 48
    point = chain.points[k][None]
    heat = disc_values(maps.centres, maps.centre_xy(point)[0], radius * maps.centres.shape[-1] / maps.size).max(1)
    mask = disc_values(maps.masks, maps.mask_xy(point)[0], radius * maps.masks.shape[-1] / maps.size).mean(1)
    there = 0.5 * max(heat[ANY], heat[:S1].max()) + 0.5 * mask[1 : S1 + 1].sum()
    named = 0.5 * heat[level] + 0.5 * mask[level + 1] if level >= 0 else 0.0
    return float(np.clip(0.6 * there + 0.4 * named, 0.01, 1))


def _cut(maps: Maps, outline: NDArray) -> bool:
    """Does the outline reach the edge of the picture (within 1 % of the frame)?"""
    x1, y1, x2, y2 = maps.content
    edge = 0.008 * maps.size
    low, high = outline.min(0), outline.max(0)
    return bool(low[0] < x1 + edge or low[1] < y1 + edge or high[0] > x2 - edge or high[1] > y2 - edge)
