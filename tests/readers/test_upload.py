"""Folders as archives export them: what is no CT is passed over and said, series are tried in a sensible order."""

from __future__ import annotations

import gzip
from typing import Any

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid

from bmd.findings import note, warning
from bmd.readers.volume import VolumeChoice, read_volumes
from bmd.types import Study, volume_of
from tests.readers import films, volumes
from tests.readers.films import codes, refused
from tests.readers.volumes import named, series, volume

SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"


def without_pixels(modality: str, **tags: Any) -> bytes:
    """A structure set, a presentation state, a report: a header alone."""
    header = films.dataset(films.film(), Modality=modality, **tags)
    del header.PixelData
    return films.saved(header)


def others() -> dict[str, tuple[bytes, str]]:
    """What lies beside the slices in an export, and what each is called."""
    mask = films.dataset((volume()[0] > 0).astype(np.uint8), bits=8, Modality="SEG")
    mask.NumberOfFrames = 1
    directory = films.dataset(films.film())
    for tag in ("PixelData", "Modality", "SOPClassUID", "SOPInstanceUID"):
        delattr(directory, tag)
    directory.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.1.3.10"
    colour = np.zeros((40, 30, 3), np.uint8)
    capture = {"Modality": "CT", "SOPClassUID": SECONDARY_CAPTURE}
    localiser = series(volume(1), ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"])[0]
    return {
        "segmentation": (films.saved(mask), "read.modality.SEG"),
        "structure set": (without_pixels("RTSTRUCT"), "read.modality.RTSTRUCT"),
        "presentation state": (without_pixels("PR"), "read.modality.PR"),
        "structured report": (without_pixels("SR"), "read.modality.SR"),
        "key images": (without_pixels("KO"), "read.modality.KO"),
        "plan": (without_pixels("RTPLAN"), "read.modality.RTPLAN"),
        "scout": (localiser, "read.ct.found.localiser"),
        "dose report in colour": (films.dicom(colour, bits=8, **capture), "read.ct.found.capture"),
        "screenshot": (films.dicom(**capture), "read.ct.found.capture"),
        "DICOMDIR": (films.saved(directory), "read.ct.found.directory"),
        "text": (b"read me", "read.kind.text"),
    }


@pytest.mark.parametrize("name", others())
def test_what_is_no_slice_is_passed_over_and_said(name: str) -> None:
    data, code = others()[name]
    study = read_volumes(named([data, *series(volume()), data]))[0].load()
    assert np.array_equal(volume_of(study).voxels, volume())
    found = note("read.ct.several", count=2, found=note(code))
    assert note("read.ct.passed_over", found=(found,)) in study.notes


def test_an_export_with_everything_is_read() -> None:
    study = read_volumes(named([*(data for data, _ in others().values()), *series(volume())]))[0].load()
    assert np.array_equal(volume_of(study).voxels, volume())
    (said,) = [found for found in study.notes if found.code == "read.ct.passed_over"]
    assert len(said.values["found"]) == 8  # type: ignore[arg-type]
    assert "read.ct.passed_over" not in codes(read_volumes(named(series(volume())))[0].load())


@pytest.mark.parametrize(
    ("tags", "code"),
    [
        ({"ImageType": ["DERIVED", "SECONDARY", "AXIAL", "CT_SOM5 MIP"]}, "read.ct.found.projection"),
        ({"ImageType": ["DERIVED", "SECONDARY", "MINIP"]}, "read.ct.found.projection"),
        ({"ImageType": ["DERIVED", "SECONDARY", "PROJECTION IMAGE"]}, "read.ct.found.projection"),
        ({"RescaleType": "MGML"}, "read.ct.found.not_hu"),
        ({"RescaleType": "Z_EFF"}, "read.ct.found.not_hu"),
    ],
)
def test_slices_that_hold_no_hu_are_named(tags: dict[str, Any], code: str) -> None:
    with refused("read.ct.needed") as caught:
        read_volumes(named(series(volume(), **tags)))
    assert caught.value.finding.values["found"] == (note("read.ct.several", count=12, found=note(code)),)


@pytest.mark.parametrize("tags", [{"RescaleType": "HU"}, {"RescaleType": "US"}, {"ImageType": ["DERIVED", "MPR"]}])
def test_slices_that_hold_hu_are_read(tags: dict[str, Any]) -> None:
    assert len(read_volumes(named(series(volume(), **tags)))) == 1


def test_several_patients_are_said() -> None:
    one, other = series(volume(), PatientID="A"), series(volume(), PatientID="B")
    study = read_volumes(named([*one, *other]))[0].load()
    assert warning("read.ct.several_patients", count=2) in study.notes
    again = series(volume(), PatientID="A")
    assert "read.ct.several_patients" not in codes(read_volumes(named([*one, *again]))[0].load())
    nameless = [series(volume(), PatientID="", PatientBirthDate=date) for date in ("19500101", "19600101")]
    assert "read.ct.several_patients" in codes(read_volumes(named([*nameless[0], *nameless[1]]))[0].load())
    assert "19500101" not in repr(study.notes)


def test_patients_without_series_numbers_are_not_mixed() -> None:
    """Careless anonymising empties the identifiers of series too."""
    one = series(volume(), SeriesInstanceUID="", PatientID="", PatientBirthDate="19500101")
    other = series(volume() + 100, SeriesInstanceUID="", PatientID="", PatientBirthDate="19600101")
    choices = read_volumes(named([*one, *other]))
    assert sorted(int(volume_of(c.load()).voxels[0, 0, 0]) for c in choices) == [-200, -100]


def test_both_sides_of_a_gap_are_offered() -> None:
    places = np.array([*range(0, 36, 3), *range(200, 230, 3)], float)
    choices = read_volumes(named(series(volume(22), places=places)))
    assert sorted(choice.n_slices for choice in choices) == [10, 12]
    assert all(note("read.ct.gap", gap_mm=167.0, count=22 - c.n_slices) in c.notes for c in choices[:1])


def test_runs_that_lie_between_each_other_are_not_mixed() -> None:
    """Two acquisitions of one series, the second started 1 mm lower."""
    uid = generate_uid()
    first = series(volume(), SeriesInstanceUID=uid, AcquisitionNumber=1)
    second = series(volume() + 100, SeriesInstanceUID=uid, AcquisitionNumber=2, places=1 + 3.0 * np.arange(12))
    choices = read_volumes(named([*first, *second]))
    assert sorted(int(volume_of(c.load()).voxels[0, 0, 0]) for c in choices) == [-200, -100]


def test_a_number_for_each_slice_does_not_divide_a_series() -> None:
    files = [data for k in range(12) for data in series(volume()[k : k + 1], SeriesInstanceUID="1.2", **at(k))]
    (choice,) = read_volumes(named(files))
    assert np.array_equal(volume_of(choice.load()).voxels, volume())


def at(k: int) -> dict[str, Any]:
    return {"AcquisitionNumber": k, "ImagePositionPatient": [-50.0, -40.0, 300.0 - 3 * k]}


def order(*wanted: dict[str, Any]) -> list[int]:
    """In which order series of these tags are tried; each has its own number of slices."""
    files: list[bytes] = []
    for k, tags in enumerate(wanted):
        files += series(volume(20 + k, 20, 200), 12.0, PixelSpacing=[2.0, 1.5], **tags)
    return [choice.n_slices - 20 for choice in read_volumes(named(files))]


def test_headers_rank_and_do_not_decide() -> None:
    assert order({"BodyPartExamined": "CHEST"}, {"BodyPartExamined": "ABDOMEN"}, {"BodyPartExamined": "HEAD"})[0] == 1
    assert order({"SeriesDescription": "Thorax 1.0"}, {"SeriesDescription": "Abdomen 3.0 Br40"}) == [1, 0]
    assert order({"ConvolutionKernel": "Bl57d"}, {"ConvolutionKernel": "Br40d"}) == [1, 0]
    assert order({"ImageType": ["DERIVED", "SECONDARY", "AXIAL"]}, {"ImageType": ["ORIGINAL", "PRIMARY"]}) == [1, 0]
    assert order({"ContrastBolusAgent": "X"}, {}) == [1, 0], "contrast raises HU"
    assert len(order({"BodyPartExamined": "HEAD"})) == 1, "a wrong header does not keep a series out"


def test_masks_beside_a_volume_come_last() -> None:
    rng = np.random.default_rng(0)
    pixels = (volume(20, 40, 40) + rng.normal(0, 20, (20, 40, 40))).astype(np.int16)
    masks = [gzip.compress(volumes.as_nifti((pixels > 400 + k).astype(np.int16) * 0)) for k in range(3)]
    choices = read_volumes(named([*masks, gzip.compress(volumes.as_nifti(pixels))]))
    assert np.array_equal(volume_of(choices[0].load()).voxels, pixels)


def test_series_of_one_place_know_each_other() -> None:
    uid = generate_uid()
    soft, sharp, lower = (
        read_volumes(named(series(volume(), FrameOfReferenceUID=uid, **tags)))[0]
        for tags in ({}, {"ConvolutionKernel": "B70f"}, {"places": 400 + 3.0 * np.arange(12)})
    )
    elsewhere = read_volumes(named(series(volume(), FrameOfReferenceUID=generate_uid())))[0]
    assert same(soft, sharp)
    assert not same(soft, lower)
    assert not same(soft, elsewhere)


def same(one: VolumeChoice, other: VolumeChoice) -> bool:
    assert one.place is not None
    return one.place.same(other.place)


SHARP = "B70f Bl57d I70f FC52 BONEPLUS LUNG D YA Ur77u EDGE".split()
SOFT = "Br40d I31f FC08 STANDARD SOFT B CHST Hr40 Qr40".split()


@pytest.mark.parametrize("kernel", [*SHARP, *SOFT, "BODY SHARP"])
def test_kernels_by_name(kernel: str) -> None:
    study = read_volumes(named(series(volume(), ConvolutionKernel=kernel)))[0].load()
    assert volume_of(study).acquisition.kernel == ("soft" if kernel in SOFT else "sharp")


def test_an_agent_that_was_not_given() -> None:
    def given(**tags: Any) -> bool | None:
        study: Study = read_volumes(named(series(volume(), **tags)))[0].load()
        return volume_of(study).acquisition.contrast

    assert given(ContrastBolusAgent="Imeron 350") is True
    assert given(ContrastBolusAgent="NONE") is None
    assert given(ContrastBolusAgentSequence=[Dataset()]) is True
    assert given() is None
