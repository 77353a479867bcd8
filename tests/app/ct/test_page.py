"""The Abdominal CT page: choosing a volume, reading the result, and what it says when things fail."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from bmd.app import session, work
from bmd.app.ct import maps as ct_maps
from bmd.app.ct import result as ct
from bmd.errors import InputError
from bmd.findings import Finding, note, refusal
from bmd.text import text
from bmd.types import Demographics
from tests.app.reading import shown, shown_result, viewers

PATIENT = Demographics(71.0, "F", 158.0, None)
AXIAL = note("read.ct.title", parts=(note("read.ct.plane.axial"), note("read.ct.slices", count=90, step_mm=4.0)))


@dataclass(frozen=True)
class Choice:
    """A volume as ``read_volumes`` offers it."""

    title: Finding
    study: object
    notes: tuple[Finding, ...] = ()
    place: None = None

    def load(self, progress=None):
        (progress or (lambda share, what: None))(0.5, note("read.ct.reading_slices", count=90))
        return self.study


@pytest.fixture
def page(app, fakes_ct, monkeypatch):
    """A function that opens the CT page with the made-up CT behind it."""
    first = Choice(AXIAL, fakes_ct.study(PATIENT), (note("read.ct.filled", count=1),))
    second = Choice(note("read.ct.plane.coronal"), fakes_ct.study(seed=1))
    monkeypatch.setattr(work, "list_volumes", lambda files: (first, second)[: 2 if len(files) > 1 else 1])
    monkeypatch.setattr(work, "analyse", fakes_ct.analyse)
    monkeypatch.setattr(work, "explain", fakes_ct.explain)

    def open_page() -> AppTest:
        return app().switch_page("pages/abdominal_ct.py").run()

    return open_page


def upload(at: AppTest, *names: str) -> AppTest:
    return at.file_uploader(key="ct_upload_files").set_value([(name, b"x", "") for name in names]).run()


def button(at: AppTest, label: str):
    return next(one for one in at.button if one.label == label)


def test_single_volume_is_read_and_analysed_at_once(page):
    at = upload(page(), "ct.zip")
    words = shown_result(at)
    assert "131 HU" in words
    assert text("app.ct.second_agrees") in words
    assert '<span class="ol-chip"' in words
    assert "62%" in words
    assert "<td>131 ± 21</td>" in words
    assert "osteoporosis: patient data" in words
    assert text("ct.contrast") in words
    assert viewers(at) == ["volume_viewer", "volume_store"]
    assert at.session_state["ct"].packed


def test_several_volumes_are_offered_best_first(page, fakes_ct):
    at = upload(page(), "a.dcm", "b.dcm")
    assert at.radio[0].value is None
    assert at.radio[0].options[0] == text("app.ct.in_turn")
    assert text("read.ct.filled", count=1) in at.radio[0].options[1]
    assert "ct" not in at.session_state
    at.radio[0].set_value(at.session_state["ct_found"][1][1])
    button(at, text("app.ct.open")).click().run()
    assert at.session_state["ct"].study.uid == "fake-ct-1"
    assert "ct_found" not in at.session_state, "the upload is forgotten once read"
    assert at.session_state["ct"].waiting is None


def test_the_next_volume_is_tried_where_the_best_is_refused(page, fakes_ct, monkeypatch):
    def analyse(study, progress, models):
        report = fakes_ct.REFUSED if study.uid == "fake-ct-0" else fakes_ct.analyse(study, progress, models)
        return replace(report, notes=study.notes)

    at = page()
    monkeypatch.setattr(work, "analyse", analyse)
    upload(at, "a.dcm", "b.dcm")
    button(at, text("app.ct.open")).click().run()
    held = at.session_state["ct"]
    assert held.study.uid == "fake-ct-1"
    assert held.report.suitability.suitable
    assert held.waiting is None
    words = shown(at)
    words = words.replace("\\", "")
    assert "this one was read: Coronal" in words
    assert "Axial, 90 slices" in words
    assert text("ct.no_body") in words


def test_folder_can_be_chosen(page):
    at = page()
    at.button_group(key="ct_how").set_value("folder").run()
    assert at.file_uploader(key="ct_upload_folder").accept_directory


def test_unreadable_upload_gets_a_calm_message(page, monkeypatch):
    def fail(files):
        raise InputError("read.ct.needed", found=(note("read.ct.found.other_file"),))

    at = page()
    monkeypatch.setattr(work, "list_volumes", fail)
    upload(at, "notes.txt")
    assert "A CT is needed" in at.warning[0].value
    assert not at.error
    assert "ct" not in at.session_state


def test_refusal_says_why_and_keeps_the_planes(page, fakes_ct, monkeypatch):
    at = page()
    monkeypatch.setattr(work, "analyse", lambda study, progress, models: fakes_ct.REFUSED)
    words = shown(upload(at, "chest.zip"))
    assert text("modality.ct.refused") in words
    assert text("ct.no_body") in words
    assert viewers(at) == ["volume_viewer", "volume_store"]
    assert not at.get("download_button")
    assert "<td>L1</td>" not in words


def test_hip_that_was_not_read_says_why(page):
    words = shown(upload(page(), "ct.zip"))
    assert text("app.ct.not_read", reason=refusal("ct.hip.metal")) in words
    assert words.index("Right hip") < words.index("Left hip"), "as on the picture"


def test_heat_maps_come_on_demand_and_are_kept(page, fakes_ct, monkeypatch):
    calls = []
    at = upload(page(), "ct.zip")
    monkeypatch.setattr(work, "explain", lambda s, r, told: calls.append(1) or fakes_ct.explain(s, r))
    assert not calls
    at.button(key="ct_draw_maps").click().run()
    assert len(calls) == 1
    words = shown(at)
    for branch, low_hu in (("s", -128.0), ("t", -450.0)):
        assert text("heat.slice", branch=branch, low_hu=low_hu) in words
    assert "71%" in words
    at.run()
    assert len(calls) == 1


def test_patient_values_of_another_page_are_offered_not_used(page, fakes):
    at = page()
    film = session.Held("film", fakes.study(patient=Demographics(66.0, "M", 180.0, 80.0)))
    at.session_state["film"] = film
    upload(at, "ct.zip")
    assert at.session_state["ct"].report.patient == PATIENT
    offered = at.button(key="ct_offer_film")
    assert "66 years, male, 180 cm, 80 kg" in offered.label
    offered.click().run()
    assert at.session_state["ct"].report.patient == film.study.patient
    assert [box.value for box in at.number_input] == [66.0, 180.0, 80.0]


def test_another_ct_releases_this_one_and_leaves_the_film(page, fakes):
    at = page()
    at.session_state["film"] = session.Held("film", fakes.study())
    upload(at, "ct.zip")
    at.button(key="another").click().run()
    assert "ct" not in at.session_state
    assert "ct_field_age_y_fake-ct-0" not in at.session_state
    assert "film" in at.session_state


def test_agreement_is_one_sentence(fakes_ct):
    rows = fakes_ct.report().answers
    assert ct.agreement(list(rows)).startswith("They do not agree")
    assert ct.agreement([rows[0], rows[1], rows[3]]) == text("app.ct.agree", count=3, category="osteopenia")
    assert ct.agreement([]) == ""


def test_heat_is_drawn_where_it_is(fakes_ct):
    grey = np.full((40, 40), 0.5, np.float32)
    plain = ct_maps.with_heat(grey, None)
    assert plain.shape == (320, 320, 3)
    assert np.ptp(plain) == 0
    one = fakes_ct.explain(None, None)[0]
    corner = replace(one, heat=np.pad(np.ones((8, 8), np.float32), ((0, 24), (0, 24))))
    warm = ct_maps.with_heat(grey, corner)
    assert (warm[:60, :60, 0] != plain[:60, :60, 0]).all()
    assert (warm[200:, 200:] == plain[200:, 200:]).all()
