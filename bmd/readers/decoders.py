"""The door to imagecodecs: one compressed DICOM frame in, its stored values out.

The size a codestream claims is read from its own header first, because it may differ from the size in the DICOM
header: 1.5 kB of JPEG 2000 can ask for gigabytes.
"""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bmd.errors import InputError, LimitError
from bmd.readers.header import Header, word
from bmd.readers.limits import MAX_TILES, check_picture

JPEG = {
    "1.2.840.10008.1.2.4.50",  # baseline, 8 bit
    "1.2.840.10008.1.2.4.51",  # extended, 12 bit
    "1.2.840.10008.1.2.4.53",  # spectral selection (retired)
    "1.2.840.10008.1.2.4.55",  # progressive (retired)
    "1.2.840.10008.1.2.4.57",  # lossless
    "1.2.840.10008.1.2.4.70",  # lossless, selection value 1
}
JPEG_LS = {"1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.81"}
JPEG_2000 = {"1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.4.91"}
HTJ2K = {"1.2.840.10008.1.2.4.201", "1.2.840.10008.1.2.4.202", "1.2.840.10008.1.2.4.203"}
SUPPORTED = JPEG | JPEG_LS | JPEG_2000 | HTJ2K
_LOSSY = {f"1.2.840.10008.1.2.4.{last}" for last in (50, 51, 53, 55)}
"""Syntaxes that always lose something; near-lossless, JPEG 2000 and HTJ2K may or may not."""

_FRAME_MARKERS = {0xC0, 0xC1, 0xC2, 0xC3, 0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF, 0xF7}
_LOSSLESS_MARKER = 0xC3
_ALONE_MARKERS = {0x01, *range(0xD0, 0xD9)}


def lossy(header: Header, syntax: str) -> bool | None:
    """Whether the pixels were ever compressed with loss, by the syntax or by the header's word; None if unknown."""
    return True if syntax in _LOSSY else {"01": True, "00": False}.get(word(header, "LossyImageCompression"))


def decode_frame(frame: bytes, syntax: str, rows: int, columns: int, colour: bool) -> NDArray[Any]:
    """Decode one frame whose codestream agrees with the size the DICOM header gave.

    Parameters
    ----------
    frame : bytes
        Joined fragments of the frame.
    syntax : str
        Transfer syntax UID, one of `SUPPORTED`.
    rows, columns : int
        Size in the DICOM header.
    colour : bool
        The header says the three samples are already red, green and blue.

    Returns
    -------
    ndarray
        (rows, columns) or (rows, columns, samples), integers as stored.

    Raises
    ------
    InputError
        When the sizes disagree or the syntax is not supported. Damaged streams raise whatever imagecodecs raises;
        the caller turns that into an `InputError`.
    """
    import imagecodecs

    height, width, samples, bits = jpeg2000_size(frame) if syntax in JPEG_2000 | HTJ2K else jpeg_size(frame)
    check_picture(height, width, samples, 2 if bits > 8 else 1)
    if (height, width) != (rows, columns):
        raise InputError("read.sizes_differ", columns=columns, rows=rows, inner_columns=width, inner_rows=height)
    if syntax in JPEG_LS:
        return imagecodecs.jpegls_decode(frame)
    if syntax in JPEG_2000 | HTJ2K:
        # OpenJPEG reads both; imagecodecs' own high-throughput decoder never returns from some damaged streams
        return imagecodecs.jpeg2k_decode(frame, numthreads=1)
    if syntax in JPEG:
        return _decode_jpeg(frame, samples, colour)
    raise InputError("read.compression_unknown", name=syntax)


def _decode_jpeg(frame: bytes, samples: int, colour: bool) -> NDArray[Any]:
    import imagecodecs

    if _markers(frame)[0] == _LOSSLESS_MARKER:
        return imagecodecs.ljpeg_decode(frame) if samples == 1 else imagecodecs.jpeg8_decode(frame)
    if samples == 3 and colour and b"Adobe" not in frame[:1024]:
        return imagecodecs.jpeg8_decode(frame, colorspace="RGB")
    return imagecodecs.jpeg8_decode(frame)


def jpeg_size(frame: bytes) -> tuple[int, int, int, int]:
    """Rows, columns, samples and bits of a JPEG or JPEG-LS stream, from its frame header (ITU T.81, B.2.2)."""
    _, position = _markers(frame)
    bits, height, width, samples = struct.unpack_from(">BHHB", frame, position + 4)
    return height, width, samples, bits


def _markers(frame: bytes) -> tuple[int, int]:
    """Which frame header a JPEG stream has, and at which offset."""
    position = frame.find(b"\xff\xd8") + 2
    while 2 <= position <= len(frame) - 4:
        marker = frame[position + 1]
        if frame[position] != 0xFF:
            break
        if marker in _FRAME_MARKERS:
            return marker, position
        if marker == 0xFF:  # fill byte
            position += 1
        elif marker in _ALONE_MARKERS:
            position += 2
        else:
            position += 2 + struct.unpack_from(">H", frame, position + 2)[0]
    raise InputError("read.no_frame_header")


def jpeg2000_size(frame: bytes) -> tuple[int, int, int, int]:
    """Rows, columns, samples and bits of a JPEG 2000 codestream, bare or boxed, from SIZ (ISO 15444-1, A.5.1)."""
    start = frame.find(b"\xff\x4f\xff\x51")
    if start < 0:
        raise InputError("read.no_size_header")
    x1, y1, x0, y0, tile_x, tile_y, *_ = struct.unpack_from(">8L", frame, start + 8)
    samples, depth = struct.unpack_from(">HB", frame, start + 40)
    if x1 <= x0 or y1 <= y0 or not tile_x or not tile_y:
        raise InputError("read.impossible_size")
    if -(-x1 // tile_x) * -(-y1 // tile_y) > MAX_TILES:
        raise LimitError("read.too_many_tiles", limit=MAX_TILES)
    # the canvas offset is allocated by some decoders, so the far corner counts
    check_picture(y1, x1, samples, 2 if depth & 0x7F >= 8 else 1)
    return y1 - y0, x1 - x0, samples, (depth & 0x7F) + 1


def as_stored(values: NDArray[Any], signed: bool, bits_stored: int) -> NDArray[Any]:
    """Give decoded integers the sign the DICOM header states (codecs return two's complement as unsigned)."""
    if not signed or np.issubdtype(values.dtype, np.signedinteger):
        return values
    sign = 1 << (bits_stored - 1)
    return ((values.astype(np.int32) & (2 * sign - 1)) ^ sign) - sign
