"""Printed results as JSON, as rows of the CSV and drawn on their page: only numbers of the table."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from io import BytesIO
from typing import Any

import numpy as np
from PIL import Image as Pillow
from PIL import ImageDraw

from bmd.printed import COLUMNS, PRINTED, UNNAMED, PrintedRow
from bmd.types import Report, Study

READ, DOUBTFUL = (30, 140, 90), (215, 120, 0)
"""Colour of the box of a row that was read whole, and of one with a number that was not."""
LEAST_WIDTH, MOST_HEIGHT = 700, 1800
ABOVE = 3.0
"""Heights of a row above the first one that belong to the table: its headings."""


def as_objects(rows: Iterable[PrintedRow]) -> list[dict[str, Any]]:
    """Rows as plain JSON types: ``region`` (null: its name was not certain), ``side, page`` (from 0), numbers (null:
    not printed, or not certain), ``doubtful`` (columns printed there that could not be read for certain), ``proven``
    (content over area gives the density), ``box [x1, y1, x2, y2]`` in pixels of the page.
    """
    return [
        {
            "region": None if row.region == UNNAMED else row.region,
            "side": row.side,
            "page": row.page,
            **{column: getattr(row, column) for column in COLUMNS},
            "doubtful": list(row.doubts),
            "proven": row.proven,
            "box": [round(float(value), 1) for value in row.box_px],
        }
        for row in rows
    ]


def as_rows(rows: Iterable[PrintedRow]) -> list[dict[str, Any]]:
    """Cells of the CSV, one row each; "printed" in place of a model."""
    found = []
    for row in rows:
        box = dict(zip(("x1", "y1", "x2", "y2"), (round(float(value), 1) for value in row.box_px), strict=True))
        level = f"{row.region} {row.side}" if row.side else row.region
        if row.region == UNNAMED:
            continue
        found.append({"level": level, "model": PRINTED, **box, **{column: getattr(row, column) for column in COLUMNS}})
    return found


def table_png(study: Study, report: Report, page: int) -> bytes:
    """The part of a page with its table, to take away: what stands above and below, the patient's name, is cut off."""
    boxes = np.array([row.box_px for row in report.printed if row.page == page])
    tall = float(np.median(boxes[:, 3] - boxes[:, 1]))
    top, low = (int(value) for value in (max(0.0, boxes[:, 1].min() - ABOVE * tall), boxes[:, 3].max() + tall))
    image = study.images[page]
    part = replace(image, pixels=image.pixels[top:low])
    moved = [replace(row, box_px=_lifted(row.box_px, top), page=0) for row in report.printed if row.page == page]
    return page_png(replace(study, images=(part,)), replace(report, printed=tuple(moved)), 0)


def _lifted(box: tuple[float, float, float, float], by: float) -> tuple[float, float, float, float]:
    return box[0], box[1] - by, box[2], box[3] - by


def page_png(study: Study, report: Report, page: int) -> bytes:
    """A page with a box around every row that was read on it, as PNG of at most 1800 pixels' height."""
    pixels = np.clip(np.asarray(study.images[page].pixels, np.float32), 0, 1)
    sheet = Pillow.fromarray((pixels * 255).round().astype(np.uint8))
    scale = min(max(1.0, LEAST_WIDTH / sheet.width), MOST_HEIGHT / sheet.height)
    size = max(1, round(sheet.width * scale)), max(1, round(sheet.height * scale))
    sheet = sheet.resize(size, Pillow.Resampling.BICUBIC).convert("RGB")
    pen = ImageDraw.Draw(sheet)
    for row in report.printed:
        if row.page == page:
            x1, y1, x2, y2 = (float(value) * scale for value in row.box_px)
            pen.rectangle((x1 - 3, y1, x2 + 3, y2), outline=DOUBTFUL if row.doubts else READ, width=2)
    out = BytesIO()
    sheet.save(out, "PNG")
    return out.getvalue()
