"""GraphiQL in a browser."""

from __future__ import annotations

from base64 import b64encode
from typing import TYPE_CHECKING

import pytest
from browser.pages import accessibility_problems, kept_by_browser, overflow
from playwright.sync_api import expect

from wandb_runs.testing import LocalServer, log_run

if TYPE_CHECKING:
    from collections.abc import Iterator

    from browser.pages import Opener
    from playwright.sync_api import Page

KEY = "right-key-" + "k" * 30
WRONG = "wrong-key-" + "k" * 30
REFUSED = ("status of 401",)


@pytest.fixture(scope="module")
def locked() -> Iterator[LocalServer]:
    with LocalServer(sample=True, api_key=KEY) as server:
        yield server


def answered(page: Page) -> None:
    """Wait for the answer to the query that the page begins with."""
    page.locator(".result-window", has_text='"runCount": 30').wait_for()


def give_key(page: Page, key: str) -> None:
    page.get_by_label("Key", exact=True).fill(key)
    page.get_by_role("button", name="Use this key").click()


def test_the_query_that_the_page_begins_with_is_answered(
    open_page: Opener, sample_server: LocalServer
) -> None:
    page = open_page(f"{sample_server.url}/-/graphiql")
    page.get_by_role("button", name="Execute query").click()
    answered(page)


def test_the_schema_is_beside_it(open_page: Opener, sample_server: LocalServer) -> None:
    page = open_page(f"{sample_server.url}/-/graphiql")
    page.get_by_role("button", name="Show Documentation Explorer").click()
    page.locator(".graphiql-doc-explorer").get_by_text("Query", exact=True).click()
    page.locator(".graphiql-doc-explorer").get_by_text("viewer", exact=True).wait_for()


def test_the_keyboard_alone_runs_a_query(open_page: Opener, sample_server: LocalServer) -> None:
    page = open_page(f"{sample_server.url}/-/graphiql")
    page.locator(".graphiql-query-editor .CodeMirror").click()
    page.keyboard.press("Control+Enter")
    answered(page)


def test_dialogs_of_its_own_need_no_other_policy(
    open_page: Opener, sample_server: LocalServer
) -> None:
    known = ("Missing `Description`",)  # a library of GraphiQL's on its use of it
    page = open_page(f"{sample_server.url}/-/graphiql", expected=known)
    page.get_by_role("button", name="Open settings dialog").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Dark").click()
    assert "Persist headers" not in dialog.inner_text()
    page.keyboard.press("Escape")
    dialog.wait_for(state="hidden")
    assert page.locator("body.graphiql-dark").count() == 1


def test_errors_of_a_query_are_shown(open_page: Opener, sample_server: LocalServer) -> None:
    page = open_page(f"{sample_server.url}/-/graphiql", expected=("status of 400",))
    page.locator(".graphiql-query-editor .CodeMirror").click()
    page.keyboard.press("Control+A")
    page.keyboard.insert_text("{ absent }")
    page.keyboard.press("Control+Enter")
    page.locator(".result-window", has_text="Cannot query field").wait_for()


def test_a_key_is_asked_for_and_kept_in_memory_alone(
    open_page: Opener, locked: LocalServer
) -> None:
    page = open_page(f"{locked.url}/-/graphiql", expected=REFUSED)
    dialog = page.get_by_role("dialog", name="API key")
    dialog.wait_for()
    give_key(page, WRONG)
    dialog.get_by_text("does not take this key").wait_for()
    give_key(page, KEY)
    dialog.wait_for(state="hidden")
    page.get_by_role("button", name="Execute query").click()
    answered(page)
    kept = kept_by_browser(page)
    assert "graphiql" in kept  # what GraphiQL keeps: queries and settings
    for key in (KEY, WRONG):
        assert key[:9] not in kept
        assert b64encode(f"api:{key}".encode()).decode()[:16] not in kept
    assert KEY not in page.content()
    page.reload()
    dialog.wait_for()


def test_without_a_key_the_server_says_what_it_says(open_page: Opener, locked: LocalServer) -> None:
    page = open_page(f"{locked.url}/-/graphiql", expected=REFUSED)
    page.get_by_role("dialog", name="API key").wait_for()
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Execute query").click()
    page.get_by_role("dialog", name="API key").wait_for()
    page.get_by_role("button", name="Cancel").click()
    page.locator(".result-window", has_text="invalid credentials").wait_for()


def test_a_mutation_asks_for_a_key_where_reading_needs_none(open_page: Opener) -> None:
    with LocalServer() as server:
        page = open_page(f"{server.url}/-/graphiql", expected=REFUSED)
        page.locator(".graphiql-query-editor .CodeMirror").click()
        page.keyboard.press("Control+A")
        page.keyboard.insert_text('mutation { upsertModel(input: {entityName: "me", name: "new"}) ')
        page.keyboard.insert_text("{ inserted } }")
        page.keyboard.press("Control+Enter")
        page.get_by_role("dialog", name="API key").wait_for()
        give_key(page, "any-key")
        page.locator(".result-window", has_text='"inserted": true').wait_for()


def test_hostile_values_are_text(open_page: Opener) -> None:
    hostile = '"><img src=x onerror=alert(1)><script>alert(1)</script>'
    with LocalServer() as server:
        log_run(server, "sample", "digits", "r1", name=hostile, config={hostile: hostile})
        page = open_page(f"{server.url}/-/graphiql")
        page.get_by_role("button", name="Execute query").click()
        page.locator(".result-window", has_text="<script>alert(1)</script>").wait_for()
        assert page.locator(".result-window img, .result-window script").count() == 0


def test_fields_have_names_for_screen_readers(
    open_page: Opener, sample_server: LocalServer
) -> None:
    page = open_page(f"{sample_server.url}/-/graphiql")
    page.get_by_role("button", name="Execute query").click()
    answered(page)
    expect(page.get_by_label("Query", exact=True)).to_have_count(1)
    found = accessibility_problems(page)
    assert [each for each in found if each.startswith(("label", "link-in-text-block"))] == []


@pytest.mark.parametrize("width", [1280, 390])
def test_the_page_fits_its_window(
    open_page: Opener, sample_server: LocalServer, width: int
) -> None:
    page = open_page(f"{sample_server.url}/-/graphiql", width=width)
    page.get_by_role("button", name="Execute query").click()
    answered(page)
    assert overflow(page) <= 0
