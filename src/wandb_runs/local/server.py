"""The local server as an object: started, used and stopped within a process."""

from __future__ import annotations

import socket
import threading
import time
from collections import deque
from importlib import resources
from typing import TYPE_CHECKING, Final, Self

import uvicorn
from typing_extensions import override

from wandb_runs.local.app import create_app
from wandb_runs.local.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

__all__ = ["LocalServer"]

_REMEMBERED: Final = 10_000
_GRACE: Final = 5  # seconds that requests under way may still take
_TICK: Final = 0.1
_SAMPLE: Final = "sample/sample.db.xz"


class _Server(uvicorn.Server):
    """A uvicorn server that says when it listens."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = threading.Event()

    @override
    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.listening.set()


class LocalServer:
    """A W&B-compatible server in a thread of this process.

    It answers W&B's API: this package, the wandb SDK and any other client can log to it and read
    from it. Reading needs no key, and every project is public; logging needs one, and any will do.
    Projects come into being when something is logged to them.

    Args:
        store: The SQLite file that holds what was logged; made when missing. None keeps a
            temporary one until the server is closed.
        sample: Whether to add the sample project, unless the store has it.
        host: The address to listen on.
        port: The port to listen on; 0 takes a free one.
        entity: The viewer's entity, where runs go that name none.
        clock: The time now, in seconds since 1970. A run that was silent for five minutes by
            this clock has crashed.

    Attributes:
        url: Where it listens, such as `http://127.0.0.1:43817`.
        store: What was logged to it.

    Raises:
        InvalidArgumentError: `store` is a file of another kind.
        OSError: The port is taken, or the file cannot be opened.
        RuntimeError: The server did not start.

    >>> with LocalServer() as server:
    ...     server.url.startswith("http://127.0.0.1:")
    True
    """

    url: str
    store: Store

    def __init__(
        self,
        *,
        store: Path | None = None,
        sample: bool = False,
        host: str = "127.0.0.1",
        port: int = 0,
        entity: str = "local",
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._operations: deque[str] = deque(maxlen=_REMEMBERED)
        self.store = Store(store, clock=clock)
        try:
            if sample:
                packaged = resources.files("wandb_runs.local").joinpath(_SAMPLE)
                self.store.load(packaged.read_bytes())
            self._socket = _listen(host, port)
        except BaseException:
            self.store.close()
            raise
        bound: int = self._socket.getsockname()[1]
        self.url = f"http://{f'[{host}]' if ':' in host else host}:{bound}"
        app = create_app(self.store, entity=entity, on_operation=self._operations.append)
        config = uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            lifespan="off",
            ws="none",
            timeout_graceful_shutdown=_GRACE,
        )
        self._server = _Server(config)
        self._thread = threading.Thread(
            target=self._server.run, args=([self._socket],), name="wandb-runs local", daemon=True
        )
        self._thread.start()
        while not self._server.listening.wait(_TICK):
            if not self._thread.is_alive():
                self.close()
                raise RuntimeError("the server did not start; its log says why")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def operations(self) -> tuple[str, ...]:
        """The names of the GraphQL operations received, oldest first, the last 10,000 of them."""
        return tuple(self._operations)

    def clear_operations(self) -> None:
        """Forget the operations received so far."""
        self._operations.clear()

    def close(self) -> None:
        """Answer what is under way, then stop. Closing twice is fine."""
        self._server.should_exit = True
        self._thread.join()
        self._socket.close()
        self.store.close()


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio turns Nagle's delay of 40 ms off for what is declared TCP, and for nothing else.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(128)
    except OSError:
        listener.close()
        raise
    return listener
