"""Fields: `State`, `Config("lr")` and others, which make typed conditions and orders.

Comparing a field makes a `Condition`, which is a filter; `asc()` and `desc()` make an order. What
the server would not understand is refused by the comparison itself.

>>> from wandb_runs import Config, State, Summary, Tags
>>> good = (State == "finished") & (Config("learning_rate") < 0.1) & Tags.contains("long")
>>> runs = api.runs("sample/digits", good, order=Summary("accuracy").desc())
>>> runs[0].state
'finished'
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime
from typing import (
    TYPE_CHECKING,
    ClassVar,
    Final,
    Generic,
    Literal,
    NoReturn,
    Protocol,
    TypeAlias,
    TypeVar,
    cast,
    final,
    overload,
)

from typing_extensions import override

from wandb_runs.errors import InvalidArgumentError
from wandb_runs.errors.suggest import show
from wandb_runs.query.filters import make_condition
from wandb_runs.query.order import FieldOrder, parse_order
from wandb_runs.query.paths import Path, exact_path

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from wandb_runs.query.filters import Condition

__all__ = [
    "Config",
    "CreatedAt",
    "DisplayName",
    "Duration",
    "Group",
    "HeartbeatAt",
    "Host",
    "JobType",
    "RunId",
    "State",
    "Summary",
    "SweepId",
    "Tags",
    "UpdatedAt",
    "Username",
]

V = TypeVar("V")
"""The type of a field's values."""

B = TypeVar("B")
"""The type that a field is ordered with."""

V_co = TypeVar("V_co", covariant=True)

Stored: TypeAlias = str | float | bool | datetime | Sequence[object] | Mapping[str, object] | None
"""The type of a hyperparameter or a metric."""


class _Members(Protocol[V_co]):
    """A list, tuple, set or range; not a string, whose `__contains__` takes strings only."""

    def __contains__(self, value: object, /) -> bool: ...

    def __iter__(self) -> Iterator[V_co]: ...

    def __len__(self) -> int: ...


class _FieldPath:
    """A field of a run, immutable.

    `str` gives its path, as a mapping of filters or an order in text has it.
    """

    __slots__ = ("_name", "_path")

    _name: str
    _path: str | Path  # an attribute is a str: filters and orders spell it differently

    def __init__(self, name: str, path: str | Path) -> None:
        object.__setattr__(self, "_name", name)
        object.__setattr__(self, "_path", path)

    if not TYPE_CHECKING:  # a declared `__setattr__` would let checkers accept any attribute

        def __setattr__(self, name: str, value: object) -> NoReturn:
            raise AttributeError(f"{self!r} is an immutable field")

        def __delattr__(self, name: str) -> NoReturn:
            raise AttributeError(f"{self!r} is an immutable field")

    def __bool__(self) -> NoReturn:
        raise InvalidArgumentError(
            f"{self!r} is a field without a truth value. Compare it, or write {self!r}.exists()."
        )

    @override
    def __repr__(self) -> str:
        return self._name

    @override
    def __str__(self) -> str:
        return self._path.wire if isinstance(self._path, Path) else self._path

    @override
    def __reduce__(self) -> str | tuple[Callable[..., _FieldPath], tuple[str, ...]]:
        return self._name  # a module-level constant


class _Sortable(_FieldPath):
    """A field that W&B sorts by."""

    __slots__ = ()

    def asc(self) -> FieldOrder:
        """Ascending order by this field."""
        return self._order("+")

    def desc(self) -> FieldOrder:
        """Descending order by this field."""
        return self._order("-")

    def _order(self, sign: str) -> FieldOrder:
        exact = isinstance(self._path, Path)
        return FieldOrder(f"{sign}{self}" if exact else parse_order(f"{sign}{self}"))


class _Field(_FieldPath, Generic[V]):
    """A field that W&B filters by.

    `==` makes a condition. Between two fields, which W&B cannot compare, it tells whether they are
    the same field, so that fields work in sets and as keys.
    """

    __slots__ = ()

    # Makes numpy's arrays and numbers leave a comparison to the field.
    __array_ufunc__: ClassVar[None] = None

    @overload  # type: ignore[override] # makes a condition
    def __eq__(self, other: V, /) -> Condition: ...

    @overload
    def __eq__(self, other: _FieldPath, /) -> bool: ...

    @override
    def __eq__(self, other: object, /) -> bool | Condition:  # pyright: ignore[reportIncompatibleMethodOverride] # makes a condition
        if isinstance(other, _FieldPath):
            return str(self) == str(other)
        return self._compare("$eq", other, " == …")

    @overload  # type: ignore[override] # makes a condition
    def __ne__(self, other: V, /) -> Condition: ...

    @overload
    def __ne__(self, other: _FieldPath, /) -> bool: ...

    @override
    def __ne__(self, other: object, /) -> bool | Condition:  # pyright: ignore[reportIncompatibleMethodOverride] # makes a condition
        if isinstance(other, _FieldPath):
            return str(self) != str(other)
        return self._compare("$ne", other, " != …")

    @override
    def __hash__(self) -> int:
        return hash(
            (_FieldPath, str(self))
        )  # differs from the hash of its text, which is not equal to it

    def exists(self, exists: bool = True, /) -> Condition:  # noqa: FBT001, FBT002 # as `$exists` reads
        """Runs that have a value, null included; with False, runs without one."""
        return self._write("$exists", exists, ".exists(…)")

    def _compare(self, operator: str, operand: object, spelling: str) -> Condition:
        condition = self._write(operator, operand, spelling)
        self._check(operand, f"{self!r}{spelling}")
        return condition

    def _write(self, operator: str, operand: object, spelling: str) -> Condition:
        return make_condition(self._path, operator, operand, where=f"{self!r}{spelling}")

    def _check(self, value: object, where: str, /) -> None:
        """Refuse values that W&B would accept, and that no run can have in this field."""


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

    def is_in(self, values: _Members[V], /) -> Condition:
        """Runs whose value is one of these."""
        return self._one_of("$in", values, ".is_in(…)")

    def not_in(self, values: _Members[V], /) -> Condition:
        """Runs whose value is none of these, or that have no value."""
        return self._one_of("$nin", values, ".not_in(…)")

    def _one_of(self, operator: str, values: object, spelling: str) -> Condition:
        values = _plain(values)
        condition = self._write(operator, values, spelling)
        for value in cast("list[object] | frozenset[object]", values):
            self._check(value, f"{self!r}{spelling}")
        return condition


class _Matching(_Field[V]):
    """A field whose values may be strings."""

    __slots__ = ()

    def matches(self, pattern: str, /) -> Condition:
        """Runs whose value is a string that contains a match of this RE2 pattern."""
        return self._write("$regex", pattern, ".matches(…)")

    def contains(self, text: str, /) -> Condition:
        """Runs whose value is a string that contains this text, which W&B finds by an index.

        >>> DisplayName.contains("fox")
        {"displayName":{"$contains":"fox"}}
        """
        return self._write("$contains", text, ".contains(…)")


class _Listed(_Field[V], Generic[V, B]):
    """A field whose values may be lists."""

    __slots__ = ()

    def contains_all(self, values: _Members[B], /) -> Condition:
        """Runs whose value is a list with each of these, in any order.

        >>> Tags.contains_all(["best", "long"])
        {"tags":{"$all":["best","long"]}}
        """
        items = _plain(values)
        condition = self._write("$all", items, ".contains_all(…)")
        for item in cast("list[object] | frozenset[object]", items):
            self._check_item(item, f"{self!r}.contains_all(…)")
        return condition

    def _check_item(self, value: object, where: str, /) -> None:
        """Refuse items that W&B would accept, and that no list of this field can hold."""

    def size(self, items: int, /) -> Condition:
        """Runs whose value is a list of this many items; a run without one has no size, not 0.

        >>> Tags.size(2)
        {"tags":{"$size":2}}
        """
        return self._write("$size", items, ".size(…)")


class _Text(_Comparable[V, str], _Matching[V]):
    __slots__ = ()

    @override
    def _check(self, value: object, where: str, /) -> None:
        _check_kind(value, str, f"{where}: expected a string, not {show(value)}.")


@final
class _SortableText(_Text[V], _Sortable):
    __slots__ = ()


@final
class _Instant(_Comparable[V, datetime], _Sortable):
    # A str in ISO 8601 works as well; it is left out of the type, since most strings do not.
    __slots__ = ()


@final
class _Seconds(_Comparable[float, float]):
    __slots__ = ()

    @override
    def _check(self, value: object, where: str, /) -> None:
        _check_kind(value, (int, float), f"{where}: expected seconds, not {show(value)}.")


@final
class _Labels(_Listed[None, str]):
    __slots__ = ()

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


class _Key(
    _Comparable[Stored, "str | float | datetime"],
    _Matching[Stored],
    _Listed[Stored, Stored],
    _Sortable,
):
    __slots__ = ("_keys",)

    _keys: tuple[str, ...]
    _section: ClassVar[Literal["config", "summary"]]

    def __init__(self, key: str, /, *nested: str) -> None:
        keys = (key, *nested)
        name = f"{type(self).__name__}({', '.join(map(show, keys))})"
        super().__init__(name, exact_path(self._section, keys, where=name))
        object.__setattr__(self, "_keys", keys)

    @override
    def __reduce__(self) -> tuple[Callable[..., _FieldPath], tuple[str, ...]]:
        return type(self), self._keys


@final
class Config(_Key):
    """A hyperparameter.

    Immutable, and therefore safe to share.

    Args:
        key: Its exact name, including dots and slashes.
        nested: The keys of a nested value, where its value is a mapping.

    Raises:
        InvalidArgumentError: A key is empty or not a string.

    >>> Config("lr") < 0.1
    {"config.lr.value":{"$lt":0.1}}
    >>> Config("model", "depth").is_in([2, 3]), Config("model.depth") == 2
    ({"config.model.value.depth":{"$in":[2,3]}}, {"config.model.depth.value":2})
    >>> Config("lr") < None
    Traceback (most recent call last):
    wandb_runs.errors.InvalidArgumentError: Config('lr') < …: expected a number, a string or an \
aware datetime, not None, which cannot be ordered.
    """

    __slots__ = ()

    _section = "config"


@final
class Summary(_Key):
    """A metric of a run's summary.

    Immutable, and therefore safe to share.

    Args:
        key: Its exact name, including dots and slashes.
        nested: The keys of a nested value, where its value is a mapping.

    Raises:
        InvalidArgumentError: A key is empty or not a string.

    >>> ~Summary("eval/loss").exists()
    {"$nor":[{"summary_metrics.eval/loss":{"$exists":true}}]}
    >>> Summary("loss", "min").asc()
    '+summary_metrics.loss.min'
    """

    __slots__ = ()

    _section = "summary"


def _plain(values: object) -> object:
    """Any sequence or set as a list or frozenset, which filters take; else unchanged."""
    if isinstance(values, AbstractSet):
        return frozenset(cast("AbstractSet[object]", values))
    if isinstance(values, Sequence) and not isinstance(values, (str, bytes, bytearray)):
        return list(cast("Sequence[object]", values))
    return values


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

UpdatedAt: Final[_Sortable] = _Instant[datetime]("UpdatedAt", "updated_at")
"""`run.updated_at`; W&B sorts by it, and cannot filter by it."""
