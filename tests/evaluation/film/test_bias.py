"""Bias of real films against people of their age and sex, with a network that reads the truth off a toy film."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from bmd.errors import InputError
from bmd.evaluation.film import bias
from bmd.findings import refusal, warning
from bmd.reference import age_curve, category, t_score
from bmd.types import Demographics, Prediction, Report, Suitability


@pytest.mark.parametrize(
    ("name", "age", "sex"),
    [("0026-F-029Y1.jpg", 29, "F"), ("4367-M-049Y1.png", 49, "M"), ("x-f-100Y0.png", 100, "F"), ("7-M-5Y.png", 5, "M")],
)
def test_sex_and_age_stand_in_the_name(name: str, age: int, sex: str) -> None:
    assert bias.person(name) == Demographics(age, sex)  # type: ignore[arg-type]


def test_other_names_hold_none() -> None:
    assert bias.person("film.png") is None
    assert bias.person("0026-X-029Y1.jpg") is None


def test_expected_is_the_mean_of_that_age_and_sex() -> None:
    assert bias.expected_t(Demographics(75, "F")) == pytest.approx(t_score(age_curve(75, "F")[0], "L1-L4"))
    assert bias.expected_t(Demographics(75, "F")) < bias.expected_t(Demographics(25, "F"))


def row(age: float, expected: float, t: float | None, why: str = "") -> bias.Row:
    told = None if t is None else Prediction(None, 0.9, t, None, {}, category(t), "x")
    return bias.Row("a", "film", age, "F", expected, told, why)


def test_figures_by_hand() -> None:
    rows = [row(25, 0.0, -2.6), row(28, 0.0, 0.4), row(70, -1.0, -1.2), row(80, -1.2, None, "film.density_unjudged")]
    got = bias.figures([*rows, row(81, -1.2, None, "film.no_spine")])
    assert got["films"] == 5
    assert got["judged"] == 0.6
    assert got["unjudged"] == 0.2
    assert got["bias"] == pytest.approx((-2.6 + 0.4 - 0.2) / 3, abs=1e-3)
    gaps = np.array([-2.6, 0.4, -0.2])
    half = 4.3027 * gaps.std(ddof=1) / 3**0.5
    assert got["bias_high"] - got["bias"] == pytest.approx(half, abs=2e-3)
    assert (got["young"], got["young_osteoporosis"]) == (2, 1)


def test_under_50_the_t_score_is_read_from_the_density() -> None:
    z_only = Prediction(None, 0.717, None, None, {}, None, "x", z_score=-2.9)
    found = bias.with_t(z_only)
    assert found is not None
    assert (found.t_score, found.category) == (-3.0, "osteoporosis")


def test_reasons_are_codes() -> None:
    refused = Report("a", "radiograph", Suitability(False, (refusal("film.no_spine"),)))
    assert bias.reason(refused) == "film.no_spine"
    odd = Report(
        "a", "radiograph", Suitability(True), warnings=(warning("film.metal"), warning("film.density_unjudged"))
    )
    assert bias.reason(odd) == "film.density_unjudged"


def test_films_of_a_folder_are_read_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Demographics] = []

    def analyse(study, name, engine=None):  # type: ignore[no-untyped-def]
        seen.append(study.patient)
        t = -2.0 if study.patient.age_y is None else -1.0
        told = Prediction(None, 0.9, t, None, {}, category(t), "x")
        return Report(name, "radiograph", Suitability(True), prediction=told)

    monkeypatch.setattr(bias, "analyse", analyse)
    with pytest.raises(InputError) as error:
        bias.evaluate_bias(tmp_path)
    assert error.value.finding.code == "network.no_ages"
    cv2.imwrite(str(tmp_path / "1-F-075Y1.png"), np.random.default_rng(0).integers(0, 255, (300, 200), np.uint8))
    (tmp_path / "2-M-060Y1.png").write_bytes(b"no picture")
    (tmp_path / "other.png").write_bytes(b"no age")
    got = bias.evaluate_bias(tmp_path)
    assert seen == [Demographics(), Demographics(75, "F")]
    assert got["film"]["films"] == got["aged"]["films"] == 2
    assert got["aged"]["bias"] - got["film"]["bias"] == pytest.approx(1.0, abs=2e-3)
