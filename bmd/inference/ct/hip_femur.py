"""The femur below a hip, followed slice by slice from the neck to the upper shaft and up to the greater trochanter.

This is what tells a hip from all else in a pelvis that is round: beside and below a femoral head lies one bone of the
size of a femur, apart from the pelvis, whose greater trochanter ends at about the height of the head's centre.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_closing, binary_erosion, binary_fill_holes, label

from bmd.inputs.ct import Point

GRID_MM = 3.0
"""Size of the voxels that femora are followed in."""
BONE_HU, TIP_HU = 180.0, 150.0
"""Cortex on that grid, and what still counts as the tip of the greater trochanter."""
FROM_MM, TO_MM = 42.0, 90.0
"""Where it is followed, below the centre of the head: from under the neck to the shaft. With its head it is longer
than a kidney."""
REACHES_MM = 60.0
"""The field must reach so far below the centre of the head: to the lower end of the lesser trochanter."""
FEWEST = 4
"""Slices of the grid over which it must be seen."""
OUT_MM, BACK_MM = (18.0, 70.0), (-40.0, 45.0)
"""How far its axis lies from the head, outwards and backwards. On 44 simulated hips 26 to 47 and -6 to 16; flexed and
turned legs are given room."""
AREA_MM2, LONG = (300.0, 3000.0), 2.0
"""Its cross-section, and how much longer than wide (median over the slices)."""
RIM_HU, HOLLOW = 350.0, 0.5
"""Its cortex (90th percentile), and the most that the marrow inside has of it (medians over the slices). On 46
simulated hips the cortex was 424 HU or more and the marrow 0.3 of it at most; a kidney with contrast agent is even,
and muscle darker."""
STEP_MM = 12.0
"""Most that its middle moves from one slice of the grid to the next."""
TIP_MM = 24.0
"""How far the tip of the greater trochanter may lie above or below the centre of the head; 20 on simulated hips, and 0
on average in life."""
TIP_MM2 = 45.0


@dataclass(frozen=True)
class Piece:
    """One cross-section: middle (y, x) in mm, area in mm2, length over width, HU of its rim and (0 where it is too thin
    to have one) of its core, and whether an edge of the field cuts it.
    """

    y: float
    x: float
    area: float
    long: float
    rim: float
    core: float
    cut: bool


@dataclass(frozen=True)
class Femur:
    """A proximal femur.

    Attributes
    ----------
    y, x : float
        Its axis between lesser trochanter and upper shaft, mm.
    tip : float
        z of the tip of the greater trochanter, mm.
    end : float
        z of the lowest slice in which it was seen, mm.
    cut : bool
        An edge of the field cuts it.
    """

    y: float
    x: float
    tip: float
    end: float
    cut: bool


def find_femur(hu: NDArray[np.float32], head_mm: Point, sign: float) -> Femur | None:
    """Follow the femur that belongs to a head.

    Parameters
    ----------
    hu : ndarray
        float32 (D, H, W) on a cubic grid of `GRID_MM`.
    head_mm : tuple of float
        Where its head is thought to be, (z, y, x) in mm.
    sign : float
        -1 on the patient's right, 1 on the left: outwards along x.

    Returns
    -------
    Femur or None
        None where no such bone lies beside and below it.
    """
    first, last = round((head_mm[0] + FROM_MM) / GRID_MM), round((head_mm[0] + TO_MM) / GRID_MM)
    line: list[Piece] = []
    end = first
    for k in range(max(0, first), min(last, len(hu) - 1) + 1):
        near = [p for p in _pieces(hu, k, head_mm, sign) if _fits(p, head_mm, sign)]
        if line:
            near = [p for p in near if np.hypot(p.y - line[-1].y, p.x - line[-1].x) < STEP_MM]
        if near:
            line.append(max(near, key=lambda p: p.area))
            end = k
        elif line:
            break
    if len(line) < FEWEST or not _is_long_bone(line):
        return None
    y, x = float(np.median([p.y for p in line])), float(np.median([p.x for p in line]))
    tip = _tip(hu, head_mm[0], (y, x), sign)
    return None if tip is None else Femur(y, x, tip, end * GRID_MM, any(p.cut for p in line))


def _is_long_bone(line: list[Piece]) -> bool:
    """Whether cross-sections are about round, and marrow in a cortex."""
    long, rim, core = (float(np.median([getattr(p, name) for p in line])) for name in ("long", "rim", "core"))
    return long <= LONG and rim >= RIM_HU and core <= HOLLOW * rim


def _fits(piece: Piece, head_mm: Point, sign: float) -> bool:
    """Whether a cross-section lies where a femur lies, and has its size."""
    out, back = sign * (piece.x - head_mm[2]), piece.y - head_mm[1]
    inside = OUT_MM[0] < out < OUT_MM[1] and BACK_MM[0] < back < BACK_MM[1]
    return inside and AREA_MM2[0] < piece.area < AREA_MM2[1]


def _pieces(hu: NDArray[np.float32], k: int, head_mm: Point, sign: float) -> list[Piece]:
    """Filled bones of one slice outwards of a head."""
    low, high = max(0, int((head_mm[1] - 65) / GRID_MM)), int((head_mm[1] + 65) / GRID_MM) + 1
    inner, outer = sorted((head_mm[2] + sign * reach) / GRID_MM for reach in (10, 95))
    left = max(0, int(inner))
    part = hu[k, low:high, left : max(left, int(outer) + 1)]
    bone = part > BONE_HU
    if not bone.any():
        return []
    bone = binary_fill_holes(binary_closing(np.pad(bone, 2)))[2:-2, 2:-2]
    marks, count = label(bone)
    found = []
    for mark in range(1, count + 1):
        mask = marks == mark
        rows, columns = np.nonzero(mask)
        area = len(rows) * GRID_MM**2
        if area < AREA_MM2[0]:
            continue
        spread = np.linalg.eigvalsh(np.cov(np.stack([rows, columns]) * GRID_MM) + np.eye(2) * GRID_MM**2 / 12)
        core = part[binary_erosion(mask, iterations=2)]
        found.append(
            Piece(
                y=float(rows.mean() + low) * GRID_MM,
                x=float(columns.mean() + left) * GRID_MM,
                area=area,
                long=float(np.sqrt(spread[1] / spread[0])),
                rim=float(np.percentile(part[mask], 90)),
                core=float(np.median(core)) if core.size else 0.0,
                cut=bool((columns + left).min() <= 0 or (columns + left).max() >= hu.shape[2] - 1),
            )
        )
    return found


def _tip(hu: NDArray[np.float32], head_z: float, axis: tuple[float, float], sign: float) -> float | None:
    """Height (z) of the highest slice in which bone of the femur goes on above its axis and outwards of it."""
    y, x = axis
    inner, outer = sorted((x - sign * 8, x + sign * 32))
    columns = slice(max(0, round(inner / GRID_MM)), round(outer / GRID_MM) + 1)
    rows = slice(max(0, round((y - 30) / GRID_MM)), round((y + 36) / GRID_MM) + 1)
    start = min(len(hu) - 1, round((head_z + FROM_MM) / GRID_MM))
    seen = (hu[: start + 1, rows, columns] > TIP_HU).sum((1, 2)) * GRID_MM**2 >= TIP_MM2
    if not seen[-2:].any():
        return None
    k = int(np.flatnonzero(seen)[-1])
    while seen[max(0, k - 2) : k].any():  # one slice without bone is noise, two are the end
        k = max(0, k - 2) + int(np.flatnonzero(seen[max(0, k - 2) : k])[0])
    return k * GRID_MM
