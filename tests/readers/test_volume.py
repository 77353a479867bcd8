"""CT volumes: every way they come in gives the same upright volume, every fault one plain sentence."""

from __future__ import annotations

import gzip
import random
from pathlib import Path

import numpy as np
import pytest

from bmd.errors import InputError, LimitError
from bmd.readers import limits, read_study
from bmd.readers.volume import read_folder, read_volumes
from bmd.types import Acquisition, Study, Volume, volume_of
from tests.readers import films
from tests.readers.volumes import archive, as_nifti, named, nifti, series, volume


def load(files: list[tuple[str, bytes]]) -> Study:
    return read_volumes(files)[0].load()


def loaded(files: list[bytes]) -> Volume:
    return volume_of(load(named(files)))


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
    files = series(volume() * 2, RescaleSlope=0.5, PatientAge="061Y", PatientSex="M", PatientWeight="80", KVP="100")
    study = load(named(files))
    assert volume_of(study).voxels[0, 0, 1] == round((-200 * 2 + 2 + 1024) * 0.5 - 1024)
    assert (study.patient.age_y, study.patient.sex, study.patient.height_cm) == (61, "M", None)
    assert "Tube voltage 100 kV" in study.notes
    assert volume_of(study).acquisition == Acquisition(kvp=100.0)
    told = repr(study.notes) + study.origin + study.uid
    assert "Geheim" not in told
    assert "4711" not in told


def test_localisers_and_copies_are_left_out_and_series_are_offered_best_first() -> None:
    pixels = volume(20)
    scout = series(volume(1), ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"])
    thick = series(volume(8, 16), 3.0, ConvolutionKernel="B70f")
    good = series(pixels)
    choices = read_volumes(named([*scout, *thick, *good, good[4]]))
    assert [choice.n_slices for choice in choices] == [20, 8]
    assert "sharp" in choices[1].title
    assert choices[0].notes == ("1 slice given twice left out",)
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
    assert any("1 missing slice was filled in" in note for note in study.notes)


def test_unequal_slices_are_resampled_and_said() -> None:
    places = np.cumsum([0, 3, 3, 3, 3, 3, 3, 4.4, 3, 3.9, 3, 3])
    study = load(named(series(volume(), places=places)))
    assert any("not evenly spaced" in note for note in study.notes)
    assert volume_of(study).spacing_mm[0] == pytest.approx(3.0)
    assert len(volume_of(study).voxels) == int(places[-1] // 3) + 1


def test_a_long_gap_is_not_bridged() -> None:
    places = np.array([*range(0, 30, 3), 90, 93], float)
    study = load(named(series(volume(), places=places)))
    assert len(volume_of(study).voxels) == 10
    assert any("gap of 63 mm" in note for note in study.notes)


def test_too_many_missing_slices_are_refused() -> None:
    places = np.array([0, 1, 2, 3, 4, 5, 6, 7, 8, 15, 22, 29.0])
    with pytest.raises(InputError, match="are missing"):
        read_volumes(named(series(volume(), places=places)))


def test_a_tilted_gantry_is_undone_and_said() -> None:
    flat = np.full((12, 40, 24), -1000, np.int16)
    tilted = flat.copy()
    for k in range(12):  # an upright rod, seen by a gantry that moves 2 mm (one row) back per slice
        tilted[k, 20 - k, 10] = 1000
    study = load(named(series(tilted, tilt_mm=2.0)))
    pixels = volume_of(study).voxels
    rows = [int(plane[:, 10].argmax()) for plane in pixels]
    assert len(set(rows)) == 1
    assert any("tilted by 34 degrees" in note for note in study.notes)


def test_slices_that_run_away_are_refused() -> None:
    with pytest.raises(InputError, match="above each other"):
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
    assert any("not numbers" in note for note in study.notes)
    four = np.stack([np.transpose(volume() + 10 * t, (2, 1, 0)) for t in range(3)], -1)
    choices = read_volumes([("", nifti(np.ascontiguousarray(four), np.diag([-1.5, -2.0, -3.0, 1])))])
    assert [int(volume_of(c.load()).voxels[0, 0, 0]) for c in choices] == [-200, -190, -180]
    assert "volume 2 of 3" in choices[1].title


def bad_cases() -> dict[str, tuple[list[bytes], str]]:
    good = series(volume())
    text = as_nifti(volume())
    rgb = bytearray(text)
    rgb[70:72] = (128).to_bytes(2, "little")
    return {
        "nothing": ([b""], "neither DICOM nor NIfTI"),
        "few slices": (good[:3], "series of 3 slices, too few"),
        "text": ([b"hello world" * 40], "neither DICOM nor NIfTI"),
        "film": ([films.dicom()], "a radiograph"),
        "MR": (series(volume(), Modality="MR"), "12 x a magnetic resonance image"),
        "no place": (series(volume(), ImagePositionPatient=None), "where it lies"),
        "nested archive": ([archive([archive(good)])], "archive inside the archive"),
        "torn archive": ([archive(good)[:-60]], "archive is damaged"),
        "colour": ([bytes(rgb)], "colours"),
        "gzip of text": ([gzip.compress(b"hello" * 200)], "gzip file without"),
        "torn gzip": ([gzip.compress(text)[:30] + b"\xff" * 40], "gzip file"),
        "header only": ([text[:100]], "neither DICOM nor NIfTI"),
    }


@pytest.mark.parametrize("name", bad_cases())
def test_what_is_no_ct_is_named(name: str) -> None:
    files, words = bad_cases()[name]
    with pytest.raises(InputError) as caught:
        read_volumes(named(files))
    assert words in str(caught.value)


def test_torn_volumes_are_refused_when_read() -> None:
    with pytest.raises(InputError, match="incomplete"):
        load([("", as_nifti(volume())[:-100])])
    with pytest.raises(InputError, match="incomplete"):
        load([("", gzip.compress(as_nifti(volume())[:-100]))])


def test_one_damaged_slice_is_filled_in_and_many_are_refused() -> None:
    files = series(volume(24))
    files[7] = files[7][:-200]
    study = load(named(files))
    assert any("1 damaged slice was filled in" in note for note in study.notes)
    assert np.array_equal(volume_of(study).voxels[7], volume(24)[7])
    for k in range(5):
        files[k] = files[k][:-200]
    with pytest.raises(InputError, match="cannot be decoded"):
        load(named(files))


def test_limits_are_checked_before_decoding(monkeypatch: pytest.MonkeyPatch) -> None:
    import bmd.readers.volume as reader

    bomb = archive([bytes(40_000_000)])
    assert len(bomb) < 50_000
    monkeypatch.setattr(reader, "MAX_VOLUME_BYTES", 30_000_000)
    with pytest.raises(LimitError, match="expand to at most"):
        read_volumes([("", bomb)])
    monkeypatch.setattr(reader, "MAX_VOLUME_FILES", 5)
    with pytest.raises(LimitError, match="at most 5 files"):
        read_volumes(named(series(volume())))
    with pytest.raises(LimitError, match="at most 5 files"):
        read_volumes([("", archive(series(volume())))])
    huge = bytearray(as_nifti(volume()))
    huge[42:48] = np.array([30000, 30000, 30000], "<i2").tobytes()
    with pytest.raises(LimitError, match="million voxels"):
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
    read_volumes(named(series(volume())))[0].load(lambda share, what: told.append(share))
    assert told == sorted(told)
    assert told[-1] == 1.0


def test_the_film_reader_points_to_the_ct_page() -> None:
    for data in (archive(series(volume())), gzip.compress(as_nifti(volume())), series(volume())[0]):
        with pytest.raises(InputError, match="page Abdominal CT"):
            read_study("ct", data)
