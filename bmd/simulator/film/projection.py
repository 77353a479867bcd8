"""Cone-beam geometry: where a point of the patient lies in the picture, and where a pixel looks."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from bmd.simulator.record import Array, Record, Window


class Rays(Record):
    """The numbers of a ``Geometry`` as kernels take them."""

    source_mm: float
    """Source to the plane of the patient's origin."""
    detector_mm: float
    """That plane to the detector."""
    source_y_mm: float
    source_z_mm: float
    left_mm: float
    top_mm: float
    column_mm: float
    row_mm: float


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

    def project(self, points: Array) -> Array:
        """World points (n, 3) in mm to picture points (n, 2) as (column, row)."""
        points = np.atleast_2d(points)
        distance = self.source_to_object_mm + self.object_to_detector_mm
        m = distance / (self.source_to_object_mm + points[:, 0])
        y = self.source_y_mm + (points[:, 1] - self.source_y_mm) * m
        z = self.source_z_mm + (points[:, 2] - self.source_z_mm) * m
        return np.stack([(y - self.left_mm) / self.column_mm, (self.top_mm - z) / self.row_mm], axis=1)

    def object_plane(self, x_mm: float = 0.0) -> tuple[Array, Array]:
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

    def rays(self) -> Rays:
        """The numbers the kernels need."""
        return Rays.of(
            source_mm=self.source_to_object_mm,
            detector_mm=self.object_to_detector_mm,
            source_y_mm=self.source_y_mm,
            source_z_mm=self.source_z_mm,
            left_mm=self.left_mm,
            top_mm=self.top_mm,
            column_mm=self.column_mm,
            row_mm=self.row_mm,
        )

    def pixel_box(self, centre: Array, rotation: Array, low: Array, high: Array) -> tuple[Window, float]:
        """Rows and columns covered by a box given in a local frame, and its half extent along the beam in mm."""
        corners = np.array([[(low, high)[i >> k & 1][k] for k in range(3)] for i in range(8)])
        world = corners @ rotation + centre  # rotation maps world to local, so its transpose maps back
        px = self.project(world)
        c0, r0 = np.floor(px.min(0)).astype(int)
        c1, r1 = np.ceil(px.max(0)).astype(int) + 1
        half = float(np.abs(world[:, 0] - centre[0]).max())
        window = Window(max(0, int(r0)), min(self.height, int(r1)), max(0, int(c0)), min(self.width, int(c1)))
        return window, half
