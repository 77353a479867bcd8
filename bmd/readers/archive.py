"""Files of a zip archive, within limits that are checked before anything is inflated."""

from __future__ import annotations

import struct
import zipfile
from functools import partial
from io import BytesIO

from bmd.errors import InputError, LimitError
from bmd.readers import limits
from bmd.readers.source import File

MAGIC = (b"PK\x03\x04", b"PK\x05\x06")


def members(data: bytes) -> list[File]:
    """Files in a zip archive; nothing is unpacked yet.

    Raises
    ------
    LimitError
        Too many members, or they claim to expand to too much (no more than they claim is ever inflated).
    InputError
        Damaged or locked.
    """
    try:
        archive = zipfile.ZipFile(BytesIO(data))
    except (zipfile.BadZipFile, ValueError, OSError, struct.error, NotImplementedError) as error:
        raise InputError("read.ct.archive_damaged") from error
    inside = [m for m in archive.infolist() if not m.is_dir() and not m.filename.startswith("__MACOSX")]
    if len(inside) > limits.MAX_VOLUME_FILES:
        raise LimitError("read.ct.archive_too_many_files", limit=limits.MAX_VOLUME_FILES, count=len(inside))
    size = sum(m.file_size for m in inside)
    if size > limits.MAX_VOLUME_BYTES:
        raise LimitError("read.ct.archive_too_large", limit_mb=limits.MAX_VOLUME_BYTES / 2**20, mb=size / 2**20)
    if any(m.flag_bits & 1 for m in inside):
        raise InputError("read.ct.archive_locked")
    return [File(m.file_size, partial(_inflated, archive, m), partial(_inflated, archive, m, -1)) for m in inside]


def _inflated(archive: zipfile.ZipFile, member: zipfile.ZipInfo, count: int) -> bytes:
    try:
        with archive.open(member) as file:
            return file.read(count)
    except Exception as error:  # noqa: BLE001  BadZipFile, zlib.error, EOFError, NotImplementedError ...
        raise InputError("read.ct.member_damaged", reason=type(error).__name__) from None
