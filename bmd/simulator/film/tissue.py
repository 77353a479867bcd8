"""Soft tissue as thickness maps: lean tissue, fat, lungs, bowel gas, vessels and muscles along each ray.

Analytic rather than cast: nobody measures the skin, but it must look and absorb like a person. All lengths in mm.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np

from bmd.simulator.film.projection import Geometry
from bmd.simulator.person.anatomy import Bone, Skeleton
from bmd.simulator.record import Array, Mask


@dataclass(frozen=True, eq=False)
class SoftTissue:
    """Thickness along each ray in mm, (H, W) float32, and where the body is."""

    lean: Array
    fat: Array
    body: Mask


def noise(
    rng: np.random.Generator, shape: tuple[int, int], scale: float, octaves: int = 3, persistence: float = 0.5
) -> Array:
    """Smooth random field of unit variance; ``scale`` is the size in pixels of its largest features."""
    out, amplitude, power = np.zeros(shape, np.float32), 1.0, 0.0
    for octave in range(octaves):
        cell = max(1.5, scale / 2**octave)
        coarse = rng.standard_normal(
            (max(2, int(shape[0] / cell) + 2), max(2, int(shape[1] / cell) + 2)), dtype=np.float32
        )
        out += amplitude * cv2.resize(coarse, (shape[1], shape[0]), interpolation=cv2.INTER_CUBIC)
        power += amplitude * amplitude
        amplitude *= persistence
    return np.asarray(out / math.sqrt(power))


def ramp(x: Array, width: float) -> Array:
    """0 below zero, 1 above ``width``, linear between."""
    return np.asarray(np.clip(x / width, 0, 1))


def chord(offset: Array, half: Array | float, half_beam: Array | float, power: float = 2.3) -> Array:
    """Length of a ray inside a superelliptic cross-section, ``offset`` from its middle."""
    inside = np.clip(1 - np.abs(offset / np.maximum(half, 1.0)) ** power, 0, None)
    return 2 * half_beam * inside ** (1 / power)


def lateral_tissue(
    skeleton: Skeleton, geometry: Geometry, rng: np.random.Generator, upper: tuple[Bone, ...] = ()
) -> SoftTissue:
    """Soft tissue of a film taken from the side; ``upper`` are the vertebrae above T10, T9 first."""
    y, z = geometry.object_plane()
    column = (*upper[::-1], *skeleton.bones)
    spine = np.interp(-z[:, 0], [-b.centre_mm[2] for b in column], [b.centre_mm[1] for b in column])
    spine = cv2.blur(spine.astype(np.float32)[:, None], (1, max(3, int(60 / geometry.row_mm) | 1)))
    middle = skeleton.bone("L3").centre_mm
    shape = _silhouette(skeleton, rng, z, spine, float(column[0].centre_mm[2]))
    depth, centre = (shape.front - shape.back) / 2, (shape.front + shape.back) / 2
    roundness = rng.uniform(1.9, 3.4)
    fat = skeleton.torso.fat_mm
    outer = chord(y - centre, depth, shape.width, roundness)
    inner_half = shape.width - fat
    inner = chord(y - centre, depth - fat, inner_half, roundness)
    gas = _lungs(skeleton, rng, y, z, shape.back, 2 * depth, inner_half, float(column[0].centre_mm[2]))
    bowel = _bowel_gas(skeleton, rng, y, z, spine, shape.front)
    gas = gas + cv2.GaussianBlur(bowel, (0, 0), math.exp(rng.normal(0.5, 0.6)) / geometry.row_mm)  # it moves
    extra = _organs(skeleton, rng, y, z, spine, outer.shape) + _abdomen(rng, y, z, spine, middle[2], geometry)
    extra = extra + _folds(rng, y, z, shape.back, float(middle[2]))
    if upper:
        extra = extra + _shoulders(rng, y, z, upper)
    lean = np.clip(inner - gas + extra * (inner > 0), 0, None)
    return SoftTissue(lean.astype(np.float32), (outer - inner).astype(np.float32), outer > 1)


class Silhouette(NamedTuple):
    """Skin of back and belly and half the width of the trunk at each row, (H, 1) mm."""

    back: Array
    front: Array
    width: Array


def _silhouette(skeleton: Skeleton, rng: np.random.Generator, z: Array, spine: Array, top_mm: float) -> Silhouette:
    """Outline of the trunk; above the vertebra at ``top_mm`` it narrows to a neck."""
    middle, torso = skeleton.bone("L3").centre_mm, skeleton.torso
    rel = (z - middle[2]) / 100
    buttock = rng.uniform(25, 80) * np.exp(-(((rel + rng.uniform(1.4, 2.0)) / 0.75) ** 2))
    hollow = rng.uniform(0, 16) * np.exp(-(((rel + rng.uniform(0.1, 0.7)) / 0.45) ** 2))
    back = -torso.back_mm + 0.3 * middle[1] + 0.7 * spine + 6 * np.sin(2 * rel + rng.normal()) - buttock + hollow
    belly = 2 * torso.half_depth_mm * (1 + 0.04 * np.sin(rng.uniform(1.2, 2.5) * rel + rng.uniform(0, 3)))
    belly = belly * rng.uniform(1.0, 1.3)
    front = (
        middle[1] - torso.back_mm + belly + 0.3 * (spine - middle[1]) - rng.uniform(0, 45) * np.clip(-rel - 1.2, 0, 2)
    )
    width = torso.half_width_mm * (
        1 - 0.07 * np.cos((rel - 0.2) * 2.2) + rng.uniform(0.05, 0.22) * np.clip(-rel - 0.3, 0, 1.2)
    )
    neck = ramp(z - top_mm + 20, 70)
    front, width = front - neck * 0.55 * (front - back), width * (1 - 0.55 * neck)
    return Silhouette(back, front, width)


def frontal_tissue(skeleton: Skeleton, geometry: Geometry, rng: np.random.Generator) -> SoftTissue:
    """Soft tissue of a film taken from the front; for films the gate must refuse."""
    x, z = geometry.object_plane()
    rel = (z - skeleton.bone("L3").centre_mm[2]) / 100
    torso = skeleton.torso
    width = torso.half_width_mm * (
        1 - 0.07 * np.cos((rel - 0.2) * 2.2) + rng.uniform(0.05, 0.25) * np.clip(-rel - 0.3, 0, 1.2)
    )
    outer = chord(x, width, torso.half_depth_mm)
    inner = chord(x, width - torso.fat_mm, torso.half_depth_mm - torso.fat_mm)
    dome = skeleton.bone("T12").centre_mm[2] + rng.normal(10, 15)
    lung = ramp(z - dome + 0.0022 * (np.abs(x) - 65) ** 2 - 12, 12) * (np.abs(x) > 28)
    gas = lung * inner * 0.6
    for _ in range(rng.poisson(7)):
        at, size = (rng.uniform(-110, 110), rng.uniform(-140, 110)), rng.uniform(7, 26)
        gas = gas + _blob(rng, x, z, at, size, size * rng.uniform(0.6, 1.8), rng.uniform(8, 2 * size))
    psoas = 18 * ramp(-rel + 0.4, 1.0) * np.exp(-(((np.abs(x) - 38 - 14 * np.clip(-rel, -0.5, 1.5)) / 16) ** 2))
    extra = psoas + rng.uniform(2, 5) * noise(rng, outer.shape, 40, 4, 0.55)
    lean = np.clip(inner - gas + extra * (inner > 0), 0, None)
    return SoftTissue(lean.astype(np.float32), (outer - inner).astype(np.float32), outer > 1)


def _lungs(
    skeleton: Skeleton,
    rng: np.random.Generator,
    y: Array,
    z: Array,
    back: Array,
    depth: Array,
    half: Array,
    apex_mm: float,
) -> Array:
    """Air above two diaphragm domes and below ``apex_mm``, with vessels and the heart between.

    Each dome is a little different, so that both edges show.
    """
    base = skeleton.bone("T12").centre_mm[2] + rng.normal(0, 22)
    along = (y - back) / depth
    air: Array = np.zeros(np.broadcast_shapes(y.shape, z.shape), np.float32)
    apex, drop = rng.uniform(0.4, 0.62), rng.uniform(40, 110)
    for _ in range(2):
        height = base + rng.normal(0, 7)
        dome = (
            height
            + 75 * (1 - ((along - apex) / apex) ** 2) * (along < apex)
            + (75 - drop * np.clip(along - apex, 0, 1)) * (along >= apex)
        )
        lung = ramp(z - dome, rng.uniform(1.5, 14)) * ramp(along - 0.03, 0.10) ** 0.5 * ramp(1 - along, 0.25) ** 0.5
        air += lung * rng.uniform(0.16, 0.42) * half
    air *= ramp(apex_mm + rng.uniform(-15, 10) - z, 40)
    heart = ((along - 0.72) * depth / rng.uniform(45, 60)) ** 2 + ((z - base - rng.uniform(85, 115)) / 60) ** 2
    air *= 1 - rng.uniform(0.5, 0.8) * np.clip(1.6 - 1.6 * heart, 0, 1)
    vessels = np.abs(noise(rng, air.shape, 40 / float(z[0, 0] - z[1, 0]), 4, 0.6))
    return np.asarray(air * np.clip(1.03 - rng.uniform(0.05, 0.22) * vessels, 0.3, 1))


def _blob(
    rng: np.random.Generator, y: Array, z: Array, at: tuple[float, float], ay: float, az: float, thickness: float
) -> Array:
    """Thickness of a lumpy ellipsoid."""
    turn = rng.uniform(0, math.pi)
    lumps = noise(rng, np.broadcast_shapes(y.shape, z.shape), 28, 1)
    u, w = y - at[0] + 0.22 * ay * lumps, z - at[1] + 0.22 * az * lumps
    c, s = math.cos(turn), math.sin(turn)
    inside = 1 - ((u * c + w * s) / ay) ** 2 - ((w * c - u * s) / az) ** 2
    return thickness * np.sqrt(np.clip(inside, 0, None))


def _foam(rng: np.random.Generator, y: Array, z: Array, at: tuple[float, float], strength: float) -> Array:
    """Many touching bubbles around a point, as in a gas-filled colon seen end on."""
    out = np.zeros(np.broadcast_shapes(y.shape, z.shape), np.float32)
    dy, dz = float(y[0, 1] - y[0, 0]), float(z[0, 0] - z[1, 0])
    spread = rng.uniform(20, 55)
    for _ in range(int(rng.integers(15, 60))):
        radius = rng.uniform(4, 13)
        cy, cz = at[0] + rng.normal(0, spread * 0.7), at[1] + rng.normal(0, spread)
        c, r = int((cy - float(y[0, 0])) / dy), int((float(z[0, 0]) - cz) / dz)
        w, h = int(radius / dy) + 2, int(radius / dz) + 2
        window = (slice(max(0, r - h), max(0, r + h)), slice(max(0, c - w), max(0, c + w)))
        inside = 1 - ((y[:, window[1]] - cy) ** 2 + (z[window[0]] - cz) ** 2) / radius**2
        out[window] = np.maximum(out[window], 2 * radius * strength * np.sqrt(np.clip(inside, 0, None)))
    return out


def _bowel_gas(skeleton: Skeleton, rng: np.random.Generator, y: Array, z: Array, spine: Array, front: Array) -> Array:
    """Loops, haustra in chains, stool speckle, the gastric bubble and gas in the rectum before the sacrum."""
    shape = np.broadcast_shapes(y.shape, z.shape)
    middle = skeleton.bone("L3").centre_mm
    gas = np.zeros(shape, np.float32)
    strength = rng.uniform(0.1, 0.9)
    for _ in range(rng.poisson(2.5)):
        at = np.array([middle[1] + rng.uniform(-10, 140), middle[2] + rng.uniform(-130, 95)])
        for _ in range(rng.integers(1, 4)):  # haustra
            size = rng.uniform(6, 20)
            gas += strength * _blob(
                rng, y, z, (at[0], at[1]), size * rng.uniform(0.8, 1.7), size, rng.uniform(0.6, 1.7) * size
            )
            at = at + rng.normal(0, 18, 2)
    if rng.random() < 0.35:  # stomach
        place = (middle[1] + rng.uniform(20, 90), skeleton.bone("T12").centre_mm[2] + rng.uniform(-30, 40))
        gas += _blob(rng, y, z, place, rng.uniform(18, 45), rng.uniform(14, 35), rng.uniform(10, 50))
    if rng.random() < 0.55:  # rectum
        place = (rng.uniform(-45, 5), rng.uniform(-125, -60))
        gas += _blob(rng, y, z, place, rng.uniform(9, 20), rng.uniform(9, 26), rng.uniform(6, 35))
    if rng.random() < 0.75:  # small bowel and stool
        region = ramp(y - spine - rng.uniform(0, 35), 25) * ramp(front - 25 - y, 15)
        region = region * ramp(skeleton.bone("T12").centre_mm[2] + rng.uniform(-60, 10) - z, 30)
        pattern = noise(rng, shape, rng.uniform(12, 48), 4, 0.65) - rng.uniform(0.2, 1.4)
        gas += region * np.clip(pattern, 0, None) ** 0.7 * rng.uniform(3, 18)
    if rng.random() < 0.35:  # foam of the colon
        place = (middle[1] + rng.uniform(25, 110), middle[2] + rng.uniform(-110, 60))
        gas += _foam(rng, y, z, place, rng.uniform(0.15, 0.8))
    return gas


def _organs(
    skeleton: Skeleton, rng: np.random.Generator, y: Array, z: Array, spine: Array, shape: tuple[int, ...]
) -> Array:
    """Muscle behind and beside the spine and organs as extra lean thickness; negative where fat replaces it."""
    behind = rng.uniform(0, 26) * np.exp(-(((y - spine + rng.uniform(40, 60)) / rng.uniform(16, 32)) ** 2))
    extra = behind * (0.8 + 0.2 * np.cos(z / rng.uniform(18, 30))) + np.zeros(shape, np.float32)
    middle = skeleton.bone("L3").centre_mm
    for _ in range(rng.poisson(6)):
        at = (middle[1] + rng.uniform(-60, 120), middle[2] + rng.uniform(-140, 120))
        extra += _blob(rng, y, z, at, rng.uniform(14, 60), rng.uniform(14, 70), rng.normal(2, 7))
    if rng.random() < 0.6:  # liver, spleen and kidneys over the upper lumbar spine
        at = (middle[1] + rng.uniform(-20, 90), middle[2] + rng.uniform(50, 120))
        extra += _blob(rng, y, z, at, rng.uniform(50, 95), rng.uniform(40, 80), rng.uniform(5, 30))
    pitch = float(y[0, 1] - y[0, 0]), float(z[0, 0] - z[1, 0])
    soft = rng.uniform(1.0, 5.0)
    return np.asarray(cv2.GaussianBlur(extra, (0, 0), sigmaX=soft / pitch[0], sigmaY=soft / pitch[1]))


def _abdomen(rng: np.random.Generator, y: Array, z: Array, spine: Array, middle_mm: float, geometry: Geometry) -> Array:
    """Texture of what lies before and over the spine: filled bowel, its walls, planes of fat; fainter behind it.

    The strength of each is drawn for itself: on some films the bodies hardly stand out from it, on others it is smooth.
    """
    shape = (z.shape[0], y.shape[1])
    pitch = geometry.row_mm
    contents = math.exp(rng.normal(0.9, 0.6)) * noise(rng, shape, 55 / pitch, 4, 0.55)
    fine = rng.uniform(0.2, 1.0) * noise(rng, shape, 9 / pitch, 3, 0.7)
    ridges = 1 - np.minimum(np.abs(noise(rng, shape, rng.uniform(24, 50) / pitch, 2, 0.5)) / 0.45, 1)
    walls = rng.normal(0, 1.8) * ridges
    planes = np.zeros(shape, np.float32)
    for _ in range(rng.poisson(2.5)):  # edges between organs and fat run on across the spine
        tilt, at = rng.normal(0, 0.5), middle_mm + rng.uniform(-140, 130)
        off = z - at - tilt * (y - spine) - rng.normal(0, 0.004) * (y - spine) ** 2
        planes += rng.normal(0, 6) * (0.5 + 0.5 * np.tanh(off / rng.uniform(1.5, 12)))
    ahead = 0.35 + 0.65 * ramp(y - spine + 25, 50)
    return np.asarray(ahead * (contents + walls + planes) + fine)


def _folds(rng: np.random.Generator, y: Array, z: Array, back: Array, middle_mm: float) -> Array:
    """Folds of the skin of back and flank: a bright roll above, a thin dark cleft, fading towards the front."""
    out = np.zeros((z.shape[0], y.shape[1]), np.float32)
    for _ in range(rng.poisson(0.9)):
        at, tilt, bow = middle_mm + rng.uniform(-110, 110), rng.normal(0, 0.25), rng.normal(0, 0.0015)
        inward = y - back
        off = z - at - tilt * inward - bow * inward**2
        fade = ramp(rng.uniform(60, 240) - inward, 60)
        cleft = np.exp(-((off / rng.uniform(1.5, 4.5)) ** 2))
        roll = np.exp(-(((off - 6) / rng.uniform(5, 12)) ** 2))
        out += fade * (rng.uniform(0, 14) * roll - rng.uniform(1, 9) * cleft)
    return out


def _shoulders(rng: np.random.Generator, y: Array, z: Array, upper: tuple[Bone, ...]) -> Array:
    """Muscle and bone of the shoulder girdle over the uppermost vertebrae, arms raised or hanging."""
    _, cy, cz = upper[-2].centre_mm
    wide, tall, low = rng.uniform(50, 80), rng.uniform(45, 75), rng.uniform(-20, 20)
    girdle = ((y - cy - rng.uniform(0, 35)) / wide) ** 2 + ((z - cz - low) / tall) ** 2
    return np.asarray(rng.uniform(30, 110) * np.exp(-(girdle**1.5)))
