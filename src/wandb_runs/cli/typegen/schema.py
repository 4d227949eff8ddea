"""Shapes as a JSON schema, which generators of models read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wandb_runs.cli.typegen.fields import FIELD_NAMES
from wandb_runs.cli.typegen.names import class_name, field_names
from wandb_runs.cli.typegen.shapes import NOTHING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wandb_runs.cli.typegen.shapes import Shape
    from wandb_runs.graphql.scalars import JSONValue

__all__ = ["Schema"]


class Schema:
    """The JSON schema of several models, each a definition of its own.

    Args:
        models: The shape of each model's documents, by the model's name.
        descriptions: What each model is.

    Attributes:
        definitions: The definitions, by the names of their classes, each behind those it refers to.
        aliases: The names of fields that are not called as their keys, by `Class.key`.

    >>> from wandb_runs.cli.typegen.shapes import shape_of
    >>> schema = Schema({"Config": shape_of({"eval/lr": 1})}, {"Config": "What a run was given."})
    >>> schema.definitions["Config"]["properties"], schema.aliases
    ({'eval/lr': {'type': 'integer'}}, {'Config.eval/lr': 'eval_lr'})
    """

    def __init__(self, models: Mapping[str, Shape], descriptions: Mapping[str, str]) -> None:
        self.definitions: dict[str, dict[str, JSONValue]] = {}
        self.aliases: dict[str, str] = {}
        self._used = {*models, *FIELD_NAMES}
        fields: dict[str, list[str]] = {}
        for name, shape in models.items():
            self._define(name, shape, fields)
            self.definitions[name]["description"] = descriptions[name]
        # Only now are all classes known, which no field may hide.
        for name, keys in fields.items():
            for key, field in field_names(keys, self._used).items():
                if field != key:
                    self.aliases[f"{name}.{key}"] = field

    def _define(self, name: str, shape: Shape, fields: dict[str, list[str]]) -> None:
        known = shape.fields or {}
        fields[name] = sorted(known)
        properties: dict[str, JSONValue] = {
            key: self._schema(known[key], name, key, fields) for key in fields[name]
        }
        required: list[JSONValue] = [*sorted(shape.required)]
        self.definitions[name] = {
            "type": "object",
            "properties": properties,
            "required": required,
        }

    def _schema(
        self, shape: Shape | None, parent: str, key: str, fields: dict[str, list[str]]
    ) -> dict[str, JSONValue]:
        if shape is None or shape is NOTHING or "anything" in shape.kinds:
            return {}
        kinds = shape.kinds
        choices: list[JSONValue] = [{"type": name} for name in _scalars(shape)]
        if "list" in kinds:
            items = self._schema(shape.items, parent, f"{key} item", fields)
            choices.append({"type": "array", "items": items})
        if "dict" in kinds:
            choices.append(self._dict(shape, parent, key, fields))
        if "null" in kinds:
            choices.append({"type": "null"})
        if len(choices) > 1:
            return {"anyOf": choices}
        (only,) = choices
        return only if isinstance(only, dict) else {}

    def _dict(
        self, shape: Shape, parent: str, key: str, fields: dict[str, list[str]]
    ) -> dict[str, JSONValue]:
        if not shape.fields:
            values = self._schema(shape.values, parent, f"{key} value", fields)
            return {"type": "object", "additionalProperties": values}
        name = class_name(parent, key, self._used)
        self._define(name, shape, fields)
        return {"$ref": f"#/$defs/{name}"}


def _scalars(shape: Shape) -> list[str]:
    kinds = shape.kinds
    names: list[str] = []
    if "boolean" in kinds:
        names.append("boolean")
    # Beside other texts, "NaN" is a text as well: both types would take it.
    is_special = "special" in kinds and "string" not in kinds
    is_number = "number" in kinds or is_special
    # Beside floats, integers are floats, but for those that would not stay what they are.
    if "long" in kinds or ("integer" in kinds and not is_number):
        names.append("integer")
    if is_number:
        names.append("number")
    if not kinds.isdisjoint({"string", "special"}) and not is_special:
        names.append("string")
    return names
