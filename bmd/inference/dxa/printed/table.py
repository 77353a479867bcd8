"""A densitometer's table out of words: rows by region, columns by their headings, cells by where they stand."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from bmd.inference.dxa.printed.layout import MINUS, Heading, Item, Name, Region, lines, names
from bmd.printed import COLUMNS, Side, Word

NUMBER = re.compile(r"[+-]?\d{1,3}(?:\.\d{1,3})?")
CELL = re.compile(r"[+\-\d.,%*]*\d[+\-\d.,%*]*")
"""A word that is a number or would be one."""
ROWS_APART = 4.0
"""Heights of a row between two rows of one table."""
HEADING_ABOVE = 7.0
"""Heights of a row between the first row and its heading, which may have three lines."""
FEWEST_ROWS = 2
"""A hip's table has at least neck and total."""


@dataclass(frozen=True)
class Cell:
    """A number in a table: the word, and the number as it stands there, or None where it is none."""

    word: Word
    text: str
    value: float | None
    decimals: int


@dataclass(frozen=True)
class Row:
    """A row: region, side, its name and its cells by column."""

    region: str
    side: Side | None
    name: Name
    cells: dict[str, Cell] = field(default_factory=dict)

    @property
    def box(self) -> tuple[float, float, float, float]:
        """Around all its words, on the page."""
        words = [item.word for item in self.name.items] + [cell.word for cell in self.cells.values()]
        boxes = np.array([word.box_px for word in words])
        (x1, y1), (x2, y2) = boxes[:, :2].min(0), boxes[:, 2:].max(0)
        return float(x1), float(y1), float(x2), float(y2)


def cell(word: Word) -> Cell:
    """A word as a cell: dashes and decimal commas as in English, nothing else is mended."""
    text = word.text.translate(MINUS).replace(",", ".").rstrip("*")
    number = text.rstrip("%")
    if not NUMBER.fullmatch(number):
        return Cell(word, text, None, 0)
    return Cell(word, number, float(number), len(number.partition(".")[2]))


def tables(words: Sequence[Word], slope: float = 0.0) -> list[list[Row]]:
    """All tables of a spine or of hips on a page, each its rows from the top.

    Parameters
    ----------
    words : sequence of Word
        Of one page.
    slope : float
        Of its lines, pixels down per pixel to the right.
    """
    page = lines(words, slope)
    found = []
    for group in _groups([name for line in page for name in _region_names(line)]):
        rows = _named(group)
        if len(rows) >= FEWEST_ROWS:
            columns = _columns(page, rows)
            if columns:
                found.append([_filled(row, columns, page) for row in rows])
    return found


def _region_names(line: Sequence[Item]) -> list[Name]:
    """Names of regions on a line that have numbers to their right."""
    found = [name for name in names(line, 4, Region) if any(_is_cell(item) and item.x1 > name.x2 for item in line)]
    return found


def _is_cell(item: Item) -> bool:
    return CELL.fullmatch(item.word.text.translate(MINUS)) is not None


def _groups(found: Sequence[Name]) -> list[list[Name]]:
    """Names that stand in one column close below each other."""
    groups: list[list[Name]] = []
    for name in found:
        height = name.items[0].height
        for group in groups:
            last = group[-1]
            beside = abs(last.x1 - name.x1) < 4 * height
            if beside and 0.4 * height < name.y - last.y < ROWS_APART * height:
                group.append(name)
                break
        else:
            groups.append([name])
    return groups


def _named(group: Sequence[Name]) -> list[Row]:
    """Rows with their final regions: what "Total" is of, the rows above it tell; none where they do not."""
    levels = [name.kind for name in group if re.fullmatch(r"L\d", name.kind)]
    hip = any(name.kind in ("neck", "part", "total_hip") for name in group)
    if hip == bool(levels) or levels != sorted(set(levels)):
        return []  # neither or both, or levels in no order: nothing here is certain
    rows = []
    for name in group:
        kind = name.kind
        if kind == "total":
            kind = "total_hip" if hip else together(levels)
        rows.append(Row(kind, name.side, name))
    keys = [(row.region, row.side) for row in rows if row.region != "part"]
    return rows if len(set(keys)) == len(keys) else []


def together(levels: Sequence[str]) -> str:
    """Name of several levels: "L1-L4", or "L1, L2, L4" where one between them is left out."""
    numbers = [int(level[1]) for level in levels]
    whole = numbers == list(range(numbers[0], numbers[-1] + 1))
    return f"{levels[0]}-{levels[-1]}" if whole and len(levels) > 1 else ", ".join(levels)


@dataclass(frozen=True)
class Column:
    """Where the numbers of one column stand, and what its heading says."""

    kind: str
    x1: float
    x2: float


def _columns(page: Sequence[Sequence[Item]], rows: Sequence[Row]) -> list[Column]:
    """The columns of a table whose headings are known and clear."""
    spans = _spans([item for row in rows for item in _cells_of(page, row)])
    height = float(np.median([row.name.items[0].height for row in rows]))
    top = rows[0].name.y
    right = max((high for _, high in spans), default=0.0) + 3 * height
    above = [line for line in page if 0.4 * height < top - line[0].y < HEADING_ABOVE * height]
    anchors = [name for line in above for name in names(line, 4, Heading) if rows[0].name.x1 < name.x1 < right]
    kinds: dict[int, set[str]] = {}
    for anchor in anchors:
        place = _under(anchor, spans, height)
        if place is not None:
            kinds.setdefault(place, set()).add(anchor.kind)
    single = [Column(kind, *spans[place]) for place, found in kinds.items() if (kind := _one(found))]
    told = [column for column in single if column.kind in COLUMNS]
    twice = {column.kind for column in told if sum(other.kind == column.kind for other in told) > 1}
    percent = sorted((column for column in single if column.kind == "percent"), key=lambda column: column.x1)
    young = percent[:1] if len(percent) == 2 else []  # of the two, that of young adults stands first
    return [column for column in told if column.kind not in twice] + young


def _one(found: set[str]) -> str:
    """The one column that the headings over it name; "" where they name none or several."""
    for letter in ("t", "z"):
        if {letter, "score"} <= found:  # in two lines
            found = found - {letter, "score"} | {f"{letter}_score"}
    whole = found & set(COLUMNS) or found & {"percent"}
    return next(iter(whole)) if len(whole) == 1 else ""


def _cells_of(page: Sequence[Sequence[Item]], row: Row) -> list[Item]:
    """The numbers to the right of a row's name, up to the name of another row."""
    for line in page:
        if row.name.items[0] in line:
            stop = min((n.x1 for n in names(line, 4, Region) if n.x1 > row.name.x2), default=float("inf"))
            return [item for item in line if row.name.x2 < item.x < stop and _is_cell(item)]
    return []


def _spans(items: Sequence[Item]) -> list[tuple[float, float]]:
    """Left and right ends of the columns that numbers stand in: those that overlap are one."""
    spans: list[list[float]] = []
    for item in sorted(items, key=lambda item: item.x1):
        if spans and item.x < spans[-1][1]:
            spans[-1][1] = max(spans[-1][1], item.x2)
        else:
            spans.append([item.x1, item.x2])
    return [(low, high) for low, high in spans]


def _under(anchor: Name, spans: Sequence[tuple[float, float]], height: float) -> int | None:
    """The column under a heading: most overlap; else the nearest within two heights."""
    if not spans:
        return None
    overlap = [min(anchor.x2, high) - max(anchor.x1, low) for low, high in spans]
    best = int(np.argmax(overlap))
    return best if overlap[best] > -2 * height else None


def _filled(row: Row, columns: Sequence[Column], page: Sequence[Sequence[Item]]) -> Row:
    found: dict[str, Cell] = {}
    twice = set()
    for item in _cells_of(page, row):
        for column in columns:
            if column.x1 <= item.x <= column.x2:
                twice |= {column.kind} & set(found)
                found[column.kind] = cell(item.word)
    for kind in twice:  # two numbers in one place: neither is the cell
        found[kind] = replace(found[kind], value=None)
    return replace(row, cells=found)
