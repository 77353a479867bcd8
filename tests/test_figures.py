"""Charts are plain functions: what they draw follows the numbers they are given."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bmd import figures, reference
from bmd.types import Prediction

T = st.floats(-9, 6)


def prediction(t: float | None, level: str | None = "L1", half: float | None = 1.0) -> Prediction:
    interval = None if t is None or half is None else (t - half, t + half)
    return Prediction(level, None, t, interval, {}, None if t is None else reference.category(t), "model")


@given(st.lists(T, min_size=1, max_size=6))
def test_every_t_score_is_drawn_in_its_colour_and_inside_the_axis(scores):
    rows = [prediction(t, f"L{i}") for i, t in enumerate(scores)]
    figure = figures.t_score_chart(rows)
    marks = [trace for trace in figure.data if trace.mode == "markers"]
    low, high = figures.T_RANGE
    for t, mark, row in zip(scores, marks, rows, strict=True):
        assert mark.x[0] == pytest.approx(min(max(t, low), high))
        assert mark.marker.color == figures.COLOURS[row.category]


def test_zones_meet_at_the_who_cutoffs():
    edges = {edge for shape in figures.t_score_chart([prediction(0)]).layout.shapes for edge in (shape.x0, shape.x1)}
    assert {reference.OSTEOPENIA_BELOW_T, reference.OSTEOPOROSIS_FROM_T} <= edges


def test_rows_without_a_t_score_are_left_out_and_the_patient_is_named():
    figure = figures.t_score_chart([prediction(-1.5, None), prediction(None, "L1"), prediction(-2, "L2", half=None)])
    assert list(figure.layout.yaxis.categoryarray) == ["L2", "L1–L4"]
    assert sum(trace.mode == "lines" for trace in figure.data) == 1


def test_probabilities_keep_the_order_of_the_classes():
    figure = figures.probability_bars({"osteoporosis": 0.2, "normal": 0.5, "osteopenia": 0.3})
    assert list(figure.data[0].x) == [0.5, 0.3, 0.2]
    assert list(figure.data[0].text) == ["50%", "30%", "20%"]


@pytest.fixture
def curve() -> figures.AgeCurve:
    ages = np.arange(20.0, 90.0, 10)
    return figures.AgeCurve(ages, 1.0 - 0.002 * (ages - 20), np.full(len(ages), 0.12), "F", "L1-L4", "where from")


def test_age_curve_draws_bands_cutoffs_and_patient(curve):
    figure = figures.age_curve(curve, 70, 0.8, (0.7, 0.95))
    patient = next(trace for trace in figure.data if trace.name == "this patient")
    assert (patient.x[0], patient.y[0]) == (70, 0.8)
    assert patient.error_y.array[0] == pytest.approx(0.15)
    assert patient.error_y.arrayminus[0] == pytest.approx(0.1)
    one, two = (next(t for t in figure.data if t.name == f"± {k} SD") for k in (1, 2))
    assert max(two.y) > max(one.y) > max(curve.mean)
    lines = sorted(shape.y0 for shape in figure.layout.shapes)
    assert lines == [pytest.approx(reference.bmd(t, "L1-L4")) for t in (-2.5, -1.0)]


def test_age_curve_bears_its_source(curve):
    assert "where from" in [annotation.text for annotation in figures.age_curve(curve).layout.annotations]


@pytest.mark.parametrize("sex", ["F", "M"])
@pytest.mark.parametrize("site", ["L1-L4", "femoral_neck", "total_hip"])
def test_the_curve_of_every_page_is_the_reference(sex, site):
    curve = figures.nhanes_curve(sex, site)
    for age, mean, sd in zip(curve.age_y, curve.mean, curve.sd, strict=True):
        assert (mean, sd) == pytest.approx(reference.age_curve(float(age), sex, site))
    assert (curve.age_y[0], curve.age_y[-1]) == (reference.CURVE_AGES[0], reference.CURVE_AGES[-1])


def test_age_curve_without_age_has_no_patient(curve):
    assert all(trace.name != "this patient" for trace in figures.age_curve(curve, None, 0.8).data)
    assert all(trace.name != "this patient" for trace in figures.age_curve(curve, 70, None).data)
