"""Which runs a listing has seen: by their ids, or by a watermark in an order that stays."""

from __future__ import annotations

import operator
from itertools import islice
from typing import TYPE_CHECKING, Final, Generic, NamedTuple, Protocol, TypeVar

from wandb_runs.errors import BadResponseError
from wandb_runs.pagination.keyset import Sample

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

__all__ = ["Seen", "SeenIds", "SeenInOrder", "Watermark"]

_SAMPLED: Final = 100
"""The most runs of one instant that a filter is tried on."""

T = TypeVar("T")


class Seen(Protocol[T]):
    """What a listing knows of the runs that it has seen."""

    def knows(self, run_id: str) -> bool:
        """Whether a run was seen for sure; "no" may be wrong."""
        ...

    def fresh(self, items: Sequence[T], *, is_aligned: bool) -> list[T]:
        """Those that were not seen yet, each once.

        Args:
            items: A page of runs.
            is_aligned: Whether the page is known to follow what was seen last.
        """
        ...

    def add(self, items: Iterable[T]) -> None:
        """Add these, of which none was seen before."""
        ...

    def in_order(self) -> SeenInOrder[T] | None:
        """How far the listing has come in an order by creation; None if that is not known."""
        ...


class Watermark(NamedTuple):
    """How far a listing in a steady order has come.

    Attributes:
        key: What the last run seen is sorted by; None before the first.
        ids: The runs seen that have the same key.
        keyless: The runs seen whose key the server does not tell.
        recent: The runs seen last.
    """

    key: str | None = None
    ids: frozenset[str] = frozenset()
    keyless: frozenset[str] = frozenset()
    recent: frozenset[str] = frozenset()


class SeenInOrder(Generic[T]):
    """Tells runs that were seen by what they are sorted by, and so remembers next to nothing.

    For an order that no run's place in can change. A server that does not keep to the order is
    found out, and from there on ids are remembered.

    Args:
        identify: An item's id.
        key: What it is sorted by, as a text that sorts alike, if the server tells.
        descending: Whether the order is.
        watermark: How far the listing has come already.
    """

    __slots__ = ("_descending", "_identify", "_key", "_unsorted", "_watermark")

    def __init__(
        self,
        identify: Callable[[T], str],
        key: Callable[[T], str | None],
        *,
        descending: bool,
        watermark: Watermark | None = None,
    ) -> None:
        self._identify = identify
        self._key = key
        self._descending = descending
        self._watermark = Watermark() if watermark is None else watermark
        self._unsorted: set[str] | None = None

    @property
    def watermark(self) -> Watermark:
        """How far it is."""
        return self._watermark

    @property
    def is_sorted(self) -> bool:
        """Whether all that was seen stood in the order."""
        return self._unsorted is None

    def in_order(self) -> SeenInOrder[T]:
        """Itself."""
        return self

    def tells(self, items: Iterable[T]) -> bool:
        """Whether each item tells its key."""
        return all(self._key(item) is not None for item in items)

    def admits(self, items: Sequence[T]) -> bool:
        """Whether items can stand behind the watermark: each tells its key, in order."""
        return self.tells(items) and not self._contradicts(items, is_aligned=True)

    def sample(self, items: Sequence[T]) -> Sample | None:
        """The first and the last item; of none, the runs at the watermark."""
        if not items:
            key, ids, *_ = self._watermark
            return None if key is None else Sample(key, key, (frozenset(islice(ids, _SAMPLED)),))
        first, last = (self._key(item) for item in (items[0], items[-1]))
        if first is None or last is None:
            return None
        edges = tuple(frozenset({self._identify(item)}) for item in (items[0], items[-1]))
        return Sample(min(first, last), max(first, last), edges)

    def knows(self, run_id: str) -> bool:
        """Whether a run is among the last ones seen."""
        mark = self._watermark
        return (
            run_id in mark.recent
            or run_id in mark.ids
            or run_id in mark.keyless
            or (self._unsorted is not None and run_id in self._unsorted)
        )

    def fresh(self, items: Sequence[T], *, is_aligned: bool) -> list[T]:
        """Those that were not seen yet, each once.

        Raises:
            BadResponseError: The server does not tell any more what items are sorted by.
        """
        if not is_aligned and self._watermark.key is not None and items:
            self._check_keys(items)
        if self._unsorted is None and self._contradicts(items, is_aligned=is_aligned):
            self._unsorted = set()
        found: dict[str, T] = {}
        for item in items:
            run_id = self._identify(item)
            if not self.knows(run_id) and (
                self._unsorted is not None or not self._is_before(self._key(item))
            ):
                found[run_id] = item
        return [*found.values()]

    def add(self, items: Iterable[T]) -> None:
        """Add these."""
        key, ids, keyless, _ = self._watermark
        recent: set[str] = set()
        new, lacking = set(ids), set(keyless)
        for item in items:
            run_id, own = self._identify(item), self._key(item)
            recent.add(run_id)
            if own is None:
                lacking.add(run_id)
            elif key is None or self._precedes(key, own):
                key, new = own, {run_id}
            elif key == own:
                new.add(run_id)
        if self._unsorted is not None:
            self._unsorted |= recent
        self._watermark = Watermark(key, frozenset(new), frozenset(lacking), frozenset(recent))

    def behind(self, items: Iterable[T], watermark: Watermark) -> Watermark:
        """The watermark of a listing that stood at another one, and saw these."""
        other = SeenInOrder(
            self._identify, self._key, descending=self._descending, watermark=watermark
        )
        other.add(items)
        return other.watermark

    def _check_keys(self, items: Sequence[T]) -> None:
        # Behind a checkpoint within a page, those before it would come again.
        if all(self._key(item) is None for item in items):
            raise BadResponseError(
                "the server does not tell any more when runs were created, by which a listing in "
                "this order continues at a checkpoint; list again from the start",
                status=200,
            )

    def _contradicts(self, items: Sequence[T], *, is_aligned: bool) -> bool:
        """Whether items stand where the order does not have them."""
        keys = [key for item in items if (key := self._key(item)) is not None]
        stays = operator.ge if self._descending else operator.le
        if not all(map(stays, keys, keys[1:])):
            return True
        return is_aligned and bool(keys) and self._is_before(keys[0])

    def _is_before(self, key: str | None) -> bool:
        watermark = self._watermark.key
        return key is not None and watermark is not None and self._precedes(key, watermark)

    def _precedes(self, one: str, other: str) -> bool:
        return one > other if self._descending else one < other


class SeenIds(Generic[T]):
    """Remembers every id.

    Args:
        identify: An item's id.
        ids: What was seen before.
        before: Tells what else was seen before.
        tracker: Told in what order items came, when that is asked for.

    Attributes:
        items: The ids, in the order in which the items came; each with its item, where there is a
            tracker to tell.
    """

    __slots__ = ("_before", "_identify", "_told", "_tracker", "items")

    def __init__(
        self,
        identify: Callable[[T], str],
        *,
        ids: Iterable[str] = (),
        before: SeenInOrder[T] | None = None,
        tracker: SeenInOrder[T] | None = None,
    ) -> None:
        self._identify = identify
        self._before = before
        self._tracker = tracker
        self._told = 0
        self.items: dict[str, T | None] = dict.fromkeys(ids)

    def knows(self, run_id: str) -> bool:
        """Whether a run was seen."""
        return run_id in self.items or (self._before is not None and self._before.knows(run_id))

    def fresh(self, items: Sequence[T], *, is_aligned: bool) -> list[T]:  # noqa: ARG002 - ids do not need to know
        """Those that were not seen yet, each once."""
        if self._before is not None:
            items = self._before.fresh(items, is_aligned=False)
        seen, identify = self.items, self._identify
        found = {run_id: item for item in items if (run_id := identify(item)) not in seen}
        return [*found.values()]

    def add(self, items: Iterable[T]) -> None:
        """Add these, in one step."""
        came = [*items]
        ids = map(self._identify, came)
        self.items.update(
            dict.fromkeys(ids) if self._tracker is None else [*zip(ids, came, strict=True)]
        )

    def in_order(self) -> SeenInOrder[T] | None:
        """How far the listing has come in an order by creation; None if that is not known.

        A project at rest never asks, and pays nothing for it.
        """
        tracker = self._tracker
        if tracker is not None:
            kept = islice(self.items.values(), self._told, None)
            came = [item for item in kept if item is not None]
            if came:
                tracker.fresh(came, is_aligned=True)
                tracker.add(came)
            self._told += len(came)
        return tracker
