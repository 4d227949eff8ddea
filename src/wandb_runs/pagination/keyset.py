"""Filters that select the runs behind a watermark: keyset pagination, in orders by creation."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final, NamedTuple

from wandb_runs.pagination.changes import is_descending

if TYPE_CHECKING:
    from wandb_runs.pagination.page import Moved
    from wandb_runs.pagination.seen import Watermark

__all__ = ["MAX_LEFT_OUT", "Sample", "behind_filter", "opposite"]

MAX_LEFT_OUT: Final = 1000
"""The most runs that a filter leaves out by their ids: as many as one that selects runs names."""


class Sample(NamedTuple):
    """Runs whose instants of creation are known, to try a filter on.

    Attributes:
        low: The earliest instant, as `creation_key` writes it.
        high: The latest instant.
        edges: For each of the two instants, ids of runs that were created then.
    """

    low: str
    high: str
    edges: tuple[frozenset[str], ...]

    @property
    def filter(self) -> str:
        """The filter of these runs, by their ids and by the instants.

        >>> noon = "2026-01-02T12:00:00.000000+00:00"
        >>> Sample(noon, noon, (frozenset({"r1"}),)).filter
        '{"createdAt": {"$gte": "2026-01-02T12:00:00Z", "$lt": "2026-01-02T12:00:01Z"}, \
"name": {"$in": ["r1"]}}'
        """
        instants = {"$gte": _text(self.low), "$lt": _text(_next(self.high))}
        run_ids = sorted(frozenset[str]().union(*self.edges))
        return json.dumps({"createdAt": instants, "name": {"$in": run_ids}})

    def is_selected(self, found: Moved | None) -> bool:
        """Whether the server selects runs of both instants by that filter."""
        return found is not None and not any(map(frozenset(found.run_ids).isdisjoint, self.edges))


def behind_filter(mark: Watermark, order: str) -> str | None:
    """The filter of the runs that stand behind a watermark; None where no filter tells.

    A server may hold finer instants than it tells. So it selects what was created within the
    smallest unit that the watermark shows, too, and leaves the runs seen out by their ids.

    Args:
        mark: The watermark.
        order: An order by creation, as it is sent.

    >>> from wandb_runs.pagination.seen import Watermark
    >>> mark = Watermark("2026-01-02T12:00:00.000000+00:00", frozenset({"r1"}))
    >>> behind_filter(mark, "+created_at")
    '{"createdAt": {"$gte": "2026-01-02T12:00:00Z"}, "name": {"$nin": ["r1"]}}'
    >>> behind_filter(mark, "-created_at")
    '{"createdAt": {"$lt": "2026-01-02T12:00:01Z"}, "name": {"$nin": ["r1"]}}'
    """
    # Where the server sorts a run whose creation it does not tell is not known.
    if mark.key is None or mark.keyless or len(mark.ids) > MAX_LEFT_OUT:
        return None
    if is_descending(order):
        instants = {"$lt": _text(_next(mark.key))}
    else:
        instants = {"$gte": _text(mark.key)}
    return json.dumps({"createdAt": instants, "name": {"$nin": sorted(mark.ids)}})


def opposite(order: str) -> str:
    """The same order from its end.

    >>> opposite("+created_at"), opposite("-created_at"), opposite("created_at")
    ('-created_at', '+created_at', '+created_at')
    """
    return ("+" if is_descending(order) else "-") + order.lstrip("+-")


def _next(key: str) -> str:
    """The instant behind all that a server may tell as this one: it may have cut off digits."""
    moment = datetime.fromisoformat(key)
    unit = 1 if moment.microsecond % 1000 else 1000 if moment.microsecond else 1_000_000
    try:
        moment += timedelta(microseconds=unit)
    except OverflowError:  # the last instant that there is
        return key
    return moment.isoformat(timespec="microseconds")


def _text(key: str) -> str:
    second, fraction = key[:19], key[19:26]
    return f"{second}Z" if fraction == ".000000" else f"{second}{fraction}Z"
