"""How dense the parts of a person's bones are, given what a DXA scan read.

A person's ``bmd`` is a reading, as the survey's are. What bones hold differs from it: a reading has its error (aorta,
fat, osteophytes, position) and film or CT are of another day. Arch, cortex, end plates and trabecular bone then scatter
between people, levels and parts as no reading shows: on average over people of one age and density an AP scan reads
what the bones hold, of no one person is it exact. Every width below is an assumption, set together so that all bone of
a person is as loose a witness of T as docs/simulator.md says; ``python -m bmd evaluate cues`` measures it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from bmd import reference
from bmd.simulator.person import bones
from bmd.simulator.person.bones import Vertebra
from bmd.simulator.person.sample import Person

LUMBAR = ("L1", "L2", "L3", "L4", "L5")
DENSITIES = ("trabecular_g_cm3", "cortex_g_cm3", "endplate_g_cm3", "posterior_core_g_cm3", "posterior_shell_g_cm3")

MASS_STEP_MM = 1.5
"""Step of the integration that sets densities: content within 1 % of a grid of 0.5 mm."""

READING_SD_T, SITE_SD_T = 0.35, 0.2
"""A reading against the bones on the day of a film or CT, in T-scores: common to one scan, and of each site alone."""

ARCH_SD, ARCH_LEVEL_SD = 0.3, 0.15
"""SD of the log of posterior elements' mineral, per person and per level (facet arthrosis)."""

RIND_SD = 0.15
"""SD of the log of cortex and end plates, per person, beside ``WALL_SD`` and ``PLATE_SD``."""

WALL, WALL_SD, WALL_LEVEL_SD = 0.115, 0.15, 0.06
PLATE, PLATE_SD, PLATE_LEVEL_SD = 0.080, 0.15, 0.10
"""Share of a vertebra's mineral in side walls and end plates at 70 years, its SD (log) per person and per level."""

TRABECULAR_TIE = 0.6
"""Trabecular density goes with areal density to this power: at one age a person of half the areal density has two
thirds of the trabecular one."""

TRABECULAR_SD, TRABECULAR_LEVEL_SD = 0.19, 0.04
"""SD of the log of trabecular density at one age and areal density, per person and per level."""

OWN_NOISE = 0.15
"""SD (log) of what texture and cortex show of the trabecular density."""


@dataclass(frozen=True)
class Quality:
    """What else of the bones follows from the same draws: mean density of the walls over 0.48 g/cm3; how rarefied."""

    cortex: float
    rarefied: float
    """How uneven trabecular texture is, 1 in the median from 50 years on: few, coarse trabeculae are less even."""


def held(person: Person, sites: Iterable[str], rng: np.random.Generator, same_day: bool = False) -> dict[str, float]:
    """Areal density in g/cm2 that an ideal scan of a person's bones would read at ``sites``.

    Parameters
    ----------
    person : Person
        Whose readings they are.
    sites : iterable of str
        Keys of ``person.bmd`` of one scan (spine, or hip).
    rng : numpy.random.Generator
    same_day : bool
        The reading itself, as for the picture of the scan that it was read from. As much is drawn either way.
    """
    names = tuple(sites)
    error = rng.normal(0, READING_SD_T) + rng.normal(0, SITE_SD_T, len(names))
    if same_day:
        error = np.zeros(len(names))
    t_scores = [float(reference.t_score(person.bmd[name], name)) for name in names]
    return {
        name: max(0.2, float(reference.bmd(t + wrong, name)))
        for name, t, wrong in zip(names, t_scores, error, strict=True)
    }


def trabecular_share(age_y: float) -> float:
    """Share of a vertebra's mineral that is trabecular at an areal density of 1 g/cm2; set by the HU of CT by age."""
    return 0.375 * (0.705 - 0.0026 * (age_y - 25))


def set_densities(
    person: Person, vectors: list[Vertebra], rng: np.random.Generator, degeneration: float, same_day: bool = False
) -> Quality:
    """Fill in the densities of vertebrae T10-L5.

    Parameters
    ----------
    person : Person
    vectors : list of Vertebra
        Shapes of T10..L5; their densities are overwritten.
    rng : numpy.random.Generator
    degeneration : float
        0 to 1.3; adds mineral behind the body.
    same_day : bool
        See ``held``.
    """
    age, density = person.body.age_y, held(person, LUMBAR, rng, same_day)
    mean = float(np.mean([density[level] for level in LUMBAR[:4]]))
    typical = trabecular_share(age) * mean**TRABECULAR_TIE
    own = math.exp(rng.normal(0, TRABECULAR_SD))
    ratio = typical / trabecular_share(70.0)
    seen = ratio * own * math.exp(rng.normal(0, OWN_NOISE))
    youth = 1 + 0.15 * float(np.clip((60 - age) / 25, 0, 1))
    common, wall, plate = (math.exp(rng.normal(0, sd)) for sd in (RIND_SD, WALL_SD, PLATE_SD))
    rind = common * youth * seen**-0.5
    arch = math.exp(rng.normal(0, ARCH_SD) - ARCH_SD**2 / 2 + 0.12 * (degeneration - 0.4))
    expected_rind = (WALL + PLATE) * youth * ratio**-0.5
    walls = []
    for k in range(3, 8):
        p, v, level = vectors[k], person.vertebrae[k], LUMBAR[k - 3]
        p.posterior_core_g_cm3, p.posterior_shell_g_cm3 = 0.15, 0.45
        mass = bones.component_mass(p, MASS_STEP_MM)
        area_cm2 = v.width_mm * (v.height_mid_mm + person.discs[k].height_mid_mm) / 100
        content_g = density[level] * area_cm2
        trabecular_g = typical * area_cm2 * density[level] / mean
        behind_g = max(0.2 * content_g, content_g * (1 - expected_rind) - trabecular_g)
        p.trabecular_g_cm3 = trabecular_g * own * math.exp(rng.normal(0, TRABECULAR_LEVEL_SD)) / mass[0]
        p.cortex_g_cm3 = content_g * WALL * rind * wall * math.exp(rng.normal(0, WALL_LEVEL_SD)) / mass[1]
        worn = 1 + 0.3 * degeneration * rng.random()
        p.endplate_g_cm3 = content_g * PLATE * rind * plate * worn * math.exp(rng.normal(0, PLATE_LEVEL_SD)) / mass[2]
        factor = behind_g * arch * math.exp(rng.normal(0, ARCH_LEVEL_SD) - ARCH_LEVEL_SD**2 / 2) / mass[3]
        p.posterior_core_g_cm3 *= factor
        p.posterior_shell_g_cm3 *= factor
        walls.append(p.cortex_g_cm3)
    for p in vectors[:3]:  # thoracic: the densities of L1, slightly less
        scale = rng.normal(0.93, 0.03)
        for part in DENSITIES:
            p[part] = vectors[3][part] * scale
    return Quality(cortex=float(np.mean(walls) / 0.48), rarefied=seen**-0.7)
