"""How often the server runs a script for ten clicks: ``python -m tests.browser.clicks [another checkout]``."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

from tests.browser import screenshots
from tests.browser.server import ROOT, browser, running_app

WHOLE, EARLY, PART = "whole page", "whole page, broken off", "fragment"


def count_runs(page) -> Counter:
    """Scripts that finish from now on, by kind; call it before the page is opened."""
    from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

    kinds = {
        ForwardMsg.FINISHED_SUCCESSFULLY: WHOLE,
        ForwardMsg.FINISHED_EARLY_FOR_RERUN: EARLY,
        ForwardMsg.FINISHED_FRAGMENT_RUN_SUCCESSFULLY: PART,
    }
    runs: Counter = Counter()

    def received(payload) -> None:
        message = ForwardMsg()
        message.ParseFromString(payload)
        if message.WhichOneof("type") == "script_finished":
            runs[kinds[message.script_finished]] += 1

    page.on("websocket", lambda socket: socket.on("framereceived", received))
    return runs


def settle(page, calm_polls: int = 12) -> None:
    """Wait until no script has run for more than a second: between two runs the page looks calm for a moment."""
    calm = 0
    while calm < calm_polls:
        page.wait_for_timeout(100)
        running = page.evaluate("() => !document.querySelector('[data-test-script-state=notRunning]')")
        calm = 0 if running else calm + 1


def film(page) -> list:
    """Four clicks on the heat maps of a film."""
    screenshots.open_case(page)
    return [lambda: page.get_by_text("Heat maps", exact=True).first.click()] * 4


def ct(page) -> list:
    """Heat maps of a CT, then two other levels."""
    screenshots.ct_page(page)
    screenshots.open_ct(page)
    page.get_by_role("tab", name="Heat maps").click()
    level = page.get_by_test_id("stButtonGroup")
    return [
        lambda: page.get_by_role("button", name="Draw heat maps").click(),
        *(lambda name=name: level.get_by_text(name, exact=True).first.click() for name in ("L2", "L3")),
    ]


def dxa(page) -> list:
    """A vertebra left out, heat map on and off."""
    screenshots.dxa_page(page)
    screenshots.open_dxa(page)
    heat = page.get_by_text("Heat map", exact=True).first
    return [lambda: page.get_by_test_id("stButtonGroup").get_by_text("L2", exact=True).click(), heat.click, heat.click]


def main(root: Path) -> None:
    """Print the runs of each page's clicks."""
    total: Counter = Counter()
    with running_app(root) as address, browser() as window:
        page = window.new_page(viewport={"width": 1440, "height": 900})
        page.set_default_timeout(120_000)
        runs = count_runs(page)
        page.goto(address)
        page.get_by_role("heading", name="Spine X-ray").wait_for()
        for steps in (film, ct, dxa):
            clicks = steps(page)
            settle(page)
            runs.clear()
            for click in clicks:
                click()
                settle(page)
            print(steps.__name__, len(clicks), "clicks:", dict(runs))
            total += runs
    print("all:", dict(total))


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT)
