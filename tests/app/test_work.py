"""The calls into the library: one film at a time, networks loaded ahead, nothing imported too early."""

from __future__ import annotations

import threading
import time

import pytest

from bmd import modality
from bmd.app import work
from bmd.errors import WeightsError


def test_films_are_analysed_one_at_a_time_and_the_second_visitor_is_told(fakes, monkeypatch):
    inside, most, said = [], [], []

    def run(study, progress, models):
        inside.append(1)
        most.append(len(inside))
        time.sleep(0.2)
        inside.pop()
        return fakes.report()

    monkeypatch.setattr(modality, "analyse", run)
    threads = [
        threading.Thread(target=work.analyse, args=(fakes.study(), lambda share, what: said.append(what.code)))
        for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert most == [1, 1, 1]
    assert said == ["app.waiting"] * 2


def test_a_failed_analysis_leaves_the_turn_to_the_next(fakes, monkeypatch):
    def fail(study, progress, models=None):
        raise WeightsError("network.not_installed", name="x")

    monkeypatch.setattr(modality, "analyse", fail)
    for _ in range(2):
        with pytest.raises(WeightsError):
            work.analyse(fakes.study(), lambda share, what: None)


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
