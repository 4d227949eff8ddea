"""What all fields share: immutable paths, orders by them, and the conditions of any operand."""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING, ClassVar, NoReturn, Protocol, SupportsIndex, TypeVar, cast

from typing_extensions import override

from wandb_runs.errors import InvalidArgumentError
from wandb_runs.query.filters import make_condition
from wandb_runs.query.order import FieldOrder, parse_order
from wandb_runs.query.paths import Path

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from wandb_runs.query.filters import Condition

__all__ = [
    "FieldPath",
    "FilterField",
    "ListOrTuple",
    "ListedField",
    "MatchingField",
    "Members",
    "SortableField",
]

V_co = TypeVar("V_co", covariant=True)


class Members(Protocol[V_co]):
    """A list, tuple, set or range; not a string, whose `__contains__` takes strings only."""

    def __contains__(self, value: object, /) -> bool: ...

    def __iter__(self) -> Iterator[V_co]: ...

    def __len__(self) -> int: ...


class ListOrTuple(Protocol[V_co]):
    """A list or tuple; not a string, nor a set."""

    def __contains__(self, value: object, /) -> bool: ...

    def __getitem__(self, index: SupportsIndex, /) -> V_co: ...

    def __iter__(self) -> Iterator[V_co]: ...

    def __len__(self) -> int: ...


class FieldPath:
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
    def __reduce__(self) -> str | tuple[Callable[..., FieldPath], tuple[object, ...]]:
        return self._name  # a module-level constant


class SortableField(FieldPath):
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


class FilterField(FieldPath):
    """A field that W&B filters by; subclasses say which values it is compared with."""

    __slots__ = ()

    # Makes numpy's arrays and numbers leave a comparison to the field.
    __array_ufunc__: ClassVar[None] = None

    @override
    def __hash__(self) -> int:
        # Differs from the hash of its text, which is not equal to it.
        return hash((FieldPath, str(self)))

    def exists(self, exists: bool = True, /) -> Condition:  # noqa: FBT001, FBT002 # as `$exists` reads
        """Runs that have a value, null included; with False, runs without one."""
        return self._write("$exists", exists, ".exists(…)")

    def _compare(self, operator: str, operand: object, spelling: str) -> Condition:
        condition = self._write(operator, operand, spelling)
        self._check(operand, f"{self!r}{spelling}")
        return condition

    def _one_of(self, operator: str, values: object, spelling: str) -> Condition:
        values = _plain(values)
        condition = self._write(operator, values, spelling)
        for value in cast("list[object] | frozenset[object]", values):
            self._check(value, f"{self!r}{spelling}")
        return condition

    def _all_of(self, values: object) -> Condition:
        values = _plain(values)
        condition = self._write("$all", values, ".contains_all(…)")
        for item in cast("list[object] | frozenset[object]", values):
            self._check_item(item, f"{self!r}.contains_all(…)")
        return condition

    def _write(self, operator: str, operand: object, spelling: str) -> Condition:
        return make_condition(self._path, operator, operand, where=f"{self!r}{spelling}")

    def _check(self, value: object, where: str, /) -> None:
        """Refuse values that W&B would accept, and that no run can have in this field."""

    def _check_item(self, value: object, where: str, /) -> None:
        """Refuse items that W&B would accept, and that no list of this field can hold."""


class MatchingField(FilterField):
    """A field whose values may be strings."""

    __slots__ = ()

    def matches(self, pattern: str, /) -> Condition:
        """Runs whose value is a string that contains a match of this RE2 pattern."""
        return self._write("$regex", pattern, ".matches(…)")

    def contains(self, text: str, /) -> Condition:
        """Runs whose value is a string that contains this text, which W&B finds by an index.

        >>> from wandb_runs import DisplayName
        >>> DisplayName.contains("fox")
        {"displayName":{"$contains":"fox"}}
        """
        return self._write("$contains", text, ".contains(…)")


class ListedField(FilterField):
    """A field whose values may be lists."""

    __slots__ = ()

    def size(self, items: int, /) -> Condition:
        """Runs whose value is a list of this many items; a run without one has no size, not 0.

        >>> from wandb_runs import Tags
        >>> Tags.size(2)
        {"tags":{"$size":2}}
        """
        return self._write("$size", items, ".size(…)")


def _plain(values: object) -> object:
    """Any sequence or set as a list or frozenset, which filters take; else unchanged."""
    if isinstance(values, AbstractSet):
        return frozenset(cast("AbstractSet[object]", values))
    if isinstance(values, Sequence) and not isinstance(values, (str, bytes, bytearray)):
        return list(cast("Sequence[object]", values))
    return values
