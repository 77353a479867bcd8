"""The address: what may stand there, what it opens, and what Back means."""

from __future__ import annotations

import pytest

from bmd.app import address, session, work
from bmd.app.film import samples
from bmd.text import text
from tests.app.reading import shown

pytestmark = pytest.mark.usefixtures("readable")
ALL = [sample.name for sample in samples.SAMPLES]


@pytest.fixture
def readable(app, fakes, monkeypatch):
    """Every file holds the drawn film, built-in cases too."""
    monkeypatch.setattr(work, "read", lambda name, data: fakes.study())


@pytest.mark.parametrize("value", ["Doe^Jane", "../x", "a" * 41, "", "own 1", "1.dcm", "<b>"])
def test_nothing_but_plain_short_names_may_stand_there(value):
    assert not address.CASE.fits(value)
    with pytest.raises(ValueError, match="case must look like"):
        address.put(address.CASE, value)


@pytest.mark.parametrize("value", [*ALL, "own-1", "own-12"])
def test_cases_and_numbers_may(value):
    assert address.CASE.fits(value)


def test_an_address_opens_its_case(app):
    at = app()
    at.query_params["case"] = "osteopenia"
    at.run()
    assert at.session_state["film"].sample == "osteopenia"
    assert at.session_state["film"].report is not None
    assert at.query_params["case"] == "osteopenia"


@pytest.mark.parametrize(("case", "code"), [("nonsense", "unknown"), ("<b>", "unknown"), ("own-1", "own")])
def test_what_is_not_here_is_said_calmly_beside_the_picker(app, case, code):
    at = app()
    at.query_params["case"] = case
    at.run()
    assert text(f"app.address.{code}") in shown(at)
    assert at.file_uploader
    assert not at.error
    assert not at.exception


def test_a_case_is_named_in_the_address_and_back_leads_to_the_picker_and_forward_again(app):
    at = app()
    at.button(key="open_normal").click().run()
    assert at.query_params["case"] == "normal"
    assert not at.file_uploader
    del at.query_params["case"]  # the browser's Back
    at.run()
    assert at.file_uploader
    assert text("app.still_held", name="Normal") in shown(at)
    held = at.session_state["film"]
    at.query_params["case"] = "normal"  # the browser's Forward
    at.run()
    assert not at.file_uploader
    assert at.session_state["film"] is held, "not analysed again"


def test_a_file_is_a_number_in_the_address(app, fakes):
    at = app()
    at.file_uploader(key="film_upload").upload("Doe_Jane.png", fakes.png(), "image/png").run()
    assert at.query_params == {"case": "own-1"}


def test_another_film_takes_the_case_out_of_the_address(app):
    at = app()
    at.button(key="open_normal").click().run()
    at.button(key="another").click().run()
    assert at.query_params == {}
    assert "film" not in at.session_state


def test_the_result_is_there_after_another_page_though_a_link_names_no_case(app):
    at = app()
    at.button(key="open_normal").click().run()
    at.query_params.clear()
    at.switch_page("pages/about.py").run()
    at.switch_page("pages/spine_xray.py").run()
    assert not at.file_uploader
    assert at.session_state["film"].sample == "normal"


def test_a_number_names_the_file_for_the_session_alone():
    assert session.Held("Doe.dcm", None, number=3).case == "own-3"
    assert session.Held("Normal", None, sample="normal").case == "normal"
