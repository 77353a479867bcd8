"""Step 3, name: which level each body of a chain is; one offset for the whole chain, never body by body.

Levels are consecutive and counted up from the sacrum, so a chain has a single unknown: the level of its lowest body.
Each possible answer is scored by what the localiser says along the chain and by where the sacrum is seen.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bmd.inference.spine.chain import Chain
from bmd.inference.spine.maps import S1, Points
from bmd.inference.spine.terms import NameTerms
from bmd.reference import LUMBAR

L5 = S1 - 1


@dataclass(frozen=True, eq=False)
class Named:
    """A chain of bodies with their levels.

    Attributes
    ----------
    chain : Chain
        The bodies, lowest first: the chain that was given without S1 and without a lowest place that is no body.
    levels : tuple of int
        Index in ``LEVELS`` of each; negative above T10.
    scores : tuple of float
        Confidence 0..1 of each: that it is there, and that it is this one.
    posterior : float
        Probability of these names among all possible ones.
    sacrum : float
        Evidence 0..1 that S1 lies where the names say.
    sacrum_xy : ndarray or None
        Where S1 was seen, frame pixels (2,).
    certain : bool
        Nothing in the chain itself speaks against the names: the sacrum was seen in its place, and at most one
        vertebra between the two was not.
    facing : float
        +1 when anterior is to the right of the picture, -1 to the left; its size is the confidence.
    """

    chain: Chain
    levels: tuple[int, ...]
    scores: tuple[float, ...]
    posterior: float
    sacrum: float
    sacrum_xy: Points | None
    certain: bool
    facing: float

    @property
    def evidence(self) -> float:
        """How much chain there is: sum of the scores of the bodies."""
        return float(sum(self.scores))

    @property
    def below(self) -> int:
        """How many levels above S1 the chain does not reach down to; all of them where it is empty."""
        return L5 - max(self.levels, default=-1)


@dataclass(frozen=True, eq=False)
class _Option:
    chain: Chain
    base: int  # level index of slot 0; 8 when the lowest body is S1 itself
    skipped: int  # slots left out at the lower end
    score: float
    sacrum: float
    sacrum_xy: Points | None


def name(chain: Chain, terms: NameTerms) -> Named:
    """Choose the level of the lowest body of the chain, and whether that body is one at all.

    Parameters
    ----------
    chain : Chain
        At least one body, lowest first.
    terms : NameTerms
        Numbers.
    """
    options = _options(chain, chain, 0, terms)
    if len(chain.points) >= terms.skip_from:
        options += _options(chain, chain.part(slice(1, None)), int(chain.slots[1]), terms)
    score = np.array([option.score for option in options])
    weight = np.exp(score - score.max())
    weight /= weight.sum()
    best = options[int(np.argmax(weight))]
    same = [option.base + option.skipped == best.base + best.skipped for option in options]  # names of what remains
    posterior = float(weight[same].sum())
    bodies = best.chain.part(best.base - best.chain.slots <= L5)
    levels = best.base - best.chain.slots[best.base - best.chain.slots <= L5]
    seen = np.where(levels >= 0, bodies.levels[np.arange(len(levels)), np.clip(levels, 0, L5)], 0)
    scores = np.clip((1 - terms.named) * bodies.scores + terms.named * seen, 0.01, 1)
    line = bodies.points if best.sacrum_xy is None else np.vstack([best.sacrum_xy, bodies.points])
    return Named(
        chain=bodies,
        levels=tuple(levels.tolist()),
        scores=tuple(scores.tolist()),
        posterior=posterior,
        sacrum=best.sacrum,
        sacrum_xy=best.sacrum_xy,
        certain=best.sacrum >= terms.seen and len(levels) >= 2 and L5 - int(levels[0]) <= 1,
        facing=float(np.tanh(bulge(line) / terms.facing)),
    )


def _options(whole: Chain, chain: Chain, skipped: int, terms: NameTerms) -> list[_Option]:
    """Every base of a chain with its score; ``skipped`` slots of the whole chain were judged not to be a body."""
    evidence = log_share(chain.levels, terms.floor)
    doubt, space = body_odds(float(whole.scores[0]), terms), room(chain)
    found = []
    for base in range(S1 + 1):
        if base == S1 and (skipped or not len(chain.found.sacra) or len(chain.points) < 2):
            continue
        strength, where = sacrum_at(chain, S1 - base, terms)
        score = _witnesses(evidence, chain, base, terms)
        score += terms.sacrum * float(np.log(terms.sacrum_floor + strength)) if len(chain.found.sacra) else 0.0
        score -= doubt if skipped or base == S1 else 0.0
        score -= terms.room * min(max(0, L5 - base), space)
        found.append(_Option(chain, base, skipped, score, strength, where))
    return found


def room(chain: Chain) -> int:
    """How many more bodies the picture has room for below the chain, at the spacing of its lowest two."""
    unit = chain.unit(0)
    below = (chain.found.content[3] - float(chain.points[0, 1])) / unit - 1 / 2 if np.isfinite(unit) else 0.0
    return max(0, int(below))


def body_odds(score: float, terms: NameTerms) -> float:
    """Log odds that the lowest place is a vertebral body, from its score."""
    return (score - terms.body) / terms.body_spread


def log_share(evidence: NDArray[np.float64], floor: float) -> NDArray[np.float64]:
    """Log of each row's shares, nothing less than ``floor`` counted as seen."""
    raised = evidence + floor
    shares: NDArray[np.float64] = np.log(raised / raised.sum(1, keepdims=True))
    return shares


def _witnesses(evidence: NDArray[np.float64], chain: Chain, base: int, terms: NameTerms) -> float:
    """Mean log evidence of the chain under a base, times the number of bodies it is worth."""
    levels = base - chain.slots
    seen = evidence[np.arange(len(levels)), np.clip(levels, 0, S1)]
    scores = np.where(levels >= 0, seen, np.log(terms.beyond))
    return float(np.average(scores, weights=chain.scores) * min(float(len(levels)), terms.worth))


def sacrum_at(chain: Chain, steps: int, terms: NameTerms) -> tuple[float, Points | None]:
    """Best evidence that S1 lies ``steps`` vertebrae below slot 0, and where."""
    best, where = 0.0, None
    unit = chain.unit(0)
    for x, y, score in chain.found.sacra:
        offset = np.array([x, y]) - chain.points[0]
        if not np.isfinite(unit):
            fits = float(steps == 1 and offset[1] > 0)
        else:
            away = (float(np.hypot(*offset)) / unit - steps) / (terms.sacrum_sd * max(1.0, steps**0.5))
            fits = float(np.exp(-0.5 * away**2))
        if score * fits > best:
            best, where = float(score * fits), np.array([x, y])
    return best, where


def bulge(points: Points) -> float:
    """How far the lower part of a chain, lowest first, bulges to the right of its chord, as a share of its length."""
    if len(points) < 3:
        return 0.0
    lower = points[: len(LUMBAR) + 1]
    axis = lower[-1] - lower[0]
    length = float(np.linalg.norm(axis))
    right = np.array([-axis[1], axis[0]]) / length
    return float(((lower[1:-1] - lower[0]) @ right).mean() / length)
