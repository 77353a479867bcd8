from __future__ import annotations

import csv
import json
from dataclasses import replace
from io import StringIO

import numpy as np

from bmd.findings import warning
from bmd.report import to_csv, to_json
from bmd.text import say, sentences, text
from tests.report import reports

REQUIRED = (
    "file modality suitable reasons vertebrae prediction patient levels_certain warnings model models device seconds "
    "intended_use"
).split()


def test_json_has_every_field_of_the_schema() -> None:
    first, second = json.loads(to_json([reports.report(), reports.refused()]))
    for name in REQUIRED:
        assert name in first
        assert name in second
    vertebra = first["vertebrae"][0]
    assert vertebra["level"] == "L1"
    assert vertebra["box"] == [20, 10, 50, 30]
    assert vertebra["contour"] == [[20, 10], [50, 12], [50, 30], [20, 28]]
    assert vertebra["score"] == 0.9
    assert vertebra["t_score"] == -1.6
    assert vertebra["interval"] == [-2.6, -0.6]
    assert vertebra["category"] == "osteopenia"
    assert vertebra["probabilities"] == {"normal": 0.1, "osteopenia": 0.6, "osteoporosis": 0.3}
    assert vertebra["explanation"]["fidelity"] == {"inside_share": 0.8}
    assert first["prediction"]["t_score"] == -1.1
    assert first["patient"] == {"age_y": 70.0, "sex": "F", "height_cm": None, "weight_kg": 60.0}
    assert first["model"] == "cmnet + c5_gap_fc3"
    assert first["intended_use"] == text("intended_use")
    assert first["warnings"][0]["values"] == {"levels": ["L3", "L4"]}


def test_an_unnamed_vertebra_has_no_measurement() -> None:
    (whole,) = json.loads(to_json([reports.report()]))
    unnamed = whole["vertebrae"][2]
    assert unnamed["level"] is None
    assert unnamed["t_score"] is None
    assert unnamed["explanation"] is None


def test_a_refused_file_has_its_reasons_and_nothing_else() -> None:
    (whole,) = json.loads(to_json([reports.refused()]))
    assert whole["suitable"] is False
    first, second = whole["reasons"]
    assert (first["code"], first["severity"], first["values"]) == ("film.no_spine", "refusal", {})
    assert second["values"] == {"width_px": 90, "height_px": 70, "least_px": 128}
    assert second["text"] == say(reports.REASONS[1])
    assert whole["vertebrae"] == []
    assert whole["prediction"] is None


def test_what_is_not_a_number_becomes_null() -> None:
    bad = replace(reports.prediction(None, -1.0), t_score=float("nan"), bmd_g_cm2=float("inf"))
    (whole,) = json.loads(to_json([reports.report(prediction=bad)]))
    assert whole["prediction"]["t_score"] is None
    assert whole["prediction"]["bmd_g_cm2"] is None


def test_numpy_numbers_are_plain_in_json() -> None:
    odd = replace(reports.vertebra("L1", 10), box_px=tuple(np.float32([20, 10, 50, 30])), score=np.float32(0.25))
    (whole,) = json.loads(to_json([reports.report(vertebrae=(odd,))]))
    assert whole["vertebrae"][0]["score"] == 0.25


def rows(*some: object) -> list[dict[str, str]]:
    return list(csv.DictReader(StringIO(to_csv(some))))  # type: ignore[arg-type]


def test_csv_has_a_row_for_the_patient_and_one_per_vertebra() -> None:
    patient, first, second, unnamed, other = rows(reports.report(), reports.refused())
    assert (patient["level"], patient["t_score"]) == ("L1-L4", "-1.1")
    assert (first["level"], first["t_low"], first["x1"], first["p_osteopenia"]) == ("L1", "-2.6", "20.0", "0.6")
    assert second["category"] == "normal"
    assert unnamed["t_score"] == ""
    assert (other["suitable"], other["reasons"], other["level"]) == ("False", "; ".join(sentences(reports.REASONS)), "")
    assert patient["warnings"] == "; ".join(sentences(reports.WARNINGS))
    assert all(row["intended_use"] == text("intended_use") for row in (patient, first, other))


def test_csv_cells_cannot_be_formulas() -> None:
    (row,) = rows(reports.refused('=HYPERLINK("x")'))
    assert row["file"].startswith("'=")
    assert rows(reports.report())[0]["t_score"] == "-1.1", "numbers stay numbers"


def test_a_film_that_cannot_be_judged_has_levels_and_its_reason() -> None:
    unjudged = warning("film.density_unjudged", distance=1.4)
    whole = reports.report(prediction=None, measurements=(), explanations=(), warnings=(unjudged,))
    (read,) = json.loads(to_json([whole]))
    assert read["prediction"] is None
    assert [v["level"] for v in read["vertebrae"]] == ["L1", "L2", None]
    assert {v["t_score"] for v in read["vertebrae"]} == {None}
    assert read["warnings"][0]["code"] == "film.density_unjudged"
    assert read["warnings"][0]["values"] == {"distance": 1.4}
    rows = list(csv.DictReader(to_csv([whole]).splitlines()))
    assert [row["level"] for row in rows] == ["L1", "L2", ""]
    assert {row["t_score"] + row["category"] + row["bmd_g_cm2"] for row in rows} == {""}
    assert all("cannot be judged" in row["warnings"] for row in rows)
