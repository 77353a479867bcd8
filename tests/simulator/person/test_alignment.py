"""Simulated spines bend as people's do, and their mineral lies where a CT of a patient shows it."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from bmd.simulator.case import draw_person, simulate_film
from bmd.simulator.film.projection import Geometry
from bmd.simulator.film.radiograph import BoneMaps, cast_bones, with_spine
from bmd.simulator.film.tissue import lateral_tissue
from bmd.simulator.person import bones
from bmd.simulator.person.anatomy import DRAWN, Skeleton, build_skeleton
from bmd.simulator.person.density import MASS_STEP_MM

PEOPLE = 120
MUSCLE, ADIPOSE, MINERAL = 1.043, 0.93, 1.34
"""mm of water per mm of tissue and per 0.1 g/cm2 of mineral in lean tissue, at 60 to 70 keV."""


@pytest.fixture(scope="module")
def skeletons() -> list[Skeleton]:
    made = []
    for seed in range(PEOPLE):
        rng = np.random.default_rng(seed)
        made.append(build_skeleton(draw_person(rng, "normal", "film"), rng, scoliosis=False))
    return made


def plate(corners: np.ndarray, lower: bool = False) -> float:
    """Forward tilt of an end plate in degrees, from mid-sagittal corners (4, 3) in the patient frame."""
    back, front = (corners[3], corners[2]) if lower else (corners[0], corners[1])
    return float(np.degrees(np.arctan2(back[2] - front[2], front[1] - back[1])))


def test_lordosis_is_that_of_people(skeletons: list[Skeleton]) -> None:
    upper = np.array([plate(s.bone("L1").corners()) for s in skeletons])
    lower = np.array([plate(s.bone("L4").corners(), lower=True) for s in skeletons])
    sacral = np.array([plate(s.sacral_corners()) for s in skeletons])
    l4 = np.array([plate(s.bone("L4").corners()) for s in skeletons])
    assert (lower - upper).mean() == pytest.approx(13.0, abs=3.5), "NHANES, lying: 13 +/- 8.5 degrees"
    assert (lower - upper).std() == pytest.approx(8.5, abs=5.5)
    assert (sacral - l4).mean() == pytest.approx(30.0, abs=5.0), "L4-S1: 29.8 lying, 34.2 standing"


def test_the_sacrum_leans_back_and_its_first_body_keeps_its_depth(skeletons: list[Skeleton]) -> None:
    for s in skeletons:
        corners = s.sacral_corners()
        middle, below = corners[:2].mean(0), corners[2:].mean(0)
        leaning = np.degrees(np.arctan2(middle[1] - below[1], middle[2] - below[2]))
        assert -8 < leaning - plate(corners) < 30
    leaning_more = [plate(s.sacral_corners(), lower=True) - plate(s.sacral_corners()) for s in skeletons]
    assert -5 < np.mean(leaning_more) < 12, "as deep below as above, not a wedge on the normal of the plate"


def side_view(skeleton: Skeleton) -> BoneMaps:
    return cast_bones(skeleton, Geometry(1e5, 10.0, 0, 0, -110, 220, 1.0, 1.0, 240, 360), np.eye(3))


def strong(line: np.ndarray) -> float:
    return float(np.percentile(line[line > 0.05], 90))


def test_the_articular_column_is_the_brightest_part_of_the_spine(skeletons: list[Skeleton]) -> None:
    ratio = []
    for s in skeletons[:8]:
        maps = side_view(s)
        above = slice(0, 150)  # rows above the pelvis
        ratio.append(strong(maps.posterior[above]) / strong(maps.bodies[above]))
    assert 0.9 < np.mean(ratio) < 1.6, "a CT of a patient: about 1.05"


def test_the_sacrum_is_no_denser_than_the_vertebrae(skeletons: list[Skeleton]) -> None:
    for s in skeletons[:8]:
        maps = side_view(s)
        below = Geometry(1e5, 10.0, 0, 0, -110, 220, 1.0, 1.0, 240, 360).project(s.sacral_corners())[2:].mean(0)
        column, row = np.round(below).astype(int)
        inside = float(np.median(maps.pelvis[row - 4 : row + 5, column - 4 : column + 5]))
        assert 0.05 < inside < 1.6 * strong(maps.bodies)


def content(p: np.ndarray) -> float:
    mass = bones.component_mass(p, MASS_STEP_MM)
    body = p.trabecular_g_cm3 * mass[0] + p.cortex_g_cm3 * mass[1] + p.endplate_g_cm3 * mass[2]
    return float(body + mass[3])


def test_an_old_spine_of_the_same_density_holds_less_trabecular_mineral_and_more_fat() -> None:
    person = draw_person(np.random.default_rng(3), "normal", "film")
    young, old = (
        build_skeleton(replace(person, body=replace(person.body, age_y=age)), np.random.default_rng(8), False)
        for age in (50.0, 80.0)
    )
    for level in ("L1", "L4"):
        a, b = young.bone(level).shape, old.bone(level).shape
        assert b.trabecular_g_cm3 < 0.95 * a.trabecular_g_cm3
        assert content(b) == pytest.approx(content(a), rel=0.1), "a scan would read much the same"
    assert old.yellow > young.yellow + 0.2


def test_bodies_stand_out_from_discs_and_fat_as_on_a_patients_ct(skeletons: list[Skeleton]) -> None:
    geometry, over_disc, over_front = Geometry(1e5, 10.0, 0, 0, -110, 220, 1.0, 1.0, 240, 360), [], []
    for k, s in enumerate(skeletons[:16]):
        rng, maps = np.random.default_rng(k), side_view(s)
        tissue = with_spine(lateral_tissue(s, geometry, rng), s, maps, geometry, np.eye(3), rng)
        mineral = 10 * (maps.bodies + maps.posterior + maps.pelvis)
        water = MUSCLE * tissue.lean + ADIPOSE * tissue.fat + MINERAL * mineral
        for level in ("L2", "L3", "L4"):
            bone = s.bone(level)
            half, depth = bone.shape.half_height_mm, bone.shape.half_depth_mm
            places = geometry.project(bone.to_patient(np.array([[0, 0, 0], [0, 0, half + 5], [0, depth + 12, 0]])))
            middle, disc, front = (
                np.median(water[r - 2 : r + 3, c - 2 : c + 3]) for c, r in np.round(places).astype(int)
            )
            over_disc.append(middle - disc)
            over_front.append(middle - front)
    assert 0 < np.median(over_disc) < 8, "mm of water; a patient of 114 HU: 0 to 5"
    assert 0 < np.median(over_front) < 10, "mm of water; the same patient: 5 to 9"


def test_every_articular_process_is_behind_its_body(skeletons: list[Skeleton]) -> None:
    for s in skeletons[:8]:
        for level in DRAWN:
            p = s.bone(level).shape
            wall = -bones.POSTERIOR_WALL * p.half_depth_mm
            x, y = float(p.facet_x_mm), float(wall - p.foramen_depth_mm - 1.3 * p.pillar_mm)
            assert bones.posterior_density(x, y, -4.0, p) > 0.1
            assert bones.body_parts(x, y, -4.0, p)[0] == 0


def test_rib_edges_leave_no_holes_in_the_numbers() -> None:
    case = simulate_film(2400059, 384, cohort="enriched")
    assert np.isfinite(case.study.images[0].pixels).all()
    assert case.study.images[0].pixels.std() > 0.05


def severe(seed: int) -> Skeleton | None:
    """A scoliotic spine when it is a severe one."""
    rng = np.random.default_rng(seed)
    made = build_skeleton(draw_person(rng, "scoliosis", "film"), rng, scoliosis=True)
    return made if cobb(made) > 40 else None


def lean(skeleton: Skeleton) -> np.ndarray:
    """Lean of each vertebra to the left, degrees."""
    return np.array([np.degrees(np.arctan2(b.rotation[2, 0], b.rotation[2, 2])) for b in skeleton.bones])


def cobb(skeleton: Skeleton) -> float:
    return float(np.ptp(lean(skeleton)))


def test_some_scolioses_are_severe_turned_and_dense_on_the_inner_side() -> None:
    found = [s for s in map(severe, range(60)) if s is not None]
    assert 5 <= len(found) <= 30
    assert 50 < max(cobb(s) for s in found) < 75
    for s in found:
        assert "scoliosis" in s.tags
        bent = np.gradient(lean(s))  # > 0 where the outer side is the left: below the apex it leans there, above away
        apex = 1 + int(np.argmax(np.abs(bent[1:6])))
        assert np.sign(s.bones[apex].rotation[1, 0]) == np.sign(bent[apex]), "bodies face the outer side"
        assert np.sign(s.bones[apex].shape.sclerosis) == -np.sign(bent[apex]), "the inner side is loaded"
        steps = [np.linalg.norm(b.centre_mm - a.centre_mm) for a, b in pairwise(s.bones)]
        assert max(steps) < 60


def test_an_inner_side_is_denser_under_its_end_plates(skeletons: list[Skeleton]) -> None:
    p = skeletons[0].bone("L2").shape.copy()
    p.sclerosis = 1.5
    x, z = 0.5 * p.half_width_mm, p.half_height_mm - p.wedge_top_mm / 2 - p.dish_top_mm - 3.0
    left, right = (bones.body_density(side * x, 0.0, z, p) for side in (1, -1))
    assert left > 1.3 * right > 0
    p.sclerosis = 0.0
    assert bones.body_density(x, 0.0, z, p) == pytest.approx(right)
