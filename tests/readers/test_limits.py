"""Hostile and unusable files: one error with its words each, without memory."""

from __future__ import annotations

import struct
import tracemalloc
import zlib
from collections.abc import Callable

import imagecodecs
import numpy as np
import pytest
from pydicom.encaps import encapsulate
from pydicom.uid import UID

from bmd.errors import InputError, LimitError
from bmd.findings import note
from bmd.readers import limits, read_study
from tests.readers import films
from tests.readers.films import refused

J2K = "1.2.840.10008.1.2.4.90"
JPEG = "1.2.840.10008.1.2.4.50"
RLE = "1.2.840.10008.1.2.5"


def refusal(data: bytes, name: str = "film.dcm", megabytes: int = 200) -> InputError:
    """The error for a file, having checked that it cost little memory and reads like a sentence."""
    tracemalloc.start()
    try:
        with pytest.raises(InputError) as caught:
            read_study(name, data)
        assert tracemalloc.get_traced_memory()[1] < megabytes * 2**20
    finally:
        tracemalloc.stop()
    text = str(caught.value)
    assert text.endswith(".")
    assert not any(word in text for word in ("Traceback", "Error", "0x", "/", "None"))
    return caught.value


def encapsulated(syntax: str, frame: bytes, **tags: object) -> bytes:
    header = films.dataset(films.film(), bits=12, **tags)
    header.PixelData = encapsulate([frame])
    header["PixelData"].VR = "OB"
    header["PixelData"].is_undefined_length = True
    header.file_meta.TransferSyntaxUID = UID(syntax)
    return films.saved(header)


def test_deflated_bomb() -> None:
    bomb = films.deflated_bomb(500)
    assert len(bomb) < 600_000
    assert isinstance(refusal(bomb), LimitError)


def test_deflated_bomb_of_exactly_the_limit_is_not_called_one() -> None:
    machine_limit = limits.MAX_INFLATED_BYTES
    squeeze = zlib.compressobj(1, zlib.DEFLATED, -15)
    assert len(limits.inflate(squeeze.compress(bytes(machine_limit)) + squeeze.flush())) == machine_limit
    squeeze = zlib.compressobj(1, zlib.DEFLATED, -15)
    with pytest.raises(LimitError):
        limits.inflate(squeeze.compress(bytes(machine_limit + 1)) + squeeze.flush())


@pytest.mark.parametrize("explicit_length", [True, False])
@pytest.mark.parametrize("depth", [33, 300, 3000])
def test_nested_sequences(depth: int, explicit_length: bool) -> None:
    error = refusal(films.nested(depth, explicit_length))
    assert isinstance(error, LimitError)
    assert error.finding.code == "read.nested_too_deep"


def test_ordinary_nesting_is_read() -> None:
    assert read_study("", films.with_sequences(8)).images[0].pixels.shape == (96, 64)


def test_too_many_elements() -> None:
    element = struct.pack("<HH2sH", 0x0009, 0x0010, b"LO", 0)
    film = films.dicom()  # once: every call draws an identifier of another length
    start = film.index(b"\x08\x00\x16\x00UI")
    error = refusal(film[:start] + element * 200_000)
    assert isinstance(error, LimitError)


def test_file_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_FILE_BYTES", 1000)
    assert isinstance(refusal(films.dicom()), LimitError)


@pytest.mark.parametrize(
    ("rows", "columns"), [(30_000, 30_000), (65_535, 65_535), (1, 1), (0, 0), (1, 60_000), (60_000, 16)]
)
@pytest.mark.parametrize("syntax", ["1.2.840.10008.1.2.1", RLE, J2K])
def test_size_in_the_dicom_header(rows: int, columns: int, syntax: str) -> None:
    data = encapsulated(syntax, b"\0" * 64) if syntax in (RLE, J2K) else films.dicom()
    data = data.replace(b"\x28\x00\x10\x00US\x02\x00" + struct.pack("<H", 96), _us(0x10, rows))
    data = data.replace(b"\x28\x00\x11\x00US\x02\x00" + struct.pack("<H", 64), _us(0x11, columns))
    assert isinstance(refusal(data), LimitError)


def _us(element: int, value: int) -> bytes:
    return struct.pack("<HH2sHH", 0x28, element, b"US", 2, value)


def test_frames_and_samples_in_the_dicom_header() -> None:
    error = refusal(films.dicom(NumberOfFrames="2000"))
    assert (error.finding.code, error.finding.values) == ("read.several_frames", {"count": 2000})
    refusal(films.dicom(SamplesPerPixel=60_000))
    refusal(films.dicom(BitsAllocated=64_000))
    refusal(films.dicom(NumberOfFrames="-3", Rows=20_000, Columns=20_000))


@pytest.mark.parametrize(("height", "width"), [(20_000, 20_000), (95, 64), (4_000_000, 4_000_000)])
def test_jpeg_2000_that_lies_about_its_size(height: int, width: int) -> None:
    frame = bytearray(imagecodecs.jpeg2k_encode(films.film(), level=0, codecformat="j2k"))
    start = frame.index(b"\xff\x4f\xff\x51") + 8
    struct.pack_into(">LL", frame, start, width, height)
    struct.pack_into(">LL", frame, start + 16, width, height)
    refusal(encapsulated(J2K, bytes(frame)))


def test_jpeg_2000_with_a_far_canvas_or_tiny_tiles() -> None:
    frame = bytearray(imagecodecs.jpeg2k_encode(films.film(), level=0, codecformat="j2k"))
    start = frame.index(b"\xff\x4f\xff\x51") + 8
    far = bytearray(frame)
    struct.pack_into(">4L", far, start, 30_064, 30_096, 30_000, 30_000)
    refusal(encapsulated(J2K, bytes(far)))
    struct.pack_into(">LL", frame, start + 16, 1, 1)
    assert refusal(encapsulated(J2K, bytes(frame))).finding.code == "read.too_many_tiles"


def test_jpeg_that_lies_about_its_size() -> None:
    frame = bytearray(imagecodecs.jpeg8_encode(films.film(bits=8)))
    start = frame.index(b"\xff\xc0")
    struct.pack_into(">HH", frame, start + 5, 65_000, 65_000)
    refusal(encapsulated(JPEG, bytes(frame), BitsAllocated=8, BitsStored=8, HighBit=7))


def test_run_length_bomb() -> None:
    """64 bytes of runs for a picture of 6000 x 6000."""
    runs = struct.pack("<16L", 2, 64, 96, *([0] * 13)) + b"\x81\x00" * 32
    refusal(encapsulated(RLE, runs, Rows=6000, Columns=6000))


@pytest.mark.parametrize("syntax", [*films.ENCODERS, RLE])
def test_damaged_compressed_pixels(syntax: str) -> None:
    refusal(encapsulated(syntax, b"\xff\xd8\xff\xff\x00garbage" * 3))
    refusal(encapsulated(syntax, b"\0\0"))


@pytest.mark.parametrize("share", [0.02, 0.1, 0.3, 0.6, 0.95])
@pytest.mark.parametrize("make", [films.dicom, lambda: films.compressed(J2K), lambda: films.compressed(RLE)])
def test_truncated_dicom(make: Callable[[], bytes], share: float) -> None:
    data = make()
    try:
        read_study("film.dcm", data[: int(len(data) * share)])
    except InputError:
        return
    assert share == 0.95, "a file cut this short cannot be read"


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF"])
@pytest.mark.parametrize("share", [0.05, 0.5])
def test_truncated_picture(kind: str, share: float) -> None:
    noise = np.random.default_rng(1).integers(0, 255, (200, 200)).astype(np.uint8)
    data = films.picture(noise, kind)
    refusal(data[: int(len(data) * share)], "film.png")


@pytest.mark.parametrize(("columns", "rows"), [(30_000, 30_000), (2**31 - 1, 2**31 - 1), (15_000, 9_000), (1, 1)])
def test_size_of_pictures(columns: int, rows: int) -> None:
    assert isinstance(refusal(films.png_header(columns, rows), "film.png"), LimitError)


@pytest.mark.parametrize(
    ("data", "code", "kind"),
    [
        (b"Dear colleague, please find the film attached.\n" * 9, "read.not_a_film", "text"),
        (b"%PDF-1.7\n" + bytes(200), "read.not_a_film", "pdf"),
        (b"PK\x03\x04" + bytes(200), "read.volume_as_film", "zip"),
        (b"\x1f\x8b\x08\x00" + bytes(200), "read.volume_as_film", "gzip"),
        (b"GIF89a" + bytes(200), "read.not_a_film", "gif"),
        (bytes(344) + b"n+1\0", "read.volume_as_film", "nifti"),
        (bytes(4096), "read.not_a_film", "unknown"),
        (b"{}", "read.not_a_film", "text"),
    ],
)
def test_what_is_not_a_film_is_named(data: bytes, code: str, kind: str) -> None:
    found = refusal(data, "film").finding
    assert (found.code, found.values) == (code, {"found": note(f"read.kind.{kind}")})
    misnamed = note("read.misnamed", kind=note(f"read.kind.{kind}"), ending="dcm")
    assert refusal(data, "film.dcm").finding.values == {"found": misnamed}


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "read.empty"),
        (b"\x89PNG\r\n\x1a\n", "read.picture_damaged"),
        (bytes(128) + b"DICM", "read.no_pixels"),
    ],
)
def test_a_film_that_is_not_there_is_refused(data: bytes, code: str) -> None:
    assert refusal(data).finding.code == code


def test_refusals_name_the_dxa_image_where_one_was_asked_for() -> None:
    with refused("read.volume_as_dxa_image"):
        read_study("scan", b"PK\x03\x04" + bytes(200), "dxa")
    with refused("read.not_a_dxa_image"):
        read_study("scan", b"GIF89a" + bytes(200), "dxa")
    with refused("read.pdf_damaged"):
        read_study("page", b"%PDF-1.7\n" + bytes(200), "dxa")
    with refused("read.ct_as_dxa_image"):
        read_study("scan", films.dicom(Modality="CT"), "dxa")
    with refused("read.other_as_dxa_image"):
        read_study("scan", films.dicom(Modality="MR"), "dxa")


def test_pixels_that_are_not_numbers() -> None:
    values = films.film().astype(np.float32)
    values[0, 0] = np.nan
    header = films.dataset(values, bits=32)
    del header.PixelData
    header.FloatPixelData = values.tobytes()
    assert refusal(films.saved(header)).finding.code == "read.not_numbers"
