"""Abdominal CT of a simulated person: the scan, its volume and its truth."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from bmd.reference import LEVELS
from bmd.simulator.ct import metal
from bmd.simulator.ct.scanner import Phase, draw_scan
from bmd.simulator.ct.scene import Plane, Scene, build_scene, expose, render_layers
from bmd.simulator.person.anatomy import DRAWN, Skeleton, build_skeleton
from bmd.simulator.person.sample import Person
from bmd.simulator.record import Array, Labels
from bmd.truth import CtTruth

FIELDS = ("abdomen_pelvis", "abdomen", "upper", "pelvis")
"""From the lowest ribs to below the trochanters; to the iliac crests; to L3; from L4 to below the trochanters."""
SPECIAL = ("metal_hip", "cement")
"""Findings of CT beyond those of the films."""
PIXEL_MM = 1.6


@dataclass(frozen=True, eq=False)
class Volume:
    """HU int16 (D, H, W), spacing in mm (slice, row, column) and the truth."""

    pixels: NDArray[np.int16]
    spacing_mm: tuple[float, float, float]
    truth: CtTruth


def lie_down(
    person: Person,
    rng: np.random.Generator,
    thickness: float | None = None,
    phase: Phase | None = None,
    finding: str | None = None,
) -> Scene:
    """The person's skeleton, a protocol, and everything around the bones.

    Parameters
    ----------
    person : Person
    rng : numpy.random.Generator
    thickness : float, optional
        Slice thickness in mm; drawn when None.
    phase : str, optional
        "none", "arterial" or "portal"; drawn when None.
    finding : str, optional
        What to show: "scoliosis", "implant" (screws), "metal_hip", "cement"; any other finding forbids these. Drawn
        when None.
    """
    curved = None if finding is None else finding == "scoliosis"
    skeleton = build_skeleton(person, rng, scoliosis=curved)
    scene = build_scene(skeleton, draw_scan(rng, thickness, phase), rng)
    draw = rng.random()
    if finding is None:
        finding = "implant" if draw < 0.025 else "cement" if draw < 0.045 else "metal_hip" if draw < 0.075 else None
    return _operate(scene, finding, rng)


def _operate(scene: Scene, finding: str | None, rng: np.random.Generator) -> Scene:
    """Put in what a surgeon left."""
    skeleton = scene.skeleton
    if finding == "implant":
        first = int(rng.integers(3, 7))
        shapes = metal.screws(list(skeleton.bones[first : first + int(rng.integers(2, 4))]))
        return replace(scene, metal=shapes, tags=scene.tags | {"implant"})
    if finding == "metal_hip":
        side = int(rng.integers(2))
        shapes = metal.prosthesis(scene.head(side), scene.femora[side], scene.femur_point, side)
        return replace(scene, metal=shapes, metal_hips=frozenset({side}), tags=scene.tags | {"metal_hip"})
    if finding == "cement":
        broken = [b for b in skeleton.bones if b.fracture_grade] or list(skeleton.bones[2:5])
        shapes = metal.cement(broken[int(rng.integers(len(broken)))], rng)
        return replace(scene, metal=shapes, tags=scene.tags | {"cement"})
    return scene


def scan_field(scene: Scene, field: str, rng: np.random.Generator) -> tuple[float, float]:
    """Upper and lower end of the scan along the scanner's cranial axis, mm."""
    up = scene.axes[2]
    at = {b.level: float(b.centre_mm @ up) for b in scene.skeleton.bones}
    top = rng.uniform(at["T11"], at["T10"] + 8)
    bottom = scene.bottom
    if field == "abdomen":
        bottom = rng.uniform(-25, at["L5"] - 15)
    elif field == "upper":
        bottom = rng.uniform(at["L4"], at["L2"])
    elif field == "pelvis":
        top = rng.uniform(at["L5"], at["L4"])
    return float(top), float(bottom)


def scan_volume(
    scene: Scene,
    rng: np.random.Generator,
    field: str | None = None,
    pixel_mm: float = PIXEL_MM,
    fov_mm: float | None = None,
) -> Volume:
    """Render every slice.

    Parameters
    ----------
    scene : Scene
    rng : numpy.random.Generator
    field : str, optional
        One of ``FIELDS``; drawn when None (three quarters abdomen and pelvis).
    pixel_mm : float
        In-plane pixel size; the slices are as thick as the scan's.
    fov_mm : float, optional
        Side of the field; drawn when None, an eighth of them too small for the body.
    """
    drawn, wide = rng.choice(4, p=[0.75, 0.13, 0.08, 0.04]), rng.random() < 0.12
    top, bottom = scan_field(scene, FIELDS[int(drawn)] if field is None else field, rng)
    axes, step = scene.axes, scene.scan.thickness_mm
    body = 2 * float(np.percentile(scene.torso.profile["half_width_mm"], 90))
    side = body * rng.uniform(0.72, 0.93) if wide else body + rng.uniform(10, 60)
    side = min(500.0, side) if fov_mm is None else fov_mm
    columns = max(16, round(side / pixel_mm))
    front, back = scene.depth_range
    tall = min(side, front - back + 70)
    rows = max(16, round(tall / pixel_mm))
    first = axes[0] * (rng.normal(0, 6) - side / 2) + axes[1] * ((front + back - 45) / 2 + rng.normal(0, 6) + tall / 2)
    count = max(1, int((top - bottom) / step))
    grid = Grid(first + axes[2] * top, axes, (step, pixel_mm, pixel_mm), (count, rows, columns))
    return _render(scene, grid, rng)


@dataclass(frozen=True, eq=False)
class Grid:
    """Where a volume's voxels lie: the first one in mm, the scanner's axes, spacing and shape."""

    origin: Array
    axes: Array
    spacing_mm: tuple[float, float, float]
    shape: tuple[int, int, int]

    def plane(self, k: int) -> Plane:
        """Slice ``k``."""
        z, y, x = self.spacing_mm
        origin = self.origin - k * z * self.axes[2]
        return Plane(origin, -self.axes[1] * y, self.axes[0] * x, self.shape[1], self.shape[2], z)

    def voxel(self, points: Array) -> Array:
        """Points (..., 3) in mm to voxels (..., 3): slice, row, column."""
        local = (np.asarray(points) - self.origin) @ self.axes.T
        return np.asarray(np.stack([-local[..., 2], -local[..., 1], local[..., 0]], -1) / self.spacing_mm, np.float32)


def _render(scene: Scene, grid: Grid, rng: np.random.Generator) -> Volume:
    """All slices with their labels."""
    pixels = np.empty(grid.shape, np.int16)
    labels, femora = np.zeros(grid.shape, np.uint8), np.zeros(grid.shape, np.uint8)
    for k in range(grid.shape[0]):
        plane = grid.plane(k)
        layers = render_layers(scene, plane)
        pixels[k] = expose(scene, plane, layers, rng)
        labels[k], femora[k] = layers.label, layers.femur
    return Volume(pixels, grid.spacing_mm, _truth(scene, grid, labels, femora))


def _truth(scene: Scene, grid: Grid, labels: Labels, femora: Labels) -> CtTruth:
    """What is known of a volume."""
    skeleton, person = scene.skeleton, scene.skeleton.person
    corners = np.stack([*(b.corners() for b in skeleton.bones), skeleton.sacral_corners()])
    at = grid.voxel(corners)
    centres = grid.voxel(np.stack([*(b.centre_mm for b in skeleton.bones), skeleton.sacral_corners().mean(0)]))
    margin = [float(b.shape.half_height_mm) for b in skeleton.bones] + [15.0]
    half = np.array(margin) / grid.spacing_mm[0] + 1
    inside = ((centres >= 0) & (centres < np.array(grid.shape) - 1)).all(1)
    visible = inside & (centres[:, 0] - half >= 0) & (centres[:, 0] + half < grid.shape[0])
    boxes = np.full((len(LEVELS), 4), np.nan, np.float32)
    at_slice, at_row, at_column = np.nonzero(labels)
    value = labels[at_slice, at_row, at_column]
    for i in range(len(LEVELS)):
        slices, rows = at_slice[value == i + 1], at_row[value == i + 1]
        if len(rows):
            boxes[i] = rows.min() - 0.5, slices.min() - 0.5, rows.max() + 0.5, slices.max() + 0.5
    heads = grid.voxel(np.stack([scene.head(0), scene.head(1)]))
    return CtTruth(
        labels=labels,
        corners_px=at[..., [1, 0]],
        boxes_px=boxes,
        visible=visible,
        bmd_g_cm2=np.array([person.bmd.get(level, np.nan) for level in LEVELS], np.float32),
        t_score=np.array([person.t_scores.get(level, np.nan) for level in LEVELS], np.float32),
        fracture_grade=_grades(skeleton),
        bmd_l1l4=float(person.bmd["L1-L4"]),
        t_l1l4=float(person.t_scores["L1-L4"]),
        tags=scene.tags,
        femora=femora,
        centres_zyx=centres,
        head_zyx=heads,
        neck_axis_zyx=_neck_axes(scene, grid),
        bmd_hip={site: float(person.bmd[site]) for site in ("femoral_neck", "total_hip")},
        t_hip={site: float(person.t_scores[site]) for site in ("femoral_neck", "total_hip")},
        kvp=scene.scan.kvp,
        phase=scene.scan.phase,
        oral_contrast=scene.scan.oral,
    )


def _grades(skeleton: Skeleton) -> NDArray[np.int8]:
    return np.array([skeleton.bone(x).fracture_grade if x in DRAWN else 0 for x in LEVELS], np.int8)


def _neck_axes(scene: Scene, grid: Grid) -> Array:
    """Unit vectors in mm along (slice, row, column) from each head down its neck, (2, 3)."""
    out = []
    for side in (0, 1):
        along = scene.femur_point(side, scene.femora[side].neck.astype(float)) - scene.head(side)
        local = grid.axes @ along
        out.append(np.array([-local[2], -local[1], local[0]]) / np.linalg.norm(local))
    return np.asarray(out, np.float32)
