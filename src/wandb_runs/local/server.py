"""The local server as an object: started, used and stopped within a process."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections import deque
from contextlib import ExitStack
from importlib import resources
from typing import TYPE_CHECKING, Final, Self

import uvicorn
from typing_extensions import override

from wandb_runs.local.app import create_app
from wandb_runs.local.faults import REMEMBERED, Faults
from wandb_runs.local.store import Store
from wandb_runs.local.wire import HttpProtocol

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from wandb_runs.local.faults import Fault

__all__ = ["LocalServer"]

_GRACE: Final = 5  # seconds that requests under way may still take
_TICK: Final = 0.1
_SAMPLE: Final = "sample/sample.db.xz"


class _Server(uvicorn.Server):
    """A uvicorn server that says when it listens, and when it stops."""

    def __init__(self, config: uvicorn.Config, closing: asyncio.Event) -> None:
        super().__init__(config)
        self.listening = threading.Event()
        self._closing = closing

    @override
    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.listening.set()

    @override
    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._closing.set()
        await super().shutdown(sockets)


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
        self._operations: deque[str] = deque(maxlen=REMEMBERED)
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
        self._faults = Faults(self)
        closing = asyncio.Event()
        app = create_app(
            self.store,
            entity=entity,
            on_operation=self._operations.append,
            faults=self._faults,
            closing=closing,
        )
        config = uvicorn.Config(
            app,
            http=HttpProtocol,
            log_config=None,
            access_log=False,
            lifespan="off",
            ws="none",
            timeout_graceful_shutdown=_GRACE,
        )
        self._server = _Server(config, closing)
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

    def fail(
        self, *faults: Fault | None, operation: str | None = None
    ) -> AbstractContextManager[object]:
        """Let each of the next GraphQL requests suffer the next fault.

        Mutations pass unless `operation` names theirs, so that a test can log runs meanwhile. A
        fault that has nothing to do with a request, such as one of pages with a request that
        asks for none, waits for the next one.

        Args:
            faults: What happens, in order; None lets one request pass. What was put on before
                comes first.
            operation: The name of the operations that it happens to, such as `"ListRuns"`.

        Returns:
            A context manager that takes off what has not struck by its end; it need not be used.

        >>> from wandb_runs import Api
        >>> from wandb_runs.testing import LocalServer, RateLimited, Reset, log_run
        >>> with LocalServer() as server, Api(base_url=server.url, api_key="any") as api:
        ...     log_run(server, "me", "digits", "r1")
        ...     with server.fail(Reset(), RateLimited(after=0)):
        ...         len(api.runs("me/digits"))
        ...     server.failed
        1
        (Reset(), RateLimited(after=0, reset=None, remaining=None))
        """
        return self._faults.add(faults, operation)

    def fail_always(
        self, *faults: Fault, operation: str | None = None
    ) -> AbstractContextManager[object]:
        """Let every GraphQL request suffer faults, until the returned block ends or `recover`.

        Several are suffered at once, the first nearest to the real answer. Those of `fail` come
        on top.

        Args:
            faults: What happens.
            operation: As in `fail`; mutations pass otherwise.

        Returns:
            A context manager that takes the faults off by its end; it need not be used.

        >>> from wandb_runs import Api, ServerError
        >>> from wandb_runs.testing import LocalServer, Status
        >>> with LocalServer() as server, Api(base_url=server.url, api_key="any") as api:
        ...     with server.fail_always(Status(501), operation="CountRuns"):
        ...         len(api.runs("me/digits"))
        Traceback (most recent call last):
        wandb_runs.errors.ServerError: ...
        """
        block = ExitStack()
        for fault in faults:
            block.enter_context(self._faults.add_lasting([fault], operation))
        return block

    def fail_at_random(
        self, faults: Sequence[Fault], *, rate: float, seed: int = 0, operation: str | None = None
    ) -> AbstractContextManager[object]:
        """Let a part of the GraphQL requests suffer one of the faults, drawn by lot.

        Args:
            faults: What may happen.
            rate: How likely a request suffers one, from 0 to 1.
            seed: Where the lots begin. The same seed strikes the same requests in the same way,
                as long as they come one after the other.
            operation: As in `fail`; mutations pass otherwise.

        Returns:
            A context manager that takes the faults off by its end; it need not be used.
        """
        return self._faults.add_lasting(faults, operation, rate, seed)

    def recover(self) -> None:
        """Take all faults off, and forget those that have struck."""
        self._faults.clear()

    @property
    def failed(self) -> tuple[Fault, ...]:
        """The faults that have struck, oldest first, the last 10,000 of them."""
        return self._faults.struck

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
