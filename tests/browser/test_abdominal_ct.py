"""A visitor with a real browser: uploads a CT, turns slices, reads the result, and finds it on the Together page."""

from __future__ import annotations

import pytest

from bmd.app.ct import samples as ct_samples

pytestmark = pytest.mark.browser
SLOW = 180_000
"""Milliseconds for a whole CT on a busy machine."""


@pytest.fixture(scope="module")
def archive() -> bytes:
    """A simulated CT as a zip of DICOM slices."""
    return ct_samples.SAMPLES[0].path.read_bytes()


def test_upload_planes_result_and_together(page, address, archive):
    page.goto(f"{address}/abdominal_ct")  # a deep link
    page.get_by_role("heading", name="Abdominal CT").wait_for()
    file = {"name": "scan", "mimeType": "application/octet-stream", "buffer": archive}
    page.locator("input[type=file]").set_input_files(file)  # no ending: the content counts
    page.locator("canvas[role=application]").first.wait_for(timeout=SLOW)
    page.locator(".ol-table").first.wait_for(timeout=SLOW)
    table = page.locator(".ol-table").first.inner_text()
    assert "±" in table, "HU of a body"
    _check_planes(page)

    page.get_by_role("link", name="Together").click()
    page.get_by_text("Attenuation on CT").or_(page.get_by_text("Nothing to compare yet")).first.wait_for()
    page.get_by_role("link", name="Abdominal CT").first.click()
    page.locator("canvas[role=application]").first.wait_for(timeout=SLOW)
    page.get_by_text("Every figure, and what it was learned from").wait_for(state="hidden")  # the other page's table
    page.locator(".ol-table").first.wait_for()
    assert page.locator(".ol-table").first.inner_text() == table, "the result survives another page"
    assert page.get_by_text("Traceback").count() == 0
    assert page.problems == []


def _check_planes(page) -> None:
    page.locator(".loading").wait_for(state="hidden", timeout=SLOW)
    panes = page.locator(".pane")
    assert panes.count() == 3
    axial = page.locator("[data-plane=axial]")
    canvas, tag = axial.locator("canvas"), axial.locator(".tag")
    assert "vertebrae outlined" in canvas.get_attribute("aria-label")
    before = tag.inner_text()
    assert _brightness(canvas) > 5
    canvas.hover()
    page.mouse.wheel(0, 300)
    page.wait_for_function("([t, was]) => t.textContent !== was", arg=[tag.element_handle(), before])
    bright = _brightness(canvas)
    page.get_by_role("button", name="Soft tissue").click()
    page.wait_for_timeout(300)
    assert _brightness(canvas) != pytest.approx(bright, rel=0.1)
    axial.locator(".grow").click()
    page.wait_for_function("t => t.textContent.includes('window -160 to 240 HU')", arg=tag.element_handle())
    canvas.focus()
    page.keyboard.press("v")
    assert "HU in" in page.locator(".live").inner_text() or page.locator(".live").inner_text()


def _brightness(canvas) -> float:
    return canvas.evaluate(
        "c => { const d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data; let s = 0;"
        " for (let i = 0; i < d.length; i += 4) s += d[i]; return 4 * s / d.length; }"
    )


def test_wrong_file_gets_a_calm_message(page, address):
    page.goto(f"{address}/abdominal_ct")
    page.get_by_role("heading", name="Abdominal CT").wait_for()
    file = {"name": "ct.dcm", "mimeType": "application/octet-stream", "buffer": b"This is only text.\n" * 40}
    page.locator("input[type=file]").set_input_files(file)
    page.get_by_test_id("stAlert").wait_for()
    assert "A CT is needed" in page.get_by_test_id("stAlert").inner_text()
    assert page.problems == []
