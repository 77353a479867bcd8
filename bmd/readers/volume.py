"""Files of a CT to volumes: one zip, one NIfTI, many DICOM files, or any mix, in any order.

Listing what an upload holds reads headers only; `VolumeChoice.load` decodes the chosen one into a `types.Volume`.
"""

from __future__ import annotations

import hashlib
import logging
import struct
import zipfile
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bmd.errors import BmdError, InputError, LimitError
from bmd.readers import ct_dicom as dicom_series
from bmd.readers import grid, nifti
from bmd.readers.ct_dicom import Series, Source
from bmd.readers.header import number, word
from bmd.readers.limits import MAX_VOLUME_BYTES, MAX_VOLUME_FILES, MIN_SLICES, check_volume
from bmd.readers.stream import is_dicom
from bmd.types import Acquisition, Study, Volume

FORMATS = "DICOM slices, a zip archive of them, or a NIfTI volume (.nii, .nii.gz)"
"""What can be read, for sentences on the page."""

Progress = Callable[[float, str], None]
_log = logging.getLogger(__name__)
_ZIP = (b"PK\x03\x04", b"PK\x05\x06")
_MIN_TILT, _MAX_TILT = 0.5, 35.0
"""Degrees of gantry tilt that are corrected; beyond them the slices do not belong to one run."""
_HEAD_BYTES = 1 << 16


@dataclass(frozen=True, eq=False)
class VolumeChoice:
    """One volume that an upload holds.

    Attributes
    ----------
    title : str
        What tells it from the others: "Axial, 300 slices of 1.0 mm, soft kernel". Never text from the file.
    n_slices : int
        Slices as stored.
    spacing_mm : tuple of float
        (slice, row, column) as stored; after loading see the image's own.
    score : float
        How well it suits; the highest comes first.
    notes : tuple of str
        What was noticed while listing it.
    """

    title: str
    n_slices: int
    spacing_mm: tuple[float, float, float]
    score: float
    notes: tuple[str, ...]
    _load: Callable[[Progress], Study] = field(repr=False)

    def load(self, progress: Progress | None = None) -> Study:
        """Decode it.

        Parameters
        ----------
        progress : callable, optional
            Called with a share 0..1 and what is being done.

        Returns
        -------
        Study
            One CT volume in HU; of the patient only age, sex, height and weight.

        Raises
        ------
        InputError
            The data are damaged or incomplete.
        """
        tell = progress or (lambda share, what: None)
        try:
            study = self._load(tell)
        except BmdError:
            raise
        except Exception as error:  # noqa: BLE001  damaged files raise everything; the text may quote the file
            _log.info("unreadable volume: %s", type(error).__name__)
            raise InputError("The CT is damaged or incomplete", remedy="Export it again") from None
        tell(1.0, "Read")
        return study


def read_volumes(files: Sequence[tuple[str, bytes]]) -> tuple[VolumeChoice, ...]:
    """List the CT volumes that uploaded files hold, best first.

    Parameters
    ----------
    files : sequence of (str, bytes)
        Names, which are neither looked at nor kept, and contents.

    Raises
    ------
    LimitError
        Too many files, too large, or an archive that expands to too much; checked before decoding.
    InputError
        No CT volume in them; the message says what was found instead.
    """
    if not files:
        raise InputError(f"A CT is needed: {FORMATS}", "no file")
    _check_total(len(files), sum(len(data) for _, data in files))
    return _listed([_of_bytes(data) for _, data in files])


def read_folder(path: str | Path) -> tuple[VolumeChoice, ...]:
    """List the CT volumes in a folder (with its subfolders) or in one file, best first; see `read_volumes`."""
    return read_paths([Path(path)])


def read_paths(paths: Sequence[Path]) -> tuple[VolumeChoice, ...]:
    """List the CT volumes in files and folders together, best first; see `read_volumes`."""
    try:
        files = [f for path in paths for f in (sorted(path.rglob("*")) if path.is_dir() else [path])]
        files = [f for f in files if not f.is_dir()]
        sizes = [f.stat().st_size for f in files]
        if not files:
            raise InputError(f"A CT is needed: {FORMATS}", "an empty folder")
        _check_total(len(files), sum(sizes))
        return _listed([_of_path(f, size) for f, size in zip(files, sizes, strict=True)])
    except OSError as error:
        raise InputError("The file cannot be opened", error.strerror or "", "Check its name") from error


def is_volume(head: bytes) -> bool:
    """Whether a file that begins like this is an archive or a NIfTI volume; a DICOM file may be either kind."""
    return head[:4] in _ZIP or head[:2] == b"\x1f\x8b" or nifti.is_nifti(head)


def _check_total(count: int, size: int) -> None:
    if count > MAX_VOLUME_FILES:
        raise LimitError(f"A CT may have at most {MAX_VOLUME_FILES} files", str(count), "Choose one series")
    if size > MAX_VOLUME_BYTES:
        seen = f"{size / 2**20:.0f} MB"
        raise LimitError(f"A CT may have at most {MAX_VOLUME_BYTES // 2**20} MB", seen, "Choose one series")


def _of_bytes(data: bytes) -> Source:
    return Source(len(data), lambda count: data[:count], lambda: data)


def _of_path(path: Path, size: int) -> Source:
    def head(count: int) -> bytes:
        with path.open("rb") as file:
            return file.read(count)

    return Source(size, head, path.read_bytes)


def _members(data: bytes) -> list[Source]:
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
        raise InputError("The zip archive is damaged", remedy="Make it again") from error
    members = [m for m in archive.infolist() if not m.is_dir() and not m.filename.startswith("__MACOSX")]
    if len(members) > MAX_VOLUME_FILES:
        raise LimitError(f"An archive may have at most {MAX_VOLUME_FILES} files", str(len(members)), "Zip one series")
    size = sum(m.file_size for m in members)
    if size > MAX_VOLUME_BYTES:
        raise LimitError(
            f"An archive may expand to at most {MAX_VOLUME_BYTES // 2**20} MB",
            f"{size / 2**20:.0f} MB",
            "Zip one series",
        )
    if any(m.flag_bits & 1 for m in members):
        raise InputError("The zip archive is locked with a password", remedy="Make it again without one")
    return [Source(m.file_size, partial(_inflated, archive, m), partial(_inflated, archive, m, -1)) for m in members]


def _inflated(archive: zipfile.ZipFile, member: zipfile.ZipInfo, count: int) -> bytes:
    try:
        with archive.open(member) as file:
            return file.read(count)
    except Exception as error:  # noqa: BLE001  BadZipFile, zlib.error, EOFError, NotImplementedError ...
        raise InputError("The zip archive is damaged", type(error).__name__, "Make it again") from None


def _listed(sources: Iterable[Source], inside: bool = False) -> tuple[VolumeChoice, ...]:
    """Volumes of all sources, best first; what was no CT is counted and named when nothing else is there."""
    slices: list[dicom_series.Slice] = []
    choices: list[VolumeChoice] = []
    others: Counter[str] = Counter()
    for source in sources:
        try:
            head = source.head(_HEAD_BYTES)
            if head[:4] in _ZIP and inside:
                others["an archive inside the archive"] += 1
            elif head[:4] in _ZIP:
                choices += _listed(_members(source.read()), inside=True)
            elif head[:2] == b"\x1f\x8b" or nifti.is_nifti(head):
                choices += _of_nifti(source, head)
            elif is_dicom(head):
                slices += _slices(source)
            else:
                others["a file that is neither DICOM nor NIfTI"] += 1
        except LimitError:
            raise
        except InputError as error:
            others[error.seen or str(error)] += 1
        except Exception as error:  # noqa: BLE001  damaged files raise everything; the text may quote the file
            _log.info("unreadable file: %s", type(error).__name__)
            others["a damaged file"] += 1
    for one in dicom_series.group(slices):
        if len(one.slices) < MIN_SLICES:
            others[f"a series of {len(one.slices)} slice{'s' if len(one.slices) > 1 else ''}, too few"] += 1
        else:
            choices += _of_series(one, others)
    if choices:
        return tuple(sorted(choices, key=lambda choice: -choice.score))
    seen = "; ".join(f"{count} x {what}" if count > 1 else what for what, count in others.most_common(3))
    raise InputError(f"A CT is needed: {FORMATS}", seen or "an empty archive", "Choose the whole axial series")


def _slices(source: Source) -> list[dicom_series.Slice]:
    """Slices of one file; an oversized one among many is left out like any other that does not fit."""
    try:
        return dicom_series.read_slices(source)
    except LimitError as error:
        raise InputError("CT slices are needed", f"a picture of {error.seen}") from error


def _of_nifti(source: Source, head: bytes) -> list[VolumeChoice]:
    """One choice, or one for each of several volumes in the file."""
    if head[:2] == b"\x1f\x8b":
        head = nifti.gunzip(head, nifti.HEADER_BYTES)
        if not nifti.is_nifti(head):
            raise InputError("A CT is needed", "a gzip file without a NIfTI volume")
    header = nifti.read_header(head)
    if (header.offset + header.bytes * header.shape[3]) > MAX_VOLUME_BYTES:
        raise LimitError(f"A volume may expand to at most {MAX_VOLUME_BYTES // 2**20} MB", "more", "Export one volume")
    directions = np.array(header.affine)[:, :3].T * [-1, -1, 1] / np.array(header.spacing)[:, None]
    thin = np.broadcast_to(np.int8(0), header.shape[:3])
    shape, spacing, _ = grid.upright(thin, directions, header.spacing)
    title = f"NIfTI, {shape.shape[0]} slices of {spacing[0]:.1f} mm"
    score = _coverage(shape.shape[0] * spacing[0])
    frames = range(min(header.shape[3], 16))
    return [
        VolumeChoice(
            title + (f", volume {k + 1} of {header.shape[3]}" if header.shape[3] > 1 else ""),
            shape.shape[0],
            spacing,
            score - 0.01 * k,
            header.notes,
            partial(_load_nifti, source, header, k),
        )
        for k in frames
    ]


def _load_nifti(source: Source, header: nifti.NiftiHeader, frame: int, tell: Progress) -> Study:
    tell(0.05, "Reading the volume")
    data = source.read()
    pixels, spacing, notes = nifti.read_numbers(
        data, header, frame, lambda s: tell(0.05 + 0.9 * s, "Reading the volume")
    )
    return _study(pixels, spacing, "NIfTI", (*header.notes, *notes), Acquisition())


def _of_series(one: Series, others: Counter[str]) -> list[VolumeChoice]:
    """The choice a DICOM series makes; none when its slices cannot make a volume, which is then counted."""
    try:
        plan = grid.plan_slices(np.array([s.depth for s in one.slices]))
        header = one.header
        check_volume(plan.last - plan.first + 1, int(header.Rows), int(header.Columns))
    except InputError as error:
        others[error.seen] += 1
        return []
    first = one.slices[0]
    axis = int(np.argmax(np.abs(first.normal)))
    plane = ("Sagittal", "Coronal", "Axial")[axis]
    count = plan.last - plan.first + 1
    sharp = dicom_series.is_sharp(header)
    parts = [plane, f"{count} slices of {plan.step_mm:.1f} mm", "sharp kernel" if sharp else ""]
    parts += ["with contrast" if str(header.get("ContrastBolusAgent") or "").strip() else ""]
    score = _coverage(count * plan.step_mm) + (1.0 if axis == 2 else 0.0) - (0.5 if sharp else 0.0)
    score -= 0.1 * max(0.0, plan.step_mm - 3) + (0.3 if word(header, "ImageType", 0) == "DERIVED" else 0.0)
    score -= 1.0 if word(header, "BodyPartExamined") in ("HEAD", "BRAIN", "NECK") else 0.0
    spacing = (plan.step_mm, *first.spacing)
    title = ", ".join(part for part in parts if part)
    return [VolumeChoice(title, count, spacing, score, one.notes, partial(_load_series, one, plan))]


def _coverage(length_mm: float) -> float:
    """How much of an abdomen a volume of this length may show, 0..2."""
    return float(2 * np.clip(length_mm / 350, 0, 1))


def _load_series(one: Series, plan: grid.Plan, tell: Progress) -> Study:
    what = f"Reading {len(one.slices)} slices"
    tell(0.02, what)
    notes = [*one.notes, *plan.notes]
    volume, said = dicom_series.decode(one, lambda share: tell(0.02 + 0.9 * share, what))
    volume = grid.resample(volume, plan)
    first = one.slices[0]
    spacing: tuple[float, ...] = (plan.step_mm, *first.spacing)
    directions = np.array([first.normal, first.orientation[3:], first.orientation[:3]])
    volume, notes = _untilted(volume, one, plan, notes)
    turned, spacing, off = grid.upright(volume, directions, spacing)
    if off > grid.MAX_TURN_DEG:
        raise InputError("The slices must lie about straight in the patient", f"turned by {off:.0f} degrees")
    if off > 3:
        notes.append(f"The slices are turned by {off:.0f} degrees against the patient")
    taken = _technique(one)
    notes += _told(taken)
    patient = dicom_series.patient(one, notes)
    tell(0.95, what)
    study = _study(np.ascontiguousarray(turned), spacing, "DICOM CT", (*notes, *said), taken)
    return replace(study, patient=patient)


def _untilted(volume: NDArray, one: Series, plan: grid.Plan, notes: list[str]) -> tuple[NDArray, list[str]]:
    """Undo a tilted gantry: slices that are stacked along another way than their normal are moved in their planes."""
    run = one.slices[plan.first : plan.last + 1]
    first = one.slices[0]
    tilt = grid.tilt_degrees(np.array([s.position for s in run]), first.normal)
    if tilt > _MAX_TILT:
        raise InputError("The slices of a CT must lie above each other", f"shifted by {tilt:.0f} degrees")
    if tilt < _MIN_TILT:
        return volume, notes
    places = np.arange(plan.first, plan.last + 1) if plan.places is None else plan.places
    stored = np.array([s.position for s in one.slices])
    at = np.column_stack([np.interp(places, np.arange(len(stored)), stored[:, k]) for k in range(3)])
    move = at - at[0]
    shifts = np.column_stack([move @ first.orientation[3:], move @ first.orientation[:3]]) / first.spacing
    note = f"The scanner's gantry was tilted by {tilt:.0f} degrees; the slices were moved back above each other"
    return grid.straighten(np.ascontiguousarray(volume), shifts), [*notes, note]


def _technique(one: Series) -> Acquisition:
    """Tube voltage, contrast agent and kernel, which move HU; only numbers and yes or no, never free text."""
    kvp, thickness = number(one.header, "KVP"), number(one.header, "SliceThickness")
    named = bool(one.header.get("ConvolutionKernel"))
    return Acquisition(
        kvp=kvp if kvp and 40 < kvp < 200 else None,
        contrast=True if str(one.header.get("ContrastBolusAgent") or "").strip() else None,
        kernel=("sharp" if dicom_series.is_sharp(one.header) else "soft") if named else None,
        slice_thickness_mm=thickness if thickness and thickness > 0 else None,
    )


def _told(taken: Acquisition) -> list[str]:
    said = [] if taken.kvp is None else [f"Tube voltage {taken.kvp:.0f} kV"]
    return [*said, "Contrast agent given"] if taken.contrast else said


def _study(pixels: NDArray, spacing: Sequence[float], origin: str, notes: Sequence[str], taken: Acquisition) -> Study:
    pixels = np.ascontiguousarray(pixels)
    digest = hashlib.sha256(str(pixels.shape).encode() + pixels[:: max(1, len(pixels) // 40)].tobytes())
    size = (float(spacing[0]), float(spacing[1]), float(spacing[2]))
    volume = Volume(pixels, size, taken)
    return Study(digest.hexdigest()[:16], origin=origin, notes=tuple(notes), volume=volume)
