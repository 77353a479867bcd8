"""Pictures of the app for the documentation: ``python -m tests.browser.screenshots [folder [name ...]]``.

Simulated images only. With names, only those pictures are made.
"""

from __future__ import annotations

import sys
from pathlib import Path

from tests.browser.server import ROOT, browser, running_app

CASE = "Osteopenia"
CT_CASE = "Fracture"
DXA_CASE = "Uneven levels"


def main(folder: Path, *names: str) -> None:
    """Write one picture of each page; ``_dark`` and ``phone`` show the spine film and the CT otherwise."""
    folder.mkdir(parents=True, exist_ok=True)
    with running_app() as address, browser() as window:
        for name, scheme, size, steps in (
            ("start", "light", (1440, 900), ()),
            ("spine_xray", "light", (1440, 900), (open_case, heat_maps)),
            ("spine_xray_dark", "dark", (1440, 900), (open_case,)),
            ("about", "light", (1440, 1000), (about,)),
            ("phone", "light", (400, 860), (open_case,)),
            ("abdominal_ct", "light", (1440, 900), (ct_page, open_ct)),
            ("abdominal_ct_dark", "dark", (900, 1200), (ct_page, open_ct)),
            ("dxa", "light", (1440, 900), (dxa_page, open_dxa)),
            ("demographics", "light", (1440, 1000), (demographics,)),
            ("together", "light", (1440, 1000), (open_case, ct_page, open_ct, together)),
        ):
            if names and name not in names:
                continue
            context = window.new_context(viewport={"width": size[0], "height": size[1]}, color_scheme=scheme)
            page = context.new_page()
            page.set_default_timeout(120_000)
            page.goto(address)
            page.get_by_role("heading", name="Spine X-ray").wait_for()
            for step in steps:
                step(page)
            page.wait_for_timeout(1000)
            page.wait_for_function("() => !document.querySelector('[data-testid=stSkeleton]')")
            page.wait_for_timeout(1500)
            page.screenshot(path=folder / f"{name}.png")
            context.close()
            print(folder / f"{name}.png")


def open_case(page) -> None:
    page.get_by_role("button", name=CASE, exact=True).click()
    page.locator(".ol-headline").wait_for(timeout=120_000)


def heat_maps(page) -> None:
    page.get_by_text("Heat maps", exact=True).first.click()
    page.get_by_role("columnheader", name="Even map").wait_for(timeout=120_000)


def ct_page(page) -> None:
    page.get_by_role("link", name="Abdominal CT").click()
    page.get_by_role("heading", name="Abdominal CT").wait_for()


def open_ct(page) -> None:
    page.get_by_role("button", name=CT_CASE, exact=True).click()
    page.locator(".ol-table").first.wait_for(timeout=180_000)
    page.wait_for_timeout(3000)


def dxa_page(page) -> None:
    page.get_by_role("link", name="DXA image").click()
    page.get_by_role("heading", name="DXA image").wait_for()


def open_dxa(page) -> None:
    page.get_by_role("button", name=DXA_CASE, exact=True).click()
    page.locator(".ol-headline").wait_for(timeout=120_000)


def demographics(page) -> None:
    page.get_by_role("link", name="Demographics").click()
    for label, value in (("Age (years)", "67"), ("Height (cm)", "160"), ("Weight (kg)", "58")):
        page.get_by_label(label).fill(value)
        page.get_by_label(label).press("Enter")
        page.locator(".ol-headline").wait_for()
    page.get_by_role("radio", name="Female").first.click()
    page.get_by_text("Body mass index 22.7").wait_for()


def together(page) -> None:
    page.get_by_role("link", name="Together").click()
    page.get_by_text("Where they agree and differ").wait_for()


def about(page) -> None:
    page.get_by_role("link", name="About").click()
    page.get_by_role("heading", name="Privacy").wait_for()


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs" / "images", *sys.argv[2:])
