"""DICOM CT slices to series that can be stacked, and what their headers say of how they were taken."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from bmd.findings import Finding, note
from bmd.readers import decoders
from bmd.readers.ct_dicom import Slice
from bmd.readers.grid import EVEN
from bmd.readers.header import Header, Layers, number, stored, word
from bmd.types import Acquisition

PHASES = (
    "AcquisitionNumber FrameAcquisitionNumber TemporalPositionIdentifier TemporalPositionIndex StackID KVP "
    "ConvolutionKernel ImageType FrameType RescaleSlope"
).split()
"""What tells the phases of one series apart, the surest first."""
_RUNS = ("AcquisitionNumber", "FrameAcquisitionNumber", "TemporalPositionIndex", "StackID", "KVP")
"""Of these, what tells runs of the scanner apart whose slices lie between each other's."""
_NO_AGENT = {"NO", "NONE", "NATIVE", "NATIV", "WITHOUT", "OHNE", "N", "0", "-"}
"""What is written where an agent would be named when none was given."""
_SHARP = re.compile(
    r"^(?:[BDHIJTU][A-Z]?[5-9]\d|FC[358]\d|BONE|LUNG|EDGE|ULTRA|DETAIL|SHARP|BODY SHARP|Y[A-D]|[CDEL]$|U[A-C]$)"
)
"""Kernels for bone or lung by name: Siemens from 50 on, Canon FC30, 50 and 80, GE and Philips by their words."""


@dataclass(frozen=True, eq=False)
class Series:
    """Slices that belong together, sorted along their normal, and what was noticed while sorting them."""

    slices: tuple[Slice, ...]
    notes: tuple[Finding, ...] = ()

    @property
    def own(self) -> Layers:
        """What is said of the first slice."""
        return self.slices[0].own


def group(slices: Sequence[Slice]) -> list[Series]:
    """Divide slices into series that can be stacked: one size, direction, scanner run and phase each."""
    found: dict[tuple[Any, ...], list[Slice]] = {}
    for one in slices:
        found.setdefault(_key(one), []).append(one)
    return [part for members in found.values() for part in _phases(members)]


def patient(one: Slice) -> str:
    """A hash that tells patients apart within one upload; empty where the header says nothing of the patient.

    Of the identifier, else of birth date and sex. It is compared and dropped.
    """
    said = str(stored(one.header, "PatientID") or "").strip()
    if not said:
        said = "".join(str(stored(one.header, tag) or "").strip() for tag in ("PatientBirthDate", "PatientSex"))
    return hashlib.sha256(said.encode()).hexdigest()[:16] if said else ""


def _key(one: Slice) -> tuple[Any, ...]:
    header = one.header
    return (
        str(stored(header, "SeriesInstanceUID") or ""),
        patient(one),
        (int(header.Rows), int(header.Columns)),
        tuple(np.round(one.orientation, 2).tolist()),
        tuple(np.round(one.spacing, 3).tolist()),
    )


def _phases(members: list[Slice]) -> list[Series]:
    """Sort by place; slices that share a place are copies of one file, or phases of a run in one series."""
    members = sorted(members, key=lambda s: (s.depth, number(s.own, "InstanceNumber") or 0, s.frame))
    once: dict[tuple[str, int], Slice] = {}
    for one in members:
        once.setdefault((str(stored(one.header, "SOPInstanceUID") or id(one)), one.frame), one)
    copies = len(members) - len(once)
    notes = (note("read.ct.given_twice", count=copies),) if copies else ()
    return [_without_shared_places(part, notes) for part in _split(list(once.values()), PHASES)]


def _split(members: list[Slice], tags: Sequence[str]) -> list[list[Slice]]:
    """Divide slices by the first tag that parts those at the same or at interleaved places; whole where none does."""
    shared, uneven = _shared_places(members), _uneven(members)
    if not shared and not uneven:
        return [members]
    for k, tag in enumerate(tags):
        by: dict[str, list[Slice]] = {}
        for one in members:
            by.setdefault(str(stored(one.own, tag) or ""), []).append(one)
        parts = list(by.values())
        helps = sum(map(_shared_places, parts)) < shared or (uneven and tag in _RUNS and _interleaved(members, tag))
        if 1 < len(parts) <= len(members) / 2 and helps:
            return [piece for part in parts for piece in _split(part, tags[k + 1 :])]
    return [members]


def _interleaved(members: list[Slice], tag: str) -> bool:
    """Whether slices of several runs lie between each other."""
    runs = [str(stored(one.own, tag) or "") for one in members]
    turns = sum(a != b for a, b in pairwise(runs))
    return turns > len(set(runs)) + 2


def _uneven(members: list[Slice]) -> bool:
    """Whether the slices are unevenly spaced."""
    steps = np.diff([one.depth for one in members])
    middle = float(np.median(steps)) if len(steps) else 0.0
    return bool(np.any(np.abs(steps - middle) > max(EVEN * middle, 0.1)))


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


def is_sharp(header: Header) -> bool:
    """Whether the reconstruction kernel is one for bone or lung, as far as its name tells."""
    return bool(_SHARP.match(word(header, "ConvolutionKernel", 0)))


def technique(one: Slice) -> Acquisition:
    """Tube voltage, contrast agent and kernel, which move HU; only numbers and yes or no, never free text."""
    header = one.own
    kvp, thickness, bits = number(header, "KVP"), number(header, "SliceThickness"), number(header, "BitsStored")
    named = bool(stored(header, "ConvolutionKernel"))
    syntax = str(stored(one.header.file_meta, "TransferSyntaxUID") or "")
    return Acquisition(
        transfer_syntax=syntax or None,
        bits=int(bits) if bits else None,
        lossy=decoders.lossy(header, syntax),
        kvp=kvp if kvp and 40 < kvp < 200 else None,
        contrast=True if _with_contrast(header) else None,
        kernel=("sharp" if is_sharp(header) else "soft") if named else None,
        slice_thickness_mm=thickness if thickness and thickness > 0 else None,
    )


def _with_contrast(header: Header) -> bool:
    """An agent is named, in words or as a code (enhanced CT), and not said to be absent in these frames."""
    if word(header, "ContrastBolusAgentAdministered") == "NO":
        return False
    agent = str(stored(header, "ContrastBolusAgent") or "").strip().upper()
    return bool(agent and agent not in _NO_AGENT) or bool(stored(header, "ContrastBolusAgentSequence"))
