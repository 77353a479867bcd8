"""Contact sheets: many simulated films on one picture, to be looked at."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from io import BytesIO

import numpy as np
from PIL import Image as Pillow
from PIL import ImageDraw, ImageFont

from bmd.errors import OptionError
from bmd.reference import LEVELS
from bmd.text import text
from bmd.truth import Case
from bmd.types import View

_PAPER, _INK, _LINE = (15, 23, 26), (200, 212, 216), (110, 220, 200)
_STRIP = 18


def simulated_sheet(
    seeds: Iterable[int], columns: int = 6, view: View = "lateral", finding: str | None = None, outlines: bool = False
) -> bytes:
    """Simulate a film for every seed and lay them out; see `simulate_film` and `contact_sheet`."""
    from bmd.simulator.case import simulate_film

    def films() -> Iterator[tuple[str, Case]]:
        for seed in seeds:
            case = simulate_film(seed, view=view, finding=finding)
            yield f"{seed}  T {case.truth.t_l1l4:+.1f}  {' '.join(sorted(case.truth.tags))}", case

    return contact_sheet(films(), columns, outlines=outlines)


def contact_sheet(
    cases: Iterable[tuple[str, Case]], columns: int = 6, side: int = 288, outlines: bool = False
) -> bytes:
    """Lay films out in rows, each with its caption.

    Parameters
    ----------
    cases : iterable of (str, Case)
        Caption and simulated film.
    columns : int
        Films per row, at least 1.
    side : int
        Side of a film's square on the sheet in pixels, at least 64.
    outlines : bool
        Draw the true vertebral bodies and their names.

    Returns
    -------
    bytes
        A PNG.
    """
    if columns < 1 or side < 64:
        raise OptionError("report.sheet_too_small", columns=columns, side_px=side)
    tiles = [_tile(caption, case, side, outlines) for caption, case in cases]
    rows = -(-len(tiles) // columns) or 1
    height = side + _STRIP
    sheet = Pillow.new("RGB", (columns * side, rows * height + _STRIP), _PAPER)
    for index, tile in enumerate(tiles):
        sheet.paste(tile, (index % columns * side, index // columns * height))
    caption = text("report.simulated_films", use=text("intended_use"))
    ImageDraw.Draw(sheet).text((4, rows * height + 2), caption, fill=_INK, font=ImageFont.load_default(12))
    out = BytesIO()
    sheet.save(out, "PNG")
    return out.getvalue()


def _tile(caption: str, case: Case, side: int, outlines: bool) -> Pillow.Image:
    pixels = np.asarray(case.study.images[0].pixels)
    film = Pillow.fromarray(np.round(np.clip(pixels, 0, 1) * 255).astype(np.uint8)).convert("RGB")
    scale = side / max(film.size)
    film = film.resize(
        (max(1, round(film.width * scale)), max(1, round(film.height * scale))), Pillow.Resampling.LANCZOS
    )
    pen = ImageDraw.Draw(film)
    font = ImageFont.load_default(11)
    for level, corners, seen in zip(LEVELS, case.truth.corners_px, case.truth.visible, strict=True):
        if outlines and seen:
            points = [(float(x), float(y)) for x, y in (np.asarray(corners) + 0.5) * scale]
            pen.line([*points, points[0]], fill=_LINE)
            centre = np.mean(points, 0)
            pen.text((float(centre[0]), float(centre[1])), level, fill=_LINE, font=font, anchor="mm")
    tile = Pillow.new("RGB", (side, side + _STRIP), _PAPER)
    tile.paste(film, ((side - film.width) // 2, (side - film.height) // 2))
    ImageDraw.Draw(tile).text((4, side + 2), caption, fill=_INK, font=font)
    return tile
