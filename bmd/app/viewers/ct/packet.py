"""A CT as the browser gets it: reduced to a size that travels, 8 bit, with the bodies and heat maps beside it.

Two packets (see ``film.join``): the volume, sent once, and what is drawn on it, sent whenever that changes. Grey
values are codes of ``TABLE``: steps of 2.5 to 3 HU from fat to spongy bone, wide ones in air and metal, so that every
window can be set in the browser.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from bmd.app.viewers.bundle import words
from bmd.app.viewers.ct.bodies import Body, bodies
from bmd.app.viewers.film import join
from bmd.ct_types import BANDS, Region
from bmd.findings import note
from bmd.reference import CATEGORIES
from bmd.text import say, text
from bmd.types import Explanation, Report

MAX_VOXELS = 22_000_000
"""Largest volume sent; about 60 % of that in megabytes after packing."""
SIDES = (384, 352, 320, 288, 256, 224, 192, 160, 128, 96, 64)
"""Longest side of a slice; the first that fits into ``MAX_VOXELS``."""
_EDGES = ((-1024, 0), (-200, 26), (300, 206), (1024, 242), (3071, 255))
TABLE = np.interp(np.arange(256), [code for _, code in _EDGES], [hu for hu, _ in _EDGES])
"""HU of each code."""
_CODES = np.interp(np.arange(-32768, 32768), [h for h, _ in _EDGES], [c for _, c in _EDGES])
_LOOKUP = np.roll(np.rint(_CODES).astype(np.uint8), 32768)
"""Code by the bits of the int16."""

WORDS = ("axial", "coronal", "sagittal", "plane_alt", "tag", "tag_zoom", "tag_window", "tag_hu", "reduced")
"""What the viewer says with numbers of its own."""

Shape = tuple[int, int, int]
Spacing = tuple[float, float, float]


def display_shape(shape: Shape, spacing_mm: Spacing) -> Shape:
    """Slices, rows and columns that are sent.

    Parameters
    ----------
    shape : tuple of int
        (D, H, W) of the CT.
    spacing_mm : tuple of float
        (slice, row, column). Slices are not sent finer than pixels.
    """
    depth, height, width = shape
    for side in SIDES:
        factor = max(1.0, max(height, width) / side)
        finest = min(spacing_mm[1:]) * factor
        slices = max(1, min(depth, round(depth * spacing_mm[0] / finest)))
        found = slices, max(1, round(height / factor)), max(1, round(width / factor))
        if found[0] * found[1] * found[2] <= MAX_VOXELS:
            break
    return found


def volume_packet(uid: str, pixels: NDArray[np.int16], spacing_mm: Spacing) -> bytes:
    """The reduced volume.

    Parameters
    ----------
    uid : str
        Hash of the content.
    pixels : ndarray
        int16 (D, H, W) HU.
    spacing_mm : tuple of float
        (slice, row, column).
    """
    whole: Shape = (pixels.shape[0], pixels.shape[1], pixels.shape[2])
    shape = display_shape(whole, spacing_mm)
    codes = _reduced(pixels, shape)
    packed = zlib.compress(codes.tobytes(), 1)
    size = [round(n * mm / m, 5) for n, mm, m in zip(whole, spacing_mm, shape, strict=True)]
    header = {"volume": uid, "shape": shape, "spacing": size, "full": whole, "table": TABLE.round(1).tolist()}
    return join(header, packed)


def _reduced(pixels: NDArray[np.int16], shape: Shape) -> NDArray[np.uint8]:
    """Codes (d, h, w): slices averaged in groups, pixels by area."""
    edges = np.linspace(0, len(pixels), shape[0] + 1).round().astype(int)
    codes = np.empty(shape, np.uint8)
    for i, (first, last) in enumerate(pairwise(edges)):
        slab = pixels[first] if last - first == 1 else pixels[first:last].mean(0).astype(np.int16)
        if slab.shape != shape[1:]:
            slab = cv2.resize(slab, shape[:0:-1], interpolation=cv2.INTER_AREA)
        codes[i] = _LOOKUP[slab.view(np.uint16)]
    return codes


def overlay_packet(
    uid: str,
    shape: Shape,
    spacing_mm: Spacing,
    report: Report | None,
    maps: Sequence[Explanation],
    alt: str,
) -> bytes:
    """What is drawn on the volume ``uid`` of ``shape``: bodies, ROIs, places to go to and heat maps."""
    grid = display_shape(shape, spacing_mm)
    parts: list[bytes] = []
    regions = [] if report is None else _regions(report, shape, grid, parts)
    heats = [] if report is None else _heats(report, maps, shape, grid, parts)
    header = {
        "volume": uid,
        "alt": alt,
        "words": words(WORDS),
        "reduced": grid != shape,
        "regions": regions,
        "heats": heats,
        "places": [] if report is None else _places(report, shape, grid),
    }
    return join(header, zlib.compress(b"".join(parts), 1))


def _regions(report: Report, shape: Shape, grid: Shape, parts: list[bytes]) -> list[dict[str, Any]]:
    found = []
    for one in bodies(report):
        fact = {"level": one.name, "category": colour_of(one), "lines": region_lines(one)}
        for kind, region in (("body", one.vertebra.body), ("roi", one.density.roi if one.density else None)):
            if region is not None:
                origin, block = resampled(region, shape, grid)
                parts.append(block.tobytes())
                found.append(fact | {"kind": kind, "origin": origin, "shape": block.shape})
    return found


def resampled(region: Region, shape: Shape, grid: Shape) -> tuple[Shape, NDArray[np.uint8]]:
    """A mask on the grid that is sent.

    Returns
    -------
    origin : tuple of int
        Voxel of the grid at which the block starts; one voxel of margin, so it may be -1.
    block : ndarray
        uint8 (d, h, w): share of each voxel that is covered, 0..255.
    """
    origin, block = [], np.asarray(region.mask, np.float32)
    for axis, (start, whole, cells) in enumerate(zip(region.offset_zyx, shape, grid, strict=True)):
        weights, first = _overlaps(start, block.shape[axis], cells / whole)
        block = np.moveaxis(np.tensordot(weights, block, (1, axis)), 0, axis)
        origin.append(first)
    return (origin[0], origin[1], origin[2]), np.rint(np.clip(block, 0, 1) * 255).astype(np.uint8)


def _overlaps(start: int, count: int, scale: float) -> tuple[NDArray[np.float32], int]:
    """Share of each cell (row) that each of ``count`` voxels from ``start`` (column) covers, and the first cell."""
    edges = np.arange(start, start + count + 1) * scale
    first, last = int(np.floor(edges[0])) - 1, int(np.ceil(edges[-1])) + 1
    cells = np.arange(first, last)[:, None]
    overlap = np.minimum(edges[None, 1:], cells + 1) - np.maximum(edges[None, :-1], cells)
    return np.clip(overlap, 0, 1).astype(np.float32), first


def colour_of(one: Body) -> str | None:
    """The category in whose colour a body is drawn: that of its HU against the cut-offs, whatever the network says."""
    band = one.density.band if one.density else None
    return None if band is None else CATEGORIES[BANDS.index(band)]


def region_lines(one: Body) -> list[str]:
    """What the viewer says about one body: its name, then one fact a line."""
    lines = [one.long]
    density, answer = one.density, one.answer
    if density is not None:
        lines.append(text("app.viewer.hu", mean=density.mean_hu, sd=density.sd_hu, volume=density.volume_cm3))
        if density.band is not None:
            lines.append(text("app.viewer.band", band=note(f"ct.band.{density.band}")))
    if answer is not None and answer.category:
        share, category = answer.probabilities.get(answer.category, 0.0), note(f"category.{answer.category}")
        lines.append(text("app.viewer.network_share", category=category, share=share))
    if answer is not None and answer.t_score is not None:
        lines.append(text("app.t_score", t=answer.t_score))
    return lines


def _heats(
    report: Report, maps: Sequence[Explanation], shape: Shape, grid: Shape, parts: list[bytes]
) -> list[dict[str, Any]]:
    """Heat maps of axial slices, at the middle of the body of their level."""
    middle = {one.name: one.middle_zyx for one in bodies(report)}
    found = []
    for one in maps:
        if one.level not in middle:
            continue
        heat = np.clip(np.rint(one.heat * 255), 0, 255).astype(np.uint8)
        parts.append(heat.tobytes())
        row, column = grid[1] / shape[1], grid[2] / shape[2]
        box = [round((v + 0.5) * k - 0.5, 2) for v, k in zip(one.box_px, (column, row, column, row), strict=True)]
        z = _cell(middle[one.level][0], shape[0], grid[0])
        found.append({"level": one.level, "name": say(one.method), "z": z, "box": box, "shape": heat.shape})
    return found


def _places(report: Report, shape: Shape, grid: Shape) -> list[dict[str, Any]]:
    """Where the viewer can jump to: the middle of each body, the centre of each femoral head."""
    points = [(one.name, one.middle_zyx) for one in bodies(report)]
    hips = [hip for hip in report.hips if hip.centre_zyx is not None and hip.crop is not None]
    points += [(text(f"app.viewer.hip_{hip.side}"), hip.centre_zyx) for hip in hips if hip.centre_zyx is not None]
    return [
        {"name": name, "at": [_cell(value, n, cells) for value, n, cells in zip(point, shape, grid, strict=True)]}
        for name, point in points
    ]


def _cell(value: float, whole: int, cells: int) -> int:
    """Cell of the grid that holds this voxel coordinate."""
    return min(max(int(np.floor((value + 0.5) * cells / whole)), 0), cells - 1)
