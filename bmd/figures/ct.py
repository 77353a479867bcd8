"""Charts of the CT page: attenuation by level, and what several sources answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import plotly.graph_objects as go

from bmd import reference
from bmd.ct_types import Attenuation
from bmd.figures import COLOURS, GREY, _finish
from bmd.findings import note
from bmd.text import text

HU_RANGE = (-50.0, 300.0)


def attenuation_chart(measured: Sequence[Attenuation], categories: Mapping[str, str | None] | None = None) -> go.Figure:
    """Mean and SD of each level's spongy bone, head to feet, with Pickhardt's two cut-offs at L1.

    Parameters
    ----------
    measured : sequence of Attenuation
        Drawn top to bottom; those without a level are left out.
    categories : mapping, optional
        WHO category by level, which gives the colour.
    """
    rows = [m for m in measured if m.level]
    names = [str(m.level) for m in rows]
    figure = go.Figure()
    if "L1" in names:
        _l1_cutoffs(figure, names.index("L1"), len(names))
    figure.add_scatter(
        x=[min(max(m.mean_hu, HU_RANGE[0]), HU_RANGE[1]) for m in rows],
        y=names,
        error_x={"type": "data", "array": [m.sd_hu for m in rows], "thickness": 2, "width": 0, "color": GREY},
        mode="markers",
        marker={"size": 11, "color": [COLOURS.get((categories or {}).get(name) or "", "#4682a0") for name in names]},
        hovertext=[text("figure.hu_hover", name=str(m.level), mean_hu=m.mean_hu, sd_hu=m.sd_hu) for m in rows],
        hoverinfo="text",
    )
    figure.update_yaxes(categoryorder="array", categoryarray=names[::-1], showgrid=False, fixedrange=True)
    figure.update_xaxes(range=HU_RANGE, title=text("app.ct.figure_axis"), zeroline=False, dtick=50, fixedrange=True)
    return _finish(figure, 84 + 24 * max(1, len(rows)), text("app.ct.figure_title"))


def _l1_cutoffs(figure: go.Figure, row: int, count: int) -> None:
    """Short dotted lines across the row of L1 only: the cut-offs were found there."""
    y = count - 1 - row
    for hu, name in ((reference.HU_L1_SPECIFIC, "osteoporosis"), (reference.HU_L1_SENSITIVE, "osteopenia")):
        line = {"color": COLOURS[name], "width": 2, "dash": "dot"}
        figure.add_shape(type="line", x0=hu, x1=hu, y0=y - 0.5, y1=y + 0.5, line=line)
        figure.add_annotation(
            x=hu,
            y=y + 0.5,
            yanchor="bottom",
            text=text("figure.hu_cutoff", level="L1", hu=hu),
            showarrow=False,
            font={"size": 10},
        )


def probability_rows(rows: Sequence[tuple[str, Mapping[str, float]]]) -> go.Figure:
    """One stacked bar per source: the share it gives each WHO category.

    Parameters
    ----------
    rows : sequence of (str, mapping)
        Name of the source and its probabilities, drawn top to bottom.
    """
    names = [name for name, _ in rows]
    figure = go.Figure()
    for category in reference.CATEGORIES:
        values = [shares.get(category, 0.0) for _, shares in rows]
        figure.add_bar(
            x=values,
            y=names,
            name=text(f"category.{category}"),
            orientation="h",
            marker={"color": COLOURS[category], "opacity": 0.85},
            text=[f"{value:.0%}" if value >= 0.08 else "" for value in values],
            textposition="inside",
            insidetextanchor="middle",
            textfont={"color": "white"},
            hovertext=[
                text("figure.share_hover", name=name, category=note(f"category.{category}"), share=value)
                for name, value in zip(names, values, strict=True)
            ],
            hoverinfo="text",
        )
    figure.update_xaxes(range=[0, 1], visible=False, fixedrange=True)
    figure.update_yaxes(categoryorder="array", categoryarray=names[::-1], fixedrange=True, ticklen=4)
    _finish(figure, height=58 + 34 * max(1, len(rows)), bargap=0.28)
    legend = {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0, "traceorder": "normal"}
    return figure.update_layout(barmode="stack", showlegend=True, legend=legend)
