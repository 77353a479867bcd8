"""Small pieces of HTML shared by the pages. Whatever is not written here must be escaped by the caller."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from typing import Any

from bmd.figures import COLOURS, GREY
from bmd.reference import CATEGORIES
from bmd.text import text

WIDEST_ROW = 70
"""Characters that stand side by side on a phone; the rows of a wider table become lists there (layout.css)."""
NONE = "–"
"""Cell of what is not there."""
_TAG = re.compile(r"<[^>]*>")


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A plain table: real HTML, so that screen readers, keys and copy and paste work. Cells are HTML."""
    if _characters(rows) > WIDEST_ROW:
        return _stack(head, rows)
    cells = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    names = "".join(f'<th scope="col">{html.escape(name)}</th>' if name else "<td></td>" for name in head)
    top = f"<thead><tr>{names}</tr></thead>" if any(head) else ""
    return _scrolls(f'<table class="ol-table">{top}<tbody>{cells}</tbody></table>')


def _scrolls(inner: str) -> str:
    """A table in what keys can scroll where it is wider than the page."""
    return (
        f'<div class="ol-scroll" tabindex="0" role="group" aria-label="{html.escape(text("app.table"))}">{inner}</div>'
    )


def _stack(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A wide table. Its roles are spelled out: a style sheet that shows it as lists would take them away."""
    names = [html.escape(name) for name in head]
    cells = [[_stacked(n, c) for n, c in zip(names, row, strict=True)] for row in rows]
    body = "".join(f'<tr role="row">{"".join(row)}</tr>' for row in cells)
    top = "".join(f'<th scope="col" role="columnheader">{n}</th>' if n else '<td role="cell"></td>' for n in names)
    top = f'<thead role="rowgroup"><tr role="row">{top}</tr></thead>' if any(names) else ""
    whole = f'{top}<tbody role="rowgroup">{body}</tbody>'
    return _scrolls(f'<table class="ol-table ol-stack" role="table">{whole}</table>')


def _stacked(name: str, cell: str) -> str:
    """A cell behind its column's name; what is not there needs no line of its own in a list."""
    none = ' class="ol-none"' if cell == NONE else ""
    return f'<td role="cell"{none} data-head="{name}">{cell}</td>'


def _characters(rows: Sequence[Sequence[str]]) -> int:
    """Length of the longest row, each column as long as its longest cell."""
    return sum(max(len(_TAG.sub("", cell)) for cell in column) for column in zip(*rows, strict=False))


def chip(category: str | None) -> str:
    """Category as a coloured label."""
    if category is None:
        return NONE
    return f'<span class="ol-chip" style="--c:{COLOURS.get(category, GREY)}">{html.escape(category)}</span>'


def key(named: Sequence[tuple[str, str]]) -> str:
    """Which colour is which: a list of colour and name, to stand above a chart; unlike the chart's own it wraps."""
    items = "".join(f'<li style="--c:{colour}">{html.escape(name)}</li>' for colour, name in named)
    return f'<ul class="ol-key">{items}</ul>'


def categories_key(more: Sequence[tuple[str, str]] = ()) -> str:
    """Colours of the WHO categories, and of what else a chart shows."""
    return key([*((COLOURS[name], text(f"category.{name}")) for name in CATEGORIES), *more])


def signed(value: float | None) -> str:
    """Number with its sign and one decimal, or a dash."""
    return NONE if value is None else f"{value:+.1f}".replace("-", "−")


def number(value: Any, digits: int = 3) -> str:
    """Number with so many decimals, whole numbers as they are, anything else escaped, nothing as a dash."""
    if value is None:
        return NONE
    if isinstance(value, float):
        return f"{value:.{digits}f}"
    return html.escape(str(value))


def percent(value: float | None) -> str:
    """Share as whole percent, or a dash."""
    return NONE if value is None else f"{value:.0%}"


def plain(line: str) -> str:
    """Text that markdown will not interpret."""
    return line.translate({ord(c): f"\\{c}" for c in "\\`*_[]$~<>#:|"})
