"""A person lying in a scanner, and CT pictures of any plane through them, in HU."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from bmd.simulator.ct import bone_slab, slab
from bmd.simulator.ct.bone_slab import Depth, Layers
from bmd.simulator.ct.metal import METAL_HU, streaks
from bmd.simulator.ct.organs import Abdomen
from bmd.simulator.ct.scanner import Materials, Scan, blur, noise_texture
from bmd.simulator.ct.slab import Frame, Shape, Shapes, Soft, Tone, Trunk
from bmd.simulator.ct.torso import BOTTOM_Z, Torso, build_torso, diaphragm
from bmd.simulator.person.anatomy import Skeleton
from bmd.simulator.person.femur import Femur, build_femora
from bmd.simulator.person.pelvis import OUTLINE_DISTANCE
from bmd.simulator.record import Array, Pose, Window


@dataclass(frozen=True, eq=False)
class Plane:
    """A picture's place in the patient frame: pixel (r, c) lies at ``origin + r * down + c * right`` (mm)."""

    origin: Array
    down: Array
    right: Array
    rows: int
    columns: int
    thickness_mm: float

    @cached_property
    def pixel_mm(self) -> float:
        """Length of a step to the right."""
        return float(np.linalg.norm(self.right))

    @cached_property
    def normal(self) -> Array:
        """Unit vector across the slab."""
        n = np.cross(self.right, self.down)
        return np.asarray(n / np.linalg.norm(n))

    def windows(self, centres: Array, reach: Array) -> NDArray[np.int64]:
        """Which of many balls (n, 3) touch the slab's middle plane, and their rows and columns: (m, 5)."""
        v = centres - self.origin
        tall = float(np.linalg.norm(self.down))
        near = np.abs(v @ self.normal) < reach
        r, c = v @ self.down / tall**2, v @ self.right / self.pixel_mm**2
        rr, rc = reach / tall + 1, reach / self.pixel_mm + 1
        r0, r1 = np.maximum(0, r - rr).astype(int), np.minimum(self.rows, r + rr + 2).astype(int)
        c0, c1 = np.maximum(0, c - rc).astype(int), np.minimum(self.columns, c + rc + 2).astype(int)
        found = np.nonzero(near & (r1 > r0) & (c1 > c0))[0]
        return np.stack([found, r0[found], r1[found], c0[found], c1[found]], 1).astype(np.int64)

    def window(self, centre: Array, reach: float) -> Window | None:
        """Rows and columns that a ball touches; None when it misses the slab."""
        v = np.asarray(centre) - self.origin
        away = abs(float(v @ self.normal))
        if away > reach + self.thickness_mm / 2:
            return None
        tall = float(np.linalg.norm(self.down))
        r, c = float(v @ self.down) / tall**2, float(v @ self.right) / self.pixel_mm**2
        rr, rc = reach / tall + 1, reach / self.pixel_mm + 1
        r0, r1 = max(0, int(r - rr)), min(self.rows, int(r + rr) + 2)
        c0, c1 = max(0, int(c - rc)), min(self.columns, int(c + rc) + 2)
        return Window(r0, r1, c0, c1) if r0 < r1 and c0 < c1 else None


@dataclass(frozen=True, eq=False)
class Scene:
    """A person in the scanner: bones with their mineral, soft tissue as shapes, marrow, the frame of the table."""

    skeleton: Skeleton
    femora: tuple[Femur, Femur]
    torso: Torso
    shapes: Shapes
    trunk: Trunk
    marrow_hu: float
    scan: Scan
    bottom: float
    """Lower end of the scan along ``axes[2]``, mm."""
    metal: Shapes
    """Shapes of metal, painted over everything."""
    metal_hips: frozenset[int] = frozenset()
    tags: frozenset[str] = frozenset()

    @cached_property
    def middles(self) -> Array:
        """Middles of the shapes (n, 3), mm."""
        return middles(self.shapes)

    @cached_property
    def depth_range(self) -> tuple[float, float]:
        """Front and back of the body along ``axes[1]``, mm."""
        p, z = self.torso.profile, BOTTOM_Z + 2.0 * np.arange(len(self.torso.profile))
        trunk = (z > -180) & (z < 300)
        forward, up = self.axes[1][1], self.axes[1][2]
        front = (p[trunk]["middle_y_mm"] + p[trunk]["front_mm"]) * forward + z[trunk] * up
        back = (p[trunk]["middle_y_mm"] - p[trunk]["back_mm"]) * forward + z[trunk] * up
        return float(front.max()), float(back.min())

    @cached_property
    def axes(self) -> Array:
        """Rows: left, anterior and cranial of the scanner in the patient frame; the back lies flat on the table."""
        chest, hips = self.torso.row(float(self.torso.spine[0][2])), self.torso.row(self.head(1)[2])
        rise = float(self.torso.spine[0][2]) - self.head(1)[2]
        lean = (chest.middle_y_mm - chest.back_mm) - (hips.middle_y_mm - hips.back_mm)
        angle = np.arctan2(lean, rise)
        c, s = np.cos(angle), np.sin(angle)
        return np.array([[1, 0, 0], [0, c, -s], [0, s, c]])

    def head(self, side: int) -> Array:
        """Centre of the right (0) or left (1) femoral head, mm."""
        return self.femur_point(side, np.zeros(3))

    def neck_end(self, side: int) -> Array:
        """Where the axes of neck and shaft cross, mm."""
        p = self.femora[side]
        return self.femur_point(side, float(p.length_mm) * p.neck)

    def femur_point(self, side: int, from_head: Array) -> Array:
        """A point given from the centre of a femoral head (|x| lateral, y anterior, z cranial), mm."""
        h, p = self.skeleton.hips, self.femora[side]
        scale = float(h.scale)
        x, y, z = np.asarray(from_head, float) + p.head_mm.astype(float)
        x = scale * x * (1 if side else -1)
        return np.array([x, scale * y, scale * (z + float(h.crest_z_mm)) + self.skeleton.obliquity * x])


def build_scene(skeleton: Skeleton, scan: Scan, rng: np.random.Generator) -> Scene:
    """Fill in everything a CT shows beyond the bones."""
    person = skeleton.person
    age = person.body.age_y
    torso = build_torso(skeleton, rng)
    texture = rng.standard_normal((40, 40, 40), dtype=np.float32)
    for axis in range(3):
        texture += np.roll(texture, 1, axis)
    texture /= np.float32(math.sqrt(8))
    fat = Materials.at(scan.kvp).fat
    abdomen = Abdomen(skeleton, torso, scan, rng)
    tone = Tone.of(
        fat_hu=fat,
        muscle_hu=abdomen.hu("muscle") - 0.2 * max(0.0, age - 50),
        streaks=0.05 + 0.0015 * max(0.0, age - 30),
    )
    femora = build_femora(person, skeleton.hips, rng)
    shapes = abdomen.shapes()
    scene = Scene(
        skeleton=skeleton,
        femora=femora,
        torso=torso,
        shapes=shapes,
        trunk=Trunk(torso.profile, BOTTOM_Z, texture, diaphragm(torso, rng), tone),
        marrow_hu=float({"none": 0.0, "arterial": 6.0, "portal": 11.0}[scan.phase] + rng.normal(0, 6)),
        scan=scan,
        bottom=-1e9,
        metal=np.zeros(0, Shape.DTYPE),
        tags=skeleton.tags | abdomen.tags,
    )
    end = min(float(scene.neck_end(side) @ scene.axes[2]) for side in (0, 1))
    return replace(scene, bottom=end - float(rng.uniform(30, 110)))


def middles(shapes: Shapes) -> Array:
    """Middles of shapes (n, 3), mm."""
    start, end = (np.stack([shapes[f"{end}{axis}_mm"] for axis in "xyz"], 1).astype(float) for end in ("", "end_"))
    return np.asarray(np.where((shapes["kind"] == slab.CAPSULE)[:, None], (start + end) / 2, start))


def render_layers(scene: Scene, plane: Plane) -> Layers:
    """Sample one plane; thick slabs take bone at several depths about 1.2 mm apart."""
    layers = Layers.empty(plane.rows, plane.columns)
    frame = Frame.of(plane.origin, plane.right, plane.down)
    slab.paint_torso(Soft(layers.hu, layers.zone), frame, scene.trunk)
    _paint_shapes(scene, plane, layers, frame)
    _sample_bones(scene, plane, layers, frame)
    layers.label[layers.body < 0.5] = 0
    layers.femur[layers.cover < 0.5] = 0
    _place_metal(scene, plane, layers, frame)
    _place_table(scene, plane, layers)
    return layers


def _place_metal(scene: Scene, plane: Plane, layers: Layers, frame: Frame) -> None:
    """Paint metal and cement over everything; metal is what ends at the top of the scale."""
    for s, middle in zip(scene.metal, middles(scene.metal), strict=True):
        box = plane.window(middle, float(s.reach_mm))
        if box is None:
            continue
        level = np.full_like(layers.hu, -5000.0)
        slab.paint_shape(Soft(level, layers.zone), box, frame, s, scene.trunk.texture, plane.pixel_mm)
        inside = level > -1000
        layers.hu[inside] = np.maximum(level[inside], layers.hu[inside])
        layers.cover[inside] = 0.0
        if s.hu >= METAL_HU:
            layers.metal[inside] = 1
            layers.mineral[inside] = 6.0


def _place_table(scene: Scene, plane: Plane, layers: Layers) -> None:
    """A curved table top under the back: a thin shell over foam, with a second shell below."""
    axes = scene.axes
    rows, columns = np.arange(plane.rows)[:, None], np.arange(plane.columns)[None]
    x = plane.origin @ axes[0] + rows * (plane.down @ axes[0]) + columns * (plane.right @ axes[0])
    y = plane.origin @ axes[1] + rows * (plane.down @ axes[1]) + columns * (plane.right @ axes[1])
    below = scene.depth_range[1] - 4 + x * x / 1500 - y
    on = (layers.zone == 0) & (below > 0) & (np.abs(x) < 205)
    if not on.any():
        return
    lower = below - x * x / 1500 - 38 + x * x / 2600
    value = np.where((below < 2.2) | (np.abs(lower) < 1.2), -280.0, np.where(lower < 0, -945.0, -1000.0))
    layers.hu[on] = value[on]


def _paint_shapes(scene: Scene, plane: Plane, layers: Layers, frame: Frame) -> None:
    soft = Soft(layers.hu, layers.zone)
    for k, bone in enumerate(scene.skeleton.bones):
        box = plane.window(bone.centre_mm, 42.0)
        if box:
            gap = max(4.0, scene.skeleton.person.discs[k].height_mid_mm)
            slab.paint_column(soft, box, frame, Pose.of(bone.centre_mm, bone.rotation), bone.shape, gap)
    windows = plane.windows(scene.middles, scene.shapes["reach_mm"])
    slab.paint_shapes(soft, windows, frame, scene.shapes, scene.trunk.texture, plane.pixel_mm)


def _sample_bones(scene: Scene, plane: Plane, layers: Layers, frame: Frame) -> None:
    depths = max(1, round(plane.thickness_mm / 1.2))
    sub, stride = 2 if plane.pixel_mm > 0.9 else 1, max(1, int(3.3 / plane.pixel_mm))
    places = []
    for k in range(depths):
        offset = ((k + 0.5) / depths - 0.5) * plane.thickness_mm * plane.normal
        places.append(Depth(offset.astype(np.float32), 1.0 / depths, sub, k if depths > 1 else -1, stride))
    for value, bone in enumerate(scene.skeleton.bones, start=1):
        box = plane.window(bone.centre_mm - [0, 22, 0], 68.0)
        if box is None:
            continue
        pose = Pose.of(bone.centre_mm, bone.rotation)
        for place in places:
            bone_slab.sample_vertebra(layers, value, box, frame, place, pose, bone.shape)
    layers.yellow[:] = scene.skeleton.yellow * layers.cover
    first = _first_row(plane)
    turn, obliquity = scene.skeleton.sacral_rotation.astype(np.float32), float(np.float32(scene.skeleton.obliquity))
    hips = (scene.skeleton.sacrum, scene.skeleton.hips, OUTLINE_DISTANCE)
    pelvis = bone_slab.Pelvis(turn, *hips, obliquity, *scene.femora)
    for place in places if first < plane.rows else ():
        bone_slab.sample_pelvis(layers, first, frame, place, pelvis)


def _first_row(plane: Plane) -> int:
    """First row with anything below 66 mm above the S1 end plate, where the pelvis begins."""
    corners = plane.origin[2] + np.outer(np.arange(plane.rows), [plane.down[2]] * 2)
    corners += [0, plane.right[2] * plane.columns]
    low = np.nonzero(corners.min(1) < 66)[0]
    return int(low[0]) if len(low) else plane.rows


def expose(scene: Scene, plane: Plane, layers: Layers, rng: np.random.Generator) -> NDArray[np.int16]:
    """What the scanner makes of a sampled plane: int16 HU."""
    scan, material = scene.scan, Materials.at(scene.scan.kvp)
    cover = np.clip(layers.cover, 0, 1)
    inside = np.maximum(cover, 1e-3)
    yellow = np.clip(layers.yellow / inside, 0, 1)
    material = replace(material, red=material.red + scene.marrow_hu, mineral=material.mineral * scan.gain)
    bone = material.bone(layers.mineral / inside, yellow)
    hu = layers.hu * (1 - cover) + bone * cover
    hu = blur(hu.astype(np.float32), plane.pixel_mm, scan)
    few = (max(2, plane.columns // 4), max(2, plane.rows // 4))
    mm = plane.pixel_mm * plane.columns / few[0]
    small = cv2.resize((layers.zone > 0).astype(np.float32), few, interpolation=cv2.INTER_AREA)
    depth = cv2.resize(cv2.GaussianBlur(small, (0, 0), 45 / mm), (plane.columns, plane.rows))
    small = cv2.resize(layers.mineral, few, interpolation=cv2.INTER_AREA)
    dense = cv2.GaussianBlur(small, (0, 0), sigmaX=45 / mm, sigmaY=7 / mm)
    dense = cv2.resize(dense, (plane.columns, plane.rows))
    bmi = scene.skeleton.person.body.bmi
    sigma = scan.noise_hu * np.exp(0.035 * (bmi - 25)) * (0.35 + 0.75 * depth)
    hu = hu - 90 * dense * (layers.zone > 0) + scan.offset_hu
    if layers.metal.any():
        hu += streaks(layers.metal > 0, plane.pixel_mm, rng)
    hu += sigma * noise_texture(rng, hu.shape, plane.pixel_mm, scan)
    return np.asarray(np.clip(np.round(hu), -1024, 3071), np.int16)
