"""Mineral density of sacrum, hip bones and proximal femora in g/cm3 hydroxyapatite.

Patient frame in mm, origin at the centre of the S1 end plate: x left, y anterior, z cranial. The sacrum has a frame of
its own, tilted by the sacral slope, with z along the normal of the S1 end plate.
"""

from __future__ import annotations

import math

import cv2
import numpy as np

from bmd.simulator.kernel import kernel
from bmd.simulator.record import F32, Record


class Sacrum(Record):
    """The sacrum: its arc, its first body, how dense its parts are."""

    arc_radius_mm: float
    arc_length_mm: float
    half_width_mm: float
    """Of the body of S1."""
    half_depth_mm: float
    core_g_cm3: float
    rind_g_cm3: float
    disc_mm: float
    """Half height of the S1-S2 disc remnant."""
    lamina: float
    """How dense the laminae are, over the rind."""
    front: float
    """How dense the anterior cortex is, over the rind."""
    gap: float
    """How open the disc remnant is, 0..1."""
    plate: float
    """How dense the bone under the end plate is, over the rind."""
    bend_rad: float
    """Angle by which the sacrum leans back from the normal of its end plate."""


class Hips(Record):
    """Hip bones and, on films and DXA, femora, both sides alike; lengths are to be magnified by ``scale``."""

    scale: float
    crest_z_mm: float
    """How much higher than usual the crest stands."""
    si_x_mm: float
    """Of the sacro-iliac joint."""
    flare_mm: float
    core_g_cm3: float
    rind_g_cm3: float
    head_x_mm: float
    head_y_mm: float
    head_z_mm: float
    head_radius_mm: float
    neck_length_mm: float
    femur_core_g_cm3: float
    femur_rind_g_cm3: float
    rim: float
    """How much the wing's rim stands out, 0..1.5."""
    brim: float
    """How much the line from the sacro-iliac joint to the hip joint stands out, 0..1.5."""
    brim_y_mm: float


SEGMENT_ENDS = np.array([30.0, 55.0, 76.0, 94.0, 110.0, 121.0, 131.0], np.float32)
"""Arc length in mm at the lower end of S1..S5 and two coccygeal pieces, for an arc of 131 mm."""

# Outline of the hip bone seen from the side (y, z) in mm, clockwise from the posterior superior iliac spine.
CREST = ((-57, -28), (-54, -4), (-42, 16), (-20, 30), (5, 36), (32, 32), (58, 20), (80, 0), (97, -28))
FRONT = ((96, -42), (84, -56), (76, -70), (74, -86), (70, -110), (48, -140), (20, -162), (-4, -168))
BACK = ((-16, -152), (-8, -130), (-10, -113), (4, -98), (10, -82), (6, -66), (-10, -54), (-34, -48), (-50, -43))
OUTLINE = np.array((*CREST, *FRONT, *BACK), np.float32)
TABLE_STEP, TABLE_Y0, TABLE_Z0 = 1.5, -75.0, -180.0


def _outline_table() -> F32:
    """Distance in mm from each point of the sagittal plane to the hip bone's outline, positive inside."""
    ys = np.arange(TABLE_Y0, 115.0, TABLE_STEP)
    zs = np.arange(TABLE_Z0, 55.0, TABLE_STEP)
    table = [[cv2.pointPolygonTest(OUTLINE, (float(y), float(z)), True) for y in ys] for z in zs]
    return np.asarray(cv2.GaussianBlur(np.array(table, np.float32), (0, 0), 1.5), np.float32)


OUTLINE_DISTANCE = _outline_table()


@kernel
def capsule(
    x: float, y: float, z: float, x0: float, y0: float, z0: float, x1: float, y1: float, z1: float, r0: float, r1: float
) -> float:
    """Depth in mm below the surface of a tapered rod; negative outside."""
    dx = x1 - x0
    dy = y1 - y0
    dz = z1 - z0
    t = ((x - x0) * dx + (y - y0) * dy + (z - z0) * dz) / (dx * dx + dy * dy + dz * dz)
    t = min(1.0, max(0.0, t))
    return r0 + (r1 - r0) * t - math.sqrt((x - x0 - t * dx) ** 2 + (y - y0 - t * dy) ** 2 + (z - z0 - t * dz) ** 2)


@kernel
def sacral_place(y: float, z: float, p: Sacrum) -> tuple[float, float]:
    """Where a point lies along the sacrum's centre line and how far in front of it, mm.

    The line is a circular arc that leaves the middle of the S1 end plate at an angle to its normal.
    """
    c = math.cos(p.bend_rad)
    s = math.sin(p.bend_rad)
    up = y * s + z * c
    front = p.arc_radius_mm - y * c + z * s
    return math.atan2(-up, front) * p.arc_radius_mm, p.arc_radius_mm - math.sqrt(front * front + up * up)


@kernel
def sacral_bodies(ax: float, across: float, along: float, below: float, depth: float, width: float, p: Sacrum) -> float:
    """Bodies S1-S5 and coccyx with the remnants of discs between them; ``ax`` is |x|, ``below`` mm under the plate."""
    if ax > width or abs(across) > depth:
        return 0.0
    r = ((across / depth) ** 4 + (ax / width) ** 4) ** 0.25
    if r >= 1.0:
        return 0.0
    wall = (1.0 - r) * depth / 0.9
    front = p.front if across > 0.0 else 0.8
    d = p.core_g_cm3 + 1.3 * front * p.rind_g_cm3 * math.exp(-wall * wall)
    if below < 12.0:  # the end plate, and the dense bone under it that the wings' upper edge adds to
        d += p.rind_g_cm3 * (2.2 * math.exp(-((below / 1.1) ** 2)) + p.plate * math.exp(-((below / 6.0) ** 2)))
    stretch = p.arc_length_mm / 131.0
    for k in range(6):
        gap = abs(along - SEGMENT_ENDS[k] * stretch)
        if gap < 5.0:
            half = max(0.0, p.disc_mm * (1.0 - 0.25 * k))
            seen = p.gap * (1.0 - 0.15 * k)
            if gap < half:
                d *= 1.0 - 0.75 * seen
            d += 1.6 * seen * p.rind_g_cm3 * math.exp(-(((gap - half - 0.7) / 0.8) ** 2))
    return d


@kernel
def sacral_alae(ax: float, across: float, below: float, s: float, depth: float, width: float, p: Sacrum) -> float:
    """The wings, thick above and thinning towards S3."""
    reach = p.half_width_mm * 2.25 * (1.0 - 0.75 * s * s)
    slope = max(0.0, 1.0 - 6.0 * s) * max(0.0, ax - width) * 0.25
    if below < slope:
        return 0.0
    v = (across + 0.35 * depth + 0.12 * (ax - width)) / (depth * 0.85 * (1.0 - 0.45 * s))
    r = ((ax / reach) ** 4 + v * v * v * v) ** 0.25
    if r >= 1.0:
        return 0.0
    wall = (1.0 - r) * depth * 0.8 / 1.2
    joint = max(0.0, min(1.0, (ax - 0.85 * reach) / (0.1 * reach))) * max(0.0, 1.0 - 2.2 * s)  # faces the ilium
    return 0.35 * p.core_g_cm3 + (0.45 + 1.2 * joint) * p.rind_g_cm3 * math.exp(-wall * wall)


@kernel
def sacral_facet(x: float, y: float, z: float, p: Sacrum) -> float:
    """Superior articular process of S1, which carries the line of the pillars on into the laminae."""
    back = -p.half_depth_mm - 9.0
    inside = capsule(abs(x), y, z, 17.0, back - 2.0, -10.0, 20.0, back + 4.0, 9.0, 5.0, 4.5)
    if inside <= 0.0:
        return 0.0
    return p.core_g_cm3 + p.lamina * p.rind_g_cm3 * (1.0 + 1.5 * math.exp(-((inside / 1.6) ** 2)))


@kernel
def sacrum_density(x: float, y: float, z: float, p: Sacrum) -> float:
    """Mineral of sacrum and coccyx at a point of the sacral frame; their centre line is a circular arc."""
    facet = sacral_facet(x, y, z, p) if z > -20.0 else 0.0
    if z > 0.0:
        return facet
    along, across = sacral_place(y, z, p)
    if along > p.arc_length_mm or along < -12.0 or across > p.half_depth_mm or across < -p.half_depth_mm - 22.0:
        return facet
    along = max(0.0, along)
    s = along / p.arc_length_mm
    ax = abs(x)
    depth = (p.half_depth_mm - 3.5) * (1.0 - s) ** 1.3 + 3.5
    width = p.half_width_mm * (1.0 - 0.68 * s)
    d = max(facet, sacral_bodies(ax, across, along, -z, depth, width, p))
    if s < 0.62:
        d = max(d, sacral_alae(ax, across, -z, s, depth, width, p))
    if s < 0.82:  # fused laminae behind the canal, the brightest line of a lateral sacrum, and the median crest
        behind = -across - depth - 9.0 * (1.0 - s)
        wall = behind / (2.2 - 0.8 * s)
        if ax < 18.0 * (1.0 - 0.5 * s):
            d = max(d, (0.5 * p.core_g_cm3 + 1.2 * p.lamina * p.rind_g_cm3) * math.exp(-wall * wall))
        v = (behind - 5.0) / (6.5 - 4.0 * s)
        if v * v + (ax / 4.0) ** 2 < 1.0:
            d = max(d, p.core_g_cm3 + 0.5 * p.rind_g_cm3 * (1.0 - 0.5 * math.sin(along * 0.25)))
    return d


@kernel
def hip_surface(y: float, z: float, p: Hips) -> float:
    """|x| of the middle of the hip bone's plate at (y, z), both already scaled to the reference pelvis."""
    q = min(1.0, max(0.0, (y + 57.0) / 154.0))
    low = p.si_x_mm + 40.0 * q
    top: float = p.si_x_mm - 2.0 + p.flare_mm * q**0.85
    w = min(1.0, max(0.0, (z + 72.0) / 105.0))
    x: float = low + (top - low) * w**1.3 - 7.0 * math.sin(3.1416 * q) * w
    if z < -95.0:
        x += 0.45 * (z + 95.0)
    return x


@kernel
def rim_distance(y: float, z: float, table: F32) -> float:
    """Distance in mm inside the hip bone's outline at (y, z) of the reference pelvis, bilinear; negative outside."""
    v = (z - TABLE_Z0) / TABLE_STEP
    u = (y - TABLE_Y0) / TABLE_STEP
    row = int(v)
    column = int(u)
    if v < 0.0 or u < 0.0 or row >= table.shape[0] - 1 or column >= table.shape[1] - 1:
        return -1.0
    u -= column
    v -= row
    near: float = table[row, column] * (1.0 - u) + table[row, column + 1] * u
    far: float = table[row + 1, column] * (1.0 - u) + table[row + 1, column + 1] * u
    return near * (1.0 - v) + far * v


@kernel
def segment_distance(y: float, z: float, y0: float, z0: float, y1: float, z1: float) -> tuple[float, float]:
    """Distance in mm from (y, z) to the line between two points, and how far along it (0..1)."""
    dy = y1 - y0
    dz = z1 - z0
    t = min(1.0, max(0.0, ((y - y0) * dy + (z - z0) * dz) / (dy * dy + dz * dz)))
    return math.sqrt((y - y0 - t * dy) ** 2 + (z - z0 - t * dz) ** 2), t


@kernel
def brim_strut(y: float, z: float, p: Hips) -> tuple[float, float]:
    """Distance in mm from the strut of compact bone between sacro-iliac and hip joint, and its strength there (0..1).

    On a lateral film it is the sharpest line of the pelvis: from behind S1 steeply down, then forward, ever stronger
    (path and strength as on a real CT seen from the side).
    """
    upper, t = segment_distance(y, z, p.brim_y_mm - 17.0, 8.0, p.brim_y_mm - 11.0, -22.0)
    lower, u = segment_distance(y, z, p.brim_y_mm - 11.0, -22.0, 8.0, -74.0)
    if upper < lower:
        return upper, 0.25 + 0.35 * t
    return lower, 0.6 + 0.4 * u


@kernel
def hip_plate(ax: float, y: float, z: float, rim: float, p: Hips) -> float:
    """The plate of bone from crest to ischium, thick at the rim, at the joints and along the arcuate line."""
    away = abs(ax - hip_surface(y, z, p))
    if away > 30.0:  # thicker it never is
        return 0.0
    fossa = math.exp(-(((y - 6.0 + 0.25 * z) / 13.0) ** 2 + ((z + 12.0) / 24.0) ** 2))
    thickness = 2.0 - 1.3 * fossa + (1.0 + 2.5 * p.rim) * math.exp(-((rim / 7.0) ** 2)) + 0.09 * max(0.0, 5.0 - y)
    socket = math.sqrt((y - p.head_y_mm) ** 2 + (z - p.head_z_mm) ** 2)
    thickness += 9.0 * math.exp(-((max(0.0, socket - 14.0) / 16.0) ** 2))
    if z < -105.0:
        thickness += 4.0
    brim, strength = brim_strut(y, z, p)
    strength *= p.brim
    thickness += 3.0 * strength * math.exp(-((brim / 4.0) ** 2))
    inside = thickness - away
    if inside <= 0.0:
        return 0.0
    compact = 0.8 * p.rim * math.exp(-((rim / 1.8) ** 2)) + 2.2 * strength * math.exp(-((brim / 1.8) ** 2))
    return p.core_g_cm3 + p.rind_g_cm3 * (math.exp(-((inside / 1.7) ** 2)) + compact)


@kernel
def hip_density(x: float, y: float, z: float, p: Hips, table: F32) -> float:
    """Mineral of one side's hip bone: wing, sacro-iliac part, socket, ischium and pubic rami."""
    ax = abs(x) / p.scale
    y = y / p.scale
    z = z / p.scale - p.crest_z_mm
    hx = p.head_x_mm
    hy = p.head_y_mm
    hz = p.head_z_mm
    d = 0.0
    rim = rim_distance(y, z, table)
    if rim > 0.0:
        d = hip_plate(ax, y, z, rim, p)
    if z > hz + 40.0:  # above the joint there is only the wing
        return d
    head = math.sqrt((ax - hx) ** 2 + (y - hy) ** 2 + (z - hz) ** 2) - p.head_radius_mm
    if 2.2 < head < 5.5 and (ax < hx + 6.0 or z > hz + 8.0):
        roof = 1.2 if head < 4.2 and z > hz + 6.0 else 0.6
        d = max(d, p.core_g_cm3 + roof * p.rind_g_cm3)
    elif head < 2.2:
        return 0.0
    upper = capsule(ax, y, z, hx - 14.0, hy + 8.0, hz + 12.0, 12.0, hy + 42.0, hz - 20.0, 10.0, 7.0)
    lower = capsule(ax, y, z, 12.0, hy + 42.0, hz - 22.0, hx - 30.0, hy - 16.0, hz - 55.0, 7.0, 8.0)
    ramus = max(upper, lower)
    if ramus > 0.0:
        d = max(d, p.core_g_cm3 + p.rind_g_cm3 * math.exp(-((ramus / 1.4) ** 2)))
    return d


@kernel
def femur_density(x: float, y: float, z: float, p: Hips) -> float:
    """Mineral of a proximal femur: head, neck, trochanters and a hollow shaft."""
    ax = abs(x) / p.scale
    ys = y / p.scale
    zs = z / p.scale - p.crest_z_mm
    hx = p.head_x_mm
    hy = p.head_y_mm
    hz = p.head_z_mm
    if ax < hx - 32.0 or zs > hz + 32.0:
        return 0.0
    nx = hx + p.neck_length_mm * 0.76
    nz = hz - p.neck_length_mm * 0.65
    ny = hy - 8.0
    head = p.head_radius_mm - math.sqrt((ax - hx) ** 2 + (ys - hy) ** 2 + (zs - hz) ** 2)
    neck = capsule(ax, ys, zs, hx, hy, hz, nx, ny, nz, 15.0, 16.0)
    trochanter = capsule(ax, ys, zs, nx + 8.0, ny - 4.0, nz + 12.0, nx + 4.0, ny, nz - 42.0, 14.0, 15.0)
    upper = max(head, max(neck, trochanter))
    shaft = capsule(ax, ys, zs, nx + 3.0, ny, nz - 40.0, nx - 10.0, ny + 10.0, nz - 200.0, 15.5, 14.0)
    if shaft > upper:
        if shaft < 0.0:
            return 0.0
        wall = shaft / 5.0
        return 0.02 + p.femur_rind_g_cm3 * 1.5 * math.exp(-wall * wall * wall * wall)
    if upper < 0.0:
        return 0.0
    wall = upper / 1.3
    return p.femur_core_g_cm3 + p.femur_rind_g_cm3 * math.exp(-wall * wall)
