"""Immutable values: what an assignment to one is told."""

from __future__ import annotations

from dataclasses import FrozenInstanceError
from typing import TypeVar

__all__ = ["immutable"]

T = TypeVar("T")


def immutable(cls: type[T]) -> type[T]:
    """Have a frozen dataclass say what to do instead of setting an attribute.

    A dataclass with slots answers to a name that is no field with a bare `TypeError`, in Python
    3.11.

    >>> from dataclasses import dataclass
    >>> @immutable
    ... @dataclass(frozen=True, slots=True)
    ... class Place:
    ...     name: str
    >>> Place("here").name = "there"
    Traceback (most recent call last):
    dataclasses.FrozenInstanceError: Place.name cannot be set: it is immutable; \
dataclasses.replace(..., name=...) makes another
    >>> Place("here").note = "mine"
    Traceback (most recent call last):
    dataclasses.FrozenInstanceError: Place.note cannot be set: it is immutable; keep what is not \
of a Place beside it
    """
    fields: frozenset[str] = frozenset(vars(cls).get("__dataclass_fields__", ()))

    def refuse(self: object, name: str, *_value: object) -> None:
        kind = type(self).__name__
        instead = f"keep what is not of a {kind} beside it"
        if name in fields:
            instead = f"dataclasses.replace(..., {name}=...) makes another"
        raise FrozenInstanceError(f"{kind}.{name} cannot be set: it is immutable; {instead}")

    for method in ("__setattr__", "__delattr__"):
        setattr(cls, method, refuse)
    return cls
