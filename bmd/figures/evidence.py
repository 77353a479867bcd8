"""Charts of the Evidence page: curves, reliability, agreement, confusion, rows of a table; from kept points."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from textwrap import wrap
from typing import Any

import cv2
import numpy as np
import plotly.graph_objects as go
from numpy.typing import ArrayLike, NDArray

from bmd.figures import COLOURS, CURVE, GREY, PATIENT, _finish, segment
from bmd.reference import CATEGORIES, OSTEOPENIA_BELOW_T, OSTEOPOROSIS_FROM_T
from bmd.text import text

HEIGHT = 300
LETTERS = 26
"""Of a row's name on one line beside its bar."""
LIMITS = 1.96
"""Standard deviations to each side that hold 95 % of differences (Bland & Altman 1986)."""
_DASHED: dict[str, Any] = {"color": GREY, "width": 1.5, "dash": "dash"}
_LINE: dict[str, Any] = {"color": CURVE, "width": 2.5}
_MARKS: dict[str, Any] = {"color": CURVE, "size": 6, "opacity": 0.7}
_CELL = "rgba(70,130,160,{share:.2f})"
_DEEPEST = 0.4
"""Most colour of a cell: what is written on it keeps the page's contrast."""


@dataclass(frozen=True)
class Compared:
    """One row of a chart of rows: ours with its interval, and the paper's where it has one."""

    name: str
    value: float
    low: float | None = None
    high: float | None = None
    paper: float | None = None


def curve(points: Mapping[str, Any], kind: str) -> go.Figure:
    """ROC ("roc") or precision against recall ("pr"), with what chance alone would give dashed.

    Parameters
    ----------
    points : mapping
        "roc" or "pr" of ``bmd.reproduction.points``: shares 0..1.
    """
    figure = go.Figure()
    chance: tuple[Any, Any]
    if kind == "roc":
        x, y, chance = points["false_share"], points["true_share"], (0.0, 1.0)
    else:
        x, y, chance = points["recall"], points["precision"], (points.get("share"),) * 2
    if chance[0] is not None:
        figure.add_scatter(x=[0, 1], y=chance, mode="lines", line=_DASHED, hoverinfo="skip")
    figure.add_scatter(x=x, y=y, mode="lines", line=_LINE, hovertemplate="%{x:.2f}, %{y:.2f}<extra></extra>")
    return _square(figure, (0, 1), (0, 1), f"figure.evidence.{kind}_x", f"figure.evidence.{kind}_y")


def reliability(points: Mapping[str, Any]) -> go.Figure:
    """Share that was ill against the chance that was said, in groups; on the dashed line the two are one."""
    figure = go.Figure()
    figure.add_scatter(x=[0, 1], y=[0, 1], mode="lines", line=_DASHED, hoverinfo="skip")
    marker = {"color": CURVE, "size": 9}
    hover = [text("figure.evidence.group", n=n, said=s, seen=r) for n, s, r in _zipped(points, "n", "said", "seen")]
    figure.add_scatter(
        x=points["said"], y=points["seen"], mode="lines+markers", line=_LINE, marker=marker, hovertext=hover
    )
    figure.update_traces(selector={"mode": "lines+markers"}, hoverinfo="text")
    return _square(figure, (0, 1), (0, 1), "figure.evidence.said_x", "figure.evidence.seen_y")


def scatter(points: Mapping[str, Any], names: tuple[str, str]) -> go.Figure:
    """What was said against the truth; ``names`` of the axes. On the dashed line the two are one."""
    ends = _ends([*points["true"], *points["said"]])
    figure = go.Figure()
    figure.add_scatter(x=ends, y=ends, mode="lines", line=_DASHED, hoverinfo="skip")
    hover = "%{x}, %{y}<extra></extra>"
    figure.add_scatter(x=points["true"], y=points["said"], mode="markers", marker=_MARKS, hovertemplate=hover)
    return _square(figure, ends, ends, *names)


def bland_altman(points: Mapping[str, Any], names: tuple[str, str]) -> go.Figure:
    """Said less true against their mean, with bias and the limits that hold 95 % (Bland & Altman 1986).

    Parameters
    ----------
    points : mapping
        "agreement" of ``bmd.reproduction.points``.
    names : tuple of str
        Codes of the words of both axes.
    """
    true, said = np.array(points["true"]), np.array(points["said"])
    figure = go.Figure(go.Scatter(x=(true + said) / 2, y=said - true, mode="markers", marker=_MARKS))
    figure.update_traces(hovertemplate="%{x:.2f}, %{y:+.2f}<extra></extra>")
    low, high = limits(points)
    figure.add_hline(0, line={"color": GREY, "width": 1})
    for y, dash, code in ((low, "dash", "limit"), (points["bias"], "solid", "bias"), (high, "dash", "limit")):
        said_of = {"text": text(f"figure.evidence.{code}", value=signed(y)), "font": {"size": 11}}
        line = {"color": PATIENT, "width": 1.5, "dash": dash}
        figure.add_hline(y, line=line, annotation=said_of, annotation_position="right")
    across = _ends((true + said) / 2)
    _square(figure, across, _ends([*(said - true), low, high]), *names)
    return figure.update_layout(margin={"r": 74})


def signed(value: float, digits: int = 2) -> str:
    """A number with its sign, a real minus among them."""
    return f"{value:+.{digits}f}".replace("-", "−")


def limits(points: Mapping[str, Any]) -> tuple[float, float]:
    """Limits of agreement: bias less and plus 1.96 SD."""
    return points["bias"] - LIMITS * points["sd"], points["bias"] + LIMITS * points["sd"]


def confusion(counts: Sequence[Sequence[int]]) -> go.Figure:
    """True class by row, said class by column; colour is the share of the row."""
    names = [text(f"category.{name}") for name in CATEGORIES]
    table = np.array(counts, float)
    shares = table / np.maximum(table.sum(1, keepdims=True), 1)
    figure = go.Figure()
    for i, j in np.ndindex(*shares.shape):
        box = {"x0": j - 0.47, "x1": j + 0.47, "y0": i - 0.47, "y1": i + 0.47, "line": {"width": 0}, "layer": "below"}
        figure.add_shape(type="rect", fillcolor=_CELL.format(share=0.04 + (_DEEPEST - 0.04) * shares[i, j]), **box)
        said = text("figure.evidence.cell", count=int(table[i, j]), share=float(shares[i, j]))
        figure.add_annotation(x=j, y=i, text=said, showarrow=False, font={"size": 13})
    figure.add_scatter(x=[0, 1, 2], y=[0, 1, 2], mode="markers", marker={"opacity": 0}, hoverinfo="skip")
    ticks: dict[str, Any] = {"tickvals": [0, 1, 2], "ticktext": names, "showgrid": False, "zeroline": False}
    figure.update_xaxes(title=text("figure.evidence.said_class"), range=[-0.5, 2.5], fixedrange=True, **ticks)
    figure.update_yaxes(title=text("figure.evidence.true_class"), range=[2.5, -0.5], fixedrange=True, **ticks)
    return _finish(figure, HEIGHT)


def compared(rows: Sequence[Compared], name: str) -> go.Figure:
    """Ours as a dot with its interval and the paper's as an empty diamond, one line a row, drawn top to bottom."""
    figure, ours, paper = go.Figure(), text("figure.evidence.ours"), text("figure.evidence.paper")
    y = list(range(len(rows)))
    ends: dict[str, Any] = {"type": "data", "symmetric": False, "color": CURVE, "thickness": 2, "width": 5}
    ends["array"] = [(row.high if row.high is not None else row.value) - row.value for row in rows]
    ends["arrayminus"] = [row.value - (row.low if row.low is not None else row.value) for row in rows]
    hover = "%{x:.3g}<extra></extra>"
    marker = {"color": CURVE, "size": 10}
    x = [row.value for row in rows]
    figure.add_scatter(x=x, y=y, error_x=ends, mode="markers", marker=marker, name=ours, hovertemplate=hover)
    beside = [(row.paper, k) for k, row in enumerate(rows) if row.paper is not None]
    if beside:
        marker = {"color": PATIENT, "size": 11, "symbol": "diamond-open", "line": {"width": 2}}
        x, where = [value for value, _ in beside], [k for _, k in beside]
        figure.add_scatter(x=x, y=where, mode="markers", marker=marker, name=paper, hovertemplate=hover)
    lines = ["<br>".join(wrap(row.name, LETTERS)) for row in rows]
    figure.update_yaxes(tickvals=y, ticktext=lines, range=[len(rows) - 0.5, -0.5], zeroline=False, fixedrange=True)
    figure.update_xaxes(title=name, fixedrange=True, zeroline=False)
    return _legend(_finish(figure, 110 + 17 * sum(1 + line.count("<br>") for line in lines) + 8 * len(rows)))


def by_class(rows: Sequence[tuple[str, Mapping[str, float]]], name: str) -> go.Figure:
    """Bars of each class side by side, one group a row; ``rows`` hold percent by class."""
    figure = go.Figure()
    for category in CATEGORIES:
        y = [shares.get(category) for _, shares in rows]
        x = ["<br>".join(wrap(said, LETTERS)) for said, _ in rows]
        figure.add_bar(x=x, y=y, name=text(f"category.{category}"), marker=segment(category))
    figure.update_traces(hovertemplate="%{y:.1f} %<extra></extra>")
    figure.update_yaxes(title=name, range=[0, 100], fixedrange=True)
    figure.update_xaxes(fixedrange=True)
    return _legend(_finish(figure, HEIGHT + 30, bargap=0.3))


def right_and_wrong(points: Mapping[str, Any]) -> go.Figure:
    """How many answers were right and wrong, by T-score, with the borders of the classes."""
    edges = np.array(points["t_edges"])
    figure = go.Figure()
    for key, fill in (("right", {"color": COLOURS["normal"]}), ("wrong", segment("osteoporosis"))):
        figure.add_bar(x=(edges[:-1] + edges[1:]) / 2, y=points[key], name=text(f"figure.evidence.{key}"), marker=fill)
    for border in (OSTEOPOROSIS_FROM_T, OSTEOPENIA_BELOW_T):
        figure.add_vline(border, line=_DASHED)
    figure.update_xaxes(title=text("figure.evidence.true_t"), fixedrange=True)
    figure.update_yaxes(title=text("figure.evidence.count"), fixedrange=True)
    return _legend(_finish(figure, HEIGHT, bargap=0.04).update_layout(barmode="stack"))


def mean_pictures(points: Mapping[str, Any], size: int = 300) -> list[tuple[NDArray[np.uint8], NDArray[np.uint8]]]:
    """Mean picture of each class and the same under its mean heat map: uint8 (size, size, 3), red, green, blue."""
    found = []
    for cells, heat in zip(points["pictures"], points["heat"], strict=True):
        large = [
            cv2.resize(np.array(one, np.uint8), (size, size), interpolation=cv2.INTER_CUBIC) for one in (cells, heat)
        ]
        grey = np.repeat(large[0][..., None], 3, 2)
        warm = cv2.applyColorMap(large[1], cv2.COLORMAP_INFERNO)[..., ::-1]
        found.append((grey, np.round(0.5 * grey + 0.5 * warm).astype(np.uint8)))
    return found


# --- shared ------------------------------------------------------------------------------------------------------
def _square(figure: go.Figure, x: Sequence[float], y: Sequence[float], x_code: str, y_code: str) -> go.Figure:
    room = 0.02
    for update, ends, code in ((figure.update_xaxes, x, x_code), (figure.update_yaxes, y, y_code)):
        wide = room * (ends[1] - ends[0])
        update(range=[ends[0] - wide, ends[1] + wide], title=text(code), zeroline=False, fixedrange=True)
    return _finish(figure, HEIGHT)


def _legend(figure: go.Figure) -> go.Figure:
    legend = {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0, "traceorder": "normal"}
    return figure.update_layout(showlegend=True, legend=legend, margin={"t": 40})


def _ends(values: ArrayLike) -> tuple[float, float]:
    found = np.asarray(values, float)
    return float(found.min()), float(found.max())


def _zipped(points: Mapping[str, Any], *keys: str) -> Any:
    return zip(*(points[key] for key in keys), strict=True)
