"""Every page at four widths: nothing leaves its card or the screen; a phone's navigation closes; results on paper."""

from __future__ import annotations

import pytest

from tests.browser.server import browser

pytestmark = pytest.mark.browser

WIDTHS = ((1366, 768), (1024, 768), (820, 1180), (390, 844))
TALLEST_ROW_PX = 120
OUTSIDE = """() => {
  const seen = (e) => e.checkVisibility() && e.getBoundingClientRect().width > 1;
  const main = document.querySelector("[data-testid=stMain]");
  const said = [];
  if (document.documentElement.scrollWidth > innerWidth) said.push("the document scrolls sideways");
  if (main.scrollWidth > main.clientWidth) said.push(`the page scrolls sideways: ${main.scrollWidth} px`);
  const inside = ".stPlotlyChart, .stPlotlyChart .main-svg, canvas, .ol-headline, .stTabs";
  for (const chart of main.querySelectorAll(inside)) {
    if (!seen(chart)) continue;
    const box = chart.closest(".st-key-headline") ?? chart.closest("[data-testid=stColumn]") ?? main;
    const [a, b] = [chart, box].map((e) => e.getBoundingClientRect());
    const name = chart.className.baseVal ?? chart.className;
    if (a.right <= b.right + 1 && a.left >= b.left - 1) continue;
    said.push(`${name}: ${a.left}..${a.right} in ${b.left}..${b.right}`);
  }
  for (const row of main.querySelectorAll(".ol-table:not(.ol-stack) tr, .ol-stack td")) {
    const { height } = row.getBoundingClientRect();
    if (seen(row) && height > TALLEST) said.push(`${Math.round(height)} px tall: ${row.textContent.slice(0, 40)}`);
  }
  return said;
}""".replace("TALLEST", str(TALLEST_ROW_PX))


@pytest.fixture(scope="module")
def visitor(address):
    """One page of a browser for all tests here: results that are open stay open."""
    with browser() as window:
        page = window.new_context(viewport={"width": 1366, "height": 768}, color_scheme="light").new_page()
        page.set_default_timeout(60_000)
        page.goto(address)
        yield page


def settle(page) -> None:
    page.wait_for_function("() => document.querySelector('[data-test-script-state=notRunning]')")
    page.wait_for_function("() => !document.querySelector('[data-testid=stSkeleton]')")
    page.wait_for_timeout(300)


def at_all_widths(page) -> list[str]:
    """What is wrong, with the width it is wrong at."""
    wrong = []
    for width, height in WIDTHS:
        page.set_viewport_size({"width": width, "height": height})
        page.wait_for_timeout(400)  # a chart is drawn again a moment after its column has changed
        wrong += [f"{width}: {said}" for said in page.evaluate(OUTSIDE)]
    page.set_viewport_size({"width": 1366, "height": 768})
    return wrong


def go(page, title: str) -> None:
    page.get_by_role("link", name=title).click()
    page.get_by_role("heading", name=title, level=1).wait_for()
    settle(page)


def first_case(page, name: str) -> None:
    page.locator(f".st-key-open_{name} button").click()
    page.locator(".ol-headline").wait_for()
    page.locator(".st-key-below .ol-table").first.wait_for()
    settle(page)


def paper(page) -> list[str]:
    """Text of each sheet that the page prints on."""
    import pypdfium2

    sheets = pypdfium2.PdfDocument(page.pdf(prefer_css_page_size=True))
    return [" ".join(sheet.get_textpage().get_text_bounded().split()) for sheet in sheets]


def picture_on_paper(page) -> float:
    """Share of grey pixels where the first sheet shows the picture: hardly any where its canvas prints black."""
    import numpy as np
    import pypdfium2

    sheet = pypdfium2.PdfDocument(page.pdf(prefer_css_page_size=True))[0].render(scale=1).to_numpy().mean(2)
    height, width = sheet.shape
    picture = sheet[int(0.16 * height) : int(0.45 * height), int(0.08 * width) : int(0.38 * width)]
    return float(np.mean((picture > 40) & (picture < 240)))


def test_film(visitor):
    page = visitor
    settle(page)
    assert at_all_widths(page) == []
    first_case(page, "osteoporosis")
    assert at_all_widths(page) == []
    page.wait_for_timeout(500)
    for name in (".ol-headline", "canvas"):
        box = page.locator(name).bounding_box()
        assert box["y"] + box["height"] < 768, f"{name} is seen without scrolling"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_film_on_paper(visitor, scheme):
    """The same black words on both: category, table and limits on one or two sheets, nothing that needs a click."""
    page = visitor
    page.emulate_media(color_scheme=scheme)
    page.wait_for_timeout(500)
    category = page.locator(".ol-category").inner_text()
    limits = page.locator(".ol-warnings li").first.inner_text()
    said = paper(page)
    whole = " ".join(said)
    assert len(said) == 1
    assert picture_on_paper(page) > 0.3
    assert all("OsteoLens" in sheet and len(sheet) > 60 for sheet in said), "no empty sheet, version at the foot"
    for words in (category, limits, "Not for diagnosis", "L1", "L4", "simulated pictures only"):
        assert " ".join(words.split()) in whole
    for button in ("Another film", "CSV", "Age curve", "Outlines"):
        assert button not in whole
    page.emulate_media(media="print", color_scheme=scheme)
    assert page.locator(".ol-category").evaluate("e => getComputedStyle(e).color") == "rgb(0, 0, 0)"
    page.emulate_media(media="null", color_scheme="light")


def test_dxa(visitor):
    page = visitor
    go(page, "DXA image")
    first_case(page, "dxa_normal")
    assert at_all_widths(page) == []
    assert len(paper(page)) <= 2


def test_demographics(visitor):
    page = visitor
    go(page, "Demographics")
    page.get_by_label("Age (years)").fill("67")
    page.get_by_label("Age (years)").press("Enter")
    page.locator(".ol-headline").wait_for()
    settle(page)
    assert at_all_widths(page) == []
    assert len(paper(page)) <= 2


def test_together_and_about(visitor):
    page = visitor
    go(page, "Together")
    page.get_by_text("Where they agree and differ").wait_for()
    settle(page)
    assert at_all_widths(page) == []
    assert len(paper(page)) <= 2
    go(page, "About")
    assert at_all_widths(page) == []
    assert len(paper(page)) <= 2


def test_phone(visitor, address):
    """Navigation closes after a choice; what the page Together says to somebody with nothing is there."""
    phone = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
    page = visitor.context.browser.new_context(**phone).new_page()
    page.set_default_timeout(60_000)
    page.goto(address)
    page.locator(".ol-intended").wait_for(state="attached")
    settle(page)
    page.get_by_test_id("stExpandSidebarButton").tap()
    page.get_by_role("link", name="Together").tap()
    page.get_by_text("Nothing to compare yet").wait_for()
    page.wait_for_function("() => document.querySelector('[data-testid=stSidebar]')?.dataset.collapsed !== 'false'")
    assert page.get_by_role("link", name="Abdominal CT").last.is_visible()
    assert page.evaluate(OUTSIDE) == []
