"""Result pages of densitometers: the scan's picture, lines about nobody, and the table of results.

Layouts are drawn after published report pages of Hologic and GE Lunar: which columns, in which order, under which
headings, in which units. Names and numbers of patients on them are invented; real pages have them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow
from PIL import ImageDraw, ImageFont

from bmd.reference import HOLOGIC

Row = Mapping[str, float]
"""Numbers of one region: "area", "bmc", "bmd", "t", "z", "young" and "age" (percent of the mean)."""
Grey = NDArray[np.uint8]

DIGITS = {"area": 2, "bmc": 2, "bmd": 3, "t": 1, "z": 1, "young": 0, "age": 0}
AREAS = {"L1": 12.9, "L2": 13.9, "L3": 15.1, "L4": 16.8, "Neck": 5.1, "Troch": 10.2, "Inter": 17.9}
"""cm2 of white women, NHANES 2005-10."""
_HIP_YOUNG = {"Neck": (0.858, 0.120), "Troch": (0.717, 0.101), "Inter": (1.114, 0.145), "Total": (0.942, 0.122)}
_LUNAR_YOUNG = {"L1": (1.13, 0.12), "L2": (1.20, 0.12), "L3": (1.20, 0.12), "L4": (1.20, 0.12)}
_LUNAR_REST = (1.18, 0.12)
_SPANS = ("L1-L2", "L1-L3", "L1-L4", "L2-L3", "L2-L4", "L3-L4")


@dataclass(frozen=True)
class Layout:
    """How a table looks: its columns, the lines of their headings, names of its rows, decimal sign, colours."""

    name: str
    maker: str
    columns: tuple[str, ...]
    headings: Mapping[str, tuple[str, ...]]
    regions: tuple[str, ...]
    first: str = "Region"
    named: Mapping[str, str] = field(default_factory=dict)
    decimal: str = "."
    minus: str = "-"
    plus: bool = False
    dark: bool = False
    ruled: bool = False
    title: str = "DXA Results Summary:"


_SPINE = ("L1", "L2", "L3", "L4", "Total")
_H = {
    "area": ("Area", "(cm²)"),
    "bmc": ("BMC", "(g)"),
    "bmd": ("BMD", "(g/cm²)"),
    "t": ("T -", "score"),
    "young": ("PR", "(%)"),
    "z": ("Z -", "score"),
    "age": ("AM", "(%)"),
}
_ONE_LINE = {
    "area": ("Area (cm²)",),
    "bmc": ("BMC (g)",),
    "bmd": ("BMD (g/cm²)",),
    "t": ("T-score",),
    "z": ("Z-score",),
}
_LUNAR = {
    "bmd": ("BMD", "(g/cm²)"),
    "young": ("Young-Adult", "(%)"),
    "t": ("", "T-score"),
    "age": ("Age-Matched", "(%)"),
    "z": ("", "Z-score"),
}
_LUNAR_ROWS = ("L1", "L2", "L3", "L4", *_SPANS)
HOLOGIC_FULL = Layout("hologic", "hologic", ("area", "bmc", "bmd", "t", "young", "z", "age"), _H, _SPINE)
LAYOUTS = (
    HOLOGIC_FULL,
    Layout("hologic_short", "hologic", ("area", "bmc", "bmd", "t", "z"), _ONE_LINE, _SPINE, dark=True, ruled=True),
    Layout("lunar", "lunar", ("bmd", "young", "t", "age", "z"), _LUNAR, _LUNAR_ROWS, title="Densitometry: AP Spine"),
    Layout(
        "lunar_bmc",
        "lunar",
        ("bmd", "t", "z", "bmc", "area"),
        _ONE_LINE | {"bmd": ("BMD", "g/cm²"), "t": ("Young-Adult", "T-score"), "z": ("Age-Matched", "Z-score")},
        ("L1", "L2", "L3", "L4", "L1-L4", "L2-L4"),
        dark=True,
        title="AP Spine BMD",
    ),
    Layout(
        "german",
        "hologic",
        ("area", "bmc", "bmd", "t", "z"),
        _ONE_LINE | {"area": ("Fläche (cm²)",), "t": ("T-Wert",), "z": ("Z-Wert",)},
        _SPINE,
        named={"Total": "Gesamt"},
        decimal=",",
        minus="\u2212",
        title="Zusammenfassung der Ergebnisse:",
    ),
    Layout(
        "hologic_hip",
        "hologic",
        ("area", "bmc", "bmd", "t", "young", "z", "age"),
        _H,
        ("Neck", "Troch", "Inter", "Total"),
    ),
    Layout(
        "lunar_hip",
        "lunar",
        ("bmd", "young", "t", "age", "z"),
        _LUNAR,
        ("Neck", "Troch", "Total"),
        named={"Neck": "Femoral Neck"},
        plus=True,
        ruled=True,
        title="Densitometry: Left Femur",
    ),
)
"""Ways in which the two makers print results."""


def results(
    layout: Layout, t_spine: float, rng: np.random.Generator, bmd: Mapping[str, float] | None = None
) -> dict[str, dict[str, float]]:
    """Numbers of every region of a layout, unrounded, for a patient of about that T-score.

    ``bmd`` (g/cm2 by level) are those of a simulated person where there is one; else they are drawn.
    """
    hip = "Neck" in layout.regions
    parts = ("Neck", "Troch", "Inter") if hip else ("L1", "L2", "L3", "L4")
    took, found = rng.uniform(0.1, 2.2), {}
    size = rng.uniform(0.85, 1.15)
    for part in parts:
        mean, sd = _young(part, layout.maker, hip)
        dense = (bmd or {}).get(part) or max(0.3, mean + sd * (t_spine + rng.normal(0, 0.4)))
        area = AREAS[part] * size * rng.uniform(0.95, 1.05)
        found[part] = {"area": area, "bmc": area * dense}
    wholes = ("Total",) if hip else ("Total", *_SPANS)
    for whole in wholes:
        span = parts if whole == "Total" else parts[int(whole[1]) - 1 : int(whole[4])]
        found[whole] = {key: sum(found[part][key] for part in span) for key in ("area", "bmc")}
    for region, row in found.items():
        mean, sd = _young(region, layout.maker, hip)
        row["bmd"] = row["bmc"] / row["area"]
        row["t"] = (row["bmd"] - mean) / sd
        row["z"] = row["t"] + took + rng.normal(0, 0.08)
        row["young"] = 100 * row["bmd"] / mean
        row["age"] = 100 * row["bmd"] / (mean - took * sd)
    return {region: found[region] for region in layout.regions}


def _young(region: str, maker: str, hip: bool) -> tuple[float, float]:
    """Mean and SD of young adults, g/cm2."""
    if hip:
        return _HIP_YOUNG[region]
    if maker == "lunar":
        return _LUNAR_YOUNG.get(region, _LUNAR_REST)
    site = region if region in HOLOGIC.mean else "L1-L4"
    return HOLOGIC.mean[site], HOLOGIC.sd[site]


def printed(layout: Layout, key: str, value: float) -> str:
    """A number as the layout prints it."""
    text = f"{value:.{DIGITS[key]}f}"
    text = text.lstrip("-") if float(text) == 0 else text
    if layout.plus and key in ("t", "z") and float(text) > 0:
        text = f"+{text}"
    return text.replace(".", layout.decimal).replace("-", layout.minus)


def draw(
    layout: Layout,
    rows: Mapping[str, Row],
    size: int = 16,
    font: str | None = None,
    scan: NDArray[np.float32] | None = None,
    about: Sequence[str] = (),
) -> Grey:
    """A page, grey, as a screen or printer shows it.

    Parameters
    ----------
    layout : Layout
        Its table.
    rows : mapping
        From ``results``.
    size : int
        Height of the letters in pixels.
    font : str, optional
        File of a TrueType font; by default the one that comes with Pillow.
    scan : ndarray, optional
        (H, W) in 0..1: the picture of the scan.
    about : sequence of str
        Lines at the top.
    """
    letters = ImageFont.truetype(font, size) if font else ImageFont.load_default(size)
    layout = layout if font else replace(layout, minus="-")  # Pillow's own font has no minus but the hyphen
    step = max(int(letters.getlength("0")), 1)
    line, pitch = int(1.55 * size), 10 * step
    wide = max(pitch * (len(layout.columns) + 2), 46 * step) + 4 * size
    top = (len(about) + 2) * line + 14 * size
    page = Pillow.new("L", (wide, top + (len(rows) + 8) * line), 12 if layout.dark else 255)
    pen, colour = ImageDraw.Draw(page), 235 if layout.dark else 10
    for index, text in enumerate(about):
        pen.text((2 * size, size + index * line), text, fill=colour, font=letters)
    if scan is not None:
        high = 13 * size
        shown = cv2.resize(scan, (round(high * scan.shape[1] / scan.shape[0]), high), interpolation=cv2.INTER_AREA)
        page.paste(Pillow.fromarray((shown * 255).astype(np.uint8)), (2 * size, (len(about) + 1) * line))
    pen.text((2 * size, top), layout.title, fill=colour, font=letters)
    _table(pen, layout, rows, (2 * size, top + 2 * line), (pitch, line), letters, colour)
    return np.asarray(page)


def _table(
    pen: ImageDraw.ImageDraw,
    layout: Layout,
    rows: Mapping[str, Row],
    start: tuple[int, int],
    pitch: tuple[int, int],
    letters: ImageFont.FreeTypeFont | ImageFont.ImageFont,
    colour: int,
) -> None:
    left, top = start
    across, down = pitch
    columns = {key: left + int((2.2 + index) * across) for index, key in enumerate(layout.columns)}
    deep = max(len(layout.headings[key]) for key in layout.columns)
    pen.text((left, top + (deep - 1) * down), layout.first, fill=colour, font=letters)
    for key, x in columns.items():
        for index, text in enumerate(layout.headings[key]):
            pen.text(
                (x, top + (index + deep - len(layout.headings[key])) * down),
                text,
                fill=colour,
                font=letters,
                anchor="ma",
            )
    top += deep * down + down // 3
    if layout.ruled:
        pen.line((left, top - down // 4, max(columns.values()) + across // 2, top - down // 4), fill=colour)
    for index, (region, row) in enumerate(rows.items()):
        y = top + index * down
        pen.text((left, y), layout.named.get(region, region), fill=colour, font=letters)
        for key, x in columns.items():
            pen.text((x + across // 4, y), printed(layout, key, row[key]), fill=colour, font=letters, anchor="ra")


def worn(
    page: Grey, rng: np.random.Generator, blur: float = 0.0, turn_deg: float = 0.0, quality: int = 0, noise: float = 0.0
) -> Grey:
    """A page as it comes out of a printer and a scanner: turned, unsharp, noisy, compressed as JPEG."""
    height, width = page.shape
    if turn_deg:
        turn = cv2.getRotationMatrix2D((width / 2, height / 2), turn_deg, 1.0)
        ground = int(np.median(page))
        page = np.asarray(
            cv2.warpAffine(page, turn, (width, height), flags=cv2.INTER_LINEAR, borderValue=ground), np.uint8
        )
    if blur:
        page = np.asarray(cv2.GaussianBlur(page, (0, 0), blur), np.uint8)
    if noise:
        page = np.clip(page + rng.normal(0, noise, page.shape), 0, 255).astype(np.uint8)
    if quality:
        _, data = cv2.imencode(".jpg", page, [cv2.IMWRITE_JPEG_QUALITY, quality])
        page = np.asarray(cv2.imdecode(data, cv2.IMREAD_GRAYSCALE), np.uint8)
    return page


def in_colours(layout: Layout, dark: bool) -> Layout:
    """The same layout on a dark or a white page."""
    return replace(layout, dark=dark)
