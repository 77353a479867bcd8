"""The Evidence page on made-up results: tables, filters, CSV, plots, cards, the address, and networks compared."""

from __future__ import annotations

import csv
import html
import io
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bmd.app import session, work
from bmd.app.evidence import compare, files, found, tables
from bmd.errors import TooLongError
from bmd.evaluation import published
from bmd.reproduction import points, results
from bmd.reproduction.results import ClaimResult, Measured, RowResult, TableResult
from bmd.text import say, text
from tests.app.reading import shown

ROOT = Path(__file__).resolve().parents[3]
RNG = np.random.default_rng(2)
TEST = {"name": "ct_clinic", "cohort": "clinic", "seeds": {"test": [41_600_000, 41_600_599]}, "code": "x", "sha256": {}}


def beside(task: str, table: str, model: str) -> dict:
    """The published row as a row of ours keeps it."""
    (row,) = (r for r in published.results("ha2024", task) if (r.table, r.model) == (table, model))
    return {key: getattr(row, key) for key in ("model", "table", "task", "values", "measured_on", "mix")}


def columns() -> dict[str, np.ndarray]:
    truth = RNG.integers(0, 3, 300)
    share = np.exp(RNG.normal(0, 1, (300, 3)) + np.eye(3)[truth])
    return {"truth": truth, "share": share / share.sum(1, keepdims=True)}


def row(key: str, model: str, network: str, accuracy: float, **changes) -> RowResult:
    given = beside("CT femur, three classes", "Table 2", model)
    values = {"accuracy": Measured(accuracy, round(accuracy - 0.04, 2), round(accuracy + 0.04, 2))}
    training = {"examples": 6400, "run": key}
    made = RowResult(key, model, network, "trained", given, values, 300, "hips", 260, (0.4, 0.3, 0.3), TEST, training)
    return replace(made, points=points.drawn(columns()), **changes)


def claim(**changes) -> ClaimResult:
    return replace(ClaimResult("image", "both", "accuracy", -0.05, -0.09, -0.01, 0.02, -0.008, True), **changes)


@pytest.fixture(autouse=True)
def made(tmp_path, monkeypatch):
    """A folder of results with one table: two rows with values and one that is not trained."""
    untrained = RowResult("demo", "2-layer network, demographics", "femur_demographics", "not trained")
    untrained = replace(untrained, needs={"gpu_hours": 3.0, "said": "x"})
    untrained = replace(
        untrained, published=beside("CT femur, three classes", "Table 2", "2-layer network, demographics")
    )
    rows = (row("image", "6-layer CNN, image", "femur_image", 0.71), row("both", "both", "femur_multimodal", 0.76))
    one = TableResult("ha2024", "2", "Table 2", "ha2024_2", {}, {"examples": 6400}, (*rows, untrained), (claim(),))
    results.write(one, tmp_path)
    monkeypatch.setattr(results, "RESULTS", tmp_path)
    found.everything.clear()
    yield one
    found.everything.clear()


@pytest.fixture
def at(app):
    """The page Evidence."""
    return app().switch_page("pages/evidence.py").run()


def choose(at, key: str, value: str):
    return next(box for box in at.selectbox if box.key == key).set_value(value).run()


# --- what there is ------------------------------------------------------------------------------------------------
def test_every_published_row_has_its_place_once():
    listed = [
        (one.paper, *(row.published[key] for key in ("table", "task", "model")))
        for one in found.everything()
        for row in one.rows
        if row.published
    ]
    assert sorted(listed) == sorted((r.paper, r.table, r.task, r.model) for r in published.RESULTS)
    assert [one.paper for one in found.everything()] == sorted(
        (one.paper for one in found.everything()), key=list(published.PAPERS).index
    )


def test_filters_leave_what_is_wanted():
    assert {one.paper for one in found.tables(found.Wanted("choi2021"))} == {"choi2021"}
    (one,) = found.tables(found.Wanted(network="femur_image"))
    assert [row.key for row in one.rows] == ["image"]
    assert one.claims == (), "a claim needs both of its rows"
    assert found.tables(found.Wanted(cohort="real")) == []
    assert not list(found.on_patients(found.Wanted(cohort="simulated")))
    real = dict(found.on_patients(found.Wanted()))
    assert {"cmnet", "demographics"} <= set(real)
    assert {entry["kind"] for entries in real.values() for entry in entries} <= {"real", "survey"}
    assert set(dict(found.on_patients(found.Wanted(paper="lim2023")))) == {
        name for name in real if found.paper_of(name) == "lim2023"
    }


# --- tables -------------------------------------------------------------------------------------------------------
def test_tables_show_ours_theirs_interval_n_mix_and_what_is_missing(at, made):
    page = html.unescape(shown(at))
    assert "<b>0.710</b>" in page
    assert "(0.670 to 0.750)" in page
    assert "0.794" in page
    mix = "normal 40%, osteopenia 30%, osteoporosis 30%"
    assert f"300 hips of 260 people: {text('app.evidence.cohort.clinic')}; {mix}" in page
    assert text("app.evidence.others_patients", on="593 CT scans") in page
    assert text("result.needs_gpu_hours", hours=3.0) in page
    assert text("result.not_run") in page
    assert page.index(text("app.evidence.patients_title")) < page.index(text("app.evidence.papers_title"))


def test_a_published_row_never_stands_without_saying_whose_patients(at):
    cells = [part for part in shown(at).split("<tr") if 'class="ol-theirs"' in part]
    assert len(cells) == len(published.RESULTS)
    marker = text("app.evidence.others_patients", on="")
    assert all(marker in html.unescape(cell) for cell in cells)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({}, "agrees"),
        ({"agrees": False}, "differs"),
        ({"agrees": None, "low": -0.1, "high": 0.1}, "not_apart"),
        ({"agrees": None, "paper": None}, "apart"),
    ],
)
def test_a_difference_is_read_in_words(changes, code):
    assert tables.verdict(claim(**changes)) == text(f"app.evidence.{code}")


def test_what_explains_another_rank_is_said(monkeypatch):
    monkeypatch.setattr(tables, "codes", lambda: {"result.why.small"})
    monkeypatch.setattr(tables, "note", lambda code, **values: code)
    said = tables.verdict(claim(agrees=False, why="small"))
    assert said.endswith("result.why.small")


def test_the_csv_is_what_is_shown():
    wanted = found.Wanted("ha2024")
    lines = list(csv.DictReader(io.StringIO(files.as_csv(found.tables(wanted), list(found.on_patients(wanted))))))
    assert tuple(lines[0]) == files.HEADER
    ours = [line for line in lines if line["source"].startswith("ours") and line["value"]]
    assert [(line["row"], line["value"], line["low"]) for line in ours] == [
        ("image", "0.71", "0.67"),
        ("both", "0.76", "0.72"),
    ]
    assert {line["n"] for line in ours} == {"300"}
    theirs = [line for line in lines if line["source"].startswith("paper")]
    assert len(theirs) == sum(len(r.values) for r in published.results("ha2024"))
    assert all("other people's patients" in line["source"] for line in theirs)
    assert any(line["source"] == "patients" and line["network"] == "demographics" for line in lines)
    assert {len(line) for line in lines} == {len(files.HEADER)}
    assert all(line["measured_on"] for line in lines if line["value"])


# --- plots and cards ----------------------------------------------------------------------------------------------
def test_plots_say_in_words_what_they_show_and_that_people_are_simulated(app, made):
    at = app().switch_page("pages/evidence.py")
    at.query_params["part"] = "plots"
    at.run()
    charts = at.get("plotly_chart")
    kept = made.rows[0].points
    page = shown(at)
    assert len(charts) == 5, "ROC, precision and recall, reliability, confusion, all rows"
    assert text("app.evidence.roc_words", auc=kept["roc"]["auc"], n=300, ill=kept["roc"]["ill"]) in page
    drawn = [head.value for head in at.header]
    assert [head for head in drawn if text("app.evidence.fresh_trained") in head] == drawn[:-1]
    assert all(chart.proto.alt for chart in charts)
    choose(at, "evidence_row", "both")
    assert f"{made.rows[1].points['roc']['auc']:.3f}" in shown(at)


@pytest.mark.parametrize(("unit", "axis"), [("t", "T-score said"), ("g_cm2", "Density said")])
def test_agreement_has_its_bias_and_limits(app, made, tmp_path, unit, axis):
    said = {"true": [0.8, 0.9, 1.0], "said": [0.9, 0.9, 1.2], "unit": unit, "n": 3, "bias": 0.1, "sd": 0.1}
    shipped = replace(made.rows[0], state="shipped", points={"agreement": said})
    results.write(replace(made, rows=(shipped,)), tmp_path)
    found.everything.clear()
    at = app().switch_page("pages/evidence.py")
    at.query_params["part"] = "plots"
    at.run()
    page = shown(at)
    assert "+0.10" in page
    assert {"t": "−0.10", "g_cm2": "−0.096"}[unit] in page, "bias less 1.96 SD"
    assert all(text("app.evidence.fresh_shipped") in head.value for head in at.header)
    assert any(axis in chart.proto.spec for chart in at.get("plotly_chart"))


def test_a_table_of_which_nothing_can_be_drawn_is_not_offered(app, made, tmp_path):
    results.write(replace(made, rows=(replace(made.rows[0], points={}),), claims=()), tmp_path)
    found.everything.clear()
    at = app().switch_page("pages/evidence.py")
    at.query_params["part"] = "plots"
    at.run()
    assert text("app.evidence.no_plots") in [one.value for one in at.info]


def test_pictures_errors_and_tests_are_drawn(app, made, tmp_path):
    cells = RNG.integers(0, 256, (3, 50, 50)).tolist()
    kept = {"classes": ["normal", "osteopenia", "osteoporosis"], "hips": 100, "pictures": cells, "heat": cells}
    kept |= {"t_edges": [-4.0, -2.0, 0.0], "right": [3, 9], "wrong": [2, 1]}
    pairs = {"normal or osteopenia": 0.2}
    kept["tests"] = {
        "sex": {"chi_squared_p": 0.3},
        "age": {"levene_p": 0.0001, "welch_p": 0.04, "games_howell_p": pairs},
    }
    results.write(replace(made, rows=(replace(made.rows[0], points=kept),)), tmp_path)
    found.everything.clear()
    at = app().switch_page("pages/evidence.py")
    at.query_params["part"] = "plots"
    at.run()
    page = shown(at)
    assert not at.exception
    assert text("app.evidence.errors_words", right=12, wrong=3) in page
    assert text("app.evidence.tests_words", p="0.300") in page
    assert html.escape(text("app.evidence.p_small")) in page
    assert text("app.evidence.pictures_words", hips=100) in page


def test_a_card_is_opened_by_its_address_and_names_itself_there(app):
    at = app().switch_page("pages/evidence.py")
    at.query_params["network"] = "cmnet"
    at.run()
    page = shown(at)
    for code in ("trained_on", "recipe", "commit", "weights", "licence", "limits"):
        assert text(f"app.card.{code}") in page, code
    choose(at, "evidence_card", "retinanet_aploss")
    assert at.query_params["network"] in ("retinanet_aploss", ["retinanet_aploss"])
    choose(at, "evidence_card", "unet")
    assert text("app.no_weights", name="unet") in shown(at)


def test_about_leads_to_evidence_and_shows_no_figures_of_its_own(app):
    at = app().switch_page("pages/about.py").run()
    assert text("app.about.to_evidence") in [link.proto.label for link in at.get("page_link")]
    assert text("app.on_patients") not in shown(at)


# --- compare ------------------------------------------------------------------------------------------------------
def compared(app, fakes, monkeypatch, analyse):
    """The part Compare, with what networks say made up; pressed."""
    monkeypatch.setattr(work, "analyse", analyse)
    monkeypatch.setattr(work, "read", lambda name, data, kind="film": fakes.study())
    at = app().switch_page("pages/evidence.py")
    at.query_params["part"] = "compare"
    at.run()
    return at.button(key="evidence_compare").click().run()


def test_all_networks_of_a_role_read_the_same_study(app, fakes, monkeypatch):
    asked = []

    def analyse(study, progress, models):
        asked.append(models["localiser"])
        report = fakes.report(seconds=1.0 + len(asked))
        return replace(report, vertebrae=report.vertebrae[:-1]) if len(asked) == 2 else report

    at = compared(app, fakes, monkeypatch, analyse)
    page = shown(at)
    assert asked == list(compare.roles()[("film", "localiser")])
    assert len(asked) >= 2
    assert text("app.evidence.bodies_one", name="CM-Net", levels=("L5",)) in page.replace("\\", "")
    assert "100%" in page, "the same boxes"
    assert all(f">{seconds}</td>" in page for seconds in ("2.0", "3.0"))
    assert at.session_state["film_compared"].answers[0].picture
    assert "film" not in at.session_state, "the page of the input is as it was"


def test_a_comparison_goes_with_everything_else(app, fakes, monkeypatch):
    at = compared(app, fakes, monkeypatch, lambda s, p, m: fakes.report())
    at.switch_page("pages/about.py").run()
    before = "film_compared" in at.session_state
    assert before
    at.session_state["film"] = session.Held("x", fakes.study())
    at.run()
    at.button(key="purge").click().run()
    assert "film_compared" not in at.session_state


def test_too_long_is_said_and_nothing_half_is_shown(app, fakes, monkeypatch):
    def analyse(study, progress, models):
        raise TooLongError("app.too_long", limit_s=180.0)

    at = compared(app, fakes, monkeypatch, analyse)
    assert at.warning
    assert "film_compared" not in at.session_state
    assert text("app.evidence.agreement") not in shown(at)


def test_refusals_and_gaps_are_said_in_words(fakes):
    good, refused = (compare.Answer(name, report) for name, report in (("cmnet", fakes.report()), ("x", fakes.REFUSED)))
    assert [f.code for f in compare.agreement(good, refused)] == ["app.evidence.refused_by"]
    colder = replace(fakes.report(), prediction=replace(fakes.prediction(-3.1, None), interval=(-3.4, -2.8)))
    said = compare.agreement(good, compare.Answer("retinanet_aploss", colder))
    codes = [f.code for f in said]
    assert codes == ["app.evidence.bodies_both", "app.evidence.t_apart", "app.evidence.other_answer"]
    assert "1.3" in say(said[1])
    none = compare.agreement(good, compare.Answer("x", fakes.report(prediction=None)))
    assert none[-1].code == "app.evidence.no_answer"


def test_the_page_is_drawn_without_torch():
    code = (
        "import sys; from streamlit.testing.v1 import AppTest; at = AppTest.from_file('streamlit_app.py', "
        "default_timeout=60).run(); at.switch_page('pages/evidence.py').run(); at.run(); assert not at.exception; "
        "print(at.title[0].value, [name for name in ('torch', 'numba') if name in sys.modules])"
    )
    environment = {k: v for k, v in os.environ.items() if k != "OSTEOLENS_WARM_UP"} | {"OSTEOLENS_WARM_UP": "0"}
    out = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120
    )
    assert out.stdout.strip().endswith("Evidence []"), out.stdout + out.stderr
