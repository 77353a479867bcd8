"""What bones hold is what was read but for the reading's error; parts scatter as no reading shows."""

from __future__ import annotations

from dataclasses import asdict, replace

import numpy as np
import pytest

from bmd import reference
from bmd.simulator.person import bones, density
from bmd.simulator.person.anatomy import DRAWN, Skeleton, build_skeleton
from bmd.simulator.person.sample import Person, sample_person

PEOPLE = 150


@pytest.fixture(scope="module")
def skeletons() -> list[Skeleton]:
    made = []
    for seed in range(PEOPLE):
        rng = np.random.default_rng(8_000 + seed)
        made.append(build_skeleton(sample_person(rng, cohort="film"), rng))
    return made


def parts(skeleton: Skeleton, level: str) -> np.ndarray:
    """Areal density in g/cm2 of trabecular bone, side wall, end plates and arch (4,)."""
    k = DRAWN.index(level)
    p, v = skeleton.bones[k].shape.copy(), skeleton.person.vertebrae[k]
    p.sclerosis = 0.0
    mass = bones.component_mass(p, density.MASS_STEP_MM)
    area_cm2 = v.width_mm * (v.height_mid_mm + skeleton.person.discs[k].height_mid_mm) / 100
    return mass * [p.trabecular_g_cm3, p.cortex_g_cm3, p.endplate_g_cm3, 1.0] / area_cm2


@pytest.fixture(scope="module")
def person() -> Person:
    return sample_person(np.random.default_rng(3), cohort="film", fracture=False)


def test_on_average_a_scan_would_read_what_it_read(skeletons: list[Skeleton]) -> None:
    ratio = np.array([[parts(s, x).sum() / s.person.bmd[x] for x in density.LUMBAR[:4]] for s in skeletons])
    assert ratio.mean() == pytest.approx(1.0, abs=0.06)
    assert 0.12 < ratio.mean(1).std() < 0.3, "of nobody is it exact"


def test_no_part_follows_the_reading_closely(skeletons: list[Skeleton]) -> None:
    amounts = np.array([np.mean([parts(s, x) for x in density.LUMBAR[:4]], 0) for s in skeletons])
    read = np.array([s.person.bmd["L1-L4"] for s in skeletons])
    for column, name in zip(amounts.T, ("trabecular", "wall", "plates", "arch"), strict=True):
        assert 0.1 < np.corrcoef(column, read)[0, 1] < 0.7, name
    logs = np.log(amounts)
    assert logs[:, 3].std() > 0.3
    assert np.corrcoef(logs[:, 0], logs[:, 3])[0, 1] < 0.4, "what a body has not, the arch need not have"


def test_neighbouring_levels_have_arches_of_their_own(skeletons: list[Skeleton]) -> None:
    arch = np.log([[parts(s, x)[3] / s.person.bmd[x] for x in ("L2", "L3")] for s in skeletons])
    assert 0.12 < np.diff(arch, axis=1).std() < 0.35
    assert np.corrcoef(arch.T)[0, 1] > 0.5


def test_a_reading_is_off_by_its_error_unless_it_is_of_the_same_day(person: Person) -> None:
    off = []
    for seed in range(400):
        found = density.held(person, density.LUMBAR, np.random.default_rng(seed))
        off.append([reference.t_score(found[x], x) - reference.t_score(person.bmd[x], x) for x in density.LUMBAR])
    errors = np.array(off)
    assert errors.mean() == pytest.approx(0, abs=0.08)
    assert errors.std(0) == pytest.approx(np.hypot(density.READING_SD_T, density.SITE_SD_T), rel=0.15)
    assert errors.mean(1).std() == pytest.approx(density.READING_SD_T, rel=0.2)
    same = density.held(person, density.LUMBAR, np.random.default_rng(0), same_day=True)
    assert same == pytest.approx({x: person.bmd[x] for x in density.LUMBAR}, rel=1e-6)


def test_the_same_day_changes_mineral_and_nothing_else(person: Person) -> None:
    other, same = (build_skeleton(person, np.random.default_rng(5), same_day=day) for day in (False, True))
    for a, b in zip(other.bones, same.bones, strict=True):
        assert np.array_equal(a.centre_mm, b.centre_mm)
        assert np.array_equal(a.rotation, b.rotation)
        assert a.shape.posterior_shell_g_cm3 != b.shape.posterior_shell_g_cm3
        for name in set(a.shape.FIELDS) - set(density.DENSITIES):
            assert a.shape[name] == b.shape[name], name
    assert asdict(other.torso) == asdict(same.torso)
    assert (other.yellow, other.tags) == (same.yellow, same.tags)


def test_texture_is_of_trabecular_bone_and_not_of_the_reading(skeletons: list[Skeleton]) -> None:
    rarefied = np.log([s.rarefied for s in skeletons])
    inside = np.log([s.bone("L2").shape.trabecular_g_cm3 for s in skeletons])
    read = np.array([s.person.t_scores["L1-L4"] for s in skeletons])
    assert np.corrcoef(rarefied, inside)[0, 1] < -0.6
    assert abs(np.corrcoef(rarefied, read)[0, 1]) < 0.6
    assert np.median(np.exp(rarefied)) == pytest.approx(1, abs=0.08)


def test_young_bones_hold_more_inside_thicker_walls(person: Person) -> None:
    def built(age: float) -> np.ndarray:
        of_age = replace(person, body=replace(person.body, age_y=age))
        return parts(build_skeleton(of_age, np.random.default_rng(8)), "L2")

    young, old = built(25.0), built(80.0)
    assert young[0] > 1.2 * old[0]
    assert young[1] > old[1]
