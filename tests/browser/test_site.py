"""The built site in a browser: search, console, requests, and narrow windows."""

from __future__ import annotations

import re
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from browser.pages import overflow
from playwright.sync_api import expect
from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Iterator

    from browser.pages import Opener

SITE = Path(__file__).parents[2] / "site"
PAGES = [
    path.relative_to(SITE).as_posix()
    for path in sorted(SITE.rglob("*.html"))
    if path.parent.name != "decisions" or path.name == "index.html"
]
"""All pages but the single decision records, which are text alone."""

pytestmark = pytest.mark.skipif(not PAGES, reason="site/ is not built: `make docs` builds it")


class Quiet(SimpleHTTPRequestHandler):
    """Serves files without a line for each."""

    @override
    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    """The address of the site, served from its files."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(SITE))) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("word", ["histories", "checkpoint", "iter_histories"])
def test_search_finds_a_word(open_page: Opener, site: str, word: str) -> None:
    page = open_page(f"{site}/index.html")
    page.get_by_role("textbox", name="Search").click()
    page.get_by_role("textbox", name="Search").press_sequentially(word)
    results = page.locator(".md-search-result__item a")
    expect(results.first).to_be_visible()
    results.first.click()
    page.wait_for_load_state()
    assert page.url.startswith(site)
    assert page.url.partition("#")[0] != f"{site}/"
    assert word in page.locator("article").inner_text()


@pytest.mark.parametrize("words", ["histories", "rate limit", "retries", "nightly", "server pages"])
def test_guides_come_first_in_a_search(open_page: Opener, site: str, words: str) -> None:
    page = open_page(f"{site}/index.html")
    page.get_by_role("textbox", name="Search").click()
    page.get_by_role("textbox", name="Search").press_sequentially(words)
    first = page.locator(".md-search-result__item a").first
    expect(first).to_be_visible()
    expect(first).not_to_have_attribute("href", re.compile(r"/(decisions|reference|tests)/|CHANGE"))


def test_pictures_link_to_themselves_and_scroll_on_a_phone(open_page: Opener, site: str) -> None:
    page = open_page(f"{site}/gallery.html", width=390)
    picture = page.locator("a.picture").first
    assert picture.evaluate("each => each.scrollWidth > each.clientWidth")
    expect(picture).to_have_attribute("href", "gallery/best.svg")


def test_arguments_are_below_their_names_on_a_phone(open_page: Opener, site: str) -> None:
    page = open_page(f"{site}/reference/runs.html", width=390)
    described = page.locator(".doc-md-description").first.bounding_box()
    assert described is not None
    assert described["x"] < 60


def test_no_page_has_an_error_or_is_wider_than_a_phone(open_page: Opener, site: str) -> None:
    page = open_page(f"{site}/index.html", width=390)
    wide: list[str] = []
    for name in PAGES:
        page.goto(f"{site}/{name}")
        if overflow(page) > 0:
            wide.append(name)
    assert wide == []


def test_a_phone_has_the_navigation_behind_a_button(open_page: Opener, site: str) -> None:
    page = open_page(f"{site}/index.html", width=390)
    navigation = page.locator("nav.md-nav--primary")
    expect(navigation).not_to_be_in_viewport()
    page.locator("label.md-header__button[for=__drawer]").click()
    expect(navigation).to_be_in_viewport()
