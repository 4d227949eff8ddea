"""Markdown as code hosts read it, and docstrings, in the dialect of the site."""

from __future__ import annotations

import re
from typing import Final

__all__ = ["fence_examples", "linked_names", "with_site_markup"]

_FENCE: Final = re.compile(r" *(`{3,}|~{3,})")
_ITEM: Final = re.compile(r"(?:[-*+]|\d+\.) ")
_EXAMPLES: Final = re.compile(r"^(```)python(\n>>> )", re.MULTILINE)
_NAME: Final = re.compile(r"(?<![`\w\[])`([A-Za-z_][\w.]*)(\(\))?`(?![`\]])")


def with_site_markup(text: str) -> str:
    """A document in the dialect of the site.

    Code hosts take two spaces for a paragraph or a block of an item of a list, the site's Markdown
    takes four. Examples of the interpreter have a highlighter of their own.

    Args:
        text: The document.
    """
    lines: list[str] = []
    is_in_list = is_fenced = False
    added = ""
    for line in _EXAMPLES.sub(r"\1pycon\2", text).split("\n"):
        is_fence = _FENCE.match(line) is not None
        indent = len(line) - len(line.lstrip(" "))
        if not is_fenced:
            if line and not indent:
                is_in_list = _ITEM.match(line) is not None
            added = " " * indent if is_in_list else ""
        lines.append(added + line if line else line)
        if is_fence:
            is_fenced = not is_fenced
    return "\n".join(lines)


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


def linked_names(text: str, names: dict[str, str], own: str) -> str:
    """A docstring in which names link to their places in the reference, where they have one.

    Args:
        text: The docstring, whose examples are fenced.
        names: The places of names, by what they are called in prose.
        own: The place of what the docstring is of, which links to itself nowhere.
    """

    def linked(code: re.Match[str]) -> str:
        place = names.get(code[1])
        if place is None or place == own:
            return code[0]
        return f'<autoref identifier="{place}" optional>{code[0]}</autoref>'

    parts = re.split(r"(^```.*?^```$)", text, flags=re.MULTILINE | re.DOTALL)
    return "".join(
        _NAME.sub(linked, part) if at % 2 == 0 else part for at, part in enumerate(parts)
    )
