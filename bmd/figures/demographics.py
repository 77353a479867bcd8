"""Charts of the demographics page: class probabilities of each site, and how each field moved the answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import plotly.graph_objects as go

from bmd.figures import COLOURS, GREY, INK, TITLE_PX, _finish, segment
from bmd.reference import CATEGORIES
from bmd.text import text
from bmd.types import Prediction

UP, DOWN = COLOURS["normal"], COLOURS["osteoporosis"]
SMALLEST_LABEL = 0.07
"""Shares below it are too narrow to write a number on; it is in the table and on hover."""


def site_probabilities(predictions: Sequence[Prediction], names: Mapping[str, str]) -> go.Figure:
    """Calibrated probability of each class at each site: one bar a site, its parts add up to 1; its key is beside it.

    Parameters
    ----------
    predictions : sequence of Prediction
        Drawn top to bottom; those without probabilities of WHO classes are left out.
    names : mapping
        What to call each ``level``.
    """
    rows = [p for p in predictions if set(CATEGORIES) <= set(p.probabilities)]
    figure = go.Figure()
    for category in CATEGORIES:
        named = text(f"category.{category}")
        shares = [p.probabilities[category] for p in rows]
        figure.add_bar(
            x=shares,
            y=[names.get(p.level or "", p.level) for p in rows],
            orientation="h",
            name=named,
            marker=segment(category),
            text=[f"{share:.0%}" if share >= SMALLEST_LABEL else "" for share in shares],
            textposition="inside",
            insidetextanchor="middle",
            textangle=0,
            textfont={"color": INK, "size": 12},
            hovertemplate=named + " %{x:.0%}<extra></extra>",
        )
    figure.update_xaxes(range=[0, 1], visible=False, fixedrange=True)
    figure.update_yaxes(autorange="reversed", fixedrange=True, ticklen=6)
    _finish(figure, 16 + 34 * len(rows), text("figure.site_probability"), bargap=0.3)
    return figure.update_layout(barmode="stack", margin={"t": 8 + TITLE_PX})


def field_bars(
    start: float, effects: Mapping[str, float], answer: float, names: Mapping[str, str], digits: int = 2
) -> go.Figure:
    """How each field moved the answer, as a staircase from knowing nothing to this patient.

    Parameters
    ----------
    start, answer : float
        Answer with nothing known, and with all given fields.
    effects : mapping of str to float
        What each field adds; drawn largest first.
    names : mapping
        What to call each field, and "start" and "answer".
    digits : int
        Decimals of the numbers written.
    """
    order = sorted(effects, key=lambda name: -abs(effects[name]))
    values = [start, *(effects[name] for name in order), answer]
    ends = [f"{value:.{digits}f}".replace("-", "−") for value in (start, answer)]
    figure = go.Figure(
        go.Waterfall(
            orientation="h",
            y=[names["start"], *(names[name] for name in order), names["answer"]],
            x=values,
            measure=["absolute", *["relative"] * len(order), "total"],
            text=[ends[0], *(_signed(effects[name], digits) for name in order), ends[1]],
            textposition="outside",
            cliponaxis=False,
            hoverinfo="skip",
            increasing={"marker": {"color": UP}},
            decreasing={"marker": {"color": DOWN}},
            totals={"marker": {"color": GREY}},
            connector={"line": {"color": GREY, "width": 1, "dash": "dot"}},
        )
    )
    figure.update_xaxes(range=_room(start, [effects[n] for n in order], answer), visible=False, fixedrange=True)
    figure.update_yaxes(autorange="reversed", fixedrange=True, ticklen=6)
    return _finish(figure, height=70 + 34 * len(values), bargap=0.35)


def _room(start: float, effects: Sequence[float], answer: float) -> list[float]:
    """Range of the axis: every step, with room for the numbers beside the bars."""
    steps, at = [0.0, start, answer], start
    for effect in effects:
        at += effect
        steps.append(at)
    low, high = min(steps), max(steps)
    margin = 0.22 * max(high - low, 1e-6)
    return [low - margin, high + margin]


def _signed(value: float, digits: int) -> str:
    return f"{value:+.{digits}f}".replace("-", "−")
