"""Pages follow runs that are logging, without being loaded again."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect
from support.logging_sdk import LoggedRun

from wandb_runs.testing import LocalServer, log_run

if TYPE_CHECKING:
    from collections.abc import Iterator

    from browser.pages import Opener
    from playwright.sync_api import Page


@pytest.fixture
def server() -> Iterator[LocalServer]:
    with LocalServer() as started:
        yield started


def mark(page: Page) -> None:
    page.evaluate("window.mark = 'not loaded again'")


def is_marked(page: Page) -> bool:
    return bool(page.evaluate("window.mark") == "not loaded again")


def test_a_run_shows_new_rows_and_its_end(open_page: Opener, server: LocalServer) -> None:
    run = LoggedRun(server, "live")
    run.start({"lr": 0.1}, displayName="at-work")
    run.log(0, {"_step": 0, "loss": 1.5}, {"_step": 1, "loss": 0.75})
    page = open_page(f"{server.url}/me/live/runs/r")
    mark(page)
    main = page.get_by_role("main")
    expect(main.get_by_text("running")).to_be_visible()
    expect(page.locator("#live")).to_be_visible()
    figure = main.get_by_role("figure").filter(has_text="loss").first
    figure.get_by_text("Values", exact=True).click()
    rows = figure.locator("tbody tr")
    expect(rows).to_have_count(2)
    for number in range(2, 5):
        run.log(number, {"_step": number, "loss": 1 / number})
        expect(rows).to_have_count(number + 1)
    run.log(5, {"_step": 5, "loss": 0.1, "late": 7})
    expect(main.get_by_role("figure").filter(has_text="late")).to_be_visible()
    run.send("wandb-summary.json", 0, [{"loss": 0.0625}])
    run.stream(complete=True, exitcode=0)
    expect(main.get_by_text("finished")).to_be_visible()
    expect(page.locator("#summary")).to_contain_text("0.0625")
    expect(page.locator("#live")).to_be_hidden()
    expect(page.locator("#status")).to_contain_text("finished")
    assert is_marked(page)


def test_a_table_shows_new_runs_and_their_ends(open_page: Opener, server: LocalServer) -> None:
    run = LoggedRun(server, "live")
    run.start(displayName="first")
    page = open_page(f"{server.url}/me/live")
    mark(page)
    table = page.get_by_role("table")
    expect(table.get_by_role("row", name="first")).to_contain_text("running")
    log_run(server, "me", "live", "r2", name="second")
    expect(table.get_by_role("row", name="second")).to_contain_text("finished")
    run.stream(complete=True, exitcode=1)
    expect(table.get_by_role("row", name="first")).to_contain_text("failed")
    assert is_marked(page)


def test_projects_show_a_new_one(open_page: Opener, server: LocalServer) -> None:
    log_run(server, "local", "old", "r")
    page = open_page(server.url)
    mark(page)
    expect(page.get_by_role("link", name="old", exact=True)).to_be_visible()
    log_run(server, "local", "new", "r")
    expect(page.get_by_role("link", name="new", exact=True)).to_be_visible()
    assert is_marked(page)


def test_compared_runs_go_on(open_page: Opener, server: LocalServer) -> None:
    log_run(server, "me", "live", "done", history=[{"loss": 1.0}, {"loss": 0.5}])
    run = LoggedRun(server, "live")
    run.start(displayName="at-work")
    run.log(0, {"_step": 0, "loss": 2.0})
    page = open_page(f"{server.url}/me/live/compare?run=done&run=r")
    figure = page.get_by_role("figure").filter(has_text="loss").first
    figure.get_by_text("Values", exact=True).click()
    expect(figure.locator("tbody tr")).to_have_count(2)
    run.log(1, {"_step": 1, "loss": 1.0}, {"_step": 2, "loss": 0.25})
    expect(figure.locator("tbody tr")).to_have_count(3)
    run.stream(complete=True, exitcode=0)
    expect(page.get_by_role("list", name="Runs")).not_to_contain_text("running")


def test_a_server_that_is_gone_leaves_what_was_shown(open_page: Opener) -> None:
    with LocalServer() as server:
        run = LoggedRun(server, "live")
        run.start(displayName="at-work")
        run.log(0, {"_step": 0, "loss": 2.0})
        gone = ("ERR_CONNECTION",)
        page = open_page(f"{server.url}/me/live/runs/r", expected=gone)
        expect(page.get_by_role("heading", name="at-work")).to_be_visible()
    page.wait_for_timeout(3000)
    expect(page.get_by_role("heading", name="at-work")).to_be_visible()


def test_a_run_that_is_resumed_is_live_again(open_page: Opener, server: LocalServer) -> None:
    log_run(server, "me", "live", "r", history=[{"loss": 1}])
    page = open_page(f"{server.url}/me/live/runs/r")
    main = page.get_by_role("main")
    expect(main.get_by_text("finished")).to_be_visible()
    log_run(server, "me", "live", "r", history=[{"_step": 1, "loss": 0.5}], exit_code=None)
    expect(main.get_by_text("running")).to_be_visible()
    expect(page.locator("#live")).to_be_visible()
    expect(page.locator("#summary")).to_contain_text("0.5")


def test_a_row_with_an_earlier_step_is_shown(open_page: Opener, server: LocalServer) -> None:
    run = LoggedRun(server, "live")
    run.start(displayName="at-work")
    run.log(0, {"_step": 10, "loss": 1.5}, {"_step": 11, "loss": 0.75})
    page = open_page(f"{server.url}/me/live/runs/r")
    figure = page.get_by_role("figure").filter(has_text="loss").first
    figure.get_by_text("Values", exact=True).click()
    expect(figure.locator("tbody tr")).to_have_count(2)
    run.log(2, {"_step": 1, "loss": 3.5})
    run.stream(complete=True, exitcode=0)
    expect(figure.locator("tbody tr")).to_have_count(3)
    expect(figure.locator("tbody tr").first).to_contain_text("3.5")
    expect(figure).not_to_contain_text("of 3 values")


def test_a_run_that_is_deleted_says_so(open_page: Opener, server: LocalServer) -> None:
    run = LoggedRun(server, "live")
    started = run.start(displayName="at-work")
    page = open_page(f"{server.url}/me/live/runs/r")
    expect(page.locator("#live")).to_be_visible()
    bucket = started["bucket"]
    assert isinstance(bucket, dict)
    assert run.delete(bucket["id"]).status_code == 200
    expect(page.get_by_text("This run was deleted")).to_be_visible()
    expect(page.locator("#live")).to_be_hidden()
    expect(page.get_by_role("main").get_by_text("running")).to_be_hidden()


def test_a_value_that_is_shown_whole_stays_so(open_page: Opener, server: LocalServer) -> None:
    run = LoggedRun(server, "live")
    run.start({"prompt": "p" * 1000}, displayName="at-work")
    run.send("wandb-summary.json", 0, [json.dumps({"text": "t" * 1000, "loss": 1})])
    page = open_page(f"{server.url}/me/live/runs/r")
    summary = page.locator("#summary")
    summary.get_by_role("button", name="Show all").click()
    expect(summary).to_contain_text("t" * 1000)
    run.send("wandb-summary.json", 0, [json.dumps({"text": "u" * 1000, "loss": 0.125})])
    expect(summary).to_contain_text("0.125")
    expect(summary).to_contain_text("u" * 1000)
    expect(page.locator("#config").get_by_role("button", name="Show all")).to_be_visible()
