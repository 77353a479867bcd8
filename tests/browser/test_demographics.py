"""A visitor types a patient: the answer, the what-if slider, another unit, another page and back."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.browser


def type_number(page, label: str, value: str) -> None:
    """Fill a field as a visitor does, and leave it."""
    field = page.get_by_role("spinbutton", name=label).first  # the what-if tab has one of the same name
    field.fill(value)
    field.press("Enter")


def test_form_result_what_if_and_back(page, address):
    page.set_default_timeout(60_000)
    page.goto(f"{address}/demographics")
    page.get_by_text("What you get").wait_for()
    type_number(page, "Age (years)", "67")
    page.locator(".ol-headline").wait_for()
    page.get_by_role("radio", name="Female").first.click()
    type_number(page, "Height (cm)", "160")
    type_number(page, "Weight (kg)", "58")
    page.get_by_text("Body mass index 22.7").wait_for()
    page.get_by_text("Not given").wait_for(state="hidden")
    before = page.locator(".ol-headline").inner_text()
    assert "T-score −" in before

    tab = page.get_by_role("tab", name="What if")
    page.wait_for_function("() => document.querySelectorAll('[role=tablist]').length === 1")  # old ones are gone
    tab.click()
    slider = page.get_by_role("slider", name="Weight (kg)")
    slider.focus()
    for _ in range(5):
        page.keyboard.press("ArrowRight")
    page.get_by_role("button", name="Back to the patient").and_(page.locator(":enabled")).wait_for()
    assert page.locator(".ol-headline").inner_text() == before

    page.get_by_role("link", name="About").click()
    page.get_by_role("heading", name="Privacy").wait_for()
    page.get_by_role("link", name="Demographics").click()
    page.locator(".ol-headline").wait_for()
    assert page.locator(".ol-headline").inner_text() == before
    type_number(page, "Age (years)", "35")
    page.get_by_text("Z-score").first.wait_for()
    assert "T-score" not in page.locator(".ol-headline").inner_text()
    assert page.get_by_text("Traceback").count() == 0
    assert page.problems == []
