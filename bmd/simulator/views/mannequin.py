"""A whole body of simple bones, skull to feet, to take radiographs of what is no lumbar spine from the side.

Not the person of ``person/``: nothing is measured in these pictures, they only have to look like what they are. Bones
are rods (chains of capsules with a shell) and solids (ellipsoids, or blocks with rounded edges); in mm, x left,
y anterior, z cranial, the origin between L5 and S1.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

LUMBAR, THORACIC, CERVICAL = 5, 12, 7
OVERLAP = 0.21
"""Density of each of the ellipsoids, 80 mm high and 13 mm apart, that add up to a trunk of water."""


def at(x: float, y: float, z: float) -> Array:
    """A point or a step, mm."""
    return np.array([x, y, z], float)


@dataclass(frozen=True, eq=False)
class Rod:
    """A chain of capsules: points (n, 3) in mm, radius at each (n,), mineral in g/cm3 of shell and core."""

    points: Array
    radii: Array
    shell: float
    core: float
    shell_mm: float = 2.0


@dataclass(frozen=True, eq=False)
class Solid:
    """An ellipsoid (``power`` 2) or block (higher): centre, half axes (3,) in mm, tilt about x in radians."""

    centre: Array
    half: Array
    shell: float
    core: float
    shell_mm: float = 1.5
    tilt: float = 0.0
    power: float = 2.0


@dataclass(frozen=True, eq=False)
class Mannequin:
    """Bones, and soft tissue as solids and rods whose values are shares of water (lean 1, lung -0.75, gas -1)."""

    bones: list[Rod | Solid]
    flesh: list[Rod | Solid]
    cavities: list[Rod | Solid]
    spine: Array
    """Middles of the bodies from L5 to C2, (24, 3)."""
    landmarks: dict[str, Array] = field(default_factory=dict)


def build(rng: np.random.Generator) -> Mannequin:
    """Draw one body: a child of 8 to an adult of 2 m, straight or scoliotic, thin or stout."""
    size = float(np.clip(rng.normal(1.0, 0.09), 0.72, 1.2))
    mineral = float(rng.uniform(0.45, 1.2))
    spine, tilts, halves = _column(rng, size)
    bones: list[Rod | Solid] = []
    for k, (middle, tilt, half) in enumerate(zip(spine, tilts, halves, strict=True)):
        bones += _vertebra(middle, tilt, half, mineral, rng, cervical=k >= LUMBAR + THORACIC)
    chest, reach = _chest(spine, size, mineral, rng)
    landmarks = {"head": spine[-1] + size * at(0, 15, 85), "chest": spine[LUMBAR + 5]}
    bones += chest + _skull(landmarks["head"], size, mineral) + _pelvis(size, mineral, rng)
    arms, shoulder = _arms(spine, reach, size, mineral, rng)
    legs, hip, knee = _legs(size, mineral, rng)
    landmarks |= {"shoulder": shoulder, "hip": hip, "knee": knee}
    stout = float(np.clip(rng.normal(1.0, 0.16), 0.72, 1.5))
    flesh = _flesh(spine, landmarks, arms + legs, reach, size * stout) + _breasts(spine, reach, size, rng)
    return Mannequin(bones + arms + legs, flesh, _cavities(spine, reach, size, rng), spine, landmarks)


def _column(rng: np.random.Generator, size: float) -> tuple[Array, Array, Array]:
    """Middles (24, 3), tilts (24,) and half sizes (24, 3) of the bodies from L5 to C2."""
    n = LUMBAR + THORACIC + CERVICAL
    high = np.concatenate([np.linspace(27, 26, 5), np.linspace(25, 17, 12), np.linspace(15, 13, 7)])
    gap = np.concatenate([np.linspace(11, 9, 5), np.linspace(6, 4, 12), np.linspace(5, 5, 7)])
    deep = np.concatenate([np.linspace(35, 33, 5), np.linspace(32, 20, 12), np.linspace(17, 15, 7)])
    wide = np.concatenate([np.linspace(49, 42, 5), np.linspace(40, 29, 12), np.linspace(24, 19, 7)])
    lordosis, kyphosis, neck = rng.normal(0.55, 0.15), rng.normal(0.75, 0.22), rng.normal(0.35, 0.2)
    k = np.arange(n)
    tilt = 0.45 * lordosis + np.interp(k, [0, 4, 5, 11, 16, 17, 23], np.cumsum(
        [0, -lordosis * 0.9, -0.05, -kyphosis * 0.55, kyphosis * 0.75, 0.02, neck]))  # fmt: skip
    step = size * (high + gap)
    z = np.cumsum(step) - step / 2 + 6
    y = np.cumsum(-np.sin(tilt) * step) - 10
    curve = float(rng.exponential(14)) if rng.random() < 0.55 else float(rng.uniform(10, 95))
    phase, waves = rng.uniform(0, 2 * np.pi), rng.uniform(0.6, 1.4)
    x = curve * (np.sin(2 * np.pi * waves * z / z[-1] + phase) - math.sin(phase)) * np.sin(np.pi * z / z[-1] / 1.05)
    halves = size * np.stack([wide, deep, high], 1) / 2
    return np.stack([x, y, z], 1), tilt, halves


def _vertebra(
    middle: Array, tilt: float, half: Array, mineral: float, rng: np.random.Generator, cervical: bool
) -> list[Rod | Solid]:
    """One body with pedicles, laminae, spinous and transverse processes."""
    w, d, h = half
    shell, core = 0.75 * mineral, 0.17 * mineral
    parts: list[Rod | Solid] = [Solid(middle, half, shell, core, 1.2, tilt, 5.0)]
    back = middle + at(0.0, -d, 0.0)
    tip = back + at(0.0, -(0.9 if cervical else 1.5) * d - 8, -0.9 * h)
    parts.append(Solid((back + tip) / 2 - at(0, 4, 0), at(2.5, 0.5 * (back - tip)[1], 0.55 * h), shell, core))
    parts.append(Solid(back - at(0, 0.9 * d, 0.6 * h), at(0.55 * w, 2.5, 0.9 * h), 0.6 * shell, core, 1.0, tilt, 3.0))
    for side in (-1.0, 1.0):
        root = back + at(side * rng.uniform(0.5, 0.6) * w, -2.0, 0.35 * h)
        joint = root + at(side * 0.1 * w, -0.55 * d, -0.1 * h)
        oval = at(0.13 * w + 1, 0.3 * d, rng.uniform(0.36, 0.5) * h)
        parts += [
            Solid((root + joint) / 2, oval, 0.8 * shell, core, 1.2),
            Solid(joint - at(0, 2, 0.6 * h), at(5.0, 4.0, 1.2 * h), 0.8 * shell, 1.5 * core, 1.0),
            _rod([joint, back + at(0, -1.1 * d, -0.2 * h)], [3.5, 3.0], 0.7 * mineral),
            _rod([joint, joint + at(side * 0.9 * w * rng.uniform(0.8, 1.1), -4, 2)], [3.5, 2.5], 0.8 * mineral),
        ]
    return parts


def _rod(points: list[Array] | Array, radii: list[float], mineral: float, shell_mm: float = 1.6) -> Rod:
    return Rod(np.array(points, float), np.array(radii, float), 1.0 * mineral, 0.18 * mineral, shell_mm)


def _chest(spine: Array, size: float, mineral: float, rng: np.random.Generator) -> tuple[list[Rod | Solid], Array]:
    """Ribs, breast bone, collar bones and shoulder blades; half width and depth of the chest at T12..T1 (12, 2)."""
    found: list[Rod | Solid] = []
    wide = size * np.interp(np.arange(12), [0, 3, 8, 11], [118, 134, 112, 58]) * rng.normal(1, 0.06)
    deep = size * np.interp(np.arange(12), [0, 3, 8, 11], [105, 112, 95, 55]) * rng.normal(1, 0.08)
    turn, thin = np.linspace(0.0, 1.0, 25), float(rng.uniform(0.6, 1.5))
    for k in range(12):
        start = spine[LUMBAR + k]
        length = 0.42 if k == 0 else 0.62 if k == 1 else 0.93
        angle = turn * np.pi * length
        drop = size * (58 if k < 9 else 40) * np.sin(angle / 2) ** 2
        for side in (-1.0, 1.0):
            x = start[0] * np.cos(angle / 2) ** 2 + side * wide[k] * np.sin(angle) ** 0.8 + side * 12 * (1 - turn)
            y = start[1] - 12 + deep[k] * (1 - np.cos(angle)) - 22 * np.sin(angle) ** 2
            points = np.stack([x, y, start[2] + 6 - drop], 1)
            found.append(_rod(points, list(np.linspace(4.2, 6.4, 25) * size), thin * mineral, 1.0))
    top, low = spine[LUMBAR + 11], spine[LUMBAR + 4]
    front = top[1] + 2 * deep[-1] * 0.9
    found.append(Solid(np.array([0, front + 20, (top[2] + low[2]) / 2]), size * at(17, 6, 80.0), 0.4, 0.12))
    for side in (-1.0, 1.0):
        inner, outer = np.array([side * 14, front, top[2] - 5]), np.array([side * 150 * size, top[1], top[2] + 8])
        found.append(_rod([inner, (inner + outer) / 2 + at(0, 18, 6), outer], [7, 6, 7], mineral))
        blade = np.array([side * 92 * size, top[1] - 55, top[2] - 70 * size])
        found.append(Solid(blade, size * at(42, 5, 68.0), 0.35, 0.1))
    return found, np.stack([wide, deep], 1)


def _skull(head: Array, size: float, mineral: float) -> list[Rod | Solid]:
    """Vault, base, jaws and teeth."""
    jaw = [head + size * at(side * 48, y, -z) for side, y, z in
           ((-1, -5, 60), (-0.8, 60, 88), (0, 88, 92), (0.8, 60, 88), (1, -5, 60))]  # fmt: skip
    teeth = [head + size * at(x, 78 - 0.02 * x * x, -68.0) for x in np.linspace(-28, 28, 9)]
    return [
        Solid(head + at(0, -5, 25), size * at(76, 94, 88.0), 0.9 * mineral, 0.0, 5.0),
        Solid(head + at(0, 5, -42), size * at(50, 55, 12.0), 0.8 * mineral, 0.3 * mineral, 3.0),
        Solid(head + at(0, 55, -35), size * at(45, 30, 32.0), 0.5 * mineral, 0.06, 2.0),
        Rod(np.array(jaw), np.full(5, 9.0), 1.3 * mineral, 0.3 * mineral, 2.5),
        Rod(np.array(teeth), np.full(9, 7.0), 1.6 * mineral, 1.2 * mineral, 2.0),
    ]


def _pelvis(size: float, mineral: float, rng: np.random.Generator) -> list[Rod | Solid]:
    """Sacrum, wings, rami."""
    lean = float(rng.normal(0.75, 0.15))
    found: list[Rod | Solid] = [
        Solid(at(0, -18 - k * 9, -14.0 - 19 * k) * size, size * at(52 - 8 * k, 15 - 2 * k, 11.0),
              0.5 * mineral, 0.15 * mineral, 1.2, lean, 4.0) for k in range(5)
    ]  # fmt: skip
    for side in (-1.0, 1.0):
        crest = [at(side * x, y, z) * size for x, y, z in
                 ((48, -62, 12), (85, -48, 50), (125, -5, 58), (138, 40, 32), (128, 62, 0),
                  (112, 62, -38))]  # fmt: skip
        ring = [at(side * x, y, z) * size for x, y, z in
                ((112, 62, -38), (95, 30, -72), (60, 55, -92), (14, 72, -105))]  # fmt: skip
        low = [at(side * x, y, z) * size for x, y, z in
               ((95, 10, -80), (72, -22, -125), (40, 30, -135), (12, 66, -118))]  # fmt: skip
        found += [
            _rod(crest, [7, 7, 8, 8, 8, 9], mineral),
            _rod(ring, [13, 24, 9, 9], mineral, 2.2),
            _rod(low, [16, 16, 8, 8], mineral),
            Solid(at(side * 98, 5, 5) * size, size * at(30, 52, 58.0), 0.32 * mineral, 0.1, 1.5, 0.4),
        ]
    return found


def _arms(
    spine: Array, reach: Array, size: float, mineral: float, rng: np.random.Generator
) -> tuple[list[Rod | Solid], Array]:
    """Arms hanging, lifted forwards or up; the left shoulder."""
    lift = float(rng.choice([0.1, 1.5, 2.6], p=[0.5, 0.3, 0.2]) + rng.normal(0, 0.15))
    found: list[Rod | Solid] = []
    shoulder = np.zeros(3)
    for side in (-1.0, 1.0):
        top = spine[LUMBAR + 11] + size * at(side * 165, 5, -12.0)
        along = at(side * (0.2 if lift < 1 else 0.1), math.sin(lift), -math.cos(lift))
        elbow = top + 300 * size * along
        wrist = elbow + 250 * size * (along if lift < 2 else at(-side * 0.8, 0.3, 0.4))
        found += [
            _rod([top, top + 40 * along, elbow - 30 * along, elbow], [24 * size, 13, 12, 20], mineral, 4.0),
            _rod([elbow, wrist], [10, 8], mineral, 3.0),
            _rod([elbow + at(12, 0, 0), wrist + at(side * 22, 0, 0)], [9, 10], mineral, 3.0),
        ]
        for finger in np.linspace(-1, 1, 5):
            palm = wrist + 80 * size * along + at(finger * 32, 0, 0)
            found.append(_rod([wrist + at(finger * 14, 0, 0), palm, palm + 85 * size * along], [5, 5, 4], mineral, 1.8))
        shoulder = top
    return found, shoulder


def _legs(size: float, mineral: float, rng: np.random.Generator) -> tuple[list[Rod | Solid], Array, Array]:
    """Thigh, knee, shin and foot of both sides; the left hip and knee."""
    found: list[Rod | Solid] = []
    hip, knee = np.zeros(3), np.zeros(3)
    bend = float(abs(rng.normal(0, 0.25)))
    for side in (-1.0, 1.0):
        hip = at(side * 92, 12, -78.0) * size
        corner = hip + size * at(side * 48, -6, -28.0)
        knee = hip + 420 * size * at(-side * 0.06, math.sin(bend), -math.cos(bend))
        ankle = knee + 380 * size * at(0, -math.sin(bend), -math.cos(bend))
        shaft = knee - corner
        found += [
            Solid(hip, np.full(3, 24.0 * size), 0.55 * mineral, 0.25 * mineral, 1.5),
            _rod([hip, corner], [17 * size, 18 * size], mineral, 2.2),
            _rod([corner + at(side * 8, 0, 12), corner + 0.14 * shaft, corner + 0.82 * shaft,
                  knee + at(0, 0, 22 * size)], [20 * size, 16 * size, 15 * size, 27 * size], mineral, 5.0),
            *(Solid(knee + size * at(x, -4, 12), size * at(20, 32, 21), 0.5 * mineral, 0.24 * mineral)
              for x in (-21, 21)),
            Solid(knee + size * at(0, 42, 12), size * at(21, 10, 22), 0.5 * mineral, 0.25 * mineral),
            Solid(knee - size * at(0, 2, 22), size * at(40, 26, 12), 0.6 * mineral, 0.24 * mineral, power=4.0),
            _rod([knee - at(0, 0, 34 * size), knee + 0.2 * (ankle - knee), ankle],
                 [28 * size, 16 * size, 20 * size], mineral, 4.0),
            _rod([knee + at(side * 38 * size, -12, -30), ankle + at(side * 26 * size, -8, -8)], [8, 9], mineral, 2.5),
            _rod([ankle + at(0, -35, -32), ankle + at(0, 40, -30), ankle + at(0, 130, -45)], [22, 16, 10], mineral),
        ]  # fmt: skip
    return found, hip, knee


def _flesh(
    spine: Array, landmarks: dict[str, Array], limbs: list[Rod | Solid], reach: Array, girth: float
) -> list[Rod | Solid]:
    """Trunk, neck, head and limbs as water."""
    found: list[Rod | Solid] = []
    for z in np.arange(-190.0, float(spine[LUMBAR + 11][2]) + 12, 13.0):
        wide = np.interp(z, [-170, -60, 60, 200, 420, 480], [170, 175, 140, 145, 165, 110]) * girth
        deep = np.interp(z, [-170, -60, 60, 200, 420, 480], [95, 112, 100, 105, 85, 55]) * girth
        x = float(np.interp(z, spine[:, 2], spine[:, 0]))
        y = float(np.interp(z, spine[:, 2], spine[:, 1])) + 0.42 * deep
        found.append(Solid(at(x, y, z), at(wide, deep, 40.0), OVERLAP, OVERLAP))
    neck = spine[-6:] + at(0, 12, 0)
    found.append(Rod(neck, np.full(6, 50.0 * girth), 1.0, 1.0))
    found.append(Solid(landmarks["head"], at(82, 102, 118.0) * girth**0.5, 1.0, 1.0))
    for limb in limbs:
        if isinstance(limb, Rod) and limb.shell_mm >= 2.5:
            found.append(Rod(limb.points, (limb.radii * 0.6 + 32) * girth, 1.0, 1.0))
    return found


def _breasts(spine: Array, reach: Array, size: float, rng: np.random.Generator) -> list[Rod | Solid]:
    """Of half of all bodies."""
    if rng.random() < 0.5:
        return []
    half = at(rng.uniform(45, 70), rng.uniform(18, 45), rng.uniform(45, 70)) * size
    middle = spine[LUMBAR + 4] + at(0, 2 * float(reach[4, 1]) - 5, rng.uniform(-25, 20))
    return [Solid(middle + at(side * 78 * size, 0, 0), half, 1.0, 1.0) for side in (-1.0, 1.0)]


def _cavities(spine: Array, reach: Array, size: float, rng: np.random.Generator) -> list[Rod | Solid]:
    """Lungs, windpipe, mediastinum and heart (denser again) and gas in stomach and bowel."""
    found: list[Rod | Solid] = []
    middle = spine[LUMBAR + 5]
    for side in (-1.0, 1.0):
        centre = middle + size * at(side * 66, 52, 20.0)
        found.append(Solid(centre, size * at(66, 88, 138.0), -0.72, -0.72, 0.0, 0.1, rng.uniform(1.9, 2.5)))
        dome = centre - size * at(0, 10, rng.uniform(88, 130) + 8 * side)  # liver and spleen below the diaphragm
        found.append(Solid(dome, size * at(72, 92, 52.0), 0.72, 0.72))
    wide = rng.uniform(22, 38)  # wider towards the heart
    found.append(Solid(middle + size * at(0, 50, 70.0), size * at(wide, 80, 110.0), 0.72, 0.72))
    found.append(Solid(middle + size * at(4, 50, -50.0), size * at(1.2 * wide, 80, 90.0), 0.72, 0.72))
    found.append(Solid(middle + size * at(24, 95, -42.0), size * at(rng.uniform(52, 75), 48, 62.0), 0.66, 0.66))
    found.append(Solid(middle + size * at(26, 40, 62.0), size * at(20, 24, 20.0), 0.6, 0.6))  # arch of the aorta
    throat = spine[LUMBAR + 9 :] + size * at(0, 34, 0.0)
    found.append(Rod(throat, np.full(len(throat), 9.0 * size), -0.95, -0.95))
    return found + _gas(size, rng)


def _gas(size: float, rng: np.random.Generator) -> list[Rod | Solid]:
    """Bubbles on their own, and loops of bowel as chains of them."""
    found: list[Rod | Solid] = []
    for _ in range(int(rng.integers(1, 9))):
        middle = at(rng.normal(0, 75), rng.normal(75, 30), rng.uniform(-90, 170)) * size
        found.append(Solid(middle, rng.uniform(8, 30, 3) * size, -0.9, -0.9))
    for _ in range(int(rng.integers(0, 6))):
        middle, way = at(rng.normal(0, 70), rng.normal(75, 25), rng.uniform(-100, 150)), rng.uniform(0, 2 * math.pi)
        for _ in range(int(rng.integers(3, 10))):
            way += rng.normal(0, 0.6)
            middle = middle + rng.uniform(8, 18) * at(math.cos(way), rng.normal(0, 0.3), math.sin(way))
            found.append(Solid(middle * size, rng.uniform(5, 14, 3) * size, -0.8, -0.8))
    return found
