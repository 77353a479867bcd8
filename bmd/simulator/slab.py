"""Samples a person on any plane: soft tissue painted organ by organ, bone by its density functions.

A plane is ``origin + row * down + column * right`` in the patient frame (mm: x left, y anterior, z cranial), so an
axial slice, a sagittal plane and an oblique coronal slab are rendered alike, and none needs the whole volume.
"""

from __future__ import annotations

import math

from bmd.simulator.bones import (
    CORTEX,
    ENDPLATE,
    HALF_DEPTH,
    HALF_HEIGHT,
    HALF_WIDTH,
    TRABECULAR,
    body_parts,
    kernel,
    posterior_density,
)
from bmd.simulator.femur import HX, HY, HZ, blob, femur_mineral
from bmd.simulator.pelvis import (
    ARC_LENGTH,
    ARC_RADIUS,
    CREST_Z,
    HEAD_RADIUS,
    I_CORE,
    S_HALF_DEPTH,
    S_HALF_WIDTH,
    SCALE,
    capsule,
    hip_density,
    sacrum_density,
)

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
def paint_torso(hu, zone, origin, right, down, profile, z0, table, lung, tone):
    """Fill a plane with air, skin, fat, muscle, visceral fat and lung; ``tone``: HU of fat, of muscle, streaks."""
    rows, columns = hu.shape
    last = profile.shape[0] - 1
    for r in range(rows):
        for c in range(columns):
            x = origin[0] + r * down[0] + c * right[0]
            y = origin[1] + r * down[1] + c * right[1]
            z = origin[2] + r * down[2] + c * right[2]
            at = min(max((z - z0) * 0.5, 0.0), last - 0.001)
            k = int(at)
            w = at - k
            a = profile[k]
            b = profile[k + 1]
            dx = x - (a[CX] * (1 - w) + b[CX] * w)
            dy = y - (a[CY] * (1 - w) + b[CY] * w)
            half = a[HALF_W] * (1 - w) + b[HALF_W] * w
            leg = a[LEG_X] * (1 - w) + b[LEG_X] * w
            if leg > 0.0:
                dx = abs(dx) - leg
                half -= leg
            deep = a[HALF_FRONT] * (1 - w) + b[HALF_FRONT] * w if dy > 0 else a[HALF_BACK] * (1 - w) + b[HALF_BACK] * w
            nx = dx / half
            ny = dy / deep
            hu[r, c] = -1000.0
            zone[r, c] = 0
            if abs(nx) > 1.0 or abs(ny) > 1.0:
                continue
            sx = nx * nx
            sy = ny * ny
            r2 = sx + sy + 1e-9
            rho = math.sqrt(0.55 * math.sqrt(sx * sx + sy * sy) + 0.45 * r2)
            t = (1.0 - rho) * (half * sx + deep * sy) / r2
            if t <= 0.0:
                continue
            sx /= r2
            sy /= r2
            if dy > 0:
                fat = sx * (a[FAT_SIDE] * (1 - w) + b[FAT_SIDE] * w) + sy * (a[FAT_FRONT] * (1 - w) + b[FAT_FRONT] * w)
                wall = sx * (a[WALL_SIDE] * (1 - w) + b[WALL_SIDE] * w) + sy * (
                    a[WALL_FRONT] * (1 - w) + b[WALL_FRONT] * w
                )
            else:
                fat = sx * (a[FAT_SIDE] * (1 - w) + b[FAT_SIDE] * w) + sy * (a[FAT_BACK] * (1 - w) + b[FAT_BACK] * w)
                wall = sx * (a[WALL_SIDE] * (1 - w) + b[WALL_SIDE] * w) + sy * (
                    a[WALL_BACK] * (1 - w) + b[WALL_BACK] * w
                )
            if t < 1.8:
                hu[r, c] = 10.0
                zone[r, c] = 1
                continue
            n = noise_at(x * 0.09, y * 0.09, z * 0.09, table)
            fat += 2.0 * n
            if t < fat:
                hu[r, c] = tone[0] + 5.0 * n
                zone[r, c] = 2
                continue
            if t < fat + wall:
                m = noise_at(x * 0.045 + 9.0, y * 0.045, z * 0.02, table)
                streak = abs(m) < tone[2] * min(1.0, wall / 25.0)
                hu[r, c] = tone[0] + 20.0 if streak else tone[1] + 4.0 * n
                zone[r, c] = 3
                continue
            zone[r, c] = 4
            if leg <= 0.0 and z > lung[6] and z > dome(x, y, x - dx, half - fat - wall, lung):
                zone[r, c] = 5
                hu[r, c] = -850.0 + 25.0 * n
                if noise_at(x * 0.12, y * 0.12, z * 0.12, table) > 1.9:
                    hu[r, c] = -350.0
                continue
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
def sample_vertebra(
    cover, mineral, body, label, value, r0, r1, c0, c1, origin, right, down, offset, weight, sub, centre, m, p
):
    """Add a vertebra's share of each pixel and its mineral (g/cm3); ``sub`` x ``sub`` points per pixel."""
    step = 1.0 / sub
    share = weight * step * step
    for r in range(r0, r1):
        for c in range(c0, c1):
            for q in range(sub * sub):
                rr = r + (q // sub + 0.5) * step - 0.5
                cc = c + (q % sub + 0.5) * step - 0.5
                x = origin[0] + rr * down[0] + cc * right[0] + offset[0] - centre[0]
                y = origin[1] + rr * down[1] + cc * right[1] + offset[1] - centre[1]
                z = origin[2] + rr * down[2] + cc * right[2] + offset[2] - centre[2]
                lx = m[0, 0] * x + m[0, 1] * y + m[0, 2] * z
                ly = m[1, 0] * x + m[1, 1] * y + m[1, 2] * z
                lz = m[2, 0] * x + m[2, 1] * y + m[2, 2] * z
                inside, wall, plate = body_parts(lx, ly, lz, p)
                if inside > 0.0:
                    d = p[TRABECULAR] + p[CORTEX] * wall + p[ENDPLATE] * plate
                    body[r, c] += share
                    label[r, c] = value
                else:
                    d = posterior_density(lx, ly, lz, p)
                    if d <= 0.0:
                        continue
                cover[r, c] += share
                mineral[r, c] += share * d


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
            low = -p[HALF_HEIGHT] - gap - 2.0
            if lz > p[HALF_HEIGHT] + 2.0 or lz < low:
                continue
            u = lx / p[HALF_WIDTH]
            v = (ly - 0.08 * p[HALF_DEPTH]) / (0.93 * p[HALF_DEPTH])
            e = u * u + v * v
            if e < 1.04:
                hu[r, c] = disc_hu + 25.0 * min(1.0, e * e) - (25.0 if lz > 0.0 else 0.0)
                continue
            cy = ly + 0.84 * p[HALF_DEPTH] + 9.0
            e = (lx / 12.5) ** 2 + (cy / 9.0) ** 2
            if e < 1.0:
                hu[r, c] = canal_hu if e < 0.72 else -70.0


@kernel
def in_first_segment(x, y, z, p):
    """Whether a point of the sacral frame lies in the body of S1."""
    if z > 0.0 or y > p[ARC_RADIUS]:
        return False
    stretch = p[ARC_LENGTH] / 131.0
    along = math.atan2(-z, p[ARC_RADIUS] - y) * p[ARC_RADIUS]
    if along > 30.0 * stretch:
        return False
    s = along / p[ARC_LENGTH]
    across = p[ARC_RADIUS] - math.sqrt((p[ARC_RADIUS] - y) ** 2 + z * z)
    depth = (p[S_HALF_DEPTH] - 3.5) * (1.0 - s) ** 1.3 + 3.5
    width = p[S_HALF_WIDTH] * (1.0 - 0.68 * s)
    return (across / depth) ** 4 + (x / width) ** 4 < 1.0


@kernel
def sample_pelvis(
    cover, mineral, yellow, body, label, femur, r0, origin, right, down, offset, weight, sub, sacral, ps, ph, table,
    obliquity, fr, fl,
):  # fmt: skip
    """Add sacrum, hip bones and femora; ``label`` gets 9 for the body of S1, ``femur`` 1 right and 2 left."""
    step = 1.0 / sub
    share = weight * step * step
    rows, columns = cover.shape
    scale = ph[SCALE]
    for r in range(r0, rows):
        for c in range(columns):
            for q in range(sub * sub):
                rr = r + (q // sub + 0.5) * step - 0.5
                cc = c + (q % sub + 0.5) * step - 0.5
                x = origin[0] + rr * down[0] + cc * right[0] + offset[0]
                y = origin[1] + rr * down[1] + cc * right[1] + offset[1]
                z = origin[2] + rr * down[2] + cc * right[2] + offset[2]
                if z > 62.0 or abs(y) > 150.0:
                    continue
                d = 0.0
                fat = 0.5
                if z < 12.0 and abs(x) < 62.0 and y < 60.0:
                    sy = sacral[1, 1] * y + sacral[1, 2] * z
                    sz = sacral[2, 1] * y + sacral[2, 2] * z
                    d = sacrum_density(x, sy, sz, ps)
                    if d < 0.03:  # the tails of its shells are not bone
                        d = 0.0
                    elif in_first_segment(x, sy, sz, ps):
                        body[r, c] += share
                        label[r, c] = 9
                hz = z - obliquity * x
                if abs(x) > 8.0 and d <= 0.0:
                    d = hip_density(x, y, hz, ph, table)
                    if d > 0.0 and hz < 0.0:  # the socket's dense lining is thin
                        ux = abs(x) / scale - fl[HX]
                        uy = y / scale - fl[HY]
                        uz = hz / scale - ph[CREST_Z] - fl[HZ]
                        away = (math.sqrt(ux * ux + uy * uy + uz * uz) - ph[HEAD_RADIUS] - 2.2) / 2.2
                        if 0.0 < away < 2.2:
                            d = min(d, ph[I_CORE] + d * math.exp(-away * away))
                    if d <= 0.0 and hz < -40.0:
                        p = fr if x < 0 else fl
                        d, fat, depth = femur_mineral(
                            abs(x) / scale - p[HX], y / scale - p[HY], hz / scale - ph[CREST_Z] - p[HZ], p
                        )
                        if depth > 0.0:
                            femur[r, c] = 1 if x < 0 else 2
                            d = max(d, 1e-4)
                if d > 0.0:
                    cover[r, c] += share
                    mineral[r, c] += share * d
                    yellow[r, c] += share * fat
