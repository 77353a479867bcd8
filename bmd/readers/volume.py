"""Files of a CT to volumes: one zip, one NIfTI, many DICOM files, or any mix, in any order.

Listing what an upload holds reads headers only; `VolumeChoice.load` decodes the chosen one into a `types.Volume`.
"""

from __future__ import annotations

import hashlib
import logging
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bmd.errors import BmdError, InputError, LimitError
from bmd.findings import Finding, note, warning
from bmd.readers import archive, ct_dicom, ct_series, grid, nifti, ranking
from bmd.readers.ct_series import Series
from bmd.readers.limits import MAX_VOLUME_BYTES, MAX_VOLUME_FILES, MIN_SLICES, check_volume
from bmd.readers.patient import demographics
from bmd.readers.source import HEAD_BYTES, File, in_memory, on_disk
from bmd.readers.stream import is_dicom
from bmd.types import Acquisition, Demographics, Study, Volume

Progress = Callable[[float, Finding], None]
_log = logging.getLogger(__name__)
_MIN_TILT, _MAX_TILT = 0.5, 35.0
"""Degrees of gantry tilt that are corrected; beyond them the slices do not belong to one run."""
_MASK_BYTES = 0.1
"""Compressed bytes per voxel below which a volume is hardly a CT: noise does not compress, masks do."""
MAX_NAMED = 8
"""Kinds of files named that were passed over."""


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
    place : Place or None
        Where it lies, as far as the file says.
    upload : tuple of Finding
        What else was in the upload: files that were passed over, other patients.
    """

    title: Finding
    n_slices: int
    spacing_mm: tuple[float, float, float]
    score: float
    notes: tuple[Finding, ...]
    _load: Callable[[Progress], Study] = field(repr=False)
    place: ranking.Place | None = None
    upload: tuple[Finding, ...] = ()

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
        return replace(study, notes=(*study.notes, *self.upload))


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
    return head[:4] in archive.MAGIC or head[:2] == b"\x1f\x8b" or nifti.is_nifti(head)


def _check_total(count: int, size: int) -> None:
    if count > MAX_VOLUME_FILES:
        raise LimitError("read.ct.too_many_files", limit=MAX_VOLUME_FILES, count=count)
    if size > MAX_VOLUME_BYTES:
        raise LimitError("read.ct.files_too_large", limit_mb=MAX_VOLUME_BYTES / 2**20, mb=size / 2**20)


def _listed(files: Iterable[File]) -> tuple[VolumeChoice, ...]:
    """Volumes of all sources, best first, each told what else was there; that alone is named when there is no CT."""
    slices: list[ct_dicom.Slice] = []
    others: Counter[Finding] = Counter()
    choices = _sorted(files, slices, others, inside=False)
    for one in ct_series.group(slices):
        if len(one.slices) < MIN_SLICES:
            others[note("read.ct.found.too_few", count=len(one.slices))] += 1
        else:
            choices += _of_series(one, others)
    if not choices:
        raise InputError("read.ct.needed", found=_counted(others, 3) or (note("read.ct.found.empty_archive"),))
    said = (note("read.ct.passed_over", found=_counted(others, MAX_NAMED)),) if others else ()
    patients = len({ct_series.patient(one) for one in slices} - {""})
    if patients > 1:
        said = (warning("read.ct.several_patients", count=patients), *said)
    choices = sorted(choices, key=lambda choice: -choice.score)
    return tuple(replace(choice, upload=said) for choice in choices)


def _counted(others: Counter[Finding], most: int) -> tuple[Finding, ...]:
    """What else was found, the most frequent first, with how many of each."""
    return tuple(
        note("read.ct.several", count=count, found=what) if count > 1 else what
        for what, count in others.most_common(most)
    )


def _sorted(
    files: Iterable[File], slices: list[ct_dicom.Slice], others: Counter[Finding], inside: bool
) -> list[VolumeChoice]:
    """Put each file where it belongs: a volume, slices of one, or what is no CT."""
    choices: list[VolumeChoice] = []
    for file in files:
        try:
            head = file.head(HEAD_BYTES)
            if head[:4] in archive.MAGIC and inside:
                others[note("read.ct.found.inner_archive")] += 1
            elif head[:4] in archive.MAGIC:
                choices += _sorted(archive.members(file.read()), slices, others, inside=True)
            elif head[:2] == b"\x1f\x8b" or nifti.is_nifti(head):
                choices += _of_nifti(file, head)
            elif is_dicom(head):
                found, rest = _slices(file)
                slices += found
                others.update(rest)
            else:
                others[_no_ct(head)] += 1
        except LimitError:
            raise
        except InputError as error:
            others.update(_found(error))
        except Exception as error:  # noqa: BLE001  damaged files raise everything; the text may quote the file
            _log.info("unreadable file: %s", type(error).__name__)
            others[note("read.ct.found.damaged_file")] += 1
    return choices


def _no_ct(head: bytes) -> Finding:
    """What a file is that is neither DICOM nor NIfTI, by its first bytes."""
    from bmd.readers import kind_of

    if not head:
        return note("read.ct.found.empty_file")
    kind = kind_of(head)
    named = {"picture": "read.ct.found.picture_file", "unknown": "read.ct.found.other_file"}
    return note(named.get(kind, f"read.kind.{kind}"))


def _found(error: InputError) -> tuple[Finding, ...]:
    """What an error says was found in place of a CT (an archive may hold several things); else the whole of it."""
    found = error.finding.values.get("found")
    several = found if isinstance(found, tuple) else (found,)
    return tuple(one for one in several if isinstance(one, Finding)) or (error.finding,)


def _slices(file: File) -> tuple[list[ct_dicom.Slice], tuple[Finding, ...]]:
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
    score = ranking.coverage(shape.shape[0] * spacing[0]) - (1.0 if _like_mask(file, header) else 0.0)
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


def _like_mask(file: File, header: nifti.NiftiHeader) -> bool:
    """Whether a volume is rather labels than HU: numbers of one byte, or compressed to next to nothing."""
    voxels = header.bytes // np.dtype(header.kind).itemsize * header.shape[3]
    return np.dtype(header.kind).itemsize == 1 or file.size < _MASK_BYTES * voxels


def _title(*parts: Finding | str) -> Finding:
    return note("read.ct.title", parts=parts)


def _load_nifti(file: File, header: nifti.NiftiHeader, frame: int, tell: Progress) -> Study:
    what = note("read.ct.reading_volume")
    tell(0.05, what)
    data = file.read()
    pixels, spacing, notes = nifti.read_numbers(data, header, frame, lambda s: tell(0.05 + 0.9 * s, what))
    return _study(pixels, spacing, "NIfTI", (*header.notes, *notes), Acquisition(), Demographics())


def _of_series(one: Series, others: Counter[Finding]) -> list[VolumeChoice]:
    """The choice a DICOM series makes, or one for each part between its gaps; what makes no volume is counted."""
    try:
        plan = grid.plan_slices(np.array([s.depth for s in one.slices]))
        header = one.slices[0].header
        check_volume(plan.last - plan.first + 1, int(header.Rows), int(header.Columns))
    except InputError as error:
        others.update(_found(error))
        return []
    where = ranking.place(one, plan)
    spacing = (plan.step_mm, *one.slices[0].spacing)
    count, score = plan.last - plan.first + 1, ranking.suits(one, plan, where)
    load = partial(_load_series, one, plan)
    chosen = VolumeChoice(ranking.title(one, plan), count, spacing, score, (*one.notes, *plan.notes), load, where)
    apart = [Series(part, plan.notes) for part in (one.slices[: plan.first], one.slices[plan.last + 1 :])]
    return [chosen, *(more for part in apart if len(part.slices) >= MIN_SLICES for more in _of_series(part, others))]


def _load_series(one: Series, plan: grid.Plan, tell: Progress) -> Study:
    what = note("read.ct.reading_slices", count=len(one.slices))
    tell(0.02, what)
    notes = [*one.notes, *plan.notes]
    volume, damaged = ct_dicom.decode(one.slices, lambda share: tell(0.02 + 0.9 * share, what))
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
        ct_series.technique(first),
        tilt_deg=tilt,
        turned_deg=off,
        filled_slices=plan.absent + damaged,
        resampled_mm=plan.step_mm if plan.places is not None and not plan.absent else None,
    )
    notes += [] if first.rescaled else [note("read.ct.not_rescaled")]
    notes += [] if taken.kvp is None else [note("read.ct.tube_voltage", kvp=taken.kvp)]
    notes += [note("read.ct.contrast_given")] if taken.contrast else []
    patient = demographics(one.own, notes)
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
