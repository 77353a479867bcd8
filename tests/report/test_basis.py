"""What an answer rests on: what was known goes into the sentence, what was not known does not."""

from __future__ import annotations

from dataclasses import replace

from bmd.report.basis import basis
from bmd.text import say, sentences
from bmd.types import Demographics
from tests.report import reports


def test_only_known_fields_are_said() -> None:
    whole = reports.report()
    alone = replace(whole, patient=Demographics())
    assert say(basis(alone)[0]) == "Rests on the film alone."
    told = replace(whole, patient=Demographics(age_y=70, height_cm=160))
    assert say(basis(told)[0]) == "Rests on the film with age and height."


def test_every_film_answer_says_that_no_patient_was_seen_in_training() -> None:
    assert any("simulated pictures only" in line for line in sentences(basis(reports.report())))


def test_a_reference_is_named_only_where_there_is_a_t_score() -> None:
    whole = reports.report()
    assert whole.prediction is not None
    codes = [part.code for part in basis(whole)]
    young = replace(whole, prediction=replace(whole.prediction, t_score=None, category=None, z_score=-0.3))
    assert "basis.reference" in codes
    assert "basis.reference" not in [part.code for part in basis(young)]


def test_without_an_answer_nothing_is_said() -> None:
    assert basis(replace(reports.report(), prediction=None)) == ()
