"""Proximal femora for CT: head, neck, trochanters, lesser trochanter, shaft, trabecular groups, and their DXA regions.

The frame is that of ``pelvis.hip_density`` (both sides alike: |x| lateral, y anterior, z cranial, in mm of the
reference pelvis), so that the head sits in its socket. Mineral is a shape times two factors, one for the neck and one
for the rest, chosen so that an ideal hip DXA scan (projection on the plane of neck and shaft, neck box 15 mm wide,
total hip from the neck box to 10 mm below the lesser trochanter) of a typical femur would read the person's femoral
neck and total hip BMD but for the error and the age of their reading (``density.held``). Trabecular bone and cortex
then scatter between people, and nothing is scaled back: of no one person is a reading exact, unless of the same day.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from bmd.simulator.kernel import kernel
from bmd.simulator.person import density, pelvis
from bmd.simulator.person.pelvis import Hips
from bmd.simulator.person.sample import Person
from bmd.simulator.record import Array, Record


class Femur(Record):
    """A proximal femur in the frame of the reference pelvis."""

    head_x_mm: float
    head_y_mm: float
    head_z_mm: float
    radius_mm: float
    """Of the head."""
    neck_x: float
    neck_y: float
    neck_z: float
    """Unit vector from the head down the neck."""
    length_mm: float
    """Of the neck's axis, from the centre of the head to the axis of the shaft."""
    up_x: float
    up_y: float
    up_z: float
    """Unit vector across the neck in the plane of neck and shaft: up in a hip DXA scan."""
    thickness: float
    """Factor on the thickness of the cortex."""
    cortical_g_cm3: float
    core_g_cm3: float
    neck_factor: float
    rest_factor: float
    ward: float
    """How empty Ward's triangle is, 0..1."""

    @property
    def head_mm(self) -> NDArray[np.float32]:
        """Centre of the head (3,)."""
        return np.array([self.head_x_mm, self.head_y_mm, self.head_z_mm], np.float32)

    @property
    def neck(self) -> NDArray[np.float32]:
        """Unit vector from the head down the neck (3,)."""
        return np.array([self.neck_x, self.neck_y, self.neck_z], np.float32)


NECK_BOX = (20.0, 35.0)
"""Where the neck region lies on the neck axis, mm from the centre of the head (15 mm wide, as Hologic's)."""

TOTAL_END = -62.0
"""Lower end of the total hip, mm above the crossing of neck and shaft axes."""


CORE_SD, WALL_SD = 0.20, 0.12
"""SD of the log of trabecular mineral and of the thickness of the cortex at one age and areal density, between people:
assumptions, set so that all bone of a hip tells no more of T than docs/simulator.md says (r .80, it was .94)."""

SIDE_SD = 0.025
"""SD of the log of one hip's mineral over the other's."""


@kernel
def smooth_max(a: float, b: float, k: float) -> float:
    """Maximum of two depths with the crease filled over ``k`` mm."""
    h = max(0.0, k - abs(a - b)) / k
    return max(a, b) + h * h * k * 0.25


@kernel
def blob(x: float, y: float, z: float, a: float, b: float, c: float) -> float:
    """About the depth in mm below the surface of an ellipsoid; negative outside."""
    k0 = math.sqrt((x / a) ** 2 + (y / b) ** 2 + (z / c) ** 2)
    k1 = math.sqrt((x / (a * a)) ** 2 + (y / (b * b)) ** 2 + (z / (c * c)) ** 2)
    if k1 < 1e-6:
        return min(a, min(b, c))
    return k0 * (1.0 - k0) / k1


@kernel
def smoothstep(x: float, low: float, high: float) -> float:
    """0 below ``low``, 1 above ``high``, smooth between."""
    t = min(1.0, max(0.0, (x - low) / (high - low)))
    return t * t * (3.0 - 2.0 * t)


@kernel
def femur_depth(x: float, y: float, z: float, p: Femur) -> float:
    """Depth in mm below the surface of the femur; the point is given from the centre of the head."""
    t = x * p.neck_x + y * p.neck_y + z * p.neck_z
    sx = x - p.length_mm * p.neck_x
    sy = y - p.length_mm * p.neck_y
    sz = z - p.length_mm * p.neck_z
    d = p.radius_mm - math.sqrt(x * x + y * y + z * z)
    if 0.0 < t < p.length_mm + 8.0:
        a = x * p.up_x + y * p.up_y + z * p.up_z
        b2 = max(0.0, x * x + y * y + z * z - t * t - a * a)
        waist = (t - 27.0) / 20.0
        neck = p.radius_mm * (0.66 + 0.17 * min(1.0, waist * waist)) - math.sqrt(a * a + b2 * 1.35)
        d = smooth_max(d, neck, 6.0)
    d = smooth_max(d, blob(sx - 9.0, sy + 7.0, sz - 7.0, 13.0, 17.0, 22.0), 7.0)
    block = pelvis.capsule(sx, sy, sz, 2.0, 0.0, 0.0, -3.0, 0.0, -45.0, 19.0, 15.5)
    d = smooth_max(d, block, 7.0)
    d = smooth_max(d, blob(sx + 13.0, sy + 13.0, sz + 40.0, 9.0, 8.5, 13.0), 6.0)
    if sz < -20.0:
        shaft = pelvis.capsule(sx, sy, sz, -3.0, 0.0, -40.0, -24.0, 8.0, -240.0, 15.5, 13.5)
        d = smooth_max(d, shaft, 5.0)
    return d


@kernel
def femur_mineral(x: float, y: float, z: float, p: Femur) -> tuple[float, float, float]:
    """(mineral in g/cm3, share of yellow marrow, depth in mm; negative outside), from the centre of the head."""
    if x < -p.radius_mm - 3.0 or x > 95.0 or y < -60.0 or y > 50.0 or z > p.radius_mm + 12.0:
        return 0.0, 0.0, -1.0
    depth = femur_depth(x, y, z, p)
    if depth <= 0.0:
        return 0.0, 0.0, -1.0
    t = x * p.neck_x + y * p.neck_y + z * p.neck_z
    a = x * p.up_x + y * p.up_y + z * p.up_z
    sz = z - p.length_mm * p.neck_z
    low = smoothstep(-sz, 5.0, 75.0)  # 0 at the trochanters, 1 in the shaft
    calcar = smoothstep(t, 12.0, 30.0) * smoothstep(-a, 4.0, 12.0) * (1.0 - smoothstep(-sz, 20.0, 50.0))
    wall = 0.75 + 4.6 * low + 2.0 * calcar * (1.0 - low)
    wall *= p.thickness
    spread = max(wall, 1.1)
    g = depth / spread
    g = g * g
    rind = p.cortical_g_cm3 * (wall / spread) * math.exp(-g * g)
    rest = smoothstep(t, 38.0, 50.0)
    line = (x + 0.42 * (z - p.radius_mm)) / 10.0  # principal compressive group, from the top of the head to the calcar
    compress = math.exp(-line * line) * (1.0 - smoothstep(t, 30.0, 48.0))
    ax = x - p.length_mm * p.neck_x + 26.0
    az = sz + 22.0
    arc = (math.sqrt(ax * ax + az * az) - 47.0) / 6.0  # principal tensile group, an arch over the neck
    tension = math.exp(-arc * arc)
    wx = (t - 33.0) / 9.0
    wz = (a + 3.0) / 8.0
    ward = math.exp(-wx * wx - wz * wz)
    lateral = smoothstep(t, 36.0, 52.0)
    core = p.core_g_cm3 * (1.0 - 0.35 * lateral + 0.7 * compress + 0.35 * tension * (1.0 - 0.5 * lateral))
    core *= (1.0 - p.ward * ward) * (1.0 - 0.93 * smoothstep(-sz, 25.0, 70.0))
    factor = p.neck_factor * (1.0 - rest) + p.rest_factor * rest
    return factor * (core + rind), 0.75 + 0.2 * lateral, depth


@kernel
def dxa_sums(p: Femur, step: float, end: float) -> Array:
    """Content (neck part, rest part) and area of neck and total hip as a hip scan would see them: mm3 and mm2."""
    out = np.zeros(6)
    wx = p.neck_y * p.up_z - p.neck_z * p.up_y
    wy = p.neck_z * p.up_x - p.neck_x * p.up_z
    wz = p.neck_x * p.up_y - p.neck_y * p.up_x
    for t in np.arange(20.0 + 0.5 * step, 125.0, step):
        for a in np.arange(-95.0 + 0.5 * step, 60.0, step):
            if t * p.neck_z + a * p.up_z - p.length_mm * p.neck_z < end:
                continue
            hit = False
            for b in np.arange(-34.0 + 0.5 * step, 34.0, step):
                x = t * p.neck_x + a * p.up_x + b * wx
                y = t * p.neck_y + a * p.up_y + b * wy
                z = t * p.neck_z + a * p.up_z + b * wz
                d, _, depth = femur_mineral(x, y, z, p)
                if depth <= 0.0:
                    continue
                hit = True
                rest = smoothstep(t, 38.0, 50.0)
                neck = p.neck_factor * (1.0 - rest)
                share = neck / (neck + p.rest_factor * rest)
                out[2] += d * share
                out[3] += d * (1.0 - share)
                if t < 35.0:
                    out[0] += d * share
                    out[1] += d * (1.0 - share)
            if hit:
                out[5] += 1.0
                if t < 35.0:
                    out[4] += 1.0
    out[:4] *= step**3
    out[4:] *= step**2
    return out


def areal_density(p: Femur, scale: float, step: float = 0.8) -> tuple[float, float, float, float]:
    """Femoral neck BMD and total hip BMD in g/cm2, and their areas in cm2, of a femur magnified ``scale`` times."""
    sums = dxa_sums(p, step, TOTAL_END)
    thick = 0.1 * scale  # mm of the reference pelvis to cm of the person
    neck, hip = (sums[0] + sums[1]) / sums[4] * thick, (sums[2] + sums[3]) / sums[5] * thick
    return float(neck), float(hip), float(sums[4] * (scale / 10) ** 2), float(sums[5] * (scale / 10) ** 2)


def build_femora(person: Person, hips: Hips, rng: np.random.Generator, same_day: bool = False) -> tuple[Femur, Femur]:
    """Parameters of the right and the left femur: what the person's hip BMD says of the left one, with its scatter.

    Parameters
    ----------
    person : Person
    hips : Hips
        ``Skeleton.hips``: where the sockets are.
    rng : numpy.random.Generator
    same_day : bool
        The left femur reads exactly the person's BMD; see ``density.held``. As much is drawn either way.
    """
    p = Femur.of(head_x_mm=hips.head_x_mm, head_y_mm=hips.head_y_mm, head_z_mm=hips.head_z_mm)
    p.radius_mm = hips.head_radius_mm * 0.97
    neck_shaft, version = math.radians(rng.normal(127, 4)), math.radians(rng.normal(11, 5))
    side, down = math.sin(neck_shaft), -math.cos(neck_shaft)
    u = np.array([side * math.cos(version), -side * math.sin(version), -down])
    v = np.array([down * math.cos(version), -down * math.sin(version), side])
    p.neck_x, p.neck_y, p.neck_z = u
    p.up_x, p.up_y, p.up_z = v
    p.length_mm = hips.neck_length_mm * 0.96
    neck, hip = density.held(person, ("femoral_neck", "total_hip"), rng, same_day).values()
    age = person.body.age_y
    p.thickness, p.cortical_g_cm3 = (hip / 0.9) ** 0.45, 0.95
    p.core_g_cm3 = 0.21 * (neck / 0.8) ** 0.9 * (1.2 - 0.005 * (age - 30))
    wall, core = (math.exp(rng.normal(0, sd) - sd**2 / 2) for sd in (WALL_SD, CORE_SD))
    p.ward = float(np.clip(0.35 + 0.005 * (age - 30) + rng.normal(0, 0.1), 0.1, 0.85))
    own = p.copy()
    own.thickness, own.core_g_cm3 = float(np.clip(p.thickness * wall, 0.5, 1.6)), p.core_g_cm3 * core
    left = own.copy()
    fitted = fit_factors(own if same_day else p, neck, hip, float(hips.scale))
    left.neck_factor, left.rest_factor = fitted.neck_factor, fitted.rest_factor
    right = left.copy()
    factor = math.exp(rng.normal(0, SIDE_SD))
    right.neck_factor *= factor
    right.rest_factor *= factor
    return right, left


def fit_factors(p: Femur, neck: float, hip: float, scale: float, step: float = 1.0) -> Femur:
    """The same femur with the factors that give these areal densities (g/cm2): two linear equations."""
    p = p.copy()
    p.neck_factor = p.rest_factor = 1.0
    sums = dxa_sums(p, step, TOTAL_END)
    wanted = np.array([neck * sums[4], hip * sums[5]]) / (0.1 * scale)
    factors = np.linalg.solve(sums[:4].reshape(2, 2), wanted)
    if factors.min() < 0.2:  # a hip unlike its neck beyond what the shape can carry: keep the total
        factors = np.full(2, wanted[1] / sums[2:4].sum())
    p.neck_factor, p.rest_factor = factors
    return p
