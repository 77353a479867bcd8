"""Bytes to `Study`: looks at the content, never at the name, and turns every failure into one `InputError`."""

from __future__ import annotations

import logging
import string

from bmd.errors import BmdError, InputError
from bmd.findings import note
from bmd.readers.limits import check_file_bytes
from bmd.readers.stream import is_dicom
from bmd.types import Modality, Study

__all__ = ["kind_of", "read_study"]

_MAGIC = (
    (b"\x89PNG\r\n\x1a\n", "picture"),
    (b"\xff\xd8\xff", "picture"),
    (b"II*\0", "picture"),
    (b"MM\0*", "picture"),
    (b"GIF8", "gif"),
    (b"BM", "bmp"),
    (b"%PDF", "pdf"),
    (b"PK\x03\x04", "zip"),
    (b"PK\x05\x06", "empty_zip"),
    (b"\x1f\x8b", "gzip"),
    (b"7z\xbc\xaf", "7z"),
    (b"Rar!", "rar"),
    (b"\x93NUMPY", "numpy"),
    (b"\x89HDF", "hdf5"),
    (b"\0\0\0\x0cjP  ", "jpeg2000"),
    (b"\xff\x4f\xff\x51", "jpeg2000"),
    (b"MZ", "program"),
    (b"\x7fELF", "program"),
)
_VOLUMES = {"zip", "gzip", "nifti"}
_TEXT = set(string.printable.encode()) | set(range(128, 256))
_log = logging.getLogger(__name__)


def kind_of(data: bytes) -> str:
    """What the bytes are: "dicom", "picture", or for what cannot be read a code of ``read.kind`` in the catalogue."""
    if is_dicom(data):
        return "dicom"
    for magic, kind in _MAGIC:
        if data.startswith(magic):
            return kind
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "webp"
    if data[344:347] in (b"n+1", b"ni1") or data[4:8] == b"n+2\0":
        return "nifti"
    if data and all(byte in _TEXT for byte in data[:512]):
        return "text"
    return "unknown"


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
        image. Of a report saved as PDF, alone or in a DICOM file, where a DXA image is asked for, its pages.

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
    if modality == "dxa" and (pages := _pages(kind, data)) is not None:
        return pages
    if kind not in ("dicom", "picture"):
        raise _unknown(name, kind, wanted_dxa=modality == "dxa")
    study = _read(kind, data, wanted_dxa=modality == "dxa")
    if modality == "dxa":
        from bmd.readers.dxa import as_dxa

        return as_dxa(study)
    return study


def _read(kind: str, data: bytes, wanted_dxa: bool) -> Study:
    try:
        if kind == "dicom":
            from bmd.readers.dicom import read_dicom

            return read_dicom(data, wanted_dxa)
        from bmd.readers.picture import read_picture

        return read_picture(data)
    except BmdError:
        raise
    except Exception as error:  # noqa: BLE001
        # Decoders raise everything from struct.error to RecursionError on damaged files. The text of the error may
        # quote the file, so only its type is logged.
        _log.info("unreadable %s: %s", kind, type(error).__name__)
        raise InputError("read.dicom_damaged" if kind == "dicom" else "read.picture_damaged") from None


def _pages(kind: str, data: bytes) -> Study | None:
    """The pages of a report, a PDF as it is or in a DICOM file; None for anything else."""
    document: bytes | None = data if kind == "pdf" else None
    if kind == "dicom":
        from bmd.readers.dicom import encapsulated

        document = encapsulated(data)
    if document is None:
        return None
    from bmd.readers.pdf import read_pdf

    return read_pdf(document)


def _unknown(name: str, kind: str, wanted_dxa: bool) -> InputError:
    found = note(f"read.kind.{kind}")
    ending = name.lower().rpartition(".")[2]
    if ending in ("dcm", "png", "jpg", "jpeg", "tif"):
        found = note("read.misnamed", kind=found, ending=ending)
    if wanted_dxa:
        return InputError("read.volume_as_dxa_image" if kind in _VOLUMES else "read.not_a_dxa_image", found=found)
    return InputError("read.volume_as_film" if kind in _VOLUMES else "read.not_a_film", found=found)
