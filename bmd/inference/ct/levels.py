"""CT, step 2: find the vertebral bodies, name them, and give each its voxels.

The names come from the film localiser, which looks at slabs of two widths around the spine from the side (`side_film`).
They are certain only when the slabs agree, the sacrum is clear (from the side, or from its wings to both sides of the
canal), the volume has room for it, no lung lies beside L2 or lower, and the last rib is five bodies higher where it is
in view. Without the sacrum they are counted from the last rib (`names`), else the bodies stay unnamed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from bmd.findings import Finding, note
from bmd.inference.ct.bodies import Body, Depths, Offset, fit_body, frame_of, region, voxels
from bmd.inference.ct.canal import Spine, find_spine
from bmd.inference.ct.names import Source, choose
from bmd.inference.ct.ribs import find_ribs
from bmd.inference.ct.side_film import FACING, SideFilm, side_film
from bmd.inference.run import Networks
from bmd.inference.spine.contour import corners as corners_of
from bmd.inference.spine.decode import Decoded
from bmd.inference.spine.localise import Localised, localise, quality
from bmd.types import Vertebra, Volume

ROLE = "localiser"
WEAKEST = 0.25
"""Score of the localiser below which a body is left out."""
WIDTHS_MM = (20.0, 13.0)
"""Half the widths of the slabs that are looked at from the side; the first is preferred."""
WING_SHARE = 0.17
"""Least share of bone to both sides of the canal where the sacrum is. On simulated CTs the wings give 0.2 or more, the
processes of L4 and L5 with the iliac crests up to 0.15."""
WING_FROM, WING_TO = 0.3, 1.9
"""Where the wings are looked for, in heights of L5 below its centre; those of a body too high are out of it."""
SACRUM_SEEN, SACRUM_CLEAR = 0.3, 0.45
"""Evidence of S1 that every slab must give, and that one must. Of 12 simulated CTs, 9 with the sacrum in view gave 0.47
or more and right names throughout; 3 without gave 0.27 or less and wrong ones."""
POSTERIOR = 0.7
ROOM_MM = 25.0
"""How far the volume must go on below the centre of L5, so that the top of S1 is in it."""
SACRUM_MM = 110.0
"""How far it must go on for the view from the side to be enough, so that the whole sacrum is in it; else the wings must
be seen too. A simulated CT that ended 55 mm below L4 showed 0.49 of a sacrum from the side, and every name was off by
one."""
EDGE_MM = 2.5
CHEST = 0.3
"""Share of lung beside a vertebra that cannot be L2 or lower."""

Block: TypeAlias = tuple[Offset, NDArray[np.int16], Depths]
"""Offset of a block of voxels in the volume, its HU, and how deep each voxel lies in a body."""


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
    doubts : tuple of Finding
        Why the names are not certain.
    source : "sacrum", "rib" or None
        What the names were counted from; None where there are none.
    """

    vertebrae: tuple[Vertebra, ...]
    bodies: tuple[Body, ...]
    cut: frozenset[int]
    certain: bool
    spine: Spine
    film: SideFilm
    decoded: Decoded
    doubts: tuple[Finding, ...] = ()
    source: Source | None = None


def localise_ct(volume: Volume, networks: Networks) -> FoundCt:
    """Find, fit and name the vertebral bodies of a CT volume."""
    spine = find_spine(volume)
    film, looks = look_from_side(volume, spine, networks)
    seen = looks[0]
    spacing = volume.spacing_mm
    kept: list[Vertebra] = []
    bodies: list[Body] = []
    cut: set[int] = set()
    for vertebra in seen.vertebrae:
        if vertebra.score < WEAKEST or vertebra.corners_px is None:
            continue
        corners = film.to_volume(vertebra.corners_px, spacing) * [spacing[1], spacing[0]]
        body = fit_body(volume, frame_of(corners, spine.x_mm, spacing[0]))
        if plausible(body):
            if is_cut(volume, body) or at_film_edge(vertebra.corners_px, film):
                cut.add(len(bodies))
            kept.append(vertebra)
            bodies.append(body)
    doubts = naming_doubts(volume, spine, looks, kept, bodies)
    ribs = find_ribs(volume, spine, tuple(bodies))
    names = choose([v.level for v in kept], doubts, bodies, frozenset(cut), ribs)
    found = tuple(_vertebra(volume, v, b, n) for v, b, n in zip(kept, bodies, names.levels, strict=True))
    whole = (found, tuple(bodies), frozenset(cut), names.certain, spine, film, seen.decoded)
    return FoundCt(*whole, names.doubts, names.source)


def plausible(body: Body) -> bool:
    """Whether a fitted surface has the size of a vertebral body, crushed ones included."""
    height = float(np.mean(body.edge_heights()))
    width = float(body.radii.mean(0)[[18, 54]].sum())
    return 6 < height < 48 and 18 < width < 75 and 15 < body.frame.depth < 60


def is_cut(volume: Volume, body: Body) -> bool:
    """Whether a body reaches the first or last slice, or an edge of the field."""
    spacing = np.array(volume.spacing_mm)
    half = np.array([0.5 * body.frame.height, 0.5 * body.frame.depth, float(body.radii.mean())])
    margin = np.array([max(1.5, 0.5 * spacing[0]), 0.0, 0.0])
    low, high = (body.frame.origin - half - margin) / spacing, (body.frame.origin + half + margin) / spacing
    return bool((low < -0.5).any() or (high > np.array(volume.voxels.shape) - 0.5).any())


def at_film_edge(corners: NDArray[np.floating], film: SideFilm) -> bool:
    """Whether a body's outline reaches the first or last millimetres of the volume."""
    return bool(corners[:, 1].min() < EDGE_MM or corners[:, 1].max() > film.pixels.shape[0] - 1 - EDGE_MM)


def look_from_side(volume: Volume, spine: Spine, networks: Networks) -> tuple[SideFilm, list[Localised]]:
    """Localise on slabs of several widths: the film of the best look, and all looks, the best first."""
    films = [side_film(volume, spine, width) for width in WIDTHS_MM]
    looks = [localise(film.pixels, networks.engine, networks.name(ROLE), facing=FACING) for film in films]
    order = sorted(range(len(looks)), key=lambda k: (not looks[k].decoded.certain, -quality(looks[k].decoded)))
    return films[order[0]], [looks[k] for k in order]


def room_below(volume: Volume, last: Body) -> float:
    """How far the volume reaches below the centre of a body, mm."""
    return float(len(volume.voxels) * volume.spacing_mm[0] - last.frame.origin[0])


def same_names(one: Localised, other: Localised) -> bool:
    """Whether bodies at about the same place have the same name in two looks; few in common say nothing."""
    here, there = ([(v.level, np.reshape(v.box_px, (2, 2)).mean(0)) for v in look.vertebrae] for look in (one, other))
    if len(here) < 2 or len(there) < 2:
        return True
    reach = 0.4 * float(np.median(np.linalg.norm(np.diff(np.array([xy for _, xy in here]), axis=0), axis=1)))
    same = [a == b for a, at in here for b, xy in there if float(np.linalg.norm(at - xy)) < reach]
    return len(same) < 2 or sum(same) > len(same) / 2


def naming_doubts(
    volume: Volume, spine: Spine, looks: list[Localised], kept: list[Vertebra], bodies: list[Body]
) -> tuple[Finding, ...]:
    """Reasons not to rely on the names; none when slabs agree and the sacrum is clear and has room in the volume."""
    sacra = [look.decoded.sacrum for look in looks]
    if max(sacra) < SACRUM_SEEN:
        return (note("ct.sacrum_unseen"),)
    dz = volume.spacing_mm[0]
    named = {v.level: b for v, b in zip(kept, bodies, strict=True) if v.level is not None}
    wings = "L5" in named and wing_share(spine, dz, named["L5"]) >= WING_SHARE
    winged = looks[0].decoded.certain and wings
    sure = [look for look in looks if look.decoded.posterior >= POSTERIOR]
    if not winged and len(sure) < len(looks):  # beside the wings, a slab that is unsure itself has no vote
        return (note("ct.side_unclear"),)
    if not all(same_names(looks[0], other) for other in sure):
        return (note("ct.side_unclear"),)
    if "L5" not in named:
        return (note("ct.l5_unseen"),)
    if room_below(volume, named["L5"]) < ROOM_MM:
        return (note("ct.ends_above_sacrum"),)
    whole = room_below(volume, named["L5"]) >= SACRUM_MM
    clear = whole and min(sacra) >= SACRUM_SEEN and max(sacra) >= SACRUM_CLEAR
    if not (clear or winged):
        return (note("ct.sacrum_unclear"),)
    for level in ("L2", "L3", "L4", "L5"):
        if level in named:
            at = int(np.clip(named[level].frame.origin[0] / dz, 0, len(spine.lung) - 1))
            if spine.lung[at] > CHEST:
                return (note("ct.lung_beside"),)
    return ()


def wing_share(spine: Spine, dz: float, last: Body) -> float:
    """Largest share of bone to both sides of the canal over 20 mm, from just above the middle of L5 downwards."""
    low, high = (last.frame.origin[0] + reach * last.frame.height for reach in (WING_FROM, WING_TO))
    part = spine.wings[max(0, int(low / dz)) : max(1, int(high / dz) + 1)]
    run = max(1, min(len(part), round(20 / dz)))
    return float(np.convolve(part, np.ones(run) / run, mode="valid").max()) if len(part) else 0.0


def _vertebra(volume: Volume, seen: Vertebra, body: Body, level: str | None) -> Vertebra:
    """A body with its voxels; outline and corners are those of its middle, x = row and y = slice of the volume."""
    line = outline(volume, body)
    up, forward = body.frame.axes[0][[1, 0]], body.frame.axes[1][[1, 0]]
    spacing = volume.spacing_mm
    scale = np.array([spacing[1], spacing[0]])
    corners = corners_of(line * scale, up / np.linalg.norm(up), -forward / np.linalg.norm(forward)) / scale
    both = np.concatenate([line, corners])
    low, high = both.min(0), both.max(0)
    return Vertebra(
        level=level,
        box_px=(float(low[0]), float(low[1]), float(high[0]), float(high[1])),
        contour_px=line.astype(np.float32),
        score=seen.score,
        corners_px=corners.astype(np.float32),
        body=region(volume, body),
    )


def outline(volume: Volume, body: Body) -> NDArray[np.float64]:
    """Outline of a body in its middle plane, (n, 2) as (row, slice) of the volume."""
    reach_w, reach_u = 0.5 * body.frame.height + 8, 0.5 * body.frame.depth + 8
    w, u = np.meshgrid(np.arange(-reach_w, reach_w, 0.5), np.arange(-reach_u, reach_u, 0.5), indexing="ij")
    inside = np.minimum.reduce(body.depths(body.frame.points(w, u, np.zeros_like(w))))
    found, _ = cv2.findContours((inside > 0).astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    if not found:
        return np.zeros((4, 2))
    line = max(found, key=cv2.contourArea)[:, 0].astype(float)[::3]
    z, y, _ = body.frame.points(line[:, 1] * 0.5 - reach_w, line[:, 0] * 0.5 - reach_u, np.zeros(len(line)))
    spacing = volume.spacing_mm
    return np.column_stack([y / spacing[1], z / spacing[0]])


def block(volume: Volume, body: Body) -> Block:
    """The HU around a body, with its offset in the volume and how deep each voxel lies (`Body.depths`)."""
    offset, depths = voxels(volume, body)
    shape = depths[0].shape
    part = tuple(slice(a, a + n) for a, n in zip(offset, shape, strict=True))
    return offset, volume.voxels[part], depths
