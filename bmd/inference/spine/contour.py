"""From masks and a chain of centres to one outline per body."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from bmd.inference.spine.chain import Chain
from bmd.inference.spine.maps import S1, Maps, rescale

FINE = 2
"""Outlines are traced on mask maps enlarged by this factor."""
CLEAR_CENTRE = 0.3
"""Score of a body whose centre is seen clearly enough to show it without a mask of its own."""
LEVEL_HALF = 0.5
"""A pixel belongs to a body where bone of any body is at least this probable."""


def outlines(maps: Maps, chain: Chain) -> list[NDArray | None]:
    """Outline of every body of the chain.

    The foreground is divided between neighbours by a watershed whose valleys are the discs, so that bodies stay
    apart where the network is unsure which of two levels a body is.

    Returns
    -------
    list of ndarray or None
        (n, 2) in frame pixels, sub-pixel. Where the masks show nothing, a body with a clear centre borrows the shape of
        its nearest neighbour, turned to its place in the chain; others get None.
    """
    side = maps.masks.shape[-1] * FINE
    body = cv2.resize(maps.body, (side, side), interpolation=cv2.INTER_CUBIC)
    sacrum = cv2.resize(maps.masks[S1 + 1], (side, side), interpolation=cv2.INTER_LINEAR)
    body = np.clip(np.where(sacrum > body, 0, body), 0, 1)
    centres = rescale(chain.points, maps.size, side)
    unit = chain.unit(len(centres) // 2) * side / maps.size
    if not np.isfinite(unit):
        unit = side / 12
    territory = _territories(body, centres, chain, unit)
    lines = [_outline(body, territory == k + 1, centres[k], unit, maps.size) for k in range(len(centres))]
    return [_borrowed(lines, chain, k) if line is None else line for k, line in enumerate(lines)]


def _borrowed(lines: list[NDArray | None], chain: Chain, k: int) -> NDArray | None:
    """The nearest neighbour's outline moved and turned to body ``k``, or None without neighbour or clear centre."""
    near = [j for j in (k - 1, k + 1, k - 2, k + 2) if 0 <= j < len(lines) and lines[j] is not None]
    if not near or chain.scores[k] < CLEAR_CENTRE:
        return None
    line, there = lines[near[0]], chain.points[near[0]]
    (a, b), (c, d) = _direction(chain.points, near[0]), _direction(chain.points, k)
    turn = np.array([[a * c + b * d, b * c - a * d], [a * d - b * c, a * c + b * d]])
    return (np.asarray(line) - there) @ turn.T + chain.points[k]


def _territories(body: NDArray, centres: NDArray, chain: Chain, unit: float) -> NDArray:
    """Label map (side, side): k + 1 where a pixel can belong to body k; 0 elsewhere."""
    side = body.shape[0]
    markers = np.zeros((side, side), np.int32)
    markers[body < 0.15] = -1
    for k, (x, y) in enumerate(centres):
        along = _direction(centres, k)
        across = np.array([-along[1], along[0]])
        arm = 0.28 * unit * across
        ends = [tuple(np.round(np.array([x, y]) + s * arm).astype(int).tolist()) for s in (-1, 1)]
        cv2.line(markers, ends[0], ends[1], k + 1, max(1, round(0.12 * unit)))
    height = np.round((1 - body) * 254).astype(np.uint8)
    label = ndimage.watershed_ift(height, markers.astype(np.int16))
    label[label < 0] = 0
    ys, xs = np.mgrid[:side, :side]
    for k, (x, y) in enumerate(centres):
        far = (xs - x) ** 2 + (ys - y) ** 2 > (1.25 * unit) ** 2
        label[(label == k + 1) & far] = 0
    return label


def _direction(points: NDArray, k: int) -> NDArray:
    """Unit vector up the chain at body ``k``; straight up for a single body."""
    low, high = points[max(0, k - 1)], points[min(len(points) - 1, k + 1)]
    step = high - low
    length = float(np.linalg.norm(step))
    return step / length if length > 0 else np.array([0.0, -1.0])


def _outline(body: NDArray, mine: NDArray, centre: NDArray, unit: float, frame: int) -> NDArray | None:
    """Sub-pixel outline of one territory at the half-probability level, in frame pixels."""
    side = body.shape[0]
    reach = int(1.6 * unit) + 4
    x0, y0 = np.maximum(np.floor(centre - reach).astype(int), 0)
    x1, y1 = np.minimum(np.ceil(centre + reach).astype(int) + 1, side)
    if x1 - x0 < 3 or y1 - y0 < 3:
        return None
    field = np.where(mine[y0:y1, x0:x1], body[y0:y1, x0:x1], 0)
    peak = float(field.max(initial=0))
    if peak < 0.3:
        return None
    up = 4
    field = cv2.GaussianBlur(field.astype(np.float32), (0, 0), 0.4)
    field = cv2.resize(field, None, fx=up, fy=up, interpolation=cv2.INTER_LINEAR)
    solid = (field > LEVEL_HALF * min(1.0, peak)).astype(np.uint8)
    binary = cv2.morphologyEx(solid, cv2.MORPH_OPEN, np.ones((up + 1,) * 2, np.uint8))
    found, _ = cv2.findContours(binary, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    found = [c for c in found if cv2.contourArea(c) > 0.06 * (unit * up) ** 2]
    if not found:
        return None
    points = max(found, key=cv2.contourArea)[:, 0].astype(float)
    points = (points + 0.5) / up - 0.5 + [x0, y0]
    return rescale(smooth(points, 64), side, frame)


def smooth(points: NDArray, count: int) -> NDArray:
    """Resample a closed outline to ``count`` points evenly along it, lightly smoothed."""
    closed = np.vstack([points, points[:1]])
    length = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(closed, axis=0), axis=1))])
    at = np.linspace(0, length[-1], 4 * count, endpoint=False)
    dense = np.column_stack([np.interp(at, length, closed[:, k]) for k in (0, 1)])
    dense = ndimage.gaussian_filter1d(dense, 1.0, axis=0, mode="wrap")
    return dense[::4]


def corners(outline: NDArray, up: NDArray, posterior: NDArray) -> NDArray:
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
    first = int(np.argmax(high / max(np.ptp(high), 1e-6) + back / max(np.ptp(back), 1e-6)))
    return np.roll(quad, -first, 0)
