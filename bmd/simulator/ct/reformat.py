"""The pictures training needs of each person, rendered without the volume: axial slices and coronal hips."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from bmd.simulator.ct.scene import Plane, Scene, expose, render_layers
from bmd.simulator.person.anatomy import DRAWN
from bmd.simulator.record import Labels

AXIAL_LEVELS = ("L1", "L2", "L3", "L4")
AXIAL_PIXELS, AXIAL_WIDTH_MM = 224, 160.0
FEMUR_PIXELS = 250
ERODE_MM = 4.5


def axial_slice(scene: Scene, level: str, rng: np.random.Generator) -> tuple[NDArray[np.int16], Labels]:
    """HU (224, 224) int16 through the middle of a vertebra, and its body (uint8), cut as a crop of an abdominal scan.

    The vertebra lies in the middle, off by up to 12 mm; the slice by up to 4 mm above or below its middle.
    """
    axes, centre, pixel = scene.axes, scene.skeleton.bone(level).centre_mm, AXIAL_WIDTH_MM / AXIAL_PIXELS
    shift = np.add(rng.uniform(-12, 12, 2), (0, -8))
    middle = centre + shift[0] * axes[0] + shift[1] * axes[1] + rng.uniform(-4, 4) * axes[2]
    origin = middle + (axes[1] - axes[0]) * (AXIAL_PIXELS - 1) / 2 * pixel
    plane = Plane(origin, -axes[1] * pixel, axes[0] * pixel, AXIAL_PIXELS, AXIAL_PIXELS, scene.scan.thickness_mm)
    layers = render_layers(scene, plane)
    body = (layers.label == DRAWN.index(level) + 1).astype(np.uint8)
    return expose(scene, plane, layers, rng), body


def trabecular_hu(hu: NDArray[np.int16], body: Labels, pixel_mm: float = AXIAL_WIDTH_MM / AXIAL_PIXELS) -> float:
    """Mean HU of a body's slice without its cortex (eroded by ``ERODE_MM``); NaN when nothing is left."""
    size = 2 * round(ERODE_MM / pixel_mm) + 1
    core = cv2.erode(body, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))) > 0
    return float(hu[core].mean()) if core.any() else float("nan")


def femur_plane(scene: Scene, side: int, rng: np.random.Generator) -> Plane:
    """A coronal slab through the head and (more or less) along the neck, with head, neck, trochanters and shaft in it.

    Technicians turn the plane into the neck by anything from nothing (straight coronal) to its whole anteversion.
    """
    axes, p = scene.axes, scene.femora[side]
    pixel, thickness = float(rng.uniform(0.75, 1.0)), float(rng.uniform(2, 4))
    sign = 1.0 if side else -1.0
    turn = rng.uniform(0.2, 1.1) * np.arctan2(float(p.neck_y), float(p.neck_x))
    right = np.array([np.cos(turn), sign * np.sin(turn), 0.0])
    right = axes.T @ (np.array([right[0], right[1], 0.0]))
    down = -axes[2]
    scale = float(scene.skeleton.hips.scale)
    neck = scene.femur_point(side, 0.45 * float(p.length_mm) * p.neck)
    lateral = rng.uniform(-5, 25) * sign * scale
    normal = np.cross(right, down)
    middle = neck + lateral * right + rng.uniform(5, 40) * down + rng.normal(0, 1.5) * normal
    half = (FEMUR_PIXELS - 1) / 2 * pixel
    origin = middle - half * right - half * down
    return Plane(origin, down * pixel, right * pixel, FEMUR_PIXELS, FEMUR_PIXELS, thickness)


def femur_reformat(scene: Scene, side: int, rng: np.random.Generator) -> tuple[NDArray[np.int16], bool]:
    """HU (250, 250) int16 of one hip, and whether its head and neck can be read."""
    plane = femur_plane(scene, side, rng)
    layers = render_layers(scene, plane)
    hu = expose(scene, plane, layers, rng)
    heights = (plane.origin + np.arange(plane.rows)[:, None] * plane.down) @ scene.axes[2]
    outside = heights < scene.bottom
    hu[outside] = -1024
    return hu, side not in scene.metal_hips and scene.bottom < float(scene.neck_end(side) @ scene.axes[2]) - 10
