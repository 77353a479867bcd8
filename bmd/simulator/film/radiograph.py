"""A lateral (or frontal) spine film of a skeleton, with its truth."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np

from bmd.reference import LEVELS
from bmd.simulator.film import beam, devices
from bmd.simulator.film import console as display
from bmd.simulator.film.casting import Sums, cast_arch, cast_body, cast_pelvis, cast_sacrum
from bmd.simulator.film.projection import Geometry
from bmd.simulator.film.tissue import SoftTissue, frontal_tissue, lateral_tissue, noise
from bmd.simulator.person.anatomy import DRAWN, Skeleton
from bmd.simulator.record import Array, Labels, Mask
from bmd.truth import Truth
from bmd.types import View

SACRAL_REACH_MM = 66.0
DISC_EXCESS = 0.027  # of 70 HU over muscle's 43


@dataclass(frozen=True, eq=False)
class Film:
    """What one exposure yields: display values 0..1 (H, W), the pixel spacing at the detector and the truth."""

    pixels: Array
    spacing_mm: tuple[float, float]
    truth: Truth


@dataclass(frozen=True, eq=False)
class BoneMaps:
    """Line integrals of bone mineral in g/cm2, (H, W): vertebral bodies, their posterior elements, pelvis."""

    bodies: Array
    posterior: Array
    pelvis: Array
    marrow: Array
    """Length of each ray within bone that holds marrow, in mm."""
    labels: Labels


def draw_geometry(skeleton: Skeleton, view: Array, size: int, rng: np.random.Generator) -> Geometry:
    """Distances, centring and field of one exposure.

    Fields run from tight lumbar (270 mm) to wide thoracolumbar (540 mm) high at the detector. A third of the pictures
    are stretched to a square, as exported pictures often are: then columns and rows differ in pitch.
    """
    sid, odd = rng.uniform(1000, 1500), rng.uniform(180, 290)
    target = view @ skeleton.bone("L3").centre_mm
    high = rng.uniform(370, 540) if rng.random() < 0.8 else rng.uniform(270, 370)
    wide = min(430.0, high * rng.uniform(0.45, 1.05))
    width = size if rng.random() < 0.35 else max(64, min(size, round(size * wide / high)))
    m = sid / (sid - odd)
    y, z = target[1] + rng.normal(0.05 * wide, 0.09 * wide), target[2] - 26 + rng.normal(0, 0.07 * high)
    source_y, source_z = y + rng.normal(0, 15), z + rng.normal(0, 15)
    return Geometry(
        source_to_object_mm=sid - odd,
        object_to_detector_mm=odd,
        source_y_mm=source_y,
        source_z_mm=source_z,
        left_mm=source_y + (y - source_y) * m - wide / 2,
        top_mm=source_z + (z - source_z) * m + high / 2,
        column_mm=wide / width,
        row_mm=high / size,
        width=width,
        height=size,
    )


def cast_bones(skeleton: Skeleton, geometry: Geometry, view: Array) -> BoneMaps:
    """Cast every bone: bodies and sacrum at full resolution, posterior elements and the rest of the pelvis at half.

    Levels are counted from the thin bright lines of the sacrum; thin oblique plates of the hip alias on coarse rays.
    """
    coarse = geometry.halved()
    shape = (geometry.height, geometry.width)
    bodies, arch, labels = Sums.empty(geometry), Sums.empty(coarse), np.zeros(shape, np.uint8)
    for value, bone in enumerate(skeleton.bones, start=1):
        cast_body(bodies, bone, geometry, view, labels, value)
        cast_arch(arch, bone, coarse, view)
    hips = Sums(np.zeros_like(arch.mineral), arch.marrow)
    cast_pelvis(hips, skeleton, coarse, view, (-130.0, 0.0, 62.0))
    pelvis = _doubled(cv2.GaussianBlur(hips.mineral, (0, 0), 0.6), shape)
    cast_sacrum(Sums(pelvis, bodies.marrow), skeleton, geometry, view, SACRAL_REACH_MM)
    marrow = 10 * (bodies.marrow + _doubled(arch.marrow, shape))
    return BoneMaps(bodies.mineral, _doubled(arch.mineral, shape), pelvis, marrow, labels)


def _doubled(coarse: Array, shape: tuple[int, int]) -> Array:
    """A half-resolution map at full resolution, pixel centres in register also where the shape is odd."""
    full = cv2.resize(coarse, (2 * coarse.shape[1], 2 * coarse.shape[0]))
    return np.ascontiguousarray(full[: shape[0], : shape[1]])


def bone_mineral(
    skeleton: Skeleton, maps: BoneMaps, geometry: Geometry, view: Array, rng: np.random.Generator
) -> Array:
    """All mineral on each ray in g/cm2, with trabecular texture, ribs and aortic plaques (cement comes later)."""
    shape = maps.bodies.shape
    bone = maps.bodies + maps.posterior + maps.pelvis + devices.ribs(skeleton, geometry, view, rng)
    fine = noise(rng, (shape[0], shape[1]), 2.2, 2, 0.6)
    coarse = noise(rng, (shape[0], shape[1]), 5, 2, 0.7)
    texture = 1 + 0.07 * skeleton.rarefied * rng.uniform(0.4, 1.0) * fine + rng.uniform(0.02, 0.06) * coarse
    return np.asarray(bone * np.clip(texture, 0.4, 1.8) + devices.aortic_calcification(skeleton, geometry, view, rng))


def with_spine(
    tissue: SoftTissue, skeleton: Skeleton, maps: BoneMaps, geometry: Geometry, view: Array, rng: np.random.Generator
) -> SoftTissue:
    """Soft tissue in which fat takes the place of lean: in yellow marrow, and beside the column of bodies and discs.

    An osteoporotic body full of fat absorbs hardly more than muscle and no more than a disc: on a film only its end
    plates and walls are left. On the public CT that also checks the CT reader, seen from the side, bodies of 114 HU
    stand out by 0 to 5 mm of water from discs of 70 HU; column and psoas stand out by 5 to 9 mm from the visceral fat,
    vessels and bowel in front of them, and where organs lie there instead, they do not.
    """
    discs, column = np.zeros_like(tissue.lean), np.zeros_like(tissue.lean)
    for upper, lower in pairwise(skeleton.bones):
        below, above = upper.corners()[[3, 2]], lower.corners()[[1, 0]]
        gap = np.round(geometry.project(np.concatenate([below, above]) @ view.T)).astype(np.int32)
        width = 2.0 * float(min(upper.shape.half_width_mm, lower.shape.half_width_mm))
        cv2.fillPoly(discs, [gap], DISC_EXCESS * width)
        pair = np.concatenate([upper.corners()[:2], lower.corners()[2:]])
        cv2.fillPoly(column, [np.round(geometry.project(pair @ view.T)).astype(np.int32)], 1.0)
    discs = cv2.GaussianBlur(discs, (0, 0), 2.0 / geometry.row_mm)
    column = cv2.GaussianBlur(column, (0, 0), rng.uniform(2.0, 6.0) / geometry.row_mm)
    bmi = skeleton.person.body.bmi
    visceral = float(np.clip(rng.normal(25 + 2 * (bmi - 20), 25), -15, 90)) * (1 - column)
    fat = np.clip(skeleton.yellow * maps.marrow + visceral, -tissue.fat, 0.7 * tissue.lean)
    return SoftTissue(tissue.lean - fat + discs * (tissue.lean > 0), tissue.fat + fat, tissue.body)


def expose_film(
    skeleton: Skeleton, rng: np.random.Generator, size: int = 384, view: View = "lateral", implant: bool | None = None
) -> Film:
    """Take one film.

    Parameters
    ----------
    skeleton : Skeleton
    rng : numpy.random.Generator
        Every nuisance is drawn from it.
    size : int
        Height in pixels; the width follows from the field.
    view : {"lateral", "ap"}
    implant : bool, optional
        Force or forbid metal and cement; drawn when None.
    """
    angle = math.radians(90.0 if view == "ap" else 0.0) + rng.normal(0, math.radians(4))
    c, s = math.cos(angle), math.sin(angle)
    turn = np.array([[c, s, 0], [-s, c, 0], [0, 0, 1.0]]).T  # patient to world
    geometry = draw_geometry(skeleton, turn, size, rng)
    maps = cast_bones(skeleton, geometry, turn)
    mineral = bone_mineral(skeleton, maps, geometry, turn, rng)
    tissue = (frontal_tissue if view == "ap" else lateral_tissue)(skeleton, geometry, rng)
    tissue = with_spine(tissue, skeleton, maps, geometry, turn, rng)
    tags = set(skeleton.tags)
    metal = np.zeros_like(mineral)
    draw = rng.random()
    if implant or (implant is None and draw < 0.06):
        metal = devices.screws_and_rods(skeleton, geometry, turn, rng)
        tags.add("implant")
    elif implant is None and draw < 0.10:
        mineral = mineral + devices.cement(skeleton, geometry, turn, rng)
        tags.add("cement")
    extra, lean = devices.overlying(skeleton, geometry, turn, rng)
    tissue = SoftTissue(tissue.lean + lean, tissue.fat, tissue.body)
    signal = beam.expose(beam.transmit(tissue, mineral + extra, metal, rng.uniform(78, 96)), tissue.body, geometry, rng)
    shown, field = _develop(signal, tissue, skeleton, geometry, rng)
    return _finish(shown, field, maps.labels, skeleton, geometry, turn, tags, rng)


def _develop(
    signal: Array, tissue: SoftTissue, skeleton: Skeleton, geometry: Geometry, rng: np.random.Generator
) -> tuple[Array, Mask]:
    """Console and radiographer: processing windowed on the spine or the whole body, collimation, artefacts."""
    film = beam.log_signal(signal)
    y, z = geometry.object_plane()
    near = (np.abs(y - skeleton.bone("L3").centre_mm[1] - 10) < rng.uniform(30, 80)) & (z > -rng.uniform(0, 60))
    spine = tissue.body & near & (z < skeleton.bone("T12").centre_mm[2] + 20)
    shown = display.process(film, tissue.body, spine, rng)
    shown, field = display.collimate(shown, rng)
    return display.artefacts(shown, rng), field


def _finish(
    shown: Array,
    field: Mask,
    labels: Labels,
    skeleton: Skeleton,
    geometry: Geometry,
    turn: Array,
    tags: set[str],
    rng: np.random.Generator,
) -> Film:
    """Turn half of the films to face left, mark them, and write down the truth."""
    corners = np.stack([geometry.project(b.corners() @ turn.T) for b in skeleton.bones])
    sacral = geometry.project(skeleton.sacral_corners() @ turn.T)
    s1 = np.zeros_like(labels)
    cv2.fillPoly(s1, [np.round(sacral).astype(np.int32)], len(LEVELS))
    labels = np.where(labels > 0, labels, s1)
    corners = np.concatenate([corners, sacral[None]]).astype(np.float32)
    if rng.random() < 0.5:
        shown, field = np.ascontiguousarray(shown[:, ::-1]), np.ascontiguousarray(field[:, ::-1])
        labels = np.ascontiguousarray(labels[:, ::-1])
        corners[..., 0] = geometry.width - 1 - corners[..., 0]
    shown = display.annotate(shown, rng)
    if rng.random() < 0.03:
        shown = 1 - shown
        tags.add("inverted")
    truth = _truth(labels, field, corners, skeleton, tags)
    return Film(np.clip(shown, 0, 1).astype(np.float32), (geometry.row_mm, geometry.column_mm), truth)


def _truth(labels: Labels, field: Mask, corners: Array, skeleton: Skeleton, tags: set[str]) -> Truth:
    """Boxes, visibility and densities beside the masks and corners."""
    n = len(LEVELS)
    boxes, visible = np.full((n, 4), np.nan, np.float32), np.zeros(n, bool)
    height, width = labels.shape
    for i in range(n):
        rows, columns = np.nonzero(labels == i + 1)
        if len(rows) < 12:
            continue
        boxes[i] = columns.min() - 0.5, rows.min() - 0.5, columns.max() + 0.5, rows.max() + 0.5
        inside = (corners[i] > 1).all() and (corners[i] < [width - 2, height - 2]).all()
        visible[i] = inside and field[rows, columns].mean() > 0.97
    person = skeleton.person
    bmd = np.array([person.bmd.get(level, np.nan) for level in LEVELS], np.float32)
    t = np.array([person.t_scores.get(level, np.nan) for level in LEVELS], np.float32)
    grades = np.array([skeleton.bone(x).fracture_grade if x in DRAWN else 0 for x in LEVELS], np.int8)
    pair = (float(person.bmd["L1-L4"]), float(person.t_scores["L1-L4"]))
    return Truth(labels, corners, boxes, visible, bmd, t, grades, *pair, frozenset(tags))
