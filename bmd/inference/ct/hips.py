"""Where the proximal femora are in a CT, by geometry: a bright ball in its socket, and the shaft that comes from it.

Every edge votes for the centre of the ball it would belong to: the surface of the femoral head along the gradient, the
socket against it. Candidates are then checked for what a head has: bone inside, a shell around, a femur below.
Lengths were set on simulated volumes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import (
    binary_closing,
    binary_fill_holes,
    center_of_mass,
    gaussian_filter,
    gaussian_filter1d,
    label,
    map_coordinates,
    maximum_filter,
)

from bmd.findings import Finding, refusal
from bmd.inputs.ct import HipPlane, Point, Spacing, hip_plane
from bmd.types import Volume

GRID_MM = 3.0
BONE_HU, DENSE_HU = 60.0, 450.0
"""Edges are looked for between these: neither fat nor the differences within dense cortex count."""

HEAD_RADII_MM = (19.0, 21.0, 23.0, 25.0, 27.0)
SOCKET_RADII_MM = (23.0, 25.0, 27.0, 29.0, 31.0)
SIDEWAYS_MM = (50.0, 135.0)
"""How far heads lie from the middle of the body."""

METAL_HU, METAL_CM3 = 2500.0, 1.5
BELOW_MM = 38.0
"""The field must reach this far below the centre of the head: the neck is in it."""

INSIDE_HU, SHELL_HU, LEAST_SHELL = (40.0, 900.0), 180.0, 0.5
"""A head is bone inside, and has bone all around at its surface."""

TROCHANTER_MM = (36.0, 57.0)
"""Where the trochanters are looked for, mm below the centre of the head."""

AREA_MM2 = (250.0, 4500.0)
DEFAULT_BACK = 0.25
"""mm that the neck goes back for each mm sideways where no femur is seen: it points forward from the shaft."""

LEVEL_MM = 40.0
"""How far apart in height the two heads may lie."""

METAL, CUT, NOT_FOUND = (refusal(f"ct.hip.{reason}") for reason in ("metal", "cut", "not_found"))
"""Why a hip is not read."""

Side = Literal["right", "left"]


@dataclass(frozen=True)
class HipSite:
    """One found proximal femur, or why there is none.

    Attributes
    ----------
    side : {"right", "left"}
        The patient's.
    plane : HipPlane or None
        Where to cut; None with a reason.
    reason : Finding or None
        Why it is not read; None when it can be.
    head_mm : tuple of float or None
        Centre of the head or of the metal, (z, y, x) in mm from the centre of the first voxel.
    score : float
        Votes for the head, times the share of it that has a shell.
    """

    side: Side
    plane: HipPlane | None
    reason: Finding | None
    head_mm: Point | None
    score: float = 0.0


def find_hips(volume: Volume, spine_ends_mm: float = 0.0) -> tuple[HipSite, HipSite]:
    """Find both proximal femora.

    Parameters
    ----------
    volume : Volume
        The CT.
    spine_ends_mm : float
        z of the lowest vertebral body that was found: femoral heads lie below it, and a ball above is something else.

    Returns
    -------
    tuple of HipSite
        The right and the left one.
    """
    hu = coarse(volume.voxels, volume.spacing_mm)
    middle = body_middle(hu)
    votes = ball_votes(hu)
    votes[: int(np.ceil(max(0.0, spine_ends_mm) / GRID_MM))] = 0
    metal = [lump for lump in metal_lumps(volume.voxels, volume.spacing_mm) if lump[0] > spine_ends_mm]
    sites = []
    for side, sign in (("right", -1.0), ("left", 1.0)):
        sites.append(_side(side, sign, hu, votes, middle, metal))  # type: ignore[arg-type]
    return _agreeing(sites[0], sites[1])


def coarse(voxels: NDArray[np.int16], spacing_mm: Spacing) -> NDArray[np.float32]:
    """The volume on a cubic grid of 3 mm, float32 HU; the first voxel's centre stays at 0."""
    dz, dy, dx = spacing_mm
    rows, columns = (int((n - 1) * step / GRID_MM) + 1 for n, step in zip(voxels.shape[1:], (dy, dx), strict=True))
    matrix = np.array([[GRID_MM / dx, 0, 0], [0, GRID_MM / dy, 0]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    small = np.empty((len(voxels), rows, columns), np.float32)
    for k, picture in enumerate(voxels):
        plane = picture.astype(np.float32)
        if min(dx, dy) < GRID_MM:
            sigma = [max(1e-3, 0.35 * GRID_MM / step) for step in (dx, dy)]
            plane = cv2.GaussianBlur(plane, (0, 0), sigma[0], sigmaY=sigma[1])
        small[k] = cv2.warpAffine(plane, matrix, (columns, rows), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    if dz < GRID_MM:
        small = gaussian_filter1d(small, 0.35 * GRID_MM / dz, 0, truncate=2)
    last = len(small) - 1
    place = np.arange(0, last * dz + 1e-6, GRID_MM) / dz
    low = np.minimum(place.astype(int), max(0, last - 1))
    share = (place - low).astype(np.float32)[:, None, None]
    return np.asarray(small[low] + share * (small[np.minimum(low + 1, last)] - small[low]), np.float32)


def body_middle(hu: NDArray[np.float32]) -> float:
    """Middle of the body, x in mm: that of its soft tissue."""
    share = ((hu > -150) & (hu < 250)).sum((0, 1)).astype(float)
    return float((share * np.arange(len(share))).sum() / max(share.sum(), 1.0)) * GRID_MM


def ball_votes(hu: NDArray[np.float32]) -> NDArray[np.float32]:
    """How many edges (HU / mm) point at each place as the centre of a head or its socket, smoothed."""
    bone = gaussian_filter(np.clip(hu, BONE_HU, DENSE_HU), 0.6)
    slope = np.stack(np.gradient(bone, GRID_MM))  # (3, D, H, W)
    size = np.sqrt((slope**2).sum(0))
    strong = size > 12.0
    points = np.nonzero(strong)
    weight = np.minimum(size[strong], 40.0)
    direction = slope[:, strong] / size[strong]
    votes = np.zeros(hu.size, np.float32)
    for sign, radii in ((1.0, HEAD_RADII_MM), (-1.0, SOCKET_RADII_MM)):
        for radius in radii:
            place = np.round(np.stack(points) + sign * radius / GRID_MM * direction).astype(int)
            inside = ((place >= 0) & (place < np.array(hu.shape)[:, None])).all(0)
            flat = np.ravel_multi_index(tuple(place[:, inside]), hu.shape)
            votes += np.bincount(flat, weight[inside], hu.size).astype(np.float32)
    return np.asarray(gaussian_filter(votes.reshape(hu.shape), 1.0), np.float32)


def metal_lumps(voxels: NDArray[np.int16], spacing_mm: Spacing) -> list[Point]:
    """Centres (mm) of lumps above 2,500 HU that are larger than 1.5 cm3."""
    dense = voxels > METAL_HU
    if not dense.any():
        return []
    marks, _ = label(dense)
    volumes_cm3 = np.bincount(marks.ravel())[1:] * float(np.prod(spacing_mm)) / 1000
    large = [int(i) + 1 for i in np.flatnonzero(volumes_cm3 > METAL_CM3)]
    dz, dy, dx = spacing_mm
    return [(float(z) * dz, float(y) * dy, float(x) * dx) for z, y, x in center_of_mass(dense, marks, large)]


def _side(
    side: Side, sign: float, hu: NDArray[np.float32], votes: NDArray[np.float32], middle: float, metal: list[Point]
) -> HipSite:
    """The best head on one side of the body, and the plane through it."""
    for lump in metal:
        offset = sign * (lump[2] - middle)
        if SIDEWAYS_MM[0] - 25 < offset < SIDEWAYS_MM[1] + 25 and lump[0] > hu.shape[0] * GRID_MM - 200:
            return HipSite(side, None, METAL, lump)
    best: tuple[float, Point | None, HipPlane | None] = (0.0, None, None)
    for votes_here, head in candidates(votes, middle, sign):
        shell = shell_share(hu, head)
        plane, femur = aim(hu, head, sign)
        score = votes_here * shell * (1.0 if femur else 0.3)
        if shell > LEAST_SHELL and score > best[0]:
            best = (score, head, plane)
    score, centre, plane_found = best
    if centre is None:
        return HipSite(side, None, NOT_FOUND, None)
    if (hu.shape[0] - 1) * GRID_MM - centre[0] < BELOW_MM:
        return HipSite(side, None, CUT, centre, score)
    return HipSite(side, plane_found, None, centre, score)


def candidates(votes: NDArray[np.float32], middle: float, sign: float, count: int = 6) -> list[tuple[float, Point]]:
    """The places with most votes on one side, most first, with their votes; (z, y, x) in mm."""
    x = sign * (np.arange(votes.shape[2]) * GRID_MM - middle)
    here = np.where((x > SIDEWAYS_MM[0]) & (x < SIDEWAYS_MM[1]), votes, 0)
    peaks = np.argwhere((here > 0) & (here == maximum_filter(here, 9)))
    peaks = peaks[np.argsort(-here[tuple(peaks.T)], kind="stable")][:count]
    found = []
    for peak in peaks:
        low = np.maximum(peak - 2, 0)
        cube = votes[low[0] : peak[0] + 3, low[1] : peak[1] + 3, low[2] : peak[2] + 3]
        fine = (low + np.array(center_of_mass(cube**2))) * GRID_MM
        found.append((float(votes[tuple(peak)]), (float(fine[0]), float(fine[1]), float(fine[2]))))
    return found


def _directions(count: int = 200) -> NDArray[np.float64]:
    """Evenly spread unit vectors (count, 3)."""
    k = np.arange(count) + 0.5
    polar, turn = np.arccos(1 - 2 * k / count), np.pi * (1 + 5**0.5) * k
    return np.stack([np.cos(polar), np.sin(polar) * np.sin(turn), np.sin(polar) * np.cos(turn)], 1)


def shell_share(hu: NDArray[np.float32], head_mm: Point) -> float:
    """Share of directions in which bone is met at the distance of a head's surface; 0 where the inside is not bone."""
    radii = np.arange(0.0, 31.0, 1.5)
    places = (np.array(head_mm) + _directions()[:, None] * radii[:, None]) / GRID_MM  # (200, radii, 3)
    profile = map_coordinates(hu, np.moveaxis(places, -1, 0), order=1, mode="constant", cval=-1000)
    if not INSIDE_HU[0] < float(profile[:, radii < 14].mean()) < INSIDE_HU[1]:
        return 0.0
    return float((profile[:, (radii > 16) & (radii < 29)].max(1) > SHELL_HU).mean())


def aim(hu: NDArray[np.float32], head_mm: Point, sign: float) -> tuple[HipPlane, bool]:
    """The plane through head, neck and trochanters, and whether a femur was met below the head.

    The trochanters are the filled bone beside and below the head, without the ischium, which lies towards the middle.
    """
    z0, y0, x0 = (v / GRID_MM for v in head_mm)
    centres = []
    for k in range(round(z0 + TROCHANTER_MM[0] / GRID_MM), round(z0 + TROCHANTER_MM[1] / GRID_MM) + 1):
        if k >= len(hu):
            break
        low, reach = max(0, int(y0 - 60 / GRID_MM)), int(y0 + 60 / GRID_MM) + 1
        left, right = sorted((x0 + sign * 8 / GRID_MM, x0 + sign * 100 / GRID_MM))
        left = max(0, int(left))
        part = binary_fill_holes(binary_closing(hu[k, low:reach, left : int(right) + 1] > SHELL_HU))
        marks, count = label(part)
        if not count:
            continue
        area = np.bincount(marks.ravel(), minlength=count + 1)[1:] * GRID_MM**2
        if AREA_MM2[0] < area.max() < AREA_MM2[1]:
            y, x = center_of_mass(part, marks, int(area.argmax()) + 1)
            centres.append(((y + low) * GRID_MM, (x + left) * GRID_MM))
    if len(centres) < 3:
        default = (head_mm[0] + 50, head_mm[1] + DEFAULT_BACK * 50, head_mm[2] + sign * 50)
        return hip_plane(head_mm, default), False
    y, x = np.median(centres, 0)
    return hip_plane(head_mm, (head_mm[0] + 50, float(y), float(x))), True


def _agreeing(right: HipSite, left: HipSite) -> tuple[HipSite, HipSite]:
    """Two heads lie at about one height: where they do not, the one with the lower score is not believed."""
    if right.head_mm is None or left.head_mm is None or METAL in (right.reason, left.reason):
        return right, left
    if abs(right.head_mm[0] - left.head_mm[0]) <= LEVEL_MM:
        return right, left
    if right.score < left.score:
        return HipSite("right", None, NOT_FOUND, None), left
    return right, HipSite("left", None, NOT_FOUND, None)
