"""Figures, parts and verdicts of a validation, on records whose truth is known."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import norm

from bmd.evaluation.validation import figures
from bmd.evaluation.validation.criteria import CRITERIA, judged, verdict
from bmd.evaluation.validation.figures import compare, eligible, gain, of_answers, of_films, of_scans, share
from bmd.evaluation.validation.files import Files
from bmd.evaluation.validation.patient import chosen, outcome, view_of
from bmd.evaluation.validation.report import markdown
from bmd.evaluation.validation.run import summary
from bmd.evaluation.validation.scale import truth_of
from bmd.evaluation.validation.table import Patient, Table
from bmd.types import Demographics

SPREAD = 1.0


@pytest.fixture(autouse=True)
def few_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    """Intervals by a tenth of the draws: rougher, and quick."""
    monkeypatch.setattr(figures, "DRAWS", 100)


def cohort(count: int = 400, shift: float = 0.0, noise: float = SPREAD) -> tuple[list[dict], dict[int, float]]:
    """Records whose answers are exactly right but for ``shift``: T given what is told is normal with SD ``SPREAD``."""
    rng, found, truth = np.random.default_rng(0), [], {}
    for row in range(1, count + 1):
        told = rng.normal(-1.5, 1.0)
        truth[row] = told + rng.normal(0, noise)
        found.append(record(row, told + shift, float(rng.uniform(50, 90)), "F" if row % 2 else "M"))
        found[-1]["ct"] = {"state": "measured", "code": "", "hu": 150 + 30 * truth[row], "chance": 0.3, "certain": True}
    return found, truth


def record(row: int, t: float, age: float, sex: str) -> dict[str, Any]:
    low, high = norm.cdf((-2.5 - t) / SPREAD), norm.cdf((-1 - t) / SPREAD)
    one = {"t": t, "low": t - 1.645 * SPREAD, "high": t + 1.645 * SPREAD, "p": [1 - high, high - low, low]}
    blind = {"t": -1.5, "low": -6.0, "high": 3.0, "p": [0.3, 0.4, 0.3]}
    film = {"said": "lateral", "tag": None, "state": "analysed", "code": "", "lateral": 0.99}
    return {
        "row": row, "age": age, "sex": sex, "height": 165.0, "weight": 60.0, "bmd": None, "t": None, "films": [film],
        "outcome": "judged", "levels": 4, "certain": True, "film": one, "both": one, "demographics": blind, "ct": None,
        "film_why": None, "both_why": None, "demographics_why": None, "others": 0,
    }  # fmt: skip


def test_exact_answers_are_found_exact() -> None:
    records, truth = cohort(2000)
    found = compare(records, "film", truth)
    assert found["coverage_low"] <= 0.9 <= found["coverage_high"]
    assert found["bias_low"] <= 0 <= found["bias_high"]
    assert found["r"] == pytest.approx(np.sqrt(0.5), abs=0.04)
    assert found["agreement_high"] - found["agreement_low"] == pytest.approx(2 * 1.96, abs=0.2)
    assert found["ece_excess"] < 0.02
    assert all(abs(told - seen) < 0.06 for _, told, seen in found["reliability"])
    assert sum(n for n, _, _ in found["reliability"]) == 2000
    assert 0.75 < found["auc_osteoporosis_low"] < found["auc_osteoporosis"] < 0.9


def test_a_shift_is_a_bias_and_costs_coverage_and_calibration_but_no_auc() -> None:
    records, truth = cohort(800)
    moved, _ = cohort(800, shift=1.0)
    right, wrong = compare(records, "film", truth), compare(moved, "film", truth)
    assert wrong["bias"] == pytest.approx(right["bias"] + 1.0, abs=1e-3)
    assert wrong["coverage_high"] < right["coverage_low"]
    assert wrong["ece_excess"] > right["ece_excess"] + 0.05
    assert wrong["auc_osteoporosis"] == pytest.approx(right["auc_osteoporosis"], abs=1e-9)


def test_what_the_film_adds_is_told_in_the_same_patients() -> None:
    records, truth = cohort()
    records[0]["film"], records[0]["film_why"] = None, "film.too_few"
    found = of_answers(records, truth)
    assert [found["alike"][name]["n"] for name in ("film", "demographics", "both")] == [399] * 3
    assert found["film"]["without"] == {"film.too_few": 1}
    added = found["gains"]["both_over_demographics"]["osteoporosis"]
    assert added["difference_low"] > 0.2, "patient data that tell nothing have an AUC of .5"
    assert found["gains"]["both_over_film"]["at_risk"]["difference"] == 0
    assert set(found["film"]) >= {"all", "women", "men", "age_low", "bmi_low"}
    assert found["film"]["women"]["n"] + found["film"]["men"]["n"] == 399


def test_few_people_give_no_figures() -> None:
    records, truth = cohort(9)
    assert compare(records, "film", truth) == {"n": 9}
    records, truth = cohort(12)
    truth = dict.fromkeys(truth, 0.0) | {1: -3.0}
    assert "auc_osteoporosis" not in compare(records, "film", truth)
    assert gain(records, "both", "film", -2.5, truth) == {"n": 12}


def test_whoever_has_no_t_score_by_dxa_or_no_who_class_is_left_out_once() -> None:
    records, truth = cohort(40)
    records[0]["age"], records[1]["age"], truth[3] = None, 49.0, None  # type: ignore[assignment]
    kept, left = eligible(records, truth)
    assert (len(kept), left) == (37, {"age_unknown": 1, "young": 1, "no_truth": 1})


def test_low_attenuation_speaks_for_osteoporosis() -> None:
    records, truth = cohort()
    found = of_scans(records, truth)
    assert (found["n"], found["r"], found["auc_osteoporosis"]) == (400, 1, 1)
    assert found["states"] == {"measured": 400}


def kept(said: str | None, state: str, tag: str | None = None, lateral: float = 0.9) -> dict[str, Any]:
    return {"said": said, "tag": tag, "state": state, "code": "x" if state == "refused" else "", "lateral": lateral}


def test_sides_come_from_header_and_name_and_a_contradiction_from_neither() -> None:
    assert [view_of(kept(*pair)) for pair in (("ap", "", None), (None, "", "lateral"), ("ap", "", "ap"))] == [
        "ap",
        "lateral",
        "ap",
    ]
    assert view_of(kept("ap", "", "lateral")) is None


def test_a_frontal_film_that_was_taken_for_a_lateral_one_is_counted_and_never_used() -> None:
    from bmd.evaluation.validation.patient import Seen

    wrong, right = Seen(kept("ap", "analysed", lateral=0.99)), Seen(kept(None, "analysed", lateral=0.8))
    better = Seen(kept("lateral", "analysed", lateral=0.7))
    assert chosen([wrong]) is None
    assert chosen([wrong, right]) is right
    assert chosen([wrong, right, better]) is better
    one = record(1, -1, 60, "F") | {
        "films": [wrong.kept, kept("ap", "refused", lateral=0.1), kept("lateral", "refused")]
    }
    found = of_films([one])
    assert (found["ap"]["read"], found["ap"]["refused"], found["ap"]["frontal_looks"]) == (2, 1, 1)
    assert found["lateral"]["reasons"] == {"x": 1}


@pytest.mark.parametrize(
    ("films", "used", "judged_", "expected"),
    [
        ([kept("lateral", "analysed")], True, True, "judged"),
        ([kept("lateral", "analysed")], True, False, "no_density"),
        ([kept("lateral", "refused"), kept("ap", "refused")], False, False, "refused"),
        ([kept("lateral", "unread"), kept("ap", "refused")], False, False, "unread"),
        ([kept("ap", "analysed")], False, False, "no_lateral"),
        ([kept(None, "not_film")], False, False, "no_film"),
        ([], False, False, "no_film"),
    ],
)  # fmt: skip
def test_outcomes(films: list[dict], used: bool, judged_: bool, expected: str) -> None:
    assert outcome(films, used, judged_) == expected


def test_verdicts_need_the_whole_interval() -> None:
    coverage = next(one for one in CRITERIA if one.code == "coverage")

    def said(count: int, whole: int) -> str:
        return verdict(coverage, {"answers": {"both": {"all": share("coverage", count, whole)}}})[0]

    assert said(360, 400) == "met"
    assert said(280, 400) == said(400, 400) == "not_met"
    assert said(36, 40) == "undecided"
    assert verdict(coverage, {"answers": {"both": {"all": {"n": 3}}}}) == ("not_measured", {})
    few = next(one for one in CRITERIA if one.code == "ap_refused")
    assert verdict(few, {"films": {"ap": share("share_refused", 3, 3)}})[0] == "undecided", "three films prove nothing"
    assert verdict(few, {"films": {"ap": {"share_refused": 1.0}}})[0] == "undecided"


def results(count: int) -> dict[str, Any]:
    records, truth = cohort(count)
    people = tuple(Patient(row, str(row), Demographics(60, "F"), None, t) for row, t in truth.items())
    table = Table(people, Counter({("age", "missing"): 2}), {"id": "ID", "t": "T"}, count)
    return summary(table, Files({}, 1, ("a9.dcm",)), records, truth_of(people))


def test_the_report_says_counts_figures_and_every_verdict() -> None:
    found = results(300)
    page = markdown(found)
    assert "External validation: 300 of 300 patients" in page
    assert page.count("| met |") == sum(row["verdict"] == "met" for row in judged(found)) > 0
    assert "`a9.dcm`" in page
    assert "age: missing | 2" in page
    assert "nan" not in page.lower()
    assert markdown(results(3)).count("not measured |") >= 5, "too few for figures is said, not hidden"


def test_the_protocol_states_what_the_command_judges(repository: Path) -> None:
    page = (repository / "docs" / "validation.md").read_text("utf-8")
    stated = dict(re.findall(r"^\| `(\w+)` \|[^|]*\| ([^|]+?) \|", page, re.M))
    for one in CRITERIA:
        low, high = (f"{end:g}" for end in (one.low, one.high))
        ends = (
            f"{low} to {high}"
            if np.isfinite([one.low, one.high]).all()
            else f"≥ {low}"
            if np.isfinite(one.low)
            else f"≤ {high}"
        )
        assert stated[one.code] == ends, one.code
    assert set(stated) == {one.code for one in CRITERIA}


def test_sample_sizes_in_the_protocol_follow_from_their_formulas(repository: Path) -> None:
    page = (repository / "docs" / "validation.md").read_text("utf-8")
    rows = re.findall(r"^\| (\d+) \| ± ([\d.]+) \| ± ([\d.]+) \| ± ([\d.]+) \| ± ([\d.]+) \|", page, re.M)
    assert len(rows) >= 3
    for count, area, r, bias, covered in rows:
        n = int(count)
        assert float(area) == pytest.approx(1.96 * auc_error(0.8, round(0.28 * n), n - round(0.28 * n)), abs=6e-3)
        assert float(r) == pytest.approx(1.96 / np.sqrt(n - 3) * (1 - 0.45**2), abs=6e-3)
        assert float(bias) == pytest.approx(1.96 * 1.3 / np.sqrt(n), abs=6e-3)
        assert float(covered) == pytest.approx(1.96 * np.sqrt(0.9 * 0.1 / n), abs=6e-4)


def auc_error(area: float, ill: int, well: int) -> float:
    """Standard error of an AUC (Hanley and McNeil 1982)."""
    one, two = area / (2 - area), 2 * area**2 / (1 + area)
    variance = area * (1 - area) + (ill - 1) * (one - area**2) + (well - 1) * (two - area**2)
    return float(np.sqrt(variance / (ill * well)))
