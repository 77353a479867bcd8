"""A small table from people to JSON: the hip's demographics network, which trains in a second."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bmd import cli
from bmd.errors import OptionError
from bmd.reproduction import compare, datasets, fit, outcomes, papers, report, results
from bmd.reproduction.measures import classes
from bmd.reproduction.plan import Claim, Measure, Outcome, Row, Table
from bmd.reproduction.run import Options, fill, run_table, run_tables

PEOPLE, EXAMPLES = 9, 64


def probabilities(network, folder, size) -> Outcome:
    """The demographics network on people, each asked once."""
    from bmd.training.tasks.ct import PATIENT, CtItems, ct_logits

    items = CtItems(folder, replace(PATIENT, mix=()), repeat=False)
    share = np.exp(ct_logits(PATIENT, network, items)["logits"])
    truth = np.array([items[i].category for i in range(len(items))])
    assert Path(folder).name == "test", "only the test split is measured on"
    return Outcome(np.arange(len(items)), {"truth": truth, "share": share / share.sum(1, keepdims=True)}, "people")


TABLE = Table(
    "ha2024",
    "2",
    "Table 2",
    datasets.CT_CLINIC,
    Measure(probabilities, classes.FRACTIONS),
    (
        Row("demographics", "femur_demographics", published="2-layer network, demographics"),
        Row("bold", "femur_demographics", ("lr=0.01",), published="both"),
        Row("dear", "femur_image", published="6-layer CNN, image", core_hours=7),
        Row("unwritten", "no_such_network", label="of tomorrow"),
    ),
    (Claim("bold", "demographics", "accuracy"), Claim("dear", "bold", "auc")),
    ("batch=8",),
)


@pytest.fixture(scope="module")
def options(tmp_path_factory) -> Options:
    folder = tmp_path_factory.mktemp("reproduce")
    return Options(folder / "runs", folder / "out", EXAMPLES, people=PEOPLE, repeats=40)


@pytest.fixture(scope="module")
def table(options):
    return run_table(TABLE, options)


def test_every_row_has_figures_or_what_it_needs(table) -> None:
    assert [row.state for row in table.rows] == ["trained", "trained", "not trained", "not trained"]
    first, _, dear, unwritten = table.rows
    assert "7" in dear.needs["said"]
    assert dear.needs["core_hours"] == 7
    assert not dear.values
    assert not unwritten.values
    assert "not written" in unwritten.needs["said"]
    assert first.published["values"]["auc"] == 0.859
    for value in first.values.values():
        assert value.low <= value.value <= value.high
    assert (first.n, first.people, first.unit) == (PEOPLE, PEOPLE, "people")


def test_rows_say_how_they_were_made(table) -> None:
    first, second = table.rows[:2]
    seeds = table.data["seeds"]
    assert seeds["train"] == [41_000_000, 41_000_000 + PEOPLE - 1]
    assert set(table.data["sha256"]) == {"train", "validation", "test"}
    assert first.test["seeds"]["test"] == [41_600_000, 41_600_000 + PEOPLE - 1]
    for row in (first, second):
        assert row.training["examples"] == EXAMPLES == table.budget["examples"]
        assert row.training["chosen_step"] <= row.training["steps"] == EXAMPLES // 8
        assert row.training["seconds"] > 0
        assert row.training["hardware"]
    assert (first.training["recipe"]["lr"], second.training["recipe"]["lr"]) == (0.003, 0.01)
    assert first.training["recipe"]["seed"] == second.training["recipe"]["seed"]
    assert f"--row demographics --examples {EXAMPLES} --people {PEOPLE}" in first.command
    assert cli._parser().parse_args(first.command.split()[3:]).row == ["demographics"]


def test_a_claim_is_paired_and_set_beside_the_papers(table) -> None:
    (claim,) = table.claims
    first, second = (row.values["accuracy"].value for row in table.rows[:2])
    assert claim.difference == pytest.approx(second - first, abs=2e-4)
    assert claim.paper == pytest.approx(0.802 - 0.689)
    assert claim.low <= claim.difference <= claim.high
    assert 0 < claim.p <= 1


def test_a_row_made_again_from_its_seed_has_its_figures(table, options, tmp_path) -> None:
    again = replace(options, runs=tmp_path / "runs", out=tmp_path / "out", rows=("demographics",))
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "data").symlink_to(options.runs / "data")
    row = run_table(TABLE, again).rows[0]
    assert row.values == table.rows[0].values
    assert row.training["run"] == table.rows[0].training["run"]


def test_what_is_there_is_not_trained_or_measured_again(table, options, monkeypatch) -> None:
    def never(*args, **more):
        raise AssertionError("the run and the outcome are there")

    monkeypatch.setattr(fit, "train", never)
    monkeypatch.setattr(outcomes, "store", never)
    assert run_table(TABLE, options) == table
    only = run_table(TABLE, replace(options, rows=("bold",)))
    assert only == table, "the other rows and the claim are kept"


def test_another_budget_leaves_no_row_of_the_first(table, options, tmp_path) -> None:
    other = replace(options, out=tmp_path, examples=16, rows=("bold",))
    results.write(table, tmp_path)
    again = run_table(TABLE, other)
    assert [row.state for row in again.rows] == ["not trained", "trained", "not trained", "not trained"]
    assert again.claims == ()


def test_minutes_become_examples_by_the_slowest_row(options, tmp_path) -> None:
    timed = replace(options, examples=0, minutes=0.002, out=tmp_path, rows=("demographics", "bold"))
    budget = run_tables([TABLE], timed)[0].budget
    assert budget["slowest"] in ("demographics", "bold")
    asked = 60 * 0.002 / 2 / budget["seconds_per_example"]
    assert budget["examples"] == pytest.approx(max(16, asked), abs=1.5 + 0.01 * asked)


def test_the_file_holds_the_table(table, options) -> None:
    assert results.read("ha2024", "2", options.out) == table
    assert results.read_all(options.out) == (table,)
    written = json.loads(results.path("ha2024", "2", options.out).read_text("utf-8"))
    assert written["schema"] == results.SCHEMA
    results.path("ha2024", "2", options.out).write_text(json.dumps(written | {"schema": 0}), "utf-8")
    with pytest.raises(ValueError, match="schema"):
        results.read("ha2024", "2", options.out)
    results.write(table, options.out)


def test_tables_that_were_not_run_have_their_rows_too(table, tmp_path) -> None:
    results.write(table, tmp_path)
    other = replace(TABLE, key="9")
    fill([TABLE, other], tmp_path)
    assert results.read("ha2024", "2", tmp_path) == table
    written = results.read("ha2024", "9", tmp_path)
    assert [row.needs["said"] for row in written.rows][:2] == ["not run yet"] * 2
    assert "7" in written.row("dear").needs["said"]


def test_the_page_says_what_the_file_says(table, options) -> None:
    page = report.page(options.out)
    assert "| 2-layer network, demographics | measured |" in page
    assert "| 2-layer network, demographics | ha2024, Table 2 |" in page
    assert "the paper +0.113" in page
    assert "needs about 7 core-hours" in page
    assert f"{table.rows[0].values['auc'].value:.3f} (" in page
    assert report.csv([table]).count("\r\n") == 7


def test_a_network_keeps_the_checkpoint_that_validates_best(options) -> None:
    made = datasets.make(TABLE.data.few(PEOPLE), options.runs / "data")
    run = fit.fitted(TABLE, TABLE.rows[0], made, EXAMPLES, options.runs / "networks")
    lines = [json.loads(line) for line in (run.folder / "femur_demographics" / "log.jsonl").read_text().splitlines()]
    checks = {line["step"]: line["validation"]["macro_auc"] for line in lines if "validation" in line}
    assert len(checks) == fit.CHECKS
    assert checks[run.record["chosen_step"]] == max(checks.values())
    assert run.record["validation"]["macro_auc"] == pytest.approx(max(checks.values()), abs=1e-4)


def test_unknown_rows_are_refused(options) -> None:
    with pytest.raises(OptionError, match="demographics"):
        run_table(TABLE, replace(options, rows=("x",)))


def test_intervals_draw_people_not_items() -> None:
    rng = np.random.default_rng(0)
    people = np.repeat(np.arange(30), 10)
    right = np.repeat(rng.random(30) < 0.5, 10)
    outcome = Outcome(people, {"right": right}, "slices")
    alone = Outcome(np.arange(300), {"right": right}, "slices")
    figures = {"accuracy": lambda columns: float(columns["right"].mean())}
    wide, narrow = (compare.measured(o, figures, 200)["accuracy"] for o in (outcome, alone))
    assert wide.high - wide.low > 2 * (narrow.high - narrow.low)


def test_a_paired_difference_is_surer_than_two_intervals() -> None:
    rng = np.random.default_rng(1)
    one = rng.random(400) < 0.6
    other = one.copy()
    other[rng.permutation(np.flatnonzero(one))[:12]] = False
    a, b = (Outcome(np.arange(400), {"right": x}, "people") for x in (one, other))
    value, low, high, p = compare.difference(a, b, lambda columns: float(columns["right"].mean()), 500)
    assert value == pytest.approx(0.03)
    assert 0 < low < high < 0.06
    assert p < 0.02
    with pytest.raises(ValueError, match="same test items"):
        compare.difference(a, Outcome(np.arange(399), {"right": one[1:]}, "people"), lambda columns: 0.0)


def test_the_list_has_every_published_row(capsys, tmp_path) -> None:
    assert cli.main(["reproduce", "--list", "--out", str(tmp_path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 45
    assert all(" | " in line for line in lines)
    assert cli.main(["reproduce"]) == 2
    assert cli.main(["reproduce", "choi2021", "--examples", "-1"]) == 2


def test_the_committed_page_is_that_of_the_committed_files() -> None:
    assert (results.RESULTS / report.PAGE).read_text("utf-8") == report.page()
    assert {(one.paper, one.table) for one in results.read_all()} <= {(t.paper, t.key) for t in papers.tables()}


@pytest.mark.slow
def test_every_table_runs_small(tmp_path) -> None:
    words = ["reproduce", "--all", "--budget", "1", "--people", "9", "--runs", str(tmp_path / "runs")]
    assert cli.main([*words, "--out", str(tmp_path / "out")]) == 0
    found = results.read_all(tmp_path / "out")
    assert len(found) == len(papers.tables())
    for one in found:
        for row in one.rows:
            assert row.values or row.needs["said"]
