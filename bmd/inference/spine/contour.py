"""Step 4, outline: one outline for every named body, from the masks."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from bmd.inference.spine.maps import S1, TINY, Maps, Points, disc_values, rescale
from bmd.inference.spine.naming import L5, Named
from bmd.inference.spine.terms import OutlineTerms
from bmd.inference.spine.trust import metal_on
from bmd.reference import LEVELS

Bone = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Body:
    """One body in frame pixels; see ``types.Vertebra`` for the same in picture pixels.

    ``level`` is None for bodies above T10. ``cut`` is true where the outline reaches the edge of the picture, ``metal``
    the mean probability 0..1 of an implant inside it.
    """

    level: str | None
    centre: Points
    outline: Points
    corners: Points
    score: float
    cut: bool
    metal: float = 0.0


@dataclass(frozen=True, eq=False)
class _Place:
    """Where a body is: its level (negative above T10), centre and score."""

    level: int
    xy: Points
    score: float


def outline(named: Named, maps: Maps, terms: OutlineTerms) -> tuple[Body, ...]:
    """Outlines of the bodies, and of those that the names say are missing and the masks show weakly.

    Parameters
    ----------
    named : Named
        Bodies with their levels.
    maps : Maps
        The maps they were found on.
    terms : OutlineTerms
        Numbers.

    Returns
    -------
    tuple of Body
        Cranial to caudal; those with an outline.
    """
    places = _places(named, maps, terms)
    points = np.array([place.xy for place in places])
    unit = named.chain.unit(len(named.levels) // 2)
    lines = outlines(maps, points, unit if np.isfinite(unit) else named.chain.found.spacing, terms)
    whole = [_borrowed(lines, places, k) if line is None else line for k, line in enumerate(lines)]
    rows = zip(range(len(places)), whole, strict=True)
    return tuple(_body(places, k, line, maps, named, terms) for k, line in rows if line is not None)


def _places(named: Named, maps: Maps, terms: OutlineTerms) -> list[_Place]:
    """The named bodies and the weak ones between, above and below them, cranial to caudal."""
    rows = zip(named.levels, named.chain.points, named.scores, strict=True)
    places = [_Place(level, xy, score) for level, xy, score in rows]
    if len(places) >= 2:
        for level in range(max(0, min(named.levels) - 1), L5 + 1):
            if level not in named.levels:
                places += _weak_body(maps, named, level, terms)
    return sorted(places, key=lambda place: place.level)


def _weak_body(maps: Maps, named: Named, level: int, terms: OutlineTerms) -> list[_Place]:
    """The place where a level must be if enough faint bone is there, or nothing."""
    chain = named.chain
    slot = named.levels[0] - level
    xy, unit = chain.place(slot), chain.unit(int(np.searchsorted(chain.slots, slot)))
    if level == L5 and slot == -1 and named.sacrum_xy is not None:
        xy = (chain.points[0] + named.sacrum_xy) / 2
    scale = maps.masks.shape[-1] / maps.size
    bone = float(disc_values(maps.body[None], maps.mask_xy(xy), terms.weak_radius * unit * scale).mean())
    inside = ((xy >= 0) & (xy < maps.size)).all()
    return [_Place(level, xy, bone)] if inside and bone >= terms.weak else []


def _body(places: list[_Place], k: int, line: Points, maps: Maps, named: Named, terms: OutlineTerms) -> Body:
    """Body ``k`` of the places with its outline, in the order of the corners that its side asks for."""
    up = -_down(np.array([p.xy for p in places]), k)
    right = np.array([-up[1], up[0]])
    posterior = -right if named.facing >= 0 else right
    x1, y1, x2, y2 = maps.content
    edge = terms.edge * maps.size
    low, high = line.min(0), line.max(0)
    return Body(
        level=LEVELS[places[k].level] if places[k].level >= 0 else None,
        centre=places[k].xy,
        outline=line,
        corners=corners(line, up, posterior),
        score=places[k].score,
        cut=bool(low[0] < x1 + edge or low[1] < y1 + edge or high[0] > x2 - edge or high[1] > y2 - edge),
        metal=metal_on(maps, line),
    )


def _down(points: Points, k: int) -> Points:
    """Unit vector down the chain (cranial to caudal) at body ``k``; straight down for a single body."""
    step: Points = points[min(len(points) - 1, k + 1)] - points[max(0, k - 1)]
    length = float(np.linalg.norm(step))
    return step / length if length > 0 else np.array([0.0, 1.0])


def outlines(maps: Maps, points: Points, unit: float, terms: OutlineTerms) -> list[Points | None]:
    """Outline of the body around each of some centres.

    The foreground is divided between neighbours by a watershed whose valleys are the discs, so that bodies stay
    apart where the network is unsure which of two levels a body is.

    Parameters
    ----------
    maps : Maps
        Probabilities.
    points : ndarray
        (n, 2) neighbours in order, frame pixels.
    unit : float
        Distance of neighbours, frame pixels.
    terms : OutlineTerms
        Numbers.

    Returns
    -------
    list of ndarray or None
        (n, 2) in frame pixels, sub-pixel; None where the masks show nothing.
    """
    side = maps.masks.shape[-1]
    bone = np.where(maps.masks[S1 + 1] > maps.body, 0, maps.body).astype(np.float32)
    centres, unit = rescale(points, maps.size, side), unit * side / maps.size
    territory = _territories(bone, centres, unit, terms)
    lines = [_traced(bone, territory == k + 1, unit, terms) for k in range(len(centres))]
    return [line if line is None else rescale(line, side, maps.size) for line in lines]


def _borrowed(lines: list[Points | None], places: list[_Place], k: int) -> Points | None:
    """The nearest neighbour's outline moved and turned to body ``k``, or None without neighbour."""
    points = np.array([place.xy for place in places])
    for j in (k + 1, k - 1, k + 2, k - 2):
        line = lines[j] if 0 <= j < len(lines) else None
        if line is not None:
            (a, b), (c, d) = _down(points, j), _down(points, k)
            turn = np.array([[a * c + b * d, b * c - a * d], [a * d - b * c, a * c + b * d]])
            moved: Points = (line - points[j]) @ turn.T + points[k]
            return moved
    return None


def _territories(bone: Bone, centres: Points, unit: float, terms: OutlineTerms) -> NDArray[np.int16]:
    """Label map (side, side): k + 1 where a pixel is nearer to body k than to any other, over bone."""
    markers = np.zeros(bone.shape, np.int32)
    for k, centre in enumerate(centres):
        down = _down(centres, k)
        arm = terms.arm * unit * np.array([-down[1], down[0]])
        ends = [np.round(centre + s * arm).astype(int).tolist() for s in (-1, 1)]
        cv2.line(markers, ends[0], ends[1], k + 1, max(1, round(terms.thick * unit)))
    height = np.round((1 - bone) * np.iinfo(np.uint8).max).astype(np.uint8)
    label: NDArray[np.int16] = ndimage.watershed_ift(height, markers.astype(np.int16))
    return label


def _traced(bone: Bone, mine: NDArray[np.bool_], unit: float, terms: OutlineTerms) -> Points | None:
    """Sub-pixel outline of one territory where bone is half as probable as at most there, in mask pixels."""
    field = np.where(mine, bone, 0).astype(np.float32)
    peak = float(field.max())
    if not peak:
        return None
    rows, columns = np.nonzero(field > peak / 2)
    x0, y0 = int(columns.min()) - 1, int(rows.min()) - 1
    window = np.pad(field, 2)[y0 + 1 : rows.max() + 5, x0 + 1 : columns.max() + 5]
    up = terms.up
    window = cv2.resize(window, None, fx=up, fy=up, interpolation=cv2.INTER_LINEAR)
    found, _ = cv2.findContours((window > peak / 2).astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    largest = max(found, key=cv2.contourArea)
    if cv2.contourArea(largest) < terms.area * (unit * up) ** 2:
        return None
    points = largest[:, 0].astype(float)
    return even((points + 0.5) / up - 0.5 + [x0 - 1, y0 - 1], terms)


def even(points: Points, terms: OutlineTerms) -> Points:
    """Resample a closed outline evenly along it and round off the steps of its pixels."""
    count = 4 * terms.points
    closed = np.vstack([points, points[:1]])
    length = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(closed, axis=0), axis=1))])
    at = np.linspace(0, length[-1], count, endpoint=False)
    dense = np.column_stack([np.interp(at, length, closed[:, k]) for k in (0, 1)])
    smooth: Points = ndimage.gaussian_filter1d(dense, terms.round_off, axis=0, mode="wrap")[::4]
    return smooth


def corners(outline: Points, up: Points, posterior: Points) -> Points:
    """Four corners of an outline.

    Parameters
    ----------
    outline : ndarray
        (n, 2).
    up, posterior : ndarray
        Unit vectors (2,): cranial and posterior, roughly perpendicular.

    Returns
    -------
    ndarray
        (4, 2): superior posterior, superior anterior, inferior anterior, inferior posterior, of the smallest
        quadrilateral around the outline, because outlines from masks are rounded.
    """
    quad = cv2.approxPolyN(outline.astype(np.float32), 4, None, -1, True).reshape(-1, 2).astype(float)
    middle = quad.mean(0)
    high, back = (quad - middle) @ up, (quad - middle) @ posterior
    around = np.argsort(np.arctan2(high, back))  # from inferior anterior, through posterior, round to anterior
    quad, high, back = quad[around], high[around], back[around]
    first = int(np.argmax(high / max(np.ptp(high), TINY) + back / max(np.ptp(back), TINY)))
    return np.roll(quad, -first, 0)
