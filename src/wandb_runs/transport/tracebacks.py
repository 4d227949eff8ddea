"""What tracebacks show of the frames that hold an API key, by their lines and their variables."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType, TracebackType

__all__ = ["chain_of", "clear_frames", "drop_library_frames", "without_frames"]

E = TypeVar("E", bound=BaseException)

_LIBRARY_PATHS: Final = (
    str(Path(os.__file__).parent), str(Path(__file__).parents[1]), "site-packages", "dist-packages",
    "<frozen ",
)  # fmt: skip
"""Parts of the paths of code whose frames may hold the headers of a request, or an answer."""


def without_frames(error: E) -> E:
    """The error and its causes without tracebacks, whose frames hold the key."""
    for each in chain_of(error):
        each.__traceback__ = None
    return error


def drop_library_frames(error: BaseException) -> None:
    """Leave of the tracebacks the frames of a user's code alone."""
    for each in chain_of(error):
        kept: TracebackType | None = None
        for trace in reversed(list(_traces(each.__traceback__))):
            if not _is_of_library(trace.tb_frame):
                trace.tb_next = kept
                kept = trace
        each.__traceback__ = kept


def clear_frames(error: BaseException, outside: BaseException | None) -> None:
    """Take the variables out of the frames of library code; those that still run keep theirs.

    For an exception that may come at any instruction, from a signal handler: whatever code holds
    a secret then. Its traceback stays whole.

    Args:
        error: What was raised.
        outside: What was being handled before, which is the context of all that is raised; None
            if nothing was.
    """
    for each in chain_of(error, outside):
        for trace in _traces(each.__traceback__):
            if _is_of_library(trace.tb_frame):
                with suppress(RuntimeError):  # it still runs
                    trace.tb_frame.clear()


def chain_of(error: BaseException, outside: BaseException | None = None) -> Iterator[BaseException]:
    """An error, its causes and contexts, and the members of groups among them.

    Args:
        error: The error.
        outside: The context to leave out.
    """
    left: list[BaseException | None] = [error]
    seen: set[int] = {id(outside)}
    while left:
        each = left.pop()
        if each is not None and id(each) not in seen:
            seen.add(id(each))
            yield each
            left += (each.__context__, each.__cause__, *getattr(each, "exceptions", ()))


def _is_of_library(frame: FrameType) -> bool:
    path = frame.f_code.co_filename
    if path == "<string>":
        # Generated code, such as the `__init__` of a dataclass, has the globals of its module.
        path = str(frame.f_globals.get("__file__", ""))
    return any(part in path for part in _LIBRARY_PATHS)


def _traces(trace: TracebackType | None) -> Iterator[TracebackType]:
    while trace is not None:
        yield trace
        trace = trace.tb_next
