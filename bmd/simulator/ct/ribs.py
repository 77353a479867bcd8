"""Ribs 7-12 of a person in a scanner, and the spines that count otherwise.

A rib leaves the vertebra at its pedicle, runs outwards and backwards under the back muscles to its angle, then forwards
and down in the wall of the trunk. Slopes and lengths are drawn by hand: the twelfth is 4 to 19 cm long.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from bmd.simulator.ct.torso import Torso
from bmd.simulator.person.anatomy import DRAWN, Skeleton
from bmd.simulator.record import Array

SEVENTH, TWELFTH = 7, 12
LENGTH_MM = {12: (115.0, 30.0), 11: (205.0, 20.0), 10: (255.0, 18.0)}
"""Mean and spread along the curve; those above end at the cartilage in front."""
SHORTEST_MM, LONGEST_MM = 40.0, 190.0
"""Of a twelfth rib; one under 38 mm belongs to a transitional vertebra (Yun 2018, Korean J Radiol 19:1140)."""
STUB_MM = (15.0, 38.0)
FRONT_DEG = 158.0
SHIFTED = {"six_lumbar": 0.6, "four_lumbar": 0.2}
"""Share of the transitional spines whose last rib is one vertebra higher or lower: in all 4.8 and 1.6 % of people.

Six lumbar bodies: 5.5 % of 293 (josr 13:124, 2018); eleven ribs 8 % and thirteen 0.4 % of 1,340
(koreamed 1158507)."""
STUBS = {"short_rib": 0.04, "lumbar_rib": 0.015}
"""Share of the other spines with a stub for a twelfth rib, or one on L1 below whole twelfth ribs (lumbar ribs: 2 of
206 with ordinary lumbar spines, 13 of 226 in all; Nakajima 2014, Insights Imaging 5:77)."""


@dataclass(frozen=True, eq=False)
class Rib:
    """The axis of a rib: points (n, 3) from its head to its tip, mm, and the radius at each."""

    points: Array
    radii: Array


@dataclass(frozen=True, eq=False)
class Cage:
    """Ribs 7 and below on both sides, and what is unusual about them."""

    ribs: tuple[Rib, ...]
    tags: frozenset[str]


def build_cage(skeleton: Skeleton, torso: Torso, rng: np.random.Generator) -> Cage:
    """Draw the lower ribs of a person.

    Parameters
    ----------
    skeleton : Skeleton
        Whose vertebrae carry them; "transitional" in its tags lets the ribs sit one vertebra higher or lower.
    torso : Torso
        In whose wall they lie.
    rng : numpy.random.Generator
        Drawn from.
    """
    kind = _kind(skeleton, rng)
    shift = {"six_lumbar": -1, "four_lumbar": 1}.get(kind, 0)
    dip = math.radians(float(np.clip(rng.normal(36, 9), 14, 58)))
    size = skeleton.person.body.height_cm / 165.0
    ribs = []
    for number in range(SEVENTH, TWELFTH + 1 + (kind == "lumbar_rib")):
        base = _base(skeleton, number + shift, size)
        for side in (-1, 1):
            length = _length(number, kind, rng) * size
            own = dip + math.radians(1.5 * (number - TWELFTH) + rng.normal(0, 2.5))
            ribs.append(_rib(base, torso, side, length, own))
    return Cage(tuple(ribs), frozenset({kind} if kind else ()))


def _kind(skeleton: Skeleton, rng: np.random.Generator) -> str:
    """What is unusual about the ribs; empty for most people."""
    shares = SHIFTED if "transitional" in skeleton.tags else STUBS
    drawn = rng.random()
    for kind, share in shares.items():
        if drawn < share:
            return kind
        drawn -= share
    return ""


def _length(number: int, kind: str, rng: np.random.Generator) -> float:
    """Length of a rib along its curve, mm; the sides differ."""
    if number > TWELFTH or (number == TWELFTH and kind == "short_rib"):
        return float(rng.uniform(*STUB_MM))
    mean, spread = LENGTH_MM.get(number, (400.0, 1.0))
    drawn = float(rng.normal(mean, spread))
    return float(np.clip(drawn, SHORTEST_MM, LONGEST_MM)) if number == TWELFTH else drawn


@dataclass(frozen=True, eq=False)
class _Base:
    """Where a rib starts: the middle of its vertebra (3,), half that one's width, its pedicles behind and above."""

    centre: Array
    half_width: float
    behind: float
    above: float


def _base(skeleton: Skeleton, number: int, size: float) -> _Base:
    """The vertebra of a rib; above T10 the spine goes straight on."""
    index = number - 10
    bone = skeleton.bones[max(0, index)]
    wide, deep = float(bone.shape.half_width_mm), float(bone.shape.half_depth_mm)
    over = max(0, -index) * 27.0 * size
    centre = np.asarray(bone.centre_mm, float) + np.array([0.0, 0.07 * over, over])
    return _Base(centre, wide, 0.84 * deep + 6.0, float(bone.shape.pedicle_z_mm))


def _rib(base: _Base, torso: Torso, side: int, length: float, dip: float) -> Rib:
    """Head, tubercle and angle, then along the wall until the length is used up."""
    x, y, z = base.centre
    wide, back = base.half_width, y - base.behind
    points = [
        np.array([x + side * (wide - 2), back, z + base.above]),
        np.array([x + side * (wide + 11), back - 9, z + base.above - 3]),
        np.array([x + side * (wide + 27), back - 15, z + base.above - 3 - 16 * math.tan(dip)]),
    ]
    row = torso.row(float(z))
    aside = side * float(x - row.middle_x_mm) + wide + 42  # from the middle of the trunk, not of a curved spine
    start = math.asin(float(np.clip(aside / row.half_width_mm, 0.2, 0.9)))
    for angle in np.arange(math.degrees(start), FRONT_DEG, 9.0):
        last = points[-1]
        at = torso.on_wall(
            float(last[2]), side * math.radians(angle), 6.5 + 16 * float(np.clip((52 - angle) / 24, 0, 1))
        )
        at[2] = last[2] - math.tan(dip) * float(np.hypot(*(at[:2] - last[:2])))
        if angle > 110:  # the front part is level, or rises to the breastbone
            at[2] = last[2]
        points.append(at)
    line = _cut(np.array(points), length)
    radii = np.interp(np.linspace(0, 1, len(line)), [0, 0.1, 0.3, 0.9, 1], [4.2, 4.0, 5.2, 5.0, 3.8])
    return Rib(line, radii)


def _cut(line: Array, length: float) -> Array:
    """The first ``length`` mm of a line."""
    along = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(line, axis=0), axis=1))])
    kept = along < length
    if kept.all():
        return line
    tip = np.array([np.interp(length, along, line[:, axis]) for axis in range(3)])
    return np.vstack([line[kept], tip])


LAST = {"six_lumbar": "T11", "four_lumbar": "L1", "lumbar_rib": "L1"}


def last_rib(tags: frozenset[str]) -> str:
    """Which vertebra of ``anatomy.DRAWN`` carries the last rib, from the tags of a scan; counted from the sacrum."""
    found = next((LAST[tag] for tag in LAST if tag in tags), "T12")
    assert found in DRAWN
    return found
