"""The table of runs follows what changes: values, states, filters, orders and keys."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from browser.tables import filter_by, head, names, row, rows, sort_by
from playwright.sync_api import expect
from support.logging_sdk import LoggedRun

from wandb_runs.testing import LocalServer, log_run

if TYPE_CHECKING:
    from collections.abc import Iterator

    from browser.pages import Opener


@pytest.fixture
def server() -> Iterator[LocalServer]:
    with LocalServer() as started:
        yield started


def start(server: LocalServer, name: str, loss: float) -> LoggedRun:
    """A run that is logging, with its last loss in its summary."""
    run = LoggedRun(server, "live", name)
    run.start(displayName=name)
    say(run, loss)
    return run


def say(run: LoggedRun, loss: float, **others: float) -> None:
    run.send("wandb-summary.json", 0, [{"loss": loss, **others}])


def test_a_finished_run_that_is_resumed_is_shown_as_running(
    open_page: Opener, server: LocalServer
) -> None:
    log_run(server, "me", "live", "r", name="again", summary={"loss": 1.0})
    page = open_page(f"{server.url}/me/live")
    expect(row(page, "again")).to_contain_text("finished")
    expect(page.locator("#live")).to_be_hidden()
    log_run(server, "me", "live", "r", name="again", summary={"loss": 0.125}, exit_code=None)
    expect(row(page, "again")).to_contain_text("running")
    expect(row(page, "again")).to_contain_text("0.125")
    expect(page.locator("#live")).to_be_visible()


def test_a_resumed_run_is_compared_as_running(open_page: Opener, server: LocalServer) -> None:
    for name in ("a", "b"):
        log_run(server, "me", "live", name, summary={"loss": 1.0})
    page = open_page(f"{server.url}/me/live/compare?run=a&run=b")
    runs = page.get_by_role("list", name="Runs")
    expect(runs.get_by_role("listitem")).to_have_count(2)
    expect(runs).not_to_contain_text("running")
    log_run(server, "me", "live", "b", summary={"loss": 0.125}, exit_code=None)
    expect(runs).to_contain_text("running")
    expect(page.get_by_role("region", name="Summary")).to_contain_text("0.125")


def test_a_run_that_another_program_changes_is_shown_as_it_is(
    open_page: Opener, server: LocalServer
) -> None:
    log_run(server, "me", "live", "r", name="tagged")
    page = open_page(f"{server.url}/me/live")
    expect(row(page, "tagged")).to_contain_text("finished")
    LoggedRun(server, "live").upsert(tags=["best"], displayName="renamed")
    expect(row(page, "renamed")).to_contain_text("best")


def test_runs_enter_and_leave_a_filter_while_they_log(
    open_page: Opener, server: LocalServer
) -> None:
    low, high = start(server, "low", 0.001), start(server, "high", 0.5)
    page = open_page(f"{server.url}/me/live")
    filter_by(page, "summary.loss < 0.01")
    expect(page.locator("output.counter")).to_have_text("1 run")
    expect(row(page, "low")).to_be_visible()
    say(low, 5)
    say(high, 0.002)
    expect(row(page, "high")).to_be_visible()
    expect(rows(page)).to_have_count(1)
    expect(page.locator("output.counter")).to_have_text("1 run")


def test_rows_move_as_the_values_that_they_are_sorted_by_change(
    open_page: Opener, server: LocalServer
) -> None:
    runs = [start(server, name, loss) for name, loss in (("a", 1), ("b", 2), ("c", 3))]
    page = open_page(f"{server.url}/me/live")
    sort_by(page, "summary.loss")
    expect(head(page, "summary.loss")).to_have_attribute("aria-sort", "ascending")
    assert names(page, 3) == ["a", "b", "c"]
    box = page.get_by_label("Compare c")
    box.focus()
    say(runs[2], 0.0001)
    expect(rows(page).first).to_contain_text("0.0001")
    assert names(page, 3) == ["c", "a", "b"]
    expect(box).to_be_focused()


def test_a_wrong_filter_neither_stops_the_table_nor_takes_the_focus(
    open_page: Opener, server: LocalServer
) -> None:
    start(server, "first", 1)
    page = open_page(f"{server.url}/me/live")
    expect(row(page, "first")).to_be_visible()
    filter_by(page, "config.lr <")
    expect(page.locator("#where-error")).to_contain_text("Column 12")
    page.get_by_label("Compare first").focus()
    start(server, "second", 2)
    expect(row(page, "second")).to_be_visible()
    expect(page.get_by_label("Compare first")).to_be_focused()
    expect(page.locator("#where-error")).to_contain_text("Column 12")
    expect(page.get_by_label("Filter")).to_have_value("config.lr <")


def test_keys_that_are_new_become_columns(open_page: Opener, server: LocalServer) -> None:
    run = start(server, "first", 1)
    page = open_page(f"{server.url}/me/live")
    expect(head(page, "summary.loss")).to_be_visible()
    log_run(server, "me", "live", "r2", config={"newkey": 7}, summary={"accuracy": 0.75})
    expect(head(page, "config.newkey")).to_be_visible()
    expect(head(page, "summary.accuracy")).to_be_visible()
    expect(row(page, "r2")).to_contain_text("0.75")
    assert "column=" not in page.url
    say(run, 0.5, late=0.0625)
    expect(head(page, "summary.late")).to_be_visible()
    expect(row(page, "first")).to_contain_text("0.0625")


def test_the_menu_offers_new_keys_where_columns_were_chosen(
    open_page: Opener, server: LocalServer
) -> None:
    log_run(server, "me", "live", "r", name="first", summary={"loss": 1.0})
    page = open_page(f"{server.url}/me/live?column=state")
    expect(row(page, "first")).to_be_visible()
    log_run(server, "me", "live", "r", name="first", summary={"loss": 1.0, "accuracy": 0.75})
    page.get_by_text("Columns", exact=True).click()
    page.get_by_label("summary.accuracy").check()
    expect(row(page, "first")).to_contain_text("0.75")
    expect(page).to_have_url(re.compile(r"\?column=state&column=summary_metrics\.accuracy$"))


def test_sorting_without_a_server_tells_so_and_sorts_nothing(open_page: Opener) -> None:
    with LocalServer() as server:
        log_run(server, "me", "live", "r", name="only", summary={"loss": 1.0})
        page = open_page(f"{server.url}/me/live", expected=("ERR_CONNECTION",))
        expect(row(page, "only")).to_be_visible()
    address = page.url
    sort_by(page, "summary.loss")
    expect(page.locator("#lost")).to_be_visible()
    filter_by(page, "summary.loss < 1")
    page.get_by_text("Columns", exact=True).click()
    page.get_by_label("State", exact=True).click()
    expect(page.get_by_label("State", exact=True)).to_be_checked()
    expect(head(page, "Created")).to_have_attribute("aria-sort", "descending")
    expect(head(page, "summary.loss")).not_to_have_attribute("aria-sort", re.compile("."))
    expect(row(page, "only")).to_contain_text("finished")
    assert page.url == address


def test_a_deleted_run_leaves_the_comparison(open_page: Opener, server: LocalServer) -> None:
    for name in ("a", "b"):
        log_run(server, "me", "live", name, summary={"loss": 1.0})
    page = open_page(f"{server.url}/me/live/compare?run=a&run=b")
    runs = page.get_by_role("list", name="Runs")
    expect(runs.get_by_role("listitem")).to_have_count(2)
    run = LoggedRun(server, "live", "b")
    run.delete(run.read("id")["id"])
    expect(page.get_by_role("main").get_by_role("alert")).to_contain_text("Not in this project: b.")
    expect(runs.get_by_role("listitem")).to_have_count(1)
