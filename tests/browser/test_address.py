"""A visitor's tab: the address opens a case, Back leads to the picker, a reload keeps the film, nobody else sees it."""

from __future__ import annotations

import pytest

from bmd.app.film import samples

pytestmark = pytest.mark.browser
TOKEN = "osteolens-tab"


def test_back_reload_and_another_browser(page, address):
    page.set_default_timeout(90_000)
    page.goto(f"{address}/?case=nonsense")
    page.get_by_text("not among those below").wait_for()
    page.locator(".st-key-sample_osteopenia img").click(force=True)  # where the picture is; the button lies over it
    page.locator(".ol-headline").wait_for()
    assert page.url == f"{address}/?case=osteopenia"
    page.go_back()
    page.locator(".st-key-sample_normal").wait_for()
    page.wait_for_function("() => document.querySelector('[data-test-script-state=notRunning]')")

    film = samples.SAMPLES.named("normal").path.read_bytes()
    file = {"name": "private.dcm", "mimeType": "application/octet-stream", "buffer": film}
    page.locator("input[type=file]").set_input_files(file)
    page.locator(".ol-file", has_text="private.dcm").wait_for()
    page.locator(".ol-headline").wait_for()
    before = page.locator(".ol-headline").inner_text()
    assert page.url == f"{address}/?case=own-1"
    page.get_by_role("tab", name="Age curve").click()
    page.locator("canvas[role=application]").focus()
    page.keyboard.press("+")
    hud = page.locator(".hud")
    page.wait_for_function("h => !h.textContent.includes('zoom 100 %')", arg=hud.element_handle())
    zoomed = hud.inner_text()

    page.reload()
    page.locator(".ol-headline").wait_for()
    assert page.locator(".ol-headline").inner_text() == before
    assert "private.dcm" in page.locator(".ol-file").inner_text()
    page.get_by_role("tab", name="Age curve", selected=True).wait_for()
    page.locator(".hud").filter(has_text=zoomed).wait_for()
    assert page.evaluate(f"sessionStorage.getItem('{TOKEN}')") is None, "the key waits only while the page is away"
    _nobody_else(page, address)
    assert page.problems == []


def _nobody_else(page, address) -> None:
    with page.context.expect_page() as opened:  # a tab opened from this one starts with a copy of its storage
        page.evaluate("url => void window.open(url)", f"{address}/?case=own-1")
    for other in (opened.value, page.context.browser.new_context().new_page()):
        other.goto(f"{address}/?case=own-1")
        other.get_by_text("This address belongs to a file").wait_for(timeout=90_000)
        assert other.locator(".ol-headline").count() == 0
        other.close()
