"""Where bytes come from: a file on disk or an upload."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from bmd.errors import InputError
from bmd.readers.limits import check_file_bytes

Source: TypeAlias = Path | tuple[str, bytes]
"""A file or folder on disk, or the name and the content of an upload."""
HEAD_BYTES = 65_536
"""As much of a file as is looked at to tell its kind."""


@dataclass(frozen=True, eq=False)
class File:
    """One file in memory, in an archive or on disk: its size, its first bytes, and all of it."""

    size: int
    head: Callable[[int], bytes]
    read: Callable[[], bytes]


def in_memory(data: bytes) -> File:
    """A file that was uploaded."""
    return File(len(data), lambda count: data[:count], lambda: data)


def on_disk(path: Path, size: int) -> File:
    """A file that is read when it is needed; what cannot be opened raises OSError then."""

    def first(count: int) -> bytes:
        with path.open("rb") as file:
            return file.read(count)

    return File(size, first, path.read_bytes)


def head(path: Path) -> bytes:
    """The first bytes of a file; none of a folder or of what cannot be opened (reading it later says why)."""
    try:
        with path.open("rb") as file:
            return file.read(HEAD_BYTES)
    except OSError:
        return b""


def named(source: Source) -> tuple[str, bytes]:
    """Name and content; a file's size is checked before it is read.

    Raises
    ------
    LimitError
        The file is larger than what is read.
    InputError
        It cannot be opened.
    """
    if not isinstance(source, Path):
        return source
    try:
        check_file_bytes(source.stat().st_size)
        return source.name, source.read_bytes()
    except OSError as error:
        raise InputError("read.cannot_open", reason=error.strerror or "") from error
