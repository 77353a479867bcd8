"""Soft tissue as thickness maps: lean tissue, fat, lungs, bowel gas, vessels and muscles along each ray.

Analytic rather than cast: nobody measures the skin, but it must look and absorb like a person. All lengths in mm.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np

from bmd.simulator.film.projection import Geometry
from bmd.simulator.person.anatomy import Skeleton
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


def lateral_tissue(skeleton: Skeleton, geometry: Geometry, rng: np.random.Generator) -> SoftTissue:
    """Soft tissue of a film taken from the side."""
    y, z = geometry.object_plane()
    spine = np.interp(-z[:, 0], [-b.centre_mm[2] for b in skeleton.bones], [b.centre_mm[1] for b in skeleton.bones])
    spine = cv2.blur(spine.astype(np.float32)[:, None], (1, max(3, int(60 / geometry.row_mm) | 1)))
    middle = skeleton.bone("L3").centre_mm
    rel = (z - middle[2]) / 100
    torso = skeleton.torso
    buttock = rng.uniform(25, 80) * np.exp(-(((rel + rng.uniform(1.4, 2.0)) / 0.75) ** 2))
    hollow = rng.uniform(0, 16) * np.exp(-(((rel + rng.uniform(0.1, 0.7)) / 0.45) ** 2))
    back = -torso.back_mm + 0.3 * middle[1] + 0.7 * spine + 6 * np.sin(2 * rel + rng.normal()) - buttock + hollow
    belly = 2 * torso.half_depth_mm * (1 + 0.04 * np.sin(rng.uniform(2, 4) * rel + rng.uniform(0, 3)))
    front = (
        middle[1] - torso.back_mm + belly + 0.3 * (spine - middle[1]) - rng.uniform(0, 45) * np.clip(-rel - 1.2, 0, 2)
    )
    width = torso.half_width_mm * (
        1 - 0.07 * np.cos((rel - 0.2) * 2.2) + rng.uniform(0.05, 0.22) * np.clip(-rel - 0.3, 0, 1.2)
    )
    depth, centre = (front - back) / 2, (front + back) / 2
    roundness = rng.uniform(1.75, 2.4)
    outer = chord(y - centre, depth, width, roundness)
    inner_half = width - torso.fat_mm
    inner = chord(y - centre, depth - torso.fat_mm, inner_half, roundness)
    gas = _lungs(skeleton, rng, y, z, back, 2 * depth, inner_half) + _bowel_gas(skeleton, rng, y, z, spine, front)
    extra = _organs(skeleton, rng, y, z, spine, outer.shape)
    lean = np.clip(inner - gas + extra * (inner > 0), 0, None)
    return SoftTissue(lean.astype(np.float32), (outer - inner).astype(np.float32), outer > 1)


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
    skeleton: Skeleton, rng: np.random.Generator, y: Array, z: Array, back: Array, depth: Array, half: Array
) -> Array:
    """Air above two diaphragm domes, with vessels; each dome a little different, so that both edges show."""
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
        air += lung * rng.uniform(0.35, 0.62) * half
    vessels = np.abs(noise(rng, air.shape, 26, 4, 0.7))
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
    strength = rng.uniform(0.3, 1.3)
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
        gas += _blob(rng, y, z, place, rng.uniform(18, 45), rng.uniform(14, 35), rng.uniform(30, 70))
    if rng.random() < 0.55:  # rectum
        place = (rng.uniform(-45, 5), rng.uniform(-125, -60))
        gas += _blob(rng, y, z, place, rng.uniform(9, 20), rng.uniform(9, 26), rng.uniform(12, 40))
    if rng.random() < 0.75:  # small bowel and stool
        region = ramp(y - spine - rng.uniform(0, 35), 25) * ramp(front - 25 - y, 15)
        region = region * ramp(skeleton.bone("T12").centre_mm[2] + rng.uniform(-60, 10) - z, 30)
        pattern = noise(rng, shape, rng.uniform(12, 48), 4, 0.65) - rng.uniform(0.2, 1.4)
        gas += region * np.clip(pattern, 0, None) ** 0.6 * rng.uniform(6, 26)
    if rng.random() < 0.35:  # foam of the colon
        place = (middle[1] + rng.uniform(25, 110), middle[2] + rng.uniform(-110, 60))
        gas += _foam(rng, y, z, place, rng.uniform(0.4, 1.0))
    return gas


def _organs(
    skeleton: Skeleton, rng: np.random.Generator, y: Array, z: Array, spine: Array, shape: tuple[int, ...]
) -> Array:
    """Muscle beside the spine, organs and texture as extra lean thickness; negative where fat replaces it."""
    extra = rng.uniform(0, 7) * np.exp(-(((y - spine + 45) / 18) ** 2)) + np.zeros(shape, np.float32)
    middle = skeleton.bone("L3").centre_mm
    for _ in range(rng.poisson(4)):
        at = (middle[1] + rng.uniform(-60, 120), middle[2] + rng.uniform(-140, 120))
        extra += _blob(rng, y, z, at, rng.uniform(12, 50), rng.uniform(12, 60), rng.uniform(-8, 8))
    size = (shape[0], shape[1])
    coarse = rng.uniform(1.0, 4.5) * noise(rng, size, 45, 4, 0.55)
    fine = rng.uniform(0.2, 0.9) * noise(rng, size, 8, 3, 0.7)
    return np.asarray(extra + coarse + fine)
