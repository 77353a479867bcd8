"""A lateral (or frontal) spine film of a skeleton, with its truth."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import NamedTuple

import cv2
import numpy as np

from bmd.reference import LEVELS, UNNAMED
from bmd.simulator.film import beam, devices
from bmd.simulator.film import console as display
from bmd.simulator.film.casting import Sums, cast_arch, cast_body, cast_pelvis, cast_sacrum
from bmd.simulator.film.field import draw_field, draw_geometry
from bmd.simulator.film.implants import SHARE, implants, show_metal, silhouette
from bmd.simulator.film.projection import Geometry
from bmd.simulator.film.thorax import upper_vertebrae
from bmd.simulator.film.tissue import SoftTissue, frontal_tissue, lateral_tissue, noise
from bmd.simulator.person.anatomy import DRAWN, Bone, Skeleton
from bmd.simulator.record import Array, Labels, Mask
from bmd.truth import Truth
from bmd.types import View

SACRAL_REACH_MM = 66.0
DISC_EXCESS = 0.027  # of 70 HU over muscle's 43
TALL_MM = 500.0  # fields from which on chest and abdomen are both shown
PLATE_SCALE_MM = 14.0  # over which a frame changes between sharp and soft


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


def cast_bones(skeleton: Skeleton, geometry: Geometry, view: Array, upper: tuple[Bone, ...] = ()) -> BoneMaps:
    """Cast every bone: bodies and sacrum at full resolution, posterior elements and the rest of the pelvis at half.

    ``upper`` are vertebrae above T10, labelled ``UNNAMED``.
    Levels are counted from the thin bright lines of the sacrum; thin oblique plates of the hip alias on coarse rays.
    """
    coarse = geometry.halved()
    shape = (geometry.height, geometry.width)
    bodies, arch, labels = Sums.empty(geometry), Sums.empty(coarse), np.zeros(shape, np.uint8)
    named = enumerate(skeleton.bones, start=1)
    for value, bone in (*((UNNAMED, bone) for bone in upper), *named):
        cast_body(bodies, bone, geometry, view, labels, value)
        cast_arch(arch, bone, coarse, view)
    hips = Sums(np.zeros_like(arch.mineral), arch.marrow)
    cast_pelvis(hips, skeleton, coarse, view, (-130.0, 0.0, 62.0))
    pelvis = _doubled(cv2.GaussianBlur(hips.mineral, (0, 0), 0.6), shape)
    cast_sacrum(Sums(pelvis, bodies.marrow), skeleton, geometry, view, SACRAL_REACH_MM)
    marrow = 10 * (bodies.marrow + _doubled(arch.marrow, shape))
    return BoneMaps(bodies.mineral, _doubled(arch.mineral, shape), pelvis, marrow, labels)


def softened(maps: BoneMaps, geometry: Geometry, rng: np.random.Generator) -> BoneMaps:
    """The frame of the bodies soft and broken: end plates and walls that the beam meets at a slant, breath.

    The bones are cast with straight, even shells, whose frame is sharper than on any film. How soft it is differs from
    film to film and from place to place, whatever the density; the mineral stays the same.
    """
    worst = math.exp(rng.normal(math.log(1.3), 0.6))  # mm
    mixed = np.clip(0.55 + 0.45 * noise(rng, maps.labels.shape, PLATE_SCALE_MM / geometry.row_mm, 2, 0.7), 0, 1)
    sigma = worst / geometry.column_mm, worst / geometry.row_mm
    soft = cv2.GaussianBlur(maps.bodies, (0, 0), sigmaX=max(sigma[0], 0.2), sigmaY=max(sigma[1], 0.2))
    dull = 0.8 * worst + rng.uniform(0.2, 1.2)  # joints and laminae lie far from the middle and move with the breath
    arch = cv2.GaussianBlur(maps.posterior, (0, 0), sigmaX=dull / geometry.column_mm, sigmaY=dull / geometry.row_mm)
    return replace(maps, bodies=maps.bodies + mixed * (soft - maps.bodies), posterior=arch)


def _doubled(coarse: Array, shape: tuple[int, int]) -> Array:
    """A half-resolution map at full resolution, pixel centres in register also where the shape is odd."""
    full = cv2.resize(coarse, (2 * coarse.shape[1], 2 * coarse.shape[0]))
    return np.ascontiguousarray(full[: shape[0], : shape[1]])


def bone_mineral(
    skeleton: Skeleton,
    maps: BoneMaps,
    geometry: Geometry,
    view: Array,
    rng: np.random.Generator,
    upper: tuple[Bone, ...] = (),
) -> Array:
    """All mineral on each ray in g/cm2, with trabecular texture, ribs and aortic plaques (cement comes later)."""
    shape = maps.bodies.shape
    bone = maps.bodies + maps.posterior + maps.pelvis + devices.ribs(skeleton, geometry, view, rng, upper)
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
    even = math.exp(rng.normal(0.35, 0.6))
    for upper, lower in pairwise(skeleton.bones):
        below, above = upper.corners()[[3, 2]], lower.corners()[[1, 0]]
        gap = np.round(geometry.project(np.concatenate([below, above]) @ view.T)).astype(np.int32)
        width = 2.0 * float(min(upper.shape.half_width_mm, lower.shape.half_width_mm))
        cv2.fillPoly(discs, [gap], DISC_EXCESS * width * even * math.exp(rng.normal(0, 0.25)))
        pair = np.concatenate([upper.corners()[:2], lower.corners()[2:]])
        cv2.fillPoly(column, [np.round(geometry.project(pair @ view.T)).astype(np.int32)], 1.0)
    discs = cv2.GaussianBlur(discs, (0, 0), 2.0 / geometry.row_mm)
    column = cv2.GaussianBlur(column, (0, 0), rng.uniform(2.0, 12.0) / geometry.row_mm)
    bmi = skeleton.person.body.bmi
    visceral = float(np.clip(rng.normal(12 + 1.5 * (bmi - 20), 25), -45, 90)) * (1 - column)
    fat = np.clip(skeleton.yellow * maps.marrow + visceral, -tissue.fat, 0.7 * tissue.lean)
    return SoftTissue(tissue.lean - fat + discs * (tissue.lean > 0), tissue.fat + fat, tissue.body)


def expose_film(
    skeleton: Skeleton,
    rng: np.random.Generator,
    size: int = 384,
    view: View = "lateral",
    implant: bool | None = None,
    plain: bool = False,
    console: int | None = None,
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
    plain : bool
        The usual field, and nothing but letters printed on it.
    console : int, optional
        Which of ``console.CONSOLES`` shows it; drawn when None.
    """
    lateral, turn = view == "lateral", _turn(view, rng)
    kind = "lumbar" if plain else draw_field(view, rng)
    upper = upper_vertebrae(skeleton, rng) if lateral else ()
    geometry = draw_geometry(skeleton, turn, size, rng, kind, upper)
    maps = softened(cast_bones(skeleton, geometry, turn, upper), geometry, rng)
    mineral = bone_mineral(skeleton, maps, geometry, turn, rng, upper)
    tissue = lateral_tissue(skeleton, geometry, rng, upper) if lateral else frontal_tissue(skeleton, geometry, rng)
    tissue = with_spine(tissue, skeleton, maps, geometry, turn, rng)
    tags = set(skeleton.tags) | ({kind} - {"lumbar"})
    metal = np.zeros_like(mineral)
    draw = rng.random()
    if implant or (implant is None and draw < SHARE):
        metal = implants(skeleton, upper, geometry, turn, rng)
    elif implant is None and draw < SHARE + 0.04:
        mineral = mineral + devices.cement(skeleton, geometry, turn, rng)
        tags.add("cement")
    extra, lean, foreign = devices.overlying(skeleton, geometry, turn, rng)
    tags |= foreign
    tissue = SoftTissue(tissue.lean + lean, tissue.fat, tissue.body)
    signal = beam.expose(beam.transmit(tissue, mineral + extra, metal, rng.uniform(78, 96)), tissue.body, geometry, rng)
    shown, field = _develop(signal, tissue, metal, skeleton, geometry, rng, console)
    return _finish(
        Shown(shown, field, maps.labels, silhouette(metal) & field), skeleton, geometry, turn, tags, rng, plain
    )


def _turn(view: View, rng: np.random.Generator) -> Array:
    """Rotation (3, 3) from patient to world: nobody stands quite square to the beam."""
    angle = math.radians(90.0 if view == "ap" else 0.0) + rng.normal(0, math.radians(4))
    c, s = math.cos(angle), math.sin(angle)
    return np.array([[c, s, 0], [-s, c, 0], [0, 0, 1.0]]).T


def _develop(
    signal: Array,
    tissue: SoftTissue,
    metal: Array,
    skeleton: Skeleton,
    geometry: Geometry,
    rng: np.random.Generator,
    console: int | None,
) -> tuple[Array, Mask]:
    """Console and radiographer: processing windowed on the spine or the whole body, collimation, artefacts."""
    film = beam.log_signal(signal)
    y, z = geometry.object_plane()
    near = (np.abs(y - skeleton.bone("L3").centre_mm[1] - 10) < rng.uniform(30, 80)) & (z > -rng.uniform(0, 60))
    spine = tissue.body & near & (z < skeleton.bone("T12").centre_mm[2] + 20)
    tall = geometry.row_mm * geometry.height > TALL_MM
    shown = display.process(film, tissue.body, spine, rng, tall, console)
    if metal.any():
        shown = show_metal(shown, metal, rng)
    whole = shown
    shown, field = display.collimate(shown, rng)
    seen = silhouette(metal)
    if (seen & field).sum() < 0.5 * seen.sum():  # shutters are not set to hide what a film is taken for
        shown, field = whole, np.ones_like(field)
    return display.artefacts(shown, rng), field


class Shown(NamedTuple):
    """A developed picture and what lies where in it, all (H, W)."""

    pixels: Array
    field: Mask
    labels: Labels
    metal: Mask

    def mirrored(self) -> Shown:
        """Facing the other way."""
        pixels, field = np.ascontiguousarray(self.pixels[:, ::-1]), np.ascontiguousarray(self.field[:, ::-1])
        labels, metal = np.ascontiguousarray(self.labels[:, ::-1]), np.ascontiguousarray(self.metal[:, ::-1])
        return Shown(pixels, field, labels, metal)


def _finish(
    shown: Shown,
    skeleton: Skeleton,
    geometry: Geometry,
    turn: Array,
    tags: set[str],
    rng: np.random.Generator,
    plain: bool,
) -> Film:
    """Turn half of the films to face left, print on them, and write down the truth."""
    corners = np.stack([geometry.project(b.corners() @ turn.T) for b in skeleton.bones])
    sacral = geometry.project(skeleton.sacral_corners() @ turn.T)
    s1 = np.zeros_like(shown.labels)
    cv2.fillPoly(s1, [np.round(sacral).astype(np.int32)], len(LEVELS))
    shown = shown._replace(labels=np.where(shown.labels > 0, shown.labels, s1))
    corners = np.concatenate([corners, sacral[None]]).astype(np.float32)
    if rng.random() < 0.5:
        shown = shown.mirrored()
        corners[..., 0] = geometry.width - 1 - corners[..., 0]
    if shown.metal.any():
        tags.add("implant")
    pixels, printed = display.print_over(shown.pixels, rng, ("lettering",) if plain else None)
    tags |= printed
    if rng.random() < 0.03 and not plain:
        pixels = 1 - pixels
        tags.add("inverted")
    truth = _truth(shown, corners, skeleton, tags)
    return Film(np.clip(pixels, 0, 1).astype(np.float32), (geometry.row_mm, geometry.column_mm), truth)


def _truth(shown: Shown, corners: Array, skeleton: Skeleton, tags: set[str]) -> Truth:
    """Boxes, visibility and densities beside the masks and corners."""
    labels, field, n = shown.labels, shown.field, len(LEVELS)
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
    return Truth(labels, corners, boxes, visible, bmd, t, grades, *pair, frozenset(tags), shown.metal)
