"""What the ink itself says, without any network: may this be text at all, and does a minus stand before a number."""

from __future__ import annotations

from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

Grey = NDArray[np.uint8]
LETTER_PX = (5, 64)
"""Height of letters that are read, in pixels of the page."""
FEWEST_LETTERS = 24
"""Letters of the smallest table: two rows of a name and two numbers, and a heading."""
FEWEST_LINES = 3
"""Heading and two rows."""
STEEPEST, SLOPE_STEP = 0.07, 0.002
"""Lines up to four degrees off are read."""
POINTS = 20_000
"""Pixels of ink that are enough to tell a slope by."""
STRIP = 64
"""Rows to which a number is enlarged to look at its ink."""


def maybe_text(page: Grey) -> bool:
    """Whether a page (H, W) may hold a table: enough small marks, in lines. Cheap, and wrong only to the safe side."""
    return any(_lettered(side) for side in (page, np.asarray(255 - page, np.uint8)))


def slope(page: Grey) -> float:
    """Slope of a page's lines, pixels down per pixel to the right: that at which their ink falls into fewest rows."""
    ink = _ink(page) if np.median(page) > 127 else _ink(np.asarray(255 - page, np.uint8))
    y, x = np.nonzero(ink)
    some = slice(None, None, max(1, len(x) // POINTS))
    y, x = y[some].astype(np.float32), x[some].astype(np.float32)
    found, best = 0.0, -1.0
    for candidate in np.arange(-STEEPEST, STEEPEST + SLOPE_STEP / 2, SLOPE_STEP):
        rows = np.bincount((y - candidate * x + STEEPEST * page.shape[1]).astype(np.int64))
        score = float((rows.astype(np.float64) ** 2).sum())
        if score > best:
            found, best = float(candidate), score
    return found


def _ink(page: Grey) -> Grey:
    """1 where a page is darker than its surroundings."""
    around = cv2.blur(page, (31, 31)).astype(np.int16)
    return np.asarray(page.astype(np.int16) < around - 24, np.uint8)


def _lettered(page: Grey) -> bool:
    """Whether dark marks of letters' size stand in lines."""
    _, _, stats, centres = cv2.connectedComponentsWithStats(_ink(page), connectivity=8)
    width, height, area = stats[1:, 2], stats[1:, 3], stats[1:, 4]
    low, high = LETTER_PX
    fits = (height >= low) & (height <= high) & (width <= 4 * high) & (area >= 6)
    middles = np.sort(centres[1:, 1][fits])
    tall = np.median(height[fits]) if fits.any() else 0.0
    if len(middles) < FEWEST_LETTERS:
        return False
    breaks = np.flatnonzero(np.diff(middles) > 0.4 * tall)
    sizes = np.diff(np.r_[0, breaks + 1, len(middles)])
    return len(breaks) + 1 >= FEWEST_LINES or bool((sizes >= 4 * FEWEST_LETTERS).any())


def sign(page: Grey, box: tuple[float, float, float, float]) -> Literal["", "-", "+", "?"]:
    """What stands before the first digit of a number: nothing, a minus, a plus, or something that is neither.

    A minus is a mark wider than high, much lower than a digit, at half of its height.
    """
    marks = _marks(page, box)
    if marks is None:
        return "?"
    x, y, width, height = marks.T
    tall = height >= 0.6 * height.max()
    first = int(np.flatnonzero(tall)[np.argmin(x[tall])])
    top, full = y[first], height[first]
    before = (x + width <= x[first] + 0.12 * full) & ~tall
    near = before & (x[first] - (x + width) < 0.6 * full) & (width * height > 0.012 * full * full)
    if not near.any():
        return ""
    at = (y + height / 2 - top) / full
    dash = near & (width >= 1.15 * height) & (height <= 0.4 * full) & (at > 0.3) & (at < 0.8)
    if dash.sum() == 1 and near.sum() == 1:
        return "-"
    plus = near & (height > 0.4 * full) & (at > 0.3) & (at < 0.8)
    return "+" if plus.sum() == 1 and near.sum() == 1 else "?"


def _marks(page: Grey, box: tuple[float, float, float, float]) -> NDArray[np.int32] | None:
    """Marks of ink in a number's box: (n, 4) left, top, width, height in a strip of ``STRIP`` rows; None if none."""
    x1, y1, x2, y2 = box
    tall = y2 - y1
    rows = slice(max(0, int(y1)), int(np.ceil(y2)) + 1)
    columns = slice(max(0, int(x1 - 0.3 * tall)), int(np.ceil(x2 + 0.1 * tall)) + 1)
    part = page[rows, columns]
    if min(part.shape) < 4:
        return None
    scale = STRIP / part.shape[0]
    strip = cv2.resize(part, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
    if np.median(strip) < 127:
        strip = cv2.bitwise_not(strip)
    _, dark = cv2.threshold(strip, 0, 1, cv2.THRESH_BINARY_INV | cv2.THRESH_OTSU)
    _, _, stats, _ = cv2.connectedComponentsWithStats(dark, connectivity=8)
    found = stats[1:, :4][stats[1:, 4] >= 8]
    return np.asarray(found, np.int32) if len(found) else None
