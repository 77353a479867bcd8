"""Drawn report pages of which every number is known, and what was read of them compared with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import matplotlib
import numpy as np

from bmd.printed import COLUMNS, PrintedRow, Word
from bmd.simulator.dxa import report_page as pages

KEYS = dict(zip(COLUMNS, ("area", "bmc", "bmd", "t", "z"), strict=True))
FONTS = (None, "DejaVuSans.ttf", "DejaVuSansMono.ttf", "DejaVuSerif.ttf", "DejaVuSans-Bold.ttf")
SIZES = (9, 10, 11, 12, 14, 16, 20, 26)
ABOUT = (
    "Name: MUSTERFRAU, ERIKA",
    "Patient ID: 8837261  Age: 67  Height: 162.0 cm  Weight: 61.5 kg",
    "Scan Date: 12 March 2041",
)


@dataclass(frozen=True)
class Page:
    """A page, its layout and what is printed on it: region to column to number."""

    pixels: np.ndarray
    layout: pages.Layout
    truth: dict[str, dict[str, float]]


def as_printed(layout: pages.Layout, rows: Mapping[str, pages.Row]) -> dict[str, dict[str, float]]:
    """The numbers that a reader should give, rounded as they are printed."""
    whole = "total_hip" if "Neck" in rows else "L1-L4"
    names = {"Total": whole, "Neck": "neck"}
    return {
        names.get(region, region): {
            column: float(f"{row[key]:.{pages.DIGITS[key]}f}") for column, key in KEYS.items() if key in layout.columns
        }
        for region, row in rows.items()
        if region not in ("Troch", "Inter")
    }


def page(seed: int) -> Page:
    """A page of any layout, letters, colours and wear."""
    rng = np.random.default_rng(seed)
    layout = pages.in_colours(pages.LAYOUTS[seed % len(pages.LAYOUTS)], bool(rng.random() < 0.35))
    rows = pages.results(layout, rng.uniform(-4.2, 1.5), rng)
    size, font = int(rng.choice(SIZES)), FONTS[rng.integers(len(FONTS))]
    path = font and str(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / font)
    blot = np.clip(cv2.GaussianBlur(rng.random((200, 150)).astype(np.float32), (0, 0), 4) * 3 - 1, 0, 1)
    drawn = pages.draw(layout, rows, size, path, blot if rng.random() < 0.6 else None, ABOUT)
    worn = (
        {},
        {"blur": rng.uniform(0.4, 1.0) * size / 14},
        {"turn_deg": rng.uniform(-2, 2)},
        {"quality": int(rng.integers(25, 80))},
        {"blur": 0.5, "turn_deg": rng.uniform(-1.5, 1.5), "quality": int(rng.integers(40, 90)), "noise": 6.0},
    )[rng.integers(5)]
    return Page(pages.worn(drawn, rng, **worn).astype(np.float32) / 255, layout, as_printed(layout, rows))


def words(layout: pages.Layout, rows: Mapping[str, pages.Row]) -> list[Word]:
    """The words of a table as a document holds them, without any picture."""
    found, high = [], 20.0
    for index, key in enumerate(layout.columns):
        for line, heading in enumerate(layout.headings[key]):
            x = 220 + 140 * index
            for part in heading.split():
                found.append(Word(part, (x, 100 + 24 * line, x + 9 * len(part), 100 + 24 * line + high)))
                x += 9 * len(part) + 8
    for line, (region, row) in enumerate(rows.items()):
        y, x = 160 + 26 * line, 40
        for part in layout.named.get(region, region).split():
            found.append(Word(part, (x, y, x + 9 * len(part), y + high)))
            x += 9 * len(part) + 8
        for index, key in enumerate(layout.columns):
            text = pages.printed(layout, key, row[key])
            right = 280 + 140 * index
            found.append(Word(text, (right - 9 * len(text), y, right, y + high)))
    return found


@dataclass
class Tally:
    """Numbers on pages: read right, given wrong, not given."""

    right: int = 0
    wrong: int = 0
    unread: int = 0

    def add(self, truth: Mapping[str, Mapping[str, float]], found: Sequence[PrintedRow]) -> None:
        """Count one page; a row that is not on the page is wrong in all its numbers."""
        given = {row.region: row for row in found if row.region != "?"}
        for region, row in given.items():
            for column in COLUMNS:
                value, true = getattr(row, column), truth.get(region, {}).get(column)
                if value is not None:
                    same = true is not None and abs(value - true) < 1e-9
                    self.right, self.wrong = self.right + same, self.wrong + (not same)
        for region, row in truth.items():
            self.unread += sum(region not in given or getattr(given[region], column) is None for column in row)
