"""What the reference makes of the package: blocks of examples, links, and readable signatures."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

from docs_site.markup import (
    fence_examples,
    insert_before_sections,
    linked_documents,
    linked_names,
    sections_of,
)
from docs_site.public_names import places_of_names, public_names

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    class Docstring:
        """A docstring, as griffe has it."""

        value: str

        def __init__(self, value: str, *, parent: Object) -> None: ...

    class Parameter(Protocol):
        """A parameter: its annotation and default are texts, or expressions that have a text."""

        name: str
        annotation: object
        default: object

    class Object(Protocol):
        """A module, a class or a member of one, as griffe has it."""

        name: str
        path: str
        docstring: Docstring | None
        is_alias: bool
        is_function: bool
        is_attribute: bool
        is_class: bool
        members: Mapping[str, Object]
        value: object
        parameters: Sequence[Parameter]
        returns: object
        overloads: Sequence[Object] | None

    class Extension:
        """The base class of griffe's extensions: `make test` does not install griffe."""
else:
    from griffe import Docstring, Extension

__all__ = ["Readable"]

_LITERAL: Final = re.compile(r"(?:_NotGiven\()?(-?[\d_.]+(?: \*\* \d+)?|'[^']*'|\"[^\"]*\")\)?")
"""What a constant's name may stand for in a signature; `_NotGiven` is an int."""

_ROOT: Final = Path(__file__).resolve().parents[2]
_SOURCE: Final = _ROOT / "src"


class Readable(Extension):
    """Changes docstrings and defaults once the whole package is read."""

    def on_package(self, *, pkg: Object, **_: object) -> None:
        """Change all of this package."""
        if pkg.path != "wandb_runs":
            return
        names = public_names(_SOURCE)
        places = places_of_names(names)
        public = {each.rpartition(".")[2] for each in names}
        objects = [*_objects(pkg)]
        for each in objects:
            if each.is_class and each.name not in public and each.docstring is not None:
                _describe_attributes(each, each.docstring.value)
        constants = {
            each.name: literal[1]
            for each in objects
            if each.is_attribute
            and each.name.isupper()
            and (literal := _LITERAL.fullmatch(str(each.value)))
        }
        for each in objects:
            if each.is_function:
                for parameter in each.parameters:
                    parameter.default = constants.get(str(parameter.default), parameter.default)
            if (docstring := each.docstring) is not None:
                text = fence_examples(docstring.value)
                if each.is_function and each.overloads:
                    text = insert_before_sections(text, _by_arguments(each, each.overloads))
                docstring.value = linked_documents(linked_names(text, places, each.path), _title)


def _title(document: str) -> str:
    first, _, _ = (_ROOT / "docs" / f"{document}.md").read_text("utf-8").partition("\n")
    return first.removeprefix("# ")


def _objects(of: Object) -> Iterator[Object]:
    yield of
    for member in of.members.values():
        if not member.is_alias:
            yield from _objects(member)


def _describe_attributes(base: Object, docstring: str) -> None:
    """Give attributes of a base class, which has no page, what its docstring says of them.

    The classes that inherit them show them as members.
    """
    for name, text in sections_of(docstring, "Attributes").items():
        member = base.members.get(name)
        if member is not None and member.docstring is None:
            member.docstring = Docstring(text, parent=member)


def _by_arguments(function: Object, overloads: Sequence[Object]) -> str:
    """What a function returns by the arguments that its overloads tell apart, as a list."""
    general = {each.name: str(each.annotation) for each in function.parameters}
    lines: dict[str, None] = {}
    for overload in overloads:
        special = [
            f"{each.name}: {each.annotation}"
            for each in overload.parameters
            if str(each.annotation) != general.get(each.name) and each.name != "self"
        ]
        if special:
            lines[f"- `{overload.returns}` with `{', '.join(special)}`"] = None
    return "\n".join(["Type checkers know what it returns:\n", *lines]) if lines else ""
