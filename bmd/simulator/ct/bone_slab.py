"""Samples vertebrae, pelvis and femora on a plane by their density functions; see ``slab`` for the plane.

Bone is looked for every 3 mm first, then sampled at up to four points per pixel and slab wherever it is near.
"""

from __future__ import annotations

import math

import numpy as np

from bmd.simulator.kernel import kernel
from bmd.simulator.person.bones import body_parts, posterior_density
from bmd.simulator.person.femur import femur_mineral
from bmd.simulator.person.pelvis import hip_density, sacral_place, sacrum_density


@kernel
def mark(near, r, c, stride):
    """Mark the block of pixels around a hit of the coarse search."""
    for i in range(max(0, r - stride), min(near.shape[0], r + stride + 1)):
        for j in range(max(0, c - stride), min(near.shape[1], c + stride + 1)):
            near[i, j] = True


@kernel
def spot(q, sub, turn):
    """Place of sample ``q`` inside its pixel, -0.5..0.5; two of four places when slabs alternate (``turn`` >= 0)."""
    if sub == 1:
        return 0.0, 0.0
    if turn >= 0:
        q = q * 3 if turn % 2 == 0 else 1 + q
    return (q // 2) * 0.5 - 0.25, (q % 2) * 0.5 - 0.25


@kernel
def vertebra_at(x, y, z, m, p):
    """(mineral, 1 in the body) at a point given from the vertebra's centre in the patient's axes."""
    lx = m[0, 0] * x + m[0, 1] * y + m[0, 2] * z
    ly = m[1, 0] * x + m[1, 1] * y + m[1, 2] * z
    lz = m[2, 0] * x + m[2, 1] * y + m[2, 2] * z
    inside, wall, plate = body_parts(lx, ly, lz, p)
    if inside > 0.0:
        return p.trabecular_g_cm3 + p.cortex_g_cm3 * wall + p.endplate_g_cm3 * plate, 1
    if abs(lz) > 42.0 or abs(lx) > 60.0:
        return 0.0, 0
    return posterior_density(lx, ly, lz, p), 0


@kernel
def sample_vertebra(
    cover, mineral, body, label, value, r0, r1, c0, c1, origin, right, down, offset, weight, sub, turn, stride,
    centre, m, p,
):  # fmt: skip
    """Add a vertebra's share of each pixel and its mineral (g/cm3); pixels far from bone are found coarsely first."""
    n = 1 if sub == 1 else (2 if turn >= 0 else 4)
    ox = origin[0] + offset[0] - centre[0]
    oy = origin[1] + offset[1] - centre[1]
    oz = origin[2] + offset[2] - centre[2]
    near = np.zeros((r1 - r0, c1 - c0), np.bool_)
    for i in range(0, r1 - r0, stride):
        for j in range(0, c1 - c0, stride):
            r = r0 + i
            c = c0 + j
            d, _ = vertebra_at(
                ox + r * down[0] + c * right[0], oy + r * down[1] + c * right[1], oz + r * down[2] + c * right[2], m, p
            )
            if d > 0.0:
                mark(near, i, j, stride)
    for i in range(r1 - r0):
        for j in range(c1 - c0):
            if not near[i, j]:
                continue
            for q in range(n):
                dr, dc = spot(q, sub, turn)
                r = r0 + i + dr
                c = c0 + j + dc
                d, inside = vertebra_at(
                    ox + r * down[0] + c * right[0],
                    oy + r * down[1] + c * right[1],
                    oz + r * down[2] + c * right[2],
                    m,
                    p,
                )
                if d <= 0.0:
                    continue
                cover[r0 + i, c0 + j] += weight / n
                mineral[r0 + i, c0 + j] += weight / n * d
                if inside:
                    body[r0 + i, c0 + j] += weight / n
                    label[r0 + i, c0 + j] = value


@kernel
def in_first_segment(x, y, z, p):
    """Whether a point of the sacral frame lies in the body of S1."""
    if z > 0.0:
        return False
    along, across = sacral_place(y, z, p)
    if along > 30.0 * p.arc_length_mm / 131.0:
        return False
    s = max(0.0, along) / p.arc_length_mm
    depth = (p.half_depth_mm - 3.5) * (1.0 - s) ** 1.3 + 3.5
    width = p.half_width_mm * (1.0 - 0.68 * s)
    return (across / depth) ** 4 + (x / width) ** 4 < 1.0


@kernel
def pelvis_at(x, y, z, sacral, ps, ph, table, obliquity, fr, fl):
    """(mineral, share of yellow marrow, kind) at a point: kind 1 right femur, 2 left femur, 9 body of S1, 0 other."""
    if z > 62.0 or abs(y) > 150.0:
        return 0.0, 0.5, 0
    ax = abs(x)
    if z < 12.0 and ax < 62.0 and y < 60.0:
        sy = sacral[1, 1] * y + sacral[1, 2] * z
        sz = sacral[2, 1] * y + sacral[2, 2] * z
        d = sacrum_density(x, sy, sz, ps)
        if d >= 0.03:  # the tails of its shells are not bone
            return d, 0.5, 9 if in_first_segment(x, sy, sz, ps) else 0
    if ax < 8.0:
        return 0.0, 0.5, 0
    scale = ph.scale
    hz = z - obliquity * x
    d = hip_density(x, y, hz, ph, table)
    if hz > -40.0:
        return d, 0.5, 0
    p = fr if x < 0 else fl
    ux = ax / scale - p.head_x_mm
    uy = y / scale - p.head_y_mm
    uz = hz / scale - ph.crest_z_mm - p.head_z_mm
    if d > 0.0:  # the socket's dense lining is thin
        away = (math.sqrt(ux * ux + uy * uy + uz * uz) - ph.head_radius_mm - 2.2) / 2.2
        if 0.0 < away < 2.2:
            d = min(d, ph.core_g_cm3 + d * math.exp(-away * away))
        return d, 0.5, 0
    d, fat, depth = femur_mineral(ux, uy, uz, p)
    if depth <= 0.0:
        return 0.0, 0.5, 0
    return max(d, 1e-4), fat, 1 if x < 0 else 2


@kernel
def sample_pelvis(
    cover, mineral, yellow, body, label, femur, zone, r0, origin, right, down, offset, weight, sub, turn, stride,
    sacral, ps, ph, table, obliquity, fr, fl,
):  # fmt: skip
    """Add sacrum, hip bones and femora; ``label`` gets 9 for the body of S1, ``femur`` 1 right and 2 left."""
    n = 1 if sub == 1 else (2 if turn >= 0 else 4)
    ox = origin[0] + offset[0]
    oy = origin[1] + offset[1]
    oz = origin[2] + offset[2]
    near = np.zeros(cover.shape, np.bool_)
    for i in range(r0, cover.shape[0], stride):
        for j in range(0, cover.shape[1], stride):
            x = ox + i * down[0] + j * right[0]
            y = oy + i * down[1] + j * right[1]
            d, _, _ = pelvis_at(x, y, oz + i * down[2] + j * right[2], sacral, ps, ph, table, obliquity, fr, fl)
            if d > 0.0 and zone[i, j] >= 2:
                mark(near, i, j, stride)
    for i in range(r0, cover.shape[0]):
        for j in range(cover.shape[1]):
            if not near[i, j]:
                continue
            for q in range(n):
                dr, dc = spot(q, sub, turn)
                r = i + dr
                c = j + dc
                x = ox + r * down[0] + c * right[0]
                y = oy + r * down[1] + c * right[1]
                d, fat, kind = pelvis_at(
                    x, y, oz + r * down[2] + c * right[2], sacral, ps, ph, table, obliquity, fr, fl
                )
                if d <= 0.0:
                    continue
                cover[i, j] += weight / n
                mineral[i, j] += weight / n * d
                yellow[i, j] += weight / n * fat
                if kind == 9:
                    body[i, j] += weight / n
                    label[i, j] = 9
                elif kind > 0:
                    femur[i, j] = kind
