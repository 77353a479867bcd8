"""A report saved as PDF to `Study`: each page as a picture, and its words where the page holds them as letters."""

from __future__ import annotations

import hashlib
import logging
import threading
from typing import Any

import numpy as np
import pypdfium2 as pdfium

from bmd.errors import InputError, LimitError
from bmd.findings import Finding, note
from bmd.printed import Word
from bmd.readers.limits import MAX_PAGES, MAX_PDF_BYTES
from bmd.types import Acquisition, Image, Study

DPI = 150.0
"""Letters of 9 points are 19 pixels high."""
LARGEST_SIDE = 2400
"""Pixels of a page's longer side, whatever size its file claims."""
SCANNED = 0.5
"""Share of a page under one picture from which the page is a scan: letters behind it were guessed by another machine,
so they are not believed, and the picture is read."""
MOST_LETTERS = 20_000
"""Of one page; more is no report."""
_PASSWORD = 4
"""PDFium's code of a document that wants a password."""
_turn = threading.Lock()
"""PDFium does one thing at a time."""
_log = logging.getLogger(__name__)


def read_pdf(data: bytes) -> Study:
    """Read the pages of a document.

    Parameters
    ----------
    data : bytes
        A whole PDF.

    Returns
    -------
    Study
        One image (modality "dxa") and one tuple of words per page, at most ``MAX_PAGES``; nothing of the patient.

    Raises
    ------
    LimitError
        Larger than ``MAX_PDF_BYTES``.
    InputError
        Locked by a password, damaged, or without a page.
    """
    if len(data) > MAX_PDF_BYTES:
        raise LimitError("read.pdf_too_large", limit_mb=MAX_PDF_BYTES / 2**20, mb=len(data) / 2**20)
    with _turn:
        try:
            with pdfium.PdfDocument(data) as document:
                count = len(document)
                pages = [_page(document[index]) for index in range(min(count, MAX_PAGES))]
        except pdfium.PdfiumError as error:
            locked = getattr(error, "err_code", None) == _PASSWORD or "password" in str(error).lower()
            raise InputError("read.pdf_locked" if locked else "read.pdf_damaged") from None
        except (ValueError, OverflowError, MemoryError) as error:
            _log.info("unreadable pdf: %s", type(error).__name__)
            raise InputError("read.pdf_damaged") from None
    if not pages:
        raise InputError("read.pdf_damaged")
    notes: list[Finding] = [note("read.pdf", count=count)]
    if count > MAX_PAGES:
        notes.append(note("read.pdf_first", count=count, first=MAX_PAGES))
    return Study(
        uid=hashlib.sha256(data).hexdigest()[:16],
        images=tuple(image for image, _ in pages),
        origin="PDF",
        notes=tuple(notes),
        words=tuple(words for _, words in pages),
    )


def _page(page: Any) -> tuple[Image, tuple[Word, ...]]:
    width, height = page.get_size()
    scale = min(DPI / 72, LARGEST_SIDE / max(width, height, 1.0))
    if min(width, height) * scale < 16:
        raise ValueError("a page without a size")
    shown = np.asarray(page.render(scale=scale, grayscale=True).to_numpy(), np.float32)
    pixels = shown.reshape(shown.shape[0], shown.shape[1], -1).mean(2) / np.float32(255)
    image = Image(pixels.astype(np.float32), "dxa", "ap", acquisition=Acquisition(bits=8))
    believed = page.get_rotation() == 0 and not _is_scan(page, width * height)
    return image, _words(page, scale) if believed else ()


def _is_scan(page: Any, area: float) -> bool:
    """Whether one picture covers most of the page."""
    kinds = (pdfium.raw.FPDF_PAGEOBJ_IMAGE,)
    for item in page.get_objects(filter=kinds, max_depth=4):
        left, bottom, right, top = item.get_bounds()
        if max(0.0, right - left) * max(0.0, top - bottom) > SCANNED * area:
            return True
    return False


def _words(page: Any, scale: float) -> tuple[Word, ...]:
    """The words of a page with their boxes in its picture; letters that nobody sees are left out."""
    text = page.get_textpage()
    count = min(text.count_chars(), MOST_LETTERS)
    left, _, _, top = page.get_cropbox()
    found: list[Word] = []
    now: list[tuple[str, tuple[float, float, float, float]]] = []
    for index in range(count):
        letter = text.get_text_range(index, 1) if _visible(text, index) else " "
        box = text.get_charbox(index, loose=True)
        pixels = ((box[0] - left) * scale, (top - box[3]) * scale, (box[2] - left) * scale, (top - box[1]) * scale)
        if letter.strip() and now and not _joined(now[-1][1], pixels):
            found.append(_word(now))
            now = []
        if letter.strip():
            now.append((letter.strip(), pixels))
        elif now:
            found.append(_word(now))
            now = []
    return tuple([*found, _word(now)] if now else found)


def _visible(text: Any, index: int) -> bool:
    """Whether a letter is drawn; scanners lay what they recognised over the page unseen."""
    item = pdfium.raw.FPDFText_GetTextObject(text.raw, index)
    return not item or pdfium.raw.FPDFTextObj_GetTextRenderMode(item) != pdfium.raw.FPDF_TEXTRENDERMODE_INVISIBLE


def _joined(last: tuple[float, ...], box: tuple[float, ...]) -> bool:
    """Whether a letter follows the last one in the same word: on its line, with no gap."""
    tall = max(last[3] - last[1], 1.0)
    return abs(box[1] - last[1]) < 0.5 * tall and -0.5 * tall < box[0] - last[2] < 0.35 * tall


def _word(letters: list[tuple[str, tuple[float, float, float, float]]]) -> Word:
    boxes = np.array([box for _, box in letters])
    (x1, y1), (x2, y2) = boxes[:, :2].min(0), boxes[:, 2:].max(0)
    return Word("".join(letter for letter, _ in letters), (float(x1), float(y1), float(x2), float(y2)))
