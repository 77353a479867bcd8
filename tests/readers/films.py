"""Files made for the reader tests: radiographs in every wrapping, and hostile ones."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import Any

import imagecodecs
import numpy as np
import pytest
from PIL import Image as Pillow
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.sequence import Sequence
from pydicom.uid import UID, ExplicitVRLittleEndian, RLELossless, generate_uid

from bmd.errors import InputError
from bmd.findings import Finding
from bmd.types import Study

DX = "1.2.840.10008.5.1.4.1.1.1.1"


def film(rows: int = 96, columns: int = 64, bits: int = 12) -> np.ndarray:
    """A bright column on a slope: not symmetric, so that flips and shifts show."""
    y, x = np.mgrid[0:rows, 0:columns] / max(rows, columns)
    picture = 0.3 * y + 0.2 * x + 0.5 * np.exp(-(((x - 0.25) / 0.08) ** 2))
    picture = (picture - picture.min()) / (picture.max() - picture.min())
    return np.round(picture * (2**bits - 1)).astype(np.uint16 if bits > 8 else np.uint8)


def dataset(pixels: np.ndarray, syntax: str = ExplicitVRLittleEndian, bits: int = 12, **tags: Any) -> FileDataset:
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = UID(syntax)
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = UID(DX), generate_uid()
    implicit, little = syntax == "1.2.840.10008.1.2", syntax != "1.2.840.10008.1.2.2"
    header = FileDataset("", {}, bytes(128), meta, is_implicit_VR=implicit, is_little_endian=little)
    header.SOPClassUID, header.SOPInstanceUID = meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID
    header.Modality, header.PatientName, header.PatientID = "DX", "Geheim^Gerda", "ID-4711"
    header.Rows, header.Columns = pixels.shape[:2]
    header.SamplesPerPixel = pixels.shape[2] if pixels.ndim == 3 else 1
    header.PhotometricInterpretation = "RGB" if pixels.ndim == 3 else "MONOCHROME2"
    if pixels.ndim == 3:
        header.PlanarConfiguration = 0
    header.BitsAllocated = pixels.dtype.itemsize * 8
    header.BitsStored, header.HighBit = bits, bits - 1
    header.PixelRepresentation = int(np.issubdtype(pixels.dtype, np.signedinteger))
    header.PixelData = pixels.tobytes()
    for name, value in tags.items():
        setattr(header, name, value)
    return header


def saved(header: FileDataset) -> bytes:
    out = BytesIO()
    header.save_as(out, enforce_file_format=True)
    return out.getvalue()


def dicom(pixels: np.ndarray | None = None, syntax: str = ExplicitVRLittleEndian, bits: int = 12, **tags: Any) -> bytes:
    """A film as an uncompressed or deflated DICOM file."""
    header = dataset(film() if pixels is None else pixels, syntax, bits, **tags)
    if UID(syntax) == "1.2.840.10008.1.2.2":
        header.PixelData = np.frombuffer(header.PixelData, "<u2").astype(">u2").tobytes()
        header["PixelData"].VR = "OW"
    return saved(header)


ENCODERS = {
    "1.2.840.10008.1.2.4.50": lambda p: imagecodecs.jpeg8_encode(p, level=98),
    "1.2.840.10008.1.2.4.51": lambda p: imagecodecs.jpeg8_encode(p, level=98, bitspersample=12),
    "1.2.840.10008.1.2.4.57": lambda p: imagecodecs.ljpeg_encode(p, bitspersample=16),
    "1.2.840.10008.1.2.4.70": lambda p: imagecodecs.ljpeg_encode(p, bitspersample=16),
    "1.2.840.10008.1.2.4.80": imagecodecs.jpegls_encode,
    "1.2.840.10008.1.2.4.81": lambda p: imagecodecs.jpegls_encode(p, level=2),
    "1.2.840.10008.1.2.4.90": lambda p: imagecodecs.jpeg2k_encode(p, level=0, codecformat="j2k"),
    "1.2.840.10008.1.2.4.91": lambda p: imagecodecs.jpeg2k_encode(p, level=95, codecformat="j2k"),
    "1.2.840.10008.1.2.4.201": imagecodecs.htj2k_encode,
}


def compressed(syntax: str, pixels: np.ndarray | None = None, bits: int = 12, **tags: Any) -> bytes:
    """A film as a DICOM file with encapsulated pixels."""
    pixels = film() if pixels is None else pixels
    header = dataset(pixels, ExplicitVRLittleEndian, bits, **tags)
    if UID(syntax) == RLELossless:
        header.compress(RLELossless)
    else:
        header.PixelData = encapsulate([bytes(ENCODERS[syntax](pixels))])
        header["PixelData"].VR = "OB"
        header["PixelData"].is_undefined_length = True
        header.file_meta.TransferSyntaxUID = UID(syntax)
    for name, value in tags.items():
        setattr(header, name, value)
    return saved(header)


def deflated_bomb(megabytes: int = 500) -> bytes:
    """A small deflated DICOM file that swells to `megabytes`: a private element full of zeros before the pixels."""
    machine = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    head = struct.pack("<HH2sHL", 0x0009, 0x1001, b"OB", 0, megabytes * 2**20)
    body = machine.compress(head)
    for _ in range(megabytes):
        body += machine.compress(bytes(2**20))
    return _meta("1.2.840.10008.1.2.1.99") + body + machine.flush()


def nested(depth: int, explicit_length: bool) -> bytes:
    """A DICOM file with sequences inside sequences."""
    value = b""
    tag = struct.pack("<HH", 0x0008, 0x1140)
    for _ in range(depth):
        if explicit_length:
            item = struct.pack("<HHL", 0xFFFE, 0xE000, len(value)) + value
            value = tag + b"SQ\0\0" + struct.pack("<L", len(item)) + item
        else:
            item = struct.pack("<HHL", 0xFFFE, 0xE000, 0xFFFFFFFF) + value + struct.pack("<HHL", 0xFFFE, 0xE00D, 0)
            value = tag + b"SQ\0\0\xff\xff\xff\xff" + item + struct.pack("<HHL", 0xFFFE, 0xE0DD, 0)
    return _meta(ExplicitVRLittleEndian) + value


def _meta(syntax: str) -> bytes:
    uid = syntax.encode() + b"\0" * (len(syntax) % 2)
    return bytes(128) + b"DICM" + struct.pack("<HH2sH", 2, 0x10, b"UI", len(uid)) + uid


def with_sequences(depth: int) -> bytes:
    """A readable film with `depth` nested sequences before the pixels."""
    from pydicom.dataset import Dataset

    inner = Dataset()
    for _ in range(depth):
        outer = Dataset()
        outer.ReferencedImageSequence = Sequence([inner])
        inner = outer
    header = dataset(film())
    header.update(inner)
    return saved(header)


def picture(pixels: np.ndarray, kind: str, mode: str | None = None, **options: Any) -> bytes:
    """A film as PNG, JPEG or TIFF."""
    out = BytesIO()
    image = Pillow.fromarray(pixels)
    (image.convert(mode) if mode else image).save(out, kind, **options)
    return out.getvalue()


def png_header(columns: int, rows: int) -> bytes:
    """A PNG that claims a size and holds nothing."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">L", len(data)) + name + data + struct.pack(">L", zlib.crc32(name + data))

    head = struct.pack(">LLBBBBB", columns, rows, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


def codes(study: Study) -> list[str]:
    """What reading noted."""
    return [note.code for note in study.notes if isinstance(note, Finding)]


@contextmanager
def refused(code: str, kind: type[InputError] = InputError) -> Iterator[pytest.ExceptionInfo[InputError]]:
    """As `pytest.raises`, by the code of the error."""
    with pytest.raises(kind) as caught:
        yield caught
    assert caught.value.finding.code == code
