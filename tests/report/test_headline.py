"""What an answer is called: never one word where its interval reaches further; the same on picture and command line."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bmd.cli_predict import line
from bmd.reference import CATEGORIES, category, class_shares
from bmd.report.csv_json import as_object, to_csv
from bmd.report.headline import headline
from bmd.text import say
from bmd.types import Prediction
from tests.report import reports


def answer(t: float, half: float) -> Prediction:
    shares = class_shares(t, half / 1.645)
    return Prediction(None, 1.0, t, (round(t - half, 1), round(t + half, 1)), shares, category(t), "fake")


@pytest.mark.parametrize("t", [round(-4 + 0.1 * k, 1) for k in range(50)])
@pytest.mark.parametrize("half", [0.3, 0.8, 1.5, 2.5])
def test_the_name_never_contradicts_the_probabilities(t: float, half: float) -> None:
    one = answer(t, half)
    said, likeliest = say(headline(one)).lower(), max(CATEGORIES, key=lambda name: one.probabilities[name])
    assert likeliest in said
    if said in CATEGORIES:
        assert said == likeliest == one.category


def test_words_are_the_same_on_the_command_line() -> None:
    whole = replace(reports.report(), prediction=answer(-2.4, 0.5))
    assert say(headline(whole.prediction)) == "Between osteopenia and osteoporosis"  # type: ignore[arg-type]
    assert "Between osteopenia and osteoporosis, T-score -2.4" in line(whole)
    assert as_object(whole)["prediction"]["reaches"] == ["osteopenia", "osteoporosis"]
    assert ",osteopenia,osteopenia osteoporosis," in to_csv([whole])


def test_without_class_and_score_the_density_remains() -> None:
    young = Prediction(None, 0.9, None, None, {}, None, "fake")
    assert say(headline(young)) == "Density only"
    assert say(headline(replace(young, z_score=-2.1))) == "Z-score −2.1"
    assert say(headline(replace(young, bmd_g_cm2=None))) == "No category"
