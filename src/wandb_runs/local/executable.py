"""The executable schema: whole, and without what an older server would lack."""

from __future__ import annotations

import re
import threading
from contextlib import ExitStack
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Final, TypeAlias, cast

from ariadne import ScalarType, make_executable_schema
from graphql import (
    DocumentNode,
    GraphQLError,
    GraphQLField,
    GraphQLObjectType,
    introspection_types,
    is_introspection_type,
    parse,
    parse_type,
    type_from_ast,  # pyright: ignore[reportUnknownVariableType] - graphql-core's alias
    validate,
)

from wandb_runs.errors import InvalidArgumentError
from wandb_runs.errors.suggest import did_you_mean
from wandb_runs.local.artifact_resolvers import ARTIFACT_BINDABLES
from wandb_runs.local.export_resolvers import EXPORT_BINDABLES
from wandb_runs.local.file_resolvers import FILE_BINDABLES
from wandb_runs.local.mutations import MUTATIONS
from wandb_runs.local.project_resolvers import PROJECT_BINDABLES
from wandb_runs.local.resolvers import BINDABLES
from wandb_runs.local.schema import read_sdl
from wandb_runs.local.unanswered import bind_unanswered

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from contextlib import AbstractContextManager

    from graphql import GraphQLArgument, GraphQLNamedType, GraphQLOutputType, GraphQLSchema

__all__ = ["ExecutableSchema", "Schemas", "whole_schema"]

Prepared: TypeAlias = DocumentNode | list[GraphQLError]
"""A document that is valid, or what is wrong with one."""

# A type; a field of it; an argument of that; or a field below that field, whose type then is
# another one.
_NAME: Final = re.compile(
    r"(?P<type>\w+)(?:\.(?P<field>\w+)(?:\((?P<argument>\w+):\)|\.(?P<below>\w+))?)?"
)


class ExecutableSchema:
    """A schema with its resolvers, and the documents that were validated against it.

    Args:
        lacking: What it lacks, in the order in which it is removed.

    Attributes:
        whole: The schema, in which fields that W&B promises are never null.

    Raises:
        InvalidArgumentError: There is no such name to lack.
    """

    def __init__(self, lacking: tuple[str, ...] = ()) -> None:
        self._lacking = lacking
        self.whole: GraphQLSchema = _make_schema(lacking, keeps_promises=True)
        self.prepare: Callable[[str], Prepared] = lru_cache(maxsize=256)(self._prepare)

    @cached_property
    def breaking_promises(self) -> GraphQLSchema:
        """The schema for faults that answer null where W&B promises that it does not."""
        return _make_schema(self._lacking, keeps_promises=False)

    def _prepare(self, query: str) -> Prepared:
        """Parse and validate a document, or list its errors."""
        try:
            document = parse(query)
            return validate(self.whole, document) or document
        except GraphQLError as error:
            return [error]
        except RecursionError:
            return [GraphQLError("the document is nested too deep")]


class Schemas:
    """The schema that a server has now, which may lack something. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lacking: list[frozenset[str]] = []
        self.now: ExecutableSchema = whole_schema()

    def lack(self, names: Sequence[str]) -> AbstractContextManager[object]:
        """Leave names out, until the block ends.

        Raises:
            InvalidArgumentError: The schema has no such name.
        """
        own = frozenset(names)

        def end() -> None:
            with self._lock:
                self._set([each for each in self._lacking if each is not own])

        with self._lock:
            self._set([*self._lacking, own])
        block = ExitStack()
        block.callback(end)
        return block

    def clear(self) -> None:
        """Have the whole schema again."""
        with self._lock:
            self._set([])

    def _set(self, lacking: list[frozenset[str]]) -> None:
        # Which refuses what is no name before anything changes.
        names = frozenset[str]().union(*lacking)
        self.now = schema_without(names) if names else whole_schema()
        self._lacking = lacking


@lru_cache(maxsize=1)
def whole_schema() -> ExecutableSchema:
    """The schema that lacks nothing."""
    return ExecutableSchema()


@lru_cache(maxsize=16)
def schema_without(names: frozenset[str]) -> ExecutableSchema:
    """The schema of a server that lacks something.

    Args:
        names: What it lacks.

    Raises:
        InvalidArgumentError: The schema has no such name.
    """
    return ExecutableSchema(tuple(sorted(names, key=_breadth)))


def _make_schema(lacking: tuple[str, ...], *, keeps_promises: bool) -> GraphQLSchema:
    schema = make_executable_schema(
        read_sdl(keeps_promises=keeps_promises),
        *BINDABLES,
        *PROJECT_BINDABLES,
        *FILE_BINDABLES,
        *EXPORT_BINDABLES,
        *ARTIFACT_BINDABLES,
        *MUTATIONS,
        ScalarType("JSONString", value_parser=_text),
        convert_names_case=True,
    )
    bind_unanswered(schema)
    for name in lacking:
        _remove(schema, name)
    return schema


def _breadth(name: str) -> tuple[int, str]:
    """An order in which what belongs to something is removed before that is."""
    kind = 0 if name.endswith(")") else {1: 1, 2: 2, 0: 3}.get(name.count("."), 4)
    return kind, name


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise GraphQLError("JSONString is a string")
    return value


def _remove(schema: GraphQLSchema, name: str) -> None:
    found = _NAME.fullmatch(name)
    if found is None:
        raise InvalidArgumentError(
            f"{name!r} is no name in a schema: write 'Type.field', 'Type.field(argument:)' or "
            "'Type'"
        )
    type_name, field_name, argument, below = found.group("type", "field", "argument", "below")
    if type_name in introspection_types:  # which all schemas of the process share
        raise InvalidArgumentError(f"{name!r} is of introspection, which every GraphQL server has")
    type_: GraphQLNamedType | None = schema.type_map.get(type_name)
    if type_ is None:
        raise _unknown(name, schema.type_map)
    if field_name is None:
        _remove_type(schema, type_name)
        return
    fields = _fields_of(type_)
    if field_name not in fields:
        raise _unknown(name, (f"{type_name}.{each}" for each in fields))
    field = fields[field_name]
    if argument is not None:
        if argument not in field.args:
            raise _unknown(name, (f"{type_name}.{field_name}({each}:)" for each in field.args))
        del field.args[argument]
    elif below is not None:
        _replace_type(schema, name, field, below)
    else:
        del fields[field_name]


def _replace_type(schema: GraphQLSchema, name: str, field: GraphQLField, lacking: str) -> None:
    """Give a field a type of its own, which lacks a field."""
    old = _type_of(field)
    fields = _fields_of(schema.type_map[old])
    if lacking not in fields:
        raise _unknown(name, (f"{name.rpartition('.')[0]}.{each}" for each in fields))
    own = GraphQLObjectType(
        f"Listed{old}", {each: value for each, value in fields.items() if each != lacking}
    )
    schema.type_map[own.name] = own
    # In the same lists, and as nullable as before.
    field.type = _type_named(schema, _text_of_type(field).replace(old, own.name))


def _remove_type(schema: GraphQLSchema, name: str) -> None:
    """Remove a type, and all that has it: fields and arguments."""
    del schema.type_map[name]
    for type_ in schema.type_map.values():
        if is_introspection_type(type_):  # which all schemas of the process share
            continue
        fields = _fields_of(type_)
        for field_name, field in [*fields.items()]:
            if _type_of(field) == name:
                del fields[field_name]
                continue
            for argument_name, argument in [*field.args.items()]:
                if _type_of(argument) == name:
                    del field.args[argument_name]


def _type_named(schema: GraphQLSchema, text: str) -> GraphQLOutputType:  # pyright: ignore[reportUnknownParameterType] - graphql-core's alias
    named = type_from_ast(schema, parse_type(text))
    return cast("GraphQLOutputType", named)  # pyright: ignore[reportUnknownVariableType] - the same


def _type_of(typed: GraphQLField | GraphQLArgument) -> str:
    """The name of a type, without what makes it a list or refuses null."""
    return _text_of_type(typed).strip("[]!")


def _text_of_type(typed: GraphQLField | GraphQLArgument) -> str:
    return str(typed.type)  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType] - graphql-core's alias


def _fields_of(type_: object) -> dict[str, GraphQLField]:
    """The fields of a type, to be changed in place; none of one that has none."""
    return type_.fields if isinstance(type_, GraphQLObjectType) else {}


def _unknown(name: str, known: Iterable[str]) -> InvalidArgumentError:
    return InvalidArgumentError(f"the server's schema has no {name}{did_you_mean(name, [*known])}")
