"""What a client and its copies share, blocking or not: credentials, limits, counters."""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING

from typing_extensions import override

from wandb_runs.errors import InvalidArgumentError
from wandb_runs.transport.credentials import Identity, is_async
from wandb_runs.transport.fork import ForkSafeLock
from wandb_runs.transport.options import FILES_AT_ONCE, MOST_AT_ONCE, check_count
from wandb_runs.transport.rate_limit import Pacer
from wandb_runs.transport.retry import RetryBudget
from wandb_runs.transport.server import KnownServer
from wandb_runs.transport.settings import Address
from wandb_runs.transport.stats import StatsCounter
from wandb_runs.transport.viewer import Viewer

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Mapping
    from typing import Self

    from wandb_runs.graphql.flow import Lane
    from wandb_runs.transport.clock import Timepiece
    from wandb_runs.transport.events import Event
    from wandb_runs.transport.settings import Settings

__all__ = ["SessionBase"]

_log = logging.getLogger("wandb_runs")


class SessionBase:
    """What blocking and async sessions have in common.

    Attributes:
        settings: The server and the defaults.
        clock: Clock and random source.
        max_concurrency: How many operations may be under way at once.
        widths: How many requests of each kind may be.
        on_event: Told each event, and raises nothing; None if there is no such callback.
        identity: The credentials.
        viewer: What the server said of the viewer.
        budgets: The retries that are left for requests of each kind.
        pacer: The pace that the server's rate limit allows, and the caller's own.
        stats: The counters.
        server: What the server is known to lack.
        has_own_transport: Whether connections of this package carry the requests.
        is_closed: Whether later requests are refused.
    """

    def __init__(
        self,
        settings: Settings,
        given: object,
        ssl_context: ssl.SSLContext | None,
        clock: Timepiece,
        max_concurrency: int,
        on_event: Callable[[Event], object] | None,
    ) -> None:
        check_count("max_concurrency", max_concurrency, least=1, most=MOST_AT_ONCE)
        if on_event is not None and (is_async(on_event) or not callable(on_event)):
            kind = type(on_event).__name__
            raise InvalidArgumentError(f"on_event must be callable and not async, got {kind}")
        lock = ForkSafeLock()
        self.settings = settings
        self.clock = clock
        self.max_concurrency: int = max_concurrency
        self.widths: Mapping[Lane, int] = {
            "operations": max_concurrency,
            "files": FILES_AT_ONCE,
        }
        tell = None if on_event is None else partial(_tell, on_event)
        self.on_event: Callable[[Event], object] | None = tell
        self.identity: Identity = Identity(settings)
        self.viewer: Viewer = Viewer()
        # Connections that were kept may all be found closed at once.
        files = RetryBudget(lock, 2 * FILES_AT_ONCE)
        self.budgets: Mapping[Lane, RetryBudget] = {
            "operations": RetryBudget(lock),
            "files": files,
        }
        self.pacer: Pacer = Pacer(lock)
        self.stats: StatsCounter = StatsCounter(lock)
        self.server: KnownServer = KnownServer(lambda: settings.base_url, lock)
        self.has_own_transport: bool = given is None
        self.is_closed = False
        self._endpoint: Address | None = None
        self._loaded: set[object] = set()
        self._made_of = (settings, given, ssl_context, clock, max_concurrency)

    @override
    def __reduce__(self) -> tuple[type[Self], tuple[object, ...]]:
        # What it was made of, and nothing that it has learnt; on_event= stays behind.
        if self._made_of[2] is not None:
            raise TypeError(
                "an ssl_context is not pickled, and neither is an Api() that has one; name the "
                "certificates by SSL_CERT_FILE, or make a new Api() where it lands"
            )
        return type(self), self._made_of

    @property
    def endpoint(self) -> Address:
        """Where operations go; the first touch may read settings files."""
        if self._endpoint is None:
            self._endpoint = Address(f"{self.settings.base_url}/graphql")
        return self._endpoint

    def is_first(self, load: object) -> bool:
        """Whether this is the first answer of its kind, which takes long: its model is loaded."""
        is_first = load not in self._loaded
        self._loaded.add(load)
        return is_first


def _tell(on_event: Callable[[Event], object], event: Event) -> None:
    try:
        on_event(event)
    except Exception:  # noqa: BLE001 - an observer never breaks a request
        _log.exception("on_event= failed; the request goes on")
