"""Whole report pages as pictures: digits exact or not given."""

from __future__ import annotations

from pathlib import Path

import cv2
import matplotlib
import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from bmd.inference.dxa.printed import ink, read_printed
from bmd.inference.dxa.printed import page as page_module
from bmd.simulator.dxa import report_page as pages
from tests.inference.dxa.printed.pages import Tally, page

RECALL = 0.75
"""Of the numbers on drawn pages, blurred and tiny ones too; measured: see docs/decisions/0027."""


def read(seeds: range) -> Tally:
    tally = Tally()
    for seed in seeds:
        drawn = page(seed)
        tally.add(drawn.truth, read_printed(drawn.pixels))
    return tally


def test_numbers_are_exact_or_not_given() -> None:
    tally = read(range(7))
    assert tally.wrong == 0
    assert tally.right > 0.6 * (tally.right + tally.unread)


@pytest.mark.slow
def test_no_number_is_wrong_on_many_pages() -> None:
    tally = read(range(7, 119))
    assert tally.wrong == 0
    assert tally.right >= RECALL * (tally.right + tally.unread)


def test_pictures_without_a_table_give_nothing() -> None:
    rng = np.random.default_rng(0)
    noise = rng.random((500, 400)).astype(np.float32)
    smooth = np.linspace(0, 1, 400, dtype=np.float32)[None].repeat(300, 0)
    letter = pages.draw(pages.HOLOGIC_FULL, {}, 16, None, None, ["Dear colleague,", "thank you for sending Mrs X."] * 8)
    for picture in (noise, smooth, letter.astype(np.float32) / 255):
        assert read_printed(picture) == ()


def test_a_picture_with_few_marks_is_not_searched_for_letters() -> None:
    picture = np.zeros((400, 300), np.uint8)
    for row in range(4):
        picture[60 + 70 * row : 62 + 70 * row] = 200  # a technician's lines
    assert not ink.maybe_text(picture)
    drawn = (page(2).pixels * 255).astype(np.uint8)
    assert ink.maybe_text(drawn)
    assert ink.maybe_text(255 - drawn)


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("size", [11, 14, 20])
def test_a_minus_is_seen_in_the_ink(dark: bool, size: int) -> None:
    for text, sign in (("-2.4", "-"), ("2.4", ""), ("\u22120.7", "-"), ("11.2", ""), ("-1.0", "-")):
        sheet = Image.new("L", (120, 60), 10 if dark else 250)
        font = ImageFont.truetype(str(Path(matplotlib.get_data_path(), "fonts/ttf/DejaVuSans.ttf")), size)
        pen = ImageDraw.Draw(sheet)
        pen.text((40, 20), text, fill=240 if dark else 15, font=font)
        box = tuple(map(float, pen.textbbox((40, 20), text, font=font)))
        grown = (box[0] - 2, box[1] - size / 4, box[2] + 2, box[3] + size / 4)
        assert ink.sign(np.asarray(sheet), grown) == sign, text


@pytest.mark.slow
def test_a_very_large_page_is_reduced_and_its_boxes_are_not() -> None:
    drawn = page(5)
    factor = page_module.LARGEST_SIDE / max(drawn.pixels.shape) * 1.5
    large = cv2.resize(drawn.pixels, None, fx=factor, fy=factor, interpolation=cv2.INTER_CUBIC)
    found, plain = read_printed(large), read_printed(drawn.pixels)
    tally = Tally()
    tally.add(drawn.truth, found)
    assert tally.wrong == 0
    assert [row.region for row in found] == [row.region for row in plain] == ["neck", "total_hip"]
    for one, other in zip(found, plain, strict=True):
        assert np.allclose(np.array(one.box_px) / factor, other.box_px, atol=6)


@pytest.mark.parametrize("degrees", [-2.0, -0.8, 0.0, 1.3])
def test_the_slope_of_lines_is_found(degrees: float) -> None:
    layout = pages.HOLOGIC_FULL
    rows = pages.results(layout, -1.0, np.random.default_rng(0))
    turned = pages.worn(pages.draw(layout, rows, 16), np.random.default_rng(0), turn_deg=degrees)
    assert ink.slope(turned) == pytest.approx(-np.tan(np.radians(degrees)), abs=0.003)
