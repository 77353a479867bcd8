"""Charts of the CT page: attenuation by level, and what several sources answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import plotly.graph_objects as go

from bmd import reference
from bmd.ct_types import Attenuation, Band
from bmd.figures import COLOURS, GREY, INK, _finish, _lines, segment
from bmd.findings import note
from bmd.text import text

HU_RANGE = (-50.0, 300.0)


BAND_COLOURS = {"low": COLOURS["osteoporosis"], "between": COLOURS["osteopenia"], "high": COLOURS["normal"], None: GREY}
"""Colours of HU against the cut-offs, by ``Attenuation.band``."""
SMALLEST_LABEL = 0.08
"""Shares below it are too narrow to write a number on; it is in the table and on hover."""
CUTS = (reference.HU_L1_SPECIFIC, reference.HU_L1_SENSITIVE)


def attenuation_chart(measured: Sequence[tuple[str, Attenuation]]) -> go.Figure:
    """Mean and SD of each body's spongy bone, head to feet, with the two cut-offs where one body at least is judged.

    Parameters
    ----------
    measured : sequence of (str, Attenuation)
        Name to show and what was measured, drawn top to bottom.
    """
    names = [name for name, _ in measured]
    figure = go.Figure()
    if any(one.band for _, one in measured):
        _cutoffs(figure)
    figure.add_scatter(
        x=[_shown(one.mean_hu) for _, one in measured],
        y=names,
        error_x={
            "type": "data",
            "array": [one.sd_hu for _, one in measured],
            "thickness": 2,
            "width": 0,
            "color": GREY,
        },
        mode="markers",
        marker={"size": 11, "color": [BAND_COLOURS[one.band] for _, one in measured]},
        hovertext=[text("figure.hu_hover", name=name, mean_hu=o.mean_hu, sd_hu=o.sd_hu) for name, o in measured],
        hoverinfo="text",
    )
    order = {"type": "category", "categoryorder": "array", "categoryarray": names[::-1]}
    figure.update_yaxes(**order, showgrid=False, fixedrange=True, ticklen=4)
    figure.update_xaxes(range=HU_RANGE, title=text("app.ct.figure_axis"), zeroline=False, dtick=50, fixedrange=True)
    return _finish(figure, 84 + 24 * max(1, len(names)), text("app.ct.figure_title"))


def hu_scale(hu: float, band: Band | None, expected: float | None = None) -> go.Figure:
    """A HU on a line with the two cut-offs; a thin mark where people of the patient's age lie.

    Parameters
    ----------
    hu : float
        Shown within ``HU_RANGE``.
    band : Band or None
        Gives the colour; without one there are no cut-offs.
    expected : float, optional
        Published mean of the age.
    """
    figure = go.Figure()
    ends = (0.0, *CUTS, HU_RANGE[1])
    for low, high, name in zip(ends, ends[1:], ("low", "between", "high"), strict=False):
        colour = BAND_COLOURS[name if band else None]
        figure.add_shape(
            type="rect", x0=low, x1=high, y0=-0.5, y1=0.5, fillcolor=colour, line={"width": 0}, layer="below"
        )
    if expected is not None:
        figure.add_shape(type="line", x0=expected, x1=expected, y0=-0.9, y1=0.9, line={"width": 1.5, "color": GREY})
        said = {"text": text("figure.hu_expected"), "showarrow": False, "font": {"size": 11}}
        figure.add_annotation(x=expected, y=0.9, yanchor="bottom", **said)
    figure.add_scatter(
        x=[_shown(hu, 0.0)],
        y=[0],
        mode="markers",
        marker={"size": 15, "color": "white", "line": {"width": 3, "color": INK}},
        hovertext=[text("app.ct.title", hu=hu)],
        hoverinfo="text",
    )
    figure.update_yaxes(range=[-1.1, 1.6], visible=False, fixedrange=True)
    ticks = {"tickvals": [0, *CUTS, 200, 250]} if band else {"dtick": 50}
    figure.update_xaxes(range=[-6, HU_RANGE[1]], zeroline=False, showgrid=False, fixedrange=True, **ticks)
    return _finish(figure, 112)


def _shown(hu: float, low: float = HU_RANGE[0]) -> float:
    return min(max(hu, low), HU_RANGE[1])


def _cutoffs(figure: go.Figure) -> None:
    """Dotted lines over all rows."""
    for hu in CUTS:
        figure.add_vline(hu, line={"color": GREY, "width": 1.5, "dash": "dot"})
        said = {"text": text("figure.hu_cutoff", hu=hu), "showarrow": False, "font": {"size": 10}}
        figure.add_annotation(x=hu, y=1, yref="paper", yanchor="bottom", **said)


def _undivided(figure: go.Figure, rows: Sequence[tuple[str, Mapping[str, float]]]) -> None:
    """What a source that knows osteoporosis alone leaves to the other two; its bar would look empty without it."""
    rest = [1.0 - shares["osteoporosis"] if set(shares) == {"osteoporosis"} else 0.0 for _, shares in rows]
    if not any(rest):
        return
    named = text("figure.undivided")
    figure.add_bar(
        x=rest,
        y=[name for name, _ in rows],
        name=named,
        orientation="h",
        marker={"color": GREY},
        text=[f"{value:.0%}" if value >= SMALLEST_LABEL else "" for value in rest],
        textposition="inside",
        insidetextanchor="middle",
        textangle=0,
        textfont={"color": INK},
        hovertemplate=named + " %{x:.0%}<extra></extra>",
    )


def probability_rows(rows: Sequence[tuple[str, Mapping[str, float]]]) -> go.Figure:
    """One stacked bar per source: the share it gives each WHO category. Which colour is which is said beside it.

    Parameters
    ----------
    rows : sequence of (str, mapping)
        Name of the source and its probabilities, drawn top to bottom.
    """
    names = [name for name, _ in rows]
    figure = go.Figure()
    _undivided(figure, rows)
    for category in reference.CATEGORIES:
        values = [shares.get(category, 0.0) for _, shares in rows]
        figure.add_bar(
            x=values,
            y=names,
            name=text(f"category.{category}"),
            orientation="h",
            marker=segment(category),
            text=[f"{value:.0%}" if value >= SMALLEST_LABEL else "" for value in values],
            textposition="inside",
            insidetextanchor="middle",
            textangle=0,
            textfont={"color": INK},
            hovertext=[
                text("figure.share_hover", name=name, category=note(f"category.{category}"), share=value)
                for name, value in zip(names, values, strict=True)
            ],
            hoverinfo="text",
        )
    figure.update_xaxes(range=[0, 1], visible=False, fixedrange=True)
    figure.update_yaxes(categoryorder="array", categoryarray=names[::-1], fixedrange=True, ticklen=4)
    _lines(figure, names)
    _finish(figure, height=16 + 38 * max(1, len(rows)), bargap=0.28)
    return figure.update_layout(barmode="stack", margin={"t": 4})
