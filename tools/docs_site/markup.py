"""Markdown as code hosts read it, and docstrings, in the dialect of the site."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = [
    "fence_examples",
    "insert_before_sections",
    "linked_documents",
    "linked_names",
    "sections_of",
    "with_site_markup",
]

_FENCE: Final = re.compile(r" *(`{3,}|~{3,})")
_ITEM: Final = re.compile(r"(?:[-*+]|\d+\.) ")
_EXAMPLES: Final = re.compile(r"^(```)python(\n>>> )", re.MULTILINE)
_NAME: Final = re.compile(r"(?<![`\w\[])`([A-Za-z_][\w.]*)(?:\([^`]*\))?`(?![`\]])")
_SECTION: Final = re.compile(
    r"^(?:Args|Attributes|Returns|Yields|Raises|Warns):$|^```", re.MULTILINE
)
_DOCUMENT: Final = re.compile(r"`docs/([\w/-]+)\.md`")
_CELL_CODE: Final = re.compile(r"(?<=`)[^`\n]*\\\|[^`\n]*(?=`)")
_CONSOLE: Final = re.compile(r"^```console\n(.*?^```$)", re.MULTILINE | re.DOTALL)
_PROMPT: Final = re.compile(r"^\$ ", re.MULTILINE)


def with_site_markup(text: str) -> str:
    """A document in the dialect of the site.

    Code hosts take two spaces for a paragraph or a block of an item of a list, the site's Markdown
    takes four; in a table, a bar inside of code has a backslash on code hosts alone. Examples of
    the interpreter, and commands without a prompt, have highlighters of their own.

    Args:
        text: The document.
    """
    lines: list[str] = []
    is_in_list = is_fenced = False
    added = ""
    text = _CONSOLE.sub(_commands, _EXAMPLES.sub(r"\1pycon\2", text))
    for given in text.split("\n"):
        line = given
        is_fence = _FENCE.match(line) is not None
        indent = len(line) - len(line.lstrip(" "))
        if not is_fenced:
            if line and not indent:
                is_in_list = _ITEM.match(line) is not None
            added = " " * indent if is_in_list else ""
        if line.startswith("|") and not is_fenced:
            line = _CELL_CODE.sub(lambda code: code[0].replace("\\|", "|"), line)
        lines.append(added + line if line else line)
        if is_fence:
            is_fenced = not is_fenced
    return "\n".join(lines)


def _commands(block: re.Match[str]) -> str:
    return block[0] if _PROMPT.search(block[1]) else f"```bash\n{block[1]}"


def fence_examples(text: str) -> str:
    """A docstring whose examples are blocks of code.

    Args:
        text: The docstring, without its indentation.
    """
    lines: list[str] = []
    is_example = False
    for line in text.split("\n"):
        if not is_example and line.startswith(">>> "):
            lines.append("```pycon")
            is_example = True
        elif is_example and not line.strip():
            lines.append("```")
            is_example = False
        lines.append(line)
    return "\n".join([*lines, "```"] if is_example else lines)


def insert_before_sections(text: str, added: str) -> str:
    """A docstring with a paragraph more, in front of its sections and its examples.

    Args:
        text: The docstring.
        added: The paragraph; nothing is added where it is empty.
    """
    if not added:
        return text
    found = _SECTION.search(text)
    end = found.start() if found else len(text)
    return f"{text[:end].rstrip()}\n\n{added}\n\n{text[end:]}".rstrip()


def sections_of(text: str, title: str) -> dict[str, str]:
    """The descriptions of a section of a docstring, by the names that they are of.

    Args:
        text: The docstring.
        title: The title of the section, such as `"Attributes"`.
    """
    _, _, behind = f"\n{text}\n".partition(f"\n{title}:\n")
    section = re.match(r"(?: {4,}.*\n|\n(?= {4}))*", behind)
    found = re.findall(
        r"^ {4}(\w+): ((?:.*\n)(?: {5,}.*\n)*)", section[0] if section else "", re.MULTILINE
    )
    return {name: " ".join(described.split()) for name, described in found}


def linked_names(text: str, places: Mapping[str, str], own: str = "") -> str:
    """A text in which names link to their places in the reference, where they have one, once each.

    Args:
        text: The text. Blocks of code and headings are left as they are.
        places: The places of names, by what they, or what they are members of, are called.
        own: What the text is of, which does not link to itself.
    """
    seen: set[str] = set()

    def linked(code: re.Match[str]) -> str:
        name, _, member = code[1].partition(".")
        place = places.get(name)
        if place is None or (name.islower() and not member and not place.endswith(f".{name}")):
            return code[0]
        place = f"{place}.{member}" if member else place
        if place in seen or own.endswith(place.removeprefix("wandb_runs")):
            return code[0]
        seen.add(place)
        return f'<autoref identifier="{place}" optional>{code[0]}</autoref>'

    parts = re.split(r"(^ *```.*?^ *```$|^#.*?$)", text, flags=re.MULTILINE | re.DOTALL)
    return "".join(
        _NAME.sub(linked, part) if at % 2 == 0 else part for at, part in enumerate(parts)
    )


def linked_documents(text: str, title_of: Callable[[str], str]) -> str:
    """A docstring in which paths of documents, such as `docs/filters.md`, are links to their pages.

    Args:
        text: The docstring, which a page of `docs/reference/` shows.
        title_of: The title of a document, by its path within `docs/` without the ending.
    """
    return _DOCUMENT.sub(lambda path: f'<a href="../{path[1]}.html">{title_of(path[1])}</a>', text)
