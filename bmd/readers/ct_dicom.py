"""DICOM CT slices: headers to series to one volume. Nothing is decoded before the series has been chosen.

Shares with `dicom` the first look at each byte stream (`stream`) and the decoders; no tag asked for
is a name, and UIDs are used to tell series apart, never shown.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.encaps import get_frame
from pydicom.pixels.utils import pixel_array
from pydicom.uid import UID, RLELossless

from bmd.errors import BmdError, InputError
from bmd.findings import Finding, note
from bmd.readers import decoders
from bmd.readers.dicom import OTHER_MODALITIES
from bmd.readers.grid import AIR_HU
from bmd.readers.header import number, numbers, stored, word
from bmd.readers.limits import MAX_SLICES, check_picture
from bmd.readers.source import HEAD_BYTES, File
from bmd.readers.stream import EXPLICIT_BIG, Stream, is_dicom, open_stream
from bmd.types import Acquisition

TAGS = """
SOPClassUID SOPInstanceUID SeriesInstanceUID Modality ImageType BodyPartExamined ConvolutionKernel
AcquisitionNumber TemporalPositionIdentifier InstanceNumber LossyImageCompression KVP ContrastBolusAgent SliceThickness
PatientAge PatientBirthDate StudyDate AcquisitionDate PatientSex PatientSize PatientWeight
ImagePositionPatient ImageOrientationPatient PixelSpacing RescaleSlope RescaleIntercept RescaleType
SamplesPerPixel PhotometricInterpretation NumberOfFrames Rows Columns
BitsAllocated BitsStored HighBit PixelRepresentation
SharedFunctionalGroupsSequence PerFrameFunctionalGroupsSequence
""".split()
MAX_DAMAGED = 0.05
"""Largest share of slices that may be undecodable and filled in from their neighbours."""
_SHARP = re.compile(r"^(?:[BHU][A-Z]?[5-9]\d|FC[358]\d|BONE|LUNG|EDGE|ULTRA|DETAIL|YA|YB|YC|YD|[CDEL])")
_GEOMETRY = (
    "PlanePositionSequence",
    "PlaneOrientationSequence",
    "PixelMeasuresSequence",
    "PixelValueTransformationSequence",
)
_NEEDED = ("Rows", "Columns", "BitsAllocated")


@dataclass(frozen=True, eq=False)
class Slice:
    """One slice before it is decoded: its file, its place in it and in the patient, and how its numbers become HU."""

    file: File
    header: Any
    frame: int
    position: NDArray[np.float64]
    orientation: tuple[float, ...]
    spacing: tuple[float, float]
    slope: float
    intercept: float
    rescaled: bool
    """Whether the file says how its numbers become HU; one that does not is taken to hold HU."""

    @property
    def normal(self) -> NDArray[np.float64]:
        """Unit normal of the slice."""
        return np.cross(self.orientation[:3], self.orientation[3:])

    @property
    def depth(self) -> float:
        """Position along the normal, mm."""
        return float(self.position @ self.normal)


@dataclass(frozen=True, eq=False)
class Series:
    """Slices that belong together, sorted along their normal, and what was noticed while sorting them."""

    slices: tuple[Slice, ...]
    notes: tuple[Finding, ...] = ()

    @property
    def header(self) -> Any:
        """Header of the first slice."""
        return self.slices[0].header


def is_ct(head: bytes) -> bool:
    """Whether a file that begins like this is a DICOM file of modality CT."""
    if not is_dicom(head):
        return False
    try:
        stream = open_stream(head)
        header = pydicom.dcmread(BytesIO(stream.data), force=True, specific_tags=["Modality"], stop_before_pixels=True)
    except Exception:  # noqa: BLE001  damaged files raise everything; reading it gives the message
        return False
    return word(header, "Modality") == "CT"


def read_slices(file: File) -> list[Slice]:
    """Read the header of one DICOM file.

    Returns
    -------
    list of Slice
        One, or one per frame of an enhanced CT.

    Raises
    ------
    InputError
        Not a CT slice; its value ``found`` says what it is and may be counted over many files.
    """
    header = _header(file)
    kind = word(header, "Modality")
    if kind != "CT":
        raise _no_slice(f"read.modality.{kind}" if kind in OTHER_MODALITIES else "read.ct.found.other_picture")
    if any(word(header, "ImageType", k) in ("LOCALIZER", "SCOUT", "TOPOGRAM") for k in range(6)):
        raise _no_slice("read.ct.found.localiser")
    if any(number(header, tag) is None for tag in _NEEDED) or (number(header, "SamplesPerPixel") or 1) != 1:
        raise _no_slice("read.ct.found.not_grey")
    check_picture(int(header.Rows), int(header.Columns), 1, max(1, int(header.BitsAllocated) // 8))
    if (number(header, "NumberOfFrames") or 1) > 1 or "PerFrameFunctionalGroupsSequence" in header:
        return _frames(file, header)
    return [_slice(file, header, 0, (header,))]


def _no_slice(found: str) -> InputError:
    return InputError("read.ct.not_a_slice", found=note(found))


def _header(file: File) -> Any:
    """Parse the header from the beginning of the file; from the whole file when it is longer than usual."""
    data = file.head(HEAD_BYTES)
    stream = open_stream(data)
    if stream.pixels < 0 and file.size > len(data):
        stream = open_stream(file.read())
    found = pydicom.dcmread(BytesIO(stream.data), force=True, specific_tags=list(TAGS), stop_before_pixels=True)
    if stream.pixels < 0:
        raise _no_slice("read.ct.found.no_pixels")
    return found


def _slice(file: File, header: Any, frame: int, groups: Sequence[Any]) -> Slice:
    """A slice whose geometry and rescaling stand in the first of ``groups`` that names them."""

    def first(tag: str, count: int) -> tuple[float, ...] | None:
        return next((v for v in (numbers(g, tag, count) for g in groups) if v is not None), None)

    position, orientation = first("ImagePositionPatient", 3), first("ImageOrientationPatient", 6)
    spacing, slope, shift = first("PixelSpacing", 2), first("RescaleSlope", 1), first("RescaleIntercept", 1)
    if position is None or orientation is None or spacing is None:
        raise _no_slice("read.ct.found.no_place")
    row, column = np.array(orientation[:3]), np.array(orientation[3:])
    if abs(np.linalg.norm(row) - 1) > 0.01 or abs(np.linalg.norm(column) - 1) > 0.01 or abs(row @ column) > 0.01:
        raise _no_slice("read.ct.found.impossible_direction")
    if not all(0.05 <= v <= 5 for v in spacing):
        raise _no_slice("read.ct.found.implausible_pixel_size")
    scale = (slope or (1.0,))[0] or 1.0, (shift or (0.0,))[0], slope is not None and shift is not None
    return Slice(file, header, frame, np.array(position), orientation, (spacing[0], spacing[1]), *scale)


def _frames(file: File, header: Any) -> list[Slice]:
    """Frames of an enhanced CT; each has its own or the shared functional groups (PS3.3 C.7.6.16)."""
    frames = header.get("PerFrameFunctionalGroupsSequence") or []
    count = int(number(header, "NumberOfFrames") or 1)
    if len(frames) != count or count > MAX_SLICES:
        raise _no_slice("read.ct.found.frames_without_place")
    shared = list(header.get("SharedFunctionalGroupsSequence") or [])[:1]
    found = []
    for k, frame in enumerate(frames):
        groups = [part for group in (frame, *shared) for name in _GEOMETRY for part in (group.get(name) or [])[:1]]
        found.append(_slice(file, header, k, [*groups, header]))
    return found


def group(slices: Sequence[Slice]) -> list[Series]:
    """Divide slices into series that can be stacked: one size, direction, scanner run and phase each."""
    found: dict[tuple[Any, ...], list[Slice]] = {}
    for one in slices:
        found.setdefault(_key(one), []).append(one)
    return [part for members in found.values() for part in _phases(members)]


def _key(one: Slice) -> tuple[Any, ...]:
    header = one.header
    return (
        str(stored(header, "SeriesInstanceUID") or ""),
        (int(header.Rows), int(header.Columns)),
        tuple(np.round(one.orientation, 2).tolist()),
        tuple(np.round(one.spacing, 3).tolist()),
    )


def _phases(members: list[Slice]) -> list[Series]:
    """Sort by place; slices that share a place are copies of one file, or phases of a run in one series."""
    members = sorted(members, key=lambda s: (s.depth, number(s.header, "InstanceNumber") or 0, s.frame))
    once: dict[tuple[str, int], Slice] = {}
    for one in members:
        once.setdefault((str(stored(one.header, "SOPInstanceUID") or id(one)), one.frame), one)
    copies = len(members) - len(once)
    notes = (note("read.ct.given_twice", count=copies),) if copies else ()
    parts = [list(once.values())]
    for tag in ("AcquisitionNumber", "TemporalPositionIdentifier", "ImageType", "RescaleSlope"):
        if _shared_places(parts[0]) and len(parts) == 1:
            by: dict[str, list[Slice]] = {}
            for one in parts[0]:
                by.setdefault(str(stored(one.header, tag) or ""), []).append(one)
            parts = list(by.values())
    return [_without_shared_places(part, notes) for part in parts]


def _shared_places(members: list[Slice]) -> int:
    places = Counter(round(s.depth, 2) for s in members)
    return sum(count - 1 for count in places.values())


def _without_shared_places(members: list[Slice], notes: tuple[Finding, ...]) -> Series:
    kept: dict[float, Slice] = {}
    for one in members:
        kept.setdefault(round(one.depth, 2), one)
    dropped = len(members) - len(kept)
    if dropped:
        notes += (note("read.ct.place_taken", count=dropped),)
    return Series(tuple(kept.values()), notes)


def is_sharp(header: Any) -> bool:
    """Whether the reconstruction kernel is one for bone or lung, as far as its name tells."""
    return bool(_SHARP.match(word(header, "ConvolutionKernel", 0)))


def technique(header: Any) -> Acquisition:
    """Tube voltage, contrast agent and kernel, which move HU; only numbers and yes or no, never free text."""
    kvp, thickness, bits = number(header, "KVP"), number(header, "SliceThickness"), number(header, "BitsStored")
    named = bool(stored(header, "ConvolutionKernel"))
    syntax = str(stored(header.file_meta, "TransferSyntaxUID") or "")
    return Acquisition(
        transfer_syntax=syntax or None,
        bits=int(bits) if bits else None,
        lossy=decoders.lossy(header, syntax),
        kvp=kvp if kvp and 40 < kvp < 200 else None,
        contrast=True if str(stored(header, "ContrastBolusAgent") or "").strip() else None,
        kernel=("sharp" if is_sharp(header) else "soft") if named else None,
        slice_thickness_mm=thickness if thickness and thickness > 0 else None,
    )


def decode(series: Series, tell: Callable[[float], None]) -> tuple[NDArray[np.int16], int]:
    """Decode all slices, in the order of the series.

    Returns
    -------
    ndarray, int
        int16 HU (D, H, W), and how many damaged slices were filled in from their neighbours.

    Raises
    ------
    InputError
        Too many slices cannot be decoded.
    """
    slices = series.slices
    header = series.header
    volume = np.empty((len(slices), int(header.Rows), int(header.Columns)), np.int16)
    cache: dict[int, Stream] = {}
    damaged: list[int] = []
    reasons: list[Finding] = []

    def one(k: int) -> None:
        try:
            volume[k] = _hu(slices[k], cache)
        except BmdError as error:
            damaged.append(k)
            reasons.append(error.finding)
        except Exception:  # noqa: BLE001  decoders raise everything on damaged files
            damaged.append(k)

    with ThreadPoolExecutor(2) as pool:
        for count, _ in enumerate(pool.map(one, range(len(slices)))):
            tell((count + 1) / len(slices))
    if not damaged:
        return volume, 0
    if len(damaged) > MAX_DAMAGED * len(slices):
        if reasons:
            raise InputError("read.ct.unreadable_because", count=len(damaged), total=len(slices), reason=reasons[0])
        raise InputError("read.ct.unreadable", count=len(damaged), total=len(slices))
    _fill(volume, damaged)
    return volume, len(damaged)


def _fill(volume: NDArray[np.int16], damaged: list[int]) -> None:
    """Replace damaged slices by the mean of their nearest good neighbours."""
    good = np.setdiff1d(np.arange(len(volume)), damaged)
    for k in damaged:
        low = int(good[max(0, int(np.searchsorted(good, k)) - 1)])
        high = int(good[min(len(good) - 1, int(np.searchsorted(good, k)))])
        volume[k] = ((volume[low].astype(np.int32) + volume[high]) // 2).astype(np.int16)


def _hu(one: Slice, cache: dict[int, Stream]) -> NDArray[Any]:
    """One slice in HU, clipped to int16."""
    values = _stored(one, cache)
    if one.slope == 1 and float(one.intercept).is_integer():
        values = values.astype(np.int32) + int(one.intercept)
    else:
        values = np.round(values.astype(np.float32) * np.float32(one.slope) + np.float32(one.intercept))
    return np.clip(values, AIR_HU, 32767)


def _stored(one: Slice, cache: dict[int, Stream]) -> NDArray[Any]:
    """One slice as stored, (rows, columns) of integers."""
    header, frames = one.header, int(number(one.header, "NumberOfFrames") or 1)
    stream = cache.get(id(one.file)) or open_stream(one.file.read())
    if frames > 1:
        cache[id(one.file)] = stream
    rows, columns, bits = int(header.Rows), int(header.Columns), int(header.BitsAllocated)
    signed, stored = bool(number(header, "PixelRepresentation")), int(number(header, "BitsStored") or bits)
    if UID(stream.syntax).is_encapsulated:
        return decoders.as_stored(_decompressed(one, stream, frames), signed, stored)
    if bits not in (8, 16, 32) or stream.pixels < 0:
        raise InputError("read.ct.depth", bits=bits)
    order = ">" if stream.syntax == EXPLICIT_BIG else "<"
    start = stream.pixels + one.frame * rows * columns * bits // 8
    values = np.frombuffer(stream.data, f"{order}u{bits // 8}", rows * columns, start).reshape(rows, columns)
    if 0 < stored < bits:  # some scanners keep overlays in the high bits
        values = values & values.dtype.type((1 << stored) - 1)
    return decoders.as_stored(values, signed, stored)


def _decompressed(one: Slice, stream: Stream, frames: int) -> NDArray[Any]:
    if stream.syntax == RLELossless:
        return pixel_array(pydicom.dcmread(BytesIO(stream.data), force=True), index=one.frame)
    if stream.syntax not in decoders.SUPPORTED:
        raise InputError("read.ct.compression_unknown", name=UID(stream.syntax).name)
    frame = get_frame(stream.data[stream.pixels :], one.frame, number_of_frames=frames)
    return decoders.decode_frame(frame, stream.syntax, int(one.header.Rows), int(one.header.Columns), False)
