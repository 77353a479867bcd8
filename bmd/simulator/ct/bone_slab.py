"""Samples vertebrae, pelvis and femora on a plane by their density functions; see ``slab`` for the plane.

Bone is looked for every 3 mm first, then sampled at up to four points per pixel and slab wherever it is near.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from bmd.simulator.ct.slab import FAT, Frame
from bmd.simulator.kernel import kernel
from bmd.simulator.person.bones import Vertebra, body_parts, posterior_density
from bmd.simulator.person.femur import Femur, femur_mineral
from bmd.simulator.person.pelvis import Hips, Sacrum, hip_density, sacral_place, sacrum_density
from bmd.simulator.record import F32, Labels, Mask, Pose, Window

RIGHT_FEMUR, LEFT_FEMUR, S1 = 1, 2, 9


class Layers(NamedTuple):
    """One plane before the scanner, pictures (H, W) that kernels paint and add to."""

    hu: F32
    """Of soft tissue."""
    zone: Labels
    cover: F32
    """Share of each pixel and slab that is bone."""
    mineral: F32
    yellow: F32
    """Share that is bone with yellow marrow."""
    body: F32
    """Share that lies in a vertebral body."""
    label: Labels
    femur: Labels
    metal: Labels

    @classmethod
    def empty(cls, rows: int, columns: int) -> Layers:
        """Nothing anywhere."""
        shape = (rows, columns)
        cover, mineral, yellow, body = (np.zeros(shape, np.float32) for _ in range(4))
        label, femur, metal = (np.zeros(shape, np.uint8) for _ in range(3))
        hu, zone = np.zeros(shape, np.float32), np.zeros(shape, np.uint8)
        return cls(hu, zone, cover, mineral, yellow, body, label, femur, metal)


class Depth(NamedTuple):
    """One of the depths at which a slab is sampled: how far from its middle plane, and how finely."""

    offset_mm: F32
    """(3,)."""
    weight: float
    sub: int
    """1: the middle of each pixel; 2: up to four places in it."""
    turn: int
    """Number of the depth where places alternate between depths, else -1."""
    stride: int
    """Pixels between the points of the coarse search."""


class Pelvis(NamedTuple):
    """Everything below L5 with the shape of each part."""

    sacral_turn: F32
    sacrum: Sacrum
    hips: Hips
    outline: F32
    obliquity: float
    right: Femur
    left: Femur


@kernel
def mark(near: Mask, r: int, c: int, stride: int) -> None:
    """Mark the block of pixels around a hit of the coarse search."""
    for i in range(max(0, r - stride), min(near.shape[0], r + stride + 1)):
        for j in range(max(0, c - stride), min(near.shape[1], c + stride + 1)):
            near[i, j] = True


@kernel
def spot(q: int, sub: int, turn: int) -> tuple[float, float]:
    """Place of sample ``q`` inside its pixel, -0.5..0.5; two of four places when slabs alternate (``turn`` >= 0)."""
    if sub == 1:
        return 0.0, 0.0
    if turn >= 0:
        q = q * 3 if turn % 2 == 0 else 1 + q
    return (q // 2) * 0.5 - 0.25, (q % 2) * 0.5 - 0.25


@kernel
def vertebra_at(x: float, y: float, z: float, m: F32, p: Vertebra) -> tuple[float, int]:
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
    layers: Layers, value: int, window: Window, frame: Frame, depth: Depth, pose: Pose, p: Vertebra
) -> None:
    """Add a vertebra's share of each pixel and its mineral (g/cm3); pixels far from bone are found coarsely first."""
    sub, turn, stride, weight = depth.sub, depth.turn, depth.stride, depth.weight
    right, down, m = frame.right, frame.down, pose.turn
    r0, r1, c0, c1 = window.row, window.end_row, window.column, window.end_column
    n = 1 if sub == 1 else (2 if turn >= 0 else 4)
    ox = frame.origin[0] + depth.offset_mm[0] - pose.centre_mm[0]
    oy = frame.origin[1] + depth.offset_mm[1] - pose.centre_mm[1]
    oz = frame.origin[2] + depth.offset_mm[2] - pose.centre_mm[2]
    near = np.zeros((r1 - r0, c1 - c0), np.bool_)
    for i in range(0, r1 - r0, stride):
        for j in range(0, c1 - c0, stride):
            r = r0 + i
            c = c0 + j
            x = ox + r * down[0] + c * right[0]
            y = oy + r * down[1] + c * right[1]
            d, _ = vertebra_at(x, y, oz + r * down[2] + c * right[2], m, p)
            if d > 0.0:
                mark(near, i, j, stride)
    for i in range(r1 - r0):
        for j in range(c1 - c0):
            if not near[i, j]:
                continue
            for q in range(n):
                dr, dc = spot(q, sub, turn)
                rf = r0 + i + dr
                cf = c0 + j + dc
                x = ox + rf * down[0] + cf * right[0]
                y = oy + rf * down[1] + cf * right[1]
                d, inside = vertebra_at(x, y, oz + rf * down[2] + cf * right[2], m, p)
                if d <= 0.0:
                    continue
                layers.cover[r0 + i, c0 + j] += weight / n
                layers.mineral[r0 + i, c0 + j] += weight / n * d
                if inside:
                    layers.body[r0 + i, c0 + j] += weight / n
                    layers.label[r0 + i, c0 + j] = value


@kernel
def in_first_segment(x: float, y: float, z: float, p: Sacrum) -> bool:
    """Whether a point of the sacral frame lies in the body of S1."""
    if z > 0.0:
        return False
    along, across = sacral_place(y, z, p)
    if along > 30.0 * p.arc_length_mm / 131.0:
        return False
    s = max(0.0, along) / p.arc_length_mm
    depth = (p.half_depth_mm - 3.5) * (1.0 - s) ** 1.3 + 3.5
    width = p.half_width_mm * (1.0 - 0.68 * s)
    inside: bool = (across / depth) ** 4 + (x / width) ** 4 < 1.0
    return inside


@kernel
def pelvis_at(x: float, y: float, z: float, pelvis: Pelvis) -> tuple[float, float, int]:
    """(mineral, share of yellow marrow, kind) at a point: a femur, the body of S1, or 0 for anything else."""
    sacral, ps, ph = pelvis.sacral_turn, pelvis.sacrum, pelvis.hips
    if z > 62.0 or abs(y) > 150.0:
        return 0.0, 0.5, 0
    ax = abs(x)
    if z < 12.0 and ax < 62.0 and y < 60.0:
        sy = sacral[1, 1] * y + sacral[1, 2] * z
        sz = sacral[2, 1] * y + sacral[2, 2] * z
        d = sacrum_density(x, sy, sz, ps)
        if d >= 0.03:  # the tails of its shells are not bone
            return d, 0.5, S1 if in_first_segment(x, sy, sz, ps) else 0
    if ax < 8.0:
        return 0.0, 0.5, 0
    scale = ph.scale
    hz = z - pelvis.obliquity * x
    d = hip_density(x, y, hz, ph, pelvis.outline)
    if hz > -40.0:
        return d, 0.5, 0
    p = pelvis.right if x < 0 else pelvis.left
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
    return max(d, 1e-4), fat, RIGHT_FEMUR if x < 0 else LEFT_FEMUR


@kernel
def sample_pelvis(layers: Layers, first_row: int, frame: Frame, depth: Depth, pelvis: Pelvis) -> None:
    """Add sacrum, hip bones and femora in the rows from ``first_row`` on."""
    cover, sub, turn, stride, weight = layers.cover, depth.sub, depth.turn, depth.stride, depth.weight
    right, down = frame.right, frame.down
    n = 1 if sub == 1 else (2 if turn >= 0 else 4)
    ox = frame.origin[0] + depth.offset_mm[0]
    oy = frame.origin[1] + depth.offset_mm[1]
    oz = frame.origin[2] + depth.offset_mm[2]
    near = np.zeros(cover.shape, np.bool_)
    for i in range(first_row, cover.shape[0], stride):
        for j in range(0, cover.shape[1], stride):
            x = ox + i * down[0] + j * right[0]
            y = oy + i * down[1] + j * right[1]
            d, _, _ = pelvis_at(x, y, oz + i * down[2] + j * right[2], pelvis)
            if d > 0.0 and layers.zone[i, j] >= FAT:
                mark(near, i, j, stride)
    for i in range(first_row, cover.shape[0]):
        for j in range(cover.shape[1]):
            if not near[i, j]:
                continue
            for q in range(n):
                dr, dc = spot(q, sub, turn)
                rf = i + dr
                cf = j + dc
                x = ox + rf * down[0] + cf * right[0]
                y = oy + rf * down[1] + cf * right[1]
                d, fat, kind = pelvis_at(x, y, oz + rf * down[2] + cf * right[2], pelvis)
                if d <= 0.0:
                    continue
                cover[i, j] += weight / n
                layers.mineral[i, j] += weight / n * d
                layers.yellow[i, j] += weight / n * fat
                if kind == S1:
                    layers.body[i, j] += weight / n
                    layers.label[i, j] = S1
                elif kind > 0:
                    layers.femur[i, j] = kind
