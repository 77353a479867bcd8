"""What lies over the bones: ribs, cement, aortic calcification, arms, clothes, metal that is no implant."""

from __future__ import annotations

import math

import cv2
import numpy as np

from bmd.simulator.film.casting import Pixels, Tube, draw_tube
from bmd.simulator.film.projection import Geometry
from bmd.simulator.film.tissue import noise
from bmd.simulator.person.anatomy import Bone, Skeleton
from bmd.simulator.record import F32, Array


def _polyline(points: Array, geometry: Geometry, view: Array) -> Array:
    """Patient points (n, 3) to (n, 3) of column, row and slant factor for ``draw_tube``."""
    world = points @ view.T
    px = geometry.project(world)
    length = np.linalg.norm(np.diff(world, axis=0), axis=1)
    flat = np.hypot(*(np.diff(px, axis=0) * [geometry.column_mm, geometry.row_mm]).T) / geometry.magnification + 1e-3
    return np.column_stack([px, np.append(length / flat, 1.0)]).astype(np.float32)


def add_rod(out: F32, points: Array, tube: Tube, geometry: Geometry, view: Array) -> None:
    """Add the thickness (density x cm) of a rod or tube along patient points (n, 3) in mm."""
    pixels = Pixels(geometry.column_mm, geometry.row_mm, geometry.magnification)
    line = _polyline(points, geometry, view)
    reach = tube.radius_mm * pixels.magnification
    margin = np.array([reach / pixels.column_mm, reach / pixels.row_mm]) + 2
    low = np.maximum(np.floor(line[:, :2].min(0) - margin), 0).astype(int)
    high = np.minimum(np.ceil(line[:, :2].max(0) + margin), out.shape[::-1]).astype(int)
    if (high <= low).any():
        return
    part = np.zeros(high[::-1] - low[::-1], np.float32)  # no larger than the rod: a film has dozens of them
    line[:, :2] -= low
    draw_tube(part, line, tube, pixels)
    out[low[1] : high[1], low[0] : high[0]] += part


def solid(radius_mm: float) -> Tube:
    """A rod of metal: what is added is cm of it."""
    return Tube(radius_mm, radius_mm, 1.0, 1.0)


RIB_MM = {12: 0, 11: 200, 10: 250, 9: 270, 8: 290, 7: 310, 6: 305, 5: 290, 4: 265, 3: 230, 2: 180, 1: 110}
"""Length along the curve; the twelfth varies most and is drawn."""


def ribs(
    skeleton: Skeleton, geometry: Geometry, view: Array, rng: np.random.Generator, upper: tuple[Bone, ...] = ()
) -> Array:
    """Mineral of the ribs (one level lower or higher in transitional spines), g/cm2.

    A rib leaves the vertebra backwards and outwards, turns at its angle and runs forwards and down inside the flank,
    sagging on its way; the upper ones rise again to the breastbone. ``upper`` are the vertebrae above T10, T9 first.
    """
    out = np.zeros((geometry.height, geometry.width), np.float32)
    shift = int(rng.choice([-1, 1])) if "transitional" in skeleton.tags else 0
    torso = skeleton.torso
    droop = rng.uniform(0.4, 0.75)
    for number, length in RIB_MM.items():
        base = _rib_base(skeleton, upper, number - 10 + shift)
        if base is None:
            continue
        narrow = min(1.0, 0.55 + 0.09 * number)  # the chest is a cone
        for side in (-1, 1):
            reach = 0.72 * torso.half_width_mm * narrow
            longest = (length or rng.uniform(50, 140)) * narrow**0.3
            t = np.linspace(0, 1, 24) * min(longest, 2.1 * reach)
            turn = t / reach
            x = side * (14 + (0.86 * torso.half_width_mm * narrow - 14) * np.sin(np.minimum(turn, math.pi / 2)))
            backward = 20 + 26 * np.sin(np.minimum(turn * 1.7, math.pi / 2))
            y = base[1] - backward + (1 - np.cos(turn)) * torso.half_depth_mm * 0.8 * narrow
            lean = droop * rng.uniform(0.85, 1.15)
            sag = 16 * np.sin(math.pi * np.minimum(turn / 2.1, 1)) - 30 * np.clip(turn - 1.5, 0, 1) * (number < 11)
            z = base[2] + 5 - lean * np.maximum(0, t - 10) * 0.72 - sag + rng.normal(0, 2)
            tube = Tube(rng.uniform(4.0, 6.0), 0.8, 0.05, rng.uniform(0.2, 0.5) * skeleton.cortex)
            add_rod(out, np.column_stack([x, y, z]), tube, geometry, view)
    return out


def _rib_base(skeleton: Skeleton, upper: tuple[Bone, ...], index: int) -> Array | None:
    """Where a rib starts: the centre of a vertebra, T10 being 0 and T9 -1; None where there is none."""
    if index >= 0:
        return skeleton.bones[index].centre_mm
    if -index <= len(upper):
        return upper[-index - 1].centre_mm
    return skeleton.bones[0].centre_mm + np.array([0, 0, -30.0 * index]) if index >= -2 else None


def cement(skeleton: Skeleton, geometry: Geometry, view: Array, rng: np.random.Generator) -> Array:
    """Mineral-equivalent g/cm2 of barium cement in one or two bodies, fractured ones first."""
    broken = [b for b in skeleton.bones[1:] if b.fracture_grade]
    chosen = broken[:2] or [skeleton.bones[int(rng.integers(2, 7))]]
    y, z = geometry.object_plane()
    out = np.zeros((geometry.height, geometry.width), np.float32)
    for bone in chosen:
        _, cy, cz = view @ bone.centre_mm
        u = (y - cy) / rng.uniform(6, 12) + 0.3 * noise(rng, out.shape, 9, 2)
        w = (z - cz) / (0.75 * bone.shape.half_height_mm) + 0.3 * noise(rng, out.shape, 9, 2)
        out += rng.uniform(0.8, 2.2) * np.sqrt(np.clip(1 - u * u - w * w, 0, None))
    return out


def aortic_calcification(skeleton: Skeleton, geometry: Geometry, view: Array, rng: np.random.Generator) -> Array:
    """Mineral g/cm2 of plaques on both walls of the aorta before L1-L5; more with age."""
    age = skeleton.person.body.age_y
    out = np.zeros((geometry.height, geometry.width), np.float32)
    for _ in range(rng.poisson(2.5 * max(0.0, rng.normal((age - 60) / 25, 0.7)))):
        bone = skeleton.bones[int(rng.integers(3, 8))]
        front = bone.centre_mm[1] + bone.shape.half_depth_mm
        y = front + rng.choice([4, 20]) + rng.normal(0, 2) + rng.normal(0, 0.8, 7)
        z = bone.centre_mm[2] + rng.uniform(-18, 18) - np.linspace(0, rng.uniform(4, 28), 7)
        px = geometry.project(np.column_stack([np.zeros(7), y, z]) @ view.T)
        line = [np.round(px * 8).astype(np.int32)]
        cv2.polylines(out, line, False, float(rng.uniform(0.08, 0.35)), int(rng.integers(1, 3)), cv2.LINE_AA, 3)
    return out


def overlying(
    skeleton: Skeleton, geometry: Geometry, view: Array, rng: np.random.Generator
) -> tuple[Array, Array, set[str]]:
    """Mineral g/cm2 and lean mm of things that are no part of spine or hips, and the tag "foreign" where metal is.

    Raised arms, folds of cloth; surgical clips, buttons and hooks, a piercing of the navel, wires of electrodes.
    """
    mineral = np.zeros((geometry.height, geometry.width), np.float32)
    lean = np.zeros_like(mineral)
    top = skeleton.bone("T10").centre_mm
    if rng.random() < 0.12:  # an arm before or across the upper film
        start = np.array([150.0, top[1] + rng.uniform(60, 190), top[2] + 220])
        end = start + np.array([0, rng.uniform(20, 220), -rng.uniform(120, 420)])
        add_rod(mineral, np.stack([start, end]), Tube(rng.uniform(8, 11), 3.5, 0.02, 0.6), geometry, view)
        # 10: draw_tube yields cm, tissue is in mm
        add_rod(lean, np.stack([start, end]), Tube(rng.uniform(28, 40), 40.0, 10.0, 10.0), geometry, view)
    if rng.random() < 0.25:  # folds
        for _ in range(int(rng.integers(1, 5))):
            a = np.array([0.0, rng.uniform(-120, 160), rng.uniform(-150, 150)])
            b = a + np.array([0.0, rng.normal(0, 90), rng.normal(0, 60)])
            line = np.stack([a, (a + b) / 2 + [0, 8, 8], b])
            add_rod(lean, line, Tube(rng.uniform(1.5, 6), 6.0, 6.0, 6.0), geometry, view)
    return mineral, lean, _foreign(mineral, skeleton, geometry, view, rng)


METAL_G_CM2 = 8.0
"""Bone mineral that absorbs about as much as a cm of metal, in g/cm2."""


def _foreign(out: F32, skeleton: Skeleton, geometry: Geometry, view: Array, rng: np.random.Generator) -> set[str]:
    """Add metal that is no implant of spine or hips; it is not in the mask of metal."""
    before = float(out.sum())
    if rng.random() < 0.04:  # buttons, hooks
        for _ in range(int(rng.integers(1, 4))):
            at = geometry.project(np.array([0.0, rng.uniform(-100, 120), rng.uniform(-140, 140)]))[0]
            cv2.circle(out, (int(at[0]), int(at[1])), int(rng.integers(2, 5)), 1.5, -1, cv2.LINE_AA)
    clip = Tube(0.5, 0.5, METAL_G_CM2, METAL_G_CM2)
    middle = skeleton.bone("L3").centre_mm
    if rng.random() < 0.04:  # clips of an operation on the gall bladder or the bowel
        first = middle + np.array([0.0, rng.uniform(30, 110), rng.uniform(-90, 90)])
        for _ in range(int(rng.integers(2, 8))):
            at = first + rng.normal(0, 14, 3)
            add_rod(out, np.stack([at, at + np.array([0.0, *rng.normal(0, 4.5, 2)])]), clip, geometry, view)
    if rng.random() < 0.02:  # a piercing of the navel: two balls and a bar
        at = np.array([0.0, middle[1] + 1.55 * skeleton.torso.half_depth_mm, middle[2] - rng.uniform(0, 30)])
        ends = np.stack([at, at + np.array([0.0, rng.normal(0, 3), 11.0])])
        add_rod(out, ends, Tube(0.8, 0.8, METAL_G_CM2, METAL_G_CM2), geometry, view)
        for end in ends:
            add_rod(out, np.stack([end, end + 0.5]), Tube(2.2, 2.2, METAL_G_CM2, METAL_G_CM2), geometry, view)
    if rng.random() < 0.02:  # a wire
        steps = np.cumsum(rng.normal(0, 14, (16, 2)) + rng.normal(0, 12, 2), 0)
        at = np.array([rng.uniform(60, 250), rng.uniform(-100, 150)]) + steps
        add_rod(out, np.column_stack([np.zeros(16), at[:, 1], at[:, 0]]), clip, geometry, view)
    return {"foreign"} if float(out.sum()) > before else set()
