"""The demographics page with the shipped network behind it."""

from __future__ import annotations

import html
import re
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from bmd.app import session, sites
from bmd.inference.demographics.terms import LOWEST, SITES
from bmd.text import text
from bmd.types import Demographics

ROOT = Path(__file__).resolve().parents[3]
FIELD = "demographics_field_"


@pytest.fixture
def page(warm) -> AppTest:
    if not (ROOT / "weights" / "demographics" / "metadata.json").is_file():
        pytest.skip("demographics has no shipped weights")
    at = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=60).run()
    return at.switch_page("pages/demographics.py").run()


def shown(at: AppTest) -> str:
    parts = [element.proto.body for element in at.get("html")]
    for kind in ("markdown", "caption", "info", "error", "warning"):
        parts += [element.value for element in at.get(kind)]
    return html.unescape("\n".join(parts))


def fill(at: AppTest, age=None, sex=None, height=None, weight=None) -> AppTest:
    for name, value in (("age", age), ("height_cm", height), ("weight_kg", weight)):
        if value is not None:
            at.number_input(key=FIELD + name).set_value(value)
    if sex is not None:
        at.segmented_control(key=f"{FIELD}sex").set_value(sex)
    at.run()
    assert not at.exception
    assert not at.error
    return at


def charts(at: AppTest) -> list[str]:
    return [chart.proto.spec for chart in at.get("plotly_chart")]


def test_empty_form_asks_and_assumes_nothing(page):
    assert text("app.demographics.empty_note") in shown(page)
    assert not charts(page)
    assert page.session_state[session.KINDS[3]].report is None


def test_result(page):
    at = fill(page, 67.0, "F", 160.0, 58.0)
    words = shown(at)
    assert "T-score −" in words
    for site in (*SITES, LOWEST):
        assert sites.name(site) in words
    for name in ("OST", "OSTA", "ORAI"):
        assert f"<b>{name}</b>" in words
    assert "22.7 kg/m²" in words
    assert "NHANES 2017–March 2020" in words
    assert len(charts(at)) == 4
    assert any("Age: 67 years" in chart for chart in charts(at))
    assert len(at.get("download_button")) == 2
    report = at.session_state["demographics"].report
    assert report.modality == "demographics"
    assert report.patient == Demographics(67, "F", 160, 58)


def test_some_fields_are_enough(page):
    at = fill(page, weight=58.0)
    assert "Not given: age, sex, height" in shown(at)
    assert "Needs: age" in shown(at)
    assert at.session_state["demographics"].report.patient == Demographics(weight_kg=58.0)


def test_under_50_shows_a_z_score_and_no_class(page):
    at = fill(page, 35.0, "F", 165.0, 60.0)
    words = shown(at)
    assert "Z-score" in words
    assert "T-score" not in re.sub(r"T-scores? (of|compare)", "", "\n".join(e.proto.body for e in at.get("html")))
    assert 'class="ol-chip"' not in words
    assert not any("osteoporosis" in chart for chart in charts(at))


def test_out_of_range_is_refused_calmly(page):
    at = fill(page, 12.0, "F")
    assert text("app.demographics.refused") in shown(at)
    assert not charts(at)


@pytest.mark.parametrize(("field", "value", "allowed"), [("age", 150.0, "0 to 120"), ("height_cm", 1.6, "50 to 250")])
def test_an_impossible_value_leaves_no_answer_behind(page, field, value, allowed):
    at = fill(page, 67, "F", 158, 58)
    assert "T-score" in shown(at)
    at.number_input(key=FIELD + field).set_value(value).run()
    assert allowed in at.error[0].value
    assert "cannot be" in at.error[0].value
    assert "T-score" not in shown(at)
    assert not charts(at)
    at.number_input(key=FIELD + field).set_value(67.0 if field == "age" else 158.0).run()
    assert not at.error
    assert "T-score" in shown(at)


def test_what_is_allowed_is_said_in_the_unit_shown(page):
    at = fill(page, 67, "F", 160, 58)
    at.segmented_control(key="demographics_unit_height").set_value("in").run()
    at.number_input(key=f"{FIELD}height_in").set_value(160.0).run()
    assert "19.69 to 98.43" in at.error[0].value
    assert "(in)" in at.error[0].value


def test_units_keep_the_value(page):
    at = fill(page, height=160.0, weight=58.0)
    at.segmented_control(key="demographics_unit_height").set_value("in").run()
    at.segmented_control(key="demographics_unit_weight").set_value("lb").run()
    assert at.number_input(key=f"{FIELD}height_in").value == 63.0
    assert at.number_input(key=f"{FIELD}weight_lb").value == 127.9
    assert at.session_state["demographics"].report.patient == Demographics(None, None, 160.0, 58.0)
    at.number_input(key=f"{FIELD}weight_lb").set_value(150.0).run()
    assert at.session_state["demographics"].report.patient.weight_kg == pytest.approx(68.04, abs=0.01)
    at.segmented_control(key="demographics_unit_weight").set_value("kg").run()
    assert at.number_input(key=f"{FIELD}weight_kg").value == 68.0


def test_emptied_field_is_unknown_again(page):
    at = fill(page, 67.0, "F", 160.0, 58.0)
    at.number_input(key=f"{FIELD}age").set_value(None).run()
    assert at.session_state["demographics"].report.patient.age_y is None
    assert "Not given: age" in shown(at)


def test_what_if_moves_the_answer_and_not_the_form(page):
    at = fill(page, 67.0, "F", 160.0, 58.0)
    before = at.session_state["demographics"].report.prediction
    (slider,) = [s for s in at.slider if "weight" in s.key]
    slider.set_value(90.0).run()
    rows = [element.proto.body for element in at.get("html") if "What if" in element.proto.body]
    row = re.search(r"Lowest of three sites</td><td>(.*?)</td><td>(.*?)</td>", rows[0])
    mine, other = (int(re.search(r"(\d+)%", cell)[1]) for cell in row.groups())
    assert other < mine
    assert at.session_state["demographics"].report.prediction == before
    assert at.number_input(key=f"{FIELD}weight_kg").value == 58.0


def test_reference_can_be_chosen(page):
    at = fill(page, 67.0, "F", 160.0, 58.0)
    before = at.session_state["demographics"].report.answers[1]
    at.selectbox(key="demographics_reference").set_value("nhanes_2005_2010").run()
    after = at.session_state["demographics"].report.answers[1]
    assert after.bmd_g_cm2 == before.bmd_g_cm2
    assert after.t_score < before.t_score


def test_values_stay_when_another_page_was_open_and_go_when_cleared(page):
    at = fill(page, 67.0, "F", 160.0, 58.0)
    at.switch_page("pages/about.py").run()
    at.switch_page("pages/demographics.py").run()
    assert at.number_input(key=f"{FIELD}age").value == 67
    assert at.segmented_control(key=f"{FIELD}sex").value == "F"
    next(b for b in at.button if b.label == text("app.demographics.clear")).click().run()
    assert at.number_input(key=f"{FIELD}age").value is None
    assert text("app.demographics.empty_note") in shown(at)


def test_values_of_another_page_are_offered_not_used(page, fakes):
    page.session_state["film"] = session.Held("x", fakes.study(patient=Demographics(71, "M")), "film")
    at = page.run()
    assert text("app.demographics.empty_note") in shown(at)
    at.button(key="demographics_offer_film").click().run()
    assert at.number_input(key=f"{FIELD}age").value == 71
    assert at.session_state["demographics"].report.patient == Demographics(71, "M")
