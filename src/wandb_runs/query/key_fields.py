"""Fields of hyperparameters and metrics: `Config("lr")`, `Summary("loss", type=float)`.

>>> from wandb_runs import Config, Summary
>>> LR, ACCURACY = Config("learning_rate", type=float), Summary("accuracy", type=float)
>>> best = api.runs("sample/digits", LR < 0.1, order=ACCURACY.desc())[0]
>>> best[LR] < 0.1 < best[ACCURACY]
True
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from types import GenericAlias
from typing import (
    TYPE_CHECKING,
    ClassVar,
    Final,
    Generic,
    Literal,
    TypeAlias,
    cast,
    final,
    overload,
)

from typing_extensions import TypeVar, override

from wandb_runs.errors import InvalidArgumentError
from wandb_runs.errors.suggest import show
from wandb_runs.graphql.nested import outer_keys, places
from wandb_runs.graphql.scalars import JSONValue
from wandb_runs.query.field_base import (
    FieldPath,
    ListedField,
    ListOrTuple,
    MatchingField,
    Members,
    SortableField,
)
from wandb_runs.query.paths import exact_path
from wandb_runs.query.value_types import ValueType, is_class, is_type, spelling

if TYPE_CHECKING:
    from collections.abc import Callable

    from wandb_runs.graphql.scalars import JSONObject
    from wandb_runs.query.filters import Condition

__all__ = [
    "ABSENT",
    "Absent",
    "Config",
    "ConfigColumns",
    "ConfigKey",
    "KeyField",
    "Summary",
    "SummaryColumns",
    "SummaryKey",
    "ValueField",
]

Ordered: TypeAlias = str | float | datetime
"""What W&B orders."""

Stored: TypeAlias = str | float | bool | datetime | Sequence[object] | Mapping[str, object] | None
"""The type of a hyperparameter or a metric, where none is named."""

T = TypeVar("T", default=JSONValue)
"""The type of a field's values."""

T_co = TypeVar("T_co", covariant=True)
OrderedT = TypeVar("OrderedT", bound=Ordered)
ItemT = TypeVar("ItemT")

_TEXTS: Final = frozenset({"$regex", "$contains"})
_EQUALITY: Final = frozenset({"$eq", "$ne", "$in", "$nin", "$all"})


class Absent:
    """Stands for the value of a key that a document does not have."""

    __slots__ = ()


ABSENT: Final = Absent()


class Comparison:
    """The method of an operator that orders: what it takes depends on the type of the field.

    Args:
        operator: The operator of a filter.
        spelling: Python's, for messages.
    """

    __slots__ = ("_operator", "_spelling")

    def __init__(self, operator: str, spelling: str) -> None:
        self._operator = operator
        self._spelling = spelling

    @overload
    def __get__(
        self, field: KeyField[JSONValue], owner: object, /
    ) -> Callable[[Ordered], Condition]: ...
    @overload
    def __get__(
        self, field: KeyField[float | None], owner: object, /
    ) -> Callable[[float], Condition]: ...
    @overload
    def __get__(
        self, field: KeyField[int | None], owner: object, /
    ) -> Callable[[int], Condition]: ...
    @overload
    def __get__(
        self, field: KeyField[str | None], owner: object, /
    ) -> Callable[[str], Condition]: ...
    @overload
    def __get__(
        self, field: KeyField[datetime | None], owner: object, /
    ) -> Callable[[datetime], Condition]: ...
    @overload
    def __get__(
        self, field: KeyField[OrderedT], owner: object, /
    ) -> Callable[[OrderedT], Condition]: ...
    @overload
    def __get__(self, field: None, owner: object, /) -> Comparison: ...
    def __get__(self, field: object, owner: object, /) -> object:
        if not isinstance(field, KeyField):
            return self
        compare = cast("KeyField[object]", field).compare
        return partial(compare, self._operator, f" {self._spelling} …")


class _TypedClass(GenericAlias):
    """`Config[float | None]`, of which a call makes a field of this type."""

    def __call__(self, *keys: str, **options: object) -> KeyField[object]:
        kinds = self.__args__
        if len(kinds) != 1:
            raise InvalidArgumentError(f"{spelling(self)}: expected one type")
        (kind,) = kinds
        kind = type(None) if kind is None else kind  # as in annotations
        if options.pop("type", kind) != kind or options:
            raise InvalidArgumentError(f"{spelling(self)}(…) takes keys alone, and no type=")
        if not keys:
            raise TypeError(f"{spelling(self)}(…) takes a key")
        return _make(cast("type[KeyField[object]]", self.__origin__), kind, keys)

    def __getitem__(self, kinds: object) -> GenericAlias:
        filled = super().__getitem__(kinds)
        return _TypedClass(cast("type", filled.__origin__), filled.__args__)


def _make(of: type[KeyField[object]], kind: object, keys: tuple[str, ...]) -> KeyField[object]:
    field = of.__new__(of)
    field._set(keys, kind)  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] - of this file's class
    return field


class ValueField(MatchingField, ListedField, SortableField, Generic[T_co]):
    """Where a run has a hyperparameter or a metric, and of which type it is.

    Attributes:
        keys: The key, and those of a nested value.
        section: `"config"` or `"summary"`.
    """

    __slots__ = ("_value_type", "keys")

    keys: tuple[str, ...]
    section: ClassVar[Literal["config", "summary"]]
    _value_type: ValueType[T_co] | None

    @property
    def value_type(self) -> ValueType[T_co] | None:
        """What its values are made into; None where they are as JSON has them."""
        return self._value_type

    @property
    def text(self) -> str:
        """The keys, joined by dots: what the server is asked for."""
        return ".".join(self.keys)

    @property
    def holders(self) -> tuple[str, ...]:
        """The names at the top of a document under which the value may be."""
        if self.section == "config":
            return (self.keys[0],)
        return outer_keys((self.text,)) or ()

    def find(self, document: JSONObject) -> JSONValue | Absent:
        """The value in a config, out of its envelope, or in a summary.

        As the server looks a path up: it takes the dots of a metric's keys for nested ones, too,
        but for those of the key of a hyperparameter.

        >>> Config("model", "depth").find({"model": {"depth": 3}})
        3
        >>> isinstance(Config("model.depth").find({"model": {"depth": 3}}), Absent)
        True
        >>> Summary("loss.min").find({"loss": {"min": 0.1}})
        0.1
        """
        text = self.text
        if self.section == "config":
            outer, *nested = self.keys
            if not nested:
                return document.get(outer, ABSENT)
            inner = document.get(outer)
            if not isinstance(inner, dict):
                return ABSENT
            document, text = inner, ".".join(nested)
        elif text in document and document[text] is not None:
            return document[text]
        found: JSONValue | Absent = ABSENT
        for holder, name in places(document, text):
            found = holder[name]
            if found is not None:
                break
        return found


class ConfigKey(ValueField[T_co]):
    """Where a run has a hyperparameter: `Config("lr", type=...)` of any type."""

    __slots__ = ()

    section: ClassVar[Literal["config", "summary"]] = "config"
    """Where its values are: `"config"`."""


class SummaryKey(ValueField[T_co]):
    """Where a run has a metric of its summary: `Summary("loss", type=...)` of any type."""

    __slots__ = ()

    section: ClassVar[Literal["config", "summary"]] = "summary"
    """Where its values are: `"summary"`."""


class KeyField(ValueField[T]):
    """A hyperparameter or a metric.

    `==` makes a condition. Between two fields, which W&B cannot compare, it tells whether they are
    of the same path, whatever their types.
    """

    __slots__ = ()

    def __init__(self, key: str, /, *nested: str, type: type[T] | None = None) -> None:  # noqa: A002 # as in Python's own libraries
        keys = (key, *nested)
        if type is not None and is_type(type) and not is_class(type):
            # What a checker infers of such an argument is not the type that it stands for.
            section, shown = self.__class__.__name__, ", ".join(map(show, keys))
            raise InvalidArgumentError(
                f"{section}({shown}, type=…): {spelling(type)} is no class; write "
                f"{section}[{spelling(type)}]({shown})."
            )
        self._set(keys, type)

    def _set(self, keys: tuple[str, ...], kind: object) -> None:
        written = f"{self.__class__.__name__}({', '.join(map(show, keys))})"
        path = exact_path(self.section, keys, where=written)
        made: ValueType[T] | None = None
        if kind is not None:
            made = ValueType(kind, written)
            named = f"{written[:-1]}, type={made.name})"
            name = self.__class__.__name__
            written = named if is_class(kind) else f"{name}[{made.name}]{written[len(name) :]}"
        super().__init__(written, path)
        object.__setattr__(self, "keys", keys)
        object.__setattr__(self, "_value_type", made)

    if not TYPE_CHECKING:  # checkers know it from `Generic`

        def __class_getitem__(cls, kind: object) -> GenericAlias:
            return _TypedClass(cls, kind)

    @override
    def __reduce__(self) -> tuple[Callable[..., FieldPath], tuple[object, ...]]:
        made = self.value_type
        if made is None:
            return self.__class__, self.keys
        return _make, (self.__class__, made.kind, self.keys)

    @overload  # type: ignore[override] # makes a condition
    def __eq__(self: KeyField[JSONValue], other: Stored, /) -> Condition: ...
    @overload
    def __eq__(self, other: T, /) -> Condition: ...
    @overload
    def __eq__(self, other: FieldPath, /) -> bool: ...
    @override
    def __eq__(self, other: object, /) -> bool | Condition:  # pyright: ignore[reportIncompatibleMethodOverride] # makes a condition
        if isinstance(other, FieldPath):
            return str(self) == str(other)
        return self._compare("$eq", other, " == …")

    @overload  # type: ignore[override] # makes a condition
    def __ne__(self: KeyField[JSONValue], other: Stored, /) -> Condition: ...
    @overload
    def __ne__(self, other: T, /) -> Condition: ...
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

    __lt__: Comparison = Comparison("$lt", "<")
    __le__: Comparison = Comparison("$lte", "<=")
    __gt__: Comparison = Comparison("$gt", ">")
    __ge__: Comparison = Comparison("$gte", ">=")

    @overload
    def is_in(self: KeyField[JSONValue], values: Members[Stored], /) -> Condition: ...
    @overload
    def is_in(self, values: Members[T], /) -> Condition: ...
    def is_in(self, values: object, /) -> Condition:
        """Runs whose value is one of these."""
        return self._one_of("$in", values, ".is_in(…)")

    @overload
    def not_in(self: KeyField[JSONValue], values: Members[Stored], /) -> Condition: ...
    @overload
    def not_in(self, values: Members[T], /) -> Condition: ...
    def not_in(self, values: object, /) -> Condition:
        """Runs whose value is none of these, or that have no value."""
        return self._one_of("$nin", values, ".not_in(…)")

    @overload
    def contains_all(self: KeyField[JSONValue], values: Members[Stored], /) -> Condition: ...
    @overload
    def contains_all(self: KeyField[list[ItemT]], values: Members[ItemT], /) -> Condition: ...
    @overload
    def contains_all(
        self: KeyField[list[ItemT] | None], values: Members[ItemT], /
    ) -> Condition: ...
    def contains_all(self, values: object, /) -> Condition:
        """Runs whose value is a list with each of these, in any order.

        >>> Config("widths", type=list[int]).contains_all([64, 32])
        {"config.widths.value":{"$all":[64,32]}}
        """
        return self._all_of(values)

    def compare(self, operator: str, spelling: str, operand: object, /) -> Condition:
        """The condition of an operator, `$lt`, which `spelling` shows in messages."""
        return self._compare(operator, operand, spelling)

    @override
    def _write(self, operator: str, operand: object, spelling: str) -> Condition:
        made = self.value_type
        if made is not None and operator in _TEXTS and not made.may_be_text:
            raise InvalidArgumentError(f"{self!r}{spelling}: no value of type {made.name} is text.")
        if made is not None and operator == "$size" and made.is_scalar:
            raise InvalidArgumentError(f"{self!r}{spelling}: no value of {made.name} is a list.")
        if made is not None and operator in _EQUALITY:
            if operator in ("$eq", "$ne"):
                operand = made.stored(operand)
            elif isinstance(operand, list):
                operand = [*map(made.stored, cast("list[object]", operand))]
            elif isinstance(operand, frozenset):
                operand = frozenset(map(made.stored, cast("frozenset[object]", operand)))
        return super()._write(operator, operand, spelling)

    @override
    def _check(self, value: object, where: str, /) -> None:
        made = self.value_type
        if made is not None and not made.accepts(value):
            raise InvalidArgumentError(
                f"{where}: expected a value of type {made.name}, not {show(value)}."
            )

    @override
    def _check_item(self, value: object, where: str, /) -> None:
        made = self.value_type
        if made is not None and not made.accepts_item(value):
            raise InvalidArgumentError(
                f"{where}: expected what a value of type {made.name} can hold, not {show(value)}."
            )


@final
class Config(KeyField[T], ConfigKey[T]):
    """A hyperparameter.

    Immutable, and therefore safe to share. With a type, its values are made into it by pydantic's
    rules, and it is compared with values of this type alone: `run[LR]`, `run.get(LR, 0.1)`,
    `runs.values(LR)`. A type that is no class, such as a union or a literal, is written in
    brackets.

    Args:
        key: Its exact name, including dots and slashes.
        nested: The keys of a nested value, where its value is a mapping.
        type: The type of its values: a class, such as `float`, a pydantic model, a dataclass, a
            `TypedDict` or an enum, or one with arguments, such as `list[int]`. None for any value
            of JSON.

    Raises:
        InvalidArgumentError: A key is empty or not a string, or pydantic cannot make values of the
            type.

    >>> Config("lr") < 0.1
    {"config.lr.value":{"$lt":0.1}}
    >>> Config("model", "depth").is_in([2, 3]), Config("model.depth") == 2
    ({"config.model.value.depth":{"$in":[2,3]}}, {"config.model.depth.value":2})
    >>> Config("lr") < None
    Traceback (most recent call last):
    wandb_runs.errors.InvalidArgumentError: Config('lr') < …: expected a number, a string or an \
aware datetime, not None, which cannot be ordered.
    >>> LR, MAYBE = Config("learning_rate", type=float), Config[float | None]("weight_decay")
    >>> isinstance(run[LR], float), run[MAYBE]
    (True, None)
    >>> LR < "0.1"
    Traceback (most recent call last):
    wandb_runs.errors.InvalidArgumentError: Config('learning_rate', type=float) < …: expected a \
value of type float, not '0.1'.
    """

    __slots__ = ()


@final
class Summary(KeyField[T], SummaryKey[T]):
    """A metric of a run's summary.

    Immutable, and therefore safe to share. With a type, its values are made into it, as those of
    `Config`: "NaN" and "Infinity", which W&B stores as text, are floats.

    Args:
        key: Its exact name, including dots and slashes.
        nested: The keys of a nested value, where its value is a mapping.
        type: The type of its values, as for `Config`; None for any value of JSON.

    Raises:
        InvalidArgumentError: A key is empty or not a string, or pydantic cannot make values of the
            type.

    >>> ~Summary("eval/loss").exists()
    {"$nor":[{"summary_metrics.eval/loss":{"$exists":true}}]}
    >>> Summary("loss", "min").asc()
    '+summary_metrics.loss.min'
    >>> best = api.runs("sample/digits", order=Summary("accuracy").desc())[0]
    >>> best[Summary("accuracy", type=float)]
    1.0
    """

    __slots__ = ()


ConfigColumns: TypeAlias = "bool | ListOrTuple[str | ConfigKey[object]]"
"""Which hyperparameters a table has: all, none, or those of a list of names and fields."""

SummaryColumns: TypeAlias = "bool | ListOrTuple[str | SummaryKey[object]]"
"""Which metrics a table has, likewise."""
