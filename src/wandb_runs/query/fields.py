"""Fields of attributes: `State`, `Tags` and others, which make typed conditions and orders.

Comparing a field makes a `Condition`, which is a filter; `asc()` and `desc()` make an order. What
the server would not understand is refused by the comparison itself.

>>> from wandb_runs import Config, State, Summary, Tags
>>> good = (State == "finished") & (Config("learning_rate") < 0.1) & Tags.contains("long")
>>> runs = api.runs("sample/digits", good, order=Summary("accuracy").desc())
>>> runs[0].state
'finished'
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Final, Generic, NoReturn, TypeVar, final, overload

from typing_extensions import override

from wandb_runs.errors import InvalidArgumentError
from wandb_runs.errors.suggest import show
from wandb_runs.query.field_base import (
    FieldPath,
    FilterField,
    ListedField,
    MatchingField,
    Members,
    SortableField,
)

if TYPE_CHECKING:
    from wandb_runs.query.filters import Condition

__all__ = [
    "CreatedAt",
    "DisplayName",
    "Duration",
    "Group",
    "HeartbeatAt",
    "Host",
    "JobType",
    "RunId",
    "State",
    "SweepId",
    "Tags",
    "UpdatedAt",
    "Username",
]

V = TypeVar("V")
"""The type of a field's values."""

B = TypeVar("B")
"""The type that a field is ordered with."""


class _Field(FilterField, Generic[V]):
    """A field that is compared with values of one type.

    `==` makes a condition. Between two fields, which W&B cannot compare, it tells whether they are
    the same field, so that fields work in sets and as keys.
    """

    __slots__ = ()

    @overload  # type: ignore[override] # makes a condition
    def __eq__(self, other: V, /) -> Condition: ...

    @overload
    def __eq__(self, other: FieldPath, /) -> bool: ...

    @override
    def __eq__(self, other: object, /) -> bool | Condition:  # pyright: ignore[reportIncompatibleMethodOverride] # makes a condition
        if isinstance(other, FieldPath):
            return str(self) == str(other)
        return self._compare("$eq", other, " == …")

    @overload  # type: ignore[override] # makes a condition
    def __ne__(self, other: V, /) -> Condition: ...

    @overload
    def __ne__(self, other: FieldPath, /) -> bool: ...

    @override
    def __ne__(self, other: object, /) -> bool | Condition:  # pyright: ignore[reportIncompatibleMethodOverride] # makes a condition
        if isinstance(other, FieldPath):
            return str(self) != str(other)
        return self._compare("$ne", other, " != …")

    @override
    def __hash__(self) -> int:
        return super().__hash__()


class _Comparable(_Field[V], Generic[V, B]):
    """A field whose values are ordered."""

    __slots__ = ()

    def __lt__(self, other: B, /) -> Condition:
        return self._compare("$lt", other, " < …")

    def __le__(self, other: B, /) -> Condition:
        return self._compare("$lte", other, " <= …")

    def __gt__(self, other: B, /) -> Condition:
        return self._compare("$gt", other, " > …")

    def __ge__(self, other: B, /) -> Condition:
        return self._compare("$gte", other, " >= …")

    def is_in(self, values: Members[V], /) -> Condition:
        """Runs whose value is one of these."""
        return self._one_of("$in", values, ".is_in(…)")

    def not_in(self, values: Members[V], /) -> Condition:
        """Runs whose value is none of these, or that have no value."""
        return self._one_of("$nin", values, ".not_in(…)")


class _Text(_Comparable[V, str], MatchingField):
    __slots__ = ()

    @override
    def _check(self, value: object, where: str, /) -> None:
        _check_kind(value, str, f"{where}: expected a string, not {show(value)}.")


@final
class _SortableText(_Text[V], SortableField):
    __slots__ = ()


@final
class _Instant(_Comparable[V, datetime], SortableField):
    # A str in ISO 8601 works as well; it is left out of the type, since most strings do not.
    __slots__ = ()


@final
class _Seconds(_Comparable[float, float]):
    __slots__ = ()

    @override
    def _check(self, value: object, where: str, /) -> None:
        _check_kind(value, (int, float), f"{where}: expected seconds, not {show(value)}.")


@final
class _Labels(_Field[None], ListedField):
    __slots__ = ()

    def contains_all(self, tags: Members[str], /) -> Condition:
        """Runs that have each of these tags, in any order.

        >>> Tags.contains_all(["best", "long"])
        {"tags":{"$all":["best","long"]}}
        """
        return self._all_of(tags)

    def contains(self, tag: str, /) -> Condition:
        """Runs that have this tag."""
        if not isinstance(tag, str):  # pyright: ignore[reportUnnecessaryIsInstance] - untyped callers pass lists
            raise InvalidArgumentError(
                f"{self!r}.contains(…): expected one tag, not {show(tag)}. For all of several "
                f"write {self!r}.contains_all(…); for any, join conditions by |."
            )
        return self._write("$eq", tag, ".contains(…)")

    @override
    def _check_item(self, value: object, where: str, /) -> None:
        if not isinstance(value, str):
            raise InvalidArgumentError(f"{where}: expected tags, each a string, not {show(value)}.")

    if not TYPE_CHECKING:  # `in` needs a truth value, so checkers are to refuse it

        def __contains__(self, tag: object) -> NoReturn:
            raise InvalidArgumentError(f"write {self!r}.contains({show(tag)}) for 'in'.")

    @override
    def _check(self, value: object, where: str, /) -> None:
        if value is not None:
            raise InvalidArgumentError(
                f"{where}: nothing but None, for runs without tags, not {show(value)}. To find "
                f"runs by a tag, write {self!r}.contains(…)."
            )


def _check_kind(value: object, kinds: type | tuple[type, ...], refusal: str) -> None:
    if value is not None and (not isinstance(value, kinds) or isinstance(value, bool)):
        raise InvalidArgumentError(refusal)


RunId: Final = _SortableText[str]("RunId", "name")
"""`run.id`; the server calls it `name`."""

DisplayName: Final = _Text[str | None]("DisplayName", "display_name")
"""`run.display_name`, also `run.name`."""

State: Final = _Text[str]("State", "state")
"""`run.state`: running, finished, crashed, failed, or any that W&B adds."""

Group: Final = _Text[str | None]("Group", "group")
"""`run.group`."""

JobType: Final = _Text[str | None]("JobType", "job_type")
"""`run.job_type`."""

Username: Final = _Text[str | None]("Username", "username")
"""`run.user.username`, the account that started the run."""

Host: Final = _Text[str | None]("Host", "host")
"""`run.host`."""

SweepId: Final = _Text[str | None]("SweepId", "sweep")
"""`run.sweep.id`, the sweep that started the run."""

Tags: Final = _Labels("Tags", "tags")
"""`run.tags`."""

Duration: Final = _Seconds("Duration", "duration")
"""The run's duration in seconds."""

CreatedAt: Final = _Instant[datetime]("CreatedAt", "created_at")
"""`run.created_at`."""

HeartbeatAt: Final = _Instant["datetime | None"]("HeartbeatAt", "heartbeat_at")
"""`run.heartbeat_at`."""

UpdatedAt: Final[SortableField] = _Instant[datetime]("UpdatedAt", "updated_at")
"""`run.updated_at`; W&B sorts by it, and cannot filter by it."""
