"""A visitor on the DXA page: opens a case, leaves a vertebra out, is refused with a hip."""

from __future__ import annotations

import pytest

from tests.browser.server import browser, chromium, running_app

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def page():
    """A browser's page on the DXA page of an app that was just started."""
    pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if chromium() is None:
        pytest.skip("no Chromium; install it or set OSTEOLENS_CHROMIUM to its path")
    with running_app() as address, browser() as window:
        page = window.new_page(viewport={"width": 1440, "height": 1000})
        page.set_default_timeout(90_000)
        page.goto(f"{address}/dxa")
        page.get_by_role("heading", name="DXA image").wait_for()
        yield page


def test_case_proposal_and_refusal(page):
    page.get_by_role("button", name="Uneven levels", exact=True).click()
    page.locator(".ol-headline").wait_for()
    page.get_by_text("Leave out").first.wait_for()
    assert "g/cm²" in page.locator(".ol-headline").inner_text()
    page.get_by_role("button", name="Another image").click()
    page.get_by_role("button", name="Hip scan", exact=True).click()
    page.locator(".ol-refusal").wait_for()
    assert "No lumbar spine" in page.locator(".ol-refusal").inner_text()
