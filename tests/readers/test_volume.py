"""CT volumes: every way they come in gives the same upright volume, every fault one plain sentence."""

from __future__ import annotations

import gzip
import random
from pathlib import Path

import numpy as np
import pytest

from bmd.errors import InputError, LimitError
from bmd.findings import Finding, note, refusal
from bmd.readers import limits, read_study
from bmd.readers.volume import VolumeChoice, read_folder, read_volumes
from bmd.types import Acquisition, Study, Volume, volume_of
from tests.readers import films
from tests.readers.films import codes, refused
from tests.readers.volumes import archive, as_nifti, named, nifti, series, volume


def load(files: list[tuple[str, bytes]]) -> Study:
    return read_volumes(files)[0].load()


def loaded(files: list[bytes]) -> Volume:
    return volume_of(load(named(files)))


def parts(choice: VolumeChoice) -> tuple[object, ...]:
    found = choice.title.values["parts"]
    assert isinstance(found, tuple)
    return found


def twelve(found: Finding) -> Finding:
    return note("read.ct.several", count=12, found=found)


def test_slices_in_any_order_make_one_upright_volume() -> None:
    pixels = volume()
    files = series(pixels)
    random.Random(3).shuffle(files)
    found = loaded(files)
    assert np.array_equal(found.voxels, pixels)
    assert found.voxels.dtype == np.int16
    assert found.spacing_mm == pytest.approx((3.0, 2.0, 1.5))


def test_archive_folder_and_compressed_slices_give_the_same(tmp_path: Path) -> None:
    pixels = volume()
    files = series(pixels)
    assert np.array_equal(loaded([archive(files)]).voxels, pixels)
    (tmp_path / "a").mkdir()
    for k, data in enumerate(files):
        (tmp_path / "a" / f"{99 - k}").write_bytes(data)
    (tmp_path / "notes.txt").write_text("hello")
    assert np.array_equal(volume_of(read_folder(tmp_path)[0].load()).voxels, pixels)
    for syntax in ("1.2.840.10008.1.2.4.70", "1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.90"):
        assert np.array_equal(loaded(series(pixels, syntax=syntax)).voxels, pixels), syntax


def test_slope_padding_and_patient() -> None:
    patient = {"PatientAge": "061Y", "PatientSex": "M", "PatientWeight": "80"}
    technique = {"KVP": "100", "ContrastBolusAgent": "Geheim", "ConvolutionKernel": "B70f", "SliceThickness": "2"}
    files = series(volume() * 2, RescaleSlope=0.5, **patient, **technique)
    study = load(named(files))
    assert volume_of(study).voxels[0, 0, 1] == round((-200 * 2 + 2 + 1024) * 0.5 - 1024)
    assert (study.patient.age_y, study.patient.sex, study.patient.height_cm) == (61, "M", None)
    assert note("read.ct.tube_voltage", kvp=100.0) in study.notes
    assert volume_of(study).acquisition == Acquisition(
        "1.2.840.10008.1.2.1", 16, kvp=100.0, contrast=True, kernel="sharp", slice_thickness_mm=2.0
    )
    assert note("read.ct.contrast_given") in study.notes
    told = repr(study.notes) + study.origin + study.uid
    assert "Geheim" not in told
    assert "4711" not in told


def test_numbers_that_are_not_said_to_be_hu_are_noted() -> None:
    pixels = volume() + 1000
    plain, bare = series(pixels), series(pixels, RescaleIntercept=0, RescaleSlope=None)
    assert note("read.ct.not_rescaled") not in load(named(plain)).notes
    study = load(named(bare))
    assert note("read.ct.not_rescaled") in study.notes
    assert np.array_equal(volume_of(study).voxels, pixels)


def test_localisers_and_copies_are_left_out_and_series_are_offered_best_first() -> None:
    pixels = volume(20)
    scout = series(volume(1), ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"])
    thick = series(volume(8, 16), 3.0, ConvolutionKernel="B70f")
    good = series(pixels)
    choices = read_volumes(named([*scout, *thick, *good, good[4]]))
    assert [choice.n_slices for choice in choices] == [20, 8]
    assert note("read.ct.sharp_kernel") in parts(choices[1])
    assert note("read.ct.sharp_kernel") not in parts(choices[0])
    assert choices[0].notes == (note("read.ct.given_twice", count=1),)
    assert np.array_equal(volume_of(choices[0].load()).voxels, pixels)


def test_two_phases_in_one_series_are_two_choices() -> None:
    first = series(volume(), SeriesInstanceUID="1.2.3", AcquisitionNumber=1)
    second = series(volume() + 100, SeriesInstanceUID="1.2.3", AcquisitionNumber=2)
    choices = read_volumes(named([*first, *second]))
    assert sorted(int(volume_of(c.load()).voxels[0, 0, 0]) for c in choices) == [-200, -100]


def test_a_missing_slice_is_filled_in_and_said() -> None:
    files = series(volume())
    study = load(named(files[:5] + files[6:]))
    assert np.array_equal(volume_of(study).voxels, volume()), "the volume rises evenly, so the mean is the slice"
    assert note("read.ct.filled", count=1) in study.notes
    assert volume_of(study).acquisition.filled_slices == 1


def test_unequal_slices_are_resampled_and_said() -> None:
    places = np.cumsum([0, 3, 3, 3, 3, 3, 3, 4.4, 3, 3.9, 3, 3])
    study = load(named(series(volume(), places=places)))
    assert note("read.ct.resampled", step_mm=pytest.approx(3.0)) in study.notes
    assert volume_of(study).acquisition.resampled_mm == pytest.approx(3.0)
    assert volume_of(study).spacing_mm[0] == pytest.approx(3.0)
    assert len(volume_of(study).voxels) == int(places[-1] // 3) + 1


def test_a_long_gap_is_not_bridged() -> None:
    places = np.array([*range(0, 30, 3), 90, 93], float)
    study = load(named(series(volume(), places=places)))
    assert len(volume_of(study).voxels) == 10
    assert note("read.ct.gap", gap_mm=63.0, count=2) in study.notes


def test_too_many_missing_slices_are_refused() -> None:
    places = np.array([0, 1, 2, 3, 4, 5, 6, 7, 8, 15, 22, 29.0])
    with refused("read.ct.needed") as caught:
        read_volumes(named(series(volume(), places=places)))
    assert caught.value.finding.values["found"] == (note("read.ct.found.missing", count=18, total=30),)


def test_a_tilted_gantry_is_undone_and_said() -> None:
    flat = np.full((12, 40, 24), -1000, np.int16)
    tilted = flat.copy()
    for k in range(12):  # an upright rod, seen by a gantry that moves 2 mm (one row) back per slice
        tilted[k, 20 - k, 10] = 1000
    study = load(named(series(tilted, tilt_mm=2.0)))
    pixels = volume_of(study).voxels
    rows = [int(plane[:, 10].argmax()) for plane in pixels]
    assert len(set(rows)) == 1
    tilt = np.degrees(np.arctan2(2, 3))
    assert note("read.ct.tilt_undone", degrees=pytest.approx(tilt)) in study.notes
    assert volume_of(study).acquisition.tilt_deg == pytest.approx(tilt)


def test_slices_that_run_away_are_refused() -> None:
    with refused("read.ct.sheared"):
        load(named(series(volume(), tilt_mm=9.0)))


def test_coronal_slices_are_turned_upright() -> None:
    pixels = volume(16, 18, 20)
    files = []
    for k in range(18):
        tags = {"ImagePositionPatient": [0, 2.0 * k, 0], "ImageOrientationPatient": [1, 0, 0, 0, 0, -1]}
        files += series(pixels[:, k][None], SeriesInstanceUID="1.9", PixelSpacing=[3.0, 1.5], **tags)
    found = loaded(files)
    assert np.array_equal(found.voxels, pixels)
    assert found.spacing_mm == pytest.approx((3.0, 2.0, 1.5))


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("kind", ["i2", "i4", "f4", "f8"])
def test_nifti_of_any_number_and_byte_order(kind: str, order: str) -> None:
    pixels = volume()
    data = as_nifti(pixels.astype(kind), order=order)
    found = volume_of(load([("a.nii.gz", gzip.compress(data))]))
    assert np.array_equal(found.voxels, pixels)
    assert found.spacing_mm == pytest.approx((3.0, 2.0, 1.5))


def test_nifti_in_any_orientation_comes_upright() -> None:
    pixels = volume()
    usual = np.transpose(pixels, (2, 1, 0))[::-1, ::-1, ::-1]  # right, front, head
    flipped = nifti(np.ascontiguousarray(usual[::-1]), np.diag([-1.5, 2.0, 3.0, 1]))
    turned = nifti(
        np.ascontiguousarray(usual.transpose(2, 0, 1)),
        np.array([[0, 1.5, 0, 0], [0, 0, 2.0, 0], [3.0, 0, 0, 0], [0, 0, 0, 1]]),
    )
    for data in (flipped, turned):
        assert np.array_equal(volume_of(load([("", data)])).voxels, pixels)


def test_nifti_scaled_with_holes_and_in_time() -> None:
    data = volume().astype(np.float32)
    data[3, 4, 5] = np.nan
    data[6, 7, 8] = np.inf
    study = load([("", as_nifti(data, slope=2.0, intercept=-10))])
    pixels = volume_of(study).voxels
    assert pixels[3, 4, 5] == pixels[6, 7, 8] == -1024
    assert pixels[0, 0, 0] == -410
    assert "read.nifti.set_to_air" in codes(study)
    four = np.stack([np.transpose(volume() + 10 * t, (2, 1, 0)) for t in range(3)], -1)
    choices = read_volumes([("", nifti(np.ascontiguousarray(four), np.diag([-1.5, -2.0, -3.0, 1])))])
    assert [int(volume_of(c.load()).voxels[0, 0, 0]) for c in choices] == [-200, -190, -180]
    assert note("read.ct.part", number=2, total=3) in parts(choices[1])


def bad_cases() -> dict[str, tuple[list[bytes], Finding]]:
    good = series(volume())
    text = as_nifti(volume())
    rgb = bytearray(text)
    rgb[70:72] = (128).to_bytes(2, "little")
    return {
        "nothing": ([b""], note("read.ct.found.empty_file")),
        "few slices": (good[:3], note("read.ct.found.too_few", count=3)),
        "text": ([b"hello world" * 40], note("read.kind.text")),
        "film": ([films.dicom()], note("read.ct.found.other_picture")),
        "MR": (series(volume(), Modality="MR"), twelve(note("read.modality.MR"))),
        "no place": (series(volume(), ImagePositionPatient=None), twelve(note("read.ct.found.no_place"))),
        "no spacing": (series(volume(), PixelSpacing=None), twelve(note("read.ct.found.no_place"))),
        "no size of voxels": ([as_nifti(volume(), spacing=(0.0, 0.0, 0.0))], note("read.nifti.found.voxel_size")),
        "tiny picture": (series(volume(12, 8, 8)), twelve(note("read.ct.found.picture", columns=8, rows=8))),
        "nested archive": ([archive([archive(good)])], note("read.ct.found.inner_archive")),
        "torn archive": ([archive(good)[:-60]], refusal("read.ct.archive_damaged")),
        "colour": ([bytes(rgb)], note("read.nifti.found.number_kind")),
        "gzip of text": ([gzip.compress(b"hello" * 200)], note("read.ct.found.gzip_without_volume")),
        "torn gzip": ([gzip.compress(text)[:30] + b"\xff" * 40], note("read.ct.found.gzip_without_volume")),
        "header only": ([text[:100]], note("read.ct.found.other_file")),
    }


@pytest.mark.parametrize("name", bad_cases())
def test_what_is_no_ct_is_named(name: str) -> None:
    files, found = bad_cases()[name]
    with refused("read.ct.needed") as caught:
        read_volumes(named(files))
    assert caught.value.finding.values["found"] == (found,)
    assert "Choose the whole axial series" in str(caught.value)


def test_torn_volumes_are_refused_when_read() -> None:
    with refused("read.nifti.too_short"):
        load([("", as_nifti(volume())[:-100])])
    with refused("read.nifti.too_short"):
        load([("", gzip.compress(as_nifti(volume())[:-100]))])


def test_one_damaged_slice_is_filled_in_and_many_are_refused() -> None:
    files = series(volume(24))
    files[7] = files[7][:-200]
    study = load(named(files))
    assert note("read.ct.damaged_filled", count=1) in study.notes
    assert volume_of(study).acquisition.filled_slices == 1
    assert np.array_equal(volume_of(study).voxels[7], volume(24)[7])
    for k in range(5):
        files[k] = files[k][:-200]
    with refused("read.ct.unreadable"):
        load(named(files))


def test_limits_are_checked_before_decoding(monkeypatch: pytest.MonkeyPatch) -> None:
    import bmd.readers.volume as reader

    bomb = archive([bytes(40_000_000)])
    assert len(bomb) < 50_000
    for module in (reader, limits):
        monkeypatch.setattr(module, "MAX_VOLUME_BYTES", 30_000_000)
    with refused("read.ct.archive_too_large", LimitError):
        read_volumes([("", bomb)])
    for module in (reader, limits):
        monkeypatch.setattr(module, "MAX_VOLUME_FILES", 5)
    with refused("read.ct.too_many_files", LimitError):
        read_volumes(named(series(volume())))
    with refused("read.ct.archive_too_many_files", LimitError):
        read_volumes([("", archive(series(volume())))])
    huge = bytearray(as_nifti(volume()))
    huge[42:48] = np.array([30000, 30000, 30000], "<i2").tobytes()
    with refused("read.ct.too_large", LimitError):
        read_volumes([("", bytes(huge))])
    with pytest.raises(LimitError):
        limits.check_volume(7, 512, 512)


def test_random_damage_never_raises_anything_else() -> None:
    rng, told = random.Random(1), []
    files = [archive(series(volume())), gzip.compress(as_nifti(volume())), as_nifti(volume()), series(volume())[0]]
    for turn in range(60):
        data = bytearray(files[turn % len(files)])
        for _ in range(rng.randrange(1, 12)):
            data[rng.randrange(min(len(data), 700 if turn % 2 else len(data)))] = rng.randrange(256)
        try:
            for choice in read_volumes([("", bytes(data))]):
                choice.load()
        except InputError as error:
            told.append(str(error))
    assert told
    assert not any("Geheim" in words for words in told)


def test_progress_rises_to_one() -> None:
    told: list[float] = []
    said: list[Finding] = []
    read_volumes(named(series(volume())))[0].load(lambda share, what: (told.append(share), said.append(what))[0])
    assert {what.code for what in said} == {"read.ct.reading_slices", "read.ct.done"}
    assert told == sorted(told)
    assert told[-1] == 1.0


def test_the_film_reader_points_to_the_ct_page() -> None:
    for data in (archive(series(volume())), gzip.compress(as_nifti(volume())), series(volume())[0]):
        with pytest.raises(InputError) as caught:
            read_study("ct", data)
        assert caught.value.finding.code in ("read.volume_as_film", "read.ct_as_film")
