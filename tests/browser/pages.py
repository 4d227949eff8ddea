"""Pages in a browser that keep what went wrong in them, and what tests look at in them."""

from __future__ import annotations

import json
from importlib import resources
from typing import TYPE_CHECKING, Final, TypedDict, cast
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Dialog, Page, Request

__all__ = ["PATIENCE", "Opener", "accessibility_problems", "kept_by_browser", "overflow"]

PATIENCE: Final = 15_000
"""How many milliseconds a page has for whatever a test waits for: machines may be busy."""


class Opener:
    """Opens pages, and keeps what went wrong in them.

    Attributes:
        problems: Errors and warnings of the console, which those of a policy are, too; exceptions
            of scripts, dialogs of scripts, and requests to another origin than the page's.
    """

    def __init__(self, browser: Browser) -> None:
        self.problems: list[str] = []
        self._browser = browser
        self._contexts: list[BrowserContext] = []

    def __call__(
        self,
        url: str,
        *,
        width: int = 1280,
        height: int = 800,
        dark: bool = False,
        expected: Sequence[str] = (),
    ) -> Page:
        """Open a page in a profile of its own.

        Args:
            url: Its address.
            width: The window's width in pixels.
            height: The window's height in pixels.
            dark: Whether the user prefers dark pages.
            expected: Parts of messages of the console that are no problems.
        """
        context = self._browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme="dark" if dark else "light",
            reduced_motion="reduce",
        )
        self._contexts.append(context)
        context.set_default_timeout(PATIENCE)
        page = context.new_page()
        origin = urlsplit(url)[:2]

        def on_console(message: ConsoleMessage) -> None:
            if message.type in {"error", "warning"} and not any(
                each in message.text for each in expected
            ):
                self.problems.append(f"{message.type}: {message.text}")

        def on_request(request: Request) -> None:
            asked = urlsplit(request.url)
            if asked.scheme not in {"data", "blob"} and asked[:2] != origin:
                self.problems.append(f"request: {request.url}")

        def on_dialog(dialog: Dialog) -> None:
            self.problems.append(f"dialog: {dialog.message}")
            dialog.dismiss()

        context.on("console", on_console)
        context.on("request", on_request)
        context.on("dialog", on_dialog)
        context.on("weberror", lambda error: self.problems.append(f"exception: {error.error}"))
        page.on("websocket", lambda socket: self.problems.append(f"socket: {socket.url}"))
        page.goto(url)
        return page

    def close(self) -> None:
        """Close all pages."""
        for context in self._contexts:
            context.close()


def kept_by_browser(page: Page) -> str:
    """All that a browser keeps of a page: storage, cookies, addresses, and its history's state."""
    found = cast(
        "object",
        page.evaluate(
            "[{...localStorage}, {...sessionStorage}, document.cookie, location.href, "
            "history.state, performance.getEntries().map((each) => each.name)]"
        ),
    )
    return json.dumps([found, page.context.cookies()])


class _Node(TypedDict):
    html: str


class _Violation(TypedDict):
    """What is read of a violation that axe-core found."""

    id: str
    help: str
    nodes: list[_Node]


def accessibility_problems(page: Page) -> list[str]:
    """What axe-core finds: rules of WCAG 2.2 A and AA, and of good practice, that do not hold."""
    # The package has no types: of it, only axe-core's own file is used.
    script = resources.files("axe_playwright_python").joinpath("axe.min.js")
    page.evaluate(script.read_text(encoding="utf-8"))
    found = page.evaluate("axe.run().then((results) => results.violations)")
    return [
        f"{each['id']}: {each['help']}: {node['html'][:200]}"
        for each in cast("list[_Violation]", found)
        for node in each["nodes"]
    ]


def overflow(page: Page) -> int:
    """By how many pixels the page is wider than its window."""
    widths = "[document.scrollingElement.scrollWidth, document.documentElement.clientWidth]"
    inner, outer = cast("list[int]", page.evaluate(widths))
    return inner - outer
