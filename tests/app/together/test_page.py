"""The Together page: what it compares, what it warns of, what it says when there is nothing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bmd.app import session, sites
from bmd.app.together import page as together
from bmd.findings import note, warning
from bmd.inference.dxa.densitometry import MEASURED, pooled
from bmd.text import say, text
from bmd.types import Demographics, Image, LevelDensity, Prediction, Report, Study, Suitability
from tests.app.reading import shown

LEVELS_T = ((0.70, -2.6), (0.72, -2.7), (1.05, -0.3), (0.75, -2.8))
"""Density, g/cm2, and T-score of L1-L4."""
SHARES = {"normal": 0.1, "osteopenia": 0.5, "osteoporosis": 0.4}


def answer(t: float | None, level: str | None = None, model: str = "demographics", width: float = 1.0) -> Prediction:
    ends = None if t is None else (round(t - width, 1), round(t + width, 1))
    return Prediction(level, None, t, ends, SHARES, "osteopenia", model)


def demographics(*answers: Prediction) -> Report:
    return Report("", "demographics", Suitability(True), prediction=answers[-1], answers=answers)


@pytest.fixture
def found(fakes, fakes_ct):
    return {
        "film": fakes.report(),
        "ct": fakes_ct.report(),
        "demographics": demographics(answer(-0.4, "lumbar"), answer(-1.1, "total_hip"), answer(-1.3, "lowest")),
    }


def test_every_answer_is_listed_once_with_its_site(found):
    rows = together.sources(found)
    assert [(row.name, sites.name(row.site)) for row in rows] == [
        ("Spine X-ray", "Lumbar spine"),
        ("Abdominal CT: measured HU", "Lowest of three sites"),
        ("Abdominal CT: vertebra slices", "Lumbar spine"),
        ("Abdominal CT: hip image", "Hip"),
        ("Abdominal CT: patient data", "Hip"),
        ("Abdominal CT: hip image and patient data", "Hip"),
        ("Demographics: lumbar spine", "Lumbar spine"),
        ("Demographics: total hip", "Total hip"),
        ("Demographics: lowest of three sites", "Lowest of three sites"),
    ]


def test_measured_and_estimated_of_one_scan_have_names_of_their_own():
    scan = Report("", "dxa", Suitability(True), answers=(answer(-2.7, model=MEASURED), answer(-2.1, model="dxa_cnn")))
    assert [row.name for row in together.sources({"dxa": scan})] == ["DXA image: measured", "DXA image: estimated"]


def test_gap_is_that_of_the_two_furthest_apart_at_one_site(found):
    (gap,) = together.gaps(together.sources(found))
    assert gap.code == "app.together.apart"
    assert gap.values["gap"] == pytest.approx(1.4)
    assert (gap.values["low_name"], gap.values["low"]) == ("Spine X-ray", -1.8)
    assert (gap.values["high_name"], gap.values["high"]) == ("Demographics: lumbar spine", -0.4)
    assert gap.values["overlap"] == note("app.together.overlap")
    assert say(gap).startswith("At the lumbar spine the T-scores lie up to **1.4** apart (Spine X-ray −1.8,")


def test_intervals_that_do_not_meet_are_said():
    rows = together.sources({"film": demographics(answer(-3.5)), "dxa": demographics(answer(0.0))})
    assert together.gaps(rows)[0].values["overlap"] == note("app.together.no_overlap")
    bare = replace(rows[0], says=replace(rows[0].says, interval=None))
    assert together.gaps([bare, rows[1]])[0].values["overlap"] == note("app.together.no_interval")


def test_categories_are_compared_without_a_vote(found):
    named = together.categories(together.sources(found))
    assert named.code == "app.together.differ"
    assert "**osteoporosis** (Abdominal CT: patient data)" in say(named)
    same = [row for row in together.sources(found) if row.says.category == "osteopenia"]
    alike = note("app.together.all_say", count=3, category=note("category.osteopenia"))
    assert together.categories(same) == alike
    assert together.categories([]) == note("app.together.no_category")


def test_several_answers_from_one_input_are_one_witness():
    form = {"demographics": demographics(answer(-1.4, "lumbar"), answer(-1.1, "total_hip"), answer(-1.3, "lowest"))}
    said = together.categories(together.sources(form))
    assert said.code == "app.together.one_says"
    scan = Report("", "dxa", Suitability(True), answers=(answer(-1.7, model=MEASURED), answer(-2.1, model="dxa_cnn")))
    assert together.categories(together.sources({"dxa": scan})).code == "app.together.one_says"
    both = together.categories(together.sources({"dxa": scan, **form}))
    assert both == note("app.together.all_say", count=2, category=note("category.osteopenia"))
    low = replace(answer(-2.7, model=MEASURED), category="osteoporosis")
    apart = Report("", "dxa", Suitability(True), answers=(low, answer(-2.1, model="dxa_cnn")))
    assert together.categories(together.sources({"dxa": apart})).code == "app.together.one_says_several"


def test_what_was_left_out_on_its_page_is_left_out_here(app):
    levels = tuple(LevelDensity(f"L{k + 1}", 14.0 * b, 14.0, b, t) for k, (b, t) in enumerate(LEVELS_T))
    scan = Report(
        "", "dxa", Suitability(True), densities=levels, levels_certain=True, answers=(answer(-1.0, model=MEASURED),)
    )
    scan = replace(scan, prediction=scan.answers[0])
    at = app()
    study = Study("s", (Image(np.zeros((8, 8), np.float32), "dxa", "ap"),))
    at.session_state["dxa"] = session.Held("scan", study, "dxa", report=scan, left_out=("L3",))
    at.switch_page("pages/together.py").run()
    assert not at.exception
    rest = pooled(levels, {"L3"})
    assert rest is not None
    assert f"{rest.t_score:+.1f}".replace("-", "−") in shown(at)
    assert "−1.0" not in shown(at)


def test_differing_patients_are_named_field_by_field():
    lines = together.differences(
        {"film": Demographics(71.0, "F", 160.0), "ct": Demographics(65.0, "F"), "demographics": Demographics(71.3, "M")}
    )
    assert [say(line) for line in lines] == [
        "Age: 71 years on Spine X-ray, 65 years on Abdominal CT, 71 years on Demographics",
        "Sex: female on Spine X-ray, female on Abdominal CT, male on Demographics",
    ]
    assert together.differences({"film": Demographics(71.0), "ct": Demographics(None, "F")}) == []


def test_empty_page_explains_and_links(app):
    at = app().switch_page("pages/together.py").run()
    assert not at.exception
    assert text("app.together.empty_title") in shown(at)
    assert not at.get("plotly_chart")
    assert len(at.get("page_link")) >= 2


def test_page_shows_all_sources_and_warns_of_another_patient(app, found, fakes, fakes_ct):
    at = app()
    reports = found | {"film": fakes.report(Demographics(71.0, "F"))}
    at.session_state["film"] = session.Held(
        "film", fakes.study(patient=Demographics(71.0, "F")), report=reports["film"]
    )
    at.session_state["ct"] = session.Held("ct", fakes_ct.study(), "ct", report=reports["ct"])
    form = replace(fakes.study(patient=Demographics(65.0, "F")), images=())
    at.session_state["demographics"] = session.Held("form", form, "demographics", report=reports["demographics"])
    at.switch_page("pages/together.py").run()
    assert not at.exception
    page = shown(at)
    assert "Age: 71 years on Spine X-ray, 65 years on Demographics" in page
    assert "NHANES" in page, "what the demographics were learned from"
    assert "simulated films only" in page
    assert "131 ± 21" in page
    assert len(at.get("plotly_chart")) == 2


def test_a_picture_without_density_says_why_and_counts_for_nothing(app):
    at = app()
    study = Study("s", (Image(np.zeros((8, 8), np.float32), "dxa", "ap"),))
    scan = Report("", "dxa", Suitability(True), warnings=(warning("dxa.no_unit"),))
    at.session_state["dxa"] = session.Held("scan", study, "dxa", report=scan)
    at.switch_page("pages/together.py").run()
    assert not at.exception
    page = shown(at)
    assert "DXA image: no density." in page
    assert text("app.together.empty_title") in page
    assert not at.get("plotly_chart")


def test_refused_and_waiting_inputs_are_named(app, fakes, fakes_ct):
    at = app()
    at.session_state["film"] = session.Held("film", fakes.study(), report=fakes.REFUSED)
    at.session_state["ct"] = session.Held("ct", fakes_ct.study(), "ct")
    at.switch_page("pages/together.py").run()
    page = shown(at)
    assert say(fakes.REFUSED.suitability.reasons[0]).split(";")[0] in page.replace("\\", "")
    assert text("app.together.waiting", page=text("modality.ct.title")) in page
    assert text("app.together.empty_title") in page
