"""Attributes that cannot be set: an assignment that nothing would read is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["NoNewAttributes", "ReadOnlyAttributes"]

_PACKAGE = __name__.partition(".")[0]


class ReadOnlyAttributes:
    """A base of classes whose properties say why they cannot be set.

    It costs nothing when an instance is made, unlike `__setattr__`.

    Attributes:
        _why_fixed: Why, and what to do instead; for messages.
        _instead: The calls that change what is an attribute, by its name.

    >>> run.notes = "the best one"
    Traceback (most recent call last):
    AttributeError: Run.notes cannot be set: run.update(notes=...) changes it on the server
    """

    __slots__ = ()

    _why_fixed: ClassVar[str]
    _instead: ClassVar[Mapping[str, str]] = {}

    def __init_subclass__(cls) -> None:
        """Give each public property a setter that refuses."""
        super().__init_subclass__()
        for name, held in [*vars(cls).items()]:
            if isinstance(held, property) and held.fset is None and not name.startswith("_"):
                setattr(cls, name, held.setter(_setter(name)))


class NoNewAttributes(ReadOnlyAttributes):
    """A base of classes with a `__dict__`, which refuse public names that nothing reads.

    A method may be replaced, as tests do, and a subclass of a user may have attributes of its own.

    >>> api.api_key = "another"
    Traceback (most recent call last):
    AttributeError: Api.api_key cannot be set: settings are given when it is made, or to \
api.with_options(...)
    """

    __slots__ = ()

    if not TYPE_CHECKING:  # a declared `__setattr__` would let checkers accept any attribute

        def __setattr__(self, name: str, value: object) -> None:
            kind = type(self)
            is_new = not name.startswith("_") and not hasattr(kind, name)
            if is_new and kind.__module__.partition(".")[0] == _PACKAGE:
                raise _refusal(self, name)
            super().__setattr__(name, value)


def _setter(name: str) -> Callable[[ReadOnlyAttributes, object], None]:
    def refuse(self: ReadOnlyAttributes, _value: object) -> None:
        raise _refusal(self, name)

    return refuse


def _refusal(of: ReadOnlyAttributes, name: str) -> AttributeError:
    # Without `obj`, in which a traceback would look for similar names.
    instead = of._instead.get(name)  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] - of this file's classes
    fixed = of._why_fixed  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] - the same
    why = fixed if instead is None else f"{instead} changes it on the server"
    return AttributeError(f"{type(of).__name__}.{name} cannot be set: {why}", name=name)
