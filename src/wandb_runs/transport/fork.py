"""Fork safety: locks that are free in a forked child, and objects that start anew there.

A fork copies the memory and one thread: a lock that another thread held would stay locked in the
child for ever. Registered objects are renewed in the child before any other code runs.
"""

from __future__ import annotations

import os
import threading
import weakref
from typing import TYPE_CHECKING, Final, Protocol

from wandb_runs.graphql.operation import MODEL_LOCK

if TYPE_CHECKING:
    from types import TracebackType

__all__ = ["ForkSafeLock", "renew_in_children"]


class Renewable(Protocol):
    """An object that starts afresh in a forked child."""

    def renew(self) -> None:
        """Start afresh; called in the child, while it has one thread."""
        ...


_renewed: Final[weakref.WeakSet[Renewable]] = weakref.WeakSet()


def renew_in_children(thing: Renewable) -> None:
    """Have `thing.renew()` called in every forked child, for as long as `thing` lives."""
    _renewed.add(thing)


def _begin_anew() -> None:
    MODEL_LOCK.release()
    for thing in list(_renewed):
        thing.renew()


if hasattr(os, "register_at_fork"):  # Windows has no fork
    os.register_at_fork(
        before=MODEL_LOCK.acquire,
        after_in_parent=MODEL_LOCK.release,
        after_in_child=_begin_anew,
    )


class ForkSafeLock:
    """A `threading.Lock` for `with` that a forked child inherits free, unless the fork holds it.

    A thread that forks while it holds the lock holds it in the child, too.
    """

    __slots__ = ("__weakref__", "_holder", "_lock")

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._holder: int | None = None
        renew_in_children(self)

    def __enter__(self) -> None:
        self._lock.acquire()
        self._holder = threading.get_ident()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._holder = None
        self._lock.release()

    def renew(self) -> None:
        """Start afresh in a forked child."""
        self._lock = threading.Lock()
        if self._holder == threading.get_ident():
            self._lock.acquire()
        else:
            self._holder = None
