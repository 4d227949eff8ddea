"""The Python names that ariadne-codegen makes of GraphQL's."""

from __future__ import annotations

from typing import Final

from ariadne_codegen.client_generators.constants import TYPENAME_ALIAS, TYPENAME_FIELD_NAME
from ariadne_codegen.utils import process_name, str_to_pascal_case

__all__ = ["TAKEN", "argument_name", "attribute_name", "class_name"]

TAKEN: Final = frozenset(
    # What the generated modules import, and their own names.
    {
        "Annotated",
        "Any",
        "Argument",
        "BaseModel",
        "BeforeValidator",
        "Field",
        "Final",
        "Fragment",
        "Literal",
        "Mapping",
        "NotRequired",
        "OpenEnum",
        "Operation",
        "Optional",
        "PlainSerializer",
        "Query",
        "Shape",
        "Spread",
        "TYPE_CHECKING",
        "TypedDict",
        "Union",
        "Variable",
        "annotations",
        "base_model",
        "enums",
        "fragments",
        "input_types",
        "operations",
        "selections",
    }
)
"""A class, builder or type of such a name would hide what the generated modules need."""


def attribute_name(key: str) -> str:
    """Return the attribute for the response key `key`."""
    if key == TYPENAME_FIELD_NAME:
        return TYPENAME_ALIAS
    return process_name(
        key,
        convert_to_snake_case=True,
        trim_leading_underscore=True,
        handle_pydantic_resrved_field_names=True,
    )


def argument_name(name: str) -> str:
    """Return the function or argument for the operation or variable `name`."""
    return process_name(name, convert_to_snake_case=True)


def class_name(name: str, parent: str = "") -> str:
    """Return the class for an operation or fragment, or for the attribute `name` of `parent`."""
    return parent + str_to_pascal_case(name)
