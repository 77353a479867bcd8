from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest

from bmd.evaluation import published, tables
from bmd.evaluation.tables import Measured, Section

OURS = Measured(
    "RetinaNet, R50",
    published.BOXES,
    {"ap": 80.0, "ap50": 97.5, "level_exact": 0.95},
    "2,000 simulated films held out",
    (0.6, 0.3, 0.1),
    {"level_exact": (0.93, 0.97)},
)


def test_every_published_row_names_its_paper_table_and_films() -> None:
    assert {r.paper for r in published.RESULTS} == set(published.PAPERS)
    for row in published.RESULTS:
        assert row.table
        assert row.measured_on
        assert row.values
        assert not row.mix or sum(row.mix) == pytest.approx(1)


@pytest.mark.parametrize(
    ("task", "model", "name", "value"),
    [
        (published.BOXES, "RetinaNet-500 + AP-loss, ResNet-101", "ap", 73.1),
        (published.DSC, "CM-Net", "dice", 0.974),
        ("CT slice, three classes", "pair ensemble", "accuracy", 77.11),
        ("DXA picture: bone density", "3-layer CNN", "r", 0.818),
        ("CT femur, three classes", "both", "auc", 0.939),
        ("vertebra: three classes", "Basic CNN (C5-GAP-FC3)", "accuracy", 53.19),
    ],
)
def test_headline_figures_are_the_papers(task: str, model: str, name: str, value: float) -> None:
    rows = [r for r in published.results(task=task) if r.model == model]
    assert rows[0].values[name] == value


@pytest.mark.parametrize("row", published.RESULTS, ids=lambda r: f"{r.paper}-{r.model}"[:40])
def test_figures_stand_in_the_papers_text(row: published.Published, real_data: Path) -> None:
    text = real_data.parent / "papers" / f"{row.paper}.txt"
    if not text.is_file():
        pytest.skip(f"no text of the papers at {text.parent}")
    words = text.read_text(encoding="utf-8")
    missing = [v for v in row.values.values() if not any(f"{v:.{d}f}" in words and round(v, d) == v for d in (1, 2, 3))]
    assert not missing


def test_ours_stand_first_and_columns_match() -> None:
    table = tables.rows([OURS], published.results(task=published.BOXES))
    assert table[0][:2] == ["model", "source"]
    assert table[1][1] == "measured"
    assert {len(row) for row in table} == {len(table[0])}
    assert table[1][table[0].index("AP50")] == "97.50"
    assert table[1][table[0].index("level exact")] == "0.950 (0.930-0.970)"
    assert table[2][1] == "jung2020, Table 1"
    assert table[2][table[0].index("level exact")] == ""


def test_class_mix_and_films_are_always_stated() -> None:
    table = tables.rows([OURS], published.results(task=published.BOXES))
    mix, films = (table[0].index(name) for name in tables.FOOTER)
    assert table[1][mix] == "60 % / 30 % / 10 %"
    assert all(row[films] for row in table[1:])
    assert table[2][mix] == "not stated"
    with pytest.raises(ValueError, match="measured"):
        Measured("x", "y", {}, "")


def test_markdown_and_csv_hold_the_same_cells() -> None:
    table = tables.rows([OURS], published.results(task=published.BOXES))
    lines = tables.markdown(table).split("\n")
    assert len(lines) == len(table) + 1
    assert {line.count("|") for line in lines} == {len(table[0]) + 1}
    assert list(csv.reader(io.StringIO(tables.as_csv(table)))) == table


def test_page_has_one_block_a_section() -> None:
    other = Measured("CM-Net", published.DSC, {"dice": 0.96}, "2,000 simulated films held out")
    sections = [Section("boxes", [OURS], published.results(task=published.BOXES)), Section("masks", [other], ())]
    boxes, masks = tables.page(sections)
    assert boxes.startswith("### boxes\n\n| model")
    assert boxes.index("RetinaNet, R50") < boxes.index("jung2020")
    assert "lim2023" not in masks
