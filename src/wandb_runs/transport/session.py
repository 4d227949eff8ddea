"""What all clients have in common that share connections."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Final

from typing_extensions import override

from wandb_runs._version import __version__
from wandb_runs.transport.budget import RetryBudget
from wandb_runs.transport.fork import ForkSafeLock
from wandb_runs.transport.http import HttpTransport
from wandb_runs.transport.messages import SecretHeaders
from wandb_runs.transport.rate_limit import Pacer
from wandb_runs.transport.settings import Address, find_api_key
from wandb_runs.transport.stats import StatsCounter
from wandb_runs.transport.threads import Slots
from wandb_runs.transport.viewer import Viewer

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Mapping
    from typing import Self

    from wandb_runs.transport.clock import Clock, Timepiece
    from wandb_runs.transport.messages import Transport
    from wandb_runs.transport.settings import ApiKey, Settings

__all__ = ["PLAIN_HEADERS", "Identity", "Session", "SessionBase"]

PLAIN_HEADERS: Final[Mapping[str, str]] = {
    "accept": "application/json",
    "content-type": "application/json",
    "user-agent": f"wandb-runs/{__version__}",
}

_NOT_SHOWN: Final = b"(not shown)"


class SessionBase:
    """What a client and its copies have in common, however they wait.

    Attributes:
        settings: The server and the defaults.
        endpoint: Where operations go.
        clock: Where time and chance come from.
        identity: The key.
        viewer: What the server said of the viewer.
        budget: The retries that are left.
        pacer: The pace that the server's rate limit allows.
        stats: What was done so far.
        is_closed: Whether later requests are refused.
    """

    def __init__(self, settings: Settings, clock: Timepiece) -> None:
        self.settings = settings
        self.endpoint: Address = Address(f"{settings.base_url}/graphql")
        self.clock = clock
        self.identity: Identity = Identity(settings)
        self.viewer: Viewer = Viewer()
        self.budget: RetryBudget = RetryBudget()
        self.pacer: Pacer = Pacer()
        self.stats: StatsCounter = StatsCounter()
        self.is_closed = False

    def _landing(
        self, transport: object, ssl_context: ssl.SSLContext | None
    ) -> tuple[type[Self], tuple[object, ...]]:
        """What is pickled: what the client was made of, and nothing that it has learnt."""
        if ssl_context is not None:
            raise TypeError(
                "an ssl_context is not pickled, and neither is what was given one; name the "
                "certificates by SSL_CERT_FILE, or make a new Api() where it lands"
            )
        return type(self), (self.settings, transport, None, self.clock)


class Session(SessionBase):
    """The same for clients that block, and what they send with.

    Attributes:
        transport: Carries the requests.
        sleep: Waits.
        slots: How many requests may be under way.
    """

    def __init__(
        self,
        settings: Settings,
        transport: Transport | None,
        ssl_context: ssl.SSLContext | None,
        clock: Clock,
    ) -> None:
        super().__init__(settings, clock)
        self._own_transport: HttpTransport | None = None
        if transport is None:
            transport = self._own_transport = HttpTransport(
                settings.base_url, ssl_context=ssl_context
            )
        self.transport: Transport = transport
        self.sleep: Callable[[float], None] = clock.sleep
        self.slots: Slots = Slots()
        self._ssl_context = ssl_context

    @override
    def __reduce__(self) -> tuple[type[Self], tuple[object, ...]]:
        given = None if self._own_transport is not None else self.transport
        return self._landing(given, self._ssl_context)

    def close(self) -> None:
        """Refuse later requests, and close connections that are not the user's."""
        self.is_closed = True
        if self._own_transport is not None:
            self._own_transport.close()


class Identity:
    """Who asks: the key, looked for once, when a request needs it. Thread-safe."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._key: ApiKey | None = None
        self._headers: Mapping[str, str] | None = None
        self._lock = ForkSafeLock()

    @override
    def __repr__(self) -> str:
        return "<Identity>"

    @property
    def key(self) -> ApiKey | None:
        """The key and its source."""
        _ = self.headers
        return self._key

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers of a request to the server, with the key."""
        headers = self._headers
        if headers is None:
            with self._lock:
                self._key = find_api_key(self._settings)
                headers = self._headers = _signed(self._key)
        return headers

    def taken_out_of(self, content: bytes) -> bytes:
        """What a server said, without the key, should it quote what it was sent."""
        if self._key is None:
            return content
        key = self._key.reveal().encode()
        return content.replace(_token(key), _NOT_SHOWN).replace(key, _NOT_SHOWN)


def _signed(key: ApiKey | None) -> Mapping[str, str]:
    if key is None:
        return PLAIN_HEADERS
    authorization = f"Basic {_token(key.reveal().encode()).decode()}"
    return SecretHeaders({**PLAIN_HEADERS, "authorization": authorization})


def _token(key: bytes) -> bytes:
    # W&B takes the key as the password of a fixed user.
    return base64.b64encode(b"api:" + key)
