from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bmd import reference

SITES = [(r, s) for r in reference.REFERENCES.values() for s in r.mean]
t_scores = st.floats(-8, 8)


@pytest.mark.parametrize(("chosen", "site"), SITES)
@given(t=t_scores)
def test_density_and_t_score_are_inverse(chosen: reference.Reference, site: str, t: float) -> None:
    assert reference.t_score(reference.bmd(t, site, chosen), site, chosen) == pytest.approx(t, abs=1e-9)


@given(a=t_scores, b=t_scores)
def test_more_density_is_never_a_worse_class(a: float, b: float) -> None:
    low, high = sorted((a, b))
    order = reference.CATEGORIES[::-1]
    assert order.index(reference.category(low)) <= order.index(reference.category(high))


@pytest.mark.parametrize(
    ("t", "expected"),
    [
        (-1.0, "normal"),
        (-1.01, "osteopenia"),
        (-2.49, "osteopenia"),
        (-2.5, "osteoporosis"),
        (-2.51, "osteoporosis"),
        (0.0, "normal"),
    ],
)
def test_borders_of_the_who_classes(t: float, expected: str) -> None:
    assert reference.category(t) == expected


@pytest.mark.parametrize(("chosen", "site"), SITES)
@pytest.mark.parametrize(("t", "expected"), [(-1.0, "normal"), (-2.5, "osteoporosis")])
def test_borders_survive_the_way_through_density(
    chosen: reference.Reference, site: str, t: float, expected: str
) -> None:
    density = round(reference.bmd(t, site, chosen), 6)
    assert reference.category(reference.t_score(density, site, chosen)) == expected


@given(t=t_scores)
def test_what_is_reported_reads_the_same_at_one_and_two_decimals(t: float) -> None:
    reported = reference.reported_t(t)
    assert abs(reported - t) <= 0.05 + 1e-9
    assert reference.category(float(f"{reported:+.1f}")) == reference.category(reported)
    assert f"{reported:+.2f}" == f"{reported:+.1f}0"
    assert not f"{reported}".startswith("-0.0")


@pytest.mark.parametrize(("t", "expected"), [(-2.46, "osteoporosis"), (-2.44, "osteopenia"), (-1.04, "normal")])
def test_the_reported_number_decides_the_class(t: float, expected: str) -> None:
    assert reference.category(reference.reported_t(t)) == expected


@given(low=t_scores, width=st.floats(0, 4))
def test_reported_intervals_hold_the_exact_ones(low: float, width: float) -> None:
    a, b = reference.reported_interval(low, low + width)
    assert low - 0.1 - 1e-6 <= a <= low + 1e-6
    assert low + width - 1e-6 <= b <= low + width + 0.1 + 1e-6


@pytest.mark.parametrize("t", [math.nan, math.inf, -math.inf])
def test_no_class_without_a_number(t: float) -> None:
    with pytest.raises(ValueError, match="finite"):
        reference.category(t)


def test_levels_at_zero_are_l1_l4_at_zero() -> None:
    area = np.array([0.216, 0.235, 0.259, 0.290])  # women, NHANES 2005-2010
    levels = [reference.bmd(0.0, level) for level in reference.LUMBAR[:4]]
    assert reference.t_score(float(area @ levels), "L1-L4") == pytest.approx(0, abs=0.01)


def test_default_reference_knows_every_site() -> None:
    for site in (*reference.LUMBAR, "L1-L4", "femoral_neck", "total_hip"):
        assert 0.8 < reference.HOLOGIC.mean[site] < 1.2
        assert 0.1 < reference.HOLOGIC.sd[site] < 0.13


def test_makers_agree_on_t_zero() -> None:
    lunar_zero = reference.bmd(0.0, "L1-L4", reference.LUNAR)
    assert reference.t_score(reference.lunar_to_hologic(lunar_zero), "L1-L4") == pytest.approx(0, abs=0.05)


@pytest.mark.parametrize("site", ["L1-L4", "femoral_neck", "total_hip"])
def test_age_curve_passes_through_the_table_and_takes_arrays(site: str) -> None:
    assert reference.age_curve(25.0, "F", "L1-L4") == (1.059, 0.118)
    ages = np.array([20.0, 50.0, 90.0])
    mean, sd = reference.age_curve(ages, "M", site)
    assert mean.shape == sd.shape == (3,)
    assert reference.age_curve(50.0, "M", site)[0] == pytest.approx(mean[1])


def test_women_lose_lumbar_density_and_men_do_not() -> None:
    women, _ = reference.age_curve(np.array([35.0, 75.0]), "F")
    men, _ = reference.age_curve(np.array([35.0, 75.0]), "M")
    assert women[1] < women[0] - 0.1
    assert men[1] >= men[0]


def test_z_score_is_zero_at_the_mean_of_ones_age() -> None:
    mean, sd = reference.age_curve(62.0, "F", "total_hip")
    assert reference.z_score(mean, 62.0, "F", "total_hip") == 0
    assert reference.z_score(mean - 2 * sd, 62.0, "F", "total_hip") == pytest.approx(-2)


@pytest.mark.parametrize(
    ("age", "weight", "index"), [(70, 60, -2), (70, 58, -2), (60, 75, 3), (74, 55, -3), (65, 65, 0)]
)
def test_ost_truncates_towards_zero(age: float, weight: float, index: int) -> None:
    assert reference.ost(age, weight) == index


@pytest.mark.parametrize(
    ("age", "weight", "risk"), [(60, 60, "low"), (65, 60, "medium"), (80, 60, "medium"), (85, 60, "high")]
)
def test_osta_classes(age: float, weight: float, risk: str) -> None:
    assert reference.osta_risk(age, weight) == risk


@pytest.mark.parametrize(
    ("age", "weight", "oestrogen", "points"),
    [(45, 80, True, 0), (55, 70, False, 7), (64, 69, False, 10), (65, 60, True, 12), (75, 59, False, 26)],
)
def test_orai_points(age: float, weight: float, oestrogen: bool, points: int) -> None:
    assert reference.orai(age, weight, oestrogen) == points


def test_class_shares_follow_the_limits_as_reported() -> None:
    shares = reference.class_shares(-2.45, 0.8)
    assert sum(shares.values()) == pytest.approx(1, abs=2e-4)
    assert shares["osteoporosis"] == pytest.approx(0.5, abs=1e-3)
    assert reference.class_shares(1.0, 0.2)["normal"] > 0.99


@given(low=t_scores, width=st.floats(0, 6))
def test_classes_an_interval_reaches_into_are_neighbours_with_its_ends_first_and_last(low: float, width: float) -> None:
    reached = reference.reached_categories((low, low + width))
    assert reached[0] == reference.category(low + width)
    assert reached[-1] == reference.category(low)
    start = reference.CATEGORIES.index(reached[0])
    assert reached == reference.CATEGORIES[start : start + len(reached)]
    assert reference.reached_categories(None) == ()
