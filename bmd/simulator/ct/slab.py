"""Samples a person on any plane: soft tissue painted organ by organ (bone: ``bone_slab``).

A plane is ``origin + row * down + column * right`` in the patient frame (mm: x left, y anterior, z cranial), so an
axial slice, a sagittal plane and an oblique coronal slab are rendered alike, and none needs the whole volume.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bmd.simulator.kernel import kernel
from bmd.simulator.person.bones import Vertebra
from bmd.simulator.person.femur import blob
from bmd.simulator.person.pelvis import capsule
from bmd.simulator.record import F32, Array, Labels, Pose, Record, Window

AIR, SKIN, FAT, MUSCLE, CAVITY, LUNG = 0, 1, 2, 3, 4, 5
"""What the torso is made of before organs are painted."""

CAPSULE, ELLIPSOID = 0.0, 1.0
DISC_HU, CANAL_HU, EPIDURAL_FAT_HU = 62.0, 22.0, -70.0
PROFILE_STEPS_PER_MM = 0.5


class Outline(Record):
    """The torso at one height: middle, reach to the sides, to the front and back, and layers from the skin inwards."""

    middle_x_mm: float
    middle_y_mm: float
    half_width_mm: float
    front_mm: float
    back_mm: float
    fat_side_mm: float
    fat_front_mm: float
    fat_back_mm: float
    wall_side_mm: float
    wall_front_mm: float
    wall_back_mm: float
    leg_x_mm: float
    """Distance of the thighs' middles from the body's; 0 above them."""


class Lung(Record):
    """The diaphragm: heights of its domes, y of their middle, reach and fall to the front and behind."""

    right_mm: float
    left_mm: float
    middle_y_mm: float
    reach_mm: float
    fall_behind_mm: float
    fall_before_mm: float
    lowest_mm: float
    """Where the recess of the lung ends."""


class Tone(Record):
    """Attenuation of fat and muscle, and how much of the muscle is streaked by fat."""

    fat_hu: float
    muscle_hu: float
    streaks: float


class Shape(Record):
    """An organ or a part of one: a tapered rod, or an upright ellipsoid that may be sheared."""

    kind: float
    """``CAPSULE`` or ``ELLIPSOID``."""
    x_mm: float
    y_mm: float
    z_mm: float
    end_x_mm: float
    """The other end of a rod; the half axes of an ellipsoid."""
    end_y_mm: float
    end_z_mm: float
    radius_mm: float
    end_radius_mm: float
    flat: float
    """Of a rod: how much it is flattened from front to back; of an ellipsoid: shear sideways per mm of height."""
    hu: float
    rim_hu: float
    rim_mm: float
    warp_mm: float
    """How lumpy its surface is."""
    grain_hu: float
    """How uneven its inside is."""
    gas_mm: float
    """Gas stands this far and further in front of its middle."""
    zones: float
    """Bits of the zones it may be painted in."""
    reach_mm: float
    """Radius of a ball around its middle that holds it."""
    spot: float
    """Gas bubbles where the grain exceeds this; 0: none."""
    pitch: float
    """Of an ellipsoid: shear forward per mm of height."""


Profile = NDArray[np.void]
"""``Outline`` by height, one per 2 mm."""
Shapes = NDArray[np.void]
"""``Shape`` in the order of painting."""


class Frame(NamedTuple):
    """A plane in the patient frame, mm, float32 (3,): the first pixel, and the steps to the right and down."""

    origin: F32
    right: F32
    down: F32

    @classmethod
    def of(cls, origin: Array, right: Array, down: Array) -> Frame:
        """Rounded to float32."""
        return cls(origin.astype(np.float32), right.astype(np.float32), down.astype(np.float32))


class Soft(NamedTuple):
    """A picture (H, W) of soft tissue: HU, and the zone of the torso each pixel lies in."""

    hu: F32
    zone: Labels


class Trunk(NamedTuple):
    """What the torso is painted from; ``texture`` is a periodic cube of noise, ``bottom_mm`` the profile's first z."""

    profile: Profile
    bottom_mm: float
    texture: F32
    lung: Lung
    tone: Tone


@kernel
def noise_at(x: float, y: float, z: float, table: F32) -> float:
    """Trilinear sample of a periodic cube of noise; coordinates in cells."""
    n = table.shape[0]
    fx = math.floor(x)
    fy = math.floor(y)
    fz = math.floor(z)
    i = int(fx) % n
    j = int(fy) % n
    k = int(fz) % n
    u = x - fx
    v = y - fy
    w = z - fz
    i1 = (i + 1) % n
    j1 = (j + 1) % n
    k1 = (k + 1) % n
    a: float = (table[i, j, k] * (1 - u) + table[i1, j, k] * u) * (1 - v) + (
        table[i, j1, k] * (1 - u) + table[i1, j1, k] * u
    ) * v
    b: float = (table[i, j, k1] * (1 - u) + table[i1, j, k1] * u) * (1 - v) + (
        table[i, j1, k1] * (1 - u) + table[i1, j1, k1] * u
    ) * v
    return a * (1 - w) + b * w


@kernel
def dome(x: float, y: float, cx: float, half_w: float, lung: Lung) -> float:
    """Height of the diaphragm over a point."""
    side = (x - cx) / half_w
    if abs(side) < 0.38 and y > lung.middle_y_mm - 12.0:  # the heart's place
        return 1e6
    top = lung.right_mm if side < 0 else lung.left_mm
    u = (abs(side) - 0.45) / 0.5
    v = (y - lung.middle_y_mm) / lung.reach_mm
    r = u * u + v * v
    fall = lung.fall_behind_mm if y < lung.middle_y_mm else lung.fall_before_mm
    return top - fall * min(1.6, r * (0.35 + 0.65 * r))


@kernel
def between(a: float, b: float, w: float) -> float:
    """Straight from ``a`` to ``b``."""
    return a * (1.0 - w) + b * w


@kernel
def under_skin(
    x: float, y: float, z: float, profile: Profile, z0: float
) -> tuple[float, float, float, float, float, float]:
    """(depth under the skin, fat and muscle there, middle x, half width, legs apart), mm; depth < 0 outside."""
    at = min(max((z - z0) * PROFILE_STEPS_PER_MM, 0.0), profile.shape[0] - 1.001)
    k = int(at)
    w = at - k
    a = profile[k]
    b = profile[k + 1]
    cx = between(a.middle_x_mm, b.middle_x_mm, w)
    dx = x - cx
    dy = y - between(a.middle_y_mm, b.middle_y_mm, w)
    half = between(a.half_width_mm, b.half_width_mm, w)
    leg = between(a.leg_x_mm, b.leg_x_mm, w)
    if leg > 0.0:
        dx = abs(dx) - leg
        half -= leg
    ahead = dy > 0
    deep = between(a.front_mm, b.front_mm, w) if ahead else between(a.back_mm, b.back_mm, w)
    sx = (dx / half) ** 2
    sy = (dy / deep) ** 2
    if sx > 1.0 or sy > 1.0:
        return -1.0, 0.0, 0.0, cx, half, leg
    r2 = sx + sy + 1e-9
    rho = math.sqrt(0.55 * math.sqrt(sx * sx + sy * sy) + 0.45 * r2)
    depth = (1.0 - rho) * (half * sx + deep * sy) / r2
    sx /= r2
    sy /= r2
    fat_ahead = between(a.fat_front_mm, b.fat_front_mm, w) if ahead else between(a.fat_back_mm, b.fat_back_mm, w)
    wall_ahead = between(a.wall_front_mm, b.wall_front_mm, w) if ahead else between(a.wall_back_mm, b.wall_back_mm, w)
    fat = sx * between(a.fat_side_mm, b.fat_side_mm, w) + sy * fat_ahead
    wall = sx * between(a.wall_side_mm, b.wall_side_mm, w)
    wall += sy * wall_ahead
    return depth, fat, wall, cx, half, leg


@kernel
def paint_torso(soft: Soft, frame: Frame, trunk: Trunk) -> None:
    """Fill a plane with air, skin, fat, muscle, visceral fat and lung."""
    hu, zone = soft.hu, soft.zone
    origin, right, down = frame.origin, frame.right, frame.down
    lung, tone, table = trunk.lung, trunk.tone, trunk.texture
    for r in range(hu.shape[0]):
        for c in range(hu.shape[1]):
            x = origin[0] + r * down[0] + c * right[0]
            y = origin[1] + r * down[1] + c * right[1]
            z = origin[2] + r * down[2] + c * right[2]
            depth, fat, wall, cx, half, leg = under_skin(x, y, z, trunk.profile, trunk.bottom_mm)
            hu[r, c] = -1000.0
            zone[r, c] = AIR
            if depth <= 0.0:
                continue
            if depth < 1.8:
                hu[r, c] = 10.0
                zone[r, c] = SKIN
                continue
            n = noise_at(x * 0.09, y * 0.09, z * 0.09, table)
            fat += 2.0 * n
            if depth < fat:
                hu[r, c] = tone.fat_hu + 5.0 * n
                zone[r, c] = FAT
            elif depth < fat + wall:
                m = noise_at(x * 0.045 + 9.0, y * 0.045, z * 0.02, table)
                streak = abs(m) < tone.streaks * min(1.0, wall / 25.0)
                hu[r, c] = tone.fat_hu + 20.0 if streak else tone.muscle_hu + 4.0 * n
                zone[r, c] = MUSCLE
            elif leg <= 0.0 and z > lung.lowest_mm and z > dome(x, y, cx, half - fat - wall, lung):
                zone[r, c] = LUNG
                vessel = noise_at(x * 0.12, y * 0.12, z * 0.12, table) > 1.9
                hu[r, c] = -350.0 if vessel else -850.0 + 25.0 * n
            else:
                zone[r, c] = CAVITY
                hu[r, c] = tone.fat_hu - 3.0 + 7.0 * n


@kernel
def depth_in(s: Shape, x: float, y: float, z: float) -> tuple[float, float]:
    """Depth below the surface of a shape, mm, negative outside; and the y of its middle."""
    if s.kind == CAPSULE:
        flat = s.flat
        d = capsule(
            x, y * flat, z, s.x_mm, s.y_mm * flat, s.z_mm, s.end_x_mm, s.end_y_mm * flat, s.end_z_mm, s.radius_mm,
            s.end_radius_mm,
        )  # fmt: skip
        return d, s.y_mm + (s.end_y_mm - s.y_mm) * 0.5
    ex = x - s.x_mm
    ez = z - s.z_mm
    d = blob(ex + s.flat * ez, y - s.y_mm + s.pitch * ez, ez, s.end_x_mm, s.end_y_mm, s.end_z_mm)
    return d, s.y_mm


@kernel
def paint_shape(soft: Soft, window: Window, frame: Frame, s: Shape, table: F32, pixel_mm: float) -> None:
    """Paint one capsule or ellipsoid over what is there, in the zones it may enter, with soft edges."""
    hu, zone = soft.hu, soft.zone
    origin, right, down = frame.origin, frame.right, frame.down
    zones = int(s.zones)
    for r in range(window.row, window.end_row):
        for c in range(window.column, window.end_column):
            if not (zones >> int(zone[r, c])) & 1:
                continue
            x = origin[0] + r * down[0] + c * right[0]
            y = origin[1] + r * down[1] + c * right[1]
            z = origin[2] + r * down[2] + c * right[2]
            d, middle = depth_in(s, x, y, z)
            if d < -3.0 * s.warp_mm - pixel_mm:
                continue
            if s.warp_mm > 0.0:
                d += s.warp_mm * noise_at(x * 0.035 + s.x_mm * 0.3, y * 0.035, z * 0.035 + s.y_mm * 0.1, table)
            cover = 0.5 + d / pixel_mm
            if cover <= 0.0:
                continue
            value = s.hu
            if s.grain_hu != 0.0:
                g = noise_at(x * 0.16 + s.x_mm, y * 0.16, z * 0.16, table)
                value += s.grain_hu * g
                if s.spot > 0.0 and g > s.spot:
                    value = -600.0
            if y - middle > s.gas_mm:
                value = -930.0
            if d < s.rim_mm:
                value = s.rim_hu
            cover = min(1.0, cover)
            hu[r, c] += cover * (value - hu[r, c])


@kernel
def paint_shapes(
    soft: Soft, windows: NDArray[np.int64], frame: Frame, shapes: Shapes, table: F32, pixel_mm: float
) -> None:
    """Paint shapes one over the other; ``windows`` (n, 5): which shape, then where (``Window``)."""
    for k in range(windows.shape[0]):
        place = Window(windows[k, 1], windows[k, 2], windows[k, 3], windows[k, 4])
        paint_shape(soft, place, frame, shapes[windows[k, 0]], table, pixel_mm)


@kernel
def paint_column(soft: Soft, window: Window, frame: Frame, pose: Pose, p: Vertebra, gap_mm: float) -> None:
    """Disc of height ``gap_mm`` below a vertebra and the dural sac behind it, before its bone is drawn."""
    hu, zone, m = soft.hu, soft.zone, pose.turn
    origin, right, down, centre = frame.origin, frame.right, frame.down, pose.centre_mm
    for r in range(window.row, window.end_row):
        for c in range(window.column, window.end_column):
            if zone[r, c] < MUSCLE:
                continue
            x = origin[0] + r * down[0] + c * right[0] - centre[0]
            y = origin[1] + r * down[1] + c * right[1] - centre[1]
            z = origin[2] + r * down[2] + c * right[2] - centre[2]
            lx = m[0, 0] * x + m[0, 1] * y + m[0, 2] * z
            ly = m[1, 0] * x + m[1, 1] * y + m[1, 2] * z
            lz = m[2, 0] * x + m[2, 1] * y + m[2, 2] * z
            low = -p.half_height_mm - gap_mm - 2.0
            if lz > p.half_height_mm + 2.0 or lz < low:
                continue
            u = lx / p.half_width_mm
            v = (ly - 0.08 * p.half_depth_mm) / (0.93 * p.half_depth_mm)
            e = u * u + v * v
            if e < 1.04:
                hu[r, c] = DISC_HU + 25.0 * min(1.0, e * e) - (25.0 if lz > 0.0 else 0.0)
                continue
            cy = ly + 0.84 * p.half_depth_mm + 9.0
            e = (lx / 12.5) ** 2 + (cy / 9.0) ** 2
            if e < 1.0:
                hu[r, c] = CANAL_HU if e < 0.72 else EPIDURAL_FAT_HU
