"""DICOM CT slices: one file's header to slices, one slice to HU. Nothing is decoded before a series was chosen.

Shares with `dicom` the first look at each byte stream (`stream`) and the decoders; no tag asked for
is a name, and identifiers are used to tell series and patients apart, never shown or kept.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from io import BytesIO
from typing import Any

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.datadict import keyword_for_tag
from pydicom.encaps import encapsulate, generate_frames
from pydicom.pixels.decoders.base import get_decoder
from pydicom.uid import UID, RLELossless

from bmd.errors import BmdError, InputError
from bmd.findings import Finding, note
from bmd.readers import decoders
from bmd.readers.dicom import OTHER_MODALITIES
from bmd.readers.grid import AIR_HU
from bmd.readers.header import Layers, number, numbers, stored, word
from bmd.readers.limits import MAX_SLICES, check_picture
from bmd.readers.source import HEAD_BYTES, File
from bmd.readers.stream import EXPLICIT_BIG, Stream, is_dicom, open_stream

TAGS = """
SOPClassUID SOPInstanceUID SeriesInstanceUID FrameOfReferenceUID Modality ImageType BodyPartExamined ConvolutionKernel
SeriesDescription ProtocolName VolumeBasedCalculationTechnique
AcquisitionNumber TemporalPositionIdentifier InstanceNumber LossyImageCompression KVP SliceThickness
ContrastBolusAgent ContrastBolusAgentSequence
PatientID PatientAge PatientBirthDate StudyDate AcquisitionDate PatientSex PatientSize PatientWeight
ImagePositionPatient ImageOrientationPatient PixelSpacing RescaleSlope RescaleIntercept RescaleType
SamplesPerPixel PhotometricInterpretation NumberOfFrames Rows Columns
BitsAllocated BitsStored HighBit PixelRepresentation
SharedFunctionalGroupsSequence PerFrameFunctionalGroupsSequence
""".split()
MAX_DAMAGED = 0.05
"""Largest share of slices that may be undecodable and filled in from their neighbours."""
_GROUPS = """
PlanePositionSequence PlaneOrientationSequence PixelMeasuresSequence PixelValueTransformationSequence
FrameContentSequence CTImageFrameTypeSequence CTXRayDetailsSequence CTReconstructionSequence FrameAnatomySequence
ContrastBolusUsageSequence
""".split()
"""Functional groups of an enhanced CT that are looked into (PS3.3 A.38.1.4)."""
_SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
_DIRECTORY = "1.2.840.10008.1.3.10"
_NO_DENSITY = {"MAX_IP", "MIN_IP", "MAXIMUM", "MINIMUM", "VOLUME_RENDER", "SURFACE_RENDER", "CURVED_MPR"}
"""How pictures are computed from others so that their numbers are no longer the HU of a place (PS3.3 C.8.15.2.1)."""
_PROJECTED = {"MIP", "MINIP", "VRT", "SSD", "PROJECTION"}
"""Words of manufacturers for the same in the image type."""
_HU = {"", "HU", "H", "HOUNSFIELD", "US", "UNSPECIFIED"}
"""Rescale types of a CT: Hounsfield units, or unspecified."""
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
    own: Layers
    """What is said of this slice: its functional groups, those of all frames, then the header."""

    @cached_property
    def normal(self) -> NDArray[np.float64]:
        """Unit normal of the slice."""
        return np.cross(self.orientation[:3], self.orientation[3:])

    @cached_property
    def depth(self) -> float:
        """Position along the normal, mm."""
        return float(self.position @ self.normal)


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


def read_slices(file: File) -> tuple[list[Slice], tuple[Finding, ...]]:
    """Read the header of one DICOM file.

    Returns
    -------
    list of Slice, tuple of Finding
        One, or one per frame of an enhanced CT; and what each frame that is no slice is.

    Raises
    ------
    InputError
        Not a CT slice; its value ``found`` says what it is and may be counted over many files.
    """
    header = _header(file)
    kind = word(header, "Modality")
    _refuse_other_kinds(header, kind)
    check_picture(int(header.Rows), int(header.Columns), 1, max(1, int(header.BitsAllocated) // 8))
    if (number(header, "NumberOfFrames") or 1) > 1 or "PerFrameFunctionalGroupsSequence" in header:
        return _frames(file, header)
    return [_slice(file, header, 0, Layers((header,)))], ()


def _refuse_other_kinds(header: Any, kind: str) -> None:
    capture = str(stored(header, "SOPClassUID") or "").startswith(_SECONDARY_CAPTURE)
    if kind != "CT":
        raise _no_slice(f"read.modality.{kind}" if kind in OTHER_MODALITIES else "read.ct.found.other_picture")
    if any(word(header, "ImageType", k) in ("LOCALIZER", "SCOUT", "TOPOGRAM") for k in range(6)):
        raise _no_slice("read.ct.found.localiser")
    if any(number(header, tag) is None for tag in _NEEDED) or (number(header, "SamplesPerPixel") or 1) != 1:
        raise _no_slice("read.ct.found.capture" if capture else "read.ct.found.not_grey")
    if capture and stored(header, "ImagePositionPatient") is None and "PerFrameFunctionalGroupsSequence" not in header:
        raise _no_slice("read.ct.found.capture")


def _no_slice(found: str) -> InputError:
    return InputError("read.ct.not_a_slice", found=note(found))


def _header(file: File) -> Any:
    """Parse the header from the beginning of the file; from the whole file when it is longer than usual."""
    data = file.head(HEAD_BYTES)
    stream = open_stream(data)
    if stream.pixels < 0 and file.size > len(data):
        stream = open_stream(file.read())
    found = pydicom.dcmread(BytesIO(stream.data), force=True, specific_tags=list(TAGS), stop_before_pixels=True)
    if stream.pixels >= 0:
        return found
    kind = word(found, "Modality")
    if kind in OTHER_MODALITIES and kind != "CT":
        raise _no_slice(f"read.modality.{kind}")
    directory = str(stored(found.file_meta, "MediaStorageSOPClassUID") or "") == _DIRECTORY
    raise _no_slice("read.ct.found.directory" if directory else "read.ct.found.no_pixels")


def _slice(file: File, header: Any, frame: int, own: Layers) -> Slice:
    """A slice whose geometry and rescaling stand in the first of its layers that names them."""

    def first(tag: str, count: int) -> tuple[float, ...] | None:
        return next((v for v in (numbers(g, tag, count) for g in own.layers) if v is not None), None)

    position, orientation = first("ImagePositionPatient", 3), first("ImageOrientationPatient", 6)
    spacing, slope, shift = first("PixelSpacing", 2), first("RescaleSlope", 1), first("RescaleIntercept", 1)
    if position is None or orientation is None or spacing is None:
        raise _no_slice("read.ct.found.no_place")
    row, column = np.array(orientation[:3]), np.array(orientation[3:])
    if abs(np.linalg.norm(row) - 1) > 0.01 or abs(np.linalg.norm(column) - 1) > 0.01 or abs(row @ column) > 0.01:
        raise _no_slice("read.ct.found.impossible_direction")
    if not all(0.05 <= v <= 5 for v in spacing):
        raise _no_slice("read.ct.found.implausible_pixel_size")
    if word(own, "RescaleType") not in _HU:
        raise _no_slice("read.ct.found.not_hu")
    if computed(own):
        raise _no_slice("read.ct.found.projection")
    scale = (slope or (1.0,))[0] or 1.0, (shift or (0.0,))[0], slope is not None and shift is not None
    return Slice(file, header, frame, np.array(position), orientation, (spacing[0], spacing[1]), *scale, own)


def computed(own: Layers) -> bool:
    """Whether a header says that the picture is a projection or a rendering of others."""
    said = {word(own, "VolumeBasedCalculationTechnique")}
    for tag in ("ImageType", "FrameType"):
        said |= {word(own, tag, k) for k in range(8)}
    return bool(said & _NO_DENSITY) or any(_PROJECTED & {*one.replace("_", " ").split()} for one in said)


def _frames(file: File, header: Any) -> tuple[list[Slice], tuple[Finding, ...]]:
    """Frames of an enhanced CT; each has its own or the shared functional groups (PS3.3 C.7.6.16)."""
    frames = stored(header, "PerFrameFunctionalGroupsSequence") or []
    count = int(number(header, "NumberOfFrames") or 1)
    if len(frames) != count or count > MAX_SLICES:
        raise _no_slice("read.ct.found.frames_without_place")
    shared = [_flat(one) for one in list(stored(header, "SharedFunctionalGroupsSequence") or [])[:1]]
    slices: list[Slice] = []
    others: list[Finding] = []
    for k, frame in enumerate(frames):
        own = Layers((_flat(frame), *shared, header))
        try:
            if any(word(own, "FrameType", place) == "LOCALIZER" for place in range(4)):
                raise _no_slice("read.ct.found.localiser")
            slices.append(_slice(file, header, k, own))
        except InputError as error:
            found = error.finding.values.get("found")
            others.append(found if isinstance(found, Finding) else error.finding)
    if not slices:
        raise InputError("read.ct.not_a_slice", found=others[0])
    return slices, tuple(others)


def _flat(groups: Any) -> dict[str, Any]:
    """What the functional groups of a frame say, by keyword; damaged elements are left out."""
    found: dict[str, Any] = {}
    for name in _GROUPS:
        for part in (stored(groups, name) or [])[:1] if name in groups else ():
            found |= {word: stored(part, word) for word in map(keyword_for_tag, part.keys()) if word}
    return found


def decode(slices: Sequence[Slice], tell: Callable[[float], None]) -> tuple[NDArray[np.int16], int]:
    """Decode the slices of one series, in its order.

    Returns
    -------
    ndarray, int
        int16 HU (D, H, W), and how many damaged slices were filled in from their neighbours.

    Raises
    ------
    InputError
        Too many slices cannot be decoded.
    """
    header = slices[0].header
    volume = np.empty((len(slices), int(header.Rows), int(header.Columns)), np.int16)
    opened = {id(one.file): one for one in slices if _frame_count(one) > 1}
    files = {key: _Opened(open_stream(one.file.read()), _frame_count(one)) for key, one in opened.items()}
    damaged: list[int] = []
    reasons: list[Finding] = []

    def one(k: int) -> None:
        try:
            volume[k] = _hu(slices[k], files)
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


class _Opened:
    """A file of many frames, held while they are decoded; compressed frames are told apart once."""

    def __init__(self, stream: Stream, count: int) -> None:
        self.stream = stream
        inside = UID(stream.syntax).is_encapsulated and stream.pixels >= 0
        buffer = memoryview(stream.data)[stream.pixels :] if inside else b""
        self.frames = list(generate_frames(bytes(buffer), number_of_frames=count)) if inside else []


def _frame_count(one: Slice) -> int:
    return int(number(one.header, "NumberOfFrames") or 1)


def _hu(one: Slice, files: dict[int, _Opened]) -> NDArray[Any]:
    """One slice in HU, clipped to int16."""
    values = _stored(one, files.get(id(one.file)) or _Opened(open_stream(one.file.read()), 1))
    if one.slope == 1 and float(one.intercept).is_integer():
        values = values.astype(np.int32) + int(one.intercept)
    else:
        values = np.round(values.astype(np.float32) * np.float32(one.slope) + np.float32(one.intercept))
    return np.clip(values, AIR_HU, 32767)


def _stored(one: Slice, opened: _Opened) -> NDArray[Any]:
    """One slice as stored, (rows, columns) of integers."""
    header, stream = one.header, opened.stream
    rows, columns, bits = int(header.Rows), int(header.Columns), int(header.BitsAllocated)
    signed, stored = bool(number(header, "PixelRepresentation")), int(number(header, "BitsStored") or bits)
    if UID(stream.syntax).is_encapsulated:
        return decoders.as_stored(_decompressed(one, opened), signed, stored)
    if bits not in (8, 16, 32) or stream.pixels < 0:
        raise InputError("read.ct.depth", bits=bits)
    order = ">" if stream.syntax == EXPLICIT_BIG else "<"
    start = stream.pixels + one.frame * rows * columns * bits // 8
    values = np.frombuffer(stream.data, f"{order}u{bits // 8}", rows * columns, start).reshape(rows, columns)
    if 0 < stored < bits:  # some scanners keep overlays in the high bits
        values = values & values.dtype.type((1 << stored) - 1)
    return decoders.as_stored(values, signed, stored)


def _decompressed(one: Slice, opened: _Opened) -> NDArray[Any]:
    syntax, header, frame = opened.stream.syntax, one.header, opened.frames[one.frame]
    if syntax == RLELossless:
        bits = int(header.BitsAllocated)
        options: dict[str, Any] = {
            "rows": int(header.Rows),
            "columns": int(header.Columns),
            "number_of_frames": 1,
            "samples_per_pixel": 1,
            "photometric_interpretation": "MONOCHROME2",
            "bits_allocated": bits,
            "bits_stored": int(number(header, "BitsStored") or bits),
            "pixel_representation": int(number(header, "PixelRepresentation") or 0),
            "pixel_keyword": "PixelData",
        }
        values, _ = get_decoder(RLELossless).as_array(encapsulate([frame], has_bot=False), index=0, **options)
        return values
    if syntax not in decoders.SUPPORTED:
        raise InputError("read.ct.compression_unknown", name=UID(syntax).name)
    return decoders.decode_frame(frame, syntax, int(header.Rows), int(header.Columns), False)
