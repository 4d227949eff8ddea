"""`RunRecord`: the attributes of a run, from an answer's JSON to the generated GraphQL model.

A listing brings twenty values for each run, of which most programs read two or three. A run stays
plain JSON until a value is read that needs validation; only then is pydantic imported.
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
"""A run's object in an answer. Names with a space, which no field has, hold what was decoded."""


class RunRecord(NamedTuple):
    """The values of a run, validated.

    Attributes:
        node: The run's object in the answer.
        fields: The values; None where one is invalid.
        wrong: The problems of the invalid values, by their names on the wire.
    """

    node: Node
    fields: RunFields
    wrong: Mapping[str, str]


def read_record(node: Node) -> RunRecord:
    """Validate the values of a run, each for itself.

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
    # A copy in one step: another thread may be adding what it has decoded.
    rest = node.copy()
    for name in wrong:
        rest.pop(name, None)
    return RunRecord(node, RunFields.model_validate(rest), wrong)


def to_node(fields: RunFields) -> Node:
    """The object that the model reads as `fields`."""
    return fields.model_dump(by_alias=True)
