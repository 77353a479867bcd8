"""Cone-beam geometry and ray casting through the bone density functions."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from bmd.simulator.kernel import kernel
from bmd.simulator.person.bones import HALF_WIDTH, body_density, body_parts, posterior_density
from bmd.simulator.person.pelvis import femur_density, hip_density, sacrum_density

JITTER = np.random.default_rng(5).random(997).astype(np.float32)
"""Fixed offsets of the first sample on each ray, in steps: they turn aliasing into fine grain."""

MARROW_FROM = 0.015
"""Mineral in g/cm3 from which a point of the pelvis counts as inside bone: the tails of its shells are not."""


@dataclass(frozen=True)
class Geometry:
    """Source, patient and detector of one exposure, in mm; x is the beam axis, the patient's origin at x = 0.

    Column ``c`` of the picture lies at detector position ``left_mm + c * column_mm`` (y, anterior) and row ``r`` at
    ``top_mm - r * row_mm`` (z, cranial).
    """

    source_to_object_mm: float
    object_to_detector_mm: float
    source_y_mm: float
    source_z_mm: float
    left_mm: float
    top_mm: float
    column_mm: float
    row_mm: float
    width: int
    height: int

    @property
    def magnification(self) -> float:
        """Of a point at x = 0."""
        return 1.0 + self.object_to_detector_mm / self.source_to_object_mm

    def project(self, points: NDArray) -> NDArray:
        """World points (n, 3) in mm to picture points (n, 2) as (column, row)."""
        points = np.atleast_2d(points)
        distance = self.source_to_object_mm + self.object_to_detector_mm
        m = distance / (self.source_to_object_mm + points[:, 0])
        y = self.source_y_mm + (points[:, 1] - self.source_y_mm) * m
        z = self.source_z_mm + (points[:, 2] - self.source_z_mm) * m
        return np.stack([(y - self.left_mm) / self.column_mm, (self.top_mm - z) / self.row_mm], axis=1)

    def object_plane(self, x_mm: float = 0.0) -> tuple[NDArray, NDArray]:
        """World y (1, W) and z (H, 1) of each pixel's ray where it crosses the plane at ``x_mm``."""
        m = (self.source_to_object_mm + x_mm) / (self.source_to_object_mm + self.object_to_detector_mm)
        y = self.left_mm + np.arange(self.width, dtype=np.float32) * self.column_mm
        z = self.top_mm - np.arange(self.height, dtype=np.float32) * self.row_mm
        y = self.source_y_mm + (y - self.source_y_mm) * m
        z = self.source_z_mm + (z - self.source_z_mm) * m
        return y[None, :].astype(np.float32), z[:, None].astype(np.float32)

    def halved(self) -> Geometry:
        """The same exposure on a grid of half the resolution (pixel centres kept in register)."""
        return replace(
            self,
            left_mm=self.left_mm + self.column_mm / 2,
            top_mm=self.top_mm - self.row_mm / 2,
            column_mm=self.column_mm * 2,
            row_mm=self.row_mm * 2,
            width=(self.width + 1) // 2,
            height=(self.height + 1) // 2,
        )

    def vector(self) -> NDArray:
        """The numbers the kernels need."""
        g = (self.source_to_object_mm, self.object_to_detector_mm, self.source_y_mm, self.source_z_mm)
        return np.array([*g, self.left_mm, self.top_mm, self.column_mm, self.row_mm], np.float32)

    def pixel_box(
        self, centre: NDArray, rotation: NDArray, low: NDArray, high: NDArray
    ) -> tuple[int, int, int, int, float]:
        """Rows and columns covered by a box given in a local frame, and its half extent along the beam in mm."""
        corners = np.array([[(low, high)[i >> k & 1][k] for k in range(3)] for i in range(8)])
        world = corners @ rotation + centre  # rotation maps world to local, so its transpose maps back
        px = self.project(world)
        c0, r0 = np.floor(px.min(0)).astype(int)
        c1, r1 = np.ceil(px.max(0)).astype(int) + 1
        half = float(np.abs(world[:, 0] - centre[0]).max())
        return max(0, r0), min(self.height, r1), max(0, c0), min(self.width, c1), half


@kernel
def cast_vertebra(out, marrow, r0, r1, c0, c1, g, centre, rotation, p, half, step, posterior, jitter):
    """Add the line integral (g/cm2) of a vertebral body, or of its posterior elements, to ``out``.

    The length of each ray inside the body, in cm, is added to ``marrow``; the arch holds next to none.
    """
    total = g[0] + g[1]
    n = int(2.0 * half / step)
    for r in range(r0, r1):
        kz = (g[5] - r * g[7] - g[3]) / total
        for c in range(c0, c1):
            ky = (g[4] + c * g[6] - g[2]) / total
            path = math.sqrt(1.0 + ky * ky + kz * kz) * step * 0.1
            s = 0.0
            hits = 0
            first = jitter[(r * 131 + c * 17) % 997] * step - half
            for i in range(n):
                x = first + i * step
                t = g[0] + x + centre[0]
                y = g[2] + ky * t - centre[1]
                z = g[3] + kz * t - centre[2]
                lx = rotation[0, 0] * x + rotation[0, 1] * y + rotation[0, 2] * z
                ly = rotation[1, 0] * x + rotation[1, 1] * y + rotation[1, 2] * z
                lz = rotation[2, 0] * x + rotation[2, 1] * y + rotation[2, 2] * z
                if posterior:
                    if body_parts(lx, ly, lz, p)[0] == 0.0:
                        s += posterior_density(lx, ly, lz, p)
                else:
                    density = body_density(lx, ly, lz, p)
                    s += density
                    if density > 0.0:
                        hits += 1
            out[r, c] += s * path
            marrow[r, c] += hits * path


@kernel
def stamp_body(labels, value, r0, r1, c0, c1, g, centre, rotation, p):
    """Write ``value`` in the body's silhouette: where at least three of nine points across its width lie inside it.

    That is where a reader draws the outline, on the outer edge of the cortex; a lip of bone does not count.
    """
    total = g[0] + g[1]
    gap = p[HALF_WIDTH] / 4.5
    for r in range(r0, r1):
        kz = (g[5] - r * g[7] - g[3]) / total
        for c in range(c0, c1):
            ky = (g[4] + c * g[6] - g[2]) / total
            hits = 0
            for i in range(9):
                x = gap * (i - 4)
                t = g[0] + x + centre[0]
                y = g[2] + ky * t - centre[1]
                z = g[3] + kz * t - centre[2]
                lx = rotation[0, 0] * x + rotation[0, 1] * y + rotation[0, 2] * z
                ly = rotation[1, 0] * x + rotation[1, 1] * y + rotation[1, 2] * z
                lz = rotation[2, 0] * x + rotation[2, 1] * y + rotation[2, 2] * z
                if body_parts(lx, ly, lz, p)[0] > 0.0:
                    hits += 1
                    if hits == 3:
                        break
            if hits == 3:
                labels[r, c] = value


@kernel
def cast_sacrum(out, marrow, r0, r1, c0, c1, g, turn, p, half, step, jitter):
    """Add the sacrum as ``cast_vertebra`` does; ``turn`` maps world to sacral axes about the same origin."""
    total = g[0] + g[1]
    n = int(2.0 * half / step)
    for r in range(r0, r1):
        kz = (g[5] - r * g[7] - g[3]) / total
        for c in range(c0, c1):
            ky = (g[4] + c * g[6] - g[2]) / total
            path = math.sqrt(1.0 + ky * ky + kz * kz) * step * 0.1
            s = 0.0
            hits = 0
            first = jitter[(r * 131 + c * 17) % 997] * step - half
            for i in range(n):
                x = first + i * step
                y = g[2] + ky * (g[0] + x)
                z = g[3] + kz * (g[0] + x)
                lx = turn[0, 0] * x + turn[0, 1] * y + turn[0, 2] * z
                ly = turn[1, 0] * x + turn[1, 1] * y + turn[1, 2] * z
                lz = turn[2, 0] * x + turn[2, 1] * y + turn[2, 2] * z
                density = sacrum_density(lx, ly, lz, p)
                s += density
                if density > MARROW_FROM:
                    hits += 1
            out[r, c] += s * path
            marrow[r, c] += hits * path


@kernel
def cast_pelvis(out, marrow, r0, g, view, ph, table, step, obliquity, jitter):
    """Add hip bones and femora as ``cast_vertebra`` does. ``view`` maps world to patient axes."""
    total = g[0] + g[1]
    n = int(330.0 / step)
    for r in range(r0, out.shape[0]):
        kz = (g[5] - r * g[7] - g[3]) / total
        for c in range(out.shape[1]):
            ky = (g[4] + c * g[6] - g[2]) / total
            path = math.sqrt(1.0 + ky * ky + kz * kz) * step * 0.1
            s = 0.0
            hits = 0
            first = jitter[(r * 131 + c * 17) % 997] * step - 165.0
            for i in range(n):
                x = first + i * step
                y = g[2] + ky * (g[0] + x)
                z = g[3] + kz * (g[0] + x)
                px = view[0, 0] * x + view[0, 1] * y
                py = view[1, 0] * x + view[1, 1] * y
                if abs(px) > 10.0 and abs(py) < 150.0:
                    hz = z - obliquity * px
                    density = hip_density(px, py, hz, ph, table)
                    if hz < -60.0:
                        density += femur_density(px, py, hz, ph)
                    s += density
                    if density > MARROW_FROM:
                        hits += 1
            out[r, c] += s * path
            marrow[r, c] += hits * path


@kernel
def draw_tube(out, points, radius_mm, wall_mm, core, rind, column_mm, row_mm, magnification):
    """Add the line integral of a hollow rod whose axis runs through ``points`` (n, 3): column, row, slant factor.

    The slant factor is the rod's length over its length in the picture; rods along the beam are thicker in it.
    """
    height, width = out.shape
    scale = 1.0 / magnification
    near = np.full((height, width), 1e6, np.float32)
    slant = np.ones((height, width), np.float32)
    reach = radius_mm * magnification
    for k in range(points.shape[0] - 1):
        x0, y0 = points[k, 0], points[k, 1]
        dx, dy = points[k + 1, 0] - x0, points[k + 1, 1] - y0
        length = (dx * column_mm) ** 2 + (dy * row_mm) ** 2 + 1e-6
        a0 = max(0, int(min(y0, y0 + dy) - reach / row_mm - 1))
        a1 = min(height, int(max(y0, y0 + dy) + reach / row_mm + 2))
        b0 = max(0, int(min(x0, x0 + dx) - reach / column_mm - 1))
        b1 = min(width, int(max(x0, x0 + dx) + reach / column_mm + 2))
        for r in range(a0, a1):
            for c in range(b0, b1):
                u = (c - x0) * column_mm
                v = (r - y0) * row_mm
                t = min(1.0, max(0.0, (u * dx * column_mm + v * dy * row_mm) / length))
                d = math.sqrt((u - t * dx * column_mm) ** 2 + (v - t * dy * row_mm) ** 2) * scale
                if d < near[r, c]:
                    near[r, c] = d
                    slant[r, c] = points[k, 2]
    inner = radius_mm - wall_mm
    for r in range(height):
        for c in range(width):
            d = near[r, c]
            if d < radius_mm:
                outer = 2.0 * math.sqrt(max(0.0, radius_mm * radius_mm - d * d))  # fast sums may round below 0
                hollow = 2.0 * math.sqrt(max(0.0, inner * inner - d * d)) if d < inner else 0.0
                out[r, c] += ((outer - hollow) * rind + hollow * core) * 0.1 * min(3.0, slant[r, c])
