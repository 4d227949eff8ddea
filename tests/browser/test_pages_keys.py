"""A server with a key: pages ask for it, and keep it in memory alone."""

from __future__ import annotations

from base64 import b64encode
from typing import TYPE_CHECKING

import pytest
from browser.pages import kept_by_browser
from playwright.sync_api import expect

from wandb_runs.testing import LocalServer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from browser.pages import Opener
    from playwright.sync_api import Page

KEY = "right-key-" + "k" * 30
WRONG = "wrong-key-" + "k" * 30
REFUSED = ("status of 401",)


@pytest.fixture(scope="module")
def locked() -> Iterator[LocalServer]:
    with LocalServer(sample=True, entity="sample", api_key=KEY) as server:
        yield server


def give(page: Page, key: str) -> None:
    page.get_by_label("API key").fill(key)
    page.get_by_label("API key").press("Enter")


def test_a_key_is_asked_for_and_kept_in_memory_alone(
    open_page: Opener, locked: LocalServer
) -> None:
    page = open_page(f"{locked.url}/sample/digits", expected=REFUSED)
    dialog = page.get_by_role("dialog")
    expect(dialog).to_be_visible()
    expect(page.get_by_label("API key")).to_be_focused()
    expect(page.locator("table.runs tbody tr")).to_have_count(0)
    give(page, WRONG)
    expect(dialog.get_by_role("alert")).not_to_be_empty()
    expect(page.get_by_label("API key")).to_have_value("")
    give(page, KEY)
    expect(dialog).to_be_hidden()
    expect(page.locator("table.runs tbody tr")).to_have_count(30)
    # Other pages have the key as well, as long as none is loaded anew.
    page.locator("table.runs tbody a").first.click()
    expect(page.get_by_role("figure").first).to_be_visible()
    page.go_back()
    expect(page.locator("table.runs tbody tr")).to_have_count(30)
    kept = kept_by_browser(page) + page.content()
    for key in (KEY, WRONG):
        assert key[:9] not in kept
        assert b64encode(f"api:{key}".encode()).decode()[:16] not in kept
    assert page.locator("#key-field").input_value() == ""
    page.reload()
    expect(dialog).to_be_visible()


def test_a_dialog_that_is_left_says_so_and_can_be_asked_for_again(
    open_page: Opener, locked: LocalServer
) -> None:
    page = open_page(f"{locked.url}/sample/digits", expected=REFUSED)
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
    expect(page.get_by_role("heading", name="The key is missing")).to_be_visible()
    page.get_by_role("button", name="Try again").click()
    give(page, KEY)
    expect(page.locator("table.runs tbody tr")).to_have_count(30)


def test_the_dialog_keeps_the_focus_and_gives_it_back(
    open_page: Opener, locked: LocalServer
) -> None:
    page = open_page(f"{locked.url}/sample/digits", expected=REFUSED)
    expect(page.get_by_role("dialog")).to_be_visible()
    for _ in range(8):
        page.keyboard.press("Tab")
        where = page.evaluate(
            "document.activeElement === document.body || "
            "document.activeElement.closest('dialog') !== null"
        )
        assert where
    give(page, KEY)
    expect(page.locator("table.runs tbody tr")).to_have_count(30)
    assert page.evaluate("document.activeElement.closest('dialog')") is None
