"""Checks of the built site: links lead somewhere, and nothing is loaded from elsewhere."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote, urlsplit

from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["problems_of"]

_LOADS: Final = re.compile(r"url\(\s*[\"']?((?:https?:)?//[^)\"']+)|@import\s+[\"']([^\"']+)")


class _Page(HTMLParser):
    """The links, the anchors and the loaded files of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.anchors: set[str] = set()

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value for name, value in attrs if value is not None}
        self.anchors |= {values[name] for name in ("id", "name") if name in values}
        if tag == "a":
            self.links += [values["href"]] if "href" in values else []
            return
        self.loaded += [
            values[name] for name in ("src", "href", "data", "poster") if name in values
        ]
        for candidate in values.get("srcset", "").split(","):
            self.loaded += candidate.split()[:1]


def problems_of(site: Path) -> list[str]:
    """What is wrong with a built site, a sentence each.

    Args:
        site: Its folder.
    """
    pages = {path.resolve(): _read(path) for path in sorted(site.rglob("*.html"))}
    problems = [
        f"{path.relative_to(site.resolve())}: {problem}"
        for path, page in pages.items()
        for problem in (*_loaded_from_elsewhere(path, page), *_dead_links(path, page, pages))
    ]
    for style in sorted(site.rglob("*.css")):
        found = _LOADS.findall(style.read_text("utf-8"))
        problems += [f"{style.relative_to(site)}: loads {''.join(each)}" for each in found]
    return problems


def _read(path: Path) -> _Page:
    page = _Page()
    page.feed(path.read_text("utf-8"))
    return page


def _loaded_from_elsewhere(path: Path, page: _Page) -> Iterator[str]:
    for each in page.loaded:
        address = urlsplit(each)
        if address.scheme == "data":
            continue
        if address.scheme or address.netloc:
            yield f"loads {each}"
        elif address.path and not (path.parent / unquote(address.path)).exists():
            yield f"loads {each}, which is not there"


def _dead_links(path: Path, page: _Page, pages: dict[Path, _Page]) -> Iterator[str]:
    for each in page.links:
        address = urlsplit(each)
        if address.scheme or address.netloc:
            continue
        if address.path.startswith("/"):
            yield f"the link {each} leaves the folder of the site"
            continue
        target = (path.parent / unquote(address.path)).resolve() if address.path else path
        if target.is_dir():
            target /= "index.html"
        anchor = unquote(address.fragment)
        if not target.exists():
            yield f"the link {each} leads to no page"
        elif anchor and target in pages and anchor not in pages[target].anchors:
            yield f"the link {each} leads to no anchor"
