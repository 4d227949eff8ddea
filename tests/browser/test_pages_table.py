"""The table of runs: thousands of them, sorted, filtered, gone back to, chosen and compared."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from browser.projects import MANY, write_many
from browser.tables import filter_by, head, names, rows, scroll_place, sort_by
from playwright.sync_api import expect
from support.logging_sdk import LoggedRun

from wandb_runs.testing import LocalServer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from browser.pages import Opener

BAD = ("status of 400",)


@pytest.fixture(scope="module")
def server() -> Iterator[LocalServer]:
    with LocalServer() as started:
        write_many(started)
        yield started


def test_two_thousand_runs_come_page_by_page(open_page: Opener, server: LocalServer) -> None:
    page = open_page(f"{server.url}/me/many")
    counter = page.locator("output.counter")
    expect(counter).to_have_text(re.compile(r"^100 of 2,000 runs$"))
    for _ in range(MANY // 100 + 5):
        if rows(page).count() == MANY:
            break
        before = rows(page).count()
        page.locator(".table-region").evaluate(
            "(region) => region.scrollTo(0, region.scrollHeight)"
        )
        expect(rows(page)).not_to_have_count(before)
    expect(counter).to_have_text("2,000 runs")
    found = page.evaluate(
        "[...document.querySelectorAll('table.runs tbody th a')].map((each) => each.textContent)"
    )
    assert sorted(found) == [f"fox-{number:04}" for number in range(MANY)]


def test_a_column_sorts_up_and_down(open_page: Opener, server: LocalServer) -> None:
    page = open_page(f"{server.url}/me/many")
    expect(head(page, "Created")).to_have_attribute("aria-sort", "descending")
    loss = head(page, "summary.loss")
    loss.get_by_role("button").click()
    expect(loss).to_have_attribute("aria-sort", "ascending")
    expect(head(page, "Created")).not_to_have_attribute("aria-sort", re.compile("."))
    first = [f"fox-{next(n for n in range(MANY) if n * 37 % MANY == rank):04}" for rank in range(3)]
    expect(rows(page).first).to_contain_text(first[0])
    assert names(page, 3) == first
    loss.get_by_role("button").click()
    expect(loss).to_have_attribute("aria-sort", "descending")
    expect(rows(page).first).to_contain_text("199.9")
    expect(page.locator("#status")).to_contain_text("descending")


def test_filters_are_those_of_the_command_line(open_page: Opener, server: LocalServer) -> None:
    page = open_page(f"{server.url}/me/many")
    filter_by(page, 'config.lr < 0.01 and tags contains "even"')
    expect(page.locator("output.counter")).to_have_text("10 runs")
    filter_by(page, 'display_name == "fox-0007" or config.lr > 5')
    expect(rows(page)).to_have_count(1)
    assert names(page, 1) == ["fox-0007"]
    filter_by(page, 'state == "failed"')
    expect(page.get_by_text("No run is selected by this filter.")).to_be_visible()
    page.get_by_role("button", name="Clear").click()
    expect(page.locator("output.counter")).to_contain_text("2,000 runs")


def test_a_wrong_filter_is_told_and_changes_nothing(open_page: Opener, server: LocalServer) -> None:
    page = open_page(f"{server.url}/me/many", expected=BAD)
    filter_by(page, "config.seed == 3")
    expect(page.locator("output.counter")).to_contain_text("286 runs")
    filter_by(page, "config.lr <")
    problem = page.locator("#where-error")
    expect(problem).to_contain_text("Column 12")
    expect(page.get_by_label("Filter")).to_have_attribute("aria-invalid", "true")
    expect(page.get_by_label("Filter")).to_be_focused()
    filter_by(page, "stat == 1")
    expect(problem).to_contain_text("state")
    filter_by(page, "config.seed == 3")
    expect(problem).to_be_empty()
    expect(page.locator("output.counter")).to_contain_text("286 runs")


def test_back_and_forward_lead_through_filters_orders_and_runs(
    open_page: Opener, server: LocalServer
) -> None:
    page = open_page(f"{server.url}/me/many")
    expect(rows(page)).to_have_count(100)
    filter_by(page, "config.lr < 0.005")
    expect(page.locator("output.counter")).to_have_text("10 runs")
    head(page, "Name").get_by_role("button").click()
    expect(head(page, "Name")).to_have_attribute("aria-sort", "ascending")
    page.get_by_role("link", name="fox-0003").click()
    expect(page.get_by_role("heading", name="fox-0003")).to_be_visible()
    page.go_back()
    expect(page.locator("output.counter")).to_have_text("10 runs")
    expect(page.get_by_label("Filter")).to_have_value("config.lr < 0.005")
    expect(head(page, "Name")).to_have_attribute("aria-sort", "ascending")
    page.go_back()
    expect(head(page, "Created")).to_have_attribute("aria-sort", "descending")
    page.go_back()
    expect(page.locator("output.counter")).to_contain_text("2,000 runs")
    page.go_forward()
    expect(page.locator("output.counter")).to_have_text("10 runs")
    page.reload()
    expect(page.get_by_label("Filter")).to_have_value("config.lr < 0.005")
    expect(page.locator("output.counter")).to_have_text("10 runs")


def test_chosen_runs_are_compared(open_page: Opener, server: LocalServer) -> None:
    page = open_page(f"{server.url}/me/many?where=config.lr+<+0.005")
    page.get_by_label("Compare fox-0002").check()
    head(page, "summary.loss").get_by_role("button").click()
    expect(page.get_by_label("Compare fox-0002")).to_be_checked()
    page.get_by_label("Compare fox-0004").check()
    page.get_by_role("link", name="Compare 2 runs").click()
    expect(page).to_have_url(re.compile(r"/me/many/compare\?run=r0002&run=r0004$"))
    config = page.get_by_role("region", name="Config")
    expect(config.get_by_role("row", name="lr")).to_contain_text("0.001")
    expect(config.get_by_role("row", name="lr")).to_contain_text("0.002")
    page.go_back()
    expect(page.locator("output.counter")).to_have_text("10 runs")


def test_columns_are_chosen_and_stay_in_the_address(open_page: Opener, server: LocalServer) -> None:
    page = open_page(f"{server.url}/me/many")
    expect(rows(page)).to_have_count(100)
    page.get_by_text("Columns", exact=True).click()
    page.get_by_label("Search keys").fill("seed")
    page.get_by_label("config.seed").uncheck()
    expect(head(page, "config.seed")).to_have_count(0)
    page.reload()
    expect(rows(page)).to_have_count(100)
    expect(head(page, "config.lr")).to_have_count(1)
    expect(head(page, "config.seed")).to_have_count(0)


def test_a_wrong_filter_leaves_the_order_and_the_address_as_they_can_be(
    open_page: Opener, server: LocalServer
) -> None:
    page = open_page(f"{server.url}/me/many")
    filter_by(page, "config.seed == 3")
    expect(page.locator("output.counter")).to_contain_text("286 runs")
    filter_by(page, "config.lr <")
    expect(page.locator("#where-error")).to_contain_text("Column 12")
    expect(page.locator("#where-error")).to_contain_text("config.seed == 3")
    sort_by(page, "summary.loss")
    expect(head(page, "summary.loss")).to_have_attribute("aria-sort", "ascending")
    lowest = min((n for n in range(MANY) if n % 7 == 3), key=lambda n: n * 37 % MANY)
    expect(rows(page).first).to_contain_text(f"fox-{lowest:04}")
    expect(page).to_have_url(re.compile(r"\?where=config\.seed\+%3D%3D\+3&order="))
    # What was typed stays there, to be corrected.
    expect(page.get_by_label("Filter")).to_have_value("config.lr <")
    page.get_by_text("Columns", exact=True).click()
    page.get_by_label("config.seed").uncheck()
    expect(head(page, "config.seed")).to_have_count(0)
    expect(page).to_have_url(re.compile(r"\?where=config\.seed\+%3D%3D\+3&order=.*&column="))


def test_a_wrong_filter_in_an_address_selects_nothing_less(
    open_page: Opener, server: LocalServer
) -> None:
    page = open_page(f"{server.url}/me/many?where=config.lr+%3C")
    expect(page.locator("#where-error")).to_contain_text("Column 12")
    expect(page.locator("#where-error")).to_contain_text("All runs are shown")
    expect(page.locator("output.counter")).to_have_text("100 of 2,000 runs")


@pytest.mark.parametrize("order", ["garbage", "%2Bsummary.lass", "-tags", "+"])
def test_an_order_that_is_none_is_told(open_page: Opener, server: LocalServer, order: str) -> None:
    page = open_page(f"{server.url}/me/many?order={order}")
    problem = page.get_by_role("main").get_by_role("alert")
    expect(problem).to_contain_text("is no order of this table")
    expect(head(page, "Created")).to_have_attribute("aria-sort", "descending")
    expect(rows(page)).to_have_count(100)
    sort_by(page, "summary.loss")
    expect(head(page, "summary.loss")).to_have_attribute("aria-sort", "ascending")
    expect(problem).to_have_count(0)


def test_an_order_without_a_sign_is_that_of_the_server(
    open_page: Opener, server: LocalServer
) -> None:
    page = open_page(f"{server.url}/me/many?order=summary_metrics.loss")
    expect(head(page, "summary.loss")).to_have_attribute("aria-sort", "descending")
    expect(rows(page).first).to_contain_text("199.9")
    expect(page.get_by_role("main").get_by_role("alert")).to_have_count(0)


def test_back_from_a_run_leads_to_where_the_table_was_scrolled(
    open_page: Opener, server: LocalServer
) -> None:
    page = open_page(f"{server.url}/me/many")
    expect(rows(page)).to_have_count(100)
    page.locator(".table-region").evaluate("(region) => region.scrollTo(0, region.scrollHeight)")
    expect(rows(page)).to_have_count(200)
    page.locator(".table-region").evaluate("(region) => region.scrollTo(0, 3000)")
    name = page.evaluate(
        "[...document.querySelectorAll('tbody a')]"
        ".find((each) => each.getBoundingClientRect().top > 400).textContent"
    )
    page.get_by_role("link", name=name).click()
    expect(page.get_by_role("heading", name=name)).to_be_visible()
    page.go_back()
    expect(rows(page)).to_have_count(200)
    expect(page.get_by_role("link", name=name)).to_be_in_viewport()
    assert abs(scroll_place(page) - 3000) < 2
    page.reload()
    expect(page.get_by_role("link", name=name)).to_be_in_viewport()


def test_back_from_a_comparison_leads_to_the_chosen_runs(
    open_page: Opener, server: LocalServer
) -> None:
    page = open_page(f"{server.url}/me/many?where=config.lr+<+0.005")
    page.get_by_label("Compare fox-0002").check()
    page.get_by_label("Compare fox-0004").check()
    sort_by(page, "summary.loss")
    expect(head(page, "summary.loss")).to_have_attribute("aria-sort", "ascending")
    page.get_by_role("link", name="Compare 2 runs").click()
    expect(page).to_have_url(re.compile(r"/me/many/compare"))
    page.go_back()
    expect(page.get_by_role("link", name="Compare 2 runs")).to_be_visible()
    expect(page.get_by_label("Compare fox-0002")).to_be_checked()
    expect(page.get_by_label("Compare fox-0004")).to_be_checked()
    expect(page.get_by_label("Compare fox-0003")).not_to_be_checked()


def test_a_project_without_runs_says_so_beside_its_border(open_page: Opener) -> None:
    with LocalServer() as server:
        LoggedRun(server, "empty").graphql(
            'mutation { upsertModel(input: {entityName: "me", name: "empty"}) { inserted } }'
        )
        page = open_page(f"{server.url}/me/empty")
        text = page.get_by_text("There are no runs yet.")
        expect(text).to_be_visible()
        space = page.evaluate(
            "(() => { const range = document.createRange();"
            " range.selectNodeContents([...document.querySelectorAll('.table-region p')]"
            ".find((each) => each.textContent.startsWith('There are')));"
            " return range.getBoundingClientRect().left"
            " - document.querySelector('.table-region').getBoundingClientRect().left; })()"
        )
        assert space >= 8
