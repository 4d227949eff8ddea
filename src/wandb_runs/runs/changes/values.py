"""Values that callers give for configs and summaries: JSON, checked before anything is sent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final, TypeAlias, cast

from wandb_runs.errors import InvalidArgumentError
from wandb_runs.errors.suggest import describe, show
from wandb_runs.query.keys import check_unicode

if TYPE_CHECKING:
    from wandb_runs.graphql.scalars import JSONValue

__all__ = ["NewValue", "NewValues", "json_of"]

NewValue: TypeAlias = (
    "str | int | float | bool | Sequence[NewValue] | Mapping[str, NewValue] | None"
)
"""A value to store: any that JSON can hold, read-only ones of runs among them."""

NewValues: TypeAlias = Mapping[str, NewValue]
"""Values to store, by their keys."""

# The limits of what can be read again: `graphql/scalars.py`. A value stands two objects deep in a
# config.
_DEPTH: Final = 190
_GREATEST: Final = 10**4300


def json_of(where: str, value: object, depth: int = 0) -> JSONValue:
    """A value as plain JSON: dicts and lists of its own.

    NaN and infinities are floats; a tuple becomes a list, and a scalar of numpy the number that it
    holds.

    Args:
        where: What the value is for, in messages: `config['model']`.
        value: The value.
        depth: How deep it is nested.

    Raises:
        InvalidArgumentError: JSON cannot hold it, or it could not be read again.

    >>> json_of("config['widths']", (64, 64))
    [64, 64]
    >>> import datetime
    >>> json_of("config['day']", datetime.date(2026, 1, 2))
    Traceback (most recent call last):
    wandb_runs.errors.InvalidArgumentError: config['day'] must be a JSON value, got date \
datetime.date(2026, 1, 2); write str(x), or x.isoformat()
    """
    if depth > _DEPTH:
        raise InvalidArgumentError(
            f"{where:.200} is nested more than {_DEPTH} deep, or holds itself; nothing could read "
            "it again"
        )
    match value:
        case Mapping():
            return {
                _key_of(where, key): json_of(f"{where}[{show(key)}]", each, depth + 1)
                for key, each in cast("Mapping[object, object]", value).items()
            }
        case list() | tuple():
            items = cast("Sequence[object]", value)
            return [json_of(f"{where}[{at}]", each, depth + 1) for at, each in enumerate(items)]
        case None | bool() | str() | int() | float():
            return _scalar(where, value)
        case _:
            return _scalar(where, _number_in(where, value))


def _scalar(where: str, value: str | float | None) -> JSONValue:
    if isinstance(value, str):
        check_unicode(f"{where}:", value)
        return str.__str__(value)  # of an enum: what it stands for
    if isinstance(value, float):
        return float(value)
    if isinstance(value, int) and not isinstance(value, bool):
        if abs(value) >= _GREATEST:
            raise InvalidArgumentError(f"{where} is an integer of more than 4,300 digits")
        return int(value)
    return value


def _key_of(where: str, key: object) -> str:
    if not isinstance(key, str):
        raise InvalidArgumentError(
            f"{where} has the key {describe(key)}; the keys of JSON are str: write {show(str(key))}"
        )
    check_unicode(f"{where} has the key", key)
    return key


def _number_in(where: str, value: object) -> str | float:
    """The number that a scalar of numpy holds; a frame's `min()` and `max()` give such ones."""
    kind = type(value)
    if kind.__module__.partition(".")[0] == "numpy" and getattr(value, "shape", None) == ():
        item: object = getattr(value, "item", lambda: value)()
        if isinstance(item, str | int | float):
            return item
    raise InvalidArgumentError(
        f"{where} must be a JSON value, got {describe(value)}{_instead_of(value)}"
    )


def _instead_of(value: object) -> str:
    if hasattr(value, "model_dump"):
        return "; of a pydantic model, x.model_dump() gives one"
    if hasattr(value, "__dataclass_fields__"):
        return "; of a dataclass, dataclasses.asdict(x) gives one"
    if hasattr(value, "isoformat"):
        return "; write str(x), or x.isoformat()"
    if hasattr(value, "tolist"):
        return "; x.tolist() gives one"
    if isinstance(value, set | frozenset):
        return "; sorted(x) gives a list"
    return "; that is a dict, a list, a str, a number, True, False or None"
