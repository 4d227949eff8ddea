"""Fields: the places in a run that conditions and orders name, each with the type of its value.

Comparing a field makes a `Condition`, which goes where a filter goes; `asc()` and `desc()` make an
order. What the server would not understand is refused here, in the line that says it.

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
from wandb_runs.query.filters import write_condition
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
"""What a field equals."""

B = TypeVar("B")
"""What a field is more or less than."""

V_co = TypeVar("V_co", covariant=True)

Stored: TypeAlias = str | float | bool | datetime | Sequence[object] | Mapping[str, object] | None
"""What a hyperparameter or a metric may be."""


class _Members(Protocol[V_co]):
    """A list, a tuple, a set or a range, and no string: that one holds strings alone."""

    def __contains__(self, value: object, /) -> bool: ...

    def __iter__(self) -> Iterator[V_co]: ...

    def __len__(self) -> int: ...


class _FieldPath:
    """A place in a run, which nothing changes.

    `str` is what a mapping or an order in text may call it.
    """

    __slots__ = ("_name", "_path")

    _name: str
    _path: str | Path  # exact, or an attribute, which filters and orders spell each in its way

    def __init__(self, name: str, path: str | Path) -> None:
        object.__setattr__(self, "_name", name)
        object.__setattr__(self, "_path", path)

    if not TYPE_CHECKING:  # checkers would take it for leave to set anything

        def __setattr__(self, name: str, value: object) -> NoReturn:
            raise AttributeError(f"{self!r} is a field, and cannot be changed")

        def __delattr__(self, name: str) -> NoReturn:
            raise AttributeError(f"{self!r} is a field, and cannot be changed")

    def __bool__(self) -> NoReturn:
        raise InvalidArgumentError(
            f"{self!r} is a field, and no truth value. Compare it, or write {self!r}.exists()."
        )

    @override
    def __repr__(self) -> str:
        return self._name

    @override
    def __str__(self) -> str:
        return self._path.wire if isinstance(self._path, Path) else self._path

    @override
    def __reduce__(self) -> str | tuple[Callable[..., _FieldPath], tuple[str, ...]]:
        return self._name  # the only one of its name


class _Sortable(_FieldPath):
    """A place that W&B sorts by."""

    __slots__ = ()

    def asc(self) -> FieldOrder:
        """The order from the least to the greatest."""
        return self._order("+")

    def desc(self) -> FieldOrder:
        """The order from the greatest to the least."""
        return self._order("-")

    def _order(self, sign: str) -> FieldOrder:
        exact = isinstance(self._path, Path)
        return FieldOrder(f"{sign}{self}" if exact else parse_order(f"{sign}{self}"))


class _Field(_FieldPath, Generic[V]):
    """A place that W&B filters by.

    `==` makes a condition, but between two fields, which W&B cannot compare: there it tells
    whether they are the same place, so that fields work in sets, and as keys.
    """

    __slots__ = ()

    # So that an array or a number of numpy's leaves a comparison to the field.
    __array_ufunc__: ClassVar[None] = None

    @overload  # type: ignore[override] # a comparison is what is asked for
    def __eq__(self, other: V, /) -> Condition: ...

    @overload
    def __eq__(self, other: _FieldPath, /) -> bool: ...

    @override
    def __eq__(self, other: object, /) -> bool | Condition:  # pyright: ignore[reportIncompatibleMethodOverride] # a comparison is what is asked for
        if isinstance(other, _FieldPath):
            return str(self) == str(other)
        return self._compare("$eq", other, " == …")

    @overload  # type: ignore[override] # a comparison is what is asked for
    def __ne__(self, other: V, /) -> Condition: ...

    @overload
    def __ne__(self, other: _FieldPath, /) -> bool: ...

    @override
    def __ne__(self, other: object, /) -> bool | Condition:  # pyright: ignore[reportIncompatibleMethodOverride] # a comparison is what is asked for
        if isinstance(other, _FieldPath):
            return str(self) != str(other)
        return self._compare("$ne", other, " != …")

    @override
    def __hash__(self) -> int:
        return hash((_FieldPath, str(self)))  # unlike its text, which it is not equal to

    def exists(self, exists: bool = True, /) -> Condition:  # noqa: FBT001, FBT002 # as `$exists` reads
        """The runs that have a value here, null included; with False, those that have none."""
        return self._write("$exists", exists, ".exists(…)")

    def _compare(self, operator: str, operand: object, spelling: str) -> Condition:
        condition = self._write(operator, operand, spelling)
        self._check(operand, f"{self!r}{spelling}")
        return condition

    def _write(self, operator: str, operand: object, spelling: str) -> Condition:
        return write_condition(self._path, operator, operand, where=f"{self!r}{spelling}")

    def _check(self, value: object, where: str, /) -> None:
        """Refuse what W&B understands, and no run can have here."""


class _Comparable(_Field[V], Generic[V, B]):
    """A field whose values are more or less than others."""

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
        """The runs whose value is one of these."""
        return self._one_of("$in", values, ".is_in(…)")

    def not_in(self, values: _Members[V], /) -> Condition:
        """The runs whose value is none of these, or that have none."""
        return self._one_of("$nin", values, ".not_in(…)")

    def _one_of(self, operator: str, values: object, spelling: str) -> Condition:
        if isinstance(values, AbstractSet):
            values = frozenset(cast("AbstractSet[object]", values))
        elif isinstance(values, Sequence) and not isinstance(values, (str, bytes, bytearray)):
            values = list(cast("Sequence[object]", values))
        condition = self._write(operator, values, spelling)
        for value in cast("list[object] | frozenset[object]", values):
            self._check(value, f"{self!r}{spelling}")
        return condition


class _Matching(_Field[V]):
    """A field whose values may be text."""

    __slots__ = ()

    def matches(self, pattern: str, /) -> Condition:
        """The runs whose value is a text in which this regular expression, RE2's, is found."""
        return self._write("$regex", pattern, ".matches(…)")


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
    # Text in ISO 8601 works, too; only running the program tells which text is an instant.
    __slots__ = ()


@final
class _Seconds(_Comparable[float, float]):
    __slots__ = ()

    @override
    def _check(self, value: object, where: str, /) -> None:
        _check_kind(value, (int, float), f"{where}: expected seconds, not {show(value)}.")


@final
class _Labels(_Field["list[str] | tuple[str, ...]"]):
    __slots__ = ()

    def contains(self, tag: str, /) -> Condition:
        """The runs that bear this label, among others or alone."""
        if not isinstance(tag, str):  # pyright: ignore[reportUnnecessaryIsInstance] - untyped callers pass lists
            raise InvalidArgumentError(
                f"{self!r}.contains(…): expected one label, not {show(tag)}. Join conditions by & "
                "for all of several, by | for any."
            )
        return self._write("$eq", tag, ".contains(…)")

    if not TYPE_CHECKING:  # `in` gives a truth value, so that checkers shall refuse it

        def __contains__(self, tag: object) -> NoReturn:
            raise InvalidArgumentError(f"write {self!r}.contains({show(tag)}) for 'in'.")

    @override
    def _check(self, value: object, where: str, /) -> None:
        _check_kind(
            value,
            (list, tuple),
            f"{where}: expected the list of all labels, not {show(value)}. To find runs by one of "
            f"theirs, write {self!r}.contains(…).",
        )


class _Key(_Comparable[Stored, "str | float | datetime"], _Matching[Stored], _Sortable):
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
        key: Its name, to the letter, with all dots and slashes.
        nested: The keys within, where its value is a mapping.

    Raises:
        InvalidArgumentError: A key is empty, or no string.

    >>> Config("lr") < 0.1
    {"config.lr.value":{"$lt":0.1}}
    >>> Config("model", "depth").is_in([2, 3]), Config("model.depth") == 2
    ({"config.model.value.depth":{"$in":[2,3]}}, {"config.model.depth.value":2})
    >>> Config("lr") < None
    Traceback (most recent call last):
    wandb_runs.errors.InvalidArgumentError: Config('lr') < …: expected a number, a string or an \
aware datetime, not None, which is neither more nor less than anything.
    """

    __slots__ = ()

    _section = "config"


@final
class Summary(_Key):
    """A metric, as a run's summary holds it.

    Immutable, and therefore safe to share.

    Args:
        key: Its name, to the letter, with all dots and slashes.
        nested: The keys within, where its value is a mapping.

    Raises:
        InvalidArgumentError: A key is empty, or no string.

    >>> ~Summary("eval/loss").exists()
    {"$nor":[{"summary_metrics.eval/loss":{"$exists":true}}]}
    >>> Summary("loss", "min").asc()
    '+summary_metrics.loss.min'
    """

    __slots__ = ()

    _section = "summary"


def _check_kind(value: object, kinds: type | tuple[type, ...], refusal: str) -> None:
    if value is not None and (not isinstance(value, kinds) or isinstance(value, bool)):
        raise InvalidArgumentError(refusal)


RunId: Final = _SortableText[str]("RunId", "name")
"""The run's id, which is `run.id`; the wire calls it `name`."""

DisplayName: Final = _Text[str | None]("DisplayName", "display_name")
"""The name that people see, which is `run.display_name`, and `run.name` in short."""

State: Final = _Text[str]("State", "state")
"""`run.state`: running, finished, crashed, failed, and whatever W&B adds."""

Group: Final = _Text[str | None]("Group", "group")
"""`run.group`."""

JobType: Final = _Text[str | None]("JobType", "job_type")
"""`run.job_type`."""

Username: Final = _Text[str | None]("Username", "username")
"""The account of who started the run, which is `run.user.username`."""

Host: Final = _Text[str | None]("Host", "host")
"""`run.host`."""

SweepId: Final = _Text[str | None]("SweepId", "sweep")
"""The id of the sweep that started the run, which is `run.sweep.id`."""

Tags: Final = _Labels("Tags", "tags")
"""`run.tags`."""

Duration: Final = _Seconds("Duration", "duration")
"""How long the run took, in seconds."""

CreatedAt: Final = _Instant[datetime]("CreatedAt", "created_at")
"""`run.created_at`."""

HeartbeatAt: Final = _Instant["datetime | None"]("HeartbeatAt", "heartbeat_at")
"""`run.heartbeat_at`."""

UpdatedAt: Final[_Sortable] = _Instant[datetime]("UpdatedAt", "updated_at")
"""`run.updated_at`, by which W&B sorts, and does not filter."""
