"""The card that can be trusted: its words agree with its bars, say what they rest on, and go when a value cannot be."""

from __future__ import annotations

import re

import pytest

from bmd.app.film.samples import SAMPLES
from bmd.text import text

pytestmark = pytest.mark.browser
NAMES = ("normal", "osteopenia", "osteoporosis")


def _open(page, title: str) -> str:
    """Words of the card of a built-in case."""
    page.get_by_role("button", name=title, exact=True).click()
    page.locator(".ol-headline").wait_for(timeout=120_000)
    return page.locator(".ol-headline").inner_text()


def _biggest_bar(page) -> str:
    """The category of the largest share written in the chart beside the card: names and shares on the same line."""
    page.locator(".st-key-headline .js-plotly-plot text", has_text="%").first.wait_for()
    words = page.evaluate(
        "() => [...document.querySelectorAll('.st-key-headline .js-plotly-plot text')].map("
        "t => { const b = t.getBoundingClientRect(); return [t.textContent, (b.top + b.bottom) / 2] })"
    )
    places = {word.strip().lower(): y for word, y in words if word.strip().lower() in NAMES}
    shares = {int(word.strip()[:-1]): y for word, y in words if word.strip().endswith("%")}
    assert set(places) == set(NAMES)
    most = max(shares)
    return min(NAMES, key=lambda name: abs(places[name] - shares[most]))


def test_a_card_agrees_with_its_bars_and_says_what_it_rests_on(page, address):
    page.goto(address)
    page.get_by_role("heading", name="Spine X-ray").wait_for()
    card = _open(page, "Fracture")
    limits = page.locator(".ol-warnings")
    assert "fracture is possible" in limits.inner_text()
    said = re.findall(r"(L\d) is about \d+% lower", limits.inner_text())
    assert said
    assert set(said) <= set(SAMPLES.named("fracture").truth()["fractured"])
    rests = page.get_by_text("Rests on the film").first.inner_text()
    assert all(word in rests for word in ("age", "trained on simulated pictures only", "T-scores compare with"))
    assert _biggest_bar(page) in card.lower()

    page.get_by_role("button", name=text("modality.film.another")).click()
    card = _open(page, "Osteoporosis")
    assert _biggest_bar(page) == "osteoporosis"
    assert "osteoporosis" in card.splitlines()[0].lower()
    _young(page)
    assert page.problems == []


def _young(page) -> None:
    """The same film of someone of 30: a Z-score, and no class and no bars."""
    page.get_by_text(text("app.patient_title"), exact=True).click()
    page.get_by_role("spinbutton", name=text("app.age")).fill("30")
    page.get_by_role("button", name=text("app.use_values")).click()
    page.locator(".ol-category", has_text="Z-score").wait_for(timeout=120_000)
    words = page.locator(".ol-headline").inner_text().lower()
    assert not any(name in words for name in NAMES)
    assert page.locator(".st-key-headline .js-plotly-plot").count() == 0


def test_an_impossible_age_takes_the_answer_away(page, address):
    page.goto(f"{address}/demographics")
    age = page.get_by_role("spinbutton", name="Age (years)").first
    age.wait_for()
    age.fill("67")
    age.press("Enter")
    page.locator(".ol-headline").wait_for()
    age.fill("150")
    age.press("Enter")
    page.get_by_text("150 cannot be").wait_for()
    assert "0 to 120" in page.get_by_test_id("stAlert").first.inner_text()
    page.locator(".ol-headline").wait_for(state="detached")
    assert page.problems == []


def test_a_dxa_picture_on_the_page_of_films_is_carried_over(page, address):
    from bmd.app.dxa.samples import SAMPLES as SCANS

    scan = SCANS.named("dxa_osteoporosis")
    page.goto(address)
    page.get_by_role("heading", name="Spine X-ray").wait_for()
    file = {"name": scan.path.name, "mimeType": "application/octet-stream", "buffer": scan.path.read_bytes()}
    page.locator("input[type=file]").set_input_files(file)
    page.get_by_role("button", name=text("app.open_there", page=text("modality.dxa.title"))).click()
    page.get_by_role("heading", name="DXA image").wait_for()
    page.locator(".ol-headline").wait_for(timeout=120_000)
    assert page.locator(".ol-category").first.inner_text() == "Osteoporosis"
    assert "the file itself holds" in page.get_by_text("Rests on").first.inner_text()
    assert page.problems == []
