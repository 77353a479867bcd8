"""The outline of a lying body by height, its layers of fat and muscle, and its diaphragm.

Drawn by hand; sized by body mass index, stature, sex and the bones it covers. Patient frame in mm (``anatomy``).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from bmd.simulator.ct.slab import Lung, Outline, Profile
from bmd.simulator.person.anatomy import Skeleton
from bmd.simulator.record import Array

BOTTOM_Z, TOP_Z = -300.0, 360.0


@dataclass(frozen=True, eq=False)
class Torso:
    """Outline of the body and the spine's course, by height."""

    profile: Profile
    """``Outline`` by height from ``BOTTOM_Z`` on, one per 2 mm."""
    spine: Array
    """(8, 3) centres of T10..L5, cranial first."""

    def row(self, z: float) -> Outline:
        """The profile at one height."""
        at = float(np.clip((z - BOTTOM_Z) / 2, 0, len(self.profile) - 1.001))
        return Outline.mixed(self.profile[int(at)], self.profile[int(at) + 1], at - int(at))

    def spine_at(self, z: float) -> Array:
        """Centre of the spine (x, y) at one height; straight on above T10 and below L5."""
        s = self.spine[::-1]
        return np.array([np.interp(z, s[:, 2], s[:, 0]), np.interp(z, s[:, 2], s[:, 1])])

    def cavity(self, z: float) -> tuple[float, float]:
        """Half width of the abdominal cavity and y of its front wall."""
        p = self.row(z)
        wide = p.half_width_mm - p.fat_side_mm - p.wall_side_mm
        front = p.middle_y_mm + p.front_mm - p.fat_front_mm - p.wall_front_mm
        return float(wide), float(front)

    def on_wall(self, z: float, angle: float, inside: float) -> Array:
        """A point ``inside`` mm under the subcutaneous fat; angle 0 behind, pi/2 left, pi in front."""
        p = self.row(z)
        side, along = math.sin(angle), -math.cos(angle)
        deep = p.front_mm if along > 0 else p.back_mm
        fat_y = p.fat_front_mm if along > 0 else p.fat_back_mm
        fat = p.fat_side_mm * side**2 + fat_y * along**2 + inside
        rho = math.sqrt(0.55 * math.sqrt(side**4 + along**4) + 0.45)
        return np.array(
            [p.middle_x_mm + side * (p.half_width_mm / rho - fat), p.middle_y_mm + along * (deep / rho - fat), z]
        )


def build_torso(skeleton: Skeleton, rng: np.random.Generator) -> Torso:
    """Outline of a lying person; knots are hips, crest, waist, lower ribs and chest."""
    who, hips = skeleton.person.body, skeleton.hips
    bmi, male = who.bmi, who.sex == "M"
    size, scale = who.height_cm / 165.0, float(hips.scale)
    spine, over = np.stack([b.centre_mm for b in skeleton.bones]), bmi - 22
    waist = (134 + 3.9 * over + rng.normal(0, 5) + 8 * male) * size
    deep = (192 + 7.0 * over + rng.normal(0, 8) + 8 * male) * size
    fat = float(np.clip(13 + 1.5 * over + rng.normal(0, 3) - 6 * male, 3, 70))
    hip_bone = scale * (hips.head_x_mm + hips.neck_length_mm + 12)
    head_z = scale * (hips.head_z_mm + hips.crest_z_mm)
    head_y, crest = scale * hips.head_y_mm, scale * (hips.crest_z_mm + 36)
    hip = max(hip_bone + 14 + 1.1 * fat, waist * 0.98)
    l3, top, low = spine[5], spine[0], head_z - 75 * size
    knots = [BOTTOM_Z, low, head_z - 20, head_z + 45, crest, float(l3[2]) + 15, float(spine[3][2]) + 10, TOP_Z]
    back = [head_y - 105, head_y - 118 - fat, head_y - 122 - 1.1 * fat, -88 - fat * 0.9]
    back += [-62 - 0.7 * fat, l3[1] - 72 - 0.8 * fat, spine[3][1] - 70 - 0.7 * fat, top[1] - 62 - 0.6 * fat]
    front = [head_y + 62 + 0.5 * fat, head_y + 66 + 0.6 * fat, head_y + 62 + 0.8 * fat]
    front += [back[5] + deep * 0.93 - 6, back[5] + deep * 0.98, back[5] + deep, back[5] + deep + 4, back[5] + deep + 2]
    z = np.arange(BOTTOM_Z, TOP_Z + 1, 2.0)

    def course(values: list[float]) -> Array:
        return _smooth(np.interp(z, knots, values))

    p = np.zeros(len(z), Outline.DTYPE)
    y0, y1 = course(back), course(front)
    p["middle_x_mm"] = 0.4 * np.interp(z, spine[::-1, 2], spine[::-1, 0])
    p["half_width_mm"] = course([hip - 14, hip, hip + 2, hip - 4, waist + 3, waist, waist + 1, waist + 3])
    p["middle_y_mm"] = y0 + 0.46 * (y1 - y0)
    p["back_mm"], p["front_mm"] = 0.46 * (y1 - y0), 0.54 * (y1 - y0)
    p["fat_side_mm"] = fat * course([0.9, 1.0, 1.15, 1.1, 1.0, 0.85, 0.7, 0.6])
    p["fat_front_mm"] = fat * course([0.6, 0.8, 1.1, 1.35, 1.25, 1.1, 0.7, 0.5])
    p["fat_back_mm"] = fat * course([1.0, 1.4, 1.6, 1.5, 1.3, 0.9, 0.65, 0.6]) + 2
    inner = scale * np.array([0.0, 0.0, 40.0, 58.0, 96.0])
    side = [hip - fat - i for i in inner[:4]] + [26.0]
    p["wall_side_mm"] = course([*side, 19 + 4 * male, 15, 13])
    p["wall_front_mm"] = course([80, 80, 28, 11, 10, 10, 10, 12])
    p["wall_back_mm"] = course([90, 90, 62, 48, 52, 46, 42, 36])
    below = np.clip((low + 8 - z) / 30, 0, 1)
    p["leg_x_mm"] = np.where(below > 0, 0.5 * p["half_width_mm"] * np.clip(below, 0.15, 1), 0)
    return Torso(p, spine)


def _smooth(line: Array) -> Array:
    """Round the corners of a course over 5 cm."""
    window = np.hanning(27)
    return np.convolve(np.pad(line, 13, mode="edge"), window / window.sum(), mode="valid")


def diaphragm(torso: Torso, rng: np.random.Generator) -> Lung:
    """Where the lungs end."""
    z = float(torso.spine[0][2])
    row = torso.row(z)
    crown = z + rng.uniform(2, 28)
    return Lung.of(
        right_mm=crown,
        left_mm=crown - rng.uniform(4, 16),
        middle_y_mm=float(row.middle_y_mm + 10),
        reach_mm=float(0.5 * (row.back_mm + row.front_mm) - 18),
        fall_behind_mm=rng.uniform(55, 85),
        fall_before_mm=40,
        lowest_mm=z - 75,
    )
