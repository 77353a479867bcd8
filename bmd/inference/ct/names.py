"""CT, step 2b: the level of every body, counted up from the sacrum, or else down from the last rib.

The sacrum goes first: levels are counted from it. Where it is not in view, the last vertebra with ribs is taken for
T12; 4 to 6 lumbar vertebrae and ribs one vertebra off occur, so these names are never certain. Where both are in view
they must lie five bodies apart.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from bmd.findings import Finding, note
from bmd.inference.ct.bodies import Body
from bmd.inference.ct.ribs import Rib
from bmd.reference import LEVELS, LUMBAR

Source: TypeAlias = Literal["sacrum", "rib"]
T12, L5 = LEVELS.index("T12"), LEVELS.index("L5")
WEAK = "ct.sacrum_unclear"
"""A sacrum that is seen but not clearly is believed where the last rib gives the same names: ribs and sacrum are seen
by different means, and are rarely wrong by the same vertebra."""
DISC = 1.3
"""Distance of two neighbouring bodies over their mean height (heights and discs of NHANES 2013-14: 1.25 to 1.37)."""
ALIKE = 0.9
"""A rib is at least this bright beside the brightest of the same person; vessels and the rims of kidneys are not."""
NEAR = 3
"""Bodies below the last ribs among which there must be no more; from L4 on the iliac crest lies beside."""


@dataclass(frozen=True)
class Names:
    """What the bodies are called.

    Attributes
    ----------
    levels : tuple of str or None
        Of each body, cranial to caudal; None where it has no name.
    source : "sacrum", "rib" or None
        What they were counted from.
    certain : bool
        Counted from a clear sacrum, and no rib speaks against it.
    doubts : tuple of Finding
        Why they are not certain.
    """

    levels: tuple[str | None, ...]
    source: Source | None
    certain: bool
    doubts: tuple[Finding, ...] = ()


def choose(
    seen: Sequence[str | None], doubts: tuple[Finding, ...], bodies: Sequence[Body], cut: frozenset[int],
    ribs: Sequence[Rib],
) -> Names:  # fmt: skip
    """Decide between what the sacrum and what the last rib says.

    Parameters
    ----------
    seen : sequence of str or None
        Levels of the bodies counted from the sacrum.
    doubts : tuple of Finding
        Why these cannot be relied on; empty where they can.
    bodies : sequence of Body
        Cranial to caudal.
    cut : frozenset of int
        Those that the end of the volume cuts.
    ribs : sequence of Rib
        What was followed to them.
    """
    slots = places(bodies)
    last = last_with_ribs(slots, cut, ribs)
    lumbar = None if last is None else between(seen, slots, last)
    weak = [doubt.code for doubt in doubts] == [WEAK] and lumbar is not None
    if weak and lumbar != len(LUMBAR):  # one of the two is wrong, or the spine counts otherwise
        return Names((None,) * len(bodies), None, False, (*doubts, note("ct.rib_differs")))
    if doubts and not weak:
        if last is None:
            return Names((None,) * len(bodies), None, False, doubts)
        return Names(tuple(_level(T12 + slot - slots[last]) for slot in slots), "rib", False, doubts)
    if lumbar is not None and lumbar != len(LUMBAR):
        return Names(tuple(seen), "sacrum", False, (note("ct.lumbar_types", count=lumbar),))
    return Names(tuple(seen), "sacrum", True)


def between(seen: Sequence[str | None], slots: Sequence[int], last: int) -> int | None:
    """How many bodies lie between the last one with ribs and the sacrum, as counted from the sacrum."""
    for level, slot in zip(seen, slots, strict=True):
        if level is not None:
            return L5 - (LEVELS.index(level) + slots[last] - slot)
    return None


def _level(index: int) -> str | None:
    return LEVELS[index] if 0 <= index <= L5 else None


def places(bodies: Sequence[Body]) -> list[int]:
    """Number of each body in its spine, the first 0; a body that was not found leaves a number out."""
    slots = [0] if bodies else []
    for above, below in itertools.pairwise(bodies):
        unit = DISC * (float(np.mean(above.edge_heights())) + float(np.mean(below.edge_heights()))) / 2
        apart = float(np.linalg.norm(below.frame.origin - above.frame.origin))
        slots.append(slots[-1] + max(1, round(apart / max(unit, 1.0))))
    return slots


def last_with_ribs(slots: Sequence[int], cut: frozenset[int], ribs: Sequence[Rib]) -> int | None:
    """Index of the last body with ribs; None where that cannot be told.

    It has clear ribs on both sides, every body above it has one, and the next one below has none, nor have those under
    it; both are whole. A single pair of ribs counts only with two bodies below: the hip bone beside the sacrum is
    bright too.
    """
    clear = [rib for rib in ribs if rib.clear]
    best = max((rib.bone for rib in clear), default=0.0)
    sides = [sum(rib.body == k and rib.bone >= ALIKE * best for rib in clear) for k in range(len(slots))]
    for k in range(len(slots) - 1):
        whole = slots[k + 1] == slots[k] + 1 and not {k, k + 1} & cut
        if sides[k] == 2 and sides[k + 1] == 0 and whole:
            above = all(sides[j] or j in cut for j in range(k))
            below = all(sides[j] < 2 for j in range(k + 1, len(slots)) if slots[j] - slots[k] <= NEAR)
            enough = any(sides[:k]) or len(slots) > k + 2
            return k if above and below and enough else None
    return None
