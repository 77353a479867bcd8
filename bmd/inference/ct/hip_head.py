"""The femoral head: a ball of bone in its socket, located exactly and proven to be one.

In every slice the head is a disc with a bright rim, which the joint space separates from the socket. Edges in the plane
of the slices vote for the middle of such discs, whose radii must follow those of a ball from slice to slice; edges
across the slices, which thick ones blur and the roof of the socket imitates, only refine it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, map_coordinates, uniform_filter

from bmd.inputs.ct import Point
from bmd.types import Volume

Floats: TypeAlias = NDArray[np.float64]
Window: TypeAlias = NDArray[np.float32]

PIXEL_MM, STEP_MM, HALF_MM = 1.5, 3.0, 42.0
"""Pixels of the window in which the head is looked for, distance of its slices, half its side."""
RADII_MM = (19.0, 29.0)
"""Of the heads of adults: 24 (SD 1.4) in men, 21 (SD 1.2) in women; smaller ones are children's, whom no network here
has seen."""
USUAL_MM, RADIUS_COST, HEIGHT_COST = 23.0, 0.015, 0.01
"""What a mm of unusual radius, and of distance in height from the tip of the greater trochanter, costs the score."""
DISCS_MM = np.arange(6.0, 31.0, 1.5)
SOCKET_MM = 4.5
"""How far the inner edge of the socket lies beyond the rim of the head: the cartilage of both and bone below it."""
DEPTHS_MM = np.arange(0.0, 44.0, 1.0)
"""Depths along a direction from the centre at which density is read."""
CAP, WAIST = 0.8, 0.4
"""Slices that vote: from this share of the radius above the centre to this below, where the neck begins."""
BONE_HU = (70.0, 130.0)
"""From which mean the inside counts as bone, and from which fully: above muscle with contrast agent."""

LEAST_SCORE, LEAST_FILLED, LEAST_HU, LEAST_RIM, LEAST_SOCKET = 0.4, 0.8, 100.0, 0.75, 0.3
"""What a head must have; see `Head`. On 24 simulated hips 0.4 or more, 0.92, 113 HU, 0.96 and, but for one, 0.5; a
kidney with contrast agent, even and round, has a socket of 0.17 at most."""
FALL_HU, SOCKET_HU = 30.0, 180.0


@dataclass(frozen=True)
class Head:
    """A ball that may be a femoral head.

    Attributes
    ----------
    centre : tuple of float
        (z, y, x) in mm from the centre of the volume's first voxel.
    radius : float
        mm.
    score : float
        Share of the rims of its discs where an edge lies as it should.
    filled, mean_hu : float
        Share of its inside that is denser than muscle, and mean HU there.
    rim : float
        Share of directions, those of the neck left out, in which density falls at its surface: the joint space.
    socket : float
        Share of directions upwards and inwards in which bone follows beyond that.
    """

    centre: Point
    radius: float
    score: float
    filled: float
    mean_hu: float
    rim: float
    socket: float

    @property
    def proven(self) -> bool:
        """Whether it is a femoral head in its socket."""
        inside = self.filled >= LEAST_FILLED and self.mean_hu >= LEAST_HU
        return inside and self.score >= LEAST_SCORE and self.rim >= LEAST_RIM and self.socket >= LEAST_SOCKET


def find_head(volume: Volume, near_mm: Point, tip_mm: float, sign: float) -> Head:
    """Locate the best ball near a place, and say what speaks for a femoral head.

    Parameters
    ----------
    volume : Volume
        The CT.
    near_mm : tuple of float
        (z, y, x) in mm; y and x may be wrong by 20 mm.
    tip_mm : float
        z of the tip of the greater trochanter, mm: heads lie about as high.
    sign : float
        -1 on the patient's right, 1 on the left.
    """
    last = (len(volume.voxels) - 1) * volume.spacing_mm[0]
    heights = np.arange(max(0.0, tip_mm - 42), min(last, tip_mm + 33) + 0.1, STEP_MM)
    reach, ends = HALF_MM + DEPTHS_MM[-1] / 2, (heights[0] - DEPTHS_MM[-1], heights[-1] + DEPTHS_MM[-1])
    low, high = (np.array([z, *(np.array(near_mm[1:]) + side * reach)]) for z, side in zip(ends, (-1, 1), strict=True))
    block = Block.around(volume, low, high)
    window = _window(block, near_mm, heights)
    score, centre, radius = _best_ball(window, heights, near_mm, tip_mm)
    starts = [(centre, radius)]
    starts += [(np.array([z, *centre[1:]]), USUAL_MM) for z in (centre[0], centre[0] + 6, centre[0] + 12, tip_mm)]
    found = (_described(block, *_refined(block, *start), score, sign) for start in starts)
    return max(found, key=lambda head: _likely(head, tip_mm))


def _likely(head: Head, tip_mm: float) -> float:
    """How well a ball fits: its rim, less for an unusual radius (that of the socket) and for unusual height.

    The roof of the socket imitates the top of a smaller head above the true one, but its rim is not whole.
    """
    return head.rim - RADIUS_COST * abs(head.radius - USUAL_MM) - 0.2 * HEIGHT_COST * abs(head.centre[0] - tip_mm)


def _window(block: Block, near_mm: Point, heights: Floats) -> Window:
    """Slices around a place, (n, side, side)."""
    reach = np.arange(-HALF_MM, HALF_MM + 0.1, PIXEL_MM)
    return block.at(np.stack(np.meshgrid(heights, near_mm[1] + reach, near_mm[2] + reach, indexing="ij")))


@dataclass(frozen=True, eq=False)
class Block:
    """A part of a volume, slightly smoothed where its voxels are small."""

    hu: Window
    first: NDArray[np.int64]
    spacing: Floats

    @classmethod
    def around(cls, volume: Volume, low_mm: Floats, high_mm: Floats) -> Block:
        """The part that holds a box (z, y, x) in mm."""
        spacing, shape = np.array(volume.spacing_mm), np.array(volume.voxels.shape)
        low = np.clip(np.floor(low_mm / spacing).astype(int) - 2, 0, shape - 1)
        high = np.clip(np.ceil(high_mm / spacing).astype(int) + 3, low + 1, shape)
        part = volume.voxels[low[0] : high[0], low[1] : high[1], low[2] : high[2]]
        part = np.clip(part, -200, 900).astype(np.float32)
        return cls(gaussian_filter(part, [0.8 / s if s < 2 else 0.0 for s in spacing]), low, spacing)

    def at(self, zyx: Floats) -> Window:
        """HU at places (3, ...) in mm, linear; air outside."""
        wide = (3, *[1] * (zyx.ndim - 1))
        at = zyx / self.spacing.reshape(wide) - self.first.reshape(wide)
        return np.asarray(map_coordinates(self.hu, at, order=1, mode="constant", cval=-1000.0), np.float32)


def _discs(plane: Window) -> Window:
    """Share of the rim of a disc of every radius around every pixel where an edge fits, (radii, side, side).

    Half as much counts an edge that faces the other way a little farther out: that of the socket.
    """
    bone = gaussian_filter(np.clip(plane, 0, 400), 0.8)
    down, across = np.gradient(bone, PIXEL_MM)
    size = np.hypot(down, across)
    strong = (size > 5) & (plane > -900)
    rows, columns = np.nonzero(strong)
    weight = np.clip((size[strong] - 5) / 12, 0, 1)
    dy, dx = down[strong] / size[strong], across[strong] / size[strong]
    side = plane.shape[0]
    found = np.empty((len(DISCS_MM), side, side), np.float32)
    for j, radius in enumerate(DISCS_MM):
        votes = np.zeros(side * side)
        for reach, share in ((radius, 1.0), (-radius - SOCKET_MM, 0.5)):
            y = np.round(rows + reach / PIXEL_MM * dy).astype(int)
            x = np.round(columns + reach / PIXEL_MM * dx).astype(int)
            inside = (y >= 0) & (y < side) & (x >= 0) & (x < side)
            votes += share * np.bincount(y[inside] * side + x[inside], weight[inside], side * side)
        found[j] = uniform_filter(votes.reshape(side, side), 3) * 9 / (2 * np.pi * radius / PIXEL_MM)
    return np.minimum(found, 1.2)


def _best_ball(window: Window, heights: Floats, near_mm: Point, tip_mm: float) -> tuple[float, Floats, float]:
    """Score, centre (mm) and radius of the ball whose discs are seen best."""
    discs = np.stack([_discs(plane) for plane in window])
    mean = uniform_filter(np.clip(window, -200, 500), (1, 9, 9))
    discs *= np.clip((mean - BONE_HU[0]) / (BONE_HU[1] - BONE_HU[0]), 0, 1)[:, None]
    middle = window.shape[1] // 2
    best = (0.0, np.array(near_mm, float), USUAL_MM)
    for radius in np.arange(RADII_MM[0], RADII_MM[1] + 0.1):
        for height in heights:
            away = heights - height
            rows = np.flatnonzero((away >= -CAP * radius) & (away <= WAIST * radius))
            if len(rows) < 0.8 * (CAP + WAIST) * radius / STEP_MM:
                continue
            disc = np.sqrt(radius**2 - away[rows] ** 2)
            at = np.clip(np.round((disc - DISCS_MM[0]) / 1.5).astype(int), 0, len(DISCS_MM) - 1)
            seen = np.tensordot(disc / disc.sum(), discs[rows, at], 1)
            cost = RADIUS_COST * abs(radius - USUAL_MM) + HEIGHT_COST * abs(height - tip_mm)
            if seen.max() - cost > best[0]:
                y, x = np.unravel_index(int(seen.argmax()), seen.shape)
                place = (height, near_mm[1] + (y - middle) * PIXEL_MM, near_mm[2] + (x - middle) * PIXEL_MM)
                best = (float(seen.max() - cost), np.array(place, float), float(radius))
    return best


@cache
def directions(count: int = 300) -> Floats:
    """Evenly spread unit vectors (count, 3)."""
    k = np.arange(count) + 0.5
    polar, turn = np.arccos(1 - 2 * k / count), np.pi * (1 + 5**0.5) * k
    return np.stack([np.cos(polar), np.sin(polar) * np.sin(turn), np.sin(polar) * np.cos(turn)], 1)


def _profiles(block: Block, centre: Floats) -> Window:
    """HU along every direction from a centre, (directions, depths)."""
    return block.at(np.moveaxis(centre + directions()[:, None] * DEPTHS_MM[:, None], -1, 0))


def _refined(block: Block, centre: Floats, radius: float) -> tuple[Floats, float]:
    """Centre and radius by robust least squares on the outward drop of density near the surface."""
    d = directions()
    for _ in range(4):
        profile = _profiles(block, centre)
        drop, depth = profile[:, :-3] - profile[:, 3:], DEPTHS_MM[:-3] + 1.5
        gain = np.where(np.abs(depth - radius) <= 3, drop - 15 * np.abs(depth - radius), -np.inf)
        best = gain.argmax(1)
        clear = drop[np.arange(len(d)), best] > 40
        if clear.sum() < 40:
            break
        terms, target = np.c_[d[clear], np.ones(int(clear.sum()))], depth[best][clear] - radius
        trust = np.ones(len(target))
        for _ in range(3):
            shift = np.linalg.lstsq(terms * trust[:, None], target * trust, rcond=None)[0]
            trust = 1 / (1 + ((target - terms @ shift) / 1.5) ** 2)
        centre = centre + np.clip(shift[:3], -2, 2)
        radius = float(np.clip(radius + np.clip(shift[3], -1, 1), *RADII_MM))
    return centre, radius


def _described(block: Block, centre: Floats, radius: float, score: float, sign: float) -> Head:
    """What speaks for a femoral head."""
    d, profile, depth = directions(), _profiles(block, centre), DEPTHS_MM
    neck = np.array([0.65, 0.2, 0.73 * sign])
    free = d @ (neck / np.linalg.norm(neck)) < 0.35
    roof = free & (d[:, 0] < 0.4) & ((d[:, 0] < -0.3) | (-sign * d[:, 2] > 0.3))
    inside = profile[:, depth < 0.75 * radius]
    edge = (depth >= radius - 1) & (depth < radius + 6)
    fall = profile[:, (depth > radius - 4) & (depth < radius + 2)].max(1) - profile[:, edge].min(1)
    bone = profile[:, (depth > radius + 1) & (depth < radius + 11)].max(1) > SOCKET_HU
    return Head(
        centre=(float(centre[0]), float(centre[1]), float(centre[2])),
        radius=radius,
        score=score,
        filled=float((inside > (BONE_HU[0] + 10)).mean()),
        mean_hu=float(inside.mean()),
        rim=float((fall > FALL_HU)[free].mean()),
        socket=float(bone[roof].mean()),
    )
