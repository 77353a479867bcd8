"""The DXA page: reading a scan, leaving vertebrae out, pictures without a scale, refusals."""

from __future__ import annotations

import csv
import html
import json
from dataclasses import replace
from io import StringIO

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from bmd import reference
from bmd.app import downloads, work
from bmd.errors import InputError
from bmd.findings import note, refusal, warning
from bmd.inference.dxa.densitometry import level_densities, measured, measured_patient, pooled
from bmd.report import to_csv
from bmd.text import text
from bmd.types import Demographics, Explanation, Image, Prediction, Report, Study, Suitability, Vertebra
from tests.app.reading import shown

T = (-2.0, -1.9, 0.3, -2.1)


def _study(calibrated: bool = True) -> Study:
    density = np.full((200, 120), 0.02, np.float32)
    for k, value in enumerate(T):
        density[20 + 40 * k : 60 + 40 * k, 40:80] = reference.bmd(value, f"L{k + 1}")
    images = [Image(np.clip(density / 1.3, 0, 1), "dxa", "ap", (0.8, 0.8))]
    if calibrated:
        images.append(Image(density, "dxa", "ap", (0.8, 0.8), "g/cm2"))
    return Study(f"dxa-{calibrated}", tuple(images), Demographics(), "DICOM BMD", (note("read.bits", count=16),))


def _vertebrae() -> tuple[Vertebra, ...]:
    found = []
    for k in range(4):
        top, low = 20.0 + 40 * k, 59.0 + 40 * k
        outline = np.array([[40, top], [79, top], [79, low], [40, low]])
        found.append(Vertebra(f"L{k + 1}", (40.0, top, 79.0, low), outline, 0.97))
    return tuple(found)


ESTIMATE = Prediction(
    None, 0.9, -1.3, (-2.5, -0.1), {"normal": 0.1, "osteopenia": 0.7, "osteoporosis": 0.2}, "osteopenia", "dxa_cnn"
)


def _analyse(study: Study, progress, models=None) -> Report:
    progress(1.0, note("progress.done"))
    if study.uid == "hip":
        return Report("", "dxa", Suitability(False, (refusal("dxa.no_spine"),)))
    levels = level_densities(study, _vertebrae())
    total = pooled(levels)
    named = not study.uid.endswith("unnamed")
    answers = [] if total is None else [measured_patient(total, study.patient, named), *[ESTIMATE] * named]
    return Report(
        "scan",
        "dxa",
        Suitability(True),
        _vertebrae(),
        tuple(measured(level, named) for level in levels),
        answers[0] if answers else None,
        densities=levels,
        levels_certain=named,
        patient=study.patient,
        warnings=(warning("dxa.no_unit"),) if total is None else (),
        models={"localiser": "dxa_regions", "density": "dxa_cnn"},
        device="test",
        answers=tuple(answers),
    )


@pytest.fixture
def page(app, monkeypatch: pytest.MonkeyPatch):
    """A function that opens the DXA page on a made-up scan; the name of the upload says which."""

    def read(name: str, data: bytes, modality: str | None = None) -> Study:
        assert modality == "dxa"
        if name == "text.txt":
            raise InputError("read.not_a_dxa_image", found=note("read.kind.text"))
        if name == "unnamed.dcm":
            return replace(_study(), uid="unnamed")
        return replace(_study(False), uid="hip") if name == "hip.png" else _study(name.endswith(".dcm"))

    def explain(study: Study, report: Report, progress) -> tuple[Explanation, ...]:
        shares = {"inside_share": 0.61, "area_share": 0.2, "random_correlation": 0.1}
        return (
            Explanation(
                "L1-L4",
                np.eye(8, dtype=np.float32),
                (0, 0, 119, 199),
                note("dxa.lower_density"),
                note("heat.grad_cam"),
                shares,
            ),
        )

    monkeypatch.setattr(work, "read", read)
    monkeypatch.setattr(work, "analyse", _analyse)
    monkeypatch.setattr(work, "explain", explain)

    def open_page(name: str | None = None) -> AppTest:
        at = app().switch_page("pages/dxa.py").run()
        if name is not None:
            at = at.file_uploader(key="dxa_upload").set_value((name, b"x", "")).run()
        return at

    return open_page


def test_a_calibrated_scan_shows_measurement_estimate_and_proposal(page) -> None:
    at = page("scan.dcm")
    words = shown(at)
    assert not at.exception
    assert text("app.dxa.measured") in words
    assert text("app.dxa.estimated", title="DXA CNN") in words
    assert text("app.dxa.proposed", levels=("L3",)) in words
    assert "(left out)" not in words


def test_a_vertebra_is_left_out_only_when_chosen(page) -> None:
    at = page("scan.dcm")
    before = shown(at)
    at.button_group[0].set_value(["L3"]).run()
    after = shown(at)
    assert not at.exception
    left_out = text("dxa.left_out", levels=("L3",), rest="L1, L2, L4")
    assert left_out in after
    assert left_out not in before
    assert "Osteoporosis" not in before
    assert "T-score −2.2" in after
    assert text("app.dxa.proposed", levels=("L3",)) not in after  # it is left out now: nothing contradicts it
    assert "nothing was left out" not in html.unescape(after).lower()
    assert at.session_state["dxa"].left_out == ("L3",)


def test_card_chart_csv_and_together_agree_on_what_was_left_out(page, monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[Report] = []
    monkeypatch.setattr(downloads, "row", lambda held, report: taken.append(report))
    at = page("scan.dcm")
    at.button_group[0].set_value(["L3"]).run()
    rest = taken[-1].prediction
    assert rest is not None
    assert rest.t_score is not None
    t = f"{rest.t_score:+.1f}".replace("-", "−")
    assert f"T-score {t}" in shown(at)
    spec = json.loads(next(c.proto.spec for c in at.get("plotly_chart") if "T-score of each level" in str(c.proto)))
    marks = {trace["y"][0]: trace["x"][0] for trace in spec["data"] if trace["mode"] == "markers"}
    assert set(marks) == {"L1, L2, L4", "L1", "L2", "L4"}
    assert marks["L1, L2, L4"] == pytest.approx(rest.t_score)
    rows = list(csv.DictReader(StringIO(to_csv([taken[-1]]))))
    assert rows[0]["level"] == "L1, L2, L4"
    assert float(rows[0]["t_score"]) == pytest.approx(rest.t_score, abs=0.01)
    at.switch_page("pages/together.py").run()
    assert not at.exception
    assert f"<td>{t}</td>" in shown(at) or f'"T-score">{t}</td>' in shown(at)


def test_what_remains_to_be_proposed_does_not_deny_what_was_left_out(page) -> None:
    at = page("scan.dcm")
    at.button_group[0].set_value(["L1"]).run()
    words = shown(at)
    assert text("app.dxa.proposed_too", levels=("L3",)) in words
    assert text("app.dxa.proposed", levels=("L3",)) not in words


def test_uncertain_names_leave_the_density_without_t_score_and_category(page) -> None:
    at = page("unnamed.dcm")
    words = shown(at)
    assert not at.exception
    assert "without T-score and category" in words
    assert "T-score −" not in words
    assert "osteopenia" not in words.lower()
    assert not [chart for chart in at.get("plotly_chart") if "T-score of each level" in str(chart.proto)]


def test_never_a_single_vertebra(page) -> None:
    at = page("scan.dcm")
    at.button_group[0].set_value(["L1", "L2", "L3"]).run()
    assert text("dxa.left_out_too_few", least=2) in shown(at)


def test_a_plain_picture_says_why_it_is_not_measured(page) -> None:
    at = page("picture.png")
    words = shown(at)
    assert not at.exception
    assert text("dxa.no_unit") in html.unescape(words).replace("\\", "")
    assert text("app.dxa.no_density") in words
    assert "osteopenia" not in words.lower()
    assert "T-score −" not in words
    assert not at.button_group


def test_heat_map_and_its_numbers(page) -> None:
    at = page("scan.dcm")
    at.toggle[0].set_value(True).run()
    words = shown(at)
    assert not at.exception
    assert "61%" in words
    assert text("dxa.lower_density") in words
    assert text("app.dxa.heat_meaning") in words


def test_a_refusal_and_a_file_that_cannot_be_read(page) -> None:
    assert text("dxa.no_spine") in shown(page("hip.png"))
    at = page("text.txt")
    assert not at.exception
    assert "Choose the DXA image" in shown(at)
