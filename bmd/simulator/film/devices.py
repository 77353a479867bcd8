"""What lies over the bones: screws and rods, cement, aortic calcification, ribs, arms, clothes."""

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
    draw_tube(out, _polyline(points, geometry, view), tube, pixels)


def solid(radius_mm: float) -> Tube:
    """A rod of metal: what is added is cm of it."""
    return Tube(radius_mm, radius_mm, 1.0, 1.0)


def ribs(skeleton: Skeleton, geometry: Geometry, view: Array, rng: np.random.Generator) -> Array:
    """Mineral of the ribs T9-T12 (one level lower or higher in transitional spines), g/cm2.

    A rib leaves the vertebra backwards and outwards, turns at its angle and runs forwards and down inside the flank.
    """
    out = np.zeros((geometry.height, geometry.width), np.float32)
    shift = int(rng.choice([-1, 1])) if "transitional" in skeleton.tags else 0
    torso = skeleton.torso
    for number, length in zip((9, 10, 11, 12), (270, 250, 200, rng.uniform(50, 140)), strict=True):
        index = number - 10 + shift
        base = skeleton.bones[max(index, 0)].centre_mm + np.array([0, 0, 30.0 * max(0, -index)])
        droop = rng.uniform(0.35, 0.75)
        for side in (-1, 1):
            reach = 0.72 * torso.half_width_mm
            t = np.linspace(0, 1, 30) * min(length, 2.1 * reach)
            turn = t / reach
            x = side * (14 + (0.86 * torso.half_width_mm - 14) * np.sin(np.minimum(turn, math.pi / 2)))
            backward = 20 + 26 * np.sin(np.minimum(turn * 1.7, math.pi / 2))
            y = base[1] - backward + (1 - np.cos(turn)) * torso.half_depth_mm * 0.8
            z = base[2] + 5 - droop * np.maximum(0, t - 10) * 0.75 + rng.normal(0, 2)
            add_rod(
                out,
                np.column_stack([x, y, z]),
                Tube(rng.uniform(4.0, 6.0), 0.8, 0.05, rng.uniform(0.25, 0.5) * skeleton.cortex),
                geometry,
                view,
            )
    return out


def screws_and_rods(skeleton: Skeleton, geometry: Geometry, view: Array, rng: np.random.Generator) -> Array:
    """Metal thickness in cm of pedicle screws in two to five vertebrae and the rods that join their heads."""
    out = np.zeros((geometry.height, geometry.width), np.float32)
    first = int(rng.integers(2, 7))
    chosen = skeleton.bones[first : min(8, first + int(rng.integers(2, 6)))]
    for side in (-1, 1):
        heads = []
        for bone in chosen:
            head, tip = _screw(bone, side, rng)
            add_rod(out, np.stack([head, tip]), solid(3.0), geometry, view)
            add_rod(out, np.stack([head, head + (tip - head) * 0.18]), solid(6.0), geometry, view)
            heads.append(head)
        if len(heads) > 1:
            ends = [heads[0] * 1.25 - heads[1] * 0.25, *heads, heads[-1] * 1.25 - heads[-2] * 0.25]
            add_rod(out, np.stack(ends), solid(2.75), geometry, view)
    return out


def _screw(bone: Bone, side: int, rng: np.random.Generator) -> tuple[Array, Array]:
    """Head and tip (patient frame) of a screw through a pedicle."""
    p = bone.shape
    lift = p.pedicle_z_mm + rng.normal(0, 1)
    head = np.array([side * p.half_width_mm * 0.8, -p.half_depth_mm - 24.0, lift])
    tip = np.array([side * p.half_width_mm * 0.45, p.half_depth_mm * rng.uniform(0.1, 0.7), lift - rng.uniform(0, 5)])
    return bone.to_patient(head)[0], bone.to_patient(tip)[0]


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


def overlying(skeleton: Skeleton, geometry: Geometry, view: Array, rng: np.random.Generator) -> tuple[Array, Array]:
    """Mineral g/cm2 and lean mm of things outside the body: raised arms, folds of cloth, buttons."""
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
            add_rod(
                lean,
                np.stack([a, (a + b) / 2 + [0, 8, 8], b]),
                Tube(rng.uniform(1.5, 6), 6.0, 6.0, 6.0),
                geometry,
                view,
            )
    if rng.random() < 0.04:  # buttons, hooks
        for _ in range(int(rng.integers(1, 4))):
            at = geometry.project(np.array([0.0, rng.uniform(-100, 120), rng.uniform(-140, 140)]))[0]
            cv2.circle(mineral, (int(at[0]), int(at[1])), int(rng.integers(2, 5)), 1.5, -1, cv2.LINE_AA)
    return mineral, lean
