"""Printed results on the DXA page: numbers beside the page they stand on, and what is not certain as such."""

from __future__ import annotations

import html

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from bmd.app import work
from bmd.inference.dxa import result_page
from bmd.printed import PrintedRow
from bmd.text import text
from bmd.types import Image, Report, Study, Suitability
from tests.app.reading import shown

BOX = (10.0, 20.0, 180.0, 40.0)
ROWS = (
    PrintedRow("L1", None, 12.34, 9.87, 0.8, -2.4, -1.1, BOX, (), True),
    PrintedRow("L2", None, 13.1, 10.9, 0.832, None, -1.0, BOX, ("t_score",)),
    PrintedRow("L1-L4", None, 55.0, 47.3, 0.86, -2.6, -0.9, BOX, (), True),
    PrintedRow("?", None, None, None, None, None, None, BOX, ("t_score",), page=1),
)


@pytest.fixture
def page(app, monkeypatch: pytest.MonkeyPatch):
    """A function that opens the DXA page on a report whose rows are these."""

    def open_page(rows: tuple[PrintedRow, ...]) -> AppTest:
        blank = Image(np.ones((300, 200), np.float32), "dxa", "ap")
        study = Study("report", (blank, blank), origin="PDF")
        plain = Report("report", "dxa", Suitability(True))
        monkeypatch.setattr(work, "read", lambda name, data, kind: study)
        monkeypatch.setattr(work, "analyse", lambda study, progress, models: result_page.described(plain, rows))
        at = app().switch_page("pages/dxa.py").run()
        return at.file_uploader(key="dxa_upload").set_value(("report.pdf", b"x", "")).run()

    return open_page


def test_numbers_stand_in_a_table_with_what_is_not_certain(page) -> None:
    at = page(ROWS[:3])
    said = shown(at)
    assert not at.exception
    for number in ("12.34", "9.87", "0.800", "\u22122.4", "\u22121.1"):
        assert number in said
    assert text("app.dxa.printed.uncertain") in said
    assert text("app.printed_on", site=text("site.lumbar.name")) in said
    assert text("app.t_score", t=-2.6) in said
    assert "Osteoporosis" in said
    assert text("dxa.printed.compare") in html.unescape(said)
    assert len(at.get("download_button")) == 3


def test_a_row_that_was_not_read_leaves_the_answer_open(page) -> None:
    at = page(ROWS)
    said = shown(at)
    assert not at.exception
    assert text("app.dxa.printed.unnamed") in said
    assert text("app.no_estimate") in said
    assert "Osteoporosis" not in said
    at.button_group[0].set_value(1).run()  # the second page of the document
    assert not at.exception
