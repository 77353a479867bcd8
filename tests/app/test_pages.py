"""Every page, opened as a visitor would: its frame, what it shows, what it holds, what it says when things fail."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from bmd.app import session, shell, work
from bmd.errors import InputError
from bmd.findings import warning
from bmd.text import say, text
from bmd.types import Demographics
from tests.app.reading import shown, shown_result, viewers

ROOT = Path(__file__).resolve().parents[2]
IDENTIFIER = "Doe^Jane 1950-01-01"
PAGES = sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "pages").glob("*.py"))


def upload(at: AppTest, name: str, data: bytes) -> AppTest:
    return at.file_uploader(key="film_upload").upload(name, data, "application/octet-stream").run()


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("state", ["cold", "warm"])
def test_every_page_opens_inside_the_frame(page, state, request):
    if state == "warm":
        request.getfixturevalue("warm")
    at = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=60).run()
    at.switch_page(page).run()
    assert not at.exception
    assert not at.error
    assert at.title[0].value in [title for name, title, icon in shell.PAGES if page == f"pages/{name}.py"]
    assert text("intended_use") in shown(at)


def test_every_page_starts_with_open_page():
    for page in PAGES:
        source = (ROOT / page).read_text("utf-8")
        statements = [
            line for line in source.splitlines() if line and not line.startswith((" ", '"', "#", "from", "import"))
        ]
        assert statements[0] == "shell.open_page(__file__)", page


def test_first_screen_is_drawn_without_torch():
    code = (
        "import sys; from streamlit.testing.v1 import AppTest; at = AppTest.from_file('streamlit_app.py', "
        "default_timeout=60).run(); assert at.title[0].value == 'Spine X-ray', at; "
        "print([name for name in ('torch', 'pytorch_grad_cam', 'openvino') if name in sys.modules])"
    )
    environment = {k: v for k, v in os.environ.items() if k != "OSTEOLENS_WARM_UP"}
    out = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120
    )
    assert out.stdout.strip().endswith("[]"), out.stdout + out.stderr


def test_upload_gives_a_result(app, fakes):
    at = upload(app(), "anything", fakes.png())
    page = shown_result(at)
    assert "osteopenia" in page
    assert "T-score −1.8" in page
    charts = [chart.proto.spec for chart in at.get("plotly_chart")]
    assert any("osteoporosis" in chart for chart in charts)
    assert viewers(at) == ["film_viewer"]


def test_wrong_file_gets_a_calm_message(app):
    at = upload(app(), "film.dcm", b"just text")
    assert text("read.kind.text") in at.warning[0].value
    assert not at.error
    assert "film" not in at.session_state


def test_markdown_in_an_error_is_not_interpreted(app, monkeypatch):
    def read(name, data):
        raise InputError("read.cannot_open", reason="*file* ![x](http://example.org/x.png) <b>")

    monkeypatch.setattr(work, "read", read)
    at = upload(app(), "x", b"x")
    assert r"\!\[x\]" in at.warning[0].value or r"!\[x\]" in at.warning[0].value
    assert r"\*file\*" in at.warning[0].value
    assert r"\<b\>" in at.warning[0].value


@pytest.mark.parametrize("step", ["read", "analyse"])
def test_a_fault_of_ours_is_one_sentence_and_a_log_entry_without_the_message(app, fakes, monkeypatch, caplog, step):
    def fail(*args, **kwargs):
        raise RuntimeError(IDENTIFIER)

    monkeypatch.setattr(work, step, fail)
    at = upload(app(), "doe_jane.dcm", fakes.png())
    assert at.error[0].value == text("app.something_wrong")
    assert not at.exception
    assert "RuntimeError" in caplog.text
    assert "Doe" not in caplog.text + shown(at)
    assert "doe_jane" not in caplog.text


def test_analysis_that_failed_is_not_started_again_until_asked(app, fakes, monkeypatch):
    calls = []

    def fail(study, progress, models=None):
        calls.append(1)
        raise InputError("network.not_installed", name="x")

    monkeypatch.setattr(work, "analyse", fail)
    at = upload(app(), "x.png", fakes.png())
    at.run()
    assert len(calls) == 1
    assert "no weights here" in at.warning[0].value
    monkeypatch.setattr(work, "analyse", lambda study, progress, models: fakes.report())
    next(button for button in at.button if button.label == text("app.again")).click().run()
    assert "T-score −1.8" in shown(at)


def test_refusal_says_why_and_shows_no_number(app, fakes, monkeypatch):
    monkeypatch.setattr(work, "analyse", lambda study, progress, models: fakes.REFUSED)
    at = upload(app(), "ap.png", fakes.png())
    page = shown(at)
    assert text("modality.film.refused") in page
    assert say(fakes.REFUSED.suitability.reasons[0]) in page
    assert "T-score" not in page
    assert not at.get("download_button")
    assert not at.get("plotly_chart")


def test_levels_uncertain_is_a_banner_said_once(app, fakes, monkeypatch):
    said = warning("ct.levels_uncertain", doubts=("the names may be off by one",), count=2)
    monkeypatch.setattr(
        work, "analyse", lambda s, p, m: fakes.report(levels_certain=False, warnings=(said, warning("film.metal")))
    )
    at = upload(app(), "x.png", fakes.png())
    assert text("app.levels_uncertain") in at.warning[0].value
    assert shown(at).count("may be off by one") == 1
    assert f"<li>{text('film.metal')}</li>" in shown(at)


def test_hostile_words_in_a_report_are_escaped(app, fakes, monkeypatch):
    hostile = warning("film.missing", levels=("<img src=x onerror=alert(1)>",))
    monkeypatch.setattr(work, "analyse", lambda s, p, m: fakes.report(warnings=(hostile,)))
    at = upload(app(), "<script>alert(1)</script>.png", fakes.png())
    html = "\n".join(element.proto.body for element in at.get("html"))
    assert "<img" not in html
    assert "<script>alert" not in html  # the only script is the shell's own


def test_patient_is_never_filled_in(app, fakes):
    at = upload(app(), "x.png", fakes.png())
    assert [box.value for box in at.number_input] == [None, None, None]
    assert at.selectbox[0].value is None
    assert "Neither is assumed" in shown(at)


def test_patient_from_the_file_is_shown_and_can_be_changed(app, fakes, monkeypatch):
    patient = Demographics(71.0, "F", 158.0, None)
    seen = []
    monkeypatch.setattr(work, "read", lambda name, data: fakes.study(patient=patient))
    monkeypatch.setattr(work, "analyse", lambda s, p, m: seen.append(s.patient) or fakes.report(s.patient))
    at = upload(app(), "x.dcm", b"x")
    assert [box.value for box in at.number_input] == [71.0, 158.0, None]
    assert at.selectbox[0].value == "F"
    at.number_input[2].set_value(60.0)
    at.number_input[0].set_value(None)
    next(button for button in at.button if button.label == text("app.use_values")).click().run()
    assert seen == [patient, Demographics(None, "F", 158.0, 60.0)]


def test_implausible_values_of_a_file_do_not_break_the_form(app, fakes, monkeypatch):
    monkeypatch.setattr(work, "read", lambda name, data: fakes.study(patient=Demographics(70.0, "M", 4.0, 999.0)))
    at = upload(app(), "x.dcm", b"x")
    assert not at.exception
    assert [box.value for box in at.number_input] == [70.0, None, None]


def test_age_curve_appears_with_age_and_sex(app, fakes, monkeypatch):
    monkeypatch.setattr(work, "read", lambda name, data: fakes.study(patient=Demographics(71.0, "F", None, None)))
    at = upload(app(), "x.dcm", b"x")
    assert any("this patient" in chart.proto.spec for chart in at.get("plotly_chart"))
    assert "NHANES" in shown(at)


def test_heat_maps_come_on_demand_with_their_numbers(app, fakes, monkeypatch):
    calls = []
    monkeypatch.setattr(work, "explain", lambda s, r, told: calls.append(1) or fakes.explain(s, r))
    at = upload(app(), "x.png", fakes.png())
    assert not calls
    at.toggle[0].set_value(True).run()
    assert len(calls) == 1
    assert "71%" in shown(at)
    assert "0.08" in shown(at)
    assert text("app.film.heat_meaning") in shown(at)
    at.toggle[0].set_value(False).run()
    at.toggle[0].set_value(True).run()
    assert len(calls) == 1, "maps are kept"


def test_result_survives_another_page(app, fakes):
    at = upload(app(), "x.png", fakes.png())
    at.switch_page("pages/about.py").run()
    assert "one film" in shown(at)
    at.switch_page("pages/spine_xray.py").run()
    assert "T-score −1.8" in shown(at)


def test_purge_removes_everything(app, fakes):
    at = upload(app(), "x.png", fakes.png())
    at.switch_page("pages/about.py").run()
    at.button(key="purge").click().run()
    assert text("app.about.held_nothing") in shown(at)
    assert "film" not in at.session_state
    at.switch_page("pages/spine_xray.py").run()
    assert at.file_uploader


def test_another_film_goes_back_to_the_picker(app, fakes):
    at = upload(app(), "x.png", fakes.png())
    at.button(key="another").click().run()
    assert at.file_uploader
    assert "film" not in at.session_state


def test_held_film_is_replaced_not_mixed(fakes):
    film = session.Held("x", fakes.study(), report=fakes.report(), maps=())
    changed = replace(film, study=fakes.study(1), report=None)
    assert changed.report is None
    assert changed.held_mb == pytest.approx(900 * 700 * 4 / 1e6)


def test_other_levels_are_named_but_not_in_the_table(app, fakes, monkeypatch):
    report = fakes.report()
    twelfth = replace(report.vertebrae[0], level="T12")
    monkeypatch.setattr(work, "analyse", lambda s, p, m: replace(report, vertebrae=(twelfth, *report.vertebrae)))
    page = shown(upload(app(), "x.png", fakes.png()))
    assert "<td>T12</td>" not in page
    assert text("app.film.also_outlined", levels=("T12",)) in page


def test_a_film_that_cannot_be_judged_shows_levels_and_why(app, fakes, monkeypatch):
    unjudged = warning("film.density_unjudged", distance=1.4)
    report = fakes.report(measurements=(), prediction=None, warnings=(unjudged,))
    monkeypatch.setattr(work, "analyse", lambda s, p, m: report)
    words = shown_result(upload(app(), "x.png", fakes.png()))
    assert say(unjudged) in re.sub(r"[*\\]", "", words)
    assert "T-score −" not in words


def test_under_50_a_z_score_takes_the_place_of_the_class(app, fakes, monkeypatch):
    young = replace(fakes.prediction(-1.8, None), t_score=None, interval=None, probabilities={}, category=None)
    report = fakes.report(measurements=(), prediction=replace(young, z_score=-1.6, z_interval=(-2.7, -0.5)))
    monkeypatch.setattr(work, "analyse", lambda s, p, m: report)
    words = shown_result(upload(app(), "x.png", fakes.png()))
    assert text("answer.z_score", z=-1.6) in words
    assert text("app.z_interval", low=-2.7, high=-0.5) in words
    assert "Unknown" not in words
    assert "Osteopenia" not in words
