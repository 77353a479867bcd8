"""Where the spine runs in a CT volume: the canal, followed from slice to slice. No network.

The canal is a soft disc with a body of bone in front and bone behind and at its sides. Each place of a coarse volume is
scored for that; a dynamic programme joins the places over the slices, so that discs, foramina and scoliosis do not
break the line.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from bmd.types import Volume

GRID_MM = 3.0
"""Size of the voxels the spine is looked for in."""
BONE_LOW, BONE_HIGH = 120.0, 280.0
"""HU from which a voxel counts as bone, and from which fully."""
CANAL_MM, RING_MM = 7.0, 14.0
BODY_MM, BODY_FORWARD_MM = 14.0, 27.0
BEHIND_MM, BEHIND_BACK_MM = 9.0, 22.0
SMOOTH_MM = 12.0
"""Blur of the score along the body: about half a vertebra."""
SIDE_SD_MM = 55.0
"""How far the spine may lie beside the middle of the patient."""


@dataclass(frozen=True, eq=False)
class Spine:
    """The spinal canal in a volume.

    Attributes
    ----------
    y_mm, x_mm : ndarray
        (D,) centre of the canal in every slice, mm from the centre of the first voxel.
    score : ndarray
        (D,) how much the place looks like a canal in its vertebra.
    lung : ndarray
        (D,) share of lung in the band beside the spine, on the side that has more.
    wings : ndarray
        (D,) share of bone to both sides of the canal, where the sacrum has its wings and other vertebrae little.
    back : float
        Where the canal lies in the patient, 0 at the front and 1 at the back (median).
    """

    y_mm: NDArray[np.float64]
    x_mm: NDArray[np.float64]
    score: NDArray[np.float64]
    lung: NDArray[np.float64]
    wings: NDArray[np.float64]
    back: float


def coarse(volume: Volume) -> tuple[NDArray[np.float32], tuple[float, float, float]]:
    """The volume at about `GRID_MM`, float32, by averaging, and its exact spacing."""
    dz, dy, dx = volume.spacing_mm
    depth, rows, columns = volume.voxels.shape
    size = (max(8, round(columns * dx / GRID_MM)), max(8, round(rows * dy / GRID_MM)))
    per = max(1, round(GRID_MM / dz))
    small = np.stack(
        [cv2.resize(plane.astype(np.float32), size, interpolation=cv2.INTER_AREA) for plane in volume.voxels]
    )
    count = depth // per
    small = small[: count * per].reshape(count, per, size[1], size[0]).mean(1)
    return small, (dz * per, rows * dy / size[1], columns * dx / size[0])


def find_spine(volume: Volume) -> Spine:
    """Follow the spinal canal through all slices of a CT volume."""
    small, spacing = coarse(volume)
    body = _patient(small)
    score = _score(small, body, spacing)
    path = _best_path(score)
    k = np.arange(len(small))
    values = score[k, path[:, 0], path[:, 1]]
    lung, wings = _beside(small, path, spacing)
    dz, depth = volume.spacing_mm[0], len(volume.voxels)
    here, there = (np.arange(depth) + 0.5) * dz, (k + 0.5) * spacing[0]
    smooth = [ndimage.gaussian_filter1d(path[:, a].astype(float), 9.0 / spacing[0]) for a in (0, 1)]
    own = volume.spacing_mm
    y, x = (np.interp(here, there, (smooth[a] + 0.5) * spacing[a + 1] - 0.5 * own[a + 1]) for a in (0, 1))
    return Spine(
        y,
        x,
        np.interp(here, there, values),
        np.interp(here, there, lung),
        np.interp(here, there, wings),
        _place_in(body, path),
    )


def _patient(small: NDArray[np.float32]) -> NDArray[np.bool_]:
    """The patient without table and arms: the largest piece of what is not air."""
    solid = small > -300
    opened = ndimage.binary_opening(solid, np.ones((1, 3, 3)), iterations=2)
    label, count = ndimage.label(opened)
    if count == 0:
        return solid
    sizes = np.bincount(label.ravel())[1:]
    return np.asarray(label == 1 + int(sizes.argmax()))


def _disc(
    spacing: tuple[float, float, float], forward: float, radius: float, inner: float = 0.0, side: int = 0
) -> NDArray[np.float32]:
    """Mean over a disc or ring ``forward`` mm in front of a place; ``side`` -1 or 1 keeps only that half."""
    reach = int(np.ceil((abs(forward) + radius + 3) / GRID_MM))
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1].astype(float)
    r = np.hypot(y * spacing[1] + forward, x * spacing[2])
    mask = (r < radius) & (r >= inner) & ((side == 0) | (x * side > np.abs(y)))
    return np.asarray(mask / max(1, mask.sum()), np.float32)


def _score(
    small: NDArray[np.float32], body: NDArray[np.bool_], spacing: tuple[float, float, float]
) -> NDArray[np.float32]:
    """How much each place looks like a canal, (d, h, w): bone in front and behind, on both sides, and none within.

    A mild preference is given to the patient's middle and back half.
    """
    bone = np.clip((small - BONE_LOW) / (BONE_HIGH - BONE_LOW), 0, 1).astype(np.float32)
    bone = ndimage.gaussian_filter1d(bone, SMOOTH_MM / spacing[0], axis=0, mode="nearest")

    def mean(*shape: float) -> NDArray[np.float32]:
        kernel = _disc(spacing, shape[0], shape[1], shape[2], int(shape[3]))
        return np.stack([cv2.filter2D(plane, -1, kernel, borderType=cv2.BORDER_REPLICATE) for plane in bone])

    front, behind = mean(BODY_FORWARD_MM, BODY_MM, 0, 0), mean(-BEHIND_BACK_MM, BEHIND_MM, 0, 0)
    sides = np.minimum(mean(0, RING_MM, CANAL_MM + 1, -1), mean(0, RING_MM, CANAL_MM + 1, 1))
    found = np.sqrt(np.maximum(front * behind, 0)) + 0.5 * sides - 0.8 * mean(0, CANAL_MM, 0, 0)
    rows, columns = body.any(2).mean(0) > 0.3, body.any(1).mean(0) > 0.3
    middle = float(np.mean(np.flatnonzero(columns))) if columns.any() else small.shape[2] / 2
    away = (np.arange(small.shape[2]) - middle) * spacing[2]
    found -= 0.1 * (away / SIDE_SD_MM) ** 2
    if rows.any() and not body[:, 0].any():  # the front of the patient is in the field
        top, bottom = np.flatnonzero(rows)[[0, -1]]
        place = (np.arange(small.shape[1]) - top) / max(1, bottom - top)
        found -= (0.6 * np.clip(0.5 - place, 0, 1))[:, None]
    return np.asarray(found, np.float32)


def _best_path(score: NDArray[np.float32]) -> NDArray[np.int64]:
    """Path of the largest sum over the slices, at most two grid steps sideways per slice, int (d, 2)."""
    depth, rows, columns = score.shape
    moves = [(a, b) for a in range(-2, 3) for b in range(-2, 3)]
    value, came = score[0].copy(), np.zeros(score.shape, np.int8)
    for k in range(1, depth):
        padded = np.pad(value, 2, constant_values=-np.inf)
        best = np.full((rows, columns), -np.inf, np.float32)
        for m, (a, b) in enumerate(moves):
            new = padded[2 + a : 2 + a + rows, 2 + b : 2 + b + columns] - 0.03 * (a * a + b * b)
            better = new > best
            best[better], came[k][better] = new[better], m
        value = best + score[k]
    at = np.array(np.unravel_index(int(np.argmax(value)), value.shape))
    path = [at]
    for k in range(depth - 1, 0, -1):
        at = at + moves[came[k][tuple(at)]]
        path.append(at)
    return np.array(path[::-1])


def _beside(
    small: NDArray[np.float32], path: NDArray[np.int64], spacing: tuple[float, float, float]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Share of lung 30-80 mm to a side of the canal, where there is more, and of bone 24-44 mm, where less, (d,)."""
    found = np.zeros((2, len(small)))
    for k, (plane, (y, x)) in enumerate(zip(small, path, strict=True)):
        for row, (reach, ends, low, high) in enumerate(((50, (30, 80), -970, -600), (32, (24, 44), 130, 3000))):
            rows = slice(max(0, y - round(reach / spacing[1])), max(1, y + round(8 / spacing[1])))
            share = []
            for side in (-1, 1):
                left, right = sorted(x + side * round(mm / spacing[2]) for mm in ends)
                part = plane[rows, max(0, left) : max(0, right)]
                share.append(float(((part > low) & (part < high)).mean()) if part.size else 0.0)
            found[row, k] = min(share) if row else max(share)
    return found[0], found[1]


def _place_in(body: NDArray[np.bool_], path: NDArray[np.int64]) -> float:
    """Median place of the path between the front and the back of the patient."""
    places = []
    for plane, (y, x) in zip(body, path, strict=True):
        rows = np.flatnonzero(plane[:, max(0, x - 3) : x + 4].any(1))
        if len(rows) > 5:
            places.append((y - rows[0]) / (rows[-1] - rows[0]))
    return float(np.median(places)) if places else 0.5
