"""Fork safety: locks that are free in a forked child, and objects that start anew there.

A fork copies the memory and one thread: a lock that another thread held would stay locked in the
child for ever. Registered objects are renewed in the child before any other code runs.
"""

from __future__ import annotations

import os
import threading
import weakref
from contextlib import suppress
from typing import Final, Protocol

from wandb_runs.graphql.operation import MODEL_LOCK

__all__ = ["ForkSafeLock", "renew_in_children"]


class Renewable(Protocol):
    """An object that starts afresh in a forked child."""

    def renew(self) -> None:
        """Start afresh; called in the child, while it has one thread."""
        ...


# Not a `WeakSet`: what drops its items is written in Python, and would swallow an exception that a
# signal handler raises within.
_renewed: Final[set[weakref.ref[Renewable]]] = set()


def renew_in_children(thing: Renewable) -> None:
    """Have `thing.renew()` called in every forked child, for as long as `thing` lives."""
    _renewed.add(weakref.ref(thing, _renewed.discard))


def _begin_anew() -> None:
    with suppress(RuntimeError):  # a signal handler may have raised while it was waited for
        MODEL_LOCK.release()
    for each in list(_renewed):
        if (thing := each()) is not None:
            thing.renew()


if hasattr(os, "register_at_fork"):  # Windows has no fork
    os.register_at_fork(
        before=MODEL_LOCK.acquire,
        after_in_parent=MODEL_LOCK.release,
        after_in_child=_begin_anew,
    )


class ForkSafeLock:
    """A lock that no interrupt leaves held, and that a forked child inherits free.

    It is held by `with lock.mutex:`. An exception of a signal handler cannot come between taking a
    lock of the interpreter's own and the block behind it, nor before the lock is given back, as it
    can within an `__enter__` and `__exit__` of Python's. A thread that holds it may take it again,
    so that a signal handler, or an observer, may use a client that its own thread is using.

    A thread that forks while it holds the lock holds it in the child, too; what another thread
    holds is free there.

    Attributes:
        mutex: The lock. Taken from here each time, since a child replaces it.
    """

    __slots__ = ("__weakref__", "mutex")

    def __init__(self) -> None:
        self.mutex: threading.RLock = threading.RLock()
        renew_in_children(self)

    def renew(self) -> None:
        """Start afresh in a forked child."""
        if self.mutex.acquire(blocking=False):  # it is free, or this thread holds it
            self.mutex.release()
        else:
            self.mutex = threading.RLock()
