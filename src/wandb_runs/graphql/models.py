"""Base classes of the generated models."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, ClassVar, Final, Generic, Self, TypeVar, cast

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel
from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Envelope", "GraphQLModel", "OpenEnum", "envelope_of"]


_NOT_SHOWN: Final = "(not shown)"


class GraphQLModel(BaseModel):
    """A selection of fields in an answer.

    Fields that the model does not name are ignored, so that a server may know more than we do.
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(
        alias_generator=to_camel,
        # Servers write some ids as numbers.
        coerce_numbers_to_str=True,
        defer_build=True,
        extra="ignore",
        frozen=True,
        populate_by_name=True,
        # A field may be called `modelName`, of which pydantic before 2.10 warns.
        protected_namespaces=(),
    )

    @override
    def __repr_args__(self) -> Iterator[tuple[str | None, object]]:
        # A traceback may be shown with its variables, and an address may be signed.
        for name, value in super().__repr_args__():
            yield name, _NOT_SHOWN if value and name is not None and "url" in name else value


class OpenEnum(StrEnum):
    """An enum to which the server may add.

    A value that the schema does not list becomes a member of that value. It is equal to every
    other member, or string, of the same value, but it is no part of the enum's own list.

    >>> class Colour(OpenEnum):
    ...     RED = "RED"
    >>> Colour("MAUVE") == "MAUVE", list(Colour) == [Colour.RED]
    (True, True)
    """

    @override
    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        if not isinstance(value, str):
            return None
        member = str.__new__(cls, value)
        member._name_ = value
        member._value_ = value
        return member


T = TypeVar("T")


class Envelope(BaseModel, Generic[T]):
    """What surrounds the data of every GraphQL answer."""

    data: T | None = None
    # Servers and proxies disagree on the shape of these; any value is a refusal.
    errors: object = None
    error: object = None


# pydantic keeps parametrised models only as long as something refers to them.
_envelopes: dict[type[object], object] = {}


def envelope_of(model: type[T]) -> type[Envelope[T]]:
    """Return the envelope whose data is `model`."""
    found = _envelopes.get(model)
    if found is None:
        found = _envelopes.setdefault(model, Envelope.__class_getitem__(model))
    return cast("type[Envelope[T]]", found)
