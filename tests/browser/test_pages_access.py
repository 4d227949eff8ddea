"""Pages by keyboard and screen reader, in light and dark, on wide and narrow windows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from browser.pages import accessibility_problems, overflow
from playwright.sync_api import expect

if TYPE_CHECKING:
    from browser.pages import Opener
    from playwright.sync_api import Page

    from wandb_runs.testing import LocalServer

PAGES = {
    "projects": "/sample",
    "table": "/sample/digits",
    "sweep": "/sample/digits?where=sweep+exists",
    "run": "/sample/digits/runs/f06iudhz",
    "compare": "/sample/digits/compare?run=f06iudhz&run=odpqnvxo",
    "missing": "/sample/digts",
}


def is_ready(page: Page, name: str) -> None:
    main = page.get_by_role("main")
    ready = {
        "projects": main.get_by_role("link", name="digits"),
        "table": main.get_by_role("link", name="adam-seed-3"),
        "sweep": main.get_by_role("link", name="sweep-lr0.03-w48"),
        "run": main.locator("figure canvas").first,
        "compare": main.locator("figure canvas").first,
        "missing": main.get_by_text("There is no such project"),
    }
    expect(ready[name]).to_be_visible()


@pytest.mark.parametrize("is_dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_nothing(
    open_page: Opener, sample_server: LocalServer, name: str, is_dark: bool
) -> None:
    page = open_page(f"{sample_server.url}{PAGES[name]}", dark=is_dark)
    is_ready(page, name)
    for closed in page.locator("main details:not([open]) > summary").all():
        if closed.is_visible():
            closed.click()
    page.wait_for_timeout(300)
    assert accessibility_problems(page) == []


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("name", PAGES)
def test_pages_are_no_wider_than_their_window(
    open_page: Opener, sample_server: LocalServer, name: str, width: int
) -> None:
    page = open_page(f"{sample_server.url}{PAGES[name]}", width=width)
    is_ready(page, name)
    assert overflow(page) <= 0


def test_landmarks_and_live_region(open_page: Opener, sample_server: LocalServer) -> None:
    page = open_page(f"{sample_server.url}{PAGES['table']}")
    is_ready(page, "table")
    assert page.locator("#status").get_attribute("role") == "status"
    for role in ("banner", "main", "search"):
        assert page.get_by_role(role).count() == 1, role
    assert page.get_by_role("navigation", name="Location").count() == 1
    assert page.get_by_role("heading", level=1).inner_text() == "digits"
    assert "digits" in page.title()


def test_a_table_is_used_by_the_keyboard_alone(
    open_page: Opener, sample_server: LocalServer
) -> None:
    page = open_page(f"{sample_server.url}{PAGES['table']}")
    is_ready(page, "table")
    focused = (
        "(document.activeElement.getAttribute('aria-label') ?? document.activeElement.innerText)"
    )
    order: list[str] = []
    for _ in range(40):
        page.keyboard.press("Tab")
        order.append(str(page.evaluate(focused)).split("\n")[0].strip())
    assert order[0] == "Skip to the content"
    wanted = ["Apply", "Columns", "Runs", "Name", "Created", "Compare adam-seed-3"]
    places = [next(i for i, each in enumerate(order) if each.startswith(want)) for want in wanted]
    assert places == sorted(places)

    page.get_by_role("columnheader", name="Name", exact=True).get_by_role("button").focus()
    page.keyboard.press("Enter")
    name = page.get_by_role("columnheader", name="Name", exact=True)
    expect(name).to_have_attribute("aria-sort", "ascending")
    assert page.evaluate("document.activeElement.closest('th')?.getAttribute('aria-sort')")
    page.keyboard.press("Space")
    expect(name).to_have_attribute("aria-sort", "descending")

    boxes = page.locator("table.runs tbody input[type=checkbox]")
    expect(page.locator(".table-region")).not_to_have_attribute("aria-busy", "true")
    for number in (0, 1):
        boxes.nth(number).focus()
        page.keyboard.press("Space")
        expect(boxes.nth(number)).to_be_checked()
    page.get_by_role("link", name="Compare 2 runs").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text("2 runs of")
    assert page.evaluate("document.activeElement.tagName") == "H1"


def test_the_skip_link_leads_to_the_content(open_page: Opener, sample_server: LocalServer) -> None:
    page = open_page(f"{sample_server.url}{PAGES['table']}")
    is_ready(page, "table")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"


def test_a_curve_is_read_by_arrow_keys(open_page: Opener, sample_server: LocalServer) -> None:
    page = open_page(f"{sample_server.url}{PAGES['run']}")
    is_ready(page, "run")
    slider = page.get_by_role("slider", name="Curve of accuracy")
    slider.focus()
    before = slider.get_attribute("aria-valuetext")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    assert slider.get_attribute("aria-valuetext") != before


def test_sections_of_a_run_are_on_one_line_of_a_phone(
    open_page: Opener, sample_server: LocalServer
) -> None:
    page = open_page(f"{sample_server.url}{PAGES['run']}", width=390)
    is_ready(page, "run")
    tops: list[float] = page.locator(".sections a").evaluate_all(
        "(links) => links.map((each) => each.getBoundingClientRect().top)"
    )
    assert len(tops) == 6
    assert len(set(tops)) == 1
