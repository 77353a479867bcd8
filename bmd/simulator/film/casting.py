"""Line integrals of the bones along the rays of a film or a DXA scan.

The loops of ``add_body``, ``add_arch`` and ``add_sacrum`` differ in one call only: numba would take the density
function as an argument, but could then not keep the compiled kernel between processes.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from bmd.simulator.film.projection import Geometry, Rays
from bmd.simulator.kernel import kernel
from bmd.simulator.person.anatomy import Bone, Skeleton
from bmd.simulator.person.bones import Vertebra, body_density, body_parts, posterior_density
from bmd.simulator.person.pelvis import OUTLINE_DISTANCE, Hips, Sacrum, femur_density, hip_density, sacrum_density
from bmd.simulator.record import F32, Array, Labels, Pose, Window

STEP_MM = 3.0
"""Between samples on a ray."""

PELVIS_STEP_MM = 3.5
PELVIS_REACH_MM = 165.0

JITTER = np.random.default_rng(5).random(997).astype(np.float32)
"""Fixed offsets of the first sample on each ray, in steps: they turn aliasing into fine grain."""

MARROW_FROM = 0.015
"""Mineral in g/cm3 from which a point of the pelvis counts as inside bone: the tails of its shells are not."""


class Sampling(NamedTuple):
    """Samples on a ray: reach on either side of the bone's middle, distance, and the rays' first offsets in steps."""

    half_mm: float
    step_mm: float
    jitter: F32


class Sums(NamedTuple):
    """Line integrals (H, W) that kernels add to: mineral in g/cm2, and cm of each ray in bone that holds marrow."""

    mineral: F32
    marrow: F32

    @classmethod
    def empty(cls, geometry: Geometry) -> Sums:
        """For the pixels of an exposure."""
        mineral, marrow = (np.zeros((geometry.height, geometry.width), np.float32) for _ in range(2))
        return cls(mineral, marrow)


class Pelvis(NamedTuple):
    """Hip bones and femora, and how they stand: rotation (3, 3) from world to patient, slope of the hips."""

    hips: Hips
    outline: F32
    turn: F32
    obliquity: float


class Ray(NamedTuple):
    """One ray: how far it strays in y and z per mm along the beam, and its samples."""

    slope_y: float
    slope_z: float
    path_cm: float
    """Length between two samples."""
    first_mm: float
    """Place of the first sample along the beam, from the middle of what is cast."""


@kernel
def ray_through(rays: Rays, row: int, column: int, sampling: Sampling) -> Ray:
    """The ray that hits a pixel."""
    total = rays.source_mm + rays.detector_mm
    slope_z = (rays.top_mm - row * rays.row_mm - rays.source_z_mm) / total
    slope_y = (rays.left_mm + column * rays.column_mm - rays.source_y_mm) / total
    path_cm = math.sqrt(1.0 + slope_y * slope_y + slope_z * slope_z) * sampling.step_mm * 0.1
    first_mm = sampling.jitter[(row * 131 + column * 17) % 997] * sampling.step_mm - sampling.half_mm
    return Ray(slope_y, slope_z, path_cm, first_mm)


@kernel
def place(rays: Rays, slope_y: float, slope_z: float, x: float, pose: Pose) -> tuple[float, float, float]:
    """A point of a ray, ``x`` mm behind the middle of a bone, in the bone's axes."""
    t = rays.source_mm + x + pose.centre_mm[0]
    y = rays.source_y_mm + slope_y * t - pose.centre_mm[1]
    z = rays.source_z_mm + slope_z * t - pose.centre_mm[2]
    m = pose.turn
    return (
        m[0, 0] * x + m[0, 1] * y + m[0, 2] * z,
        m[1, 0] * x + m[1, 1] * y + m[1, 2] * z,
        m[2, 0] * x + m[2, 1] * y + m[2, 2] * z,
    )


@kernel
def add_body(sums: Sums, window: Window, rays: Rays, pose: Pose, p: Vertebra, sampling: Sampling) -> None:
    """Add a vertebral body."""
    n = int(2.0 * sampling.half_mm / sampling.step_mm)
    for r in range(window.row, window.end_row):
        for c in range(window.column, window.end_column):
            ray = ray_through(rays, r, c, sampling)
            mineral = 0.0
            hits = 0
            for i in range(n):
                x, y, z = place(rays, ray.slope_y, ray.slope_z, ray.first_mm + i * sampling.step_mm, pose)
                density = body_density(x, y, z, p)
                mineral += density
                if density > 0.0:
                    hits += 1
            sums.mineral[r, c] += mineral * ray.path_cm
            sums.marrow[r, c] += hits * ray.path_cm


@kernel
def add_arch(sums: Sums, window: Window, rays: Rays, pose: Pose, p: Vertebra, sampling: Sampling) -> None:
    """Add a vertebra's posterior elements, which hold next to no marrow."""
    n = int(2.0 * sampling.half_mm / sampling.step_mm)
    for r in range(window.row, window.end_row):
        for c in range(window.column, window.end_column):
            ray = ray_through(rays, r, c, sampling)
            mineral = 0.0
            for i in range(n):
                x, y, z = place(rays, ray.slope_y, ray.slope_z, ray.first_mm + i * sampling.step_mm, pose)
                if body_parts(x, y, z, p)[0] == 0.0:
                    mineral += posterior_density(x, y, z, p)
            sums.mineral[r, c] += mineral * ray.path_cm


@kernel
def add_sacrum(sums: Sums, window: Window, rays: Rays, pose: Pose, p: Sacrum, sampling: Sampling) -> None:
    """Add the sacrum."""
    n = int(2.0 * sampling.half_mm / sampling.step_mm)
    for r in range(window.row, window.end_row):
        for c in range(window.column, window.end_column):
            ray = ray_through(rays, r, c, sampling)
            mineral = 0.0
            hits = 0
            for i in range(n):
                x, y, z = place(rays, ray.slope_y, ray.slope_z, ray.first_mm + i * sampling.step_mm, pose)
                density = sacrum_density(x, y, z, p)
                mineral += density
                if density > MARROW_FROM:
                    hits += 1
            sums.mineral[r, c] += mineral * ray.path_cm
            sums.marrow[r, c] += hits * ray.path_cm


@kernel
def add_pelvis(sums: Sums, first_row: int, rays: Rays, pelvis: Pelvis, sampling: Sampling) -> None:
    """Add hip bones and femora."""
    n = int(2.0 * sampling.half_mm / sampling.step_mm)
    turn = pelvis.turn
    for r in range(first_row, sums.mineral.shape[0]):
        for c in range(sums.mineral.shape[1]):
            ray = ray_through(rays, r, c, sampling)
            mineral = 0.0
            hits = 0
            for i in range(n):
                x = ray.first_mm + i * sampling.step_mm
                y = rays.source_y_mm + ray.slope_y * (rays.source_mm + x)
                z = rays.source_z_mm + ray.slope_z * (rays.source_mm + x)
                px = turn[0, 0] * x + turn[0, 1] * y
                py = turn[1, 0] * x + turn[1, 1] * y
                if abs(px) > 10.0 and abs(py) < 150.0:
                    hz = z - pelvis.obliquity * px
                    density = hip_density(px, py, hz, pelvis.hips, pelvis.outline)
                    if hz < -60.0:
                        density += femur_density(px, py, hz, pelvis.hips)
                    mineral += density
                    if density > MARROW_FROM:
                        hits += 1
            sums.mineral[r, c] += mineral * ray.path_cm
            sums.marrow[r, c] += hits * ray.path_cm


@kernel
def stamp_body(labels: Labels, value: int, window: Window, rays: Rays, pose: Pose, p: Vertebra) -> None:
    """Write ``value`` in the body's silhouette: where at least three of nine points across its width lie inside it.

    That is where a reader draws the outline, on the outer edge of the cortex; a lip of bone does not count.
    """
    total = rays.source_mm + rays.detector_mm
    gap = p.half_width_mm / 4.5
    for r in range(window.row, window.end_row):
        slope_z = (rays.top_mm - r * rays.row_mm - rays.source_z_mm) / total
        for c in range(window.column, window.end_column):
            slope_y = (rays.left_mm + c * rays.column_mm - rays.source_y_mm) / total
            hits = 0
            for i in range(9):
                x, y, z = place(rays, slope_y, slope_z, gap * (i - 4), pose)
                if body_parts(x, y, z, p)[0] > 0.0:
                    hits += 1
                    if hits == 3:
                        break
            if hits == 3:
                labels[r, c] = value


class Tube(NamedTuple):
    """A rod or tube: radius and wall, and the density of what is inside and of the wall."""

    radius_mm: float
    wall_mm: float
    core: float
    rind: float


class Pixels(NamedTuple):
    """Size of pixels at the detector, and the magnification there."""

    column_mm: float
    row_mm: float
    magnification: float


@kernel
def draw_tube(out: F32, points: F32, tube: Tube, pixels: Pixels) -> None:
    """Add the line integral of a hollow rod whose axis runs through ``points`` (n, 3): column, row, slant factor.

    The slant factor is the rod's length over its length in the picture; rods along the beam are thicker in it.
    """
    height, width = out.shape
    scale = 1.0 / pixels.magnification
    near = np.full((height, width), 1e6, np.float32)
    slant = np.ones((height, width), np.float32)
    reach = tube.radius_mm * pixels.magnification
    for k in range(points.shape[0] - 1):
        x0, y0 = points[k, 0], points[k, 1]
        dx, dy = points[k + 1, 0] - x0, points[k + 1, 1] - y0
        length = (dx * pixels.column_mm) ** 2 + (dy * pixels.row_mm) ** 2 + 1e-6
        a0 = max(0, int(min(y0, y0 + dy) - reach / pixels.row_mm - 1))
        a1 = min(height, int(max(y0, y0 + dy) + reach / pixels.row_mm + 2))
        b0 = max(0, int(min(x0, x0 + dx) - reach / pixels.column_mm - 1))
        b1 = min(width, int(max(x0, x0 + dx) + reach / pixels.column_mm + 2))
        for r in range(a0, a1):
            for c in range(b0, b1):
                u = (c - x0) * pixels.column_mm
                v = (r - y0) * pixels.row_mm
                t = min(1.0, max(0.0, (u * dx * pixels.column_mm + v * dy * pixels.row_mm) / length))
                d = math.sqrt((u - t * dx * pixels.column_mm) ** 2 + (v - t * dy * pixels.row_mm) ** 2) * scale
                if d < near[r, c]:
                    near[r, c] = d
                    slant[r, c] = points[k, 2]
    inner = tube.radius_mm - tube.wall_mm
    for r in range(height):
        for c in range(width):
            d = near[r, c]
            if d < tube.radius_mm:
                outer = 2.0 * math.sqrt(
                    max(0.0, tube.radius_mm * tube.radius_mm - d * d)
                )  # fast sums may round below 0
                hollow = 2.0 * math.sqrt(max(0.0, inner * inner - d * d)) if d < inner else 0.0
                out[r, c] += ((outer - hollow) * tube.rind + hollow * tube.core) * 0.1 * min(3.0, slant[r, c])


def cast_body(
    sums: Sums, bone: Bone, geometry: Geometry, view: Array, labels: Labels | None = None, value: int = 0
) -> None:
    """Cast one vertebral body; its silhouette is written into ``labels`` as ``value``. ``view``: patient to world."""
    p, pose, turn, centre = bone.shape, *_posed(bone, view)
    depth, reach, tall = float(p.half_depth_mm), float(p.half_width_mm * 1.3), float(p.half_height_mm + 3)
    low, high = np.array([-reach, -depth * 1.1, -tall]), np.array([reach, depth * 1.5, tall])
    window, half = geometry.pixel_box(centre, turn, low, high)
    add_body(sums, window, geometry.rays(), pose, p, Sampling(half, STEP_MM, JITTER))
    if labels is not None:
        stamp_body(labels, value, window, geometry.rays(), pose, p)


def cast_arch(sums: Sums, bone: Bone, geometry: Geometry, view: Array) -> None:
    """Cast one vertebra's posterior elements."""
    p, pose, turn, centre = bone.shape, *_posed(bone, view)
    depth, side = float(p.half_depth_mm), float(p.half_width_mm * 0.62 + p.transverse_length_mm + 8)
    low, high = np.array([-side, -depth - 45 - p.spinous_length_mm, -40.0]), np.array([side, 0.0, 34.0])
    window, half = geometry.pixel_box(centre, turn, low, high)
    add_arch(sums, window, geometry.rays(), pose, p, Sampling(half, STEP_MM, JITTER))


def _posed(bone: Bone, view: Array) -> tuple[Pose, Array, Array]:
    """Pose of a vertebra in the world, and the unrounded rotation and centre."""
    turn, centre = bone.rotation @ view.T, view @ bone.centre_mm
    return Pose.of(centre, turn), turn, centre


def cast_sacrum(sums: Sums, skeleton: Skeleton, geometry: Geometry, view: Array, reach_mm: float = math.inf) -> None:
    """Cast the sacrum, ``reach_mm`` to either side of its middle at most."""
    p, turn = skeleton.sacrum, skeleton.sacral_rotation @ view.T
    depth, length = float(p.half_depth_mm), float(p.arc_length_mm)
    low, high = np.array([-62.0, -depth - 25.0 - 0.45 * length, -length]), np.array([62.0, 0.6 * length, 14.0])
    window, half = geometry.pixel_box(np.zeros(3), turn, low, high)
    sampling = Sampling(min(half, reach_mm), STEP_MM, JITTER)
    add_sacrum(sums, window, geometry.rays(), Pose.of(np.zeros(3), turn), p, sampling)


def cast_pelvis(
    sums: Sums, skeleton: Skeleton, geometry: Geometry, view: Array, top: tuple[float, float, float]
) -> None:
    """Cast hip bones and femora in the rows from the world's point ``top`` (mm) downwards."""
    first = int(np.clip(geometry.project(np.array(top))[0, 1], 0, geometry.height))
    obliquity = float(np.float32(skeleton.obliquity))
    pelvis = Pelvis(skeleton.hips, OUTLINE_DISTANCE, view.T.astype(np.float32), obliquity)
    add_pelvis(sums, first, geometry.rays(), pelvis, Sampling(PELVIS_REACH_MM, PELVIS_STEP_MM, JITTER))
