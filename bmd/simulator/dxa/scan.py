"""An AP lumbar scan of a densitometer: areal density map, regions L1-L4, and its truth.

The beam is parallel and runs from front to back. A vertebra's region lies between the lines through the discs above
and below it and inside the column of vertebral bodies, transverse processes cut off. The bone functions are those of
every other modality; each vertebra's mineral is scaled (by a few per cent) so that an ideal scan of these regions reads
exactly the person's BMD, since regions on a scan are never quite those of the nominal area. How much of a vertebra's
mineral the arch carries is drawn anew (``ARCH``): on real scans discs are hardly darker than bodies.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np

from bmd.reference import LEVELS
from bmd.simulator.dxa.densitometer import Scan, scan, soft_tissue
from bmd.simulator.film import devices
from bmd.simulator.film.casting import Sums, cast_arch, cast_body, cast_pelvis, cast_sacrum
from bmd.simulator.film.implants import short_rods
from bmd.simulator.film.projection import Geometry
from bmd.simulator.film.tissue import noise
from bmd.simulator.person.anatomy import DRAWN, Skeleton
from bmd.simulator.record import Array, Labels, Mask

ARCH = (0.6, 1.3)  # factor on the posterior elements before the whole is scaled; an assumption, set by eye
FAR_MM = 1e5  # distance of a source whose rays are parallel
AP = np.array([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]])  # patient to world: the beam runs along y, columns along x
REGIONS = range(1, len(DRAWN))  # T11..L5: levels with a line above and below


@dataclass(frozen=True, eq=False)
class Scanned:
    """One scan before it is displayed.

    Attributes
    ----------
    measured : Scan
        Bone and soft tissue as the densitometer computes them, with noise.
    labels : ndarray
        uint8 (H, W): 0, or i + 1 in the region of ``LEVELS[i]`` (T11..L5).
    lines : ndarray
        (9, 2, 2): ends (x, y) of the line above T11, above T12, ..., below L5; first row NaN.
    bmc_g, area_cm2 : ndarray
        (9,) of an ideal scan, per level; NaN outside the picture.
    spacing_mm : float
        Of the square pixels.
    """

    measured: Scan
    labels: Labels
    lines: Array
    bmc_g: Array
    area_cm2: Array
    spacing_mm: float
    tags: frozenset[str]


def scan_field(skeleton: Skeleton, spacing_mm: float, position: str | None, rng: np.random.Generator) -> Geometry:
    """Field of one scan: from the iliac crest or L5 up to T12 or T11, 120-200 mm wide."""
    top = skeleton.bone("T12").centre_mm[2] + rng.uniform(-8, 22)
    low = skeleton.bone("L5").centre_mm[2] + rng.uniform(-16, 8)
    middle = float(np.mean([skeleton.bone(level).centre_mm[0] for level in ("L1", "L2", "L3", "L4")]))
    middle += rng.normal(0, 4)
    if position == "high":  # L4 is cut off
        low = skeleton.bone("L4").centre_mm[2] + rng.uniform(-8, 8)
    if position == "low":  # L1 is cut off
        top = skeleton.bone("L1").centre_mm[2] + rng.uniform(-8, 8)
    wide = rng.uniform(115, 205)
    if position == "off_centre":
        middle += rng.choice([-1, 1]) * rng.uniform(0.18, 0.32) * wide
    return parallel(middle, (top + low) / 2, wide, top - low, spacing_mm)


def parallel(x: float, z: float, wide: float, high: float, spacing_mm: float) -> Geometry:
    """A parallel beam along the world's x through a field centred at (x, z), mm."""
    return Geometry(
        source_to_object_mm=FAR_MM,
        object_to_detector_mm=0.0,
        source_y_mm=x,
        source_z_mm=z,
        left_mm=x - wide / 2,
        top_mm=z + high / 2,
        column_mm=spacing_mm,
        row_mm=spacing_mm,
        width=round(wide / spacing_mm),
        height=round(high / spacing_mm),
    )


def cast_vertebrae(skeleton: Skeleton, geometry: Geometry, view: Array) -> tuple[Array, Array]:
    """Line integrals in g/cm2 of each vertebra T10-L5: bodies (8, H, W) and posterior elements (8, H, W).

    Posterior elements are cast at half resolution, as on films.
    """
    coarse, width, height = geometry.halved(), geometry.width, geometry.height
    bodies, back = [], []
    for bone in skeleton.bones:
        body, arch = Sums.empty(geometry), Sums.empty(coarse)
        cast_body(body, bone, geometry, view)
        cast_arch(arch, bone, coarse, view)
        bodies.append(body.mineral)
        back.append(cv2.resize(arch.mineral, (2 * coarse.width, 2 * coarse.height))[:height, :width])
    return np.stack(bodies), np.stack(back)


def cast_hips(skeleton: Skeleton, geometry: Geometry, view: Array) -> Array:
    """Line integral in g/cm2 of hip bones and femora (at half resolution inside) and of the sacrum."""
    coarse = geometry.halved()
    hips, out = Sums.empty(coarse), Sums.empty(geometry)
    cast_pelvis(hips, skeleton, coarse, view, (0.0, 0.0, 62.0))
    out.mineral[:] = cv2.resize(cv2.GaussianBlur(hips.mineral, (0, 0), 0.6), (geometry.width, geometry.height))
    cast_sacrum(out, skeleton, geometry, view)
    return out.mineral


def disc_lines(skeleton: Skeleton, geometry: Geometry, view: Array) -> Array:
    """Lines between the vertebrae (9, 2, 2) in pixels: row k lies above ``DRAWN[k]``, the last below L5; row 0 NaN."""
    ends = []
    for bone in skeleton.bones:
        p = bone.shape
        up = p.half_height_mm - p.wedge_top_mm / 2
        down = -p.half_height_mm + p.wedge_bottom_mm / 2
        ends.append(geometry.project(bone.to_patient(np.array([(0, 0, up), (0, 0, down)])) @ view.T))
    ends.append(np.repeat(geometry.project(np.zeros((1, 3))), 2, 0))
    lines = np.full((len(ends), 2, 2), np.nan)
    for k in range(1, len(ends)):
        above, below = ends[k - 1], ends[k][0]
        along = below - above[1] + above[1] - above[0] + (ends[k][1] - ends[k][0])
        along = along / np.linalg.norm(along)
        across = np.array([-along[1], along[0]])
        across = across if across[0] > 0 else -across
        half = skeleton.bones[k - 1].shape.half_width_mm / geometry.column_mm
        middle = (above[1] + below) / 2
        lines[k] = middle - across * half, middle + across * half
    return lines


def regions(bodies: Array, lines: Array, spacing_mm: float) -> Labels:
    """Label map uint8 (H, W): the column of bodies, discs filled in, cut at the lines between vertebrae."""
    column = (bodies.max(0) > 0.06).astype(np.uint8)
    tall = max(3, round(13 / spacing_mm)) | 1
    column = cv2.morphologyEx(column, cv2.MORPH_CLOSE, np.ones((tall, 3), np.uint8))
    labels = np.zeros(column.shape, np.uint8)
    y, x = np.mgrid[: column.shape[0], : column.shape[1]]

    def below(line: Array) -> Mask:
        (x0, y0), (x1, y1) = line
        return np.asarray((x1 - x0) * (y - y0) - (y1 - y0) * (x - x0) > 0)

    for k in REGIONS:
        labels[(column > 0) & below(lines[k]) & ~below(lines[k + 1])] = k + 1
    return labels


def as_person(skeleton: Skeleton, mineral: Array, labels: Labels) -> Array:
    """The map (H, W) scaled, smoothly from row to row, until an ideal scan reads the person's BMD at L1-L5."""
    names = [k for k in range(3, 8) if (labels == k + 1).sum() > 40]
    if not names:
        return mineral
    masks = [labels == k + 1 for k in names]
    rows = np.array([np.nonzero(mask)[0].mean() for mask in masks])
    target = np.array([skeleton.person.bmd[DRAWN[k]] for k in names])
    knots, line = np.ones(len(names)), np.arange(len(labels))
    for _ in range(25):
        scaled = mineral * np.interp(line, rows, knots)[:, None]
        knots *= (target / np.array([scaled[mask].mean() for mask in masks])) ** 1.3
    return np.asarray(mineral * np.interp(line, rows, knots)[:, None], np.float32)


def plaques(skeleton: Skeleton, geometry: Geometry, view: Array, rng: np.random.Generator) -> Array:
    """Mineral g/cm2 of calcified aortic walls, which lie over the left half of the spine on an AP scan."""
    out = np.zeros((geometry.height, geometry.width), np.float32)
    middle = skeleton.bone("L2").centre_mm[0] + rng.uniform(4, 14)
    for _ in range(int(rng.integers(3, 14))):
        z = skeleton.bone("L3").centre_mm[2] + rng.uniform(-50, 70) - np.linspace(0, rng.uniform(4, 25), 7)
        x = middle + rng.choice([-9, 9]) + rng.normal(0, 2) + rng.normal(0, 0.7, 7)
        px = geometry.project(np.column_stack([x, np.zeros(7), z]) @ view.T)
        width = max(1, round(rng.uniform(1, 2.5) / geometry.column_mm))
        cv2.polylines(
            out, [np.round(px * 8).astype(np.int32)], False, float(rng.uniform(0.1, 0.4)), width, cv2.LINE_AA, 3
        )
    return out


def scan_spine(
    skeleton: Skeleton,
    rng: np.random.Generator,
    position: str | None = None,
    extras: frozenset[str] | None = None,
    spacing_mm: float = 0.8,
) -> Scanned:
    """Scan a lumbar spine from front to back.

    Parameters
    ----------
    skeleton : Skeleton
    rng : numpy.random.Generator
    position : {"tilted", "off_centre", "high", "low"}, optional
        A fault of positioning.
    extras : frozenset of str, optional
        Exactly what lies in the beam beside the skeleton: "implant", "cement", "aorta", "uneven"; drawn when None.
    spacing_mm : float
        Side of a pixel in mm.
    """
    chosen = draw_extras(skeleton, rng) if extras is None else extras
    lean_deg = rng.normal(0, 1.5) + (rng.choice([-1, 1]) * rng.uniform(9, 18) if position == "tilted" else 0.0)
    view = AP @ _roll(math.radians(lean_deg)) @ _yaw(math.radians(rng.normal(0, 2)))
    geometry = scan_field(skeleton, spacing_mm, position, rng)
    bodies, back = cast_vertebrae(skeleton, geometry, view)
    lines = disc_lines(skeleton, geometry, view)
    labels = regions(bodies, lines, spacing_mm)
    sharp = rng.uniform(0.7, 1.1) / spacing_mm
    texture = (
        1
        + 0.05 * noise(rng, labels.shape, 2.5 / spacing_mm, 2, 0.6)
        + 0.04 * noise(rng, labels.shape, 5 / spacing_mm, 2)
    )
    arch = rng.uniform(*ARCH)
    mineral = cv2.GaussianBlur((bodies.sum(0) + arch * back.sum(0)) * texture, (0, 0), sharp)
    mineral = as_person(skeleton, mineral, labels)
    bmc, area = contents(mineral, labels, spacing_mm)
    other = cast_hips(skeleton, geometry, view) + devices.ribs(skeleton, geometry, view, rng)
    other = np.where(labels > 0, 0, other)
    metal = np.zeros_like(mineral)
    if "implant" in chosen:
        metal = short_rods(skeleton, geometry, view, rng)
    if "cement" in chosen:
        other = other + devices.cement(skeleton, geometry, view, rng)
    if "aorta" in chosen:
        other = other + plaques(skeleton, geometry, view, rng)
    mineral = mineral + cv2.GaussianBlur(other.astype(np.float32), (0, 0), sharp)
    spine = _spine_column(labels)
    lean, fat = soft_tissue(skeleton, geometry, _middle(spine, geometry), rng, "uneven" in chosen)
    quanta = 10 ** rng.uniform(6.2, 7.0)
    measured = scan(lean, fat, mineral, metal, spine, geometry, rng, quanta)
    tags = skeleton.tags | chosen | ({position} if position else set())
    return Scanned(measured, labels, lines, bmc, area, spacing_mm, frozenset(tags))


def draw_extras(skeleton: Skeleton, rng: np.random.Generator) -> frozenset[str]:
    """What else lies in the beam of a scan taken at random; calcified aortas with age."""
    age = skeleton.person.body.age_y
    chances = {"implant": 0.02, "cement": 0.01, "aorta": float(np.clip((age - 52) / 70, 0, 0.4)), "uneven": 0.3}
    return frozenset(name for name, chance in chances.items() if rng.random() < chance)


def contents(mineral: Array, labels: Labels, spacing_mm: float) -> tuple[Array, Array]:
    """Bone mineral content in g and area in cm2 of each region (9,), NaN where a level has none."""
    pixel_cm2 = (spacing_mm / 10) ** 2
    count = np.bincount(labels.ravel(), minlength=len(LEVELS) + 1)[1 : len(LEVELS) + 1].astype(float)
    mass = np.bincount(labels.ravel(), mineral.ravel(), len(LEVELS) + 1)[1 : len(LEVELS) + 1]
    missing = count == 0
    return np.where(missing, np.nan, mass * pixel_cm2), np.where(missing, np.nan, count * pixel_cm2)


def _spine_column(labels: Labels) -> Mask:
    """The column of regions, carried on to the upper and lower edges of the picture."""
    column = labels > 0
    rows = np.flatnonzero(column.any(1))
    if not len(rows):
        column = np.zeros_like(column)
        column[:, column.shape[1] * 2 // 5 : column.shape[1] * 3 // 5] = True
        return column
    nearest = np.clip(np.arange(len(column)), rows[0], rows[-1])
    wide = cv2.dilate(column[nearest].astype(np.uint8), np.ones((1, 3), np.uint8)) > 0
    return np.asarray(wide)


def _middle(spine: Mask, geometry: Geometry) -> Array:
    """Place (x, mm) of the middle of the column in each row, smoothed, (H, 1)."""
    columns = np.arange(spine.shape[1])
    middle = (spine * columns).sum(1) / np.maximum(spine.sum(1), 1)
    smooth = cv2.blur(middle.astype(np.float32)[:, None], (1, 2 * round(16 / geometry.row_mm) + 1))
    return np.asarray(geometry.left_mm + smooth * geometry.column_mm)


def _roll(angle: float) -> Array:
    """Turn about the patient's front-back axis: tilted on the table."""
    c, s = math.cos(angle), math.sin(angle)
    return np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])


def _yaw(angle: float) -> Array:
    """Turn about the patient's long axis."""
    c, s = math.cos(angle), math.sin(angle)
    return np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])
