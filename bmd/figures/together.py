"""Charts of the Together page: the T-score each source gives, on one axis."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go

from bmd.figures import T_RANGE, _estimate, _finish, _lines, _zones
from bmd.text import text
from bmd.types import Prediction


def sources_chart(rows: Sequence[tuple[str, Prediction]]) -> go.Figure:
    """T-score and interval of each source over the three WHO zones; nothing is averaged.

    Parameters
    ----------
    rows : sequence of (str, Prediction)
        Name of the source and what it says, drawn top to bottom. Those without a T-score are left out.
    """
    shown = [(name, row) for name, row in rows if row.t_score is not None]
    figure = go.Figure()
    _zones(figure)
    for name, row in shown:
        _estimate(figure, name, row)
    figure.update_yaxes(categoryorder="array", categoryarray=[name for name, _ in shown][::-1], showgrid=False)
    figure.update_yaxes(fixedrange=True, ticklen=4)
    _lines(figure, [name for name, _ in shown])
    figure.update_xaxes(range=T_RANGE, title=text("figure.t_score"), zeroline=False, dtick=1, fixedrange=True)
    return _finish(figure, height=84 + 36 * max(1, len(shown)))
