"""Printed tables from words: layouts, names, checks. No letters are recognised here."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bmd.inference.dxa.printed.checks import judged
from bmd.inference.dxa.printed.layout import Heading, Region, plain
from bmd.inference.dxa.printed.table import cell, tables, together
from bmd.printed import PrintedRow, Word
from bmd.simulator.dxa import report_page as pages
from tests.inference.dxa.printed.pages import Tally, as_printed, words


def rows_of(found: list[Word], slope: float = 0.0) -> tuple[PrintedRow, ...]:
    return tuple(row for table in tables(found, slope) for row in judged(table))


@pytest.mark.parametrize("layout", pages.LAYOUTS, ids=lambda layout: layout.name)
@pytest.mark.parametrize("seed", range(6))
def test_every_layout_is_read_whole(layout: pages.Layout, seed: int) -> None:
    rng = np.random.default_rng(seed)
    rows = pages.results(layout, rng.uniform(-4, 1.5), rng)
    tally, truth = Tally(), as_printed(layout, rows)
    tally.add(truth, rows_of(words(layout, rows)))
    assert tally.wrong == 0
    assert tally.unread == 0, "consistent numbers break no check"
    assert tally.right == sum(len(row) for row in truth.values())


def test_a_page_that_lies_askew_is_read_along_its_lines() -> None:
    layout = pages.LAYOUTS[0]
    rows = pages.results(layout, -2.0, np.random.default_rng(0))
    slope = 0.06
    askew = [
        replace(
            w, box_px=(w.box_px[0], w.box_px[1] + slope * w.box_px[0], w.box_px[2], w.box_px[3] + slope * w.box_px[2])
        )
        for w in words(layout, rows)
    ]
    tally = Tally()
    tally.add(as_printed(layout, rows), rows_of(askew, slope))
    assert (tally.wrong, tally.unread) == (0, 0)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0.823", 0.823),
        ("0,823", 0.823),
        ("-2.4", -2.4),
        ("\u22122,4", -2.4),
        ("\u20132.4", -2.4),
        ("\u4e002.4", -2.4),
        ("+0.3", 0.3),
        ("87%", 87),
        ("-2.4*", -2.4),
        ("O.823", None),
        ("0.8.3", None),
        (".823", None),
        ("--2.4", None),
        ("2-4", None),
        ("1,234,5", None),
        ("12345", None),
    ],
)
def test_a_number_is_what_stands_there_or_nothing(text: str, value: float | None) -> None:
    assert cell(Word(text, (0, 0, 1, 1))).value == value


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("L1", ("L1", None)),
        ("L1-L4", ("L1-L4", None)),
        ("L1\u2013L4", ("L1-L4", None)),
        ("L2 - L4", ("L2-L4", None)),
        ("L1-4", ("L1-L4", None)),
        ("Total", ("total", None)),
        ("Gesamt", ("total", None)),
        ("Femoral Neck", ("neck", None)),
        ("Neck Left", ("neck", "left")),
        ("Left Femoral Neck", ("neck", "left")),
        ("Total Hip", ("total_hip", None)),
        ("Total Mean", ("total", "mean")),
        ("Ward's", ("part", None)),
        ("LI", None),
        ("L4-L1", None),
        ("L6", None),
        ("Left", None),
        ("Total BMD", None),
        ("Upper neck", ("part", None)),
    ],
)
def test_names_of_rows(text: str, name: tuple[str, str | None] | None) -> None:
    assert Region.of(plain(text)) == name


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("T-score", "t_score"),
        ("T - score", "t_score"),
        ("T-Wert", "t_score"),
        ("Z-score", "z_score"),
        ("BMD (g/cm\u00b2)", "bmd_g_cm2"),
        ("BMC (g)", "bmc_g"),
        ("Est. Area (cm2)", "area_cm2"),
        ("Fl\u00e4che (cm\u00b2)", "area_cm2"),
        ("PR (%)", "percent"),
        ("Width (cm)", None),
        ("Age", None),
    ],
)
def test_names_of_columns(text: str, kind: str | None) -> None:
    found = Heading.of(plain(text))
    assert (found and found[0]) == kind


def test_several_levels_are_named_as_what_they_are() -> None:
    assert together(["L1", "L2", "L3", "L4"]) == "L1-L4"
    assert together(["L2", "L3", "L4"]) == "L2-L4"
    assert together(["L1", "L2", "L4"]) == "L1, L2, L4"


def _changed(layout: pages.Layout, rows: dict, region: str, key: str, text: str) -> tuple[PrintedRow, ...]:
    """What is given when one cell says something else."""
    old = pages.printed(layout, key, rows[region][key])
    place = 280 + 140 * layout.columns.index(key)
    line = 160 + 26 * list(rows).index(region)
    found = [
        replace(w, text=text) if w.text == old and w.box_px[1] == line and w.box_px[2] == place else w
        for w in words(layout, rows)
    ]
    assert found != words(layout, rows)
    return rows_of(found)


@pytest.mark.parametrize("key", ["area", "bmc", "bmd"])
@pytest.mark.parametrize("seed", range(10))
def test_a_changed_digit_of_content_area_or_density_is_never_given(key: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    layout = pages.HOLOGIC_FULL
    rows = pages.results(layout, rng.uniform(-3.5, 1), rng)
    region = ("L1", "L2", "L3", "L4", "Total")[seed % 5]
    right = pages.printed(layout, key, rows[region][key])
    place = 0 if key != "bmd" else 2  # the first digit that carries weight
    wrong = right[:place] + str((int(right[place]) + 1 + seed % 8) % 10) + right[place + 1 :]
    name = "L1-L4" if region == "Total" else region
    for row in _changed(layout, rows, region, key, wrong):
        value = {"area": row.area_cm2, "bmc": row.bmc_g, "bmd": row.bmd_g_cm2}[key]
        assert row.region != name or value is None


@pytest.mark.parametrize("layout", [pages.HOLOGIC_FULL, pages.LAYOUTS[2]], ids=["hologic", "lunar"])
@pytest.mark.parametrize("key", ["t", "z"])
@pytest.mark.parametrize("seed", range(8))
def test_a_lost_minus_is_never_given(layout: pages.Layout, key: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    rows = pages.results(layout, rng.uniform(-4.2, -3.2), rng)  # Z is below -.5 too
    region = ("L1", "L2", "L3", "L4")[seed % 4]
    if rows[region][key] > -0.5:
        rows[region] |= {key: -0.6}
    wrong = pages.printed(layout, key, rows[region][key]).lstrip("-")
    for row in _changed(layout, rows, region, key, wrong):
        assert row.region != region or (row.t_score if key == "t" else row.z_score) is None


def test_a_lost_point_or_digit_is_never_given() -> None:
    layout = pages.LAYOUTS[2]
    rows = pages.results(layout, -2.0, np.random.default_rng(1))
    right = pages.printed(layout, "bmd", rows["L2"]["bmd"])
    for wrong in (right.replace(".", ""), right[:-1], right + "7", right[1:]):
        (row,) = (row for row in _changed(layout, rows, "L2", "bmd", wrong) if row.region == "L2")
        assert row.bmd_g_cm2 is None
        assert "bmd_g_cm2" in row.doubts


def test_a_total_that_is_not_the_sum_is_not_given() -> None:
    """As where a vertebra was left out on the console but stands in the table."""
    layout = pages.HOLOGIC_FULL
    rows = pages.results(layout, -2.0, np.random.default_rng(1))
    part = {key: sum(rows[level][key] for level in ("L1", "L2", "L4")) for key in ("area", "bmc")}
    rows["Total"] |= part | {"bmd": part["bmc"] / part["area"]}
    (total,) = (row for row in rows_of(words(layout, rows)) if row.region == "L1-L4")
    assert (total.t_score, total.bmd_g_cm2, total.area_cm2) == (None, None, None)


@pytest.mark.parametrize(
    "change",
    [
        {"BMD": "Height", "(g/cm\u00b2)": "(cm)"},
        {"T-score": "Width", "Z-score": "Age"},
    ],
)
def test_a_column_under_an_unknown_heading_is_not_read(change: dict[str, str]) -> None:
    layout = pages.LAYOUTS[3]
    rows = pages.results(layout, -2.0, np.random.default_rng(1))
    found = rows_of([replace(w, text=change.get(w.text, w.text)) for w in words(layout, rows)])
    assert found
    for row in found:
        values = (row.bmd_g_cm2,) if "BMD" in change else (row.t_score, row.z_score)
        assert all(value is None for value in values)
        assert not {"BMD": {"bmd_g_cm2"}, "T-score": {"t_score", "z_score"}}[next(iter(change))] & set(row.doubts)


def test_levels_out_of_order_or_twice_are_no_table() -> None:
    layout = pages.HOLOGIC_FULL
    rows = pages.results(layout, -2.0, np.random.default_rng(1))
    swapped = {"L1": "L2", "L2": "L1"}
    assert rows_of([replace(w, text=swapped.get(w.text, w.text)) for w in words(layout, rows)]) == ()
    assert rows_of([replace(w, text="L3") if w.text == "L2" else w for w in words(layout, rows)]) == ()


def test_a_forearm_and_a_whole_body_are_no_table_of_ours() -> None:
    layout = pages.HOLOGIC_FULL
    rows = pages.results(layout, -2.0, np.random.default_rng(1))
    for names in (("1/3", "MID", "UD", "R+U"), ("Head", "Arms", "Legs", "Trunk")):
        other = dict(zip(("L1", "L2", "L3", "L4"), names, strict=True))
        assert rows_of([replace(w, text=other.get(w.text, w.text)) for w in words(layout, rows)]) == ()
