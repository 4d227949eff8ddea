"""Whatever runs are called and hold is shown as text: nothing of it runs, loads or links."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest
from browser.pages import overflow
from browser.projects import HOSTILE, log_hostile
from playwright.sync_api import expect

from wandb_runs import Api
from wandb_runs.testing import LocalServer

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
