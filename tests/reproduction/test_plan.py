"""What tables say of themselves before anything is run."""

from __future__ import annotations

from itertools import combinations

import pytest

from bmd.errors import OptionError
from bmd.evaluation.published import RESULTS
from bmd.reproduction import datasets, papers
from bmd.reproduction.plan import SPLITS, Data
from bmd.reproduction.run import checked
from bmd.text import text

TABLES = papers.tables()


def test_nobody_is_in_two_splits() -> None:
    with pytest.raises(OptionError) as raised:
        Data("x", "ct", "film", range(10), range(20, 30), range(25, 40))
    assert raised.value.finding.code == "result.people_overlap"
    assert raised.value.finding.values == {"data": "x", "one": "validation", "other": "test"}
    with pytest.raises(OptionError):
        Data("x", "ct", "film", range(100), range(40, 50), range(200, 300))
    Data("x", "ct", "film", range(10), range(10, 20), range(0))


def test_files_that_share_people_are_refused_whatever_was_asked() -> None:
    datasets.check_apart("x", [("train", (0, 99)), ("train", (100, 199)), ("test", (200, 299))])
    with pytest.raises(OptionError) as raised:
        datasets.check_apart("x", [("train", (0, 99)), ("train", (100, 199)), ("test", (199, 299))])
    assert raised.value.finding.code == "result.people_overlap"


def test_data_sets_share_no_person() -> None:
    sets = [*(value for value in vars(datasets).values() if isinstance(value, Data)), *datasets.BY_CONSOLE]
    ranges = [(data.name, data.seeds(split)) for data in sets for split in SPLITS if data.seeds(split)]
    for (one, a), (other, b) in combinations(ranges, 2):
        assert a[-1] < b[0] or b[-1] < a[0], (one, other)
    assert min(seeds[0] for _, seeds in ranges) > 9_100_000, "what shipped networks saw ends there"


def test_few_people_are_the_first_of_each_split() -> None:
    few = datasets.CT_CLINIC.few(12)
    assert [len(few.seeds(split)) for split in SPLITS] == [12, 12, 12]
    assert few.test[0] == datasets.CT_CLINIC.test[0]
    assert few.name != datasets.CT_CLINIC.name


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_rows_have_keys_names_and_published_rows_that_exist(table) -> None:
    keys = [row.key for row in table.rows]
    assert len(set(keys)) == len(keys)
    for row in table.rows:
        assert row.published or row.label
        assert (table.beside(row) is not None) == bool(row.published)
    assert text(f"result.table.{table.name}")
    checked([table])


def test_unknown_names_are_said_with_those_that_are_known() -> None:
    with pytest.raises(OptionError, match="choi2021"):
        papers.find("choi", "2")
    with pytest.raises(OptionError, match="figure-3"):
        papers.find("choi2021", "9")
    with pytest.raises(OptionError, match="pair-no-dis"):
        papers.find("choi2021", "2").row("x")


def test_every_published_row_has_one_of_ours_beside_it() -> None:
    beside = [table.beside(row) for table in TABLES for row in table.rows if row.published]
    assert len(beside) == len(set(map(id, beside))), "one row of ours for each of theirs"
    assert set(map(id, beside)) == set(map(id, RESULTS))
