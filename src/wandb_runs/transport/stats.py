"""What a client has done so far, as numbers."""

from __future__ import annotations

from dataclasses import dataclass

from wandb_runs.transport.fork import ForkSafeLock

__all__ = ["Stats", "StatsCounter"]


@dataclass(frozen=True, slots=True)
class Stats:
    """What a client has done up to now: a snapshot.

    Immutable, and therefore safe to share.

    Attributes:
        requests: Requests that were sent, retries included.
        retries: Requests that were sent again.
        failures: Requests that came to an error, whether they were sent again or not.
        bytes: Bytes of the answers' bodies, decompressed.
        bytes_sent: Bytes of the requests' bodies.
        paced: Requests that were held back for a while to keep to the server's rate limit.
        seconds_waited: Seconds slept before retries and to keep to the rate limit, of all
            threads together.

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
    """Counts for `Stats`. Thread-safe."""

    def __init__(self) -> None:
        self._requests = self._retries = self._failures = self._paced = 0
        self._received = self._sent = 0
        self._waited = 0.0
        self._lock = ForkSafeLock()

    @property
    def snapshot(self) -> Stats:
        """The numbers as they are now."""
        with self._lock:
            return Stats(
                requests=self._requests,
                retries=self._retries,
                failures=self._failures,
                bytes=self._received,
                bytes_sent=self._sent,
                paced=self._paced,
                seconds_waited=self._waited,
            )

    def count(self, *, sent: int, received: int) -> None:
        """A request went out with so many bytes, and as many came back; 0 if none did."""
        with self._lock:
            self._requests += 1
            self._sent += sent
            self._received += received

    def failed(self) -> None:
        """A request came to an error."""
        with self._lock:
            self._failures += 1

    def waited(self, seconds: float, *, retries: int = 0, paced: int = 0) -> None:
        """A thread slept before so many retries, or to keep to the rate limit."""
        with self._lock:
            self._waited += seconds
            self._retries += retries
            self._paced += paced
