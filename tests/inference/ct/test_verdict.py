"""CT: what measured HU mean by published numbers, and what is said where the network differs."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from scipy.stats import norm

from bmd import reference
from bmd.ct_types import TRABECULAR, Attenuation, Region, Trabecular
from bmd.inference.ct.verdict import as_prediction, band_of, chance, judge, with_second_reader
from bmd.text import say
from bmd.types import Demographics, Prediction

WOMAN = Demographics(66.0, "F")
REGION = Region((0, 0, 0), np.ones((1, 1, 1), bool))


def measured(hu: Sequence[float], levels: Sequence[str | None]) -> tuple[Attenuation, ...]:
    return tuple(
        Attenuation(level, value, 10.0, REGION, 1.0, k) for k, (level, value) in enumerate(zip(levels, hu, strict=True))
    )


def judged(hu: float, patient: Demographics = WOMAN, kvp: float | None = 120.0, level: str | None = "L1") -> Trabecular:
    found = judge(measured([hu], [level]), kvp, patient)[1]
    assert found is not None
    return found


def network(category: str, share: float = 0.9) -> Prediction:
    return Prediction(None, None, None, None, {category: share}, category, "pair_acm")


def test_bands_have_the_published_ends() -> None:
    assert [band_of(hu, 120.0) for hu in (110.0, 110.1, 160.0, 160.1)] == ["low", "between", "between", "high"]
    assert band_of(94.0, None) == "low"


def test_another_voltage_keeps_only_what_it_cannot_undo() -> None:
    """HU of bone rise as the voltage falls."""
    assert [band_of(hu, 100.0) for hu in (90.0, 130.0, 190.0)] == ["low", None, None]
    assert [band_of(hu, 140.0) for hu in (90.0, 130.0, 190.0)] == [None, None, "high"]
    found = judged(130.0, kvp=100.0)
    assert (found.verdict.code, found.chance, found.expected_hu) == ("ct.verdict.other_kvp", None, None)


@pytest.mark.parametrize(
    "patient", [WOMAN, Demographics(82.0, "M"), Demographics(), Demographics(sex="F"), Demographics(55.0)]
)
def test_the_chance_of_osteoporosis_falls_as_hu_rise(patient: Demographics) -> None:
    shares = [chance(float(hu), patient).share for hu in range(-40, 320, 5)]
    assert all(a >= b for a, b in pairwise(shares))
    assert shares[0] > 0.3
    assert shares[-1] < 0.02
    assert len(set(shares)) > 40


def test_without_a_measurement_as_many_have_it_as_in_the_survey() -> None:
    for age, sex in ((54.4, "F"), (73.8, "F"), (80.5, "M")):
        mean, sd = reference.hu_normal(age)
        people = np.random.default_rng(1).normal(mean, sd, 4000)
        shares = [chance(float(hu), Demographics(age, sex)).share for hu in people]  # type: ignore[arg-type]
        assert np.mean(shares) == pytest.approx(reference.osteoporosis_share(age, sex), abs=0.012)


def test_the_chance_lies_between_its_published_correlations() -> None:
    found = chance(90.0, WOMAN)
    assert found.low < found.share < found.high
    assert found.before == pytest.approx(0.169, abs=0.01)


def test_the_model_behind_the_chance_finds_what_was_published() -> None:
    """Pickhardt 2013: 59 +- 12.5 years, 22.6 % osteoporosis; sensitivity, specificity and predictive values at L1.

    The study's numbers stand nowhere in the model.
    """
    draw = np.random.default_rng(0)
    age = np.clip(draw.normal(59.2, 12.5, 60_000), 30, 92)
    mean, sd = np.transpose([reference.hu_normal(a) for a in age])
    limit = norm.ppf([reference.osteoporosis_share(a, "F") for a in age])
    limit = limit + (norm.ppf(0.226) - norm.ppf(norm.cdf(limit).mean()))  # patients sent to DXA, not the population
    z, rest = draw.normal(size=(2, len(age)))
    hu, r = mean + sd * z, reference.HU_DXA_R
    ill = r * z + np.sqrt(1 - r * r) * rest < limit
    assert ill.mean() == pytest.approx(0.226, abs=0.02)
    assert (hu[ill] <= 160).mean() == pytest.approx(0.90, abs=0.05)
    assert (hu[~ill] > 110).mean() == pytest.approx(0.90, abs=0.05)
    assert ill[hu < 100].mean() == pytest.approx(0.68, abs=0.10)  # the model is the more cautious one
    assert (~ill[hu > 200]).mean() == pytest.approx(0.99, abs=0.02)


def test_l1_is_the_answer_and_l5_is_none() -> None:
    values, found = judge(measured([100, 170, 180, 190, 200], ["L1", "L2", "L3", "L4", "L5"]), 120.0, WOMAN)
    assert [one.band for one in values] == ["low", "high", "high", "high", None]
    assert found is not None
    assert (found.hu, found.level, found.vertebrae, found.mean_hu) == (100.0, "L1", (0,), 160.0)
    assert judge(measured([200.0], ["L5"]), 120.0, WOMAN)[1] is None


def test_without_l1_the_mean_stands_for_it() -> None:
    _, found = judge(measured([100, 140, 300], ["L2", "L3", "L5"]), 120.0, WOMAN)
    assert found is not None
    assert (found.hu, found.level, found.vertebrae) == (120.0, None, (0, 1))
    assert "on average of L2 and L3" in say(found.verdict)


def test_bodies_without_names_are_judged_and_said_to_be() -> None:
    values, found = judge(measured([90.0, 100.0], [None, None]), 120.0, Demographics())
    assert [one.band for one in values] == ["low", "low"]
    assert found is not None
    assert (found.hu, found.band, found.vertebrae) == (95.0, "low", (0, 1))
    assert "2 vertebrae without a name" in say(found.verdict)


def test_under_fifty_there_is_a_z_score_and_no_category() -> None:
    young = Demographics(38.0, "F")
    values, found = judge(measured([201.0], ["L1"]), 120.0, young)
    assert values[0].band is None
    assert found is not None
    assert (found.expected_hu, found.z_score, found.band, found.chance) == (201.0, 0.0, None, None)
    assert found.verdict.code == "ct.verdict.of_age"
    assert judged(100.0, young).verdict.code == "ct.verdict.below_age"
    assert judged(100.0, young, kvp=80.0).verdict.code == "ct.verdict.young"
    assert as_prediction(found) is None


def test_the_prediction_holds_the_chance_and_no_class() -> None:
    found = judged(94.0)
    prediction = as_prediction(found)
    assert prediction is not None
    assert found.chance is not None
    assert prediction.probabilities == {"osteoporosis": found.chance.share}
    assert (prediction.category, prediction.t_score, prediction.model) == (None, None, TRABECULAR)


@pytest.mark.parametrize(
    ("hu", "category", "agrees"),
    [
        (94.0, "osteoporosis", True),
        (94.0, "osteopenia", False),
        (94.0, "normal", False),
        (145.0, "osteopenia", True),
        (145.0, "osteoporosis", False),
        (190.0, "normal", True),
        (190.0, "osteoporosis", False),
    ],
)
def test_a_network_a_class_away_is_said(hu: float, category: str, agrees: bool) -> None:
    found, said = with_second_reader(judged(hu), network(category))
    assert found is not None
    assert found.agrees is agrees
    assert [one.code for one in said] == ([] if agrees else ["ct.readers_differ"])
    assert all(f"{hu:.0f} HU" in say(one) and category in say(one) for one in said)


@pytest.mark.parametrize("missing", [None, judged(130.0, kvp=100.0)])
def test_nothing_is_compared_where_one_reader_is_missing(missing: Any) -> None:
    assert with_second_reader(missing, network("normal")) == (missing, [])
    found = judged(94.0)
    assert with_second_reader(found, None) == (found, [])
