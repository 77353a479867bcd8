"""Charts: plain data in, a plotly figure out. The only module that knows plotly.

One figure stands on a light and on a dark page: colours that mean something are of a middle lightness, which both
contrast with, and what is written on them is dark. Text and grid take their colours from the page's theme.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from bmd import reference
from bmd.text import text
from bmd.types import Prediction, Sex

COLOURS = {"normal": "#1a9280", "osteopenia": "#b87410", "osteoporosis": "#dc5067"}
"""At least 3:1 against both pages (WCAG 2.1, 1.4.11), and 4.5:1 against ``INK`` (1.4.3); a test computes both."""
HATCHING = {"normal": "", "osteopenia": "/", "osteoporosis": "x"}
"""Light lines, so that what is written on them reads as well as on the colour alone."""
INK = "#0b161b"
"""What is written on a bar."""
GREY = "#75858d"
CURVE, PATIENT = "#4682a0", "#d9531e"
"""The mean of a population, and the patient on it."""
TITLE_PX = 22
"""Room for a title above a chart."""
ZONE = 0.13
"""How much of its category's colour a zone has."""
T_RANGE = (-5.0, 3.0)


@dataclass(frozen=True, eq=False)
class AgeCurve:
    """Bone density of a reference population by age.

    Attributes
    ----------
    age_y : ndarray
        (n,) years.
    mean, sd : ndarray
        (n,) density of the site, g/cm2.
    sex : {"F", "M"}
        Of the population.
    site : str
        Key of the site in the reference: "L1-L4", "femoral_neck", "total_hip".
    source : str
        Where the population comes from; written on the chart.
    """

    age_y: NDArray[np.floating]
    mean: NDArray[np.floating]
    sd: NDArray[np.floating]
    sex: Sex
    site: str
    source: str


def nhanes_curve(sex: Sex, site: str = "L1-L4") -> AgeCurve:
    """Density of Americans of this sex by age, the numbers of ``reference.age_curve``: the curve on every page."""
    ages: NDArray[np.floating] = np.linspace(reference.CURVE_AGES[0], reference.CURVE_AGES[-1], 61)
    mean, sd = reference.age_curve(ages, sex, site)
    return AgeCurve(ages, mean, sd, sex, site, text("figure.nhanes_short"))


def t_score_chart(predictions: Sequence[Prediction], whole: str | None = None) -> go.Figure:
    """T-score and its interval for the patient and each vertebra, over the three WHO zones.

    Parameters
    ----------
    predictions : sequence of Prediction
        Drawn top to bottom. Those without a T-score are left out. ``level=None`` is the patient.
    whole : str, optional
        What to call the patient's row; by default L1-L4.
    """
    rows = [p for p in predictions if p.t_score is not None]
    names = [p.level or whole or text("figure.whole") for p in rows]
    figure = go.Figure()
    _zones(figure)
    for name, row in zip(names, rows, strict=True):
        _estimate(figure, name, row)
    figure.update_yaxes(categoryorder="array", categoryarray=names[::-1], showgrid=False, fixedrange=True)
    figure.update_xaxes(range=T_RANGE, title=text("figure.t_score"), zeroline=False, dtick=1, fixedrange=True)
    named = "figure.t_title_interval" if any(row.interval for row in rows) else "figure.t_title"
    return _finish(figure, 74 + 24 * max(1, len(rows)), text(named))


def _estimate(figure: go.Figure, name: str, row: Prediction) -> None:
    """One row of the chart: the interval as a line, the T-score as a mark on it."""
    assert row.t_score is not None
    colour, hover = COLOURS.get(row.category or "", GREY), text("figure.t_hover", name=name, t=row.t_score)
    if row.interval is not None:
        low, high = row.interval
        hover = text("figure.t_hover_interval", name=name, t=row.t_score, low=low, high=high)
        line = {"color": colour, "width": 3}
        figure.add_scatter(x=[_clip(low), _clip(high)], y=[name, name], mode="lines", line=line, hoverinfo="skip")
    whole = row.level is None
    marker = {"color": colour, "size": 14 if whole else 10, "symbol": "diamond" if whole else "circle"}
    figure.add_scatter(
        x=[_clip(row.t_score)], y=[name], mode="markers", hovertext=[hover], hoverinfo="text", marker=marker
    )


def _zones(figure: go.Figure) -> None:
    edges = (T_RANGE[0], reference.OSTEOPOROSIS_FROM_T, reference.OSTEOPENIA_BELOW_T, T_RANGE[1])
    for name, low, high in zip(reversed(reference.CATEGORIES), edges[:-1], edges[1:], strict=True):
        figure.add_vrect(x0=low, x1=high, fillcolor=COLOURS[name], opacity=ZONE, line_width=0, layer="below")
        outer = low == T_RANGE[0]  # at the edge: on a phone two names would touch
        figure.add_annotation(
            x=low if outer else (low + high) / 2,
            xanchor="left" if outer else "center",
            y=1,
            yref="paper",
            yanchor="bottom",
            text=text(f"category.{name}"),
            showarrow=False,
            font={"size": 11},
        )


def _lines(figure: go.Figure, names: Sequence[str]) -> None:
    """Names of rows on two lines, "page: what", so that they leave room for the chart on a phone."""
    broken = [name.replace(": ", ":<br>", 1) for name in names]
    figure.update_yaxes(tickmode="array", tickvals=list(names), ticktext=broken)


def segment(category: str) -> dict[str, Any]:
    """Fill of a category in a stacked bar: its colour, and hatching for those who cannot tell colours apart."""
    pattern = {"shape": HATCHING[category], "fgcolor": "rgba(255,255,255,0.4)", "size": 7, "solidity": 0.18}
    return {"color": COLOURS[category], "pattern": {**pattern, "fillmode": "overlay"}}


def _clip(t: float) -> float:
    return min(max(t, T_RANGE[0]), T_RANGE[1])


def probability_bars(probabilities: dict[str, float]) -> go.Figure:
    """Calibrated probability of each WHO category, as bars with the number written on them."""
    names = [name for name in reference.CATEGORIES if name in probabilities]
    values = [probabilities[name] for name in names]
    figure = go.Figure(
        go.Bar(
            x=values,
            y=[text(f"category.{name}").capitalize() for name in names],
            orientation="h",
            marker={"color": [COLOURS[name] for name in names]},
            text=[f"{value:.0%}" for value in values],
            textposition="outside",
            hoverinfo="skip",
            cliponaxis=False,
        )
    )
    figure.update_xaxes(range=[0, 1.18], visible=False, fixedrange=True)
    figure.update_yaxes(autorange="reversed", fixedrange=True, ticklen=4)
    _finish(figure, 94, text("figure.probability"), bargap=0.35)
    return figure.update_layout(margin={"t": 4 + TITLE_PX})


def age_curve(
    curve: AgeCurve,
    age_y: float | None = None,
    bmd_g_cm2: float | None = None,
    interval: tuple[float, float] | None = None,
    young: reference.Reference | None = reference.HOLOGIC,
) -> go.Figure:
    """Patient on the age curve: mean of the population with one and two SD, the WHO cut-offs as lines, the source.

    Parameters
    ----------
    curve : AgeCurve
        The population.
    age_y, bmd_g_cm2 : float or None
        The patient; drawn only when both are known.
    interval : tuple of float or None
        Interval of the density, g/cm2.
    young : Reference or None
        Whom the cut-offs refer to; None draws none, as under 50 years.
    """
    figure = go.Figure()
    ages = [*curve.age_y, *curve.age_y[::-1]]
    for k, shade in ((2, 0.10), (1, 0.20)):
        band = [*(curve.mean + k * curve.sd), *(curve.mean - k * curve.sd)[::-1]]
        figure.add_scatter(
            x=ages,
            y=band,
            fill="toself",
            mode="none",
            fillcolor=f"rgba(70,130,160,{shade})",
            name=text("figure.sd_band", k=k),
            hoverinfo="skip",
        )
    line = {"color": CURVE, "width": 2}
    figure.add_scatter(x=curve.age_y, y=curve.mean, mode="lines", line=line, name=text(f"figure.mean_{curve.sex}"))
    if young is not None:
        _cutoffs(figure, curve.site, young)
    if age_y is not None and bmd_g_cm2 is not None:
        _patient(figure, age_y, bmd_g_cm2, interval)
    figure.update_xaxes(title=text("figure.age"), fixedrange=True)
    named = text("figure.density", site=_site(curve.site))
    figure.update_yaxes(title=named, fixedrange=True, zeroline=False)
    _source(figure, curve.source)
    _finish(figure, height=330)
    legend = {"orientation": "h", "y": -0.2, "yanchor": "top", "x": 0}  # below: free of what stands inside
    return figure.update_layout(showlegend=True, legend=legend, margin={"t": 12})


def _site(key: str) -> str:
    return text("figure.whole") if key == "L1-L4" else text(f"site.{key}.name")


def _cutoffs(figure: go.Figure, site: str, young: reference.Reference) -> None:
    """WHO cut-offs as dotted lines at the density they stand for."""
    for name, t in (("osteopenia", reference.OSTEOPENIA_BELOW_T), ("osteoporosis", reference.OSTEOPOROSIS_FROM_T)):
        figure.add_hline(
            y=reference.bmd(t, site, young),
            line={"color": COLOURS[name], "width": 1.3, "dash": "dot"},
            annotation={
                "text": text("figure.cutoff", category=text(f"category.{name}"), t=t),
                "font": {"size": 11},
            },
            annotation_position="bottom left",
        )


def _source(figure: go.Figure, source: str) -> None:
    """Where the curve comes from, written inside the chart so that it stays with a picture of it."""
    figure.add_annotation(
        text=source,
        x=1,
        y=1,
        xref="paper",
        yref="paper",
        xanchor="right",
        yanchor="top",
        showarrow=False,
        font={"size": 11},
    )


def _patient(figure: go.Figure, age_y: float, bmd_g_cm2: float, interval: tuple[float, float] | None) -> None:
    bars = None
    if interval is not None:
        up, down = interval[1] - bmd_g_cm2, bmd_g_cm2 - interval[0]
        bars = {"type": "data", "symmetric": False, "array": [up], "arrayminus": [down], "thickness": 2, "width": 6}
    marker = {"symbol": "diamond", "size": 13, "color": PATIENT, "line": {"width": 1, "color": "white"}}
    figure.add_scatter(
        x=[age_y], y=[bmd_g_cm2], error_y=bars, mode="markers", name=text("figure.this_patient"), marker=marker
    )


def _finish(figure: go.Figure, height: int, title: str | None = None, **layout: float) -> go.Figure:
    """Sizes and colours shared by all charts; ``title`` stands above and makes the figure that much taller."""
    top = 0 if title is None else TITLE_PX
    figure.update_layout(
        height=height + top,
        showlegend=False,
        margin={"l": 8, "r": 8, "t": 22 + top, "b": 8},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        uirevision="keep",
        dragmode=False,
        **layout,
    )
    if title is not None:
        where = {"x": 0, "xref": "container", "y": 1, "yref": "container", "yanchor": "top", "pad": {"t": 4, "l": 2}}
        figure.update_layout(title={"text": title, "font": {"size": 13}, **where})
    return figure
