"""What the reference makes of docstrings: examples are blocks of code, and names are links."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from docs_site.markup import fence_examples, linked_names

if TYPE_CHECKING:
    from collections.abc import Mapping

    class Docstring(Protocol):
        """A docstring, as griffe has it."""

        value: str

    class Object(Protocol):
        """A module, a class or a member of one, as griffe has it."""

        path: str
        docstring: Docstring | None
        is_alias: bool
        members: Mapping[str, Object]
        exports: list[object] | None

    class Extension:
        """The base class of griffe's extensions: `make test` does not install griffe."""
else:
    from griffe import Extension

__all__ = ["Docstrings"]


class Docstrings(Extension):
    """Changes docstrings once the whole package is read."""

    def on_package(self, *, pkg: Object, **_: object) -> None:
        """Change all docstrings of a package."""
        if pkg.path == "wandb_runs":
            _change(pkg, {})


def _change(of: Object, names: dict[str, str]) -> None:
    if of.docstring is not None:
        of.docstring.value = linked_names(fence_examples(of.docstring.value), names, of.path)
    for member in of.members.values():
        if not member.is_alias:
            _change(member, names)
