"""The README's tables of figures, written from the same metadata as the app's cards: ``python -m bmd figures``.

``<!-- figures: NETWORK[+NETWORK...] [COHORT [MEASURE...]] -->`` begins a table and ``<!-- end -->`` ends it; what
stands between is made anew by ``python -m bmd figures --readme README.md``, and a test holds that it is. With measures
the networks stand in rows; without, the measures do.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bmd.evaluation.tables import markdown
from bmd.models import _metadata as metadata
from bmd.models._registry import WEIGHTS
from bmd.report import networks as words
from bmd.text import entry, say, text

BLOCK = re.compile(r"(?P<head><!-- figures: (?P<asked>[\w+ ]+) -->\n).*?(?P<foot><!-- end -->)", re.S)


def figures(name: str, cohort: str | None = None, weights: Path = WEIGHTS) -> str:
    """Figures of a network as Markdown: a table for each group, on whom, when and by which command.

    Parameters
    ----------
    name : str
        Of the network.
    cohort : str, optional
        Only this one.
    weights : Path
        Folder with the networks' weights.

    Raises
    ------
    WeightsError
        The network has no metadata.
    """
    kept = [words.brief(one) for one in _of(name, cohort, weights)]
    lines: list[str] = []
    for group in words.figures(kept):
        head = [text("app.measure"), *(what or text("app.value") for what in group.columns)]
        lines += [markdown([head, *map(list, group.rows)]), "", _under(group), ""]
    return "\n".join(lines)


def side_by_side(names: Sequence[str], cohort: str, measures: Sequence[str], weights: Path = WEIGHTS) -> str:
    """Networks measured on one cohort as Markdown: a row for each of them and for each thing that was given.

    Parameters
    ----------
    names, measures : sequence of str
        Of the networks, and keys of their figures: the columns.
    cohort : str
        Its code.
    weights : Path
        Folder with the networks' weights.

    Raises
    ------
    WeightsError
        A network has no metadata.
    """
    every: list[dict[str, Any]] = []
    rows: list[list[str]] = []
    for name in names:
        title = metadata.read(weights / name)["title"]
        for one in _of(name, cohort, weights):
            if one["group"] is not None or not set(measures) & set(one["values"]):
                continue
            given = ", ".join(say(part) for part in metadata.given(one))
            rows.append([f"{title}, {given}" if given else title, *(words.value_of(key, one) for key in measures)])
            every.append({**one, "inputs": None, "site": None})
    with_ends: dict[str, Any] = next((one["values"] for one in every), {})
    head = [text("app.which_network"), *(words.name_of(key, with_ends) for key in measures)]
    under = dict.fromkeys(_under(group) for group in words.figures(every))
    return "\n".join([markdown([head, *rows]), "", *(f"- {line}" for line in under), ""])


def survey(weights: Path = WEIGHTS) -> str:
    """The demographics network beside logistic regression as Markdown, as its page shows it."""
    entries = _of("demographics", None, weights)
    stamps = dict.fromkeys(_stamp(words.stamp_of(one)) for one in entries)
    rows = [entry("app.demographics.figure_head"), *words.beside(entries)]
    return "\n".join([markdown(rows), "", text("app.demographics.figure_note"), *stamps, ""])


def _of(name: str, cohort: str | None, weights: Path) -> list[dict[str, Any]]:
    entries = metadata.shown(metadata.read(weights / name))
    return [one for one in entries if cohort in (None, one["cohort"])]


def _under(group: words.Figures) -> str:
    """On whom, when and by which command."""
    return f"{text('app.measured_on', place=group.place)} {_stamp(group.stamp)}"


def _stamp(stamp: str) -> str:
    when, colon, command = stamp.partition(": ")
    return f"{when}: `{command}`." if colon else ""


def renewed(page: str, weights: Path = WEIGHTS) -> str:
    """A Markdown page with every block between markers written anew."""

    def table(found: re.Match[str]) -> str:
        names, *rest = found["asked"].split()
        cohort, *measures = rest or [None]
        if names == "demographics":
            made = survey(weights)
        elif cohort and measures:
            made = side_by_side(names.split("+"), cohort, measures, weights)
        else:
            made = figures(names, cohort, weights)
        return f"{found['head']}\n{made}\n{found['foot']}"

    return BLOCK.sub(table, page)
