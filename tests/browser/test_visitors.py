"""Three visitors at once, without browsers: each gets their own result, and a bar that never falls while they wait."""

from __future__ import annotations

import threading

import pytest

from tests.benchmarks.load import by_websocket, wishes
from tests.benchmarks.visitors import Visitor

pytestmark = pytest.mark.browser


def test_three_at_once_each_get_their_own_result(address):
    cases = ("Osteopenia", "Osteoporosis", "Front view")
    ready, came, seen = threading.Barrier(3), {}, {}

    def visit(case: str) -> None:
        with Visitor(address) as visitor:
            seen[case] = visitor.seen
            ready.wait(60)
            visitor.click(case)
            came[case] = visitor.wait_for_card()

    threads = [threading.Thread(target=visit, args=(case,)) for case in cases]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(180)
    assert came == {"Osteopenia": "card", "Osteoporosis": "card", "Front view": "refused"}
    assert len({one.session for one in seen.values()}) == 3
    for case, one in seen.items():
        shares = [share for share, _ in one.said]
        assert shares == sorted(shares), case
        assert case in one.named, "the page names the visitor's own case"


def test_a_visitor_who_leaves_in_the_middle_does_not_hold_up_the_next(address):
    with Visitor(address, "abdominal_ct") as gone:
        gone.click("Fracture")
        gone.until(lambda seen: seen.said, "the progress bar")
    (record,) = by_websocket(address, wishes(1, ()))
    assert record["came"] == "card"
