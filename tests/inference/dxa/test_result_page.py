"""Report pages: what decides, what is said, and that nothing but the table leaves the program."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image as Pillow

from bmd import modality
from bmd.inference.dxa import result_page, route
from bmd.printed import PRINTED, PrintedRow
from bmd.report import to_csv, to_json
from bmd.simulator.dxa import report_page as pages
from bmd.types import Demographics, Image, Report, Study
from tests.inference.dxa.printed.pages import ABOUT, words


def row(
    region: str, t: float | None, side=None, doubts=(), bmd: float | None = 0.8, z: float | None = 0.1
) -> PrintedRow:
    return PrintedRow(region, side, None, None, bmd, t, z, (1.0, 2.0, 3.0, 4.0), doubts)


SPINE = tuple(row(f"L{k}", -1.5) for k in (1, 2, 3, 4))
HIPS = (row("neck", -2.6, bmd=0.55), row("total_hip", -1.9))


NOBODY = Demographics()


def study(patient: Demographics = NOBODY, **fields) -> Study:
    return Study(
        "page", (Image(np.ones((200, 200), np.float32), "dxa", "ap"),), patient, **({"origin": "PNG"} | fields)
    )


def analysed(monkeypatch: pytest.MonkeyPatch, rows: tuple[PrintedRow, ...], **fields) -> Report:
    monkeypatch.setattr(result_page, "read_printed", lambda pixels, words: rows)
    return result_page.analyse(study(**fields), "page.png")


def codes(report: Report) -> set[str]:
    return {warning.code for warning in report.warnings}


def test_the_lowest_of_spine_neck_and_hip_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    report = analysed(monkeypatch, (*SPINE, row("L1-L4", -1.6), *HIPS))
    found = report.prediction
    assert report.suitability.suitable
    assert found is not None
    assert (found.t_score, found.category, found.model, found.level) == (-2.6, "osteoporosis", PRINTED, "femoral_neck")
    assert found.probabilities == {}
    assert found.interval is None
    assert report.vertebrae == ()


def test_single_levels_decide_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    report = analysed(monkeypatch, tuple(replace(one, t_score=-3.5) for one in SPINE))
    assert report.prediction is None
    assert "dxa.printed.no_whole" in codes(report)
    report = analysed(monkeypatch, (row("L1", -4.0), *SPINE[1:], row("L1-L4", -1.6)))
    assert report.prediction is not None
    assert report.prediction.category == "osteopenia"
    assert report.prediction.level is None


@pytest.mark.parametrize(
    "rows",
    [
        (*SPINE, row("L1-L4", None, doubts=("t_score",))),
        (*SPINE, row("L1-L4", -0.5), row("neck", None, doubts=("t_score",)), HIPS[1]),
        (*SPINE, row("L1-L3", -0.5)),  # the row of all four may stand there unread
        (*SPINE, row("L1-L4", -0.5), row("?", None, doubts=("t_score",))),
        (row("neck", -0.4),),  # and total hip?
        (row("neck", -0.4, "left"), row("neck", -0.4, "right"), row("total_hip", -0.2, "left")),
    ],
    ids=["whole unread", "neck unread", "whole missing", "unnamed row", "no total", "one side missing"],
)
def test_a_row_that_may_be_lower_leaves_it_undecided(monkeypatch: pytest.MonkeyPatch, rows) -> None:
    report = analysed(monkeypatch, rows)
    assert report.prediction is None
    assert report.answers == ()
    assert "dxa.printed.undecided" in codes(report)
    assert report.suitability.suitable


def test_under_fifty_the_printed_z_score_stands_in(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = (*SPINE, row("L1-L4", -2.6, z=-2.2))
    report = analysed(monkeypatch, rows, patient=Demographics(35.0, "F"))
    assert report.prediction is not None
    assert (report.prediction.z_score, report.prediction.t_score, report.prediction.category) == (-2.2, None, None)
    assert "patient.below_who_age" in codes(report)
    report = analysed(monkeypatch, rows, patient=Demographics(50.0, "F"))
    assert report.prediction is not None
    assert report.prediction.category == "osteoporosis"


def test_a_table_of_which_nothing_is_certain_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    report = analysed(monkeypatch, (row("L1", None, doubts=("t_score",), bmd=None, z=None),))
    assert [reason.code for reason in report.suitability.reasons] == ["dxa.printed.unread"]


def test_a_document_without_a_table_is_refused_as_one(monkeypatch: pytest.MonkeyPatch) -> None:
    report = analysed(monkeypatch, (), origin="PDF")
    assert [reason.code for reason in report.suitability.reasons] == ["dxa.printed.no_table"]


def test_a_picture_without_a_table_goes_the_way_of_a_scan(monkeypatch: pytest.MonkeyPatch) -> None:
    way = Report("scan", "dxa", result_page.Suitability(False))
    monkeypatch.setattr(result_page, "analyse_dxa", lambda *given: way)
    assert analysed(monkeypatch, ()) is way


def test_a_scan_with_its_own_densities_is_not_searched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(result_page, "read_printed", lambda *given: pytest.fail("searched"))
    way = Report("scan", "dxa", result_page.Suitability(False))
    monkeypatch.setattr(result_page, "analyse_dxa", lambda *given: way)
    pixels = np.ones((200, 200), np.float32)
    images = (Image(pixels, "dxa", "ap"), Image(pixels, "dxa", "ap", (1.0, 1.0), "g/cm2"))
    assert result_page.analyse(Study("scan", images)) is way


def test_without_the_packages_that_read_letters_all_else_works(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*given: object) -> None:
        raise ImportError(name="onnxruntime")

    monkeypatch.setattr(result_page, "read_printed", missing)
    monkeypatch.setattr(result_page, "analyse_dxa", lambda *given: Report("scan", "dxa", result_page.Suitability(True)))
    report = result_page.analyse(study())
    assert report.suitability.suitable
    assert codes(report) == {"dxa.printed.no_reader"}
    assert not result_page.has_table(study())


def test_progress_never_falls(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(result_page, "read_printed", lambda pixels, words: (*SPINE, row("L1-L4", -1.0)))
    told: list[float] = []
    result_page.analyse(replace(study(), images=study().images * 3), progress=lambda share, what: told.append(share))
    assert told == sorted(told)
    assert told[-1] == 1.0


def test_only_the_table_leaves_the_program() -> None:
    layout = pages.HOLOGIC_FULL
    rows = pages.results(layout, -2.0, np.random.default_rng(0))
    table = words(layout, rows)
    name = [replace(table[0], text=part, box_px=(40.0 + 90 * k, 20.0, 120.0 + 90 * k, 40.0)) for k, part in
            enumerate(" ".join(ABOUT).split())]  # fmt: skip
    report = result_page.analyse(study(words=((*name, *table),)), "page.pdf")
    assert len(report.printed) == 5
    for written in (to_json([report]), to_csv([report])):
        assert not any(part in written for part in ("MUSTERFRAU", "ERIKA", "8837261", "162.0", "March"))
        assert "0." in written
    lines = to_csv([report]).splitlines()
    assert sum(",printed," in line for line in lines) == 5
    assert lines[1].split(",")[4] == "L1-L4"


def test_the_picture_to_take_away_is_the_table_alone() -> None:
    layout = pages.HOLOGIC_FULL
    rows = pages.results(layout, -2.0, np.random.default_rng(0))
    pixels = np.ones((400, 1300), np.float32)
    pixels[20:40] = 0  # the patient's name
    pixels[200:210, 500:520] = 0  # a number
    page = replace(study(words=(tuple(words(layout, rows)),)), images=(Image(pixels, "dxa", "ap"),))
    report = result_page.analyse(page, "page.pdf")
    data = modality.picture(page, report)
    assert data is not None
    drawn = np.asarray(Pillow.open(io.BytesIO(data)).convert("L"))
    assert (drawn[:, 500:520] < 40).any()
    assert not (drawn[:, 5:30] < 40).any(), "the line of the name crosses the whole page"


def test_a_page_that_was_taken_for_a_film_goes_the_way_of_dxa(monkeypatch: pytest.MonkeyPatch) -> None:
    class Shown:
        scanned = False

        def __init__(self, lateral: float) -> None:
            self.lateral = lateral

        def share(self, wanted: str) -> float:
            return self.lateral

    ramp = np.linspace(0, 1, 200, dtype=np.float32)[None].repeat(200, 0)
    film = Study("page", (Image(ramp, "radiograph"),), origin="PNG")
    monkeypatch.setattr(result_page, "read_printed", lambda pixels, words: SPINE)
    monkeypatch.setattr(route.view, "look", lambda pixels, networks: Shown(0.1))
    assert route.is_dxa(film)
    monkeypatch.setattr(result_page, "read_printed", lambda pixels, words: ())
    assert not route.is_dxa(film)
    monkeypatch.setattr(result_page, "read_printed", lambda pixels, words: pytest.fail("a film is not searched"))
    monkeypatch.setattr(route.view, "look", lambda pixels, networks: Shown(0.9))
    assert not route.is_dxa(film)


def test_a_document_goes_the_way_of_dxa_by_itself(tmp_path) -> None:
    path = tmp_path / "report.bin"
    path.write_bytes(b"%PDF-1.7\n")
    assert modality.of_path(path) is modality.DXA
