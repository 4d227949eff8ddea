"""Counters of a client's requests, and `Stats`, a snapshot of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from wandb_runs.errors.immutable import immutable
from wandb_runs.errors.text import FieldsRepr

if TYPE_CHECKING:
    from wandb_runs.transport.fork import ForkSafeLock

__all__ = ["Stats", "StatsCounter"]


@immutable
@dataclass(frozen=True, slots=True, repr=False)
class Stats(FieldsRepr):
    """The requests of a client up to now: a snapshot.

    Immutable, and therefore safe to share.

    Attributes:
        requests: Requests that were sent, retries included.
        retries: Requests that were sent again.
        failures: Requests that failed, whether they were sent again or not.
        bytes: Bytes of the answers' bodies, decompressed.
        bytes_sent: Bytes of the requests' bodies.
        paced: Requests that were delayed to stay within the server's rate limit, or to keep to
            `requests_per_second=`.
        seconds_waited: Seconds slept before retries and to keep to either pace, of all threads
            together.

    >>> from wandb_runs import Api
    >>> with Api(base_url=server.url, api_key="any-key") as api:
    ...     before = api.stats
    ...     runs = list(api.runs("sample/digits", per_page=1000))
    ...     api.stats.requests - before.requests, api.stats.retries, api.stats.bytes > 1000
    (2, 0, True)
    """

    requests: int = 0
    retries: int = 0
    failures: int = 0
    bytes: int = 0
    bytes_sent: int = 0
    paced: int = 0
    seconds_waited: float = 0.0


class StatsCounter:
    """Counts for `Stats`. Thread-safe.

    Args:
        lock: Guards the numbers.
    """

    def __init__(self, lock: ForkSafeLock) -> None:
        self._lock = lock
        self._stats = Stats()

    @property
    def snapshot(self) -> Stats:
        """The numbers as they are now."""
        return self._stats

    def count(
        self,
        *,
        requests: int = 0,
        failures: int = 0,
        sent: int = 0,
        received: int = 0,
        retries: int = 0,
        paced: int = 0,
        waited: float = 0.0,
    ) -> None:
        """Add to the numbers."""
        with self._lock.mutex:
            now = self._stats
            self._stats = Stats(
                now.requests + requests,
                now.retries + retries,
                now.failures + failures,
                now.bytes + received,
                now.bytes_sent + sent,
                now.paced + paced,
                now.seconds_waited + waited,
            )
