"""From a page to the rows of its table: find the words, find the table, read its cells once more, judge."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from bmd.inference.dxa.printed import ink, ocr
from bmd.inference.dxa.printed.checks import judged
from bmd.inference.dxa.printed.layout import MINUS
from bmd.inference.dxa.printed.table import Row, tables
from bmd.printed import PrintedRow, Word

LARGEST_SIDE = 3000
"""A page with a longer side is reduced to it: a page of 270 dpi."""
FEWEST_WORDS = 6
"""Pieces of text of the smallest table: two rows of a name and a number, and a heading over each."""
MARGIN = 0.12
"""By how much, in heights, a cell is cut out larger when it is read the second time, so that it looks different."""


def read_printed(pixels: NDArray[np.float32], words: Sequence[Word] = ()) -> tuple[PrintedRow, ...]:
    """The tables of a spine or of hips printed on a page; none where there is no text or no such table.

    Parameters
    ----------
    pixels : ndarray
        float32 (H, W) in 0..1, as displayed.
    words : sequence of Word
        The words that the file itself holds, with their places in ``pixels``; then nothing is recognised.

    Raises
    ------
    ImportError
        The packages that read letters are not installed.
    """
    if words:
        return tuple(row for table in tables(words) for row in judged(table))
    scale = min(1.0, LARGEST_SIDE / max(pixels.shape))
    small = cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA) if scale < 1 else pixels
    page = (np.clip(np.asarray(small, np.float32), 0, 1) * 255).round().astype(np.uint8)
    return tuple(_enlarged(row, 1 / scale) for row in _recognised(page))


def _enlarged(row: PrintedRow, by: float) -> PrintedRow:
    x1, y1, x2, y2 = (value * by for value in row.box_px)
    return replace(row, box_px=(x1, y1, x2, y2))


def _recognised(page: ocr.Grey) -> tuple[PrintedRow, ...]:
    """Rows of a page of which only the picture is known."""
    if not ink.maybe_text(page):
        return ()
    quads = ocr.find_lines(page)
    if len(quads) < FEWEST_WORDS:
        return ()
    slope = ink.slope(page)
    letters = ocr.read_lines(page, quads)
    seen = [word for line, quad in zip(letters, quads, strict=True) for word in ocr.words_of(line, quad)]
    return tuple(row for table in tables(seen, slope) for row in judged(table, _again(page, table, slope)))


def _again(page: ocr.Grey, table: Iterable[Row], slope: float) -> dict[int, bool]:
    """Whether each word of a table is read alike a second time, cut out alone, with the sign that its ink shows."""
    rows = list(table)
    cells = [found.word for row in rows for found in row.cells.values()]
    words = cells + [item.word for row in rows for item in row.name.items]
    second = ocr.read_lines(page, [_around(word, slope) for word in words])
    alike = {}
    for index, (word, letters) in enumerate(zip(words, second, strict=True)):
        same = _plain(word.text) == _plain(letters.text)
        if index < len(cells):
            same = same and ink.sign(page, word.box_px) in (("-",) if _plain(word.text)[:1] == "-" else ("", "+"))
        alike[id(word)] = same
    return alike


def _around(word: Word, slope: float) -> ocr.Quad:
    """Where a word stands, a little larger."""
    x1, y1, x2, y2 = word.box_px
    margin = MARGIN * (y2 - y1)
    tilt = slope * (x2 - x1) / 2
    left, right, top, bottom = x1 - margin, x2 + margin, y1 + abs(tilt) - margin, y2 - abs(tilt) + margin
    return np.array(
        [[left, top - tilt], [right, top + tilt], [right, bottom + tilt], [left, bottom - tilt]], np.float32
    )


def _plain(text: str) -> str:
    return text.translate(MINUS).replace(" ", "").replace(",", ".")
