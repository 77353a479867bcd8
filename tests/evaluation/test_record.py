"""What commands record beside weights: the newest of a cohort, stamped; and what of it is shown, in app and README."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from bmd.errors import WeightsError
from bmd.evaluation import groups, readme
from bmd.evaluation.record import asked, record, stamp, with_interval
from bmd.models import _registry as registry
from bmd.models._metadata import OWN, REAL, measurement, read, shown
from bmd.models._registry import WEIGHTS
from bmd.report import networks as words
from bmd.text import codes
from tests.models.fakes import metadata

SHIPPED = [name for name in registry.names() if (WEIGHTS / name / "metadata.json").is_file()]
ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("name", SHIPPED)
def test_every_network_has_figures_that_say_of_whom_and_by_what(name: str) -> None:
    card = read(WEIGHTS / name)
    entries = shown(card)
    assert entries, "nothing but the training's own check"
    for entry in entries:
        assert entry["kind"] != OWN
        assert entry["n"] > 0
        assert f"network.cohort.{entry['cohort']}" in codes()
        assert re.fullmatch(r"\d{4}-\d\d-\d\d", entry["measured"]["date"])
        assert re.fullmatch(r"[0-9a-f]{7,40}", entry["measured"]["commit"]), "at a commit, with nothing changed since"
        assert re.match(r"python -m bmd evaluate \w+", entry["measured"]["command"])
        assert "/" not in entry["measured"]["command"]
    assert all(re.fullmatch(r"[0-9a-f]{64}", digest) for digest in card["files"].values())
    assert card["provenance"]["commit"] or card["provenance"]["reason"]
    assert card["paper"]
    assert card["recipe"]["batch"]


@pytest.mark.parametrize("name", SHIPPED)
def test_all_or_none_is_never_shown_without_of_how_many(name: str) -> None:
    entries = shown(read(WEIGHTS / name))
    cells = [cell for group in words.figures(entries) for row in group.rows for cell in row[1:]]
    cells += [cell for part in words.parts(entries) for row in part.rows for cell in row]
    for cell in cells:
        if re.match(r"(100\.0|0\.0)%", cell):
            assert re.search(r"of \d+", cell), cell


@pytest.mark.parametrize("name", ["c5_gap_fc3", "cmnet"])
def test_parts_of_the_cohort_are_stated(name: str) -> None:
    stated = {entry["group"]: entry["n"] for entry in shown(read(WEIGHTS / name)) if entry["group"]}
    assert {"women", "men", "age_low", "age_high", "bmi_low", "bmi_high", "fracture", "metal", "dark", "bright"} <= set(
        stated
    )
    assert min(stated.values()) >= groups.FEWEST


def test_figures_on_patients_come_first() -> None:
    for name in SHIPPED:
        kinds = [entry["kind"] in REAL for entry in read(WEIGHTS / name)["metrics"]]
        assert kinds == sorted(kinds, reverse=True), name


def test_the_readme_is_what_the_app_shows() -> None:
    page = (ROOT / "README.md").read_text(encoding="utf-8")
    assert readme.renewed(page) == page, "run: python -m bmd figures --readme README.md"
    assert len(readme.BLOCK.findall(page)) >= 10


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "cmnet"
    place.mkdir()
    own = measurement("simulated_films", 5, "films", OWN, {"dice": 1.0})
    (place / "metadata.json").write_text(json.dumps(metadata(name="cmnet", metrics=[own], options={})))
    return place


def test_a_figure_takes_the_place_of_the_older_one_of_its_cohort(folder: Path) -> None:
    simulated = measurement("simulated_films", 9, "films", "test", {"dice": 0.5})
    with asked(["evaluate", "cmnet", "--data", "runs/held", "--write"]):
        record(folder, [simulated, simulated | {"group": "women"}])
        record(folder, [measurement("public_films", 17, "films", "real", {"found": 0.9})])
        record(folder, [simulated | {"n": 8}])
    found = read(folder)["metrics"]
    assert [(entry["cohort"], entry["kind"], entry["n"]) for entry in found] == [
        ("public_films", "real", 17),
        ("simulated_films", "test", 8),
        ("simulated_films", OWN, 5),
    ]
    assert found[0]["measured"]["command"] == "python -m bmd evaluate cmnet --data held --write"
    assert [entry["cohort"] for entry in shown(read(folder))] == ["public_films", "simulated_films"]
    assert "dice | 1 " not in (folder / "README.md").read_text()


def test_a_figure_without_its_number_is_refused(folder: Path) -> None:
    with pytest.raises(WeightsError) as error:
        record(folder, [measurement("simulated_films", None, "films", "test", {"dice": 0.5})])
    assert error.value.finding.code == "network.metadata_incomplete"
    assert "metrics.n" in error.value.finding.values["missing"]


def test_the_stamp_is_of_the_command_that_runs() -> None:
    before = stamp()["command"]
    with asked(["evaluate", "films", "--annotations", "/somewhere/else/corners.json"]):
        assert stamp()["command"] == "python -m bmd evaluate films --annotations corners.json"
    assert stamp()["command"] == before


def test_an_interval_that_says_nothing_is_left_out() -> None:
    values: dict[str, float] = {}
    with_interval(values, "found", (1.0, 1.0, 1.0))
    with_interval(values, "dice", (0.9, 0.8, 0.95))
    assert values == {"found": 1.0, "dice": 0.9, "dice_low": 0.8, "dice_high": 0.95}


def test_parts_cover_everyone_once() -> None:
    rng = np.random.default_rng(0)
    count = 200
    patient = np.c_[
        rng.uniform(50, 90, count), rng.integers(0, 2, count), rng.normal(165, 8, count), rng.normal(75, 15, count)
    ]
    image = (rng.uniform(0.2, 1, count)[:, None, None] * np.full((count, 8, 8), 200)).astype(np.uint8)
    shards = {
        "patient": patient,
        "image": image,
        "fracture": np.zeros((count, 9), int),
        "metal": np.zeros((count, 8, 8)),
    }
    shards["fracture"][:3, 4], shards["metal"][:50] = 1, 1
    parts = groups.of_films(shards)
    for codes_ in (("women", "men"), ("age_low", "age_middle", "age_high"), ("bmi_low", "bmi_middle", "bmi_high")):
        assert (sum(parts[code].astype(int) for code in codes_) == 1).all()
    assert (parts["fracture"].sum(), parts["metal"].sum()) == (3, 50)
    assert not (parts["dark"] & parts["bright"]).any()
    assert image[parts["dark"]].max() < image[parts["bright"]].min()
    assert "fracture" not in groups.large(parts), "three are too few"
    assert f"network.group.{next(iter(groups.large(parts)))}" in codes()


def test_readme_tables_are_written_between_marks(tmp_path: Path) -> None:
    shutil.copytree(WEIGHTS / "view_cnn", tmp_path / "view_cnn")
    page = "a\n<!-- figures: view_cnn simulated_views -->\nold\n<!-- end -->\nb\n"
    made = readme.renewed(page, tmp_path)
    assert "old" not in made
    assert made.startswith("a\n<!-- figures: view_cnn simulated_views -->\n")
    assert made.endswith("<!-- end -->\nb\n")
    assert "| Everything else refused |" in made
    assert readme.renewed(made, tmp_path) == made
    rows = readme.side_by_side(["view_cnn"], "simulated_views", ["lateral_kept", "ece"], tmp_path)
    assert rows.splitlines()[2].startswith("| View CNN | ")
