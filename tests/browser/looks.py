"""What axe-core, the charts' own letters and the keyboard say of a page."""

from __future__ import annotations

import re
from typing import Any

from tests.contrast import contrast

TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
WIDE, PHONE = (1366, 768), (390, 844)
VIEWS = (("light", WIDE), ("dark", PHONE))
"""One of each scheme and width; together with `OTHER_VIEWS` all of them."""
OTHER_VIEWS = (("dark", WIDE), ("light", PHONE))
OURS_NOT = {
    ("presentation-role-conflict", 'data-testid="stFileUploaderDropzone"'): (
        "Streamlit's upload area: a section of no role with a name and no place in the tab order; its button is used"
    ),
}
"""Rule and a piece of the element's HTML: markup of Streamlit that cannot be changed from outside, and why it stays."""
LEAST_CONTRAST = 4.5
_LETTERS = """() => [...document.querySelectorAll('.js-plotly-plot text')]
  .filter((t) => t.textContent.trim() && t.getClientRects().length)
  .map((t) => {
    const bar = t.classList.contains('bartext-inside') && t.parentElement.querySelector('path');
    const hatched = bar && bar.style.fill.match(/#([^")]+)/);
    const colour = hatched ? document.getElementById(hatched[1]).querySelector('rect') : bar;
    const page = getComputedStyle(document.querySelector('.stApp')).backgroundColor;
    const ground = bar ? getComputedStyle(colour).fill : page;
    return [t.textContent, getComputedStyle(t).fill, ground];
  })"""
_STOP = """() => {
  let at = document.activeElement;
  while (at?.shadowRoot?.activeElement) at = at.shadowRoot.activeElement;
  if (!at || at === document.body) return null;
  const ring = (e) => e && (getComputedStyle(e).outlineStyle !== 'none' || getComputedStyle(e).boxShadow !== 'none');
  const drawn = getComputedStyle(at.parentElement, '::after').borderTopStyle === 'solid' && at.tagName === 'CANVAS';
  const around = [at, at.parentElement, at.parentElement?.parentElement];
  const name = at.getAttribute('aria-label') || at.innerText || '';
  return { tag: at.tagName, role: at.getAttribute('role') || '', name,
    seen: drawn || around.some(ring) };
}"""


def settle(page, calm_polls: int = 4) -> None:
    """Wait until no script has run for a while."""
    calm = 0
    while calm < calm_polls:
        page.wait_for_timeout(100)
        running = page.evaluate("() => !document.querySelector('[data-test-script-state=notRunning]')")
        calm = 0 if running else calm + 1


def complaints(page, views: tuple = VIEWS) -> list[str]:
    """What is wrong with the page as it stands now, in each view; the view is put back."""
    from axe_playwright_python.sync_playwright import Axe

    found = []
    settle(page)
    for scheme, (width, height) in views:
        page.emulate_media(color_scheme=scheme)
        page.set_viewport_size({"width": width, "height": height})
        page.wait_for_timeout(400)
        options = {"resultTypes": ["violations"], "runOnly": TAGS}
        for rule in Axe().run(page, options=options).response["violations"]:
            found += [f"{scheme}, {width}: {line}" for line in _lines(rule)]
        found += [f"{scheme}, {width}: {line}" for line in faint_letters(page)]
    page.emulate_media(color_scheme=views[0][0])
    page.set_viewport_size({"width": WIDE[0], "height": WIDE[1]})
    return found


def _lines(rule: dict[str, Any]) -> list[str]:
    nodes = [node for node in rule["nodes"] if not _excused(rule["id"], node["html"])]
    return [f"{rule['impact']} {rule['id']}: {node['html'][:200]}" for node in nodes]


def _excused(rule: str, html: str) -> bool:
    return any(rule == name and piece in html for name, piece in OURS_NOT)


def faint_letters(page) -> list[str]:
    """Letters of charts, which axe-core does not look at, too close to what they stand on."""
    found = []
    for words, fill, ground in page.evaluate(_LETTERS):
        letters, under = ([float(v) for v in re.findall(r"[\d.]+", colour)[:3]] for colour in (fill, ground))
        if contrast(tuple(letters), tuple(under)) < LEAST_CONTRAST:
            found.append(f"chart: {words!r} in {fill} on {ground}")
    return found


def stop(page) -> dict[str, Any] | None:
    """What has the focus, inside components too: tag, role, name, and whether a ring around it can be seen."""
    return page.evaluate(_STOP)


def walk(page, key: str, wanted, most: int = 60) -> list[dict[str, Any]]:
    """Press a key until ``wanted`` has the focus; every stop on the way, the wanted one last."""
    stops = []
    for _ in range(most):
        page.keyboard.press(key)
        now = stop(page)
        if now is not None:
            stops.append(now)
            if wanted(now):
                return stops
    raise AssertionError(f"never reached; stops: {[(s['tag'], s['name'][:20]) for s in stops]}")
