"""How the plugin refuses: every problem of a run at once, each with its place."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ariadne_codegen.exceptions import CodeGenException
from graphql import get_location

if TYPE_CHECKING:
    from collections.abc import Iterable

    from graphql import Node

__all__ = ["CodegenRefusedError", "place"]


class CodegenRefusedError(CodeGenException):
    """The generator was asked for something that it would get wrong.

    Attributes:
        problems: What is wrong and what to write instead, each with its place.
    """

    problems: tuple[str, ...]

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))


def place(node: Node) -> str:
    """Return where `node` stands, as `file:line`."""
    if node.loc is None:
        return "?"
    line = get_location(node.loc.source, node.loc.start).line
    return f"{node.loc.source.name}:{line}"
