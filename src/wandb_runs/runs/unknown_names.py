"""Attributes that a class does not have: what is told of a name of W&B's SDK, and of a typo."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, ClassVar, Final

from wandb_runs.errors.suggest import nearest
from wandb_runs.runs.sdk_names import AWAITED, SDK_NAMES

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["UnknownNames"]

_ASYNC: Final = "Async"


class UnknownNames:
    """A base of classes that say what to use instead of an attribute that they do not have.

    Attributes:
        _hints: What is told of other names than those of W&B's SDK, by name.

    >>> run.historyKeys
    Traceback (most recent call last):
    AttributeError: W&B's SDK has Run.historyKeys; use run.history_keys instead
    >>> run.used_artifacts
    Traceback (most recent call last):
    AttributeError: W&B's SDK has Run.used_artifacts; it is not in this version
    >>> run.sumary
    Traceback (most recent call last):
    AttributeError: 'Run' object has no attribute 'sumary'; did you mean 'summary'?
    """

    __slots__ = ()

    _hints: ClassVar[Mapping[str, str]] = {}

    if not TYPE_CHECKING:  # a declared `__getattr__` would let checkers accept any attribute

        def __getattr__(self, name: str) -> object:
            kind = type(self)
            if name.startswith("_") or hasattr(kind, name):
                # Asked again for its own error, which Python has dropped: a property may have
                # raised it, or a slot that is not set yet.
                return super().__getattribute__(name)
            # Without `obj`, in which a traceback would look for similar names.
            raise AttributeError(_told_of(kind, name), name=name)


@lru_cache(maxsize=256)  # the nearest name takes 0.3 ms, and `hasattr` may ask it of each run
def _told_of(kind: type[UnknownNames], name: str) -> str:
    # Nothing is read of the object, which may be half made.
    hint = kind._hints.get(name)  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] - of this file's class
    if hint is not None:
        return hint
    for each in kind.__mro__:  # a user may have derived a class
        names = SDK_NAMES.get(each.__name__.removeprefix(_ASYNC), {})
        if name in names:
            return _told_of_sdk(each.__name__, name, names[name])
    near = nearest(name, (each for each in dir(kind) if not each.startswith("_")))
    hint = "" if near is None else f"; did you mean {near!r}?"
    return f"{kind.__name__!r} object has no attribute {name!r}{hint}"


def _told_of_sdk(kind: str, name: str, instead: str | None) -> str:
    told = f"W&B's SDK has {kind.removeprefix(_ASYNC)}.{name}"
    if instead is None:
        return f"{told}; it is not in this version"
    if kind.startswith(_ASYNC):
        instead = AWAITED.get(instead, instead)
    return f"{told}; use {instead} instead"
