"""Whatever runs are called and hold is shown as text: nothing of it runs, loads or links."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest
from browser.pages import overflow
from browser.projects import HOSTILE, log_hostile
from playwright.sync_api import expect

from wandb_runs import Api
from wandb_runs.testing import LocalServer, log_run

if TYPE_CHECKING:
    from collections.abc import Iterator

    from browser.pages import Opener
    from playwright.sync_api import Page

PROJECT = quote("<img src=x onerror=alert(1)>", safe="")


@pytest.fixture(scope="module")
def server() -> Iterator[LocalServer]:
    with LocalServer(entity="me") as started:
        log_hostile(started)
        yield started


@pytest.fixture(scope="module")
def addresses(server: LocalServer) -> list[str]:
    """The addresses of the runs' pages, in the order in which they were logged."""
    with Api(base_url=server.url, api_key="k" * 40) as api:
        runs = api.runs("me/<img src=x onerror=alert(1)>", order="+created_at")
        ids = sorted(
            (run.id for run in runs), key=lambda each: int("".join(filter(str.isdigit, each[:2])))
        )
    assert len(ids) == len(HOSTILE)
    return [f"{server.url}/me/{PROJECT}/runs/{quote(each, safe='')}" for each in ids]


def check(page: Page) -> None:
    """Nothing ran, no markup was made, and links lead to pages of the web alone."""
    assert page.evaluate("window.ran") is None
    assert page.evaluate("Object.keys(Object.prototype).length") == 0
    assert page.locator("main :is(img, script, iframe, object, embed, style)").count() == 0
    handlers = page.evaluate(
        "[...document.querySelectorAll('*')].flatMap((each) => each.getAttributeNames())"
        ".filter((name) => name.startsWith('on'))"
    )
    assert handlers == []
    links: list[tuple[str, str]] = page.evaluate(
        "[...document.querySelectorAll('[href]')].map("
        "(each) => [new URL(each.href, location.href).href, each.getAttribute('rel') ?? ''])"
    )
    for address, relation in links:
        assert address.startswith(("http:", "https:"))
        if not address.startswith(page.url.partition("/me/")[0].rstrip("/")):
            assert relation == "noopener noreferrer nofollow"


def test_projects_show_hostile_names_as_text(open_page: Opener, server: LocalServer) -> None:
    page = open_page(f"{server.url}/")
    expect(page.get_by_role("main")).to_contain_text("<img src=x onerror=alert(1)>")
    check(page)
    page.get_by_role("link", name="<img src=x").click()
    expect(page.locator("table.runs tbody tr")).to_have_count(len(HOSTILE))
    check(page)


def test_the_table_shows_hostile_values_as_text(open_page: Opener, server: LocalServer) -> None:
    columns = "".join(f"&column={each}" for each in ("notes", "tags", "group", "host", "job_type"))
    page = open_page(f"{server.url}/me/{PROJECT}?order=%2Bcreated_at{columns}")
    table = page.locator("table.runs")
    expect(table).to_contain_text("<script>window.ran = 1; alert(1)</script>")
    expect(table).to_contain_text('"><img src=x onerror="window.ran = 1; alert(1)">')
    expect(table).to_contain_text("&lt;b&gt;&amp;&quot;")
    text = table.inner_text()
    assert not set(text) & set("\u202e\u2066\u2028\x1b\x07\x08")
    assert r"\u202egnp.exe" in text
    check(page)
    page.get_by_text("Columns", exact=True).click()
    check(page)
    assert overflow(page) <= 0


@pytest.mark.parametrize("number", range(len(HOSTILE)))
def test_a_run_shows_hostile_values_as_text(
    open_page: Opener, addresses: list[str], number: int
) -> None:
    page = open_page(addresses[number], width=390)
    expect(page.get_by_role("heading", name="Config")).to_be_visible()
    expect(page.get_by_role("figure").first).to_be_visible()
    config = page.locator("#config")
    shown = HOSTILE[number]
    if shown.isprintable() and len(shown) < 150:
        expect(page.get_by_role("heading", level=1)).to_contain_text(shown)
        expect(config).to_contain_text(shown)
    check(page)
    assert overflow(page) <= 0


def test_compared_runs_show_hostile_values_as_text(open_page: Opener, addresses: list[str]) -> None:
    base = addresses[0].partition("/runs/")[0]
    ids = "&".join(f"run={each.rpartition('/')[2]}" for each in addresses)
    page = open_page(f"{base}/compare?{ids}")
    expect(page.get_by_role("region", name="Config")).to_contain_text("<script>window.ran")
    check(page)
    assert overflow(page) <= 0


@pytest.mark.parametrize(
    "path",
    [
        "/%3Cscript%3Ewindow.ran=1%3C%2Fscript%3E/p",
        "/me/%3Cimg%20src=x%20onerror=window.ran=1%3E/runs/x",
        "/me/%E2%80%AEp/runs/%00",
        "/me/%FF%FE",
        "/me/p/compare?run=%3Cscript%3Ewindow.ran%3D1%3C%2Fscript%3E",
        "/me/p/%22%3E%3Csvg%20onload=window.ran=1%3E/x/y/z",
        f"/me/{PROJECT}?where=%3Cscript%3Ewindow.ran%3D1%3C%2Fscript%3E",
        f"/me/{PROJECT}?order=%3Cscript%3E&column=%3Cscript%3Ewindow.ran%3D1%3C%2Fscript%3E",
        "//elsewhere.example/x",
    ],
)
def test_a_hostile_address_is_text(open_page: Opener, server: LocalServer, path: str) -> None:
    page = open_page(f"{server.url}{path}", expected=("status of 400", "status of 404"))
    page.wait_for_timeout(700)
    assert page.evaluate("window.ran") is None
    assert page.locator("main :is(img, script, svg[onload])").count() == 0
    assert page.url.startswith(server.url)


LINKS = {
    "https://example.com/a?b=c#d": True,
    "HTTP://example.com": True,
    "http://127.0.0.1:8080/x": True,
    "https://exa\u202emple.com/x": False,
    "https://example.com/\u200bx": False,
    "https://example.com\u00ad.evil.example/": False,
    "http://user:pw@evil.example/": False,
    "http://example.com@evil.example/": False,
    "https://example.com\\@evil.example/": False,
    "https://example.com\\x": False,
    "https://ex\uff0eample.com/": False,
    "https://exam\u0440le.com/": False,
}
"""Addresses in notes, and whether they become links."""


def test_links_in_notes_lead_where_their_text_says(open_page: Opener) -> None:
    with LocalServer() as server:
        log_run(server, "me", "p", "r", notes="\n".join(f"see {each} ok" for each in LINKS))
        page = open_page(f"{server.url}/me/p/runs/r")
        notes = page.locator(".notes")
        expect(notes).to_contain_text("user:pw@evil.example")
        found: list[tuple[str, str]] = notes.locator("a").evaluate_all(
            "(links) => links.map((each) => [each.textContent, each.getAttribute('href')])"
        )
        linked = [address for address, leads in LINKS.items() if leads]
        assert [tuple(each) for each in found] == [(each, each) for each in linked]
        assert not set(notes.inner_text()) & set("\u202e\u200b\u00ad")


@pytest.mark.parametrize("width", [390, 1280])
def test_long_names_leave_room_for_the_page(open_page: Opener, width: int) -> None:
    long = "very-long-name-" * 300
    with LocalServer() as server:
        for run in ("a", "b"):
            log_run(
                server, "me", "p", run, name=long + run, tags=["t" * 500], config={"lr": run},
                history=[{"loss": 1}, {"loss": 2}],
            )  # fmt: skip
        page = open_page(f"{server.url}/me/p/runs/a", width=width)
        assert height(page, "h1") < 200
        page.get_by_role("button", name="Show all").click()
        expect(page.get_by_role("main")).to_contain_text(long + "a")
        page.goto(f"{server.url}/me/p/compare?run=a&run=b")
        expect(page.locator(".compare").first).to_be_visible()
        assert height(page, ".compare thead tr") < 150
        assert height(page, ".legend li") < 100
        page.goto(f"{server.url}/me/p")
        tag = page.locator(".runs .tag").first
        expect(tag).to_be_visible()
        inner: list[float] = tag.evaluate(
            "(tag) => [tag.getBoundingClientRect().right, "
            "tag.closest('td').getBoundingClientRect().right]"
        )
        assert inner[0] <= inner[1]


def height(page: Page, selector: str) -> float:
    box = page.locator(selector).first.bounding_box()
    assert box is not None
    return box["height"]
