"""Slices of a person: CT in any window, and MR from the same tissues with a contrast of their own.

MR follows the idea of SynthSeg (Billot 2023): what a tissue looks like depends on the sequence, so each picture draws
its own brightness for every tissue, with the known order of T1- and T2-weighted images in three of four.
"""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from bmd.simulator.ct import slab
from bmd.simulator.ct.bone_slab import Layers
from bmd.simulator.ct.scene import Plane, Scene, expose, render_layers
from bmd.simulator.film.tissue import noise

Picture = NDArray[np.float32]

WINDOWS = ((40, 400), (50, 350), (300, 1500), (400, 2000), (480, 2500), (-600, 1500), (20, 200))
"""Centre and width in HU: soft tissue, abdomen, bone (three habits), lung, narrow soft tissue."""
ORIENTATIONS = ("sagittal", "coronal", "axial")


def plane(scene: Scene, orientation: str, rng: np.random.Generator, spine: bool = False) -> Plane:
    """A plane of the scanner through or beside the spine; with ``spine`` a sagittal crop around it, as MR has it."""
    axes, skeleton = scene.axes, scene.skeleton
    bones = np.stack([bone.centre_mm for bone in skeleton.bones])
    middle = bones[int(rng.integers(2, len(bones)))] + np.array([rng.normal(0, 4), rng.uniform(-15, 45), 0.0])
    high = rng.uniform(200, 330) if spine else rng.uniform(180, 420)
    wide = high * rng.uniform(0.45, 1.0)
    if orientation == "axial":
        high, wide = (s * rng.uniform(0.5, 1.0) for s in (330, 420))
    pixel = float(rng.uniform(0.8, 1.4)) * high / 320
    right, down = {
        "sagittal": (axes[1] * rng.choice([-1.0, 1.0]), -axes[2]),
        "coronal": (axes[0], -axes[2]),
        "axial": (axes[0], -axes[1]),
    }[orientation]
    if orientation == "sagittal" and not spine and rng.random() < 0.4:
        middle = middle + axes[0] * rng.normal(0, 40)
    if orientation == "coronal":
        middle = middle + axes[1] * rng.uniform(-25, 35)
    rows, columns = max(96, round(high / pixel)), max(80, round(wide / pixel))
    origin = middle - right * (columns - 1) / 2 * pixel - down * (rows - 1) * rng.uniform(0.35, 0.65) * pixel
    return Plane(origin, down * pixel, right * pixel, rows, columns, float(rng.uniform(0.8, 5.0)))


def ct_slice(scene: Scene, rng: np.random.Generator) -> Picture:
    """One CT slice as a screenshot shows it, 0..1."""
    cut = plane(scene, ORIENTATIONS[int(rng.choice(3, p=[0.6, 0.2, 0.2]))], rng, spine=rng.random() < 0.6)
    hu = expose(scene, cut, render_layers(scene, cut), rng).astype(np.float32)
    level, wide = WINDOWS[int(rng.integers(len(WINDOWS)))]
    centre, width = level + rng.normal(0, 0.06) * wide, wide * math.exp(rng.normal(0, 0.2))
    return np.asarray(np.clip((hu - centre) / width + 0.5, 0, 1), np.float32)


def mr_slice(scene: Scene, rng: np.random.Generator) -> Picture:
    """One MR slice, most often sagittal through the spine, 0..1."""
    orientation = "sagittal" if rng.random() < 0.85 else str(rng.choice(["coronal", "axial"]))
    cut = plane(scene, orientation, rng, spine=True)
    layers = render_layers(scene, cut)
    bright = _contrast(rng)
    shown = _tissues(layers, bright, rng)
    shown = _canal(shown, scene, cut, bright["fluid"], bright["cord"])
    texture = 1 + rng.uniform(0.02, 0.1) * noise(rng, shown.shape, rng.uniform(3, 12), 3, 0.6)
    shown = shown * texture * _coil(shown.shape, rng)
    shown = cv2.GaussianBlur(shown, (0, 0), rng.uniform(0.4, 1.1))
    sigma = rng.uniform(0.005, 0.05)
    one, other = sigma * rng.standard_normal((2, *shown.shape), np.float32)
    magnitude = np.hypot(shown + one, other)  # Rician
    top = max(float(np.percentile(magnitude, rng.uniform(96, 99.8))), 1e-3)
    return np.asarray(np.clip(magnitude / top, 0, 1) ** math.exp(rng.normal(0, 0.2)), np.float32)


def _contrast(rng: np.random.Generator) -> dict[str, float]:
    """Brightness of each tissue: T1, T2, fat-suppressed T2, or anything."""
    kinds = {
        "t1": {"fat": 0.95, "muscle": 0.4, "organ": 0.45, "marrow": 0.6, "disc": 0.38, "fluid": 0.15, "cord": 0.42},
        "t2": {"fat": 0.85, "muscle": 0.25, "organ": 0.4, "marrow": 0.5, "disc": 0.45, "fluid": 1.0, "cord": 0.4},
        "stir": {"fat": 0.12, "muscle": 0.3, "organ": 0.5, "marrow": 0.2, "disc": 0.55, "fluid": 1.0, "cord": 0.45},
    }
    kind = str(rng.choice(["t1", "t2", "stir", "any"], p=[0.27, 0.33, 0.15, 0.25]))
    base = kinds["t2"] if kind == "any" else kinds[kind]
    if kind == "any":
        return {name: float(rng.uniform(0.05, 1.0)) for name in base}
    return {name: float(np.clip(value * math.exp(rng.normal(0, 0.2)), 0.03, 1.1)) for name, value in base.items()}


def _tissues(layers: Layers, bright: dict[str, float], rng: np.random.Generator) -> Picture:
    """Paint tissues by what the scanner's layers say of them: air, lung, fat, muscle, organ, disc, bone."""
    hu, cover = layers.hu, np.clip(layers.cover, 0, 1)
    shown = np.full(hu.shape, bright["muscle"], np.float32)
    shown[hu > 50] = bright["organ"]
    shown[(hu > 62) & (hu < 110)] = bright["disc"]
    shown[hu < -20] = bright["fat"]
    shown[hu < -250] = 0.02
    shown[layers.zone == slab.AIR] = 0.0
    shown[layers.zone == slab.LUNG] = 0.05
    dense = layers.mineral / np.maximum(cover, 1e-3)
    marrow = bright["marrow"] * (1 - np.clip((dense - 0.25) / 0.35, 0, 1) * rng.uniform(0.7, 1.0))
    return np.asarray(shown * (1 - cover) + marrow * cover, np.float32)


def _canal(shown: Picture, scene: Scene, cut: Plane, fluid: float, cord: float) -> Picture:
    """Cerebrospinal fluid behind the bodies, with nerve roots in it."""
    rows, columns = np.mgrid[: cut.rows, : cut.columns]
    points = cut.origin + rows[..., None] * cut.down + columns[..., None] * cut.right
    bones = sorted(scene.skeleton.bones, key=lambda bone: float(bone.centre_mm[2]))
    z = np.array([bone.centre_mm[2] for bone in bones])
    back = np.array([bone.centre_mm - bone.rotation[1] * 26 for bone in bones])
    y, x = (np.interp(points[..., 2], z, back[:, k]) for k in (1, 0))
    away = np.hypot(points[..., 0] - x, points[..., 1] - y)
    inside = np.clip((8.5 - away) / 1.5, 0, 1) * (points[..., 2] > -70)
    core = np.clip((3.2 - np.hypot(points[..., 0] - x, points[..., 1] - y + 2)) / 1.0, 0, 1) * inside
    return np.asarray(shown * (1 - inside) + fluid * (inside - core) + cord * core, np.float32)


def _coil(shape: tuple[int, ...], rng: np.random.Generator) -> Picture:
    """Sensitivity of a surface coil: bright near one side, fading away from it; or even."""
    if rng.random() < 0.25:
        return np.ones(shape, np.float32)
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    side = rng.choice([0.0, 1.0])
    across = np.abs(columns / shape[1] - side)
    along = (rows / shape[0] - rng.uniform(0.3, 0.7)) / rng.uniform(0.4, 1.2)
    fading = -across * rng.uniform(0.3, 2.2) - along**2 * rng.uniform(0.0, 1.2)
    return np.asarray(np.exp(fading), np.float32)
