"""A visitor looks at the evidence: tables, a plot, Back, a card by its address; and has two networks compared."""

from __future__ import annotations

import pytest

from tests.browser import looks

pytestmark = pytest.mark.browser
BEYOND = "() => document.querySelector('.stMain').scrollWidth - document.querySelector('.stMain').clientWidth"


def test_tables_plots_card_and_comparison(page, address):
    page.goto(f"{address}/evidence")
    page.locator("main .ol-table").first.wait_for()
    page.get_by_text("Jung 2020, lateral").click()
    page.get_by_text("Other people's patients").first.wait_for()

    page.get_by_role("tab", name="Plots").click()
    page.locator(".js-plotly-plot text").first.wait_for()
    assert page.url.endswith("part=plots")
    looks.settle(page)
    page.set_viewport_size({"width": looks.PHONE[0], "height": looks.PHONE[1]})
    page.wait_for_timeout(300)
    assert page.evaluate(BEYOND) <= 0, "nothing to scroll sideways"
    page.set_viewport_size({"width": looks.WIDE[0], "height": looks.WIDE[1]})

    page.goto(f"{address}/evidence?network=cmnet")
    page.get_by_text("How it was made").click()
    page.get_by_text("Weights, SHA-256").wait_for()

    page.get_by_role("tab", name="Compare").click()
    page.get_by_role("button", name="Compare").click()
    page.get_by_role("heading", name="Where they agree and differ").wait_for()
    page.locator("main img").nth(1).wait_for()
    assert page.problems == []
