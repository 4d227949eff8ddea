"""`ValueType`: the type of a field's values, as `Config("lr", type=float)` names it."""

from __future__ import annotations

import math
from copy import deepcopy
from enum import Enum
from types import UnionType
from typing import (
    TYPE_CHECKING,
    Any,
    Final,
    Generic,
    TypeVar,
    Union,
    cast,
    get_args,
    get_origin,
)

from wandb_runs.errors import InvalidArgumentError
from wandb_runs.errors.suggest import show
from wandb_runs.graphql.operation import MODEL_LOCK
from wandb_runs.graphql.scalars import NON_FINITE
from wandb_runs.query.keys import is_unicode
from wandb_runs.query.validation import MisfitError, build_adapter, validate

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic import TypeAdapter

    from wandb_runs.graphql.scalars import JSONValue

__all__ = ["ValueType", "is_class", "is_type", "spelling"]

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

_SCALARS: Final[Mapping[object, tuple[type, ...]]] = {
    float: (float, int),
    int: (int,),
    str: (str,),
    bool: (bool,),
}
"""Types of JSON's scalars, each with what may be compared with it."""

_EXACT: Final = 2**53
"""Up to here each integer is a float."""

_TYPING: Final = "typing."


class ValueType(Generic[T_co]):
    """A type that values of runs are made into, by pydantic's rules.

    Of JSON's scalars pydantic is not imported before a value needs to be converted.

    Args:
        kind: Any type that pydantic can validate.
        where: The field as the caller wrote it, for messages.

    Attributes:
        kind: The type.
        is_scalar: Whether its values are scalars of JSON alone, or null.

    Raises:
        InvalidArgumentError: Not such a type.

    >>> lr = ValueType(float, "Config('lr')")
    >>> lr.read(1), lr.read("NaN"), lr.accepts("fast")
    (1.0, nan, False)
    """

    __slots__ = ("_adapter", "_scalars", "_takes_none", "is_scalar", "kind")

    def __init__(self, kind: object, where: str) -> None:
        self.kind: object = kind
        self._adapter: TypeAdapter[T_co] | None = None
        self._takes_none: bool | None = None
        members = get_args(kind) if _is_union(kind) else (kind,)
        self._scalars = frozenset(each for each in members if _is_scalar(each))
        self.is_scalar: bool = all(_is_scalar(each) or each is type(None) for each in members)
        if self.is_scalar:
            self._takes_none = type(None) in members
        else:
            self._adapter = _adapter_of(cast("type[T_co]", kind), where)

    @property
    def name(self) -> str:
        """How Python spells the type."""
        return spelling(self.kind)

    def read(self, value: JSONValue) -> T_co:
        """Make a value of the type.

        Raises:
            MisfitError: The value does not fit.
        """
        kind, held = self.kind, cast("object", type(value))
        if held in self._scalars:
            if not isinstance(value, str) or is_unicode(value):
                return cast("T_co", value)
        elif kind is float:
            if isinstance(value, str) and value in NON_FINITE:
                return cast("T_co", NON_FINITE[value])
            if type(value) is int and -_EXACT <= value <= _EXACT:
                return cast("T_co", float(value))
        return validate(self._made(), lambda: deepcopy(value), whole="the value")

    @property
    def may_be_text(self) -> bool:
        """Whether one of its values may be a text."""
        return not self.is_scalar or str in self._scalars

    @property
    def takes_none(self) -> bool:
        """Whether null, and no value at all, is one of the type."""
        if self._takes_none is None:
            try:
                self.read(None)
            except MisfitError:
                self._takes_none = False
            else:
                self._takes_none = True
        return self._takes_none

    def accepts(self, value: object) -> bool:
        """Whether a field of this type may be compared with a value, which is not converted."""
        kinds = _SCALARS[self.kind] if _is_scalar(self.kind) else ()
        if kinds:
            return isinstance(value, kinds) and (bool in kinds or not isinstance(value, bool))
        return _is_strictly(self._made(), value)

    def accepts_item(self, value: object) -> bool:
        """Whether a list of this type may hold a value."""
        kinds = get_args(self.kind) if _is_union(self.kind) else (self.kind,)
        lists = [each for each in kinds if get_origin(each) in (list, set, frozenset)]
        if not lists:
            return not all(map(_is_scalar, kinds))
        return any(_is_strictly(build_adapter(get_args(each)[0]), value) for each in lists)

    def stored(self, value: object) -> object:
        """What W&B stores for a value of the type, which a condition compares it with."""
        if isinstance(value, float) and not math.isfinite(value):
            return next(text for text, each in NON_FINITE.items() if repr(each) == repr(value))
        if _is_scalar(self.kind) or not _needs_dump(value) or not self.accepts(value):
            return value
        with MODEL_LOCK:
            return self._made().dump_python(cast("T_co", value), mode="json", by_alias=True)

    def _made(self) -> TypeAdapter[T_co]:
        adapter = self._adapter
        if adapter is None:
            adapter = self._adapter = build_adapter(cast("type[T_co]", self.kind))
        return adapter


def _is_scalar(kind: object) -> bool:
    return isinstance(kind, type) and kind in _SCALARS


def is_class(kind: object) -> bool:
    """Whether `type=` takes it: a class, or one with arguments.

    >>> from typing import Literal
    >>> is_class(float), is_class(list[int]), is_class(float | None), is_class(Literal["adam"])
    (True, True, False, False)
    """
    if kind == Any or kind is type(None):  # `Any` is a class in some versions of Python
        return False
    is_form = _is_union(kind) or hasattr(kind, "__metadata__")  # of `Annotated`
    return isinstance(kind, type) or (isinstance(get_origin(kind), type) and not is_form)


def is_type(kind: object) -> bool:
    """Whether it is a type, of whatever form, and not a value."""
    has_value = hasattr(kind, "__supertype__") or hasattr(kind, "__value__")  # NewType, an alias
    return isinstance(kind, type) or get_origin(kind) is not None or kind == Any or has_value


def spelling(kind: object) -> str:
    """How Python spells a type.

    >>> from typing import Literal
    >>> [spelling(each) for each in (float, list[int], float | None, Literal["adam", "sgd"])]
    ['float', 'list[int]', 'float | None', "Literal['adam', 'sgd']"]
    """
    if kind is type(None):
        return "None"
    if isinstance(kind, type) and not get_args(kind):
        return kind.__qualname__
    if _is_union(kind):
        return " | ".join(map(spelling, get_args(kind)))
    return repr(kind).replace(_TYPING, "")


def _is_union(kind: object) -> bool:
    return isinstance(kind, UnionType) or get_origin(kind) is Union


def _needs_dump(value: object) -> bool:
    """Whether JSON may not be able to hold a value as it is."""
    if isinstance(value, list | tuple):
        return any(map(_needs_dump, cast("list[object]", value)))
    if isinstance(value, dict):
        return any(map(_needs_dump, cast("dict[object, object]", value).values()))
    return (
        isinstance(value, Enum)
        or hasattr(type(value), "__pydantic_serializer__")
        or (hasattr(type(value), "__dataclass_fields__"))
    )


def _is_strictly(adapter: TypeAdapter[T], value: object) -> bool:
    with MODEL_LOCK:
        from pydantic import ValidationError  # noqa: PLC0415 - its import takes long

        try:
            adapter.validate_python(value, strict=True)
        except ValidationError:
            return False
    return True


def _adapter_of(kind: type[T], where: str) -> TypeAdapter[T]:
    with MODEL_LOCK:
        from pydantic import PydanticUserError  # noqa: PLC0415 - its import takes long

    # A value would be taken for a type by pydantic, or refused obscurely.
    if not is_type(kind):
        raise InvalidArgumentError(f"{where}: expected a type like float, not {show(kind)}.")
    try:
        return build_adapter(kind)
    except (PydanticUserError, NameError, TypeError) as error:
        problem = str(error).partition("\n")[0]
        note = ""
        if isinstance(error, NameError):
            note = "; what it names must stand where it is defined, and not within a function"
        raise InvalidArgumentError(
            f"{where}: no value can be made into {spelling(kind)}: {problem}{note}"
        ) from None
