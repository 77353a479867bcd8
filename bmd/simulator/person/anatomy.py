"""From a person's numbers to bones in place: shapes, densities and poses, in the patient frame.

Patient frame in mm: origin at the centre of the S1 end plate, x left, y anterior, z cranial. Heights, depths, widths,
discs and densities come from ``population``; alignment (lordosis T12-S1 37 +/- 13 degrees lying, 50 +/- 11 standing,
627 healthy adults: PMC6680033) and everything not measured in a survey is drawn here.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from bmd.simulator.person import bones, density
from bmd.simulator.person.bones import Vertebra
from bmd.simulator.person.pelvis import Hips, Sacrum
from bmd.simulator.person.sample import Person
from bmd.simulator.person.spine import Disc
from bmd.simulator.record import Array

DRAWN = ("T10", "T11", "T12", "L1", "L2", "L3", "L4", "L5")
SEGMENT_DEG = np.array([-3.0, -2.5, 0.5, 1.5, 4.5, 7.0, 11.0, 16.5])
"""Angle between the mid planes of each vertebra of ``DRAWN`` and the one below it (S1: its end plate), lordotic > 0.

Sums from L1 sup. to L4 inf. near the 13 +/- 8.5 degrees of NHANES (lying) and from L4 to S1 near 30 (PMC6680033)."""


SEGMENT_SPREAD_DEG = np.array([1.2, 1.2, 1.2, 1.2, 1.2, 1.8, 3.0, 5.0])
"""Spread of each angle between people of the same lordosis: the lumbosacral junction varies most."""


SEVERE, SEVERE_SHARE = (13.0, 25.0), 0.3
"""Strength of a severe scoliosis, and its share of the marked ones: Cobb angles (2.8 times as wide at most) of some 35
to 70 degrees in 3 % of all people; the share is an assumption, made for variety and not for prevalence."""


@dataclass(frozen=True, eq=False)
class Bone:
    """One vertebra: level, shape and densities, centre (3,) and rotation (3, 3) from patient to local axes."""

    level: str
    shape: Vertebra
    centre_mm: Array
    rotation: Array
    fracture_grade: int

    def to_patient(self, local: Array) -> Array:
        """Local points (n, 3) in mm to the patient frame."""
        return np.atleast_2d(local) @ self.rotation + self.centre_mm

    def corners(self) -> Array:
        """Mid-sagittal corners (4, 3): superior posterior, superior anterior, inferior anterior, inferior posterior."""
        p = self.shape
        back, front, height = -bones.POSTERIOR_WALL * p.half_depth_mm, p.half_depth_mm, p.half_height_mm
        local = [(0, back, height), (0, front, height - p.wedge_top_mm)]
        local += [(0, front, -height + p.wedge_bottom_mm), (0, back, -height)]
        return self.to_patient(np.array(local))


@dataclass(frozen=True, eq=False)
class Torso:
    """Soft-tissue frame in mm: half width, half depth, skin behind the spine, subcutaneous fat."""

    half_width_mm: float
    half_depth_mm: float
    back_mm: float
    fat_mm: float


@dataclass(frozen=True, eq=False)
class Skeleton:
    """A person's bones in place."""

    person: Person
    bones: tuple[Bone, ...]
    sacrum: Sacrum
    sacral_rotation: Array
    hips: Hips
    obliquity: float
    """How much higher the left hip stands, mm per mm to the left."""
    torso: Torso
    degeneration: float
    cortex: float
    yellow: float
    """Share of the marrow that is fat."""
    rarefied: float
    """As in ``density.Quality``."""
    tags: frozenset[str] = field(default_factory=frozenset)

    def bone(self, level: str) -> Bone:
        """The vertebra of that level."""
        return self.bones[DRAWN.index(level)]

    def sacral_corners(self) -> Array:
        """Corners (4, 3) of the first sacral segment, in the order of ``Bone.corners``."""
        p = self.sacrum
        half, radius, end = p.half_depth_mm, p.arc_radius_mm, 30.0 * p.arc_length_mm / 131.0
        low = 3.5 + (half - 3.5) * (1 - 30 / 131) ** 1.3
        turn, c, s = end / radius, math.cos(p.bend_rad), math.sin(p.bend_rad)
        along = [(radius - (radius - d) * math.cos(turn), -(radius - d) * math.sin(turn)) for d in (low, -low)]
        lower = [(0, y * c + z * s, z * c - y * s) for y, z in along]
        local = np.array([(0, -half, 0), (0, half, 0), *lower])
        return local @ self.sacral_rotation


def rotation(tilt: float, roll: float = 0.0, yaw: float = 0.0) -> Array:
    """Rotation from patient to local axes, radians: tilt about x (forward), roll about y, yaw about z."""
    ct, st, cr, sr, cy, sy = (
        math.cos(tilt),
        math.sin(tilt),
        math.cos(roll),
        math.sin(roll),
        math.cos(yaw),
        math.sin(yaw),
    )
    about_x = np.array([[1, 0, 0], [0, ct, -st], [0, st, ct]])
    about_y = np.array([[cr, 0, -sr], [0, 1, 0], [sr, 0, cr]])
    about_z = np.array([[cy, sy, 0], [-sy, cy, 0], [0, 0, 1]])
    return np.asarray(about_x @ about_y @ about_z)


def build_skeleton(
    person: Person, rng: np.random.Generator, scoliosis: bool | None = None, same_day: bool = False
) -> Skeleton:
    """Place a person's bones.

    Parameters
    ----------
    person : Person
    rng : numpy.random.Generator
    scoliosis : bool, optional
        Force a marked curve or a straight spine; drawn when None.
    same_day : bool
        The bones hold what the person's densities say, as for a DXA picture that they were read from; else a reading
        has its error and its age (``density.held``). All else of a seed is the same either way.
    """
    age = person.body.age_y
    size = person.body.height_cm / 165.0
    degeneration = float(np.clip((age - 45) / 45 + rng.normal(0, 0.3), 0, 1.3) * (rng.random() < 0.85))
    tags = set()
    if rng.random() < 0.08:
        tags.add("transitional")
    curve = rng.normal(0, math.radians(2.5))
    if scoliosis or (scoliosis is None and rng.random() < 0.10):
        bend = rng.uniform(*SEVERE) if rng.random() < SEVERE_SHARE else rng.uniform(6, SEVERE[0])
        curve = math.copysign(math.radians(bend), rng.normal())
        tags.add("scoliosis")
    vectors = [_shape(person, k, rng, degeneration, size) for k in range(len(DRAWN))]
    quality = density.set_densities(person, vectors, rng, degeneration, same_day)
    slope = math.radians(float(np.clip(rng.normal(37, 11), 8, 75)))
    placed = _stack(person, vectors, rng, slope, curve, degeneration, tags)
    sacrum = _sacrum(vectors[-1], rng, size, quality.cortex, "transitional" in tags)
    return Skeleton(
        person=person,
        bones=placed,
        sacrum=sacrum,
        sacral_rotation=rotation(slope),
        hips=_hips(vectors[-1], rng, size, quality.cortex),
        obliquity=float(rng.normal(0, 0.035)),
        torso=_torso(person, rng),
        degeneration=degeneration,
        cortex=quality.cortex,
        yellow=float(np.clip(0.125 + 0.0084 * (age - 25) + rng.normal(0, 0.09), 0.05, 0.95)),
        rarefied=quality.rarefied,
        tags=frozenset(tags),
    )


def _shape(person: Person, k: int, rng: np.random.Generator, degeneration: float, size: float) -> Vertebra:
    """Shape of vertebra ``k`` of ``DRAWN``; densities are set later."""
    v = person.vertebrae[k]
    p = Vertebra.of()
    p.half_depth_mm = (v.depth_sup_mm + v.depth_inf_mm) / 2 / (1 + bones.POSTERIOR_WALL)
    p.half_width_mm = v.width_mm / 2 * 1.06
    p.half_height_mm = v.height_post_mm / 2
    wedge = v.height_post_mm - v.height_ant_mm
    top = 0.75 if v.fracture_kind == "wedge" else float(rng.uniform(0.35, 0.65))
    p.wedge_top_mm, p.wedge_bottom_mm = wedge * top, wedge * (1 - top)
    dish = max(0.8, (v.height_post_mm + v.height_ant_mm) / 2 - v.height_mid_mm)
    top = float(rng.uniform(0.35, 0.6))
    p.dish_top_mm, p.dish_bottom_mm = dish * top, dish * (1 - top)
    p.waist = np.clip(rng.normal(0.10, 0.025), 0.03, 0.18)
    p.osteophyte_mm = max(0.0, rng.normal(4.5 * degeneration, 2.5 * degeneration)) * (rng.random() < 0.7)
    p.pedicle_radius_mm = (4.0, 4.6, 5.0, 4.6, 4.9, 5.6, 6.4, 7.8)[k] * size * rng.normal(1, 0.07)
    p.pedicle_z_mm = p.half_height_mm * rng.uniform(0.36, 0.5)
    p.spinous_length_mm = (26, 24, 24, 27, 29, 30, 27, 20)[k] * size * rng.normal(1, 0.08)
    p.spinous_height_mm = (6, 7, 8, 10, 11, 11, 10, 8)[k] * size * rng.normal(1, 0.08)
    p.transverse_length_mm = (14, 9, 6, 14, 20, 25, 21, 20)[k] * size
    p.facet_x_mm = (10, 10.5, 11, 11.5, 12.5, 14, 16, 19)[k] * size
    p.foramen_depth_mm = np.clip(rng.normal(6.5, 1.3), 3.5, 10.0) * size
    p.pillar_mm = np.clip(rng.normal(5.0 + 0.8 * degeneration, 0.7), 3.5, 7.5) * size
    return p


def _stack(
    person: Person,
    vectors: list[Vertebra],
    rng: np.random.Generator,
    slope: float,
    curve: float,
    degeneration: float,
    tags: set[str],
) -> tuple[Bone, ...]:
    """Pile the vertebrae on the sacrum from below, disc by disc."""
    angles = np.radians(SEGMENT_DEG)
    lordosis = 0.75 * slope + math.radians(float(np.clip(rng.normal(11.5, 7), -8, 32)))
    angles[3:] *= lordosis / angles[3:].sum()
    angles += rng.normal(0, 1, len(angles)) * np.radians(SEGMENT_SPREAD_DEG)
    phase, load = rng.uniform(0, 3), rng.uniform(0.2, 1.2) * min(1.0, 0.3 + degeneration)
    at, tilt, roll, placed = np.zeros(3), slope, 0.0, []
    for k in reversed(range(len(DRAWN))):
        p = vectors[k]
        collapse = (p.wedge_top_mm + p.wedge_bottom_mm) / (2 * p.half_depth_mm)
        above = tilt - angles[k] - (0.35 * collapse if person.vertebrae[k].fracture_grade else 0.0)
        below = roll
        roll, turned, p.sclerosis = _curved(curve, phase + 0.7 * k, k, load)
        gap = _gap(person.discs[k], rng, degeneration, narrow=k == len(DRAWN) - 1 and "transitional" in tags)
        at = at + gap * _up((tilt + above) / 2, (below + roll) / 2)
        tilt = above
        slip = rng.normal(0, 0.6) + (rng.uniform(3, 8) if k >= 5 and rng.random() < 0.04 else 0.0)
        half = p.half_height_mm - (p.wedge_top_mm + p.wedge_bottom_mm) / 4
        at = at + slip * np.array([0, math.cos(tilt), -math.sin(tilt)])
        turn = rotation(tilt, roll + rng.normal(0, 0.012), turned + rng.normal(0, 0.015))
        placed.append(Bone(DRAWN[k], p, at + _up(tilt, roll) * half, turn, person.vertebrae[k].fracture_grade))
        at = at + _up(tilt, roll) * 2 * half
    return tuple(reversed(placed))


def _up(tilt: float, roll: float) -> Array:
    """Unit vector along a column that leans forward by ``tilt`` and to the left by ``roll`` (radians)."""
    return np.array([math.sin(roll), math.cos(roll) * math.sin(tilt), math.cos(roll) * math.cos(tilt)])


def _gap(disc: Disc, rng: np.random.Generator, degeneration: float, narrow: bool) -> float:
    """Height of a disc in mm."""
    gap = max(2.0, (disc.height_ant_mm + 2 * disc.height_mid_mm + disc.height_post_mm) / 4)
    gap *= math.exp(rng.normal(0.08, 0.1))  # the annotated discs of films are a little higher than the survey's
    if rng.random() < 0.25 * degeneration:
        gap *= rng.uniform(0.35, 0.8)
    if narrow:
        gap *= rng.uniform(0.3, 0.7)
    return gap


def _curved(curve: float, bend: float, k: int, load: float) -> tuple[float, float, float]:
    """Lean to the left and turn of a scoliotic spine's vertebra ``k`` of ``DRAWN`` (radians), and its sclerosis.

    Bodies turn to the outer side of the curve, spinous processes to the inner one, where the end plates are loaded.
    The sacrum stays level, so the lowest vertebrae lean less.
    """
    outer = curve * math.cos(bend)
    sclerosis = 9.0 * load * max(0.0, abs(curve) - math.radians(SEVERE[0] - 3)) * math.cos(bend)
    return 1.4 * curve * math.sin(bend) * min(1.0, (len(DRAWN) - k) / 3), -1.3 * outer, math.copysign(sclerosis, -outer)


def _sacrum(last: Vertebra, rng: np.random.Generator, size: float, cortex: float, transitional: bool) -> Sacrum:
    """The sacrum below L5, its end plate a little smaller than that of L5."""
    half = 0.92 * last.half_depth_mm * rng.normal(0.97, 0.03)
    like_a_vertebra = transitional or rng.random() < 0.15  # a square S1 over a well kept S1-S2 disc
    disc = rng.uniform(1.6, 3.2) if like_a_vertebra else rng.uniform(0.3, 1.8)
    gap = rng.uniform(0.6, 1.0) if like_a_vertebra else rng.uniform(0.1, 1.0)
    trabecular = last.trabecular_g_cm3 * rng.uniform(0.15, 0.6)
    rind = 0.15 * cortex * math.exp(rng.normal(0, 0.3))
    radius, length = rng.uniform(90, 180) * size, rng.normal(126, 9) * size
    width = last.half_width_mm * 1.02
    lamina, front, plate = math.exp(rng.normal(0.1, 0.35)), math.exp(rng.normal(0, 0.35)), rng.uniform(0, 1.5)
    bend = math.radians(float(np.clip(rng.normal(15, 5), 4, 28)))
    return Sacrum.of(
        arc_radius_mm=radius,
        arc_length_mm=length,
        half_width_mm=width,
        half_depth_mm=half,
        core_g_cm3=trabecular,
        rind_g_cm3=rind,
        disc_mm=disc,
        lamina=lamina,
        front=front,
        gap=gap,
        plate=plate,
        bend_rad=bend,
    )


def _hips(last: Vertebra, rng: np.random.Generator, size: float, cortex: float) -> Hips:
    """Hip bones, and femora for films.

    The crest stands level with L4 to S1, mostly near L5: a network that counts from it would often be one off.
    """
    core, rind = 0.02 + 0.3 * last.trabecular_g_cm3, 0.33 * cortex * math.exp(rng.normal(-0.1, 0.35))
    head = (rng.normal(88, 3), rng.normal(46, 9), rng.normal(-100, 7), rng.normal(23.5, 1.2), rng.normal(52, 3))
    crest = float(np.clip(rng.normal(0, 15), -40, 32))
    return Hips.of(
        scale=size * rng.normal(1, 0.03),
        crest_z_mm=crest,
        si_x_mm=rng.normal(43, 2.5),
        flare_mm=rng.normal(82, 8),
        core_g_cm3=core,
        rind_g_cm3=rind,
        head_x_mm=head[0],
        head_y_mm=head[1],
        head_z_mm=head[2],
        head_radius_mm=head[3],
        neck_length_mm=head[4],
        femur_core_g_cm3=last.trabecular_g_cm3 * 0.9 + 0.03,
        femur_rind_g_cm3=0.5 * cortex,
        rim=rng.uniform(0.1, 0.8),
        brim=rng.uniform(0.3, 1.4),
        brim_y_mm=rng.normal(0, 4),
    )


def _torso(person: Person, rng: np.random.Generator) -> Torso:
    """Half width, half depth, back and fat of a torso from body mass index and stature."""
    bmi = person.body.bmi
    stature = person.body.height_cm / 168.0
    return Torso(
        half_width_mm=float(
            (118 + 3.4 * (bmi - 20) + rng.normal(0, 6)) * stature * (1.05 if person.body.sex == "M" else 1.0)
        ),
        half_depth_mm=float(92 + 3.3 * (bmi - 20) + rng.normal(0, 6)),
        back_mm=float(82 + 1.5 * (bmi - 20) + rng.normal(0, 7)),
        fat_mm=float(np.clip(8 + 1.4 * (bmi - 20) + rng.normal(0, 4), 3, 50)),
    )
