"""Which orders a run can move in between two pages, and what to ask for in those."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from wandb_runs.graphql.scalars import parse_moment
from wandb_runs.pagination.page import MAX_PER_PAGE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from wandb_runs.pagination.page import Page

__all__ = [
    "ChangeTracker",
    "both",
    "creation_key",
    "is_by_creation",
    "is_descending",
    "is_steady",
    "moved_filter",
    "name_filter",
    "present_filter",
    "server_time",
]

_MARGIN: Final = timedelta(seconds=70)
"""How much earlier than the server's `Date` a listing may have begun.

That is told when an answer leaves, which a server may have read a minute before: then W&B gives up.
"""

_SKEW: Final = timedelta(seconds=11)
"""How much later it may have begun: clocks differ, and servers renew their `Date` now and then."""

_BY_CREATION: Final = frozenset({"created_at", "createdAt"})


class ChangeTracker:
    """Notes what happens to runs while their pages are read, in an order that may change.

    A run that moves from an unread place to one already read has logged, so the next page reports
    it. It was lost if it was not seen. Or it was the run at the edge of a page, and others crossed
    the edge behind it.

    Args:
        order: The order, as it is sent.
        began: When the reading began, by the server's clock, if it did before.

    Attributes:
        is_steady: Whether runs keep their places, so that nothing needs to be noted.
        began: When the reading began.
    """

    __slots__ = ("_has_gap", "_moved", "_overlaps", "began", "is_steady")

    def __init__(self, order: str, began: datetime | None = None) -> None:
        self.is_steady: bool = is_steady(order)
        self.began = began
        # What was noted before a checkpoint is not in it.
        self._has_gap = began is not None
        self._overlaps: set[str] = set()
        self._moved: set[str] = set()

    def begin(self, date: str | None) -> None:
        """Note when the reading began, by the `Date` header of its first answer."""
        if self.began is None:
            self.began = server_time(date)

    def asks(self, filters: str) -> str | None:
        """The filter of the runs that have logged, for the next page to bring along."""
        if self.is_steady or self.began is None:
            return None
        return moved_filter(filters, self.began)

    def note(self, page: Page[object], *, asked: bool, is_aligned: bool = True) -> None:
        """Note what a page tells.

        Args:
            page: The page.
            asked: Whether it was asked for the runs that have logged.
            is_aligned: Whether the run before it is the one that was.
        """
        self.begin(page.date)
        if self.is_steady:
            return
        self._overlaps.update(overlap for overlap in page.overlap if overlap is not None)
        self._has_gap |= not is_aligned
        if page.moved is not None:
            self._moved.update(page.moved.run_ids)
        if asked and (page.moved is None or not page.moved.is_all):
            self._has_gap = True

    def suspects(self, knows: Callable[[str], bool]) -> bool:
        """Whether a run may be missing.

        Args:
            knows: Whether a run was read.
        """
        return not self.is_steady and (
            self._has_gap
            or not self._moved.isdisjoint(self._overlaps)
            or not all(map(knows, self._moved))
        )


def is_by_creation(order: str) -> bool:
    """Whether an order is by the instant of creation, which no run ever changes."""
    return order.lstrip("+-") in _BY_CREATION


def is_steady(order: str) -> bool:
    """Whether runs keep their places to each other in an order, whatever happens to them.

    >>> is_steady("+created_at"), is_steady("-summary_metrics.loss")
    (True, False)
    """
    return is_by_creation(order) or order.lstrip("+-") == "name"


def is_descending(order: str) -> bool:
    """Whether an order descends, as W&B reads it: without a sign it does (wandb/wandb#8063)."""
    return not order.startswith("+")


def creation_key(created_at: object) -> str | None:
    """An instant as a text that sorts as instants do; None for what is none.

    >>> creation_key("2026-01-02T03:04:05")
    '2026-01-02T03:04:05.000000+00:00'
    """
    return _key_of(created_at) if isinstance(created_at, str) else None


# More than the runs of a page, each of which is asked for several times while the page is read.
@lru_cache(maxsize=2 * MAX_PER_PAGE)
def _key_of(created_at: str) -> str | None:
    try:
        return parse_moment(created_at).astimezone(UTC).isoformat(timespec="microseconds")
    except (ValueError, OverflowError):
        return None


def server_time(date: str | None) -> datetime:
    """When a server answered, by its own clock; by this machine's, if it does not say."""
    try:
        told = parsedate_to_datetime(date) if date is not None else None
    except ValueError:
        told = None
    if told is None:
        return datetime.now(UTC)
    return told if told.tzinfo is not None else told.replace(tzinfo=UTC)


def moved_filter(filters: str, began: datetime) -> str:
    """The filter of the runs that have logged anything since a listing began.

    New ones as well: one of them may stand at the edge of a page, and jump.
    """
    return _all_of(json.loads(filters), {"heartbeatAt": {"$gte": _text(began - _MARGIN)}})


def present_filter(filters: str, began: datetime) -> str:
    """The filter of the runs that were there when a listing began."""
    before = {"createdAt": {"$lt": _text(began + _SKEW)}}
    return _all_of(json.loads(filters), before)


def both(filters: str, other: str) -> str:
    """The filter of what two filters select."""
    return _all_of(json.loads(filters), json.loads(other))


def name_filter(run_ids: Iterable[str]) -> str:
    """The filter that selects runs by their ids, which the wire calls names.

    >>> name_filter(["1abc", "2def"])
    '{"name": {"$in": ["1abc", "2def"]}}'
    """
    return json.dumps({"name": {"$in": list(run_ids)}})


def _all_of(*filters: object) -> str:
    given = [each for each in filters if each]
    return json.dumps(given[0] if len(given) == 1 else {"$and": given})


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
