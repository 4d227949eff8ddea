"""Conditions: filters that fields make, joined by `&`, `|` and `~`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn, cast, final

from typing_extensions import override

from wandb_runs.errors import InvalidArgumentError
from wandb_runs.spelling import show

if TYPE_CHECKING:
    from wandb_runs.filters import RawFilter
    from wandb_runs.jsontext import JSONValue

__all__ = ["Condition"]


@final
@dataclass(frozen=True, slots=True, repr=False)
class Condition:
    """What a run must fulfil: made by comparing a field, and by joining conditions.

    Immutable, and therefore safe to share.

    It goes wherever a filter goes, into the lists of `$and`, `$or` and `$nor` as well. `&` and
    `|` also take a filter of another kind on one side, `~` negates. Two conditions are equal when
    they send the same. Python's `and`, `or`, `not`, `in` and chained comparisons ask for a truth
    value, which a condition has none of, and raise.

    Attributes:
        query: The text that is sent. Whoever has such a text, and no fields, takes `RawFilter`.

    >>> from wandb_runs import Config, State, Tags
    >>> (State == "finished") & (Config("lr") < 0.1)
    {"$and":[{"state":"finished"},{"config.lr.value":{"$lt":0.1}}]}
    >>> ~Tags.contains("best") | {"summary.loss": {"$lt": 1}}
    {"$or":[{"$nor":[{"tags":"best"}]},{"summary_metrics.loss":{"$lt":1}}]}
    >>> 0.01 < Config("lr") < 0.1
    Traceback (most recent call last):
    wandb_runs.errors.InvalidArgumentError: a condition is no truth value. Write (a) & (b) for \
'and', (a) | (b) for 'or', ~(a) for 'not', (low < field) & (field < high) for a chain, \
field.is_in([...]) for 'in'; this one is {"config.lr.value":{"$gt":0.01}}.
    """

    query: str

    def __and__(self, other: Condition | Mapping[str, object] | RawFilter) -> Condition:
        """Both."""
        return _join("$and", self, other)

    def __rand__(self, other: Mapping[str, object] | RawFilter) -> Condition:
        """Both."""
        return _join("$and", other, self)

    def __or__(self, other: Condition | Mapping[str, object] | RawFilter) -> Condition:
        """Either, or both."""
        return _join("$or", self, other)

    def __ror__(self, other: Mapping[str, object] | RawFilter) -> Condition:
        """Either, or both."""
        return _join("$or", other, self)

    def __invert__(self) -> Condition:
        """The runs that are left, those that lack the value among them."""
        document = _read(self.query)
        denied = _parts("$nor", document)
        # `$nor` is the only operator that says nothing but `not`: W&B's SDK asks for null beside
        # `$ne`, so that `$ne` alone may pass over runs without a value.
        return _write({"$nor": [document]} if denied is None else denied[0])

    def __bool__(self) -> NoReturn:
        raise InvalidArgumentError(
            "a condition is no truth value. Write (a) & (b) for 'and', (a) | (b) for 'or', ~(a) "
            "for 'not', (low < field) & (field < high) for a chain, field.is_in([...]) for 'in'; "
            f"this one is {self.query if len(self.query) <= _LONGEST else 'a long one'}."
        )

    @override
    def __repr__(self) -> str:
        return self.query


# Of a condition that a message shows.
_LONGEST = 200


def _join(operator: str, left: object, right: object) -> Condition:
    """Join two conditions, flat, so that brackets between equal operators make no difference."""
    joined: list[JSONValue] = []
    for side in (left, right):
        document = _read(_query(side, operator))
        parts = _parts(operator, document)
        joined.extend([document] if parts is None else parts)
    return _write({operator: joined})


def _query(side: object, operator: str) -> str:
    from wandb_runs.filters import (  # noqa: PLC0415 - a circle: filters import conditions
        RawFilter,
        translate_filters,
    )

    if isinstance(side, (Condition, RawFilter)):
        return side.query
    if isinstance(side, Mapping):
        return translate_filters(cast("Mapping[str, object]", side)) or "{}"
    sign = {"$and": "&", "$or": "|"}[operator]
    hint = (
        "Two fields cannot be compared."
        if isinstance(side, bool)
        else f"Comparisons need parentheses: (a == 1) {sign} (b < 2)."
    )
    raise InvalidArgumentError(
        f"{sign} joins conditions, and mappings with them; got {show(side)}. {hint}"
    )


def _parts(operator: str, document: Mapping[str, JSONValue]) -> list[JSONValue] | None:
    """What a document joins by this operator; None when it is anything else."""
    parts = document.get(operator) if len(document) == 1 else None
    return parts if isinstance(parts, list) and parts else None


def _read(query: str) -> dict[str, JSONValue]:
    try:
        return cast("dict[str, JSONValue]", json.loads(query))
    except RecursionError as error:
        raise InvalidArgumentError("conditions: nested too deeply to be sent.") from error
    except ValueError as error:
        raise InvalidArgumentError(
            f"conditions: {show(query)} is no JSON. Make conditions by comparing fields, or pass "
            "a mapping."
        ) from error


def _write(document: JSONValue) -> Condition:
    try:
        return Condition(json.dumps(document, allow_nan=False, separators=(",", ":")))
    except (ValueError, RecursionError) as error:
        raise InvalidArgumentError(f"conditions: cannot be written as JSON: {error}.") from error
