"""The calls into the library: one network at a time, networks loaded ahead, nothing imported too early."""

from __future__ import annotations

import json
import threading
import time

import pytest

from bmd import modality
from bmd.app import work
from bmd.errors import TooLongError, WeightsError
from bmd.findings import note
from bmd.models import _turn as turn


def test_only_networks_wait_for_each_other_and_the_second_visitor_is_told(fakes, monkeypatch):
    monkeypatch.setattr(turn, "TELL_EVERY_S", 0.02)
    together, inside, most, said = threading.Barrier(3), [], [], []

    def run(study, progress, models):
        progress(0.2, note("progress.checking_picture"))
        together.wait(20)  # all three are read and checked at once
        with turn.TURN.taken():
            inside.append(1)
            most.append(len(inside))
            time.sleep(0.2)
            inside.pop()
        return fakes.report()

    def visit() -> None:
        told = []
        said.append(told)
        work.analyse_best(modality.Opened(fakes.study()), lambda share, what: told.append((share, what.code)))

    monkeypatch.setattr(modality, "analyse", run)
    threads = [threading.Thread(target=visit) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert most == [1, 1, 1]
    waited = [told for told in said if any(code.startswith("app.waiting") for _, code in told)]
    assert len(waited) == 2
    assert all(share == 0.2 for told in said for share, _ in told), "the bar stays where it is"


def test_the_log_tells_how_long_it_took_and_nothing_of_whom(fakes, monkeypatch, caplog):
    monkeypatch.setattr(modality, "analyse", lambda study, progress, models: fakes.report())
    with caplog.at_level("INFO", "bmd.app.work"):
        work.analyse_best(modality.Opened(fakes.study()), lambda share, what: None)
    (line,) = [record.getMessage() for record in caplog.records]
    took = json.loads(line.removeprefix("served "))
    assert set(took) == {
        *("errand", "kind", "seconds", "calls", "network_s", "waited_s", "earlier_s", "later_s"),
    }
    assert took["kind"] == "film"
    assert fakes.study().uid not in line


@pytest.mark.parametrize("error", [WeightsError("network.not_installed", name="x"), KeyboardInterrupt()])
def test_a_failed_or_stopped_analysis_leaves_the_turn_to_the_next(fakes, monkeypatch, error):
    def fail(study, progress, models=None):
        with turn.TURN.taken():
            raise error

    monkeypatch.setattr(modality, "analyse", fail)
    for _ in range(2):
        with pytest.raises(type(error)):
            work.analyse_best(modality.Opened(fakes.study()), lambda share, what: None)


def test_an_analysis_that_takes_too_long_is_given_up_at_its_next_network(fakes, monkeypatch):
    monkeypatch.setenv("OSTEOLENS_TIME_LIMIT_S", "0.05")
    ran = []

    def slow(study, progress, models=None):
        time.sleep(0.06)
        with turn.TURN.taken():
            ran.append(1)

    monkeypatch.setattr(modality, "analyse", slow)
    with pytest.raises(TooLongError):
        work.analyse_best(modality.Opened(fakes.study()), lambda share, what: None)
    assert ran == []
    with turn.TURN.taken():
        pass


@pytest.mark.parametrize("error", [None, WeightsError("network.not_installed", name="x"), ImportError("torch")])
def test_networks_are_loaded_once_and_a_failure_is_only_logged(fakes, monkeypatch, error):
    calls = []

    def analyse(study, progress, models=None):
        calls.append(study)
        if error is not None:
            raise error

    monkeypatch.setattr(work, "analyse", analyse)
    monkeypatch.setattr(work, "WARM_UP_AFTER_S", 0.0)
    monkeypatch.delenv("OSTEOLENS_WARM_UP", raising=False)
    work.warm_up.clear()
    try:
        thread = work.warm_up()
        assert work.warm_up() is thread
        thread.join(20)
        assert not thread.is_alive()
        assert len(calls) == 1
    finally:
        work.warm_up.clear()


def test_loading_ahead_can_be_left_out(monkeypatch):
    monkeypatch.setenv("OSTEOLENS_WARM_UP", "0")
    work.warm_up.clear()
    assert work.warm_up() is None
    work.warm_up.clear()
