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
from bmd.findings import Finding, note
from bmd.readers import ct_dicom, grid, nifti
from bmd.readers.ct_dicom import Series
from bmd.readers.header import word
from bmd.readers.limits import MAX_VOLUME_BYTES, MAX_VOLUME_FILES, MIN_SLICES, check_volume
from bmd.readers.patient import demographics
from bmd.readers.source import HEAD_BYTES, File, in_memory, on_disk
from bmd.readers.stream import is_dicom
from bmd.types import Acquisition, Demographics, Study, Volume

Progress = Callable[[float, Finding], None]
_log = logging.getLogger(__name__)
_ZIP = (b"PK\x03\x04", b"PK\x05\x06")
_MIN_TILT, _MAX_TILT = 0.5, 35.0
"""Degrees of gantry tilt that are corrected; beyond them the slices do not belong to one run."""


@dataclass(frozen=True, eq=False)
class VolumeChoice:
    """One volume that an upload holds.

    Attributes
    ----------
    title : Finding
        What tells it from the others: "Axial, 300 slices of 1.0 mm, sharp kernel". Never text from the file.
    n_slices : int
        Slices as stored.
    spacing_mm : tuple of float
        (slice, row, column) as stored; after loading see the image's own.
    score : float
        How well it suits; the highest comes first.
    notes : tuple of Finding
        What was noticed while listing it.
    """

    title: Finding
    n_slices: int
    spacing_mm: tuple[float, float, float]
    score: float
    notes: tuple[Finding, ...]
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
            raise InputError("read.ct.damaged") from None
        tell(1.0, note("read.ct.done"))
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
        raise InputError("read.ct.nothing_given", found=note("read.ct.found.no_file"))
    _check_total(len(files), sum(len(data) for _, data in files))
    return _listed([in_memory(data) for _, data in files])


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
            raise InputError("read.ct.nothing_given", found=note("read.ct.found.empty_folder"))
        _check_total(len(files), sum(sizes))
        return _listed([on_disk(f, size) for f, size in zip(files, sizes, strict=True)])
    except OSError as error:
        raise InputError("read.cannot_open", reason=error.strerror or "") from error


def is_volume(head: bytes) -> bool:
    """Whether a file that begins like this is an archive or a NIfTI volume; a DICOM file may be either kind."""
    return head[:4] in _ZIP or head[:2] == b"\x1f\x8b" or nifti.is_nifti(head)


def _check_total(count: int, size: int) -> None:
    if count > MAX_VOLUME_FILES:
        raise LimitError("read.ct.too_many_files", limit=MAX_VOLUME_FILES, count=count)
    if size > MAX_VOLUME_BYTES:
        raise LimitError("read.ct.files_too_large", limit_mb=MAX_VOLUME_BYTES / 2**20, mb=size / 2**20)


def _members(data: bytes) -> list[File]:
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
    members = [m for m in archive.infolist() if not m.is_dir() and not m.filename.startswith("__MACOSX")]
    if len(members) > MAX_VOLUME_FILES:
        raise LimitError("read.ct.archive_too_many_files", limit=MAX_VOLUME_FILES, count=len(members))
    size = sum(m.file_size for m in members)
    if size > MAX_VOLUME_BYTES:
        raise LimitError("read.ct.archive_too_large", limit_mb=MAX_VOLUME_BYTES / 2**20, mb=size / 2**20)
    if any(m.flag_bits & 1 for m in members):
        raise InputError("read.ct.archive_locked")
    return [File(m.file_size, partial(_inflated, archive, m), partial(_inflated, archive, m, -1)) for m in members]


def _inflated(archive: zipfile.ZipFile, member: zipfile.ZipInfo, count: int) -> bytes:
    try:
        with archive.open(member) as file:
            return file.read(count)
    except Exception as error:  # noqa: BLE001  BadZipFile, zlib.error, EOFError, NotImplementedError ...
        raise InputError("read.ct.member_damaged", reason=type(error).__name__) from None


def _listed(files: Iterable[File], inside: bool = False) -> tuple[VolumeChoice, ...]:
    """Volumes of all sources, best first; what was no CT is counted and named when nothing else is there."""
    slices: list[ct_dicom.Slice] = []
    choices: list[VolumeChoice] = []
    others: Counter[Finding] = Counter()
    for file in files:
        try:
            head = file.head(HEAD_BYTES)
            if head[:4] in _ZIP and inside:
                others[note("read.ct.found.inner_archive")] += 1
            elif head[:4] in _ZIP:
                choices += _listed(_members(file.read()), inside=True)
            elif head[:2] == b"\x1f\x8b" or nifti.is_nifti(head):
                choices += _of_nifti(file, head)
            elif is_dicom(head):
                slices += _slices(file)
            else:
                others[note("read.ct.found.other_file")] += 1
        except LimitError:
            raise
        except InputError as error:
            others.update(_found(error))
        except Exception as error:  # noqa: BLE001  damaged files raise everything; the text may quote the file
            _log.info("unreadable file: %s", type(error).__name__)
            others[note("read.ct.found.damaged_file")] += 1
    for one in ct_dicom.group(slices):
        if len(one.slices) < MIN_SLICES:
            others[note("read.ct.found.too_few", count=len(one.slices))] += 1
        else:
            choices += _of_series(one, others)
    if choices:
        return tuple(sorted(choices, key=lambda choice: -choice.score))
    found = tuple(
        note("read.ct.several", count=count, found=what) if count > 1 else what for what, count in others.most_common(3)
    )
    raise InputError("read.ct.needed", found=found or (note("read.ct.found.empty_archive"),))


def _found(error: InputError) -> tuple[Finding, ...]:
    """What an error says was found in place of a CT (an archive may hold several things); else the whole of it."""
    found = error.finding.values.get("found")
    several = found if isinstance(found, tuple) else (found,)
    return tuple(one for one in several if isinstance(one, Finding)) or (error.finding,)


def _slices(file: File) -> list[ct_dicom.Slice]:
    """Slices of one file; an oversized one among many is left out like any other that does not fit."""
    try:
        return ct_dicom.read_slices(file)
    except LimitError as error:
        size = {key: error.finding.values[key] for key in ("columns", "rows") if key in error.finding.values}
        found = note("read.ct.found.picture", **size) if size else note("read.ct.found.beyond_limits")
        raise InputError("read.ct.not_a_slice", found=found) from error


def _of_nifti(file: File, head: bytes) -> list[VolumeChoice]:
    """One choice, or one for each of several volumes in the file."""
    if head[:2] == b"\x1f\x8b":
        head = nifti.gunzip(head, nifti.HEADER_BYTES)
        if not nifti.is_nifti(head):
            raise InputError("read.ct.nothing_given", found=note("read.ct.found.gzip_without_volume"))
    header = nifti.read_header(head)
    if (header.offset + header.bytes * header.shape[3]) > MAX_VOLUME_BYTES:
        raise LimitError("read.ct.volume_too_large", limit_mb=MAX_VOLUME_BYTES / 2**20)
    directions = np.array(header.affine)[:, :3].T * [-1, -1, 1] / np.array(header.spacing)[:, None]
    thin = np.broadcast_to(np.int8(0), header.shape[:3])
    shape, spacing, _ = grid.upright(thin, directions, header.spacing)
    parts = ("NIfTI", note("read.ct.slices", count=shape.shape[0], step_mm=spacing[0]))
    score = _coverage(shape.shape[0] * spacing[0])
    total = header.shape[3]
    return [
        VolumeChoice(
            _title(*parts, *([note("read.ct.part", number=k + 1, total=total)] if total > 1 else [])),
            shape.shape[0],
            spacing,
            score - 0.01 * k,
            header.notes,
            partial(_load_nifti, file, header, k),
        )
        for k in range(min(total, 16))
    ]


def _title(*parts: Finding | str) -> Finding:
    return note("read.ct.title", parts=parts)


def _load_nifti(file: File, header: nifti.NiftiHeader, frame: int, tell: Progress) -> Study:
    what = note("read.ct.reading_volume")
    tell(0.05, what)
    data = file.read()
    pixels, spacing, notes = nifti.read_numbers(data, header, frame, lambda s: tell(0.05 + 0.9 * s, what))
    return _study(pixels, spacing, "NIfTI", (*header.notes, *notes), Acquisition(), Demographics())


def _of_series(one: Series, others: Counter[Finding]) -> list[VolumeChoice]:
    """The choice a DICOM series makes; none when its slices cannot make a volume, which is then counted."""
    try:
        plan = grid.plan_slices(np.array([s.depth for s in one.slices]))
        header = one.header
        check_volume(plan.last - plan.first + 1, int(header.Rows), int(header.Columns))
    except InputError as error:
        others.update(_found(error))
        return []
    first = one.slices[0]
    axis = int(np.argmax(np.abs(first.normal)))
    plane = ("read.ct.plane.sagittal", "read.ct.plane.coronal", "read.ct.plane.axial")[axis]
    count = plan.last - plan.first + 1
    sharp = ct_dicom.is_sharp(header)
    parts = [note(plane), note("read.ct.slices", count=count, step_mm=plan.step_mm)]
    parts += [note("read.ct.sharp_kernel")] if sharp else []
    parts += [note("read.ct.with_contrast")] if ct_dicom.technique(header).contrast else []
    score = _coverage(count * plan.step_mm) + (1.0 if axis == 2 else 0.0) - (0.5 if sharp else 0.0)
    score -= 0.1 * max(0.0, plan.step_mm - 3) + (0.3 if word(header, "ImageType", 0) == "DERIVED" else 0.0)
    score -= 1.0 if word(header, "BodyPartExamined") in ("HEAD", "BRAIN", "NECK") else 0.0
    spacing = (plan.step_mm, *first.spacing)
    return [VolumeChoice(_title(*parts), count, spacing, score, one.notes, partial(_load_series, one, plan))]


def _coverage(length_mm: float) -> float:
    """How much of an abdomen a volume of this length may show, 0..2."""
    return float(2 * np.clip(length_mm / 350, 0, 1))


def _load_series(one: Series, plan: grid.Plan, tell: Progress) -> Study:
    what = note("read.ct.reading_slices", count=len(one.slices))
    tell(0.02, what)
    notes = [*one.notes, *plan.notes]
    volume, damaged = ct_dicom.decode(one, lambda share: tell(0.02 + 0.9 * share, what))
    volume = grid.resample(volume, plan)
    first = one.slices[0]
    directions = np.array([first.normal, first.orientation[3:], first.orientation[:3]])
    tilt = _tilt(one, plan)
    if tilt:
        volume = _untilted(volume, one, plan)
        notes.append(note("read.ct.tilt_undone", degrees=tilt))
    turned, spacing, off = grid.upright(volume, directions, (plan.step_mm, *first.spacing))
    if off > grid.MAX_TURN_DEG:
        raise InputError("read.ct.oblique", degrees=off)
    if off > 3:
        notes.append(note("read.ct.turned", degrees=off))
    taken = replace(
        ct_dicom.technique(one.header),
        tilt_deg=tilt,
        turned_deg=off,
        filled_slices=plan.absent + damaged,
        resampled_mm=plan.step_mm if plan.places is not None and not plan.absent else None,
    )
    notes += [] if first.rescaled else [note("read.ct.not_rescaled")]
    notes += [] if taken.kvp is None else [note("read.ct.tube_voltage", kvp=taken.kvp)]
    notes += [note("read.ct.contrast_given")] if taken.contrast else []
    patient = demographics(one.header, notes)
    notes += [note("read.ct.damaged_filled", count=damaged)] if damaged else []
    tell(0.95, what)
    return _study(np.ascontiguousarray(turned), spacing, "DICOM CT", notes, taken, patient)


def _tilt(one: Series, plan: grid.Plan) -> float:
    """Degrees by which the gantry was tilted; 0 when too little to matter."""
    run = one.slices[plan.first : plan.last + 1]
    tilt = grid.tilt_degrees(np.array([s.position for s in run]), one.slices[0].normal)
    if tilt > _MAX_TILT:
        raise InputError("read.ct.sheared", degrees=tilt)
    return tilt if tilt >= _MIN_TILT else 0.0


def _untilted(volume: NDArray[np.int16], one: Series, plan: grid.Plan) -> NDArray[np.int16]:
    """Undo a tilted gantry: slices that are stacked along another way than their normal are moved in their planes."""
    first = one.slices[0]
    places = np.arange(plan.first, plan.last + 1) if plan.places is None else plan.places
    stored = np.array([s.position for s in one.slices])
    at = np.column_stack([np.interp(places, np.arange(len(stored)), stored[:, k]) for k in range(3)])
    move = at - at[0]
    shifts = np.column_stack([move @ first.orientation[3:], move @ first.orientation[:3]]) / first.spacing
    return grid.straighten(np.ascontiguousarray(volume), shifts)


def _study(
    pixels: NDArray[np.int16],
    spacing: tuple[float, float, float],
    origin: str,
    notes: Sequence[Finding],
    taken: Acquisition,
    patient: Demographics,
) -> Study:
    pixels = np.ascontiguousarray(pixels)
    digest = hashlib.sha256(str(pixels.shape).encode() + pixels[:: max(1, len(pixels) // 40)].tobytes())
    size = (float(spacing[0]), float(spacing[1]), float(spacing[2]))
    volume = Volume(pixels, size, taken)
    return Study(digest.hexdigest()[:16], (), patient, origin, tuple(notes), volume)
