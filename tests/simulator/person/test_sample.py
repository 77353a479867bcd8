from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bmd import reference
from bmd.errors import OptionError
from bmd.findings import note, refusal
from bmd.population import check as population_check
from bmd.population import report as population_report
from bmd.simulator.person import sample as population
from bmd.simulator.person.sample import Person, numbers, sample_crowd, sample_person
from bmd.text import text

CASES = {
    "normal": {"t_range": (-1.0, 4.0), "fracture": False},
    "osteopenia": {"t_range": (-2.4, -1.1)},
    "osteoporosis": {"t_range": (-4.5, -2.5)},
    "fracture": {"fracture": True},
    "stout": {"bmi_range": (35.0, 50.0)},
    "old woman": {"sex": "F", "age_range": (80, 90)},
    "young man": {"sex": "M", "cohort": "young"},
    "film": {"cohort": "film"},
}


@pytest.fixture(scope="module")
def crowd() -> dict:
    return sample_crowd(np.random.default_rng(3), 40_000)


@pytest.fixture(scope="module")
def people() -> list[Person]:
    rng = np.random.default_rng(4)
    return [sample_person(rng) for _ in range(600)]


@settings(max_examples=20)
@given(seed=st.integers(0, 2**32), case=st.sampled_from(sorted(CASES)))
def test_same_seed_same_person_and_conditions_hold(seed: int, case: str) -> None:
    wish = CASES[case]
    person = sample_person(np.random.default_rng(seed), **wish)
    assert person == sample_person(np.random.default_rng(seed), **wish)
    body = person.body
    low, high = wish.get("age_range") or population.COHORTS[wish.get("cohort", "adult")]
    assert low <= body.age_y <= high
    assert body.sex == wish.get("sex", body.sex)
    if "t_range" in wish:
        assert wish["t_range"][0] <= person.t_scores["L1-L4"] <= wish["t_range"][1]
    if "bmi_range" in wish:
        assert wish["bmi_range"][0] - 0.2 <= body.bmi <= wish["bmi_range"][1] + 0.2  # stature and weight are rounded
    if "fracture" in wish:
        assert person.fractured == wish["fracture"]


def test_different_seeds_give_different_people() -> None:
    assert sample_person(np.random.default_rng(1)) != sample_person(np.random.default_rng(2))


def test_person_is_complete_and_consistent(people: list[Person]) -> None:
    for person in people:
        assert person.body.demographics.bmi == person.body.bmi
        assert set(person.bmd) == set(person.t_scores) == {*population.SITES, "L1-L4"}
        assert [v.level for v in person.vertebrae] == [d.level for d in person.discs] == list(reference.LEVELS[:-1])
        for site, density in person.bmd.items():
            assert 0.2 <= density < 2.5
            assert person.t_scores[site] == pytest.approx(reference.t_score(density, site))
        levels = [person.bmd[level] for level in reference.LUMBAR[:4]]
        assert min(levels) <= person.bmd["L1-L4"] <= max(levels)
        for v in person.vertebrae:
            assert bool(v.fracture_grade) == bool(v.fracture_kind)
            assert v.fracture_kind in ("", "wedge", "biconcave", "crush")


def test_lengths_are_those_of_a_spine(people: list[Person]) -> None:
    sound = [v for p in people for v in p.vertebrae if not v.fracture_grade]
    sizes = np.array([dataclasses.astuple(v)[1:7] for v in sound])
    assert (sizes[:, :3] > 12).all()
    assert (sizes[:, :3] < 45).all()
    assert (sizes[:, 3:5] > 18).all()
    assert (sizes[:, 3:5] < 55).all()
    assert (sizes[:, 5] > 20).all()
    assert (sizes[:, 5] < 75).all()
    discs = np.array([dataclasses.astuple(d)[1:] for p in people for d in p.discs])
    assert (discs > 0.2).all()
    assert (discs < 30).all()


def test_neighbouring_vertebrae_resemble_each_other(people: list[Person]) -> None:
    heights = np.array([[v.height_post_mm for v in p.vertebrae] for p in people if not p.fractured])
    r = np.corrcoef(heights.T)
    assert (np.diag(r, 1) > 0.6).all()
    assert r[0, 1] > r[0, 6]


def test_fractures_take_height_and_higher_grades_take_more() -> None:
    rng = np.random.default_rng(5)
    broken = [sample_person(rng, fracture=True) for _ in range(400)]
    by_grade: dict[int, list[float]] = {0: [], 1: [], 2: [], 3: []}
    for v in (v for p in broken for v in p.vertebrae):
        by_grade[v.fracture_grade].append(min(v.height_ant_mm, v.height_mid_mm) / v.height_post_mm)
    means = [np.mean(by_grade[g]) for g in range(3)]
    assert means[0] > means[1] > means[2]
    assert {v.fracture_kind for p in broken for v in p.vertebrae} == {"", "wedge", "biconcave", "crush"}


def test_fracture_prevalence_rises_as_neck_t_falls_and_age_rises(crowd: dict) -> None:
    broken = (crowd["fracture_grade"] > 0).any(1)
    t, age = crowd["t"]["femoral_neck"], crowd["age"]
    by_t = [broken[(t > low) & (t <= high)].mean() for low, high in ((-9, -2.5), (-2.5, -1), (-1, 9))]
    by_age = [broken[(age >= low) & (age < high)].mean() for low, high in ((40, 60), (60, 75), (75, 95))]
    assert by_t[0] > 1.5 * by_t[1] > 1.5 * by_t[2]
    assert by_age[0] < by_age[1] < by_age[2]
    assert 0.03 < broken.mean() < 0.09


@pytest.mark.parametrize(("male", "expected"), [(False, -0.33), (True, 0.05)])
def test_lumbar_t_falls_with_age_as_in_the_survey(crowd: dict, male: bool, expected: float) -> None:
    rows = crowd["male"] == male
    assert np.corrcoef(crowd["age"][rows], crowd["t"]["L1-L4"][rows])[0, 1] == pytest.approx(expected, abs=0.06)


@pytest.mark.parametrize("sex", ["F", "M"])
@pytest.mark.parametrize(
    ("ages", "at"), [((40, 49), 45.0), ((50, 59), 55.0), ((60, 69), 65.0), ((70, 79), 75.0)], ids=lambda v: str(v)
)
@pytest.mark.parametrize("site", ["L1-L4", "femoral_neck", "total_hip"])
def test_means_follow_the_age_curve_of_the_reference(sex: str, ages: tuple, at: float, site: str) -> None:
    drawn = sample_crowd(np.random.default_rng(6), 4000, age_range=ages, sex=sex)["bmd"][site]
    mean, sd = reference.age_curve(at, sex, site)
    assert drawn.mean() == pytest.approx(mean, abs=0.02)
    assert drawn.std() == pytest.approx(sd, rel=0.12)


def test_correlations_between_sites(crowd: dict) -> None:
    bmd = crowd["bmd"]
    r = np.corrcoef([bmd[s] for s in ("L1", "L2", "L3", "L4", "L5", "femoral_neck", "total_hip")])
    assert r[0, 1] > r[0, 2] > r[0, 3] > 0.75
    assert 0.5 < r[0, 5] < 0.75
    assert r[5, 6] > 0.85
    assert r[3, 4] > 0.85
    assert np.linalg.eigvalsh(r).min() > 0


@given(age=st.floats(18, 95))
@settings(max_examples=30)
def test_covariance_is_positive_definite_at_every_age(age: float) -> None:
    for sex in "FM":
        at = population.hat(np.array([age]), numbers()["correlation_ages"])[0]
        assert at.sum() == pytest.approx(1)
        matrix = np.tensordot(at, numbers()[sex]["correlation"], 1)
        assert np.linalg.eigvalsh(matrix).min() > 0
        np.testing.assert_allclose(np.diag(matrix), 1, atol=1e-4)


def test_shape_factor_is_a_lower_triangle_of_a_correlation() -> None:
    for sex in "FM":
        factor = numbers()["spine"]["shape"][sex]["cholesky"]
        assert np.all(np.triu(factor, 1) == 0)
        np.testing.assert_allclose((factor**2).sum(1), 1, atol=1e-3)


def test_cohorts_differ_as_described() -> None:
    rng = np.random.default_rng(7)
    adult, film, even = (sample_crowd(rng, 20_000, cohort) for cohort in ("adult", "film", "even"))
    assert adult["age"].min() == even["age"].min() == 40
    assert film["age"].min() == 50
    assert max(c["age"].max() for c in (adult, film, even)) <= 90
    assert even["age"].mean() == pytest.approx(65, abs=0.5)
    assert adult["age"].mean() < film["age"].mean()
    assert even["male"].mean() == pytest.approx(0.5, abs=0.02)


def test_impossible_wishes_are_plain_errors() -> None:
    rng = np.random.default_rng(8)
    with pytest.raises(OptionError) as refused:
        sample_person(rng, cohort="martian")
    assert refused.value.finding == refusal("simulator.cohort", asked="martian", known=tuple(population.COHORTS))
    with pytest.raises(OptionError) as refused:
        sample_person(rng, age_range=(5, 10))
    assert refused.value.finding == refusal("simulator.ages", low_y=5, high_y=10)
    with pytest.raises(OptionError) as refused:
        sample_person(rng, t_range=(40.0, 50.0))
    assert refused.value.finding.code == "simulator.nobody"
    assert refused.value.finding.values["wishes"] == (note("simulator.wish.t", low=40.0, high=50.0),)


def test_shipped_numbers_name_their_source_and_hold_no_rows() -> None:
    assert "NHANES" in numbers()["source"]
    shipped = (population.Path(population.__file__).parent / "population.json").read_text()
    assert len(shipped) < 100_000
    assert "seqn" not in shipped


def test_hat_is_straight_between_knots_and_constant_beyond() -> None:
    weights = population.hat(np.array([20.0, 35.0, 90.0]), np.array([20.0, 50.0, 80.0]))
    np.testing.assert_allclose(weights, [[1, 0, 0], [0.5, 0.5, 0], [0, 0, 1]])


def test_check_skips_plainly_without_the_survey(tmp_path: Path) -> None:
    absent = tmp_path / "absent.csv"
    assert population_check.write_check(absent, absent, out=tmp_path) == text("simulator.population_skipped")
    assert not list(tmp_path.iterdir())


def test_report_marks_what_differs() -> None:
    near = population_report.Comparison("class mix", "women 50-", "mean", "L1-L4|normal", 0.5, 0.02, 0.51, 0.005)
    far = population_report.Comparison("class mix", "men 50-", "mean", "L1-L4|normal", 0.5, 0.02, 0.6, 0.005)
    assert abs(near.z) < 1 < 2 < far.z
    page = population_report.markdown([near, far], 100, 1)
    assert "| | women 50- | men 50- |" in page  # here groups are columns
    assert "**0.500 (0.020) 0.600**" in page
    assert "(1 of 2)" in page


@pytest.mark.slow
def test_population_matches_the_survey(real_data) -> None:
    folder = real_data / "tabular"
    comparisons, _ = population_check.check(
        folder / "nhanes_bmd.csv", folder / "nhanes_vertebra_2013.csv", count=20_000, seed=2
    )
    z = np.array([c.z for c in comparisons])
    assert np.mean(np.abs(z) < 2) > 0.95
    assert np.abs(z).max() < 4
