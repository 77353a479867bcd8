"""Samples a person on any plane: soft tissue painted organ by organ (bone: ``bone_slab``).

A plane is ``origin + row * down + column * right`` in the patient frame (mm: x left, y anterior, z cranial), so an
axial slice, a sagittal plane and an oblique coronal slab are rendered alike, and none needs the whole volume.
"""

from __future__ import annotations

import math

from bmd.simulator.kernel import kernel
from bmd.simulator.person.femur import blob
from bmd.simulator.person.pelvis import capsule

AIR, SKIN, FAT, MUSCLE, CAVITY, LUNG = 0, 1, 2, 3, 4, 5
"""What the torso is made of before organs are painted."""

# Columns of the torso's profile, one row per 2 mm of height.
CX, CY, HALF_W, HALF_FRONT, HALF_BACK, FAT_SIDE, FAT_FRONT, FAT_BACK, WALL_SIDE, WALL_FRONT, WALL_BACK, LEG_X = range(
    12
)
PROFILE_SIZE = 12

# Numbers of a painted shape.
KIND, P0, P1, R0, R1, FLAT, HU, RIM_HU, RIM_MM, WARP, GRAIN, GAS, ZONES, REACH, SPOT, PITCH = (
    0, 1, 4, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19,
)  # fmt: skip
SHAPE_SIZE = 20
CAPSULE, ELLIPSOID = 0.0, 1.0


@kernel
def noise_at(x, y, z, table):
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
    a = (table[i, j, k] * (1 - u) + table[i1, j, k] * u) * (1 - v) + (
        table[i, j1, k] * (1 - u) + table[i1, j1, k] * u
    ) * v
    b = (table[i, j, k1] * (1 - u) + table[i1, j, k1] * u) * (1 - v) + (
        table[i, j1, k1] * (1 - u) + table[i1, j1, k1] * u
    ) * v
    return a * (1 - w) + b * w


@kernel
def dome(x, y, cx, half_w, lung):
    """Height of the diaphragm over a point; ``lung``: dome height right, left, front edge, depth of the recess."""
    side = (x - cx) / half_w
    if abs(side) < 0.38 and y > lung[2] - 12.0:  # the heart's place
        return 1e6
    top = lung[0] if side < 0 else lung[1]
    u = (abs(side) - 0.45) / 0.5
    v = (y - lung[2]) / lung[3]
    r = u * u + v * v
    fall = lung[4] if y < lung[2] else lung[5]
    return top - fall * min(1.6, r * (0.35 + 0.65 * r))


@kernel
def between(a, b, w, column):
    """A column of the profile between two of its rows."""
    return a[column] * (1.0 - w) + b[column] * w


@kernel
def under_skin(x, y, z, profile, z0):
    """(depth under the skin, fat and muscle there, middle x, half width, legs apart), mm; depth < 0 outside."""
    at = min(max((z - z0) * 0.5, 0.0), profile.shape[0] - 1.001)
    k = int(at)
    w = at - k
    a = profile[k]
    b = profile[k + 1]
    cx = between(a, b, w, CX)
    dx = x - cx
    dy = y - between(a, b, w, CY)
    half = between(a, b, w, HALF_W)
    leg = between(a, b, w, LEG_X)
    if leg > 0.0:
        dx = abs(dx) - leg
        half -= leg
    ahead = dy > 0
    deep = between(a, b, w, HALF_FRONT) if ahead else between(a, b, w, HALF_BACK)
    sx = (dx / half) ** 2
    sy = (dy / deep) ** 2
    if sx > 1.0 or sy > 1.0:
        return -1.0, 0.0, 0.0, cx, half, leg
    r2 = sx + sy + 1e-9
    rho = math.sqrt(0.55 * math.sqrt(sx * sx + sy * sy) + 0.45 * r2)
    depth = (1.0 - rho) * (half * sx + deep * sy) / r2
    sx /= r2
    sy /= r2
    fat = sx * between(a, b, w, FAT_SIDE) + sy * (between(a, b, w, FAT_FRONT) if ahead else between(a, b, w, FAT_BACK))
    wall = sx * between(a, b, w, WALL_SIDE)
    wall += sy * (between(a, b, w, WALL_FRONT) if ahead else between(a, b, w, WALL_BACK))
    return depth, fat, wall, cx, half, leg


@kernel
def paint_torso(hu, zone, origin, right, down, profile, z0, table, lung, tone):
    """Fill a plane with air, skin, fat, muscle, visceral fat and lung; ``tone``: HU of fat, of muscle, streaks."""
    for r in range(hu.shape[0]):
        for c in range(hu.shape[1]):
            x = origin[0] + r * down[0] + c * right[0]
            y = origin[1] + r * down[1] + c * right[1]
            z = origin[2] + r * down[2] + c * right[2]
            depth, fat, wall, cx, half, leg = under_skin(x, y, z, profile, z0)
            hu[r, c] = -1000.0
            zone[r, c] = 0
            if depth <= 0.0:
                continue
            if depth < 1.8:
                hu[r, c] = 10.0
                zone[r, c] = 1
                continue
            n = noise_at(x * 0.09, y * 0.09, z * 0.09, table)
            fat += 2.0 * n
            if depth < fat:
                hu[r, c] = tone[0] + 5.0 * n
                zone[r, c] = 2
            elif depth < fat + wall:
                m = noise_at(x * 0.045 + 9.0, y * 0.045, z * 0.02, table)
                streak = abs(m) < tone[2] * min(1.0, wall / 25.0)
                hu[r, c] = tone[0] + 20.0 if streak else tone[1] + 4.0 * n
                zone[r, c] = 3
            elif leg <= 0.0 and z > lung[6] and z > dome(x, y, cx, half - fat - wall, lung):
                zone[r, c] = 5
                vessel = noise_at(x * 0.12, y * 0.12, z * 0.12, table) > 1.9
                hu[r, c] = -350.0 if vessel else -850.0 + 25.0 * n
            else:
                zone[r, c] = 4
                hu[r, c] = tone[0] - 3.0 + 7.0 * n


@kernel
def paint_shape(hu, zone, r0, r1, c0, c1, origin, right, down, s, table, pixel):
    """Paint one capsule or ellipsoid over what is there, in the zones it may enter, with soft edges."""
    zones = int(s[ZONES])
    flat = s[FLAT]
    for r in range(r0, r1):
        for c in range(c0, c1):
            if not (zones >> int(zone[r, c])) & 1:
                continue
            x = origin[0] + r * down[0] + c * right[0]
            y = origin[1] + r * down[1] + c * right[1]
            z = origin[2] + r * down[2] + c * right[2]
            if s[KIND] == 0.0:
                d = capsule(x, y * flat, z, s[1], s[2] * flat, s[3], s[4], s[5] * flat, s[6], s[7], s[8])
                middle = s[2] + (s[5] - s[2]) * 0.5
            else:
                ex = x - s[1]
                ez = z - s[3]
                tilt = s[FLAT]
                qx = ex + tilt * ez
                d = blob(qx, y - s[2] + s[PITCH] * ez, ez, s[4], s[5], s[6])
                middle = s[2]
            if d < -3.0 * s[WARP] - pixel:
                continue
            if s[WARP] > 0.0:
                d += s[WARP] * noise_at(x * 0.035 + s[1] * 0.3, y * 0.035, z * 0.035 + s[2] * 0.1, table)
            cover = 0.5 + d / pixel
            if cover <= 0.0:
                continue
            value = s[HU]
            if s[GRAIN] != 0.0:
                g = noise_at(x * 0.16 + s[1], y * 0.16, z * 0.16, table)
                value += s[GRAIN] * g
                if s[SPOT] > 0.0 and g > s[SPOT]:
                    value = -600.0
            if y - middle > s[GAS]:
                value = -930.0
            if d < s[RIM_MM]:
                value = s[RIM_HU]
            cover = min(1.0, cover)
            hu[r, c] += cover * (value - hu[r, c])


@kernel
def paint_column(hu, zone, r0, r1, c0, c1, origin, right, down, centre, m, p, gap, disc_hu, canal_hu):
    """Disc below a vertebra and the dural sac behind it, before its bone is drawn."""
    for r in range(r0, r1):
        for c in range(c0, c1):
            if zone[r, c] < 3:
                continue
            x = origin[0] + r * down[0] + c * right[0] - centre[0]
            y = origin[1] + r * down[1] + c * right[1] - centre[1]
            z = origin[2] + r * down[2] + c * right[2] - centre[2]
            lx = m[0, 0] * x + m[0, 1] * y + m[0, 2] * z
            ly = m[1, 0] * x + m[1, 1] * y + m[1, 2] * z
            lz = m[2, 0] * x + m[2, 1] * y + m[2, 2] * z
            low = -p.half_height_mm - gap - 2.0
            if lz > p.half_height_mm + 2.0 or lz < low:
                continue
            u = lx / p.half_width_mm
            v = (ly - 0.08 * p.half_depth_mm) / (0.93 * p.half_depth_mm)
            e = u * u + v * v
            if e < 1.04:
                hu[r, c] = disc_hu + 25.0 * min(1.0, e * e) - (25.0 if lz > 0.0 else 0.0)
                continue
            cy = ly + 0.84 * p.half_depth_mm + 9.0
            e = (lx / 12.5) ** 2 + (cy / 9.0) ** 2
            if e < 1.0:
                hu[r, c] = canal_hu if e < 0.72 else -70.0
