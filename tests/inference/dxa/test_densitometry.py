"""Density measured in a calibrated file, ISCD's proposal, and files that hold no density."""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO

import numpy as np
import pytest
from PIL import Image as Pillow

from bmd.errors import OptionError
from bmd.findings import warning
from bmd.inference.dxa import without
from bmd.inference.dxa.densitometry import (
    density_map,
    left_out,
    level_densities,
    measured,
    measured_patient,
    pooled,
    proposed_exclusions,
    why_not_calibrated,
)
from bmd.readers import read_study
from bmd.reference import HOLOGIC
from bmd.report.film.dicom import dxa_dicom
from bmd.types import Demographics, Image, LevelDensity, Prediction, Report, Study, Suitability, Vertebra


def _scan() -> Study:
    density = np.full((100, 60), 0.02, np.float32)
    for k, value in enumerate((0.8, 0.9, 1.0, 1.1)):
        density[10 + 20 * k : 30 + 20 * k, 20:40] = value
    shown = np.clip(density / 1.3, 0, 1)
    images = (Image(shown, "dxa", "ap", (1.0, 1.0)), Image(density, "dxa", "ap", (1.0, 1.0), "g/cm2"))
    return Study("00ff", images, Demographics(63.0, "F", 160.0, 60.0), "simulated")


def _regions() -> tuple[Vertebra, ...]:
    found = []
    for k in range(4):
        top, bottom = 10 + 20 * k, 29 + 20 * k
        outline = np.array([[20, top], [39, top], [39, bottom], [20, bottom]], float)
        found.append(Vertebra(f"L{k + 1}", (20, top, 39, bottom), outline, 1.0))
    return tuple(found)


def _levels(*t: float) -> list[LevelDensity]:
    rows = []
    for k, value in enumerate(t):
        level = f"L{k + 1}"
        density = HOLOGIC.mean[level] + value * HOLOGIC.sd[level]
        rows.append(LevelDensity(level, 14 * density, 14.0, density, value))
    return rows


def test_content_area_and_density_of_a_calibrated_scan() -> None:
    levels = level_densities(_scan(), _regions())
    assert [item.bmd_g_cm2 for item in levels] == pytest.approx([0.8, 0.9, 1.0, 1.1])
    assert [item.area_cm2 for item in levels] == pytest.approx([4.0] * 4)
    assert levels[0].bmc_g == pytest.approx(3.2)
    total = pooled(levels)
    assert total is not None
    assert total.bmd_g_cm2 == pytest.approx(0.95)
    assert total.t_score == pytest.approx((0.95 - 1.047) / 0.110)


def test_a_densitometers_file_keeps_its_densities() -> None:
    study = read_study("scan.dcm", dxa_dicom(_scan()))
    assert study.images[0].modality == "dxa"
    assert study.patient == _scan().patient
    image = density_map(study)
    assert image is not None
    assert image.spacing_mm == (1.0, 1.0)
    assert np.abs(image.pixels - _scan().images[1].pixels).max() < 1e-4
    assert why_not_calibrated(study) is None
    total = pooled(level_densities(study, _regions()))
    assert total is not None
    assert total.bmd_g_cm2 == pytest.approx(0.95, abs=1e-3)


def test_a_picture_is_read_as_dxa_on_request_and_has_no_density() -> None:
    data = BytesIO()
    Pillow.fromarray((np.random.default_rng(0).random((120, 90)) * 255).astype(np.uint8)).save(data, "PNG")
    assert read_study("a.png", data.getvalue()).images[0].modality == "radiograph"
    study = read_study("a.png", data.getvalue(), "dxa")
    assert (study.images[0].modality, study.images[0].view) == ("dxa", "ap")
    assert density_map(study) is None
    assert why_not_calibrated(study) == warning("dxa.no_unit")
    assert level_densities(study, _regions()) == ()


def test_densities_without_pixel_size_are_not_measured() -> None:
    study = _scan()
    study = replace(study, images=tuple(replace(image, spacing_mm=None) for image in study.images))
    assert why_not_calibrated(study) == warning("dxa.pixel_size_unknown")
    assert level_densities(study, _regions()) == ()


@pytest.mark.parametrize(
    ("t", "proposed"),
    [
        ((-1.0, -1.2, -1.1, -0.9), ()),
        ((-1.0, 0.5, -1.1, -0.9), ("L2",)),
        ((-2.0, -1.8, -1.9, -0.5), ("L4",)),
        ((-2.0, -1.0, 0.0, 1.0), ()),  # each within 1.0 of a neighbour: arthrosis rising downwards
        ((0.5, -1.0, -1.1, -1.0), ("L1",)),
    ],
)
def test_iscd_proposal(t: tuple[float, ...], proposed: tuple[str, ...]) -> None:
    assert proposed_exclusions(_levels(*t)) == proposed


def test_two_vertebrae_always_remain() -> None:
    assert len(proposed_exclusions(_levels(-3.0, 0.0, -3.0, 0.0))) == 2  # all four stand out
    levels = _levels(-1.0, -1.0, 2.0, -1.0)
    assert pooled(levels, {"L1", "L2", "L3"}) is None
    assert proposed_exclusions(levels[:2]) == ()


def test_a_result_without_one_vertebra() -> None:
    levels = _levels(-1.0, -1.0, 2.0, -1.0)
    whole, rest = pooled(levels), pooled(levels, {"L3"})
    assert whole is not None
    assert rest is not None
    assert (whole.level, rest.level) == ("L1-L4", "L1, L2, L4")
    assert rest.t_score < whole.t_score
    assert pooled(levels, {"L1"}).level == "L2-L4"  # type: ignore[union-attr]


# --- leaving vertebrae out ----------------------------------------------------------------------------------------
OLD = Demographics(70.0, "F")
ESTIMATE = Prediction(None, 0.9, -1.3, (-2.5, -0.1), {}, "osteopenia", "dxa_cnn")


def _report(*t: float, patient: Demographics = OLD) -> Report:
    levels = tuple(_levels(*t))
    whole = pooled(levels)
    answers = (*(() if whole is None else (measured_patient(whole, patient),)), ESTIMATE)
    return Report(
        "scan",
        "dxa",
        Suitability(True),
        measurements=tuple(measured(level) for level in levels),
        densities=levels,
        levels_certain=True,
        prediction=answers[0],
        answers=answers,
        patient=patient,
        warnings=(
            *(warning("dxa.differs", level=v, by_t=1.0) for v in proposed_exclusions(levels)),
            warning("dxa.metal"),
        ),
    )


def test_leaving_one_out_changes_the_result_and_says_so() -> None:
    report = _report(-1.0, -1.0, 2.0, -1.0)
    changed = without(report, ["L3"])
    rest = pooled(report.densities, {"L3"})
    assert rest is not None
    assert changed.prediction is not None
    assert report.prediction is not None
    assert changed.prediction.bmd_g_cm2 == round(rest.bmd_g_cm2, 3)
    assert (changed.prediction.t_score, changed.prediction.category) == (-1.1, "osteopenia")
    assert report.prediction.t_score == -0.3
    assert report.warnings[0] == warning("dxa.differs", level="L3", by_t=1.0)
    assert (left_out(report), left_out(changed)) == (((), ""), (("L3",), "L1, L2, L4"))
    assert changed.answers == (changed.prediction, ESTIMATE)
    assert changed.warnings == (warning("dxa.left_out", levels=("L3",), rest="L1, L2, L4"), warning("dxa.metal"))
    assert (changed.measurements, changed.densities) == (report.measurements, report.densities)


def test_the_order_of_the_levels_does_not_matter_and_none_changes_nothing() -> None:
    report = _report(-1.0, -1.0, 2.0, -1.0)
    one, other = without(report, ["L4", "L1"]), without(report, ("L1", "L4"))
    assert (one.prediction, one.warnings) == (other.prediction, other.warnings)
    assert without(report, ()) is report


@pytest.mark.parametrize(
    ("report", "levels", "why"),
    [
        (_report(-1.0, -1.0, 2.0, -1.0), ("L1", "L2", "L3"), warning("dxa.left_out_too_few", least=2)),
        (_report(-1.0, -1.0, 2.0), ("L4",), warning("dxa.left_out_unmeasured", levels=("L4",))),
        (_report(), ("L3",), warning("dxa.left_out_unmeasured", levels=("L3",))),
    ],
)
def test_where_it_cannot_be_nothing_is_left_out_and_it_is_said(report: Report, levels: tuple[str, ...], why) -> None:
    changed = without(report, levels)
    assert (changed.prediction, changed.answers) == (report.prediction, report.answers)
    assert changed.warnings == (why, *report.warnings)


def test_only_lumbar_levels_can_be_left_out() -> None:
    with pytest.raises(OptionError) as caught:
        without(_report(-1.0, -1.0, 2.0, -1.0), ["L3", "T12"])
    assert caught.value.finding.code == "dxa.unknown_level"
    assert caught.value.finding.values["levels"] == ("T12",)


def test_under_fifty_there_is_neither_t_score_nor_class_of_the_rest() -> None:
    young = _report(-1.0, -1.0, 2.0, -1.0, patient=Demographics(35.0, "F"))
    assert young.prediction is not None
    assert young.prediction.z_score is not None
    rest = without(young, ["L3"]).prediction
    assert rest is not None
    assert (rest.t_score, rest.category, rest.z_score) == (None, None, None)
    assert rest.bmd_g_cm2 is not None
