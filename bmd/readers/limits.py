"""Sizes that are checked before anything is decoded, so that a hostile file costs a sentence and not the server."""

from __future__ import annotations

import zlib

from bmd.errors import LimitError

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
        raise LimitError("The file is empty", remedy="Export the picture again and upload the new file")
    if count > MAX_FILE_BYTES:
        raise LimitError(
            f"A film may be at most {MAX_FILE_BYTES // 2**20} MB",
            f"{count / 2**20:.0f} MB",
            "Export a single film",
        )


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
    seen = f"{columns} x {rows} pixels"
    if rows < MIN_SIDE or columns < MIN_SIDE:
        raise LimitError(f"The picture must be at least {MIN_SIDE} x {MIN_SIDE} pixels", seen, "Upload the whole film")
    decoded = rows * columns * samples * bytes_per_sample
    if max(rows, columns) > MAX_SIDE or rows * columns > MAX_PIXELS or decoded > MAX_DECODED_BYTES:
        raise LimitError(
            f"The picture may have at most {MAX_PIXELS // 10**6} million pixels, {MAX_SIDE} on a side and "
            f"{MAX_DECODED_BYTES // 2**20} MB when decoded",
            f"{seen}, {decoded / 2**20:.0f} MB",
            "Export it at a lower resolution",
        )


def check_volume(slices: int, rows: int, columns: int, bytes_per_voxel: int = 2) -> None:
    """Refuse a CT volume by the size its headers promise.

    Raises
    ------
    LimitError
        Too few or too many slices, or too many voxels.
    """
    seen = f"{slices} slices of {columns} x {rows}"
    if slices < MIN_SLICES or min(rows, columns) < MIN_SIDE:
        raise LimitError(f"A CT needs at least {MIN_SLICES} slices of {MIN_SIDE} x {MIN_SIDE} pixels", seen)
    voxels = slices * rows * columns
    if slices > MAX_SLICES or voxels > MAX_VOXELS or voxels * bytes_per_voxel > MAX_VOLUME_BYTES:
        raise LimitError(
            f"A CT may have at most {MAX_SLICES} slices, {MAX_VOXELS // 10**6} million voxels and "
            f"{MAX_VOLUME_BYTES // 2**20} MB when decoded",
            seen,
            "Export thicker slices or fewer of them",
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
        raise LimitError(
            f"A compressed file may expand to at most {MAX_INFLATED_BYTES // 2**20} MB",
            f"{len(data) / 2**20:.1f} MB that expand to more",
            "Export the film without file compression",
        )
    return swollen
