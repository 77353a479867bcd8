"""NIfTI-1 and NIfTI-2 single files (.nii, .nii.gz), read here: a fixed header and one block of numbers.

Format: nifti.nimh.nih.gov, nifti1.h and nifti2.h. NIfTI's axes run to the right, front and head of the world; its
affine is turned into DICOM's directions before the volume is set upright.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bmd.errors import InputError
from bmd.findings import Finding, note
from bmd.readers.grid import AIR_HU, MAX_TURN_DEG, upright
from bmd.readers.limits import check_volume

HEADER_BYTES = 544
_TYPES = {2: "u1", 4: "i2", 8: "i4", 16: "f4", 64: "f8", 256: "i1", 512: "u2", 768: "u4", 1024: "i8", 1280: "u8"}


@dataclass(frozen=True)
class NiftiHeader:
    """What the header says.

    Attributes
    ----------
    shape : tuple of int
        x, y, z and the number of volumes.
    kind : str
        NumPy type of a stored number, with its byte order.
    offset : int
        Where the numbers begin.
    slope, intercept : float
        HU = stored * slope + intercept.
    affine : tuple
        3 x 4: voxel to mm, towards right, front and head.
    notes : tuple of Finding
        What had to be assumed.
    """

    shape: tuple[int, int, int, int]
    kind: str
    offset: int
    slope: float
    intercept: float
    affine: tuple[tuple[float, ...], ...]
    notes: tuple[Finding, ...] = ()

    @property
    def spacing(self) -> tuple[float, float, float]:
        """Size of a voxel along x, y and z, mm."""
        lengths = np.linalg.norm(np.array(self.affine)[:, :3], axis=0)
        return float(lengths[0]), float(lengths[1]), float(lengths[2])

    @property
    def bytes(self) -> int:
        """Size of one volume."""
        return int(np.prod(self.shape[:3], dtype=np.int64)) * np.dtype(self.kind).itemsize


def is_nifti(head: bytes) -> bool:
    """Whether the first `HEADER_BYTES` bytes (inflated) are a NIfTI header."""
    return head[344:348] in (b"n+1\0", b"ni1\0") or head[4:8] in (b"n+2\0", b"ni2\0")


def read_header(head: bytes) -> NiftiHeader:
    """Read and check a header.

    Raises
    ------
    InputError
        Damaged, or not a volume of plain numbers.
    LimitError
        More voxels than `limits` allows.
    """
    try:
        return _header(head)
    except struct.error as error:
        raise InputError("read.nifti.damaged", found=note("read.nifti.found.too_short")) from error


def _header(head: bytes) -> NiftiHeader:
    second = head[4:8] in (b"n+2\0", b"ni2\0")
    order = "<" if struct.unpack_from("<i", head)[0] == (540 if second else 348) else ">"
    if struct.unpack_from(order + "i", head)[0] != (540 if second else 348):
        raise InputError("read.nifti.damaged", found=note("read.nifti.found.header_size"))
    if (head[4:8] if second else head[344:348]) in (b"ni1\0", b"ni2\0"):
        raise InputError("read.nifti.header_alone", found=note("read.nifti.found.header_alone"))
    dim = struct.unpack_from(order + ("8q" if second else "8h"), head, 16 if second else 40)
    (code,) = struct.unpack_from(order + "h", head, 12 if second else 70)
    (offset,) = struct.unpack_from(order + ("q" if second else "f"), head, 168 if second else 108)
    slope, intercept = struct.unpack_from(order + ("2d" if second else "2f"), head, 176 if second else 112)
    if code not in _TYPES:
        raise InputError("read.nifti.not_one_number", found=note("read.nifti.found.number_kind"))
    if not 3 <= dim[0] <= 7 or min(dim[1 : dim[0] + 1]) < 1 or any(n > 1 for n in dim[5 : dim[0] + 1]):
        raise InputError("read.nifti.not_three_dimensions", found=note("read.nifti.found.dimensions"))
    shape = (int(dim[1]), int(dim[2]), int(dim[3]), int(dim[4]) if dim[0] > 3 else 1)
    kind = order + _TYPES[code]
    least, middle, most = sorted(shape[:3])  # any axis may hold the slices
    check_volume(least, middle, most, np.dtype(kind).itemsize)
    notes: list[Finding] = []
    affine = _affine(head, order, second, notes)
    if not np.isfinite([slope, intercept]).all() or slope == 0:
        slope, intercept = 1.0, 0.0
    smallest = 544 if second else 352
    if not smallest <= offset <= 2**31:
        raise InputError("read.nifti.damaged", found=note("read.nifti.found.offset"))
    return NiftiHeader(shape, kind, int(offset), slope, intercept, affine, tuple(notes))


def _affine(head: bytes, order: str, second: bool, notes: list[Finding]) -> tuple[tuple[float, ...], ...]:
    """Voxel to mm, from the sform, else the qform; a file with neither is taken to lie as NIfTI's axes run."""
    real = "d" if second else "f"
    pixdim = struct.unpack_from(order + "8" + real, head, 104 if second else 76)
    qform, sform = struct.unpack_from(order + ("2i" if second else "2h"), head, 344 if second else 252)
    if sform > 0:
        matrix = np.array(struct.unpack_from(order + "12" + real, head, 400 if second else 280)).reshape(3, 4)
    elif qform > 0:
        b, c, d, *move = struct.unpack_from(order + "6" + real, head, 352 if second else 256)
        matrix = np.column_stack([_turn(b, c, d, -1.0 if pixdim[0] < 0 else 1.0) * np.abs(pixdim[1:4]), move])
    else:
        notes.append(note("read.nifti.usual_order"))
        matrix = np.column_stack([np.diag(np.abs(pixdim[1:4])), np.zeros(3)])
    lengths = np.linalg.norm(matrix[:, :3], axis=0)
    if not np.isfinite(matrix).all() or lengths.min() < 0.05 or lengths.max() > 50:
        raise InputError("read.nifti.no_voxel_size", found=note("read.nifti.found.voxel_size"))
    if abs(float(np.linalg.det(matrix[:, :3] / lengths))) < 0.9:
        raise InputError("read.nifti.skewed", found=note("read.nifti.found.skewed"))
    return tuple(tuple(float(v) for v in row) for row in matrix)


def _turn(b: float, c: float, d: float, handed: float) -> NDArray[np.float64]:
    """Rotation of a unit quaternion given by its last three parts (nifti1.h, method 2)."""
    a = np.sqrt(max(0.0, 1.0 - (b * b + c * c + d * d)))
    turn = np.array(
        [
            [a * a + b * b - c * c - d * d, 2 * (b * c - a * d), 2 * (b * d + a * c)],
            [2 * (b * c + a * d), a * a + c * c - b * b - d * d, 2 * (c * d - a * b)],
            [2 * (b * d - a * c), 2 * (c * d + a * b), a * a + d * d - c * c - b * b],
        ]
    )
    turn[:, 2] *= handed
    return turn


def read_numbers(
    data: bytes, header: NiftiHeader, frame: int = 0, tell: Callable[[float], None] = lambda share: None
) -> tuple[NDArray[np.int16], tuple[float, float, float], tuple[Finding, ...]]:
    """Decode one volume, turned upright.

    Parameters
    ----------
    data : bytes
        The whole file, inflated or gzipped.
    header : NiftiHeader
        From `read_header`.
    frame : int
        Which volume of a series of volumes.
    tell : callable
        Called with the share done.

    Returns
    -------
    ndarray, tuple of float, tuple of Finding
        int16 HU (D, H, W), spacing in mm, and what was done.

    Raises
    ------
    InputError
        The file ends before its numbers do, or is not a CT.
    """
    start = header.offset + frame * header.bytes
    if data[:2] == b"\x1f\x8b":
        data = gunzip(data, start + header.bytes)
    tell(0.4)
    if len(data) < start + header.bytes:
        raise InputError("read.nifti.too_short")
    count = header.bytes // np.dtype(header.kind).itemsize
    stored = np.frombuffer(data, header.kind, count, start).reshape(header.shape[2::-1])  # (z, y, x)
    notes: list[Finding] = []
    directions = np.array(header.affine)[:, :3].T[::-1] * [-1, -1, 1]  # rows: z, y, x axes in DICOM's directions
    spacing = header.spacing[::-1]
    view, spacing, off = upright(stored, directions / np.array(spacing)[:, None], spacing)
    if off > MAX_TURN_DEG:
        raise InputError("read.nifti.oblique", degrees=off)
    if off > 3:
        notes.append(note("read.nifti.turned", degrees=off))
    tell(0.5)
    return _as_hu(view, header, notes, tell), spacing, tuple(notes)


def _as_hu(
    view: NDArray[Any], header: NiftiHeader, notes: list[Finding], tell: Callable[[float], None]
) -> NDArray[np.int16]:
    """Scale to HU slab by slab; what is not a number becomes air."""
    plain = header.slope == 1 and header.intercept == 0
    if plain and view.dtype.newbyteorder("=") == np.int16:
        clipped: NDArray[np.int16] = np.maximum(view, np.int16(AIR_HU))
        return clipped
    out, lost = np.empty(view.shape, np.int16), 0
    for k, plane in enumerate(view):
        values = plane.astype(np.float32) * np.float32(header.slope) + np.float32(header.intercept)
        bad = ~np.isfinite(values)
        lost += int(bad.sum())
        values[bad] = AIR_HU
        out[k] = np.clip(np.round(values), AIR_HU, 32767)
        tell(0.5 + 0.5 * (k + 1) / len(view))
    if lost > 0.9 * view.size:
        raise InputError("read.nifti.no_picture")
    if lost:
        notes.append(note("read.nifti.set_to_air", percent=max(1.0, 100 * lost / view.size)))
    return out


def gunzip(data: bytes, most: int) -> bytes:
    """Inflate at most ``most`` bytes of a gzip file; fewer when it ends before.

    Raises
    ------
    InputError
        The file is damaged.
    """
    machine = zlib.decompressobj(31)
    try:
        return machine.decompress(data, most)
    except zlib.error as error:
        raise InputError("read.nifti.gzip_damaged") from error
