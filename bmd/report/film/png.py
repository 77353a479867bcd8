"""The film with its result drawn on it, and what it may be used for burnt in below."""

from __future__ import annotations

from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow
from PIL import ImageDraw, ImageFont
from PIL.PngImagePlugin import PngInfo

from bmd.ct_types import BANDS
from bmd.reference import CATEGORIES
from bmd.report.basis import basis
from bmd.report.fractures import fractures
from bmd.report.headline import headline
from bmd.text import say, sentences, text
from bmd.types import Prediction, Report, Study, Vertebra

SMALLEST_HEIGHT = 1000
LARGEST_HEIGHT = 2400
COLOURS = {
    "normal": (120, 210, 140),
    "osteopenia": (250, 200, 90),
    "osteoporosis": (255, 130, 110),
    None: (130, 205, 230),
}
_INK, _PAPER, _DIM = (238, 243, 245), (15, 23, 26), (170, 185, 190)


def annotated_png(study: Study, report: Report) -> bytes:
    """Draw boxes, outlines, level names and the result on the film.

    Parameters
    ----------
    study : Study
        What was analysed; its first picture is drawn, turned to bone bright where the gate found it inverted.
    report : Report
        The result, in pixels of that picture.

    Returns
    -------
    bytes
        A PNG, 1000 to 2400 pixels high plus the lines below, without any name of file or patient.
    """
    pixels = np.asarray(study.images[0].pixels, np.float32)
    if report.suitability.inverted:
        pixels = 1 - pixels
    film = Pillow.fromarray(np.round(np.clip(pixels, 0, 1) * 255).astype(np.uint8))
    scale = min(max(film.height, SMALLEST_HEIGHT), LARGEST_HEIGHT) / film.height
    film = film.resize((max(1, round(film.width * scale)), round(film.height * scale)), Pillow.Resampling.BICUBIC)
    film = film.convert("RGB")  # after resizing, which is three times the work in colour
    pen = ImageDraw.Draw(film)
    font = _font(film.height // 42)
    for index, vertebra in enumerate(report.vertebrae):
        _draw_vertebra(pen, vertebra, _label(report, index), scale, font)
    return _encode(_with_caption(film, _lines(report)))


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(max(12, size))


def _measured(report: Report, level: str | None) -> Prediction | None:
    return next((p for p in report.measurements if level is not None and p.level == level), None)


def _label(report: Report, index: int) -> tuple[str, str | None]:
    """Level with what was measured there, and the category that gives the colour; of a CT the HU and their band."""
    level = report.vertebrae[index].level
    label = level or "?"
    density, measured = report.attenuation_of(index), _measured(report, level)
    if density is not None:
        band = density.band
        return f"{label}  {density.mean_hu:.0f} HU", None if band is None else CATEGORIES[BANDS.index(band)]
    if measured is not None and measured.t_score is not None:
        label += f"  T {_signed(measured.t_score)}"
    return label, measured.category if measured and report.modality != "ct" else None


def _draw_vertebra(
    pen: ImageDraw.ImageDraw,
    vertebra: Vertebra,
    said: tuple[str, str | None],
    scale: float,
    font: ImageFont.FreeTypeFont | ImageFont.ImageFont,
) -> None:
    """Thin box, outline in the colour of the category, dashed where flawed, and the level. Pixel centres: +0.5."""
    label, category = said
    colour = COLOURS[category]
    width = max(1, round(font.size / 10))  # type: ignore[union-attr]
    x1, y1, x2, y2 = ((value + 0.5) * scale for value in vertebra.box_px)
    pen.rectangle((x1, y1, x2, y2), outline=_DIM, width=1)
    contour = (np.asarray(vertebra.contour_px, float) + 0.5) * scale
    points = [(float(x), float(y)) for x, y in contour]
    if len(points) > 1:
        for part in dashed(contour, 4 * width) if vertebra.flaw else ([*points, points[0]],):
            pen.line(part, fill=colour, width=width, joint="curve")
    left, top, right, bottom = pen.textbbox((0, 0), label, font=font)
    x = min(x2 + 6, pen.im.size[0] - (right - left) - 4)
    y = (y1 + y2 - (bottom - top)) / 2
    pen.text((x, y), label, fill=colour, font=font, stroke_width=2, stroke_fill=(0, 0, 0))


def dashed(contour: NDArray[np.floating], length: float) -> list[list[tuple[float, float]]]:
    """A closed outline (n, 2) as dashes of about this length with gaps as long."""
    closed = np.vstack([contour, contour[:1]])
    along = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(closed, axis=0), axis=1))])
    count = max(4, round(along[-1] / (2 * length)))
    parts = []
    for start in np.linspace(0, along[-1], count, endpoint=False):
        at = np.linspace(start, start + along[-1] / (2 * count), 5)
        x, y = (np.interp(at, along, closed[:, k]).tolist() for k in (0, 1))
        parts.append(list(zip(x, y, strict=True)))
    return parts


def _lines(report: Report) -> list[tuple[str, tuple[int, int, int]]]:
    """What stands below the film."""
    lines = [(_result(report), _INK)]
    if report.vertebrae and not report.levels_certain:
        lines.append((text("report.levels_uncertain"), COLOURS["osteopenia"]))
    lines += [(line, COLOURS["osteopenia"]) for line in sentences(fractures(report))]
    lines += [(line, _DIM) for line in [" ".join(sentences(basis(report)))] if line]
    lines.append((text("intended_use"), _DIM))
    return lines


def _result(report: Report) -> str:
    if not report.suitability.suitable:
        return text("report.not_analysed", reasons=" ".join(sentences(report.suitability.reasons)))
    if report.trabecular is not None:
        return say(report.trabecular.verdict)
    prediction = report.prediction
    if prediction is not None and prediction.t_score is None and prediction.category in prediction.probabilities:
        share = prediction.probabilities[prediction.category]
        return text("report.probability", category=text(f"category.{prediction.category}").capitalize(), share=share)
    if prediction is None or prediction.t_score is None:
        return _without_t(report, prediction)
    line = text("report.t_score", answer=headline(prediction), t=_signed(prediction.t_score))
    if prediction.interval:
        low, high = prediction.interval
        line += text("report.interval", low=_signed(low), high=_signed(high))
    if prediction.bmd_g_cm2 is not None:
        line += text("report.density", bmd_g_cm2=prediction.bmd_g_cm2)
    return line


def _without_t(report: Report, prediction: Prediction | None) -> str:
    """Under 50 the Z-score; else that there is no result, and why where one thing alone is the reason."""
    if prediction is not None and prediction.z_score is not None:
        return text("report.z_score", z=_signed(prediction.z_score))
    why = [warning for warning in report.warnings if warning.code in ("film.density_unjudged", "dxa.no_unit")]
    if prediction is not None and prediction.bmd_g_cm2 is not None:
        return text("report.density_alone", bmd_g_cm2=prediction.bmd_g_cm2)
    return text("report.no_density_because", reason=say(why[0])) if why else text("report.no_density")


def _signed(value: float) -> str:
    """One decimal with its sign; zero has none."""
    shown = f"{value:+.1f}"
    return "0.0" if shown in ("+0.0", "-0.0") else shown


def _with_caption(film: Pillow.Image, lines: list[tuple[str, tuple[int, int, int]]]) -> Pillow.Image:
    """Add the lines on a strip below, wrapped to the width, so that nothing of the film is covered."""
    width = max(film.width, 480)
    font = _font(film.height // 48)
    wrapped = [(part, colour) for line, colour in lines for part in _wrap(line, font, width - 24)]
    step = round(font.size * 1.45)  # type: ignore[union-attr]
    sheet = Pillow.new("RGB", (width, film.height + step * len(wrapped) + 20), _PAPER)
    sheet.paste(film, ((width - film.width) // 2, 0))
    pen = ImageDraw.Draw(sheet)
    for row, (line, colour) in enumerate(wrapped):
        pen.text((12, film.height + 10 + row * step), line, fill=colour, font=font)
    return sheet


def _wrap(line: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, width: float) -> list[str]:
    parts: list[str] = []
    for word in line.split():
        if parts and font.getlength(f"{parts[-1]} {word}") <= width:
            parts[-1] += f" {word}"
        else:
            parts.append(word)
    return parts


def _encode(sheet: Pillow.Image) -> bytes:
    information = PngInfo()
    information.add_text("Comment", text("intended_use"))
    out = BytesIO()
    sheet.save(out, "PNG", pnginfo=information)
    return out.getvalue()
