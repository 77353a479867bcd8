"""A visitor with a real browser: uploads a film, reads the result, uploads a wrong file, leaves and comes back."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def film() -> bytes:
    """A simulated lateral film as a DICOM file."""
    from bmd.report.film.dicom import film_dicom
    from bmd.simulator.case import simulate_film

    return film_dicom(simulate_film(102, 512, finding="osteopenia").study)


def _upload(page, name: str, data: bytes) -> None:
    file = {"name": name, "mimeType": "application/octet-stream", "buffer": data}
    page.locator("input[type=file]").set_input_files(file)


def test_upload_result_other_page_and_back(page, address, film):
    page.goto(f"{address}/about")  # the first request of a cold server is a deep link
    page.locator(".ol-intended").wait_for()
    page.get_by_role("link", name="Spine X-ray").click()
    _upload(page, "renamed.dcm", b"This is only text.\n" * 40)
    page.get_by_test_id("stAlert").wait_for()
    assert "text" in page.get_by_test_id("stAlert").inner_text()

    page.reload()
    _upload(page, "film", film)  # no ending: the content counts
    page.locator(".ol-headline").wait_for()
    before = page.locator(".ol-headline").inner_text()
    assert "T-score" in before
    table = page.locator(".ol-table").first.inner_text()
    assert all(level in table for level in ("L2", "L3", "L4"))
    _check_viewer(page)

    _choose_another_network(page)
    before = page.locator(".ol-headline").inner_text()
    page.get_by_role("link", name="About").click()
    page.get_by_text("Held now in this session: one film").wait_for()
    page.get_by_role("link", name="Spine X-ray").click()
    page.locator(".ol-headline").wait_for()
    assert page.locator(".ol-headline").inner_text() == before
    assert page.get_by_text("Traceback").count() == 0
    assert page.problems == []


def _choose_another_network(page) -> None:
    page.get_by_text("Networks", exact=True).click()
    box, other = page.get_by_role("combobox", name="Vertebrae found by"), page.get_by_role("option", name="RetinaNet")
    box.wait_for()
    for _ in range(20):  # a list that opens while its box still unfolds closes at once
        page.wait_for_timeout(800)
        if not other.is_visible():
            box.press("ArrowDown")
            page.wait_for_timeout(400)
        if other.is_visible():
            break
    other.click()
    page.locator(".ol-headline").wait_for(state="hidden")
    page.locator(".ol-headline").wait_for()
    page.get_by_role("tab", name="Model and method").click()
    page.get_by_text("Vertebrae found by RetinaNet").wait_for()
    assert "T-score" in page.locator(".ol-headline").inner_text()


def _check_viewer(page) -> None:
    canvas = page.locator("canvas[role=application]")
    assert "vertebrae outlined" in canvas.get_attribute("aria-label")
    hud = page.locator(".hud")
    page.wait_for_function("h => h.textContent.includes('zoom 100 %')", arg=hud.element_handle())  # drawn a frame later
    bright = "c => { const d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data; let s = 0;"
    bright += " for (let i = 0; i < d.length; i += 4) s += d[i]; return s / d.length; }"
    normal = canvas.evaluate(bright)
    canvas.focus()
    page.keyboard.press("i")
    page.wait_for_function("h => h.textContent.includes('inverted')", arg=hud.element_handle())
    assert canvas.evaluate(bright) != pytest.approx(normal, rel=0.05)
    page.keyboard.press("+")
    page.wait_for_function("h => !h.textContent.includes('zoom 100 %')", arg=hud.element_handle())
    page.keyboard.press("v")
    assert "Detection score" in page.locator(".tip").inner_text()
    page.get_by_text("Heat maps", exact=True).first.click()
    page.get_by_role("columnheader", name="Even map").wait_for()
    assert "zoom 100 %" not in hud.inner_text(), "the zoom is kept when an overlay comes"
