"""What an operation selects, as a tree: a document is made of it without what a server lacks.

The trees of all operations are generated, `_generated/selections.py`, and imported when a server
first refuses a name. What a server may lack, and what that costs, is said in `schema/`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = [
    "Argument",
    "Field",
    "Fragment",
    "Query",
    "Reduced",
    "Selections",
    "Shape",
    "Spread",
    "Variable",
    "sent_names",
    "types_of",
    "without",
]


class Argument(NamedTuple):
    """An argument of a field.

    Attributes:
        name: Its name.
        value: Its value, as GraphQL text.
        is_optional: Whether the field is worth asking for without it.
    """

    name: str
    value: str
    is_optional: bool = False


class Field(NamedTuple):
    """A field.

    Attributes:
        parent: The type that has it.
        name: Its name there.
        alias: Its name in the answer, where that is another one.
        arguments: Its arguments.
        directives: Its conditions, as GraphQL text.
        is_optional: Whether the operation is worth sending without it.
        selections: What is selected of its value.
    """

    parent: str
    name: str
    alias: str | None = None
    arguments: tuple[Argument, ...] = ()
    directives: str = ""
    is_optional: bool = False
    selections: Selections = ()

    @property
    def coordinate(self) -> str:
        """The field's name, with that of its type: `Run.host`."""
        return f"{self.parent}.{self.name}"

    def coordinate_of(self, argument: Argument) -> str:
        """An argument's name, with that of its field: `Run.config(keys:)`."""
        return f"{self.coordinate}({argument.name}:)"


class Spread(NamedTuple):
    """A fragment that is spread.

    Attributes:
        name: The fragment's name.
    """

    name: str


Selections: TypeAlias = "tuple[Field | Spread, ...]"
"""What is selected of an object."""


class Fragment(NamedTuple):
    """A fragment.

    Attributes:
        type: The type that it is on.
        selections: What it selects.
    """

    type: str
    selections: Selections


class Variable(NamedTuple):
    """A variable of an operation.

    Attributes:
        name: Its name.
        type: Its type, as GraphQL text.
        default: Its default, as GraphQL text; None if it has none.
    """

    name: str
    type: str
    default: str | None = None

    @property
    def named_type(self) -> str:
        """The type, without what makes it a list or refuses null."""
        return self.type.strip("[]!")


class Query(NamedTuple):
    """An operation.

    Attributes:
        kind: `query` or `mutation`.
        name: Its name.
        variables: Its variables.
        selections: What it selects.
    """

    kind: str
    name: str
    variables: tuple[Variable, ...]
    selections: Selections


class Reduced(NamedTuple):
    """An operation without what a server lacks.

    Attributes:
        query: What is left.
        fragments: The fragments that are left.
        left_out: The fields and arguments that were left out, by their coordinates, and the types
            of fragments whose fields are selected without them.
        essential: What the server lacks and the operation cannot do without; if there is any, what
            is left is refused by the server.
    """

    query: Query
    fragments: Mapping[str, Fragment]
    left_out: frozenset[str]
    essential: frozenset[str]

    @property
    def text(self) -> str:
        """The document to send."""
        body = _body(self.query.selections, "")
        spread = _spread_by(self.query.selections, self.fragments)
        texts = [
            f"fragment {name} on {each.type}{_body(each.selections, '')}"
            for name, each in sorted(self.fragments.items())
            if name in spread
        ]
        declared = ", ".join(
            f"${each.name}: {each.type}" + ("" if each.default is None else f" = {each.default}")
            for each in self.query.variables
        )
        header = f"{self.query.kind} {self.query.name}" + (f"({declared})" if declared else "")
        return "\n\n".join([header + body, *texts])


class Shape(NamedTuple):
    """What an operation selects, and what that may do without: what `Operation.shape` returns.

    Attributes:
        query: The operation.
        fragments: The fragments that it spreads, by their names; others may be among them.
        costs: What goes with a thing that is left out, by the coordinate of each field
            (`Run.host`) and argument (`Run.config(keys:)`) that is optional: half a sentence for a
            warning, such as "run.host is None".
    """

    query: Query
    fragments: Mapping[str, Fragment]
    costs: Mapping[str, str]

    def without(self, *coordinates: str) -> Reduced:
        """The operation without what a server lacks.

        Args:
            coordinates: The coordinates of fields and arguments, and the names of types.
        """
        return without(self.query, self.fragments, frozenset(coordinates))

    def cost_of(self, coordinate: str) -> str:
        """What goes with a thing that is missing, and with all that goes with it."""
        own = self.costs.get(coordinate)
        if own is not None:
            return own
        gone = sorted(self.without(coordinate).left_out)
        costs = (self.costs.get(name, f"{name} is left out") for name in gone)
        return ", and ".join(dict.fromkeys(costs))

    def is_of(self, document: str) -> bool:
        """Whether a document is this operation's, however it is laid out."""
        return _without_layout(document) == _without_layout(self.without().text)


_VARIABLE: Final = re.compile(r"\$(\w+)")

_NOTHING: Final = Field("", "__typename")
"""Selected where nothing else is left: no selection may be empty, and every object has it."""


def without(query: Query, fragments: Mapping[str, Fragment], lacking: frozenset[str]) -> Reduced:
    """Leave out of an operation what a server lacks.

    An argument goes where the field can do without, else the field, else the innermost field
    around it that can go. What only that used goes with it: variables and fragments. Where it has
    another name for a type, the fields of fragments on that are selected without the fragment.

    Args:
        query: The operation.
        fragments: The fragments of all operations.
        lacking: The coordinates of fields and arguments, and the names of types.
    """
    types = {each.name: each.named_type for each in query.variables}
    pruner = _Pruner(fragments, lacking, types)
    selections, essential = pruner.prune(query.selections)
    left = query._replace(selections=selections)
    used = _used_variables(selections, pruner.fragments)
    left = left._replace(variables=tuple(each for each in query.variables if each.name in used))
    return Reduced(left, pruner.fragments, frozenset(pruner.left_out), essential)


class _Pruner:
    """Leaves out what is lacking, fragments included.

    Attributes:
        fragments: The fragments that are left.
        left_out: The coordinates of what was left out.
    """

    def __init__(
        self,
        fragments: Mapping[str, Fragment],
        lacking: frozenset[str],
        types: Mapping[str, str],
    ) -> None:
        self._all = fragments
        self._lacking = lacking
        self._types = types
        self._stuck: dict[str, frozenset[str]] = {}
        self.fragments: dict[str, Fragment] = {}
        self.left_out: set[str] = set()

    def prune(self, selections: Selections) -> tuple[Selections, frozenset[str]]:
        """What is left, and what is lacking there that what is around it may go with."""
        left: list[Field | Spread] = []
        stuck: set[str] = set()
        for each in selections:
            if isinstance(each, Spread):
                spread, missing = self._prune_fragment(each)
                left += spread
                stuck |= missing
                continue
            field, missing = self._prune_field(each)
            if missing and each.is_optional:
                self.left_out.add(each.coordinate)
                continue
            left.append(field)
            stuck |= missing
        return tuple(left) or (_NOTHING,), frozenset(stuck)

    def _prune_fragment(self, spread: Spread) -> tuple[Selections, frozenset[str]]:
        fragment = self._all[spread.name]
        if fragment.type in self._lacking:
            # Its fields alone do not say of which type they are.
            self.left_out.add(fragment.type)
            return self.prune(fragment.selections)
        if spread.name not in self._stuck:
            selections, stuck = self.prune(fragment.selections)
            self.fragments[spread.name] = fragment._replace(selections=selections)
            self._stuck[spread.name] = stuck
        return (spread,), self._stuck[spread.name]

    def _prune_field(self, field: Field) -> tuple[Field, frozenset[str]]:
        missing = {field.coordinate} & self._lacking
        kept: list[Argument] = []
        for argument in field.arguments:
            lacked = self._lacking & self._names_of(field, argument)
            if lacked and argument.is_optional:
                self.left_out.add(field.coordinate_of(argument))
                continue
            kept.append(argument)
            missing |= lacked
        if not field.selections:
            return field._replace(arguments=tuple(kept)), frozenset(missing)
        selections, stuck = self.prune(field.selections)
        left = field._replace(arguments=tuple(kept), selections=selections)
        return left, frozenset(missing | stuck)

    def _names_of(self, field: Field, argument: Argument) -> set[str]:
        """What a server has to know for an argument: itself, and the types of its variables."""
        variables = _VARIABLE.findall(argument.value)
        return {
            field.coordinate_of(argument),
            *(self._types[name] for name in variables if name in self._types),
        }


def sent_names(reduced: Reduced) -> frozenset[str]:
    """The coordinates and types that a document names."""
    spread = _spread_by(reduced.query.selections, reduced.fragments)
    names = {each.named_type for each in reduced.query.variables}
    names.update(reduced.fragments[name].type for name in spread)
    for field in _all_fields(reduced.query.selections, reduced.fragments):
        names.add(field.coordinate)
        names.update(map(field.coordinate_of, field.arguments))
    return frozenset(names - {_NOTHING.coordinate})


def types_of(query: Query, fragments: Mapping[str, Fragment]) -> frozenset[str]:
    """The types of which an operation selects fields."""
    return frozenset(each.parent for each in _all_fields(query.selections, fragments))


def _without_layout(text: str) -> str:
    return re.sub(r"[\s,]+", "", text)


def _all_fields(selections: Selections, fragments: Mapping[str, Fragment]) -> Iterator[Field]:
    """All fields, at any depth; those of a fragment as often as it is spread."""
    for each in selections:
        if isinstance(each, Spread):
            yield from _all_fields(fragments[each.name].selections, fragments)
        else:
            yield each
            yield from _all_fields(each.selections, fragments)


def _spread_by(selections: Selections, fragments: Mapping[str, Fragment]) -> set[str]:
    """The names of the fragments that are spread, at any depth."""
    found: set[str] = set()
    for each in selections:
        if isinstance(each, Spread):
            found |= {each.name} | _spread_by(fragments[each.name].selections, fragments)
        else:
            found |= _spread_by(each.selections, fragments)
    return found


def _used_variables(selections: Selections, fragments: Mapping[str, Fragment]) -> set[str]:
    used: set[str] = set()
    for field in _all_fields(selections, fragments):
        used.update(_VARIABLE.findall(field.directives))
        for argument in field.arguments:
            used.update(_VARIABLE.findall(argument.value))
    return used


def _body(selections: Selections, indent: str) -> str:
    if not selections:
        return ""
    inner = indent + "  "
    lines = [f"{inner}{_line(each, inner)}" for each in selections]
    return "\n".join([" {", *lines, f"{indent}}}"])


def _line(selection: Field | Spread, indent: str) -> str:
    if isinstance(selection, Spread):
        return f"...{selection.name}"
    alias = "" if selection.alias is None else f"{selection.alias}: "
    arguments = ", ".join(f"{each.name}: {each.value}" for each in selection.arguments)
    given = f"({arguments})" if arguments else ""
    conditions = f" {selection.directives}" if selection.directives else ""
    return f"{alias}{selection.name}{given}{conditions}{_body(selection.selections, indent)}"
