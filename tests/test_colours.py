"""Colours against the pages they stand on: contrast as WCAG 2.1 computes it, in both schemes of the theme."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from bmd.figures import COLOURS, CURVE, GREY, HATCHING, INK, PATIENT, ZONE, probability_bars
from bmd.figures import ct as ct_figures
from bmd.figures import demographics as demographics_figures
from bmd.reference import CATEGORIES
from bmd.types import Prediction
from tests.contrast import Rgb, contrast, rgb

ROOT = Path(__file__).resolve().parents[1]
THEMES = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text("utf-8"))["theme"]
SCHEMES = ("light", "dark")
ENHANCED, TEXT, SHAPE = 7.0, 4.5, 3.0
"""Least contrast of what is read most (level AAA), of small text, and of whatever else has a meaning (level AA)."""
CAPTION, TINT = 0.6, 0.1
"""How much of the text's colour Streamlit gives to captions, and of the primary one to chosen buttons."""


def mixed(colour: str, ground: str, share: float) -> Rgb:
    return tuple(a * share + b * (1 - share) for a, b in zip(rgb(colour), rgb(ground), strict=True))


def test_contrast_is_that_of_the_standard():
    assert contrast(rgb("#000000"), rgb("#ffffff")) == pytest.approx(21)
    assert contrast(rgb("#777777"), rgb("#ffffff")) == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("ground", ["backgroundColor", "secondaryBackgroundColor"])
def test_text_captions_and_links_can_be_read(scheme, ground):
    theme = THEMES[scheme]
    ground = theme[ground]
    assert contrast(rgb(theme["textColor"]), rgb(ground)) >= ENHANCED
    assert contrast(rgb(theme["primaryColor"]), rgb(ground)) >= SHAPE
    assert contrast(mixed(theme["textColor"], ground, CAPTION), rgb(ground)) >= TEXT
    assert contrast(rgb(theme["linkColor"]), rgb(ground)) >= TEXT


@pytest.mark.parametrize("scheme", SCHEMES)
def test_chosen_buttons_can_be_read(scheme):
    theme = THEMES[scheme]
    primary, page = theme["primaryColor"], theme["backgroundColor"]
    assert contrast(rgb(page), rgb(primary)) >= TEXT, "on the main button and in the viewers"
    assert contrast(rgb(primary), mixed(primary, page, TINT)) >= TEXT, "the primary colour on a tint of itself"


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("colour", [*COLOURS.values(), GREY, CURVE, PATIENT])
def test_what_charts_draw_stands_out(scheme, colour):
    page = THEMES[scheme]["backgroundColor"]
    assert contrast(rgb(colour), rgb(page)) >= SHAPE


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("zone", COLOURS.values())
@pytest.mark.parametrize("mark", COLOURS.values())
def test_marks_and_words_stand_out_on_every_zone(scheme, zone, mark):
    theme = THEMES[scheme]
    ground = mixed(zone, theme["backgroundColor"], ZONE)
    assert contrast(rgb(mark), ground) >= SHAPE
    assert contrast(rgb(theme["textColor"]), ground) >= TEXT


SHARES = dict(zip(CATEGORIES, (0.3, 0.3, 0.4), strict=True))


def stacked():
    one = Prediction("lumbar", None, -1.5, None, SHARES, "osteopenia", "network")
    return {
        "sources": ct_figures.probability_rows([("a", SHARES)]),
        "sites": demographics_figures.site_probabilities([one], {}),
    }


@pytest.mark.parametrize("name", ["sources", "sites"])
def test_words_on_bars_can_be_read(name):
    bars = stacked()[name].data
    assert len(bars) == len(CATEGORIES)
    for bar in bars:
        assert {bar.opacity, bar.marker.opacity} == {None}, "a bar that shines through has another colour"
        assert contrast(rgb(bar.textfont.color), rgb(bar.marker.color)) >= TEXT
        lines = re.findall(r"[\d.]+", bar.marker.pattern.fgcolor)
        white = mixed("#ffffff", bar.marker.color, float(lines[-1]))
        assert contrast(rgb(bar.textfont.color), white) >= TEXT, "on the hatching too"


def test_parts_of_a_bar_differ_by_more_than_their_colour():
    assert len(set(HATCHING.values())) == len(CATEGORIES)
    for figure in stacked().values():
        assert [bar.marker.pattern.shape for bar in figure.data] == [HATCHING[name] for name in CATEGORIES]


def test_every_share_stands_beside_its_category_in_words():
    bar = probability_bars(SHARES).data[0]
    assert list(bar.y) == [name.capitalize() for name in CATEGORIES]
    assert bar.textposition == "outside"
    assert bar.marker.opacity is None
    assert contrast(rgb(INK), rgb(COLOURS["normal"])) >= TEXT
