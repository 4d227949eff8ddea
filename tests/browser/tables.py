"""What tests look at and do in the table of runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

__all__ = ["filter_by", "head", "names", "row", "rows", "scroll_place", "sort_by"]


def rows(page: Page) -> Locator:
    return page.locator("table.runs tbody tr")


def row(page: Page, name: str) -> Locator:
    """The row of the run that has this name."""
    return page.get_by_role("table").get_by_role("row", name=name)


def names(page: Page, count: int) -> list[str]:
    """The first names in the table."""
    return [rows(page).nth(index).get_by_role("rowheader").inner_text() for index in range(count)]


def head(page: Page, label: str) -> Locator:
    return page.get_by_role("columnheader", name=label)


def sort_by(page: Page, label: str) -> None:
    head(page, label).get_by_role("button").click()


def filter_by(page: Page, text: str) -> None:
    page.get_by_label("Filter").fill(text)
    page.get_by_label("Filter").press("Enter")


def scroll_place(page: Page) -> float:
    """How far the table is scrolled, in pixels."""
    return float(page.locator(".table-region").evaluate("(region) => region.scrollTop"))
