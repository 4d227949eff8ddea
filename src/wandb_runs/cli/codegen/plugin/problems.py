"""How the generator refuses: every problem of a run at once, each with its place."""

from __future__ import annotations

from typing import TYPE_CHECKING

from graphql import get_location

if TYPE_CHECKING:
    from collections.abc import Iterable

    from graphql import GraphQLError, Node

__all__ = ["CodegenRefusedError", "place", "told"]


class CodegenRefusedError(Exception):
    """The generator was asked for something that is wrong, or that it would get wrong.

    Attributes:
        problems: What is wrong and what to write instead, each with its place.
    """

    problems: tuple[str, ...]

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(dict.fromkeys(problems))
        super().__init__("\n".join(self.problems))


def place(node: Node) -> str:
    """Return where `node` stands, as `file:line`."""
    if node.loc is None:
        return "?"
    line = get_location(node.loc.source, node.loc.start).line
    return f"{node.loc.source.name}:{line}"


def told(error: GraphQLError) -> str:
    """Return an error of GraphQL in one line, which begins with `file:line:column`."""
    places = error.locations or ()
    source = error.source
    if source is None and error.nodes and error.nodes[0].loc:
        source = error.nodes[0].loc.source
    if source is None or not places:
        return error.message
    first, *others = places
    also = "".join(f", and line {each.line}" for each in others)
    message = error.message.removesuffix(".") if also else error.message
    return f"{source.name}:{first.line}:{first.column}: {message}{also}"
