"""CT, step 2: find the vertebral bodies, name them, and give each its voxels.

The names come from the film localiser, which looks at the slab around the spine from the side (`ct_film`). They are
kept only when it is certain and the volume itself agrees: the wings of the sacrum must begin right below L5 and no
lung may lie beside L2 or lower. Otherwise the bodies stay unnamed.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from bmd.inference.contour import corners as corners_of
from bmd.inference.ct_bodies import Body, fit_body, frame_of, region, voxels
from bmd.inference.ct_film import SideFilm, side_film
from bmd.inference.ct_gate import LUNG_SHARE
from bmd.inference.ct_spine import Spine, find_spine
from bmd.inference.decode import Decoded
from bmd.inference.engine import Engine
from bmd.inference.localise import localise
from bmd.types import Image, Vertebra

WEAKEST = 0.25
"""Score of the localiser below which a body is left out."""
WING_SHARE = 0.15
"""Share of bone beside the canal that makes a slice one of the sacrum's wings."""
WING_ABOVE, WING_BELOW = -0.35, 1.3
"""Where the wings must begin, in heights of L5 below its centre."""


@dataclass(frozen=True, eq=False)
class FoundCt:
    """Bodies of one CT, cranial to caudal.

    Attributes
    ----------
    vertebrae : tuple of Vertebra
        In the coordinates that `Vertebra` states for a CT.
    bodies : tuple of Body
        The surface of each.
    cut : frozenset of int
        Indices of those that the end of the volume cuts.
    certain : bool
        The names can be relied on.
    spine, film, decoded
        What they were found with.
    doubts : tuple of str
        Why the names are not certain, in plain words.
    """

    vertebrae: tuple[Vertebra, ...]
    bodies: tuple[Body, ...]
    cut: frozenset[int]
    certain: bool
    spine: Spine
    film: SideFilm
    decoded: Decoded
    doubts: tuple[str, ...] = ()


def localise_ct(image: Image, engine: Engine) -> FoundCt:
    """Find, fit and name the vertebral bodies of a CT volume.

    Parameters
    ----------
    image : Image
        CT in HU, in the order that `Image` states.
    engine : Engine
        Runs the film localiser.
    """
    spine = find_spine(image)
    film = side_film(image, spine)
    seen = localise(film.pixels, engine)
    spacing = image.spacing_mm or (1.0, 1.0, 1.0)
    kept, bodies = [], []
    for vertebra in seen.vertebrae:
        if vertebra.score < WEAKEST or vertebra.corners_px is None:
            continue
        corners = film.to_volume(vertebra.corners_px, spacing) * [spacing[1], spacing[0]]
        body = fit_body(image, frame_of(corners, spine.x_mm, spacing[0]))
        if plausible(body):
            kept.append(vertebra)
            bodies.append(body)
    doubts = naming_doubts(image, spine, seen.decoded, kept, bodies)
    found = tuple(_vertebra(image, v, b, not doubts) for v, b in zip(kept, bodies, strict=True))
    cut = frozenset(k for k, body in enumerate(bodies) if is_cut(image, body))
    return FoundCt(found, tuple(bodies), cut, not doubts, spine, film, seen.decoded, doubts)


def plausible(body: Body) -> bool:
    """Whether a fitted surface has the size of a vertebral body, crushed ones included."""
    height = float(np.mean(body.edge_heights()))
    width = float(body.radii.mean(0)[[18, 54]].sum())
    return 6 < height < 48 and 18 < width < 75 and 15 < body.frame.depth < 60


def is_cut(image: Image, body: Body) -> bool:
    """Whether a body reaches the first or last slice, or an edge of the field."""
    spacing = np.array(image.spacing_mm or (1.0, 1.0, 1.0))
    half = np.array([0.5 * body.frame.height, 0.5 * body.frame.depth, float(body.radii.mean())])
    low, high = (body.frame.origin - half) / spacing, (body.frame.origin + half) / spacing
    return bool((low < -0.5).any() or (high > np.array(image.pixels.shape) - 0.5).any())


def naming_doubts(
    image: Image, spine: Spine, decoded: Decoded, kept: list[Vertebra], bodies: list[Body]
) -> tuple[str, ...]:
    """Reasons not to rely on the names; none when the side view is certain and the volume agrees."""
    dz = (image.spacing_mm or (1.0,))[0]
    doubts = []
    wings = wings_mm(spine, dz)
    if wings is None:
        doubts.append("the sacrum is not in the field")
    elif not decoded.certain:
        doubts.append("the view from the side is not clear enough")
    named = {v.level: b for v, b in zip(kept, bodies, strict=True) if v.level is not None}
    if not doubts and "L5" in named and wings is not None:
        below = (wings - named["L5"].frame.origin[0]) / named["L5"].frame.height
        if not WING_ABOVE < below < WING_BELOW:
            doubts.append("the wings of the sacrum do not begin where the view from the side has it")
    for level in ("L2", "L3", "L4", "L5"):
        if level in named:
            at = int(np.clip(named[level].frame.origin[0] / dz, 0, len(spine.lung) - 1))
            if spine.lung[at] > LUNG_SHARE:
                doubts.append("lung lies beside a vertebra that was taken for a lumbar one")
                break
    return tuple(doubts)


def wings_mm(spine: Spine, dz: float) -> float | None:
    """Height (mm from the first slice) at which bone begins to lie to both sides of the canal and stays for 20 mm."""
    run = max(1, round(20 / dz))
    high = spine.wings > WING_SHARE
    share = np.convolve(high, np.ones(run) / run, mode="valid")
    starts = np.flatnonzero((share >= 0.8) & high[: len(share)])
    return float(starts[0] * dz) if len(starts) else None


def _vertebra(image: Image, seen: Vertebra, body: Body, named: bool) -> Vertebra:
    """A body with its voxels; outline and corners are those of its middle, x = row and y = slice of the volume."""
    line = outline(image, body)
    up, forward = body.frame.axes[0][[1, 0]], body.frame.axes[1][[1, 0]]
    spacing = image.spacing_mm or (1.0, 1.0, 1.0)
    scale = np.array([spacing[1], spacing[0]])
    corners = corners_of(line * scale, up / np.linalg.norm(up), -forward / np.linalg.norm(forward)) / scale
    both = np.concatenate([line, corners])
    low, high = both.min(0), both.max(0)
    return Vertebra(
        level=seen.level if named else None,
        box_px=(float(low[0]), float(low[1]), float(high[0]), float(high[1])),
        contour_px=line.astype(np.float32),
        score=seen.score,
        corners_px=corners.astype(np.float32),
        body=region(image, body),
    )


def outline(image: Image, body: Body) -> NDArray:
    """Outline of a body in its middle plane, (n, 2) as (row, slice) of the volume."""
    reach_w, reach_u = 0.5 * body.frame.height + 8, 0.5 * body.frame.depth + 8
    w, u = np.meshgrid(np.arange(-reach_w, reach_w, 0.5), np.arange(-reach_u, reach_u, 0.5), indexing="ij")
    inside = np.minimum.reduce(body.depths(body.frame.points(w, u, np.zeros_like(w))))
    found, _ = cv2.findContours((inside > 0).astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    if not found:
        return np.zeros((4, 2))
    line = max(found, key=cv2.contourArea)[:, 0].astype(float)[::3]
    z, y, _ = body.frame.points(line[:, 1] * 0.5 - reach_w, line[:, 0] * 0.5 - reach_u, np.zeros(len(line)))
    spacing = image.spacing_mm or (1.0, 1.0, 1.0)
    return np.column_stack([y / spacing[1], z / spacing[0]])


def block(image: Image, body: Body) -> tuple[tuple[int, int, int], NDArray, tuple[NDArray, NDArray, NDArray]]:
    """The HU around a body, with its offset in the volume and how deep each voxel lies (`Body.depths`)."""
    offset, depths = voxels(image, body)
    shape = depths[0].shape
    part = tuple(slice(a, a + n) for a, n in zip(offset, shape, strict=True))
    return offset, image.pixels[part], depths
