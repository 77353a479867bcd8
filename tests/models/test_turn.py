"""The turn: one network at a time, first come first served, and passed on whatever happens."""

from __future__ import annotations

import threading
import time

import pytest

from bmd.errors import WeightsError
from bmd.inference.engine import TorchEngine
from bmd.models._turn import TURN, Turn


class Silent:
    """Is told of nothing."""

    def waits(self, before: int) -> None:
        """Nothing happens."""

    def begins(self) -> None:
        """Nothing happens."""


class Left(BaseException):
    """As Streamlit stops a page: no ``except Exception`` catches it."""


def wait_until(true) -> None:
    """Until it is true; a test that waits in vain fails."""
    end = time.monotonic() + 20
    while not true():
        assert time.monotonic() < end
        time.sleep(0.002)


def visitors(turn: Turn, count: int, calls: int, served: list) -> list[threading.Thread]:
    """Threads that came one after the other, each with so many networks to run."""
    came = threading.Semaphore(0)

    def visit(name: int) -> None:
        with turn.errand(Silent()):
            came.release()
            for _ in range(calls):
                with turn.taken():
                    served.append(name)

    threads = []
    for name in range(count):
        threads.append(threading.Thread(target=visit, args=(name,), daemon=True))
        threads[-1].start()
        came.acquire(timeout=20)
        wait_until(lambda name=name: len(turn._queue) == name + 1)  # waits for its first network
    return threads


def test_who_came_first_is_served_first_and_nobody_is_left_out():
    turn, served = Turn(), []
    with turn.taken():
        threads = visitors(turn, 12, 3, served)
    for thread in threads:
        thread.join(20)
    assert sorted(served) == sorted(list(range(12)) * 3)
    assert [name for k, name in enumerate(served) if name not in served[:k]] == list(range(12))


def test_a_second_network_of_an_earlier_visitor_goes_before_later_visitors():
    turn, served, back = Turn(), [], threading.Event()

    def early() -> None:
        with turn.errand():
            back.set()
            time.sleep(0.3)  # reads and checks, while the others queue
            with turn.taken():
                served.append("early")

    first = threading.Thread(target=early, daemon=True)
    first.start()
    back.wait(20)
    with turn.taken():
        others = visitors(turn, 3, 1, served)
        wait_until(lambda: len(turn._queue) == 4)
    for thread in (first, *others):
        thread.join(20)
    assert served == ["early", 0, 1, 2]


def test_one_network_at_a_time_while_everything_else_runs_beside_it():
    turn, inside, most = Turn(), [], []
    together = threading.Barrier(4)

    def visit() -> None:
        with turn.errand():
            together.wait(20)  # all four are at work at once: no turn is needed for it
            for _ in range(5):
                with turn.taken():
                    inside.append(1)
                    most.append(len(inside))
                    time.sleep(0.002)
                    inside.pop()

    threads = [threading.Thread(target=visit, daemon=True) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert most == [1] * 20


@pytest.mark.parametrize("error", [WeightsError("network.not_installed", name="x"), KeyboardInterrupt()])
def test_the_turn_is_passed_on_by_a_network_that_fails_and_by_a_page_that_is_stopped(error):
    turn = Turn()
    with pytest.raises(type(error)), turn.errand(), turn.taken():
        raise error
    with turn.taken():
        pass
    assert turn._open == set()


def test_who_gives_up_waiting_leaves_the_queue():
    class Gone(Silent):
        def waits(self, before: int) -> None:
            raise Left

    turn, ended = Turn(), []

    def visit() -> None:
        try:
            with turn.errand(Gone()), turn.taken():
                ended.append("served")
        except Left:
            ended.append("gave up")

    with turn.taken():
        thread = threading.Thread(target=visit)
        thread.start()
        thread.join(20)
        assert ended == ["gave up"]
        assert turn._queue == []
    with turn.taken():
        pass


def test_who_waits_is_told_how_many_are_before_and_what_it_took(monkeypatch):
    monkeypatch.setattr("bmd.models._turn.TELL_EVERY_S", 0.01)
    turn, said, errands = Turn(), [], []

    class Told(Silent):
        def waits(self, before: int) -> None:
            said.append(before)

    def visit() -> None:
        with turn.errand(Told()) as errand:
            errands.append(errand)
            with turn.taken():
                time.sleep(0.01)

    with turn.errand() as first:
        with turn.taken():
            thread = threading.Thread(target=visit, daemon=True)
            thread.start()
            wait_until(lambda: len(said) > 2)
        thread.join(20)
    (mine,) = errands
    assert set(said) == {1}
    assert mine.calls == 1
    assert mine.network_s >= 0.01
    assert mine.later_s == 0
    assert mine.earlier_s <= mine.waited_s <= mine.earlier_s + 1
    assert mine.earlier_s <= first.network_s


def test_a_network_inside_a_network_needs_no_second_turn():
    with TURN.taken(), TURN.taken():
        pass


def test_threads_get_the_same_answers_and_load_each_network_once(monkeypatch):
    from bmd.models import _registry

    loaded, original = [], _registry.load
    monkeypatch.setattr(_registry, "load", lambda name, *rest: loaded.append(name) or original(name, *rest))
    engine = TorchEngine("cpu", bf16=False)
    inputs = _registry.build("view_cnn").example()[0].numpy()
    answers = []
    threads = [threading.Thread(target=lambda: answers.append(engine.run("view_cnn", inputs))) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert loaded == ["view_cnn"]
    assert len(answers) == 6
    assert all((answer["logits"] == answers[0]["logits"]).all() for answer in answers)
