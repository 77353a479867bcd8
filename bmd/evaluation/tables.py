"""Tables of what was measured beside what was published: always with the class mix and what it was measured on."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass, field

from bmd.evaluation.published import Published

LABELS = {
    "ap": "AP",
    "ap50": "AP50",
    "ap75": "AP75",
    "dice": "DSC",
    "auc": "AUC",
    "auprc": "AUPRC",
    "f1": "F1",
    "r": "r",
    "ece": "ECE",
    "t_error": "T error",
}


@dataclass(frozen=True)
class Measured:
    """One row of ours.

    Attributes
    ----------
    model : str
        Network and what it was given.
    task : str
        As in ``published`` where the paper asked the same.
    values : dict of str to float
        Names as in ``metrics``.
    measured_on : str
        Which pictures and how many. Never empty.
    mix : tuple of float
        Shares of normal, osteopenia, osteoporosis among them; empty where no class is involved.
    intervals : dict
        (low, high) of some of the values, 95 %.
    """

    model: str
    task: str
    values: dict[str, float]
    measured_on: str
    mix: tuple[float, ...] = ()
    intervals: dict[str, tuple[float, float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.measured_on:
            raise ValueError("a measured figure must say on what it was measured")


HEADER = ("model", "source")
FOOTER = ("normal / osteopenia / osteoporosis", "measured on")


def rows(measured: Sequence[Measured], beside: Sequence[Published]) -> list[list[str]]:
    """Header and rows, ours first; columns are the figures any of ours has, then those only papers have."""
    entries: list[Measured | Published] = [*measured, *beside]
    names = list(dict.fromkeys(name for entry in entries for name in entry.values))
    found = [[*HEADER, *(LABELS.get(n, n.replace("_", " ")) for n in names), *FOOTER]]
    for entry in entries:
        source = "measured" if isinstance(entry, Measured) else f"{entry.paper}, {entry.table}"
        figures = [_figure(entry, name) for name in names]
        found.append([entry.model, source, *figures, mix_text(entry.mix), entry.measured_on])
    return found


def _figure(entry: Measured | Published, name: str) -> str:
    if name not in entry.values:
        return ""
    value = entry.values[name]
    if name == "people":
        return f"{value:.0f}"
    text = f"{value:.2f}" if abs(value) >= 2 else f"{value:.3f}"
    low_high = entry.intervals.get(name) if isinstance(entry, Measured) else None
    return f"{text} ({low_high[0]:.3f}-{low_high[1]:.3f})" if low_high else text


def mix_text(mix: Sequence[float]) -> str:
    """Class mix in percent, or "not stated"."""
    return " / ".join(f"{100 * share:.0f} %" for share in mix) if len(mix) else "not stated"


def markdown(table: list[list[str]]) -> str:
    """A Markdown table; the first row is the header."""
    lines = ["| " + " | ".join(cell.replace("|", "/") for cell in row) + " |" for row in table]
    return "\n".join([lines[0], "|---" * len(table[0]) + "|", *lines[1:]])


def as_csv(table: list[list[str]]) -> str:
    """The same as CSV with CRLF line ends (RFC 4180)."""
    buffer = io.StringIO()
    csv.writer(buffer).writerows(table)
    return buffer.getvalue()


@dataclass(frozen=True)
class Section:
    """One table of a page: ours, and what it stands beside."""

    title: str
    measured: Sequence[Measured]
    beside: Sequence[Published]


def page(sections: Sequence[Section]) -> list[str]:
    """One Markdown block a section: its title, then ours beside the papers' rows."""
    return [f"### {one.title}\n\n{markdown(rows(one.measured, one.beside))}\n" for one in sections]
