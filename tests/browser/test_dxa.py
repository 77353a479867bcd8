"""A visitor on the DXA page: opens a case, leaves a vertebra out, is refused with a hip."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.browser


def test_case_proposal_and_refusal(page, address):
    page.set_default_timeout(90_000)
    page.goto(f"{address}/dxa")
    page.get_by_role("heading", name="DXA image").wait_for()
    page.get_by_role("button", name="Uneven levels", exact=True).click()
    page.locator(".ol-headline").wait_for()
    page.get_by_text("Leave out").first.wait_for()
    assert "g/cm²" in page.locator(".ol-headline").inner_text()
    page.get_by_role("button", name="Another image").click()
    page.get_by_role("button", name="Hip scan", exact=True).click()
    page.locator(".ol-refusal").wait_for()
    assert "other than the lumbar spine" in page.locator(".ol-refusal").inner_text()
    assert page.problems == []
