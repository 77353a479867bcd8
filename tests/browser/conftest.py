"""A running app and a page of a browser for every browser test."""

from __future__ import annotations

import pytest

from tests.browser.server import browser, chromium, running_app


@pytest.fixture(scope="session")
def address():
    """Address of an app that was just started."""
    pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if chromium() is None:
        pytest.skip("no Chromium; install it or set OSTEOLENS_CHROMIUM to its path")
    with running_app() as found:
        yield found


@pytest.fixture
def page(address):
    """A browser's page that notes every request to another host and every error of a script."""
    with browser() as window:
        page = window.new_page(viewport={"width": 1440, "height": 900})
        page.set_default_timeout(45_000)
        page.problems = []
        page.on("request", lambda r: None if _local(r.url, address) else page.problems.append(r.url))
        page.on("pageerror", lambda error: page.problems.append(str(error)))
        yield page


def _local(url: str, address: str) -> bool:
    return url.startswith((address, "data:", "blob:", address.replace("http", "ws")))
