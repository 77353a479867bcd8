"""From slices as they were stored to one upright, evenly spaced volume in the order of ``types.Volume``.

Directions and positions are those of DICOM: +x to the patient's left, +y to the back, +z to the head, in mm.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from bmd.errors import InputError
from bmd.findings import Finding, note

Number = TypeVar("Number", bound=np.generic)
AIR_HU = -1024
UPRIGHT = np.array([[0.0, 0, -1], [0, 1, 0], [1, 0, 0]])
"""Directions of the three axes of a volume: to the feet, to the back, to the patient's left."""
EVEN = 0.03
"""Steps between slices that differ by less than this share (and 0.1 mm) count as equal."""
MAX_GAP_MM = 12.0
"""A gap wider than this (and than twice the step) is not bridged."""
MAX_FILLED = 0.25
"""Largest share of slices that may be computed from their neighbours because slices are missing."""
MAX_TURN_DEG = 30.0


@dataclass(frozen=True, eq=False)
class Plan:
    """How to get evenly spaced slices.

    Each resulting slice has a place among the stored ones, fractions being between two; no ``places`` where the stored
    ones are even.
    """

    first: int
    last: int  # of the run of stored slices that is used, included
    step_mm: float  # distance of the slices that result
    places: NDArray[np.float64] | None = None
    notes: tuple[Finding, ...] = ()  # what was done
    absent: int = 0  # missing slices that are filled in


def plan_slices(positions: NDArray[np.float64]) -> Plan:
    """Decide how slices at these positions become evenly spaced.

    Parameters
    ----------
    positions : ndarray
        (n,) along the normal, mm, strictly rising.

    Raises
    ------
    InputError
        Too many slices are missing.
    """
    steps = np.diff(positions)
    step = float(np.median(steps))
    notes: list[Finding] = []
    cuts = [0, *(np.flatnonzero(steps > max(MAX_GAP_MM, 2.02 * step)) + 1).tolist(), len(positions)]
    first, last = max(pairwise(cuts), key=lambda run: positions[run[1] - 1] - positions[run[0]])
    last -= 1
    if last - first + 1 < len(positions):
        left_out = len(positions) - (last - first + 1)
        notes.append(note("read.ct.gap", gap_mm=float(steps.max()), count=left_out))
    steps = steps[first:last]
    if not len(steps) or np.all(np.abs(steps - np.median(steps)) <= max(EVEN * step, 0.1)):
        even = float(steps.mean()) if len(steps) else step
        return Plan(first, last, even, None, tuple(notes))
    step = float(np.median(steps))
    wanted = np.arange(positions[first], positions[last] + 0.01 * step, step)
    places = np.interp(wanted, positions[first : last + 1], np.arange(first, last + 1))
    places = np.where(np.abs(places - np.round(places)) < 0.02, np.round(places), places)
    absent = int(sum(max(0, round(s / step) - 1) for s in steps if abs(s / step - round(s / step)) < 0.1))
    if absent > MAX_FILLED * len(wanted):
        raise InputError("read.ct.incomplete", found=note("read.ct.found.missing", count=absent, total=len(wanted)))
    if absent and np.all(np.abs(steps / step - np.round(steps / step)) < 0.1):
        return Plan(first, last, step, places, (*notes, note("read.ct.filled", count=absent)), absent)
    return Plan(first, last, step, places, (*notes, note("read.ct.resampled", step_mm=step)))


def resample(volume: NDArray[np.int16], plan: Plan) -> NDArray[np.int16]:
    """Apply a plan along axis 0 (linear between neighbouring slices); a view where nothing changes."""
    if plan.places is None:
        return volume[plan.first : plan.last + 1]
    out = np.empty((len(plan.places), *volume.shape[1:]), np.int16)
    for k, place in enumerate(plan.places):
        low = int(np.floor(place))
        share = float(place - low)
        if share == 0:
            out[k] = volume[low]
        else:
            cv2.addWeighted(volume[low], 1 - share, volume[low + 1], share, 0, dst=out[k])
    return out


def tilt_degrees(positions: NDArray[np.float64], normal: NDArray[np.float64]) -> float:
    """Angle between the way the slices are stacked and their normal, degrees.

    Parameters
    ----------
    positions : ndarray
        (n, 3) corner of each slice, mm, in order.
    normal : ndarray
        (3,) unit.
    """
    way = positions[-1] - positions[0]
    length = float(np.linalg.norm(way))
    return float(np.degrees(np.arccos(np.clip(abs(way @ normal) / length, 0, 1)))) if length else 0.0


def straighten(volume: NDArray[np.int16], shifts: NDArray[np.float64]) -> NDArray[np.int16]:
    """Move every slice within its plane, so that slices of a tilted gantry lie above each other.

    Parameters
    ----------
    volume : ndarray
        (D, H, W).
    shifts : ndarray
        (D, 2) rows and columns to move each slice by, fractions allowed; the canvas grows as needed.
    """
    low = np.floor(shifts.min(0))
    extra = np.ceil(shifts.max(0) - low).astype(int)
    depth, rows, columns = volume.shape
    size = (columns + int(extra[1]), rows + int(extra[0]))
    out = np.empty((depth, size[1], size[0]), np.int16)
    for k in range(depth):
        down, right = shifts[k] - low
        move = np.array([[1, 0, right], [0, 1, down]], float)
        cv2.warpAffine(volume[k], move, size, dst=out[k], flags=cv2.INTER_LINEAR, borderValue=AIR_HU)
    return out


def upright(
    volume: NDArray[Number], directions: NDArray[np.float64], spacing: Sequence[float]
) -> tuple[NDArray[Number], tuple[float, float, float], float]:
    """Turn a volume so that its axes run to the feet, to the back and to the patient's left.

    Parameters
    ----------
    volume : ndarray
        (a, b, c).
    directions : ndarray
        (3, 3), row k the unit direction of axis k.
    spacing : sequence of float
        mm along each axis.

    Returns
    -------
    ndarray, tuple of float, float
        The turned volume (a view), its spacing, and by how many degrees its axes are off the patient's (oblique).
    """
    match = np.asarray(directions, float) @ UPRIGHT.T  # (stored axis, wanted axis)
    order = [-1, -1, -1]
    left = np.abs(match)
    for _ in range(3):
        have, want = np.unravel_index(int(np.argmax(left)), left.shape)
        order[int(want)] = int(have)
        left[have, :] = left[:, want] = -1
    turned = volume.transpose(order)
    flips = [slice(None, None, -1 if match[order[k], k] < 0 else 1) for k in range(3)]
    off = max(float(np.degrees(np.arccos(min(1.0, abs(match[order[k], k]))))) for k in range(3))
    return turned[tuple(flips)], (spacing[order[0]], spacing[order[1]], spacing[order[2]]), off
