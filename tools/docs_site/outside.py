"""Links of documents as they are on a code host, and what becomes of them on the site.

A document may link to any file of the repository. What is outside of `docs/` gets a page of its
own on the site: a document as it is, any other file as code.
"""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

__all__ = ["linked_from_outside", "page_of", "page_text", "site_links"]

_LINK: Final = re.compile(r"(?<=\]\()(?![a-z]+:)([^)\s#]+)(?=[#)])")
_CODE: Final = re.compile(r"^ *(`{3,}).*?^ *\1 *$|`[^`\n]+`(?!\])", re.MULTILINE | re.DOTALL)
_LANGUAGES: Final = {".graphql": "graphql", ".py": "python", ".toml": "toml", ".yml": "yaml"}


def page_of(path: str) -> str:
    """The page of a file on the site, as mkdocs names sources.

    Args:
        path: The file's path in the repository.
    """
    if path == "README.md":
        return "index.md"
    if path.startswith("docs/"):
        return path.removeprefix("docs/")
    return path if path.endswith(".md") else f"{path}.md"


def site_links(text: str, path: str) -> str:
    """A document whose links lead to pages of the site.

    Args:
        text: The document.
        path: Its path in the repository, which its links are relative to.
    """
    page = page_of(path)

    def rewritten(link: re.Match[str]) -> str:
        target = page_of(posixpath.normpath(posixpath.join(posixpath.dirname(path), link[1])))
        return posixpath.relpath(target, posixpath.dirname(page) or ".")

    return _outside_of_code(text, lambda prose: _LINK.sub(rewritten, prose))


def linked_from_outside(documents: Iterable[str], root: Path) -> list[str]:
    """The files outside of `docs/` that documents link to, and those that these link to.

    Args:
        documents: The paths of the documents in the repository.
        root: The repository's folder.

    Raises:
        FileNotFoundError: A document links to what is not there.
    """
    found: dict[str, None] = {}
    to_read = [*documents]
    while to_read:
        path = to_read.pop()
        for link in _links((root / path).read_text("utf-8")):
            target = posixpath.normpath(posixpath.join(posixpath.dirname(path), link))
            if target.startswith("docs/") or target in {*found, "README.md"}:
                continue
            if not (root / target).is_file():
                raise FileNotFoundError(f"{path}: no file {link!r} to link to")
            found[target] = None
            to_read += [target] if target.endswith(".md") else []
    return [*found]


def page_text(path: str, text: str) -> str:
    """The page of a file outside of `docs/`.

    Args:
        path: The file's path in the repository.
        text: What it holds.
    """
    if path.endswith(".md"):
        return text
    language = _LANGUAGES.get(path[path.rfind(".") :], "text")
    return f"# `{path}`\n\n````{language}\n{text.rstrip()}\n````\n"


def _links(text: str) -> list[str]:
    found: list[str] = []

    def note(prose: str) -> str:
        found.extend(_LINK.findall(prose))
        return prose

    _outside_of_code(text, note)
    return found


def _outside_of_code(text: str, change: Callable[[str], str]) -> str:
    """A text whose prose is changed, and whose code is not."""
    changed: list[str] = []
    end = 0
    for code in _CODE.finditer(text):
        changed += [change(text[end : code.start()]), code[0]]
        end = code.end()
    return "".join([*changed, change(text[end:])])
