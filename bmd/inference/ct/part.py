"""Which part of the body a CT volume shows, as far as it cannot be a lumbar spine: a head, a neck, limbs. No network.

A skull is a closed ring of bone around a brain: nothing of the trunk is closed by bone in an axial slice and holds
neither fat nor gas. A neck and limbs are slender with air on both sides. The lumbar spine begins a whole thoracic spine
below the neck, so that a volume of head or neck that ends before that shows none of it, whatever its header says.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from bmd.findings import Finding, refusal
from bmd.types import Volume

GRID_MM, STEP_MM = 3.0, 6.0
"""Pixels and distance of the slices that are looked at."""
SKULL_HU = 250.0
BRAIN_HU = (-10.0, 95.0)
"""Fluid, grey and white matter with and without contrast, fresh blood; fat and gas lie below, bone above."""
BRAIN_CM2, BRAIN_SHARE = 45.0, 0.8
"""Least area inside the ring, above that of any closed ring of the trunk (a spinal canal 3 cm2, an aneurysm with a
calcified wall 30 cm2), and least share of it that may be brain."""
SKULL_MM = 24.0
"""Least height of the skull that is seen as such."""
UNMEASURED_HU = -1023.5
SLENDER_MM = 180.0
"""A trunk narrower than this is no adult's; necks and single limbs are."""
SLENDER_SHARE = 0.9
"""Share of slender slices from which the whole volume is slender."""
BELOW_SKULL_MM, BELOW_NECK_MM = 330.0, 230.0
"""From the skull to L1 lie the cervical and the thoracic spine (some 110 and 280 mm in adults), from the neck the
thoracic spine: half a vertebra to one less is asked for, so that small people are not refused."""


@dataclass(frozen=True)
class Part:
    """What is seen of the body's shape.

    Attributes
    ----------
    skull_mm : float
        Height of the skull in the volume.
    below_skull_mm : float
        Length of the volume below its lowest slice; infinite without a skull.
    below_neck_mm : float
        Length of the volume below the slender part at its upper end; infinite without one.
    slender : float
        Share of slices, of those with a body, that are slender with air on both sides.
    """

    skull_mm: float
    below_skull_mm: float
    below_neck_mm: float
    slender: float


def look_at_shape(volume: Volume) -> Part:
    """Measure the body's shape in axial slices."""
    dz, dy, dx = volume.spacing_mm
    per = max(1, round(STEP_MM / dz))
    planes = volume.voxels[::per]
    _, rows, columns = volume.voxels.shape
    size = (max(8, round(columns * dx / GRID_MM)), max(8, round(rows * dy / GRID_MM)))
    small = [cv2.resize(plane.astype(np.float32), size, interpolation=cv2.INTER_AREA) for plane in planes]
    step, length = per * dz, len(volume.voxels) * dz
    skull = np.array([is_skull(plane) for plane in small])
    wide = np.array([width_mm(plane) for plane in small])
    seen = wide > 0
    slender = seen & (wide < SLENDER_MM)
    return Part(
        skull_mm=float(skull.sum() * step),
        below_skull_mm=_below(skull, step, length),
        below_neck_mm=_below(slender & (np.cumsum(seen & ~slender) == 0), step, length),
        slender=float(slender.sum() / max(1, seen.sum())),
    )


def _below(marked: NDArray[np.bool_], step: float, length: float) -> float:
    """Length of the volume below the lowest marked slice."""
    found = np.flatnonzero(marked)
    return float(length - (found[-1] + 1) * step) if len(found) else float("inf")


def is_skull(plane: NDArray[np.float32]) -> bool:
    """Whether an axial slice (pixels of ``GRID_MM``) shows a closed ring of bone around a brain."""
    bone = ndimage.binary_closing(np.pad(plane > SKULL_HU, 1), np.ones((3, 3)))
    inside = (ndimage.binary_fill_holes(bone) & ~bone)[1:-1, 1:-1]
    label, count = ndimage.label(inside)
    if count == 0:
        return False
    largest = label == 1 + int(np.bincount(label.ravel())[1:].argmax())
    values = plane[largest]
    brain = float(((values > BRAIN_HU[0]) & (values < BRAIN_HU[1])).mean())
    return bool(values.size * GRID_MM**2 / 100 >= BRAIN_CM2 and brain >= BRAIN_SHARE)


def width_mm(plane: NDArray[np.float32]) -> float:
    """Width of the largest thing in a slice; 0 without one; infinite where it reaches a side of the field.

    The field may be a disc, with nothing measured around it: what lies beside the body must be air, which is never
    exactly the lowest number.
    """
    solid = ndimage.binary_opening(plane > -300, np.ones((3, 3)))
    label, count = ndimage.label(solid)
    if count == 0:
        return 0.0
    sizes = np.bincount(label.ravel())[1:]
    body = label == 1 + int(sizes.argmax())
    columns = np.flatnonzero(body.any(0))
    first, last = int(columns[0]), int(columns[-1])
    if first < 2 or last > plane.shape[1] - 3:
        return float("inf")
    rows = body.any(1)
    beside = np.concatenate([plane[rows, max(0, first - 5) : first - 1], plane[rows, last + 2 : last + 6]], 1)
    return float("inf") if float((beside <= UNMEASURED_HU).mean()) > 0.5 else float((last - first + 1) * GRID_MM)


def other_part(part: Part) -> tuple[Finding, ...]:
    """The reason not to look for a lumbar spine, where the shape says that there is none."""
    if part.skull_mm >= SKULL_MM and part.below_skull_mm < BELOW_SKULL_MM:
        return (refusal("ct.head", below_mm=max(0.0, part.below_skull_mm), least_mm=BELOW_SKULL_MM),)
    if part.slender >= SLENDER_SHARE:
        return (refusal("ct.slender", least_mm=SLENDER_MM),)
    if part.below_neck_mm < BELOW_NECK_MM:
        return (refusal("ct.neck", below_mm=max(0.0, part.below_neck_mm), least_mm=BELOW_NECK_MM),)
    return ()
