"""What in a printed table is certain: each number read twice alike and in agreement with the others of its table.

A densitometer prints numbers that depend on each other: content over area is the density, the parts add up to the
whole, T and Z differ by what age took, which is much the same in all rows. A misread digit breaks one of these. A
number that breaks any is not given; neither is one of which a letter is unsure.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from bmd.inference.dxa.printed.table import Cell, Row
from bmd.printed import COLUMNS, UNNAMED, PrintedRow

Place = tuple[int, str]
"""A cell: index of its row, its column."""
Agreed = Mapping[int, bool]
"""By id of a word: was it read alike twice, with the same sign as its ink shows."""

SURE = 0.85
"""Least probability of every letter of a number that is given. Set on drawn pages (tests), not on real ones."""
POSSIBLE: Mapping[str, tuple[float, float]] = {
    "area_cm2": (1.0, 130.0),
    "bmc_g": (0.3, 200.0),
    "bmd_g_cm2": (0.15, 2.6),
    "t_score": (-8.0, 9.0),
    "z_score": (-8.0, 9.0),
}
"""What a lumbar spine or a hip can have; wider than any patient (NHANES: L1-L4 .45-1.9 g/cm2, 35-90 cm2)."""
DECIMALS: Mapping[str, tuple[int, ...]] = {
    "area_cm2": (1, 2),
    "bmc_g": (1, 2),
    "bmd_g_cm2": (3,),
    "t_score": (1, 2),
    "z_score": (1, 2),
}
"""Decimals that densitometers print; one column has the same in every row."""
AGE_STEP = 0.8
"""By how much Z minus T of a row may differ from the middle of its table: the reference curves of levels, and of parts
of a hip, fall by much the same number of SDs with age (women of 75, NHANES: 1.3 at L1-L4, 1.5 neck, 1.3 hip)."""
MEAN_STEP = 0.35
"""By how much the young mean that a row's density and T imply may differ from the middle of a spine's table, g/cm2.
Levels differ by up to .2 (Hologic L1 .93 to L4 1.1; Lunar 1.13 to 1.24)."""
SD_G_CM2 = (0.08, 0.20)
"""SD of young adults at any site of spine and hip, g/cm2, in every reference."""


def judged(rows: Sequence[Row], agreed: Agreed | None = None) -> tuple[PrintedRow, ...]:
    """The rows of one table with what is certain in them; ``agreed`` is None where the file held the letters."""
    doubted = set(_unsure(rows, agreed))
    for broken in (_odd_decimals, _product, _sums, _between, _percent, _age, _young_means):
        doubted |= set(broken(rows))
    found = []
    for index, row in enumerate(rows):
        columns = _columns(rows)
        if agreed is not None and not _named_surely(row, agreed):  # whose numbers these are is not certain
            found.append(PrintedRow(UNNAMED, None, None, None, None, None, None, row.box, tuple(sorted(columns))))
        elif row.region != "part":
            gone = {column for i, column in doubted if i == index}
            found.append(_printed(row, gone, columns, _gives_density(row) is True))
    return tuple(found)


def _printed(row: Row, doubted: set[str], columns: set[str], proven: bool) -> PrintedRow:
    values = {c: row.cells[c].value for c in COLUMNS if c in row.cells and c not in doubted}
    doubts = tuple(c for c in COLUMNS if c in columns and values.get(c) is None)
    whole = proven and not doubted & {"area_cm2", "bmc_g", "bmd_g_cm2"}
    area, bmc, bmd, t, z = (values.get(column) for column in COLUMNS)
    return PrintedRow(row.region, row.side, area, bmc, bmd, t, z, row.box, doubts, whole)


def _columns(rows: Sequence[Row]) -> set[str]:
    """Columns that the table has anywhere: an empty place in one of them is a number that was not read."""
    return {column for row in rows for column in row.cells} & set(COLUMNS)


def _named_surely(row: Row, agreed: Agreed) -> bool:
    return row.name.sure >= SURE and all(agreed.get(id(item.word), True) for item in row.name.items)


def _unsure(rows: Sequence[Row], agreed: Agreed | None) -> Iterator[Place]:
    for place, cell in _cells(rows):
        low, high = POSSIBLE.get(place[1], (-1e9, 1e9))
        read = agreed is None or (cell.word.sure >= SURE and agreed.get(id(cell.word), False))
        if not read or cell.value is None or not low <= cell.value <= high:
            yield place


def _cells(rows: Sequence[Row]) -> Iterator[tuple[Place, Cell]]:
    for index, row in enumerate(rows):
        for column, cell in row.cells.items():
            yield (index, column), cell


def _odd_decimals(rows: Sequence[Row]) -> Iterator[Place]:
    """Numbers of other decimals than their column's: a digit or the point is lost. A tie lets none through."""
    for column, allowed in DECIMALS.items():
        counts = [cell.decimals for (_, name), cell in _cells(rows) if name == column and cell.value is not None]
        usual = {d for d in allowed if 2 * counts.count(d) > len(counts)}
        for place, cell in _cells(rows):
            if place[1] == column and cell.decimals not in usual:
                yield place


def _step(cell: Cell) -> float:
    """Half of the last decimal."""
    return 0.5 * 10.0**-cell.decimals


def _gives_density(row: Row) -> bool | None:
    """Whether content over area is the density, within what rounding each of them can do; None where one is missing."""
    found = [row.cells.get(column) for column in ("area_cm2", "bmc_g", "bmd_g_cm2")]
    known = [(cell.value, _step(cell)) for cell in found if cell is not None and cell.value is not None]
    if len(known) < 3:
        return None
    (area, area_step), (bmc, bmc_step), (bmd, bmd_step) = known
    if area <= 0:
        return False
    slack = bmc_step / area + bmc / area**2 * area_step + bmd_step
    return abs(bmc / area - bmd) <= 1.05 * slack + 1e-9


def _product(rows: Sequence[Row]) -> Iterator[Place]:
    for index, row in enumerate(rows):
        if _gives_density(row) is False:
            yield from ((index, column) for column in ("area_cm2", "bmc_g", "bmd_g_cm2"))


def _parts(rows: Sequence[Row], whole: Row) -> list[int]:
    """Rows of the levels that a row is the whole of; none where one is missing or it is not such a row."""
    if found := re.fullmatch(r"L(\d)-L(\d)", whole.region):
        wanted = [f"L{k}" for k in range(int(found[1]), int(found[2]) + 1)]
    elif ", " in whole.region:
        wanted = whole.region.split(", ")
    else:
        return []
    places = {row.region: index for index, row in enumerate(rows)}
    return [places[level] for level in wanted] if all(level in places for level in wanted) else []


def _sums(rows: Sequence[Row]) -> Iterator[Place]:
    """Area and content of several levels are the sums of theirs; where they are not, nothing of the row is certain,
    since it may be of other levels than its name says.
    """
    for index, whole in enumerate(rows):
        parts = _parts(rows, whole)
        for column in ("area_cm2", "bmc_g"):
            cells = [rows[i].cells.get(column) for i in (*parts, index)]
            known = [cell for cell in cells if cell is not None and cell.value is not None]
            if not parts or len(known) < len(cells):
                continue
            *some, total = [cell.value or 0.0 for cell in known]
            if abs(sum(some) - total) > 1.05 * sum(_step(cell) for cell in known):
                yield from ((index, name) for name in whole.cells)
                yield from ((i, column) for i in parts if not _gives_density(rows[i]))


def _between(rows: Sequence[Row]) -> Iterator[Place]:
    """Density and T of several levels lie between theirs (T: within .3, since every level has its own reference)."""
    for index, whole in enumerate(rows):
        for column, slack in (("bmd_g_cm2", 0.002), ("t_score", 0.35)):
            parts = [rows[i].cells.get(column) for i in _parts(rows, whole)]
            values = [cell.value for cell in parts if cell is not None and cell.value is not None]
            mine = whole.cells.get(column)
            if mine is None or mine.value is None or not values or len(values) < len(parts):
                continue
            if not min(values) - slack <= mine.value <= max(values) + slack:
                yield (index, column)
                yield from ((i, column) for i in _parts(rows, whole) if not _gives_density(rows[i]))


def _percent(rows: Sequence[Row]) -> Iterator[Place]:
    """The share of the young mean says what that mean is, so T must have the right sign and about the right size."""
    for index, row in enumerate(rows):
        bmd, share, t = (_value(row, column) for column in ("bmd_g_cm2", "percent", "t_score"))
        if bmd is None or share is None or t is None or not 20 <= share <= 200:
            continue
        above, slack = bmd - bmd / (share / 100), 0.006 * bmd / (share / 100)
        low = min((t - 0.051) * sd for sd in SD_G_CM2)
        high = max((t + 0.051) * sd for sd in SD_G_CM2)
        if not low - slack <= above <= high + slack:
            yield (index, "t_score")


def _value(row: Row, column: str) -> float | None:
    cell = row.cells.get(column)
    return None if cell is None else cell.value


def _age(rows: Sequence[Row]) -> Iterator[Place]:
    """Z minus T is what age took; a row far from the others has a wrong sign or digit in one of the two."""
    both = {i: (_value(row, "t_score"), _value(row, "z_score")) for i, row in enumerate(rows)}
    taken = {i: z - t for i, (t, z) in both.items() if t is not None and z is not None}
    if len(taken) < 2:
        return
    middle = float(np.median(list(taken.values())))
    for index, value in taken.items():
        if abs(value - middle) > AGE_STEP:
            yield from ((index, "t_score"), (index, "z_score"))


def _young_means(rows: Sequence[Row]) -> Iterator[Place]:
    """Density and T imply the mean of young adults, which is much the same at all levels of a spine."""
    implied = {}
    for index, row in enumerate(rows):
        bmd, t = _value(row, "bmd_g_cm2"), _value(row, "t_score")
        if row.region.startswith("L") and bmd is not None and t is not None:
            implied[index] = bmd - 0.115 * t
    if len(implied) < 2:
        return
    middle = float(np.median(list(implied.values())))
    for index, value in implied.items():
        if abs(value - middle) > MEAN_STEP or not 0.7 < value < 1.5:
            yield from ((index, "t_score"), (index, "bmd_g_cm2"))
