"""Which level each body of a chain is: one offset for the whole chain, never body by body.

Levels are consecutive and counted up from the sacrum, so a chain has a single unknown: the level of its lowest body.
Each possible answer is scored by what the level maps say along the chain and by where the sacrum is seen.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bmd.inference.spine.chain import Chain
from bmd.inference.spine.maps import S1, Maps, disc_values, peaks, rescale
from bmd.reference import LEVELS

L5 = S1 - 1
FLOOR = 0.02
"""Evidence of a level that a map does not show at all."""
BEYOND = np.log(0.08)
"""Log evidence of a body above T10, for which there is no map."""
EFFECTIVE_BODIES = 1.5
"""Neighbours repeat each other's mistakes: a whole chain counts as this many independent witnesses."""
SACRUM_WEIGHT = 1.5
SACRUM_STEP, SACRUM_SD = 1.05, 0.2
"""Distance of S1 from L5 in lumbar spacings, and its scatter."""
BODY_SCORE, BODY_SCORE_SPREAD = 0.6, 0.08
"""Where the score of a true lowest body begins on simulated films (5 % lie below 0.74), generously."""
MIN_TO_SKIP = 4
TURN = dict(zip(LEVELS[1:8], np.radians((-2, -1, 2, 6, 10, 14, 25)), strict=True))
"""Turn of the line of centres at T11-L5, towards the back going down: half of the lordosis of the discs above and
below (4, 8, 12, 17, 32 degrees at L1-L2 ... L5-S1 in standing adults); the thoracolumbar junction is about straight."""
TURN_SD = dict(zip(LEVELS[1:8], np.radians((6, 6, 6, 7, 8, 9, 11)), strict=True))
SACRUM_TURN_SD = np.radians(16)
BULGE = 0.03
"""Bulge of a lumbar chain, as a share of its length, that makes the side it faces fairly clear."""
SHAPE_WEIGHT = 0.5
SEEN = 0.25
"""Sacrum evidence needed before levels are called certain."""
SURE = 0.80
"""Posterior of the chosen offset needed before levels are called certain."""


@dataclass(frozen=True, eq=False)
class Naming:
    """The level of every body of a chain.

    Attributes
    ----------
    chain : Chain
        The chain that was named: the one given, or that one without a lowest body that is none.
    base : int
        Level index (in ``reference.LEVELS``) of its slot 0. 8 means that the lowest body of the chain is S1 itself.
    posterior : dict
        Probability of each base that was considered.
    sacrum : float
        Evidence 0..1 that S1 lies where this base says.
    certain : bool
        The sacrum was seen in its place and no other base comes close.
    sacrum_xy : ndarray or None
        Where S1 was seen, frame pixels (2,).
    """

    chain: Chain
    base: int
    posterior: dict[int, float]
    sacrum: float
    certain: bool
    sacrum_xy: NDArray | None


def name_chain(maps: Maps, chain: Chain) -> Naming:
    """Choose the level of the lowest body of the chain, and whether that body is one at all.

    Parameters
    ----------
    maps : Maps
        Probabilities of the localiser.
    chain : Chain
        At least one body, lowest first.
    """
    seen = sacrum_candidates(maps)
    options = _options(maps, chain, seen, 0)
    if len(chain.points) >= MIN_TO_SKIP:
        options += _options(maps, chain.without_lowest(), seen, int(chain.slots[1]))
    score = np.array([option.score for option in options])
    weight = np.exp(score - score.max())
    weight /= weight.sum()
    best = options[int(np.argmax(weight))]
    posterior: dict[int, float] = {}
    for option, share in zip(options, weight, strict=True):  # the same names of the bodies that remain
        key = option.base + option.skipped - best.skipped
        posterior[key] = posterior.get(key, 0.0) + float(share)
    certain = best.sacrum >= SEEN and posterior[best.base] >= SURE and len(best.chain.points) >= 2
    return Naming(best.chain, best.base, posterior, best.sacrum, certain, best.sacrum_xy)


@dataclass(frozen=True, eq=False)
class _Option:
    chain: Chain
    base: int
    skipped: int  # slots left out at the lower end
    score: float
    sacrum: float
    sacrum_xy: NDArray | None


def _options(maps: Maps, chain: Chain, seen: NDArray, skipped: int) -> list[_Option]:
    """Every base of a chain with its score; ``skipped`` slots below it were judged not to be a body."""
    evidence, top = level_evidence(maps, chain), int(chain.slots[-1])
    doubt = -skipped_odds(chain.left_out) if skipped else 0.0
    found = []
    for base in range(S1 + 1):
        if base == S1 and (skipped or not len(seen) or len(chain.points) < 2):
            continue
        strength, where = _sacrum_at(chain, seen, S1 - base)
        score = _chain_score(evidence, chain, base) + SHAPE_WEIGHT * shape_fit(chain, base) + doubt
        score += SACRUM_WEIGHT * np.log(0.08 + strength) if len(seen) else 0.0
        score -= 0.4 * _unseen_below(maps, chain, base) + 0.1 * max(0, top - base)
        if base == S1:
            score -= skipped_odds(float(chain.scores[0]))
        found.append(_Option(chain, base, skipped, float(score), strength, where))
    return found


def skipped_odds(score: float) -> float:
    """Log odds that the lowest candidate is a vertebral body, from its score."""
    return float(np.clip((score - BODY_SCORE) / BODY_SCORE_SPREAD, -4, 4))


def level_evidence(maps: Maps, chain: Chain) -> NDArray:
    """Log probability of each of the nine levels at each body, from heat and masks together, (n, 9)."""
    unit = chain.unit(len(chain.points) // 2)
    radius = 0.3 * unit if np.isfinite(unit) else maps.size / 48
    rows = []
    for xy in chain.points:
        at = maps.centre_xy(xy[None])[0]
        heat = disc_values(maps.centres[: S1 + 1], at, radius * maps.centres.shape[-1] / maps.size).max(1)
        at = maps.mask_xy(xy[None])[0]
        mask = disc_values(maps.masks[1:], at, radius * maps.masks.shape[-1] / maps.size).mean(1)
        rows.append(0.5 * (_log_share(heat) + _log_share(mask)))
    return np.array(rows)


def _log_share(values: NDArray) -> NDArray:
    values = values.astype(float) + FLOOR
    return np.log(values / values.sum())


def _chain_score(evidence: NDArray, chain: Chain, base: int) -> float:
    """Mean log evidence of the chain under a base, times the number of bodies it is worth."""
    levels = base - chain.slots
    rows = np.arange(len(levels))
    scores = np.where(levels >= 0, evidence[rows, np.clip(levels, 0, S1)], BEYOND)
    weight = np.clip(chain.scores, 0.05, 1)
    worth = min(float(len(levels)), EFFECTIVE_BODIES)
    return float((scores * weight).sum() / weight.sum() * worth)


def sacrum_candidates(maps: Maps) -> NDArray:
    """Where S1 may be: peaks of its heat map supported by its mask, (n, 3) as x, y in frame pixels and score."""
    found = peaks(maps.centres[S1], 0.05)[:4]
    if not len(found):
        return found
    found[:, :2] = rescale(found[:, :2], maps.centres.shape[-1], maps.size)
    scale = maps.masks.shape[-1] / maps.size
    for row in found:
        cover = disc_values(maps.masks[S1 + 1][None], maps.mask_xy(row[None, :2])[0], 8 * scale).mean()
        row[2] = 0.6 * row[2] + 0.4 * cover
    return found


def _sacrum_at(chain: Chain, seen: NDArray, steps: int) -> tuple[float, NDArray | None]:
    """Best evidence that S1 lies ``steps`` vertebrae below slot 0, and where."""
    best, where = 0.0, None
    unit = chain.unit(0)
    for x, y, score in seen:
        offset = np.array([x, y]) - chain.points[0]
        if not np.isfinite(unit):
            fits = float(steps == 1 and offset[1] > 0)
        else:
            away = (float(np.linalg.norm(offset)) / unit - SACRUM_STEP * steps) / (SACRUM_SD * max(1.0, steps**0.5))
            fits = float(np.exp(-0.5 * away**2)) * (_turn_fits(chain, offset) if steps else 1.0)
        if score * fits > best:
            best, where = float(score * fits), np.array([x, y])
    return best, where


def _turn_fits(chain: Chain, offset: NDArray) -> float:
    """How well a step down from the lowest body continues the lordosis, 0..1, over both ways the patient may face."""
    turn = _turn(chain.points[0] - chain.points[1], offset)
    right = _faces_right(chain)
    fits = [np.exp(-0.5 * ((turn - side * TURN["L5"]) / SACRUM_TURN_SD) ** 2) for side in (-1, 1)]
    return float((right * fits[0] + (1 - right) * fits[1]) / max(right, 1 - right))


def _turn(first: NDArray, then: NDArray) -> float:
    """Angle from one downward step to the next, radians; positive towards the right of the picture."""
    turn = float(np.arctan2(first[1], first[0]) - np.arctan2(then[1], then[0]))
    return (turn + np.pi) % (2 * np.pi) - np.pi


def _faces_right(chain: Chain) -> float:
    """Probability that anterior is to the right, from the bulge of the lordosis."""
    return float(0.5 + 0.48 * np.tanh(bulge(chain.points) / BULGE))


def shape_fit(chain: Chain, base: int) -> float:
    """Log likelihood of the bends of a chain under a base: lordosis grows towards the sacrum."""
    right, fits = _faces_right(chain), []
    for side, share in ((-1, right), (1, 1 - right)):
        total = float(np.log(share))
        for k in range(1, len(chain.points) - 1):
            level = base - int(chain.slots[k])
            if chain.slots[k + 1] - chain.slots[k - 1] == 2 and 1 <= level <= L5:
                name = LEVELS[level]
                turn = _turn(chain.points[k] - chain.points[k + 1], chain.points[k - 1] - chain.points[k])
                away = min(3.0, abs(turn - side * TURN[name]) / TURN_SD[name])
                total -= 0.5 * away**2 + float(np.log(TURN_SD[name] / TURN_SD["L2"]))
        fits.append(total)
    return float(np.logaddexp(fits[0], fits[1]))


def bulge(points: NDArray) -> float:
    """How far the lower part of a chain, lowest first, bulges to the right of its chord, as a share of its length."""
    if len(points) < 3:
        return 0.0
    low, high = points[0], points[min(len(points) - 1, 5)]
    axis = high - low
    length = float(np.linalg.norm(axis))
    right = np.array([-axis[1], axis[0]]) / length
    return float(((points[1:5] - low) @ right).mean() / length)


def _unseen_below(maps: Maps, chain: Chain, base: int) -> int:
    """How many lumbar bodies would have to lie unseen below slot 0 although the picture goes on there."""
    x1, y1, x2, y2 = maps.content
    count = 0
    for slot in range(-1, base - L5 - 1, -1):
        x, y = chain.place(slot)
        count += x1 <= x <= x2 and y1 <= y <= y2
    return count
