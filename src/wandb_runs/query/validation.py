"""Validation of what runs hold, by pydantic's rules: JSON, and what W&B stores in its place."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Final, TypeVar, cast

from wandb_runs.graphql.operation import MODEL_LOCK
from wandb_runs.graphql.scalars import NON_FINITE

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pydantic import TypeAdapter
    from pydantic_core import ErrorDetails

    from wandb_runs.graphql.scalars import JSONValue

__all__ = ["MOST_TOLD", "MisfitError", "build_adapter", "validate"]

T = TypeVar("T")

MOST_TOLD: Final = 5
"""How many problems of a run a message names."""

_LONGEST_VALUE: Final = 80

_HALF_A_PAIR: Final = re.compile("[\ud800-\udfff]")


class MisfitError(Exception):
    """A value does not fit a type.

    Attributes:
        problems: What is wrong with it, each with the place, unless that is the whole value.
    """

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems: tuple[str, ...] = tuple(problems)

    @property
    def shortened(self) -> str:
        """The first problems, and the number of the others."""
        more = len(self.problems) - MOST_TOLD
        told = "; ".join(self.problems[:MOST_TOLD])
        return f"{told}, and {more} more" if more > 0 else told


def build_adapter(kind: type[T]) -> TypeAdapter[T]:
    """What pydantic validates values of a type with; whatever pydantic raises is passed on."""
    with MODEL_LOCK:
        from pydantic import TypeAdapter  # noqa: PLC0415 - its import takes long

        return _built(TypeAdapter, kind)


def validate(adapter: TypeAdapter[T], read: Callable[[], JSONValue], *, whole: str) -> T:
    """Make a value of a type, as pydantic does: of Python's values, and else of JSON.

    Args:
        adapter: Of the type.
        read: Decodes the value, for each attempt: validators may change their input.
        whole: How messages call the value itself.

    Raises:
        MisfitError: It does not fit.
    """
    with MODEL_LOCK:
        from pydantic import ValidationError  # noqa: PLC0415 - its import takes long

        try:
            return adapter.validate_python(read())
        except ValidationError:
            pass
        text = _unicode_json(read())
        try:
            # Strict models take from JSON what they refuse from Python: a list for a tuple, text
            # for an instant or an enum's member.
            return adapter.validate_json(text)
        except ValidationError as error:
            problems = error.errors(include_url=False, include_context=False)
        # And W&B stores as text what JSON has no number for.
        infinite = [each["loc"] for each in problems if _is_infinite(each)]
        if infinite:
            holder: list[JSONValue] = [json.loads(text)]
            for place in infinite:
                _make_number(holder, (0, *place))
            try:
                return adapter.validate_json(json.dumps(holder[0]))
            except ValidationError as error:
                problems = error.errors(include_url=False, include_context=False)
    raise MisfitError([_told(each, whole) for each in problems])


def _built(_wandb_runs_adapter: type[TypeAdapter[T]], _wandb_runs_kind: type[T]) -> TypeAdapter[T]:
    # pydantic resolves names of types among the variables of its caller: these names cannot be
    # those of a user's type.
    _wandb_runs_made = _wandb_runs_adapter(_wandb_runs_kind)
    # A name that cannot be found would be heard of when the first run is touched.
    _wandb_runs_made.rebuild(raise_errors=True)
    return _wandb_runs_made


def _unicode_json(value: JSONValue) -> str:
    r"""The value as JSON that pydantic reads: half a surrogate pair as its escape."""
    text = json.dumps(value, ensure_ascii=False)
    return _HALF_A_PAIR.sub(lambda half: rf"\\u{ord(half[0]):04x}", text)


def _is_infinite(problem: ErrorDetails) -> bool:
    """Whether a number was expected, and text came that names one."""
    return problem["type"] == "float_type" and problem["input"] in [*NON_FINITE]


def _make_number(document: list[JSONValue], place: tuple[int | str, ...]) -> None:
    """Make a number of the text at a place."""
    at: object = document
    for key in place:
        holder = cast("dict[int | str, object]", at)  # or a list
        try:
            at = holder[key]
        except (LookupError, TypeError):
            continue  # no key, but which member of a union was tried
        if isinstance(at, str) and at in NON_FINITE:
            holder[key] = at = NON_FINITE[at]


def _told(problem: ErrorDetails, whole: str) -> str:
    place = ".".join(map(str, problem["loc"])) or whole
    if problem["type"] == "missing":
        return f"{place} is missing"
    value = repr(problem["input"])
    shown = value if len(value) <= _LONGEST_VALUE else f"{value[:_LONGEST_VALUE]}…"
    return f"{place} is {shown} ({problem['msg'][:1].lower()}{problem['msg'][1:]})"
