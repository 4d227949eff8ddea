"""`LocalServer`: the HTTP server, in a thread of this process."""

from __future__ import annotations

import asyncio
import re
import socket
import threading
import time
from collections import deque
from contextlib import ExitStack
from importlib import resources
from typing import TYPE_CHECKING, Final, Self

import uvicorn
from typing_extensions import override

from wandb_runs.errors import InvalidArgumentError
from wandb_runs.local.access import host_name, is_loopback
from wandb_runs.local.app import create_app
from wandb_runs.local.executable import Schemas
from wandb_runs.local.exports import EXPORT_ROWS
from wandb_runs.local.faults import REMEMBERED, Faults
from wandb_runs.local.parquet import can_write
from wandb_runs.local.store import Store
from wandb_runs.local.tasks import Tasks
from wandb_runs.local.wire import HttpProtocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from wandb_runs.local.faults import Fault

__all__ = ["LocalServer"]

_GRACE: Final = 5  # seconds that requests under way may still take
_TICK: Final = 0.1
_KEY: Final = re.compile(r"[!-~]+")
_SAMPLE: Final = "sample/sample.db.xz"


class _Server(uvicorn.Server):
    """A uvicorn server with events for its start and its shutdown."""

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

    It implements W&B's API: this package, the wandb SDK and other clients can log to it and read
    from it. Without `api_key`, reading needs no key, and every project is public; logging needs
    one, and any key is accepted. Projects are created when something is logged to them.

    Requests need a `Host`, and an `Origin` where they have one, that is `localhost`, a name that
    ends in `.localhost`, a loopback address, the address that the connection was made to, or one
    of `allow_hosts`; the port is free. Pages of other sites can thus neither read nor write.

    Args:
        store: The SQLite file that holds what was logged; made when missing. None keeps a
            temporary one until the server is closed.
        sample: Whether to add the sample project, unless the store has it.
        host: The address to listen on; one that is not of the loopback interface needs
            `api_key`.
        port: The port to listen on; 0 takes a free one.
        entity: The viewer's entity, the default for runs that name none.
        clock: Returns the time in seconds since 1970. By this clock, a run without a sign of life
            for five minutes has crashed.
        api_key: The key that every request needs then, for reading too; None accepts any.
        read_only_key: A key that may only read: what would change something is refused with HTTP
            403 and "permission denied". None has no such key.
        allow_hosts: Names or addresses, without ports, that requests may give as `Host` and in
            `Origin` as well: those of a container, a proxy or a forwarded port.
        features: Features to say that it has, such as `MARK_RUN_FILES_UPLOADED`: clients that look
            for one then behave as towards a server of W&B's that has it.
        compress: Whether answers are compressed where a request accepts gzip, as those of W&B
            are. Within a machine that only takes time.
        exports: Whether the exact histories of runs are Parquet files, too, as W&B's are: those of
            runs that are over, and of others as far as they fill files. Only where pyarrow is
            installed, the extra `exact`; without it, and with False, there are none.
        export_rows: How many rows such a file has at most.

    Attributes:
        url: Where it listens, such as `http://127.0.0.1:43817`.
        store: The data logged to it.

    Raises:
        InvalidArgumentError: `store` is a file of another kind; `host` can be reached from other
            machines and there is no `api_key`; `api_key` or `read_only_key` holds characters that
            no key has; one of `allow_hosts` is not a host, or they or `features` are one text;
            `export_rows` is less than 1.
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
        api_key: str | None = None,
        read_only_key: str | None = None,
        allow_hosts: Iterable[str] = (),
        features: Iterable[str] = (),
        compress: bool = False,
        exports: bool = True,
        export_rows: int = EXPORT_ROWS,
    ) -> None:
        for name, key in (("api_key", api_key), ("read_only_key", read_only_key)):
            if key is not None and not _KEY.fullmatch(key):
                raise InvalidArgumentError(
                    f"{name} is empty or holds characters that no key has: ASCII without spaces"
                )
        if isinstance(allow_hosts, str):
            raise InvalidArgumentError(
                "allow_hosts takes several names, and one text would be read as its letters: write "
                f'allow_hosts=["{allow_hosts}"]'
            )
        if isinstance(features, str):
            raise InvalidArgumentError(
                f'features takes several names: write features=["{features}"]'
            )
        if export_rows < 1:
            raise InvalidArgumentError("export_rows is at least 1, the rows of a file")
        hosts = [host_name(name) for name in allow_hosts]
        self._operations: deque[str] = deque(maxlen=REMEMBERED)
        self.store = Store(store, clock=clock)
        try:
            if sample:
                packaged = resources.files("wandb_runs.local").joinpath(_SAMPLE)
                self.store.load(packaged.read_bytes())
            self._socket = _listen(host, port, is_open=api_key is None)
        except BaseException:
            self.store.close()
            raise
        self.url = f"http://{_reachable(host)}:{self._socket.getsockname()[1]}"
        self._faults = Faults(self)
        self._schemas = Schemas()
        self._tasks = Tasks(self.store.now)
        closing = asyncio.Event()
        app = create_app(
            self.store,
            entity=entity,
            on_operation=self._operations.append,
            faults=self._faults,
            schemas=self._schemas,
            tasks=self._tasks,
            closing=closing,
            api_key=api_key,
            read_only_key=read_only_key,
            allow_hosts=hosts,
            features=[*features],
            compress=compress,
            rows_of_files=export_rows if exports and can_write() else None,
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
        """The names of the last 10,000 GraphQL operations received, oldest first."""
        return tuple(self._operations)

    def clear_operations(self) -> None:
        """Forget the operations received so far."""
        self._operations.clear()

    def fail(
        self, *faults: Fault | None, operation: str | None = None
    ) -> AbstractContextManager[object]:
        """Apply each fault to one of the next GraphQL requests, in order.

        What `log_run` and `delete_run` send is exempt, so that a test can log and delete runs
        meanwhile. Mutations of other clients are exempt unless `operation` names theirs, and so
        are requests that read files: `operation="a file"` names those, of files that runs saved
        and of histories as Parquet files.
        A fault that does not apply to a request, such as a fault of pages to a request without
        pages, waits for the next one.

        Args:
            faults: The faults, in order, after those added before; None lets one request pass.
            operation: The name of the operations that they apply to, such as `"ListRuns"`.

        Returns:
            A context manager that removes the faults still waiting at its end; using it is
            optional.

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
        """Apply faults to every GraphQL request, until the returned block ends or `recover`.

        Several apply at once, the first nearest to the real answer; those of `fail` are outermost.

        Args:
            faults: The faults.
            operation: As in `fail`; without it, mutations are exempt.

        Returns:
            A context manager that removes the faults at its end; using it is optional.

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
        """Apply one of the faults, drawn at random, to a fraction of the GraphQL requests.

        Args:
            faults: The faults to draw from.
            rate: The probability that a request fails, from 0 to 1.
            seed: Of the random generator; sequential requests then fail reproducibly.
            operation: As in `fail`; without it, mutations are exempt.

        Returns:
            A context manager that removes the faults at its end; using it is optional.
        """
        return self._faults.add_lasting(faults, operation, rate, seed)

    def lack(self, *names: str) -> AbstractContextManager[object]:
        """Be a server whose schema lacks something, as an older one does.

        A request that names it gets the error of GraphQL's validation, with HTTP 400. What
        `log_run` and `delete_run` send is exempt.

        Args:
            names: Fields (`Run.host`), arguments (`Run.config(keys:)`), types (`JSON`, with all
                that has them), and fields that are missing at one place alone, where the type then
                is another one (`RunEdge.node.host`).

        Returns:
            A context manager that gives the names back at its end; using it is optional.

        Raises:
            InvalidArgumentError: The schema has no such name.

        >>> from wandb_runs import Api
        >>> from wandb_runs.testing import LocalServer, log_run
        >>> with LocalServer() as server, Api(base_url=server.url, api_key="any") as api:
        ...     log_run(server, "me", "digits", "r1")
        ...     with server.lack("Project.runs(filters:)"):
        ...         list(api.runs("me/digits"))
        Traceback (most recent call last):
        wandb_runs.errors.UnsupportedByServerError: ...
        """
        return self._schemas.lack(names)

    def recover(self) -> None:
        """Remove all faults, give back what it lacks, and clear `failed`."""
        self._faults.clear()
        self._schemas.clear()

    @property
    def failed(self) -> tuple[Fault, ...]:
        """The last 10,000 faults that were applied, oldest first."""
        return self._faults.struck

    def reset(self) -> None:
        """Delete everything logged, the sample project too, and forget faults and operations.

        Any thread may call it. Requests in progress end well: a reader sees all or nothing of the
        data, and what logs to a run that is gone gets the 404 of a deleted run; one that is
        created at that moment may be answered as null. A `store=` file is emptied as well.

        Raises:
            RuntimeError: The server is closed; nothing is deleted.

        >>> from wandb_runs import Api
        >>> from wandb_runs.testing import LocalServer, log_run
        >>> with LocalServer() as server, Api(base_url=server.url, api_key="any") as api:
        ...     log_run(server, "me", "digits", "r1")
        ...     server.reset()
        ...     log_run(server, "me", "digits", "r2")
        ...     [run.id for run in api.runs("me/digits")]
        ['r2']
        """
        if self._server.should_exit:
            raise RuntimeError("the server is closed: only one that runs can be reset")
        self._tasks.clear()
        self.store.clear()
        self.recover()
        self.clear_operations()

    def close(self) -> None:
        """Finish the requests in progress, then stop. Closing twice is harmless.

        Requests in progress have five seconds, and those of which the body is still to come, one.
        """
        self._server.should_exit = True
        self._thread.join()
        self._socket.close()
        self.store.close()


def _listen(host: str, port: int, *, is_open: bool) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio turns Nagle's delay of 40 ms off for what is declared TCP, and for nothing else.
    with ExitStack() as undo:
        listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        undo.callback(listener.close)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        # What a name stands for is known for sure once it is bound; nothing connects before the
        # call to `listen`.
        address: str = listener.getsockname()[0]
        if is_open and not is_loopback(address):
            raise InvalidArgumentError(
                f"{address} can be reached from other machines: set a key with --api-key or "
                "api_key=, or listen on 127.0.0.1"
            )
        listener.listen(128)
        undo.pop_all()
    return listener


def _reachable(host: str) -> str:
    """The host of the server's URL: where it listens on every address, the loopback one."""
    name = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - it is looked for, not bound
    return f"[{name}]" if ":" in name else name
