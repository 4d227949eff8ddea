"""A run as it came, and as its model reads it.

A listing brings twenty values for each run, of which most programs touch two or three. They stay
as they came until one is touched for which a look is not enough: then the model checks them, and
pydantic is imported for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from pydantic_core import ValidationError

from wandb_runs.graphql.operation import MODEL_LOCK

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wandb_runs.graphql._generated import RunFields
    from wandb_runs.graphql.scalars import JSONValue

__all__ = ["Node", "RunRecord", "read_record", "to_node"]

Node: TypeAlias = "dict[str, JSONValue]"
"""A run's object in an answer, its `id` a text; and, under names with a space in them, which
nothing on the wire has, what was made of it."""


class RunRecord(NamedTuple):
    """A run's values, checked.

    Attributes:
        node: The run as it came.
        fields: Its values; null where one is wrong.
        wrong: What is wrong, by the names of the values on the wire.
    """

    node: Node
    fields: RunFields
    wrong: Mapping[str, str]


def read_record(node: Node) -> RunRecord:
    """Check a run's values; one that is wrong costs none of the others.

    >>> record = read_record({"id": "r1", "createdAt": "2026-01-02", "tags": 3})
    >>> record.fields.created_at, record.fields.tags, record.wrong
    ('2026-01-02', None, {'tags': 'Input should be a valid list'})
    """
    with MODEL_LOCK:
        return _read_record(node)


def _read_record(node: Node) -> RunRecord:
    from wandb_runs.graphql._generated import RunFields  # noqa: PLC0415 - it imports pydantic

    try:
        return RunRecord(node, RunFields.model_validate(node), {})
    except ValidationError as error:
        problems = error.errors(include_url=False, include_context=False, include_input=False)
    wrong = {str(problem["loc"][0]): problem["msg"] for problem in problems}
    # A copy in one step: another thread may be keeping in the node what it made of it.
    rest = node.copy()
    for name in wrong:
        rest.pop(name, None)
    return RunRecord(node, RunFields.model_validate(rest), wrong)


def to_node(fields: RunFields) -> Node:
    """Return the object that the model reads as `fields`."""
    return fields.model_dump(by_alias=True)
