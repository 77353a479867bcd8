"""DICOM films: every wrapping gives the same picture, and only what a tag says is said."""

from __future__ import annotations

import logging
import warnings
from pathlib import Path

import numpy as np
import pytest

from bmd.errors import BmdError, InputError
from bmd.findings import note
from bmd.readers import dicom as reader
from bmd.readers import read_study
from bmd.types import Acquisition, Demographics, Study
from tests.readers import films
from tests.readers.films import codes, refused

LITTLE, IMPLICIT, BIG, DEFLATED = (f"1.2.840.10008.1.2{end}" for end in (".1", "", ".2", ".1.99"))
RLE = "1.2.840.10008.1.2.5"
LOSSY = {"1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.51", "1.2.840.10008.1.2.4.81", "1.2.840.10008.1.2.4.91"}
DROPPED = {"read.age_unreadable", "read.sex_unknown", *(f"read.implausible.{w}" for w in ("age", "height", "weight"))}
WHOLE = {"WindowCenter": 2048, "WindowWidth": 4096}


def shown(data: bytes) -> np.ndarray:
    return read_study("film.dcm", data).images[0].pixels


@pytest.fixture(scope="module")
def plain() -> np.ndarray:
    return shown(films.dicom(**WHOLE))


def test_pixels_are_the_film_as_displayed(plain: np.ndarray) -> None:
    assert plain.dtype == np.float32
    np.testing.assert_allclose(plain, films.film() / 4095, atol=2e-3)


@pytest.mark.parametrize("syntax", [LITTLE, IMPLICIT, BIG, DEFLATED])
def test_uncompressed_syntaxes_agree(syntax: str, plain: np.ndarray) -> None:
    np.testing.assert_array_equal(shown(films.dicom(syntax=syntax, **WHOLE)), plain)


@pytest.mark.parametrize("syntax", [*films.ENCODERS, RLE])
def test_compressed_syntaxes_agree(syntax: str, plain: np.ndarray) -> None:
    if syntax == "1.2.840.10008.1.2.4.50":
        eight = films.film(bits=8)
        got = shown(films.compressed(syntax, eight, bits=8, WindowCenter=128, WindowWidth=256))
    else:
        got = shown(films.compressed(syntax, **WHOLE))
    np.testing.assert_allclose(got, plain, atol=0.02 if syntax in LOSSY else 0)


def test_without_preamble_or_meta_header(plain: np.ndarray) -> None:
    data = films.dicom(**WHOLE)
    start = data.index(b"\x08\x00\x16\x00UI")
    np.testing.assert_array_equal(shown(data[start:]), plain)


def test_bone_is_bright_whatever_the_photometric_interpretation(plain: np.ndarray) -> None:
    negative = films.dicom(4095 - films.film(), PhotometricInterpretation="MONOCHROME1", **WHOLE)
    np.testing.assert_allclose(shown(negative), plain, atol=1e-3)
    study = read_study("", negative)
    assert "read.inverted" in codes(study)
    assert study.images[0].acquisition.inverted


@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
def test_depths_agree_without_a_window(bits: int) -> None:
    got = shown(films.dicom(films.film(bits=bits), bits=bits))
    want = films.film(bits=16) / 65535
    assert got.min() == 0
    assert got.max() == 1
    assert np.corrcoef(got.ravel(), want.ravel())[0, 1] > 0.999


def test_signed_values_and_rescale(plain: np.ndarray) -> None:
    signed = films.film().astype(np.int16) - 2048
    data = films.dicom(signed, RescaleSlope=2, RescaleIntercept=100, WindowCenter=100, WindowWidth=8192)
    np.testing.assert_allclose(shown(data), plain, atol=2e-3)


def test_signed_values_inside_a_lossless_jpeg(plain: np.ndarray) -> None:
    signed = films.film().astype(np.int32) - 2048
    coded = films.compressed(
        "1.2.840.10008.1.2.4.70", (signed & 4095).astype(np.uint16), WindowCenter=0, WindowWidth=4096
    )
    as_unsigned, as_signed = b"\x28\x00\x03\x01US\x02\x00\x00\x00", b"\x28\x00\x03\x01US\x02\x00\x01\x00"
    assert as_unsigned in coded
    np.testing.assert_allclose(shown(coded.replace(as_unsigned, as_signed)), plain, atol=2e-3)


@pytest.mark.parametrize("function", ["LINEAR", "LINEAR_EXACT", "SIGMOID"])
def test_window_functions_rise_with_the_value(function: str) -> None:
    got = shown(films.dicom(WindowCenter=2000, WindowWidth=2500, VOILUTFunction=function)).ravel()
    order = np.argsort(films.film().ravel(), kind="stable")
    assert (np.diff(got[order]) >= -1e-6).all()
    middle = np.abs(films.film().ravel().astype(int) - 2000) < 20
    assert abs(got[middle].mean() - 0.5) < 0.02


@pytest.mark.parametrize(("centre", "width"), [(2048, 0), (2048, -5), (90000, 10), ("", ""), (float("nan"), 4)])
def test_a_useless_window_is_replaced(centre: float, width: float) -> None:
    data = films.dicom(films.film(), WindowCenter=[""] if centre == "" else "90000", WindowWidth="10")
    if isinstance(centre, int | float):
        data = films.dicom(films.film(), WindowCenter=str(centre), WindowWidth=str(width))
    got = shown(data)
    assert got.std() > 0.1


def test_look_up_table_of_the_file_is_used(plain: np.ndarray) -> None:
    from pydicom.dataset import Dataset

    table = Dataset()
    table.LUTDescriptor, table.LUTData = [4096, 0, 16], list((np.linspace(0, 1, 4096) ** 2 * 65535).astype(int))
    table["LUTDescriptor"].VR = table["LUTData"].VR = "US"
    study = read_study("", films.dicom(VOILUTSequence=[table]))
    np.testing.assert_allclose(study.images[0].pixels, (films.film() / 4095) ** 2, atol=2e-3)
    assert "read.table_used" in codes(study)


@pytest.mark.parametrize(
    ("tags", "want"),
    [
        ({}, Acquisition(transfer_syntax=LITTLE, bits=12)),
        ({"PresentationIntentType": "FOR PROCESSING"}, Acquisition(LITTLE, 12, processed=False)),
        ({"PresentationIntentType": "FOR PRESENTATION"}, Acquisition(LITTLE, 12, processed=True)),
        ({"LossyImageCompression": "01"}, Acquisition(LITTLE, 12, lossy=True)),
        ({"LossyImageCompression": "00"}, Acquisition(LITTLE, 12, lossy=False)),
        ({"ImagerPixelSpacing": [0.1, 0.1]}, Acquisition(LITTLE, 12, spacing_of="detector")),
        ({"NominalScannedPixelSpacing": [0.1, 0.1]}, Acquisition(LITTLE, 12, spacing_of="scanner")),
    ],
)
def test_acquisition_says_what_the_file_says(tags: dict[str, object], want: Acquisition) -> None:
    assert read_study("", films.dicom(**tags)).images[0].acquisition == want


def test_a_lossy_syntax_is_said() -> None:
    data = films.compressed("1.2.840.10008.1.2.4.50", films.film(bits=8), bits=8)
    assert read_study("", data).images[0].acquisition.lossy


def test_padding_is_black_and_does_not_move_the_range() -> None:
    padded = films.film() // 2 + 1000
    padded[:, :20] = 4095
    got = shown(films.dicom(padded, PixelPaddingValue=4095))
    assert (got[:, :20] == 0).all()
    assert got[:, 20:].max() == 1


def test_colour_is_read_as_grey_and_said() -> None:
    colours = np.repeat(films.film(bits=8)[..., None], 3, 2)
    study = read_study("", films.dicom(colours, bits=8))
    np.testing.assert_allclose(study.images[0].pixels, films.film(bits=8) / 255, atol=1e-3)
    assert "read.colour" in codes(study)
    assert "read.photograph" not in codes(study)


def test_patient_view_and_spacing_come_from_the_tags() -> None:
    tags = {"PatientAge": "067Y", "PatientSex": "F", "PatientSize": "1.62", "PatientWeight": "61.5"}
    study = read_study("", films.dicom(ViewPosition="LL", PixelSpacing=[0.2, 0.3], ImagerPixelSpacing=[1, 1], **tags))
    assert study.patient == Demographics(67.0, "F", 162.0, 61.5)
    assert study.images[0].view == "lateral"
    assert study.images[0].spacing_mm == (0.2, 0.3)
    assert study.origin == "DICOM DX"
    assert study.images[0].acquisition.spacing_of == "patient"


@pytest.mark.parametrize(
    ("tags", "want", "said"),
    [
        ({}, Demographics(), []),
        ({"PatientAge": "018M"}, Demographics(age_y=1), []),
        ({"PatientAge": "OLD"}, Demographics(), ["read.age_unreadable"]),
        ({"PatientAge": "999Y"}, Demographics(), ["read.implausible.age"]),
        ({"PatientSex": "O"}, Demographics(), ["read.sex_unknown"]),
        ({"PatientSize": "172"}, Demographics(), ["read.implausible.height"]),
        ({"PatientSize": "0"}, Demographics(), ["read.implausible.height"]),
        ({"PatientWeight": "0"}, Demographics(), ["read.implausible.weight"]),
        ({"PatientWeight": "9999"}, Demographics(), ["read.implausible.weight"]),
        ({"PatientBirthDate": "19500610", "StudyDate": "20200609"}, Demographics(age_y=69), ["read.age_computed"]),
        ({"PatientBirthDate": "19500610", "StudyDate": "20200610"}, Demographics(age_y=70), ["read.age_computed"]),
        ({"PatientBirthDate": "19500610"}, Demographics(), []),
    ],
)
def test_implausible_values_are_dropped_and_nothing_is_filled_in(
    tags: dict[str, str], want: Demographics, said: list[str]
) -> None:
    study = read_study("", films.dicom(**tags))
    assert study.patient == want
    assert [code for code in codes(study) if code in DROPPED or code == "read.age_computed"] == said


@pytest.mark.parametrize(
    ("tags", "view"),
    [
        ({"ViewPosition": "AP"}, "ap"),
        ({"PatientOrientation": ["A", "F"]}, "lateral"),
        ({"PatientOrientation": ["L", "F"]}, "ap"),
        ({"ViewPosition": "RLD"}, None),
        ({}, None),
    ],
)
def test_view(tags: dict[str, object], view: str | None) -> None:
    assert read_study("", films.dicom(**tags)).images[0].view == view


@pytest.mark.parametrize("spacing", [[0, 0], [-1, 1], [80, 80]])
def test_implausible_spacing_is_dropped(spacing: list[float]) -> None:
    study = read_study("", films.dicom(PixelSpacing=spacing))
    assert study.images[0].spacing_mm is None
    assert "read.spacing_implausible" in codes(study)


@pytest.mark.parametrize("modality", ["CT", "MR", "US", "SR"])
def test_other_modalities_are_refused_by_name(modality: str) -> None:
    with refused("read.ct_as_film" if modality == "CT" else "read.other_as_film") as caught:
        read_study("", films.dicom(Modality=modality))
    assert caught.value.finding.values["found"] == note(f"read.modality.{modality}")


def test_no_identifier_survives(caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]) -> None:
    secrets = {"PatientName": "Geheim^Gerda", "PatientID": "ID-4711", "PatientBirthDate": "1950-06-1x"}
    secrets |= {"InstitutionName": "Klinik Geheim", "AccessionNumber": "ACC-4711", "PatientAge": "Geheim"}
    with warnings.catch_warnings(record=True) as caught, caplog.at_level(logging.DEBUG):
        warnings.simplefilter("always")
        good = films.dicom(**secrets, BodyPartExamined="Geheim Gerda", ViewPosition="Geheim")
        caught.clear()
        caplog.clear()
        study = read_study("Geheim_Gerda_4711.dcm", good)
        with pytest.raises(InputError) as refusal:
            read_study("Geheim_Gerda_4711.dcm", good[:-400])
    said = repr(study) + str(refusal.value) + repr(refusal.value) + caplog.text + "".join(capsys.readouterr())
    said += "".join(str(item.message) for item in caught)
    for secret in ("Geheim", "Gerda", "4711", "1950", "Klinik"):
        assert secret not in said


def test_uid_is_of_the_content_only() -> None:
    data = films.dicom()
    assert read_study("a.dcm", data).uid == read_study("b.png", data).uid
    assert read_study("", films.dicom(films.film() + 1)).uid != read_study("", data).uid


def test_every_file_of_the_collection_is_read_or_refused(real_data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With every modality let through, so that all decoders are exercised."""
    monkeypatch.setattr(reader, "OTHER_MODALITIES", {})
    messages: list[str] = []
    read, files = 0, sorted(path for path in (real_data / "dicom_misc").rglob("*") if path.is_file())
    for path in files:
        try:
            study = read_study(path.name, path.read_bytes())
        except BmdError as error:
            messages.append(str(error))
            continue
        assert_film(study)
        read += 1
    assert all(20 < len(message) < 250 for message in messages)
    assert read >= 105, f"only {read} of {len(files)} files could be read"


def assert_film(study: Study) -> None:
    pixels = study.images[0].pixels
    assert pixels.dtype == np.float32
    assert pixels.ndim == 2
    assert 0 <= pixels.min() <= pixels.max() <= 1
