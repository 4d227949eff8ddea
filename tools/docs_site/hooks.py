"""The hooks of mkdocs: pages of files outside of `docs/`, folders in `nav`, and checks."""

from __future__ import annotations

import re
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol, TypeAlias

from docs_site.built import problems_of
from docs_site.markup import linked_names, with_site_markup
from docs_site.outside import linked_from_outside, page_of, page_text, site_links
from docs_site.public_names import names_without_a_page, places_of_names, public_names

if TYPE_CHECKING:
    from collections.abc import Iterator

    Nav: TypeAlias = "list[str | dict[str, str | Nav]]"

    class Theme(Protocol):
        """The theme, as mkdocs has it."""

        static_templates: set[str]

    class Config(Protocol):
        """The configuration, as mkdocs has it."""

        nav: Nav
        site_dir: str
        theme: Theme

    class File:
        """A source of the site, as mkdocs has it; `make test` does not install it."""

        src_uri: str

        @classmethod
        def generated(
            cls, config: Config, src_uri: str, *, content: str, inclusion: object
        ) -> File:
            """A source that no file holds."""
            ...

    class Files(Protocol):
        """The sources of the site."""

        def append(self, file: File) -> None:
            """Add one."""

        def __iter__(self) -> Iterator[File]: ...

    class Page(Protocol):
        """A page of the site."""

        file: File
        meta: dict[str, object]

    class InclusionLevel:
        """Which sources are in the navigation."""

        NOT_IN_NAV: object
        UNDEFINED: object

    class PluginError(Exception):
        """Ends a build with a message."""
else:
    from mkdocs.exceptions import PluginError
    from mkdocs.structure.files import File, InclusionLevel

__all__ = ["on_config", "on_files", "on_page_content", "on_page_markdown", "on_post_build"]

_ROOT: Final = Path(__file__).resolve().parents[2]
_DOCS: Final = _ROOT / "docs"
_SOURCE: Final = _ROOT / "src"

_PICTURE: Final = re.compile(r'(<img [^>]*?src="([^"]+)"[^>]*>)')

_SHOWN: Final = ("CHANGELOG.md",)
"""Files outside of `docs/` that are in the navigation."""

_IN_SEARCH: Final = {
    "tests/": {"exclude": True},
    "docs/decisions/": {"boost": 0.02},
    "docs/reference/": {"boost": 1},
    "docs/": {"boost": 3},
    "": {"boost": 0.02},
}
"""How the search ranks pages, by the first of these that their paths begin with: guides first."""

_paths: Final[dict[str, str]] = {}
"""The paths in the repository of sources that no file of `docs/` holds."""


def on_config(config: Config) -> None:
    """Put the pages of folders into the navigation, and leave out the page for dead links.

    That page has absolute links, since it is shown at any path.
    """
    config.nav = [_with_folders(each) for each in config.nav]
    config.theme.static_templates.discard("404.html")


def on_files(files: Files, config: Config) -> None:
    """Add pages for what documents link to outside of `docs/`."""
    documents = [f"docs/{each.relative_to(_DOCS).as_posix()}" for each in _DOCS.rglob("*.md")]
    outside = dict.fromkeys([*_SHOWN, *linked_from_outside([*documents, *_SHOWN], _ROOT)])
    for path in outside:
        level = InclusionLevel.UNDEFINED if path in _SHOWN else InclusionLevel.NOT_IN_NAV
        text = page_text(path, (_ROOT / path).read_text("utf-8"))
        files.append(File.generated(config, page_of(path), content=text, inclusion=level))
        _paths[page_of(path)] = path


def on_page_markdown(markdown: str, page: Page, **_: object) -> str:
    """Turn a document of a code host into a page of the site."""
    uri = page.file.src_uri
    path = _paths.get(uri, f"docs/{uri}")
    page.meta["search"] = next(rank for at, rank in _IN_SEARCH.items() if path.startswith(at))
    if not path.endswith(".md"):
        return markdown
    text = with_site_markup(site_links(markdown, path))
    if path.startswith("docs/decisions/") or uri in _paths:
        return text
    return linked_names(text, places_of_names(public_names(_SOURCE)))


def on_page_content(html: str, page: Page, **_: object) -> str:
    """Make pictures links to themselves, and the tables of the commands fit to be read.

    mkdocs-click writes the name of click's marker where an option has no default.
    """
    html = _PICTURE.sub(r'<a class="picture" href="\2">\1</a>', html)
    if page.file.src_uri != "reference/command-line.md":
        return html
    return f'<div class="commands">{html.replace("<code>Sentinel.UNSET</code>", "")}</div>'


def on_post_build(config: Config) -> None:
    """Check the site.

    Raises:
        PluginError: A public name has no page, a link leads nowhere, or a file is loaded from
            elsewhere.
    """
    site = Path(config.site_dir)
    absent = names_without_a_page(_DOCS / "reference", _SOURCE)
    known = {*absent, *_inventory(site / "objects.inv")}
    problems = [
        *(f"{name} is public, and no page of docs/reference/ has `::: {name}`" for name in absent),
        *(
            f"{name} is public, and not in the site's inventory of names"
            for name in public_names(_SOURCE)
            if name not in known
        ),
        *problems_of(site),
    ]
    if problems:
        raise PluginError("\n  ".join(["the site is not whole:", *problems]))


def _with_folders(entry: str | dict[str, str | Nav]) -> str | dict[str, str | Nav]:
    if isinstance(entry, str):
        return entry
    return {title: _entries(of) for title, of in entry.items()}


def _entries(of: str | Nav) -> str | Nav:
    if not isinstance(of, str):
        return [_with_folders(each) for each in of]
    if not of.endswith("/"):
        return of
    pages = sorted(each.name for each in (_DOCS / of).glob("*.md"))
    first = {"README.md", "index.md"}
    return [f"{of}{each}" for each in sorted(pages, key=lambda name: (name not in first, name))]


def _inventory(path: Path) -> set[str]:
    """The names in an inventory of Sphinx's format: four lines, then compressed ones."""
    text = zlib.decompress(path.read_bytes().split(b"\n", 4)[4]).decode()
    return {line.split(" ", 1)[0] for line in text.splitlines()}
