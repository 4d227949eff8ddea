"""Indices and slices of what is listed, and what is refused where an item is looked for."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Literal, TypeVar

from wandb_runs.errors.suggest import show

if TYPE_CHECKING:
    from typing import SupportsIndex

__all__ = ["count_needed", "pick", "refuse_ids"]

T = TypeVar("T")


def pick(items: list[T], index: SupportsIndex | slice, what: str = "runs") -> T | list[T]:
    """Take an item or a slice of what has been listed.

    Args:
        items: What has been listed.
        index: Which of it.
        what: What it is, in the plural.

    Raises:
        IndexError: There is no such item.
    """
    if isinstance(index, slice):
        # A copy first: another thread or task may be adding items.
        return items[:][index]
    number = operator.index(index)
    try:
        return items[number]
    except IndexError:
        raise IndexError(f"{what[:-1]} {number} of {len(items)}") from None


def count_needed(index: SupportsIndex | slice) -> int | None:
    """How many runs have to be listed to take an item or a slice; None for all."""
    if not isinstance(index, slice):
        number = operator.index(index)
        return number + 1 if number >= 0 else None
    start, stop, step = (
        None if part is None else operator.index(part)
        for part in (index.start, index.stop, index.step)
    )
    if step == 0:
        raise ValueError("slice step cannot be zero")
    if any(end is not None and end < 0 for end in (start, stop)):
        return None
    if step is not None and step < 0:
        return None if start is None else start + 1
    return 0 if start is not None and stop is not None and start >= stop else stop


def refuse_ids(value: object, loop: Literal["for", "async for"] = "for") -> None:
    """Refuse text where a run is looked for: it is most likely an id, and never among runs.

    Raises:
        TypeError: It is text.

    >>> refuse_ids("r1")
    Traceback (most recent call last):
    TypeError: 'r1' is text, and the items are runs; write 'r1' in [run.id for run in runs]
    """
    if isinstance(value, str):
        text = show(value)
        raise TypeError(
            f"{text} is text, and the items are runs; write {text} in [run.id {loop} run in runs]"
        )
