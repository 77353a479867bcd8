"""Bytes to `Study`: looks at the content, never at the name, and turns every failure into one plain sentence."""

from __future__ import annotations

import logging
import string

from bmd.errors import BmdError, InputError
from bmd.readers.limits import check_file_bytes
from bmd.readers.stream import is_dicom
from bmd.types import Modality, Study

__all__ = ["FORMATS", "kind_of", "read_study"]

FORMATS = "DICOM, PNG, JPEG or TIFF"
"""What can be read, for sentences on the page."""

_MAGIC = (
    (b"\x89PNG\r\n\x1a\n", "picture"),
    (b"\xff\xd8\xff", "picture"),
    (b"II*\0", "picture"),
    (b"MM\0*", "picture"),
    (b"GIF8", "a GIF picture"),
    (b"BM", "a BMP picture"),
    (b"%PDF", "a PDF document"),
    (b"PK\x03\x04", "a zip archive"),
    (b"PK\x05\x06", "an empty zip archive"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"7z\xbc\xaf", "a 7z archive"),
    (b"Rar!", "a RAR archive"),
    (b"\x93NUMPY", "a NumPy array"),
    (b"\x89HDF", "an HDF5 file"),
    (b"\0\0\0\x0cjP  ", "a JPEG 2000 picture"),
    (b"\xff\x4f\xff\x51", "a JPEG 2000 picture"),
    (b"MZ", "a program"),
    (b"\x7fELF", "a program"),
)
_VOLUMES = {"a zip archive", "a gzip archive", "a NIfTI volume"}
_TEXT = set(string.printable.encode()) | set(range(128, 256))
_log = logging.getLogger(__name__)


def kind_of(data: bytes) -> str:
    """Say what the bytes are: "dicom", "picture", or a few plain words for something that cannot be read."""
    if is_dicom(data):
        return "dicom"
    for magic, kind in _MAGIC:
        if data.startswith(magic):
            return kind
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "a WebP picture"
    if data[344:347] in (b"n+1", b"ni1") or data[4:8] == b"n+2\0":
        return "a NIfTI volume"
    if data and all(byte in _TEXT for byte in data[:512]):
        return "text"
    return "something unknown"


def read_study(name: str, data: bytes, modality: Modality | None = None) -> Study:
    """Read an uploaded file.

    Parameters
    ----------
    name : str
        Name of the file as given. Only its ending is looked at, and only to word the message; it is neither kept
        nor logged, since hospitals name files after patients.
    data : bytes
        The whole content.
    modality : {"radiograph", "dxa"}, optional
        What the picture is to be taken for; by default a radiograph, unless a DICOM header says that it is a
        densitometer's.

    Returns
    -------
    Study
        One radiograph or DXA image, float32 0..1, bone bright; a DXA file that holds densities has them in a second
        image.

    Raises
    ------
    LimitError
        A size limit is broken; checked before decoding.
    InputError
        The content is not a single readable radiograph, for whatever reason.

    Examples
    --------
    >>> read_study("film.dcm", b"")
    Traceback (most recent call last):
    bmd.errors.LimitError: The file is empty. Export the picture again and upload the new file.
    """
    check_file_bytes(len(data))
    kind = kind_of(data)
    if modality == "dxa":
        from bmd.readers.dxa import as_dxa

        if kind not in ("dicom", "picture"):
            raise _unknown(name, kind, "DXA image")
        return as_dxa(read_study(name, data))
    try:
        if kind == "dicom":
            from bmd.readers.film import read_dicom

            return read_dicom(data)
        if kind == "picture":
            from bmd.readers.picture import read_picture

            return read_picture(data)
    except BmdError:
        raise
    except Exception as error:  # noqa: BLE001
        # Decoders raise everything from struct.error to RecursionError on damaged files. The text of the error may
        # quote the file, so only its type is logged.
        _log.info("unreadable %s: %s", kind, type(error).__name__)
        word = "DICOM file" if kind == "dicom" else "picture"
        raise InputError(
            f"The {word} is damaged or incomplete", remedy="Export the film again and upload the new file"
        ) from None
    raise _unknown(name, kind)


def _unknown(name: str, kind: str, wanted: str = "film") -> InputError:
    ending = name.lower().rpartition(".")[2]
    seen = f"{kind}, although its name ends in .{ending}" if ending in ("dcm", "png", "jpg", "jpeg", "tif") else kind
    remedy = (
        f"A CT opens on the page Abdominal CT; a {wanted} must be unpacked"
        if kind in _VOLUMES
        else f"Choose the {wanted}"
    )
    return InputError(f"A {wanted} must be a {FORMATS} file", seen, remedy)
