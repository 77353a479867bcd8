"""One visitor's errand: a bar that never falls, what is said while waiting, and when it is given up."""

from __future__ import annotations

import time

import pytest

from bmd.app import visit
from bmd.errors import OptionError, TooLongError
from bmd.findings import note


@pytest.fixture
def said():
    """What the page was told: (share, code, count)."""
    return []


@pytest.fixture
def told(said):
    """A visit whose page notes what it is told."""
    return visit.Visit(lambda share, what: said.append((share, what.code, dict(what.values).get("count"))))


def test_the_bar_stays_where_it_is_while_others_come_first(told, said):
    told.step(0.3, note("progress.finding_vertebrae"))
    told.waits(4)
    told.waits(0)
    told.begins()
    told.step(0.1, note("progress.checking_picture"))  # a second series of the same upload
    assert said == [
        (0.3, "progress.finding_vertebrae", None),
        (0.3, "app.waiting_behind", 4),
        (0.3, "app.waiting", None),
        (0.3, "progress.finding_vertebrae", None),
        (0.3, "progress.checking_picture", None),
    ]


def test_work_that_takes_too_long_ends_with_what_to_do(monkeypatch, said):
    monkeypatch.setenv(visit.LIMIT, "0.05")
    told = visit.Visit(lambda share, what: said.append(what.code))
    told.step(0.1, note("progress.checking_picture"))
    time.sleep(0.06)
    with pytest.raises(TooLongError) as raised:
        told.begins()
    assert raised.value.finding.code == "app.too_long"
    assert "smaller" in raised.value.parts["remedy"]
    assert said == ["progress.checking_picture"]


def test_waiting_too_long_says_that_others_came_first(monkeypatch):
    monkeypatch.setenv(visit.LIMIT, "0.05")
    told = visit.Visit(lambda share, what: None)
    told.waits(3)
    time.sleep(0.06)
    with pytest.raises(TooLongError) as raised:
        told.waits(2)
    assert raised.value.finding.code == "app.too_busy"


@pytest.mark.parametrize("given", ["soon", "0", "-1", "nan", "inf"])
def test_a_limit_that_is_none_is_refused(monkeypatch, given):
    monkeypatch.setenv(visit.LIMIT, given)
    with pytest.raises(OptionError, match=visit.LIMIT):
        visit.limit_s()


def test_without_the_variable_there_is_a_limit(monkeypatch):
    monkeypatch.delenv(visit.LIMIT, raising=False)
    assert visit.limit_s() == visit.LIMIT_S
