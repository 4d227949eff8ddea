"""What the generated models are made of."""

from __future__ import annotations

from enum import StrEnum
from functools import cache
from typing import Generic, Self, TypeVar, cast

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel
from typing_extensions import override

__all__ = ["Envelope", "GraphQLModel", "OpenEnum", "envelope_of"]


class GraphQLModel(BaseModel):
    """A selection of fields in an answer.

    Fields that the model does not name are ignored, so that a server may know more than we do.
    """

    model_config = ConfigDict(
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


ModelT = TypeVar("ModelT", bound=GraphQLModel)


class Envelope(BaseModel, Generic[ModelT]):
    """What surrounds the data of every GraphQL answer."""

    data: ModelT | None = None
    # Servers and proxies disagree on the shape of these; whatever it is, it means no.
    errors: object = None
    error: object = None


def envelope_of(model: type[ModelT]) -> type[Envelope[ModelT]]:
    """Return the envelope whose data is `model`."""
    return cast("type[Envelope[ModelT]]", _envelope_of(model))


@cache  # pydantic keeps parametrised models only as long as somebody holds them
def _envelope_of(model: type[GraphQLModel]) -> object:
    return Envelope.__class_getitem__(model)
