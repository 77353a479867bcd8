"""Where the proximal femora are in a CT, by geometry, and why one is not read.

A hip is read only when proven: a femur is followed from below the neck to the upper shaft (`hip_femur`), a head in its
socket is found above it where that femur's head must be (`hip_head`), all lies in the field and below the spine. Every
edge votes for the centre of the ball it would belong to, which only says where to begin. Limits were set on simulated
volumes and by anatomy.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import (
    center_of_mass,
    gaussian_filter,
    gaussian_filter1d,
    label,
    maximum_filter,
    uniform_filter,
)

from bmd.findings import Finding, refusal
from bmd.inference.ct.hip_femur import BONE_HU as CORTEX_HU
from bmd.inference.ct.hip_femur import GRID_MM, REACHES_MM, TIP_MM, TO_MM, Femur, find_femur
from bmd.inference.ct.hip_head import BONE_HU as INSIDE_HU
from bmd.inference.ct.hip_head import Head, find_head
from bmd.inputs.ct import HipPlane, Point, Spacing, hip_plane
from bmd.types import Volume

BONE_HU, DENSE_HU = 60.0, 450.0
"""Edges are looked for between these: neither fat nor the differences within dense cortex count."""

HEAD_RADII_MM = (19.0, 21.0, 23.0, 25.0, 27.0)
SOCKET_RADII_MM = (23.0, 25.0, 27.0, 29.0, 31.0)
SIDEWAYS_MM = (50.0, 135.0)
"""How far heads lie from the middle of the body."""

METAL_HU, METAL_CM3 = 2500.0, 1.5
INWARDS_MM, FORWARDS_MM = 38.0, 4.0
"""Where the head lies from the axis of its femur: on 44 simulated hips 26 to 47 inwards, -6 to 16 forwards."""
ROOM_MM = 3.0
"""How far below the first slice a head must begin to lie fully in the field."""
PELVIS_MM, PELVIS_MM2 = 9.0, 300.0
"""Bone beside the middle at the end of the scan, over so many mm: the pelvis goes on below."""

LEVEL_MM = 40.0
"""How far apart in height the two heads may lie."""

METAL, CUT, NOT_FOUND, UNPROVEN = (refusal(f"ct.hip.{reason}") for reason in ("metal", "cut", "not_found", "unproven"))
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
        How clearly the head is seen (``hip_head.Head.score``).
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
    votes = ball_votes(hu) * filled(hu)
    votes[: int(np.ceil(max(0.0, spine_ends_mm) / GRID_MM))] = 0
    metal = [lump for lump in metal_lumps(volume.voxels, volume.spacing_mm) if lump[0] > spine_ends_mm]
    sites = []
    for side, sign in (("right", -1.0), ("left", 1.0)):
        sites.append(_Side(side, sign, volume, hu, spine_ends_mm).find(votes, middle, metal))  # type: ignore[arg-type]
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


def filled(hu: NDArray[np.float32]) -> NDArray[np.float32]:
    """0 where the surroundings are no denser than muscle, as in the hollow of the ilium, to 1 where they are bone."""
    mean = uniform_filter(np.clip(hu, -200, 500), 7, mode="nearest")
    return np.asarray(np.clip((mean - INSIDE_HU[0]) / (INSIDE_HU[1] - INSIDE_HU[0]), 0, 1), np.float32)


@dataclass(frozen=True, eq=False)
class _Side:
    """One side of a volume, ``hu`` being its coarse grid."""

    side: Side
    sign: float
    volume: Volume
    hu: NDArray[np.float32]
    spine_ends_mm: float

    @property
    def end(self) -> float:
        """Height (z) of the last slice, mm."""
        return (len(self.hu) - 1) * GRID_MM

    def find(self, votes: NDArray[np.float32], middle: float, metal: list[Point]) -> HipSite:
        """The hip of this side, or why it is not read."""
        for lump in metal:
            offset = self.sign * (lump[2] - middle)
            if SIDEWAYS_MM[0] - 25 < offset < SIDEWAYS_MM[1] + 25 and lump[0] > self.end - 200:
                return HipSite(self.side, None, METAL, lump)
        sites, femora = list[HipSite](), list[Femur]()
        for _, place in candidates(votes, middle, self.sign):
            femur = find_femur(self.hu, place, self.sign)
            if femur is not None and all(abs(femur.tip - other.tip) > 2 * GRID_MM for other in femora):
                femora.append(femur)
                sites.append(self._judged(femur))
                if sites[-1].reason is None:
                    return sites[-1]
        if sites:
            return max(sites, key=lambda site: site.score)
        return HipSite(self.side, None, CUT if self._goes_on(middle) else NOT_FOUND, None)

    def _judged(self, femur: Femur) -> HipSite:
        """The head above a femur, and whether both are proven to be a hip that lies fully in the field."""
        near = (femur.tip, femur.y - FORWARDS_MM, femur.x - self.sign * INWARDS_MM)
        head = find_head(self.volume, near, femur.tip, self.sign)
        own = find_femur(self.hu, head.centre, self.sign)
        if not self._is_hip(head, own) or own is None:
            return HipSite(self.side, None, UNPROVEN, None)
        above = head.centre[0] - head.radius < ROOM_MM
        if own.cut or above or self.end - head.centre[0] < REACHES_MM:
            return HipSite(self.side, None, CUT, head.centre, head.score)
        if own.end < min(self.end, head.centre[0] + TO_MM) - 2 * GRID_MM:  # a femur does not end within the thigh
            return HipSite(self.side, None, UNPROVEN, head.centre, head.score)
        plane = hip_plane(head.centre, (head.centre[0] + 50, own.y, own.x))
        return HipSite(self.side, plane, None, head.centre, head.score)

    def _is_hip(self, head: Head, femur: Femur | None) -> bool:
        """Whether a ball is a head in its socket, below the spine, that belongs to the femur beside it."""
        if femur is None or not head.proven or head.centre[0] <= self.spine_ends_mm:
            return False
        return abs(femur.tip - head.centre[0]) <= TIP_MM

    def _goes_on(self, middle: float) -> bool:
        """Whether the pelvis reaches the last slice."""
        if self.end <= self.spine_ends_mm:
            return False
        x = self.sign * (np.arange(self.hu.shape[2]) * GRID_MM - middle)
        last = self.hu[-round(PELVIS_MM / GRID_MM) :, :, (x > 30) & (x < SIDEWAYS_MM[1])]
        return bool((last > CORTEX_HU).sum((1, 2)).mean() * GRID_MM**2 > PELVIS_MM2)


def candidates(votes: NDArray[np.float32], middle: float, sign: float, count: int = 8) -> list[tuple[float, Point]]:
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


def _agreeing(right: HipSite, left: HipSite) -> tuple[HipSite, HipSite]:
    """Two heads lie at about one height: where they do not, the one with the lower score is not believed."""
    if right.head_mm is None or left.head_mm is None or METAL in (right.reason, left.reason):
        return right, left
    if abs(right.head_mm[0] - left.head_mm[0]) <= LEVEL_MM:
        return right, left
    if right.score < left.score:
        return HipSite("right", None, NOT_FOUND, None), left
    return right, HipSite("left", None, NOT_FOUND, None)
