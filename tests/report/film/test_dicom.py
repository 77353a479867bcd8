from __future__ import annotations

from dataclasses import replace
from io import BytesIO

import numpy as np
import pydicom
import pytest

from bmd.readers import read_study
from bmd.report.film.dicom import film_dicom
from bmd.types import Demographics, Image
from tests.report import reports


@pytest.mark.parametrize("deflate", [True, False])
@pytest.mark.parametrize("view", ["lateral", "ap", None])
def test_film_survives_the_round_trip(deflate: bool, view: str | None) -> None:
    study = reports.study()
    study = replace(study, images=(Image(study.images[0].pixels, "radiograph", view, (0.5, 0.5)),))  # type: ignore[arg-type]
    back = read_study("film.dcm", film_dicom(study, deflate=deflate))
    np.testing.assert_allclose(back.images[0].pixels, study.images[0].pixels, atol=1e-3)
    assert back.images[0].view == view
    assert back.images[0].spacing_mm == (0.5, 0.5)
    assert back.patient == study.patient


def test_unknown_demographics_stay_unknown() -> None:
    back = read_study("film.dcm", film_dicom(replace(reports.study(), patient=Demographics())))
    assert back.patient == Demographics()


def test_same_study_same_bytes_and_valid_header() -> None:
    data = film_dicom(reports.study())
    assert data == film_dicom(reports.study())
    header = pydicom.dcmread(BytesIO(data))
    assert header.Modality == "DX"
    assert header.SOPInstanceUID == header.file_meta.MediaStorageSOPInstanceUID
    assert "Not for diagnosis" in header.ImageComments
