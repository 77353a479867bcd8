"""What a DICOM header says of a picture, densitometer's or radiograph, is believed before what it looks like."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from bmd import modality
from bmd.inference import view
from bmd.inference.dxa.route import is_dxa
from bmd.inference.run import Networks
from bmd.readers import read_study
from bmd.readers.dxa import header_says, said_by_header
from tests.readers import films

CR = "1.2.840.10008.5.1.4.1.1.1"
CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
DXA: dict[str, dict[str, Any]] = {
    "modality": {"Modality": "BMD"},
    "other word": {"Modality": "DXA"},
    "Hologic capture": {"Modality": "OT", "Manufacturer": "HOLOGIC", "ManufacturerModelName": "Horizon A"},
    "Hologic as radiograph": {"Modality": "CR", "Manufacturer": "Hologic", "ManufacturerModelName": "Discovery Wi"},
    "GE": {"Modality": "OT", "Manufacturer": "GE Healthcare", "ManufacturerModelName": "Lunar iDXA"},
    "GE as radiograph of a spine": {
        "Modality": "CR", "Manufacturer": "GE MEDICAL SYSTEMS LUNAR", "BodyPartExamined": "LSPINE", "SOPClassUID": CR,
    },
    "described": {"Modality": "OT", "SeriesDescription": "DXA AP Spine"},
    "described in German": {"Modality": "SC", "StudyDescription": "Knochendichte LWS"},
}  # fmt: skip
FILM: dict[str, dict[str, Any]] = {
    "digital": {"Modality": "DX", "BodyPartExamined": "LSPINE"},
    "computed": {"Modality": "CR", "SOPClassUID": CR, "ViewPosition": "AP"},
    "of a chest": {
        "Modality": "CR",
        "SOPClassUID": CR,
        "BodyPartExamined": "CHEST",
        "Manufacturer": "Hologic Fluoroscan",
    },
}
UNSURE: dict[str, dict[str, Any]] = {
    "no part named": {"Modality": "DX"},
    "screenshot": {"Modality": "OT", "SOPClassUID": CAPTURE, "BodyPartExamined": "LSPINE"},
    "contradiction": {"Modality": "DX", "BodyPartExamined": "LSPINE", "SeriesDescription": "Bone density"},
    "no modality": {"Modality": ""},
}


def read(tags: dict[str, Any]) -> Any:
    return read_study("scan.dcm", films.dicom(films.film(rows=240, columns=180), **tags))


@pytest.mark.parametrize("name", DXA)
def test_a_densitometer_is_believed(name: str) -> None:
    study = read(DXA[name])
    assert header_says(study) == "dxa"
    assert study.images[0].modality == "dxa"
    assert "Lunar" not in repr(study.notes), "words of the header go no further"


@pytest.mark.parametrize("name", FILM)
def test_a_radiograph_is_believed(name: str) -> None:
    study = read(FILM[name])
    assert header_says(study) == "film"
    assert study.images[0].modality == "radiograph"


@pytest.mark.parametrize("name", UNSURE)
def test_a_header_that_does_not_tell_is_not_asked(name: str) -> None:
    study = read(UNSURE[name])
    assert header_says(study) is None
    assert study.images[0].modality == "radiograph"


class Looks:
    """A view network that is sure of one kind, whatever it is shown."""

    device = "none"

    def __init__(self, kind: str) -> None:
        self.kind = kind

    def run(self, network: str, *inputs: NDArray[Any]) -> dict[str, NDArray[np.float32]]:
        raise AssertionError("the picture was looked at")


def test_the_routing_asks_the_picture_only_where_the_header_is_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    """However much a picture looks like the other kind."""
    networks = Networks(Looks("any"))  # type: ignore[arg-type]
    for tags in DXA.values():
        assert is_dxa(read(tags), networks)
    for tags in FILM.values():
        assert not is_dxa(read(tags), networks)
    asked: list[int] = []

    class Scan:
        scanned = True

    monkeypatch.setattr(view, "look", lambda *_: asked.append(1) or Scan())
    assert all(is_dxa(read(tags), networks) for tags in UNSURE.values())
    assert len(asked) == len(UNSURE)


@pytest.mark.parametrize(("tags", "kind"), [(DXA["GE"], "dxa"), (FILM["digital"], "radiograph")])
def test_the_command_goes_by_the_header(
    tags: dict[str, Any], kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from bmd import cli_predict

    path = tmp_path / "scan.dcm"
    path.write_bytes(films.dicom(films.film(rows=240, columns=180), **tags))
    monkeypatch.setattr(view, "look", lambda *_: 1 / 0)
    (job,) = cli_predict.jobs([str(path)], "auto")
    assert modality.of(job.read().study).holds == kind


def test_damaged_texts_say_nothing() -> None:
    assert said_by_header({"Modality": None, "Manufacturer": 7, "SeriesDescription": ["a", "b"]}) is None
