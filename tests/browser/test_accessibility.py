"""Every page can be read, heard and worked with keys: axe-core, contrast, focus, titles, zoom, motion."""

from __future__ import annotations

import pytest

from tests.browser import looks

pytestmark = pytest.mark.browser
SLOW = 120_000
TEXT_FILE = {"name": "a.dcm", "mimeType": "application/octet-stream", "buffer": b"This is only text.\n" * 40}


def at(page, address, name: str) -> None:
    """Open a page at 1366 x 768."""
    page.set_default_timeout(SLOW)
    page.set_viewport_size({"width": looks.WIDE[0], "height": looks.WIDE[1]})
    page.goto(f"{address}/{name}")
    page.locator("main h1").wait_for()


def case(page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


def film(page, address, views) -> list[str]:
    at(page, address, "")
    found = looks.complaints(page, views)
    page.locator("input[type=file]").set_input_files(TEXT_FILE)
    page.get_by_test_id("stAlert").first.wait_for()
    found += looks.complaints(page, views)
    case(page, "Osteopenia")
    page.locator(".ol-headline").wait_for()
    page.locator(".js-plotly-plot text").first.wait_for()
    return found + looks.complaints(page, views)


def ct(page, address, views) -> list[str]:
    at(page, address, "abdominal_ct")
    case(page, "Fracture")
    page.locator(".ol-table").first.wait_for()
    page.locator(".js-plotly-plot text").first.wait_for()
    return looks.complaints(page, views)


def dxa(page, address, views) -> list[str]:
    at(page, address, "dxa")
    case(page, "Hip scan")
    page.locator(".ol-refusal").wait_for()
    found = looks.complaints(page, views)
    page.get_by_role("button", name="Another image").click()
    case(page, "Uneven levels")
    page.locator(".ol-headline").wait_for()
    return found + looks.complaints(page, views)


def others(page, address, views) -> list[str]:
    at(page, address, "demographics")
    age = page.get_by_role("spinbutton", name="Age (years)").first
    age.fill("67")
    age.press("Enter")
    page.locator(".ol-headline").wait_for()
    page.get_by_role("radio", name="Female").first.click()
    page.locator(".js-plotly-plot text").first.wait_for()
    found = looks.complaints(page, views)
    page.get_by_role("link", name="Together").first.click()
    page.get_by_text("Where they agree and differ").wait_for()
    found += looks.complaints(page, views)
    page.get_by_role("link", name="Evidence", exact=True).first.click()
    page.locator("main .ol-table").first.wait_for()
    found += looks.complaints(page, views)
    page.get_by_role("tab", name="Plots").click()
    page.locator(".js-plotly-plot text").first.wait_for()
    found += looks.complaints(page, views)
    page.get_by_role("link", name="About").first.click()
    page.get_by_role("heading", name="Privacy").wait_for()
    return found + looks.complaints(page, views)


@pytest.mark.parametrize("walk", [film, *(pytest.param(walk, marks=pytest.mark.slow) for walk in (ct, dxa, others))])
def test_axe_and_the_charts_find_nothing(page, address, walk):
    assert walk(page, address, looks.VIEWS) == []


@pytest.mark.slow
@pytest.mark.parametrize("walk", [film, ct, dxa, others])
def test_nor_in_the_other_scheme_at_each_width(page, address, walk):
    assert walk(page, address, looks.OTHER_VIEWS) == []


def test_a_faint_word_and_a_nameless_button_are_found(page):
    page.set_content(
        '<html lang="en"><title>t</title><body class="stApp"><main><h1>t</h1><p style="color:#999">faint</p>'
        "<button></button>"
        '<div class="js-plotly-plot"><svg><text y="20" fill="#999">7%</text></svg></div></main>'
        '<i data-test-script-state="notRunning"></i></body></html>'
    )
    page.add_style_tag(content=".stApp { background: #fff; }")
    found = "\n".join(looks.complaints(page, (("light", looks.WIDE),)))
    assert "serious color-contrast" in found
    assert "critical button-name" in found
    assert "chart: '7%'" in found


def test_keys_alone_open_look_around_download_and_close(page, address):
    at(page, address, "")
    looks.settle(page)
    assert page.title() == "Spine X-ray - OsteoLens"
    stops = looks.walk(page, "Tab", lambda s: s["tag"] == "BUTTON" and s["name"].strip() == "Osteopenia")
    page.keyboard.press("Enter")
    page.locator(".ol-headline").wait_for()
    page.wait_for_function("() => document.activeElement.matches('h2.ol-category')")
    assert page.title() == "Result: Spine X-ray - OsteoLens"

    stops += looks.walk(page, "Shift+Tab", lambda s: s["tag"] == "CANVAS")
    hud = page.locator(".hud").element_handle()
    page.keyboard.press("+")
    page.wait_for_function("h => !h.textContent.includes('zoom 100 %')", arg=hud)
    page.keyboard.press("ArrowUp")
    page.keyboard.press("v")
    assert page.locator(".live").inner_text(), "the vertebra is read out"
    stops += looks.walk(page, "Tab", lambda s: s["tag"] == "BUTTON" and "CSV" in s["name"])
    with page.expect_download() as download:
        page.keyboard.press("Enter")
    assert download.value.suggested_filename.endswith(".csv")
    stops += looks.walk(page, "Tab", lambda s: s["role"] == "tab")
    page.keyboard.press("ArrowRight")
    page.get_by_role("tab", selected=True, name="Age curve").wait_for()
    stops += looks.walk(page, "Shift+Tab", lambda s: s["tag"] == "BUTTON" and "Another film" in s["name"])
    assert [s for s in stops if not s["seen"]] == [], "a ring shows where the focus is"
    page.keyboard.press("Enter")
    page.wait_for_function("() => document.activeElement.matches('h1')")
    assert page.title() == "Spine X-ray - OsteoLens"


def test_twice_as_large_and_without_motion(page, address):
    page.emulate_media(reduced_motion="reduce")
    at(page, address, "")
    page.set_viewport_size({"width": looks.WIDE[0] // 2, "height": looks.WIDE[1] // 2})
    case(page, "Osteopenia")
    page.locator(".ol-headline").wait_for()
    looks.settle(page)
    beyond = "() => document.querySelector('.stMain').scrollWidth - document.querySelector('.stMain').clientWidth"
    assert page.evaluate(beyond) <= 0, "nothing to scroll sideways"
    longest = "() => Math.max(...[...document.querySelectorAll('.stApp *')].map((e) => getComputedStyle(e))"
    longest += ".map((s) => Math.max(parseFloat(s.transitionDuration), parseFloat(s.animationDuration))))"
    assert page.evaluate(longest) <= 0.001, "seconds"
