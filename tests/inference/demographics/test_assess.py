"""From a form to a report, with the shipped weights: fitted on people, so what is known of people must hold."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bmd import reference
from bmd.errors import OptionError
from bmd.findings import note, warning
from bmd.inference import assess
from bmd.inference.demographics.assess import assess_patient, distributions, typical
from bmd.inference.demographics.scores import screening
from bmd.inference.demographics.terms import BELOW, FIELDS, LOWEST, SITES, WITHIN
from bmd.inference.engine import TorchEngine
from bmd.inference.run import Networks
from bmd.types import Demographics

WOMAN = Demographics(67, "F", 160, 58)
MAN = Demographics(70, "M", 175, 80)


@pytest.fixture(scope="module")
def engine() -> TorchEngine:
    if not (Path(__file__).parents[3] / "weights" / "demographics" / "metadata.json").is_file():
        pytest.skip("demographics has no shipped weights")
    return TorchEngine("cpu", bf16=False)


def osteoporosis(patient: Demographics, engine: TorchEngine, level: str = LOWEST) -> float:
    (found,) = [p for p in assess_patient(patient, engine=engine).answers if p.level == level]
    return found.probabilities["osteoporosis"]


def test_report(engine):
    report = assess_patient(WOMAN, "form", engine=engine)
    assert report.modality == "demographics"
    assert report.suitability.suitable
    assert [p.level for p in report.answers] == [*SITES, LOWEST]
    assert report.prediction is report.answers[-1]
    assert report.models == {"density": "demographics"}
    assert [s.name for s in report.scores] == ["OST", "OSTA", "ORAI"]
    for p in report.answers:
        low, high = p.interval
        assert low < p.t_score < high
        assert p.category == reference.category(p.t_score)
        assert sum(p.probabilities.values()) == pytest.approx(1)
        assert min(p.probabilities.values()) >= 0
        if p.bmd_g_cm2 is not None:
            t = reference.t_score(p.bmd_g_cm2, SITES[p.level])
            assert p.t_score == reference.reported_t(t)
    assert report.prediction.t_score <= min(p.t_score for p in report.answers[:-1])
    assert report.prediction.probabilities["osteoporosis"] >= max(
        p.probabilities["osteoporosis"] for p in report.answers[:-1]
    )


@pytest.mark.parametrize("patient", [WOMAN, MAN])
def test_heavier_is_less_likely_osteoporotic_and_older_more(engine, patient):
    weights = [osteoporosis(replace(patient, weight_kg=w), engine) for w in (50, 60, 70, 85)]
    assert weights == sorted(weights, reverse=True)
    ages = [osteoporosis(replace(patient, age_y=a), engine) for a in (52, 60, 68, 76)]
    assert ages == sorted(ages)


def test_women_are_more_often_osteoporotic(engine):
    assert osteoporosis(replace(MAN, sex="F"), engine) > osteoporosis(MAN, engine)


@pytest.mark.parametrize("name", ["age_y", "sex", "height_cm", "weight_kg"])
def test_missing_field_is_left_out_and_said(engine, name):
    some = replace(WOMAN, **{name: None})
    report = assess_patient(some, engine=engine)
    assert report.suitability.suitable
    given = tuple(note(f"word.{word}") for field, word in FIELDS.items() if field != name)
    assert warning("demographics.not_given", missing=(note(f"word.{FIELDS[name]}"),), given=given) in report.warnings
    assert getattr(report.patient, name) is None
    full, part = (distributions([p], Networks(engine))[0]["lumbar"] for p in (WOMAN, some))
    assert not np.allclose(full.cdf, part.cdf)


def test_what_is_known_narrows_the_interval(engine):
    wide, narrow = (assess_patient(p, engine=engine).prediction.interval for p in (Demographics(sex="F"), WOMAN))
    assert narrow[1] - narrow[0] < wide[1] - wide[0]


def test_nothing_given_is_refused(engine):
    report = assess_patient(Demographics(), engine=engine)
    assert not report.suitability.suitable
    assert [reason.code for reason in report.suitability.reasons] == ["demographics.nothing_given"]
    assert report.prediction is None
    assert report.scores == ()


@pytest.mark.parametrize(
    ("patient", "word"),
    [
        (replace(WOMAN, age_y=12), "age"),
        (replace(WOMAN, age_y=130), "age"),
        (replace(WOMAN, height_cm=80), "height"),
        (replace(WOMAN, weight_kg=300), "weight"),
        (replace(WOMAN, weight_kg=float("nan")), "weight"),
    ],
)
def test_outside_the_fitted_range_is_refused(engine, patient, word):
    report = assess_patient(patient, engine=engine)
    assert not report.suitability.suitable
    (reason,) = report.suitability.reasons
    assert (reason.code, reason.values["field"]) == ("demographics.out_of_range", note(f"word.{word}"))
    assert report.answers == ()


def test_rare_values_and_old_age_are_warned_of(engine):
    report = assess_patient(Demographics(88, "F", 142, 160), engine=engine)
    assert report.suitability.suitable
    assert warning("demographics.age_capped", from_y=80) in report.warnings
    rare = [w.values["field"].code for w in report.warnings if w.code == "demographics.rare"]
    assert rare == ["word.height", "word.weight"]


def test_under_50_there_is_a_z_score_and_no_class(engine):
    report = assess_patient(Demographics(35, "F", 165, 60), engine=engine)
    assert [p.level for p in report.answers] == [*SITES]
    for p in report.answers:
        assert p.t_score is None
        assert p.category is None
        assert p.interval is None
        assert p.z_interval[0] < p.z_score < p.z_interval[1]
        z = reference.z_score(p.bmd_g_cm2, 35, "F", SITES[p.level])
        assert p.z_score == reference.reported_t(z)
        assert 0 < p.probabilities[BELOW] < 0.3
        assert p.probabilities[BELOW] + p.probabilities[WITHIN] == pytest.approx(1)
    assert report.prediction.z_score == min(p.z_score for p in report.answers)
    assert warning("demographics.z_instead", from_y=50) in report.warnings
    assert assess_patient(Demographics(50, "F", 165, 60), engine=engine).prediction.category is not None


def test_under_50_without_sex_there_is_only_a_density(engine):
    report = assess_patient(Demographics(35, None, 165, 60), engine=engine)
    assert report.prediction.bmd_g_cm2 > 0.5
    assert report.prediction.z_score is None
    assert report.prediction.t_score is None
    assert warning("demographics.z_needs_sex") in report.warnings


def test_reference_moves_t_score_not_density(engine):
    one, other = (assess_patient(WOMAN, reference=r, engine=engine) for r in ("hologic", "nhanes_2005_2010"))
    for a, b in zip(one.answers[:-1], other.answers[:-1], strict=True):
        assert a.bmd_g_cm2 == b.bmd_g_cm2
        assert b.t_score <= a.t_score
        chosen = reference.NHANES_2005_2010
        assert b.t_score == reference.reported_t(reference.t_score(b.bmd_g_cm2, SITES[b.level], chosen))
    assert other.prediction.probabilities["osteoporosis"] > one.prediction.probabilities["osteoporosis"]
    with pytest.raises(OptionError, match="lunar"):
        assess_patient(WOMAN, reference="lunar", engine=engine)


def test_door_is_the_same():
    assert assess(WOMAN).prediction == assess_patient(WOMAN).prediction


def test_typical_is_the_median_of_the_report(engine):
    report = assess_patient(WOMAN, engine=engine)
    for p in report.answers[:-1]:
        assert float(typical([WOMAN], p.level)[0]) == pytest.approx(p.t_score, abs=0.06)
        assert float(typical([WOMAN], p.level, unit="bmd")[0]) == pytest.approx(p.bmd_g_cm2, abs=0.001)


def verdict(score) -> str:
    return score.verdict.code.removeprefix("demographics.score.")


def test_scores():
    ost, osta, orai = screening(WOMAN)
    assert (ost.value, verdict(ost), ost.missing) == (-1, "scan", ())
    assert verdict(osta) == "risk_medium"
    assert orai.value == 9 + 9 + 2
    assert orai.verdict.values["verdict"] == note("demographics.score.scan")
    border = screening(Demographics(56, "F", 165, 68))[2]
    assert border.value == 10
    assert border.verdict.values == {
        "verdict": note("demographics.score.scan_unless_oestrogen"),
        "with_oestrogen": 8,
    }
    men = screening(MAN)
    assert (men[0].value, verdict(men[0])) == (2, "scan")
    assert [(s.value, verdict(s)) for s in men[1:]] == [(None, "women_only"), (None, "women_from")]


def test_scores_do_not_judge_the_young():
    scores = screening(Demographics(35, "F", 165, 60))
    assert [(s.value, verdict(s), s.missing) for s in scores] == [
        (None, "too_young", ()),
        (None, "too_young", ()),
        (None, "women_from", ()),
    ]


def test_scores_name_what_they_lack():
    for score in screening(Demographics(sex="F")):
        assert (score.value, score.verdict, score.missing) == (None, None, ("age", "weight"))
    unsexed = screening(Demographics(70, None, None, 80))[0]  # 2: scan a man, not a woman
    assert (unsexed.value, verdict(unsexed), unsexed.missing) == (2, "depends_on_sex", ("sex",))
    assert verdict(screening(Demographics(80, None, None, 50))[0]) == "scan"
