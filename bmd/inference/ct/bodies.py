"""Vertebral bodies in three dimensions: from the outline on the side film to a closed surface in the volume.

The outline gives each body its place, tilt, height and depth. In the body's own axes the end plates are fitted as two
curved plates at the outward drop of density, and the side wall as a radius for every direction and height by dynamic
programming. Where there is no edge, at the pedicles, the shape of a body carries on, which cuts them off.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from bmd.ct_types import Region
from bmd.types import Volume

Floats: TypeAlias = NDArray[np.float64]
"""Lengths and places, mm."""
Depths: TypeAlias = tuple[Floats, Floats, Floats]
"""How far points lie inside a body: below the upper plate, above the lower one, within the wall."""
Offset: TypeAlias = tuple[int, int, int]
"""First voxel of a block in the volume."""

STEP_MM = 1.0
ANGLES = 72
RADII_MM = np.arange(6.0, 42.0, 0.5)
LEVELS = 15
"""Heights at which the side wall is traced."""
WIDTH_OF_DEPTH = 0.66
"""Half the width of a lumbar body as a share of its depth (about 45 mm by 34 mm)."""
SQUARE = 2.5
"""Exponent of the superellipse that stands for the cross-section of a body; 2 is an ellipse."""
SOFT_HU, DENSE_HU = 0.0, 450.0
"""HU are clipped to this range before edges are sought: fat and gas look like muscle, metal like cortex."""
EDGE_HU = 120.0
"""Drop of density that counts as a full edge."""
PLATE_REACH_MM = 6.0


@dataclass(frozen=True, eq=False)
class Frame:
    """Axes of one body, mm from the centre of the volume's first voxel, as (z, y, x).

    ``axes`` has the unit rows up (to the head), forward and left; ``height`` and ``depth`` are those of the outline.
    """

    origin: Floats
    axes: Floats
    height: float
    depth: float

    def points(self, w: Floats, u: Floats, v: Floats) -> Floats:
        """Up, forward and left (mm, any equal shape) to (z, y, x) in mm, (3, ...)."""
        out = self.origin.reshape(3, *[1] * w.ndim)
        for axis, length in zip(self.axes, (w, u, v), strict=True):
            out = out + axis.reshape(3, *[1] * w.ndim) * length
        return out

    def local(self, zyx: Floats) -> Floats:
        """(3, ...) in mm to up, forward and left, (3, ...)."""
        return np.tensordot(self.axes, zyx - self.origin.reshape(3, *[1] * (zyx.ndim - 1)), 1)


@dataclass(frozen=True, eq=False)
class Body:
    """The surface of one vertebral body.

    Attributes
    ----------
    frame : Frame
        Its axes.
    top, bottom : ndarray
        (5,) end plates: w = a + b u + c v + d u^2 + e v^2.
    radii : ndarray
        (LEVELS, ANGLES) of the side wall around ``axis``, mm; angle 0 is forward, 90 degrees left.
    heights : ndarray
        (LEVELS,) w of each row of ``radii``.
    axis : tuple of float
        (u, v) from which the radii are counted.
    """

    frame: Frame
    top: Floats
    bottom: Floats
    radii: Floats
    heights: Floats
    axis: tuple[float, float]

    def depths(self, zyx: Floats) -> Depths:
        """How far points (3, ...) in mm lie inside: below the upper plate, above the lower one, within the wall."""
        w, u, v = self.frame.local(zyx)
        wall = self._radius(w, u - self.axis[0], v - self.axis[1]) - np.hypot(u - self.axis[0], v - self.axis[1])
        reach = 1.1 * self.frame.depth
        near_u, near_v = np.clip(u, -reach, reach), np.clip(v, -reach, reach)
        return plate(self.top, near_u, near_v) - w, w - plate(self.bottom, near_u, near_v), wall

    def _radius(self, w: Floats, u: Floats, v: Floats) -> Floats:
        step = self.heights[1] - self.heights[0]
        row = (w - self.heights[0]) / step
        angle = (np.arctan2(v, u) / (2 * np.pi) * ANGLES) % ANGLES
        wrapped = np.pad(self.radii, ((0, 0), (0, 1)), mode="wrap")
        at = [np.clip(row, 0, LEVELS - 1), angle]
        return np.asarray(ndimage.map_coordinates(wrapped, at, order=1, mode="nearest"))

    def edge_heights(self) -> tuple[float, float, float]:
        """Anterior, middle and posterior height in the mid-sagittal plane, mm."""
        at = np.array([0.38, 0.0, -0.38]) * self.frame.depth
        high = plate(self.top, at, 0 * at) - plate(self.bottom, at, 0 * at)
        return float(high[0]), float(high[1]), float(high[2])


def plate(numbers: Floats, u: Floats, v: Floats) -> Floats:
    """Height of a curved plate at (u, v)."""
    a, b, c, d, e = numbers
    return np.asarray(a + b * u + c * v + d * u * u + e * v * v)


def frame_of(corners_mm: Floats, x_mm: Floats, dz: float) -> Frame:
    """Axes of a body from its corners on the side film.

    Parameters
    ----------
    corners_mm : ndarray
        (4, 2) as (y, z) in mm: superior posterior, superior anterior, inferior anterior, inferior posterior.
    x_mm : ndarray
        (D,) x of the canal in every slice.
    dz : float
        Distance of the slices, mm.
    """
    sp, sa, ia, ip = np.asarray(corners_mm, float)[:, ::-1]  # (z, y)
    centre = (sp + sa + ia + ip) / 4
    up = (sp + sa - ia - ip) / 2
    forward = (sa + ia - sp - ip) / 2
    height, depth = float(np.linalg.norm(up)), float(np.linalg.norm(forward))
    ends = centre[0] + 0.5 * height * np.array([-1, 1])
    where = np.arange(len(x_mm)) * dz
    x_up, x_down, x = np.interp([*ends, centre[0]], where, x_mm)
    lean = (x_up - x_down) / max(height, 1.0)
    w = np.array([up[0] / height, up[1] / height, lean])
    w /= np.linalg.norm(w)
    u = np.array([forward[0], forward[1], 0.0]) / depth
    u -= (u @ w) * w
    u /= np.linalg.norm(u)
    left = np.cross(w, u)
    left = left if left[2] > 0 else -left
    return Frame(np.array([centre[0], centre[1], x]), np.stack([w, u, left]), height, depth)


def fit_body(volume: Volume, frame: Frame) -> Body:
    """Fit the surface of one body to the volume."""
    spacing = np.array(volume.spacing_mm)
    w = np.arange(-frame.height / 2 - 9, frame.height / 2 + 9.5, STEP_MM)
    half = 0.5 * frame.depth + 4
    u, v = np.arange(-half, half, 2.0), np.arange(-0.62 * frame.depth, 0.62 * frame.depth, 2.0)
    grid = np.meshgrid(w, u, v, indexing="ij")
    hu = sample(volume, frame.points(*grid) / spacing[:, None, None, None])
    top = _fit_plate(hu, w, u, v, frame)
    bottom = -_fit_plate(hu[::-1], -w[::-1], u, v, frame)
    low, high = float(bottom[0]), float(top[0])
    if high - low < 0.4 * frame.height:  # the fit went astray: keep the outline's height
        low, high = -frame.height / 2, frame.height / 2
        top, bottom = np.array([high, 0, 0, 0, 0]), np.array([low, 0, 0, 0, 0])
    inset = min(2.0, 0.1 * (high - low))
    heights = np.linspace(low + inset, high - inset, LEVELS)
    radii, axis = _fit_wall(volume, frame, heights, spacing)
    return Body(frame, top, bottom, radii, heights, axis)


def sample(volume: Volume, at: Floats) -> NDArray[np.float32]:
    """HU at voxel coordinates (3, ...), linear, clipped to the range in which edges are sought."""
    low = np.clip(np.floor(at.reshape(3, -1).min(1)).astype(int) - 1, 0, np.array(volume.voxels.shape) - 1)
    high = np.clip(np.ceil(at.reshape(3, -1).max(1)).astype(int) + 2, low + 1, volume.voxels.shape)
    part = volume.voxels[low[0] : high[0], low[1] : high[1], low[2] : high[2]]
    part = np.clip(part, SOFT_HU, DENSE_HU).astype(np.float32)
    at = at - low.reshape(3, *[1] * (at.ndim - 1))
    return np.asarray(ndimage.map_coordinates(part, at, order=1, mode="nearest"))


def _drop(hu: NDArray[np.float32], count: int, axis: int) -> NDArray[np.float32]:
    """Mean of the ``count`` samples up to each place less that of the ``count`` after it, along an axis."""
    mean = ndimage.uniform_filter1d(hu, count, axis=axis, mode="nearest")
    places, half = np.arange(hu.shape[axis]), count // 2
    inner, outer = (np.clip(places + shift, 0, len(places) - 1) for shift in (-half, half + 1))
    return np.asarray(np.take(mean, inner, axis) - np.take(mean, outer, axis))


def _fit_plate(hu: NDArray[np.float32], w: Floats, u: Floats, v: Floats, frame: Frame) -> Floats:
    """The plate at which density drops upwards, near half the height: robust least squares over many columns."""
    drop = ndimage.gaussian_filter(_drop(hu, 3, 0), (0.6, 1.0, 1.0))
    away = (w - frame.height / 2) / PLATE_REACH_MM
    gain = drop / EDGE_HU - 0.5 * away[:, None, None] ** 2
    gain[np.abs(away) > 1] = -np.inf
    best = gain.argmax(0)
    edge = w[best] + 0.5 * STEP_MM
    weight = np.clip(np.take_along_axis(drop, best[None], 0)[0] / EDGE_HU, 0.02, 1.0)
    uu, vv = np.meshgrid(u, v, indexing="ij")
    inside = (np.abs(uu) / (0.45 * frame.depth)) ** 2 + (np.abs(vv) / (0.55 * frame.depth)) ** 2 < 1
    terms = np.stack([np.ones_like(uu), uu, vv, uu * uu, vv * vv], -1)[inside]
    target, weight = edge[inside], weight[inside]
    ridge = np.diag([0.0, 2.0, 2.0, 600.0, 600.0]) * len(target) / 60
    trust = np.ones_like(weight)
    numbers = np.zeros(5)
    for _ in range(4):
        both = weight * trust
        numbers = np.linalg.solve(terms.T @ (both[:, None] * terms) + ridge * 0.1, terms.T @ (both * target))
        trust = 1 / (1 + ((terms @ numbers - target) / 1.5) ** 2)
    return numbers


def _fit_wall(volume: Volume, frame: Frame, heights: Floats, spacing: Floats) -> tuple[Floats, tuple[float, float]]:
    """Radius of the side wall for every height and direction."""
    drop = _drops(volume, frame, heights, spacing, (0.0, 0.0))
    right, left = (_half_width(drop, frame, quarter) for quarter in (3, 1))
    axis = (0.0, (left - right) / 2)
    drop = _drops(volume, frame, heights, spacing, axis)
    expected = _superellipse(frame.depth / 2, (left + right) / 2)
    gain = np.clip(drop / EDGE_HU, -0.5, 1.2) - 0.1 * ((RADII_MM - expected[:, None]) / 3.0) ** 2
    smooth = ndimage.gaussian_filter(_rings(gain), (1.5, 0))
    return ndimage.gaussian_filter1d(smooth, 1.0, axis=1, mode="wrap"), axis


def _drops(
    volume: Volume, frame: Frame, heights: Floats, spacing: Floats, axis: tuple[float, float]
) -> NDArray[np.float32]:
    """Outward drop of density along rays, (LEVELS, ANGLES, RADII)."""
    angle = np.arange(ANGLES) / ANGLES * 2 * np.pi
    w, a, r = np.meshgrid(heights, angle, RADII_MM, indexing="ij")
    points = frame.points(w, axis[0] + r * np.cos(a), axis[1] + r * np.sin(a))
    hu = sample(volume, points / spacing[:, None, None, None])
    drop = ndimage.gaussian_filter1d(_drop(hu, 5, 2), 2.0, axis=0, mode="nearest")
    return np.asarray(ndimage.gaussian_filter1d(drop, 1.0, axis=1, mode="wrap"))


def _half_width(drop: NDArray[np.float32], frame: Frame, quarter: int) -> float:
    """Radius of the strongest edge straight to one side (``quarter`` 1 left, 3 right), near the usual width."""
    middle = quarter * ANGLES // 4
    rows = np.take(drop.mean(0), range(middle - 4, middle + 5), axis=0, mode="wrap").mean(0)
    expected = WIDTH_OF_DEPTH * frame.depth
    gain = rows / EDGE_HU - 0.15 * ((RADII_MM - expected) / 4.0) ** 2
    gain[np.abs(RADII_MM - expected) > 0.35 * expected] = -np.inf
    return float(RADII_MM[int(np.argmax(gain))])


def _superellipse(depth: float, width: float) -> Floats:
    """Radius of a superellipse in every direction, (ANGLES,)."""
    angle = np.arange(ANGLES) / ANGLES * 2 * np.pi
    total = np.abs(np.cos(angle) / depth) ** SQUARE + np.abs(np.sin(angle) / width) ** SQUARE
    return total ** (-1 / SQUARE)


def _rings(gain: Floats) -> Floats:
    """Closed lines of radii of the largest gain, one for each height (LEVELS, ANGLES, RADII): (LEVELS, ANGLES).

    At most 1.5 mm of change per direction: a dynamic programme over three rounds, of which the middle one is kept.
    """
    rows = np.concatenate([gain, gain, gain], 1)
    count, size = rows.shape[0], rows.shape[2]
    came = np.zeros(rows.shape, np.int8)
    padded = np.full((count, size + 6), -np.inf)
    windows = np.lib.stride_tricks.sliding_window_view(padded, 7, axis=1)
    cost = 0.02 * np.arange(-3, 4) ** 2
    padded[:, 3:-3] = rows[:, 0]
    for k in range(1, rows.shape[1]):
        moves = windows - cost
        best = moves.argmax(2)
        came[:, k] = best - 3
        padded[:, 3:-3] = np.take_along_axis(moves, best[..., None], 2)[..., 0] + rows[:, k]
    each = np.arange(count)
    path = np.empty(rows.shape[:2], int)
    path[:, -1] = padded[:, 3:-3].argmax(1)
    for k in range(rows.shape[1] - 1, 0, -1):
        path[:, k - 1] = path[:, k] + came[each, k, path[:, k]]
    return RADII_MM[path[:, gain.shape[1] : 2 * gain.shape[1]]]


def voxels(volume: Volume, body: Body) -> tuple[Offset, Depths]:
    """The bounding block of a body in the volume: its offset, and `Body.depths` of its voxels."""
    spacing = np.array(volume.spacing_mm)
    reach = 0.5 * np.linalg.norm([body.frame.height + 12, 2 * float(body.radii.max()), 2 * float(body.radii.max())])
    shape = np.array(volume.voxels.shape)
    low = np.clip(np.floor((body.frame.origin - reach) / spacing).astype(int), 0, shape - 1)
    high = np.clip(np.ceil((body.frame.origin + reach) / spacing).astype(int) + 1, low + 1, shape)
    axes = [np.arange(a, b) * s for a, b, s in zip(low, high, spacing, strict=True)]
    depths = body.depths(np.stack(np.meshgrid(*axes, indexing="ij")))
    return (int(low[0]), int(low[1]), int(low[2])), depths


def cropped(offset: Offset, mask: NDArray[np.bool_]) -> Region:
    """A mask cut to its bounding box; an empty one keeps one voxel."""
    found = [np.flatnonzero(mask.any(tuple(a for a in range(3) if a != axis))) for axis in range(3)]
    if not len(found[0]):
        return Region(offset, mask[:1, :1, :1])
    first = [int(f[0]) for f in found]
    last = [int(f[-1]) + 1 for f in found]
    cut = mask[first[0] : last[0], first[1] : last[1], first[2] : last[2]]
    start = (offset[0] + first[0], offset[1] + first[1], offset[2] + first[2])
    return Region(start, np.ascontiguousarray(cut))


def region(volume: Volume, body: Body) -> Region:
    """The voxels of a body."""
    offset, (below, above, within) = voxels(volume, body)
    return cropped(offset, (below > 0) & (above > 0) & (within > 0))
