"""Curves of numbers of any size, their ticks and their names."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import pytest
from playwright.sync_api import expect

from wandb_runs.testing import LocalServer, log_run

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from browser.pages import Opener
    from playwright.sync_api import Locator, Page

    from wandb_runs.graphql.scalars import JSONValue

SERIES: dict[str, list[float]] = {
    "converged": [1.00000001, 1.00000002],
    "converged-at-nothing": [1e-10 + 1e-18, 1e-10 + 2e-18],
    "equal": [3, 3],
    "equal-and-huge": [1e300, 1e300],
    "equal-and-tiny": [1e-300, 1e-300],
    "neighbours": [1, 1 + 2**-52],
    "neighbours-in-size": [1e17, 1e17 + 32],
    "halves": [1e15 + 0.5, 1e15 + 1],
    "usual": [0.9, 0.3],
    "whole": [1, 1000],
    "wide": [1e-300, 1e300],
}
LINEAR: dict[str, list[float]] = {
    "both-ends": [1e300, -1e300],
    "denormal": [5e-324, 1e-323],
    "below": [-1e-9, -1e-9],
    "zero": [0, 0],
}
UNDRAWN: dict[str, list[float]] = {
    "beyond": [1e308, -1e308],
    "beyond-twice": [1.7e308, 1.7e308],
}


@pytest.fixture
def server() -> Iterator[LocalServer]:
    with LocalServer() as started:
        yield started


def log_columns(server: LocalServer, columns: dict[str, list[float]], run: str = "r") -> None:
    """Log values by key, a row for each step."""
    rows: list[dict[str, JSONValue]] = [
        {key: values[index] for key, values in columns.items()}
        for index in range(len(next(iter(columns.values()))))
    ]
    log_run(server, "me", "p", run, history=rows)


def figure(page: Page, key: str) -> Locator:
    return page.get_by_role("figure").filter(has=page.get_by_text(key, exact=True))


def is_drawn(found: Locator) -> bool:
    """Whether a canvas has pixels of the first curve's colour."""
    script = """(figure) => {
      const canvas = figure.querySelector("canvas");
      if (!canvas || figure.querySelector(".plot").hidden) return false;
      const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
      let count = 0;
      for (let at = 0; at < data.length; at += 4)
        if (data[at + 3] > 200 && Math.abs(data[at] - 11) + Math.abs(data[at + 1] - 98)
          + Math.abs(data[at + 2] - 176) < 12) count += 1;
      return count > 8;
    }"""
    return bool(found.evaluate(script))


def ticks(found: Locator, axis: int) -> list[str]:
    """The texts that an axis is drawn with."""
    script = """(figure) => new Promise((resolve) => {
      const { fillText, clearRect } = CanvasRenderingContext2D.prototype;
      let texts = [];
      CanvasRenderingContext2D.prototype.clearRect = function (...args) {
        texts = [];
        return clearRect.apply(this, args);
      };
      CanvasRenderingContext2D.prototype.fillText = function (text, x, y) {
        texts.push([text, x, y]);
        return fillText.apply(this, arguments);
      };
      figure.querySelector("button").click();
      setTimeout(() => {
        Object.assign(CanvasRenderingContext2D.prototype, { fillText, clearRect });
        resolve(texts.filter(([text]) => text !== ""));
      }, 400);
    })"""
    texts = cast("list[tuple[str, float, float]]", found.evaluate(script))
    # Those of the x axis are at one height, and below all others.
    bottom = max(y for _, _, y in texts)
    return [text for text, _, y in texts if (y == bottom) == (axis == 0)]


@pytest.mark.parametrize("scale", ["", "?scale=log"])
def test_curves_of_any_numbers_are_drawn(
    open_page: Opener, server: LocalServer, scale: str
) -> None:
    columns = SERIES | ({} if scale else LINEAR)
    log_columns(server, columns)
    page = open_page(f"{server.url}/me/p/runs/r{scale}", height=2400)
    expect(page.locator("figure canvas")).to_have_count(len(columns))
    page.wait_for_timeout(200)
    assert [key for key in columns if not is_drawn(figure(page, key))] == []


@pytest.mark.parametrize("scale", ["", "?scale=log"])
def test_values_that_no_axis_holds_are_told(
    open_page: Opener, server: LocalServer, scale: str
) -> None:
    columns = dict(UNDRAWN)
    if scale:
        columns["nothing"] = [1e-310, 0]
    log_columns(server, columns)
    page = open_page(f"{server.url}/me/p/runs/r{scale}")
    for key in columns:
        expect(figure(page, key)).to_contain_text("No value can be drawn on this axis.")
        expect(figure(page, key)).to_contain_text("too large or too small")


def test_a_run_beyond_all_axes_leaves_the_others_curves(
    open_page: Opener, server: LocalServer
) -> None:
    log_columns(server, {"loss": [1, 0.5, 0.25]}, "a")
    log_columns(server, {"loss": [1e308, -1e308]}, "b")
    page = open_page(f"{server.url}/me/p/compare?run=a&run=b")
    expect(figure(page, "loss")).to_contain_text("not drawn: 2 too large or too small")
    expect(page.locator("figure canvas")).to_have_count(1)
    assert is_drawn(figure(page, "loss"))


def steps_of(texts: Sequence[str]) -> list[float]:
    return [float(each) for each in texts]


def test_ticks_of_close_values_differ(open_page: Opener, server: LocalServer) -> None:
    log_columns(server, {"loss": [1.00000001, 1.00000002]})
    page = open_page(f"{server.url}/me/p/runs/r")
    expect(page.locator("figure canvas")).to_have_count(1)
    found = ticks(figure(page, "loss"), 1)
    assert len(found) >= 3
    assert len(set(found)) == len(found)
    assert all(1.00000000 <= float(each) <= 1.00000004 for each in found)


def test_ticks_of_steps_are_whole_numbers(open_page: Opener, server: LocalServer) -> None:
    log_columns(server, {"loss": [1, 0.5, 0.25]})
    page = open_page(f"{server.url}/me/p/runs/r")
    expect(page.locator("figure canvas")).to_have_count(1)
    assert steps_of(ticks(figure(page, "loss"), 0)) == [0, 1, 2]


@pytest.mark.parametrize("axis", ["_runtime", "_timestamp"])
def test_times_that_are_close_are_drawn(open_page: Opener, server: LocalServer, axis: str) -> None:
    base = 0.0 if axis == "_runtime" else 1.7e9
    rows: list[dict[str, JSONValue]] = [
        {axis: base + 1.00000001, "loss": 1},
        {axis: base + 1.00000002, "loss": 2},
    ]
    log_run(server, "me", "p", "r", history=rows)
    page = open_page(f"{server.url}/me/p/runs/r?x={axis}")
    expect(page.locator("figure canvas")).to_have_count(1)
    assert is_drawn(figure(page, "loss"))


@pytest.mark.parametrize("axis", ["toString", "__proto__", "constructor", "loss"])
def test_an_axis_that_is_none_is_the_step(
    open_page: Opener, server: LocalServer, axis: str
) -> None:
    log_columns(server, {"loss": [1, 0.5]})
    page = open_page(f"{server.url}/me/p/runs/r?x={axis}")
    expect(page.locator("figure canvas")).to_have_count(1)
    expect(page.get_by_label("X axis")).to_have_value("_step")


def test_names_without_a_letter_are_spelt_in_quotes(open_page: Opener, server: LocalServer) -> None:
    log_columns(server, {"": [1, 2], " ": [1, 2], " /x": [1, 2], "a b": [1, 2]})
    page = open_page(f"{server.url}/me/p/runs/r")
    for key in ('""', '" "', "a b"):
        expect(figure(page, key)).to_be_visible()
        expect(page.get_by_role("button", name=f"Enlarge {key}", exact=True)).to_be_visible()
    expect(page.get_by_role("heading", name='" "', exact=True)).to_be_visible()
