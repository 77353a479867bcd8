"""A first look at a DICOM byte stream, before any library parses it: structure, nesting, compression.

Walks the elements without interpreting their values, so that names and numbers of the patient are never touched.
Encoding rules: DICOM PS3.5 sections 7 (elements, sequences) and A.4 (encapsulated pixels).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace

from bmd.errors import InputError, LimitError
from bmd.readers.limits import MAX_ELEMENTS, MAX_NESTING, inflate

IMPLICIT_LITTLE = "1.2.840.10008.1.2"
EXPLICIT_LITTLE = "1.2.840.10008.1.2.1"
DEFLATED = "1.2.840.10008.1.2.1.99"
EXPLICIT_BIG = "1.2.840.10008.1.2.2"

_LONG_VRS = {b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"}
_ITEM, _ITEM_END, _SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
_PIXELS = {0x7FE00008, 0x7FE00009, 0x7FE00010}
_UNDEFINED = 0xFFFFFFFF


@dataclass(frozen=True)
class Stream:
    """A DICOM file reduced to what is safe to parse.

    Attributes
    ----------
    data : bytes
        Inflated when it was deflated, cut after the pixels.
    syntax : str
        Transfer syntax UID, guessed when the file has no meta header.
    start : int
        Offset of the first element after the meta header.
    pixels : int
        Offset of the value of the pixel data element, -1 where none was met.
    """

    data: bytes
    syntax: str
    start: int
    pixels: int = -1


class _TornError(Exception):
    """The stream stops making sense; what comes next would be guesswork."""


def is_dicom(data: bytes) -> bool:
    """Whether the bytes are DICOM, with or without the 128-byte preamble."""
    if data[128:132] == b"DICM":
        return True
    if data[:4] in (b"\x02\x00\x00\x00", b"\x02\x00\x01\x00", b"\x02\x00\x02\x00", b"\x02\x00\x10\x00"):
        return True
    little, big = data[:2] == b"\x08\x00", data[:2] == b"\x00\x08"
    if not (little or big) or len(data) < 64:
        return False
    element, length = struct.unpack_from("<HL" if little else ">HL", data, 2)
    explicit = data[4:6].isalpha() and data[4:6].isupper()
    return element <= 0x0100 and (explicit or length <= 128)


def open_stream(data: bytes) -> Stream:
    """Find the transfer syntax, inflate within limits, check the structure and cut everything after the pixels.

    Raises
    ------
    LimitError
        Too deep, too many elements, or swells too much.
    InputError
        The structure is damaged before the pixels begin.
    """
    stream = _meta_header(data)
    if stream.syntax == DEFLATED:
        body = inflate(stream.data[stream.start :])
        header = bytes(128) + b"DICM" + struct.pack("<HH2sH", 2, 0x10, b"UI", 20) + EXPLICIT_LITTLE.encode() + b"\0"
        stream = Stream(header + body, EXPLICIT_LITTLE, len(header))
    walker = _Walker(stream)
    try:
        end = walker.walk()
    except (_TornError, struct.error) as error:
        raise InputError("read.dicom_damaged") from error
    return replace(stream, data=stream.data[:end] if end < len(stream.data) else stream.data, pixels=walker.pixels)


def _meta_header(data: bytes) -> Stream:
    """Skip the group 0002 elements (always explicit little endian) and read the transfer syntax among them."""
    position = 132 if data[128:132] == b"DICM" else 0
    syntax = ""
    while data[position : position + 2] == b"\x02\x00":
        _, element, vr, length = struct.unpack_from("<HH2sH", data, position)
        position += 8
        if vr in _LONG_VRS:
            (length,) = struct.unpack_from("<L", data, position)
            position += 4
        if element == 0x10:
            syntax = data[position : position + length].decode("ascii", "replace").strip("\0 ")
        position += length
    return Stream(data, syntax or _guess_syntax(data, position), position)


def _guess_syntax(data: bytes, start: int) -> str:
    explicit = data[start + 4 : start + 6].isalpha() and data[start + 4 : start + 6].isupper()
    if data[start : start + 1] == b"\0":
        return EXPLICIT_BIG
    return EXPLICIT_LITTLE if explicit else IMPLICIT_LITTLE


class _Walker:
    """Steps from element to element, keeping only where each open sequence and item ends."""

    def __init__(self, stream: Stream) -> None:
        self.data = stream.data
        self.position = stream.start
        self.explicit = stream.syntax != IMPLICIT_LITTLE
        order = ">" if stream.syntax == EXPLICIT_BIG else "<"
        self.tag_and_length = struct.Struct(order + "HHL")
        self.tag_and_vr = struct.Struct(order + "HH2sH")
        self.long_length = struct.Struct(order + "L")
        self.pixels = -1
        self.open: list[tuple[str, int]] = []  # ("sequence" | "item", end offset or _UNDEFINED)

    def walk(self) -> int:
        """Return the offset just after the pixels, or the end of the data when there are none."""
        for _ in range(MAX_ELEMENTS):
            while self.open and self.open[-1][1] <= self.position:
                self.open.pop()
            if self.position + 8 > len(self.data):
                return len(self.data)
            tag, vr, length = self._header()
            if tag >> 16 == 0xFFFE:
                self._delimiter(tag, length)
            elif tag in _PIXELS and not self.open:
                self.pixels = self.position
                return self._after_value(length)
            elif self._is_sequence(tag, vr, length):
                self._enter("sequence", length)
            else:
                self.position = self._after_value(length)
        raise LimitError("read.too_many_elements", limit=MAX_ELEMENTS)

    def _header(self) -> tuple[int, bytes, int]:
        group, element, length = self.tag_and_length.unpack_from(self.data, self.position)
        tag, vr = group << 16 | element, b""
        if self.explicit and group != 0xFFFE:
            _, _, vr, short = self.tag_and_vr.unpack_from(self.data, self.position)
            if not (b"AA" <= vr <= b"ZZ"):  # some writers fall back to implicit inside sequences
                vr = b""
            elif vr in _LONG_VRS:
                (length,) = self.long_length.unpack_from(self.data, self.position + 8)
                self.position += 4
            else:
                length = short
        self.position += 8
        return tag, vr, length

    def _is_sequence(self, tag: int, vr: bytes, length: int) -> bool:
        if tag in _PIXELS:
            return False
        if vr == b"SQ" or length == _UNDEFINED:
            return True
        looks_nested = self.data[self.position : self.position + 4] in (b"\xfe\xff\x00\xe0", b"\xff\xfe\xe0\x00")
        return vr in (b"", b"UN") and length >= 8 and looks_nested

    def _delimiter(self, tag: int, length: int) -> None:
        if tag == _ITEM:
            self._enter("item", length)
        elif tag in (_ITEM_END, _SEQUENCE_END):
            wanted = "item" if tag == _ITEM_END else "sequence"
            if self.open and self.open[-1][0] == wanted:
                self.open.pop()
            elif self.open:
                raise _TornError
        else:
            raise _TornError

    def _enter(self, kind: str, length: int) -> None:
        self.open.append((kind, _UNDEFINED if length == _UNDEFINED else self.position + length))
        if len(self.open) > 2 * MAX_NESTING:
            raise LimitError("read.nested_too_deep", limit=MAX_NESTING)

    def _after_value(self, length: int) -> int:
        """Offset after a value; for encapsulated pixels, after the last fragment."""
        if length != _UNDEFINED:
            return self.position + length
        position = self.position
        for _ in range(MAX_ELEMENTS):
            if position + 8 > len(self.data):
                return len(self.data)
            group, element, size = self.tag_and_length.unpack_from(self.data, position)
            position += 8
            if group << 16 | element == _SEQUENCE_END:
                return position
            if group << 16 | element != _ITEM or size == _UNDEFINED:
                raise _TornError
            position += size
        raise LimitError("read.too_many_fragments", limit=MAX_ELEMENTS)
