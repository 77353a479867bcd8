from __future__ import annotations

from dataclasses import replace
from io import BytesIO

import numpy as np
import pytest
from PIL import Image as Pillow

from bmd.errors import OptionError
from bmd.findings import warning
from bmd.report import annotated_png
from bmd.report.film.png import _lines
from bmd.report.film.sheet import contact_sheet
from bmd.text import say, text
from bmd.truth import Case, Truth
from bmd.types import Suitability
from tests.report import reports


def opened(data: bytes) -> np.ndarray:
    return np.asarray(Pillow.open(BytesIO(data)).convert("RGB")).astype(int)


def test_film_is_drawn_with_a_strip_below() -> None:
    picture = opened(annotated_png(reports.study(), replace(reports.report(), vertebrae=(), measurements=())))
    assert 1000 < picture.shape[0] < 1300
    film = picture[:1000, :, 0]
    assert film[:, 300].argmin() < 50, "dark at the top"
    assert film[950, 300] > 220, "bright at the bottom"
    assert np.ptp(picture[1000:]) > 150, "words on the strip"


def test_outline_lies_on_the_vertebra() -> None:
    plain = opened(annotated_png(reports.study(), replace(reports.report(), vertebrae=())))
    drawn = opened(annotated_png(reports.study(), reports.report()))
    scale = 1000 / 140
    y, x = np.nonzero(np.abs(drawn - plain).sum(2)[:1000] > 30)
    assert abs(x.min() - 20.5 * scale) < 6
    assert abs(y.min() - 10.5 * scale) < 6
    coloured = np.ptp(drawn, axis=2)[:1000] > 60
    for corner_x, corner_y in reports.vertebra("L1", 10).contour_px:
        row, column = round((corner_y + 0.5) * scale), round((corner_x + 0.5) * scale)
        assert coloured[row - 4 : row + 5, column - 4 : column + 5].any()


def test_a_flawed_outline_is_dashed() -> None:
    ink = []
    for flaw in (None, "doubted", "metal"):
        body = replace(reports.vertebra("L1", 10), flaw=flaw)
        drawn = opened(annotated_png(reports.study(), replace(reports.report(), vertebrae=(body,), measurements=())))
        ink.append(int((np.ptp(drawn, axis=2)[:1000, : round(51 * 1000 / 140)] > 60).sum()))  # without the name
    assert ink[1] == ink[2]
    assert 0.3 * ink[0] < ink[1] < 0.8 * ink[0]


def test_inverted_film_is_turned_back() -> None:
    upright = opened(annotated_png(reports.study(), replace(reports.report(), vertebrae=())))
    turned = replace(reports.report(), vertebrae=(), suitability=Suitability(True, inverted=True))
    negative = opened(annotated_png(reports.study(), turned))
    np.testing.assert_allclose(negative[:990] + upright[:990], 255, atol=1)


def test_words_below_say_the_result_and_the_use() -> None:
    words = [line for line, _ in _lines(reports.report())]
    rests = "Rests on the film with age, sex and weight. The density network was trained on simulated pictures only"
    assert words[0] == "Between normal and osteopenia: T-score -1.1 (interval -2.1 to -0.1), 0.93 g/cm2"
    assert words[1].startswith(rests)
    assert words[2:] == [text("intended_use")]
    assert say(reports.REASONS[0]) in _lines(reports.refused())[0][0]
    assert "uncertain" in _lines(reports.report(levels_certain=False))[1][0]
    bare = reports.report(prediction=None, measurements=())
    assert _lines(bare)[0][0] == text("report.no_density")
    unjudged = warning("film.density_unjudged", distance=1.4)
    said = _lines(replace(bare, warnings=(*reports.WARNINGS, unjudged)))[0][0]
    assert said == text("report.no_density_because", reason=say(unjudged))
    young = replace(reports.prediction(None, -1.1), t_score=None, interval=None, category=None, z_score=-1.4)
    assert _lines(reports.report(prediction=young))[0][0].startswith("Z-score -1.4 (")
    assert (
        text("intended_use") in Pillow.open(BytesIO(annotated_png(reports.study(), reports.report()))).info["Comment"]
    )


@pytest.mark.parametrize(("height", "width"), [(3000, 1200), (400, 60), (64, 500)])
def test_any_size(height: int, width: int) -> None:
    picture = opened(annotated_png(reports.study(height, width), reports.refused()))
    assert picture.shape[0] >= min(max(height, 1000), 2400)
    assert picture.shape[1] >= 480


def test_contact_sheet() -> None:
    nothing = np.full(9, np.nan, np.float32)
    corners = np.zeros((9, 4, 2), np.float32)
    corners[3] = reports.vertebra("L1", 10).corners_px
    seen = np.arange(9) == 3
    labels = np.zeros((140, 100), np.uint8)
    truth = Truth(labels, corners, corners[:, 0], seen, nothing, nothing, np.zeros(9, np.int8), 1.0, 0.0)
    case = Case(reports.study(), truth)
    plain = opened(contact_sheet([("one", case)] * 5, columns=2, side=100))
    outlined = opened(contact_sheet([("one", case)] * 5, columns=2, side=100, outlines=True))
    assert plain.shape == outlined.shape == (3 * 118 + 18, 200, 3)
    assert (plain != outlined).any()
    with pytest.raises(OptionError):
        contact_sheet([], columns=0)
