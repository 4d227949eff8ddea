"""`AsyncLazyRuns`: every row of all runs of a listing, as polars and others ask for them."""

from __future__ import annotations

import threading
from abc import abstractmethod
from typing import TYPE_CHECKING, TypeVar

import anyio.from_thread
import anyio.to_thread
from anyio import NoEventLoopError
from anyio.lowlevel import current_token

from wandb_runs.aio.sweep import AsyncSweeps
from wandb_runs.errors import InvalidArgumentError
from wandb_runs.runs.exact.lazy_base import check_arrow
from wandb_runs.runs.runs_base import RunsBase, RunT_co
from wandb_runs.transport import AsyncRetryingClient

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    import pyarrow as pa

    from wandb_runs.frames.polars_types import LazyFrame
    from wandb_runs.frames.schema import PolarsSchema
    from wandb_runs.graphql.flow import Flow
    from wandb_runs.runs.exact.lazy_scan import LazyScan

__all__ = ["AsyncLazyRuns"]

K = TypeVar("K", bound=str)
T = TypeVar("T")


class _FromThread:
    """Sends the requests that a thread of polars waits for by the event loop that runs here.

    Args:
        client: The client to send requests with.
        list_to: Lists the runs.
    """

    def __init__(
        self, client: AsyncRetryingClient, list_to: Callable[[int | None], Awaitable[object]]
    ) -> None:
        self._client = client
        self._list_to = list_to
        try:
            self._token = current_token()
        except NoEventLoopError:
            raise InvalidArgumentError(
                "a lazy frame of AsyncRuns is made in the event loop that sends its requests; "
                "without one, use Api"
            ) from None
        self._thread = threading.get_ident()

    def check(self) -> None:
        """Refuse the thread of the event loop, which would wait for itself.

        Raises:
            InvalidArgumentError: It is that thread.
        """
        if threading.get_ident() == self._thread:
            raise InvalidArgumentError(
                "the event loop of this thread sends the requests of this frame, and would wait "
                "for them here; write await lazy.collect_async() under asyncio, or "
                "await anyio.to_thread.run_sync(lazy.collect)"
            )

    def run(self, flow: Flow[T], /) -> T:
        """Run a flow, and wait for its result."""
        self.check()
        return anyio.from_thread.run(self._client.run, flow, token=self._token)

    def list_to(self, count: int | None) -> None:
        """List the runs, and wait for them."""
        self.check()
        anyio.from_thread.run(self._list, count, token=self._token)

    async def _list(self, count: int | None) -> None:
        await self._list_to(count)


class AsyncLazyRuns(RunsBase[AsyncRetryingClient, AsyncSweeps, RunT_co]):
    """What `AsyncRuns` gives to polars, DuckDB and others that read a part at a time."""

    @abstractmethod
    async def _list_to(self, count: int | None, *, goes_on: bool = False) -> list[RunT_co]:
        """List so many runs, or all for None."""

    def scan_histories(
        self, keys: list[K] | tuple[K, ...] | None = None, *, schema: PolarsSchema | None = None
    ) -> LazyFrame:
        """Every row of all runs as a lazy frame; as `Runs.scan_histories`.

        The event loop in which it is called sends the requests, while another thread collects:
        `await lazy.collect_async()` under asyncio, `await anyio.to_thread.run_sync(lazy.collect)`
        also under trio. Collected, or asked for its schema, in the thread of the event loop, it is
        an error.

        Args:
            keys: The metrics to read: the rows that hold all of them. None for every row, with the
                metrics that any run has, each that is nested under a name of its own,
                `train.loss`, and null where a row has none.
            schema: Dtypes of columns, by name, as of `iter_histories`: `{"loss": polars.Float64}`,
                or `"json"` for text that is the JSON of each value. Without `keys`, it also says
                which columns there are, beside `_step` and `run_id`. For metrics that it does not
                name, W&B's `historyKeys` tells the types when the schema is first needed: those of
                one page of runs, or of all runs without `keys`. Numbers are Float64, what is nested
                or of several kinds is JSON text.

        Returns:
            A `polars.LazyFrame` with the columns `_step`, keys (else all metrics, by name) and
            `run_id`. It may be collected any number of times, each of which reads anew.

        Raises:
            InvalidArgumentError: An argument that cannot be right; nothing was sent.
            MissingDependencyError: polars is not installed; nothing was sent. Without pyarrow, in
                the extra `exact`, rows are read by ranges of steps.
            SchemaError: A value does not fit the schema: text where one page of runs has numbers,
                integers that a float would round; when collected, as all that follow.
            NotFoundError: No such project, or the key may not see it.
            HistoriesError: The histories of some runs could not be had; it carries no rows.
            polars.exceptions.ComputeError: One of these, where polars does not pass it on: while
                the schema is asked for, and in versions before 2. Its text has the message.
            DriftError: What a `DriftWarning` would say, where the listing is `strict`.
            WandbRunsError: What any request may raise; see `docs/reference/errors.md`.

        Warns:
            EmptyJoinWarning: Runs have rows of each key and none of all; not of a part of the
                steps.
            UnknownMetricWarning: No run has a row, and perhaps a key is misspelt.
            DriftWarning: The runs changed meanwhile, and not all is corrected.
        """
        return self._scan(keys, schema).frame()

    async def arrow_batches(
        self, keys: list[K] | tuple[K, ...] | None = None, *, schema: PolarsSchema | None = None
    ) -> pa.RecordBatchReader:
        """Every row of all runs as a stream of Arrow; as `Runs.arrow_batches`.

        Batches are taken in another thread than that of the event loop, which sends the requests:
        `await anyio.to_thread.run_sync(reader.read_all)`.

        Args:
            keys: The metrics to read, as for `scan_histories`.
            schema: Dtypes of columns, by name, likewise.

        Returns:
            A `pyarrow.RecordBatchReader`, whose batches have the columns and dtypes of
            `scan_histories`, as Arrow has them.

        Raises:
            InvalidArgumentError: An argument that cannot be right; nothing was sent.
            MissingDependencyError: polars or pyarrow is not installed; nothing was sent.
            SchemaError: A value does not fit the schema; when its batch is taken.
            NotFoundError: No such project, or the key may not see it.
            HistoriesError: The histories of some runs could not be had; after the last batch.
            DriftError: What a `DriftWarning` would say, where the listing is `strict`.
            WandbRunsError: What any request may raise; see `docs/reference/errors.md`.
        """
        check_arrow()
        return await anyio.to_thread.run_sync(self._scan(keys, schema).reader)

    def _scan(self, keys: list[K] | tuple[K, ...] | None, schema: PolarsSchema | None) -> LazyScan:
        calls = _FromThread(self._client, self._list_to)
        return self._new_scan(keys, schema, calls.run, calls.list_to, calls.check)
