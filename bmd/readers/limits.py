"""Sizes that are checked before anything is decoded, so that a hostile file costs a sentence and not the server."""

from __future__ import annotations

import zlib

from bmd.errors import LimitError
from bmd.findings import note

MAX_FILE_BYTES = 200 * 2**20
"""Largest upload. The same number stands in `.streamlit/config.toml`."""

MAX_PIXELS = 40_000_000
"""Rows x columns. A stitched full-spine film has about 30 million."""

MAX_SIDE = 20_000
MIN_SIDE = 16
"""Below this nothing can be recognised; the gate sets its own, higher, limit."""

MAX_DECODED_BYTES = 160 * 2**20
"""Rows x columns x samples x bytes of one decoded picture."""

MAX_INFLATED_BYTES = 64 * 2**20
"""What a deflated DICOM data set may swell to."""

MAX_NESTING = 32
"""Sequences inside sequences; structured reports, the deepest real files, stay below 20."""

MAX_ELEMENTS = 100_000
"""Data elements before the pixels."""

MAX_TILES = 4096
"""Tiles of a JPEG 2000 codestream."""

MAX_PAGES = 12
"""Pages of a document that are looked at; a patient's report has 1 to 6."""

MAX_PDF_BYTES = 40 * 2**20
"""A report with pictures has 0.1 to 5 MB."""

MIN_SLICES, MAX_SLICES = 8, 1500
"""Slices of a CT volume."""

MAX_VOXELS = 1500 * 512 * 512

MAX_VOLUME_BYTES = 1200 * 2**20
"""All files of a CT together, and what an archive or a volume may expand to."""

MAX_VOLUME_FILES = 5000
"""Files of one upload, and members of an archive."""


def check_file_bytes(count: int) -> None:
    """Refuse an empty or over-large file.

    Raises
    ------
    InputError
        When `count` is zero or above `MAX_FILE_BYTES`.
    """
    if count == 0:
        raise LimitError("read.empty")
    if count > MAX_FILE_BYTES:
        raise LimitError("read.file_too_large", limit_mb=MAX_FILE_BYTES / 2**20, mb=count / 2**20)


def check_picture(rows: int, columns: int, samples: int = 1, bytes_per_sample: int = 1) -> None:
    """Refuse a picture by the size its header promises.

    Parameters
    ----------
    rows, columns : int
        Height and width in pixels.
    samples : int
        Values per pixel: 1 grey, 3 colour, 4 with transparency.
    bytes_per_sample : int
        Size of one decoded value.

    Raises
    ------
    LimitError
        When a side is below `MIN_SIDE` or above `MAX_SIDE`, or the picture would decode to too much.
    """
    if rows < MIN_SIDE or columns < MIN_SIDE:
        raise LimitError("read.picture_too_small", columns=columns, rows=rows, least=MIN_SIDE)
    decoded = rows * columns * samples * bytes_per_sample
    if max(rows, columns) > MAX_SIDE or rows * columns > MAX_PIXELS or decoded > MAX_DECODED_BYTES:
        raise LimitError(
            "read.picture_too_large",
            columns=columns,
            rows=rows,
            mb=decoded / 2**20,
            limit_millions=MAX_PIXELS // 10**6,
            limit_side=MAX_SIDE,
            limit_mb=MAX_DECODED_BYTES / 2**20,
        )


def check_volume(slices: int, rows: int, columns: int, bytes_per_voxel: int = 2) -> None:
    """Refuse a CT volume by the size its headers promise.

    Raises
    ------
    LimitError
        Too few or too many slices, or too many voxels.
    """
    found = note("read.ct.found.volume", slices=slices, columns=columns, rows=rows)
    if slices < MIN_SLICES or min(rows, columns) < MIN_SIDE:
        raise LimitError("read.ct.too_small", found=found, least=MIN_SLICES, least_side=MIN_SIDE)
    voxels = slices * rows * columns
    if slices > MAX_SLICES or voxels > MAX_VOXELS or voxels * bytes_per_voxel > MAX_VOLUME_BYTES:
        raise LimitError(
            "read.ct.too_large",
            found=found,
            limit=MAX_SLICES,
            limit_millions=MAX_VOXELS // 10**6,
            limit_mb=MAX_VOLUME_BYTES / 2**20,
        )


def inflate(data: bytes) -> bytes:
    """Raw-deflate decompression that stops at `MAX_INFLATED_BYTES`.

    Raises
    ------
    LimitError
        When the data would swell beyond the limit; no more than the limit is ever held.
    zlib.error
        When the data are damaged.
    """
    machine = zlib.decompressobj(-zlib.MAX_WBITS)
    swollen = machine.decompress(data, MAX_INFLATED_BYTES)
    if not machine.eof and machine.decompress(machine.unconsumed_tail, 1):
        raise LimitError("read.inflates", limit_mb=MAX_INFLATED_BYTES / 2**20, mb=len(data) / 2**20)
    return swollen
