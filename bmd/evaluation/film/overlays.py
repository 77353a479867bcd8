"""Films with what was found on them, to look at side by side."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow
from PIL import ImageDraw

from bmd.text import say
from bmd.types import Report, Study


def overlays(
    results: list[tuple[Study, Report]],
    truth: dict[str, dict[str, NDArray[np.float64]]] | None = None,
    columns: int = 5,
    side: int = 380,
) -> Pillow.Image:
    """Films with outlines and names on one sheet: predictions in colour, annotations thin and white."""
    tiles = [_overlay(study, report, (truth or {}).get(report.file, {}), side) for study, report in results]
    rows = -(-len(tiles) // columns) or 1
    sheet = Pillow.new("RGB", (columns * side, rows * side))
    for k, tile in enumerate(tiles):
        sheet.paste(tile, (k % columns * side, k // columns * side))
    return sheet


def _overlay(study: Study, report: Report, truth: dict[str, NDArray[np.float64]], side: int) -> Pillow.Image:
    pixels = np.clip(np.asarray(study.images[0].pixels), 0, 1)
    picture = Pillow.fromarray((pixels**0.7 * 255).astype(np.uint8)).convert("RGB")
    scale = side / max(picture.size)
    picture = picture.resize((max(1, round(picture.width * scale)), max(1, round(picture.height * scale))))
    draw = ImageDraw.Draw(picture)
    for quad in truth.values():
        points = [(float(x), float(y)) for x, y in np.asarray(quad) * scale]
        draw.line([*points, points[0]], fill=(255, 255, 255))
    for v in report.vertebrae:
        points = [(float(x), float(y)) for x, y in np.asarray(v.contour_px) * scale]
        colour = (90, 230, 190) if report.levels_certain else (250, 190, 80)
        draw.line([*points, points[0]], fill=colour, width=2)
        middle = np.mean(points, 0)
        draw.text((float(middle[0]) - 8, float(middle[1]) - 6), f"{v.level}", fill=colour)
    decoded = report.suitability.scores
    note = " ".join(f"{k[:4]} {decoded[k]:.2f}" for k in ("evidence", "sacrum", "naming") if k in decoded)
    verdict = "" if report.suitability.suitable else "REFUSED: " + say(report.suitability.reasons[0])[:40]
    draw.text((3, 3), f"{report.file[-18:]} {note}\n{verdict}", fill=(255, 255, 120))
    tile = Pillow.new("RGB", (side, side))
    tile.paste(picture, (0, 0))
    return tile
