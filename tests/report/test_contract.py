"""Every way in and every export: under 50 no WHO class and no T-score; what the answer rests on, wherever it stands."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace

import pytest

from bmd import modality
from bmd.cli_predict import line
from bmd.inference.demographics.assess import assess_patient
from bmd.reference import CATEGORIES
from bmd.report.basis import basis
from bmd.report.csv_json import as_object, to_csv, to_json
from bmd.text import sentences
from bmd.types import Demographics, Report, Study

AGES = {"young": 30.0, "old": 70.0}
KINDS = ("film", "dxa", "ct", "form")


def study(kind: str, patient: Demographics) -> Study:
    """A built-in case of the kind, with another patient; the CT is the small one."""
    from bmd.app.ct.samples import SAMPLES as CTS
    from bmd.app.dxa.samples import SAMPLES as SCANS
    from bmd.app.film.samples import SAMPLES as FILMS

    samples = {"film": FILMS.named("normal"), "dxa": SCANS.named("dxa_normal"), "ct": CTS.named("ct_cut")}
    row, sample = modality.by_kind(kind), samples[kind]
    assert sample is not None
    source = [(sample.path.name, sample.path.read_bytes())]
    return replace(modality.open_files(row, source).study, patient=patient)


@pytest.fixture(scope="module")
def reports() -> dict[tuple[str, str, str], tuple[Study | None, Report]]:
    """A report of every kind at every age, of a woman and of someone whose sex is not known."""
    found = {}
    for kind in KINDS:
        for age, years in AGES.items():
            for sex in ("F", None):
                patient = Demographics(years, sex, 165.0, 65.0)  # type: ignore[arg-type]
                if kind == "form":
                    found[kind, age, str(sex)] = (None, assess_patient(patient))
                elif age == "young" or sex:
                    given = study(kind, patient)
                    found[kind, age, str(sex)] = (given, modality.analyse(given, "case"))
    return found


@pytest.mark.parametrize("sex", ["F", "None"])
@pytest.mark.parametrize("kind", KINDS)
def test_under_50_no_class_and_no_t_score_anywhere(reports, kind: str, sex: str) -> None:
    _, report = reports[kind, "young", sex]
    assert report.suitability.suitable
    rows = list(csv.DictReader(io.StringIO(to_csv([report]))))
    assert rows
    assert all(not row["t_score"] and row["category"] not in CATEGORIES and not row["reaches"] for row in rows)
    assert all(not row[f"p_{name}"] for row in rows for name in CATEGORIES)
    assert not any(row["hu_band"] for row in rows)
    said = line(report)
    assert "T-score" not in said
    assert not any(name in said for name in CATEGORIES)
    whole = as_object(report)
    answers = [whole["prediction"] or {}, *whole.get("answers", ()), *whole["vertebrae"], *whole.get("femur", ())]
    assert all(one.get("t_score") is None and one.get("category") not in CATEGORIES for one in answers)
    if sex == "F":
        assert "Z-score" in said or "Z " in said or any("z_score" in one for one in answers)


@pytest.mark.parametrize("age", list(AGES))
@pytest.mark.parametrize("kind", KINDS)
def test_what_an_answer_rests_on_stands_in_every_export(reports, kind: str, age: str) -> None:
    given, report = reports[kind, age, "F"]
    said = sentences(basis(report))
    assert said, "the card says it"
    assert said[0].startswith("Rests on")
    assert [part["text"] for part in json.loads(to_json([report]))[0]["basis"]] == list(said)
    rows = list(csv.DictReader(io.StringIO(to_csv([report]))))
    assert all(row["basis"] == " ".join(said) for row in rows)
    scored = report.prediction is not None and report.prediction.t_score is not None
    assert any("T-scores compare with" in one for one in said) == scored
    learned = ("simulated", "NHANES")
    networks = kind != "ct" or bool(report.answers)  # under 50 the HU stand alone
    assert any(word in " ".join(said) for word in learned) == networks, "what its networks learned from"
    if given is not None:
        drawn = _words_below(given, report)
        assert " ".join(said) in drawn


def _words_below(given: Study, report: Report) -> list[str]:
    """The lines that the picture to keep carries below the film, scan or plane."""
    from bmd.report.film.png import _lines

    assert modality.picture(given, report) is not None
    return [words for words, _ in _lines(report)]
