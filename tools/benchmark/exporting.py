"""Exports a project in this process: `python -m benchmark.exporting TASK`."""

from __future__ import annotations

import json
import os
import sys
from contextlib import ExitStack
from importlib import import_module
from time import perf_counter
from typing import TYPE_CHECKING, cast

from typing_extensions import TypedDict

from benchmark.work import ENTITY
from benchmark.worker import peak_memory
from wandb_runs import Api
from wandb_runs.exports import export

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextlib import AbstractContextManager
    from typing import Protocol, TypeVar

    from distributed import Client

    T = TypeVar("T")

    class _Client(Protocol):
        """What is used of `distributed.Client`, which tells no types."""

        def run(self, function: Callable[[], T], /) -> Mapping[str, T]: ...

    class _Config(Protocol):
        def set(self, values: Mapping[str, object], /) -> AbstractContextManager[object]: ...

    class _Dask(Protocol):
        config: _Config

    class _Distributed(Protocol):
        def LocalCluster(  # noqa: N802 - a class there
            self, *, n_workers: int, threads_per_worker: int, dashboard_address: str
        ) -> AbstractContextManager[object]: ...

        def Client(  # noqa: N802 - likewise
            self, cluster: object, /
        ) -> AbstractContextManager[_Client]: ...


__all__ = ["ExportReport", "ExportTask", "run_export"]


class ExportTask(TypedDict):
    """What to export.

    Attributes:
        project: The project.
        folder: Where the dataset goes.
        workers: Worker processes of Dask, of one thread each; 0 for this process alone.
        runs: Runs of a file at most.
    """

    project: str
    folder: str
    workers: int
    runs: int


class ExportReport(TypedDict):
    """The report of an export, printed as JSON.

    Attributes:
        seconds: Duration of the export, without the start of workers.
        before: Peak memory of this process before it, in bytes.
        peak: Peak memory of this process.
        workers: Peak memory of each worker process.
        rows: How many rows were fetched.
        parts: How many files of rows were written.
    """

    seconds: float
    before: int
    peak: int
    workers: list[int]
    rows: int
    parts: int


def run_export(task: ExportTask, url: str) -> ExportReport:
    """Export a project once, and report time and memory."""
    with Api(base_url=url, timeout=600) as api, ExitStack() as stack:
        runs = api.runs(f"{ENTITY}/{task['project']}")
        client = _client_of(stack, task["workers"]) if task["workers"] else None
        before, start = peak_memory(), perf_counter()
        result = export(
            runs,
            task["folder"],
            system=False,
            runs_per_part=task["runs"],
            client=cast("Client | None", client),
        )
        seconds = perf_counter() - start
        memory = [] if client is None else sorted(client.run(peak_memory).values())
    if not result.is_complete:
        raise RuntimeError(f"not all runs were exported: {len(result.failed)} failed")
    return {
        "seconds": seconds,
        "before": before,
        "peak": peak_memory(),
        "workers": memory,
        "rows": result.rows_fetched,
        "parts": result.parts_written,
    }


def _client_of(stack: ExitStack, workers: int) -> _Client:
    # Before Python 3.12 a worker's profile may wait for ever where threads start: docs/dask.md.
    dask: _Dask = cast("_Dask", import_module("dask"))
    stack.enter_context(dask.config.set({"distributed.worker.profile.enabled": False}))
    distributed: _Distributed = cast("_Distributed", import_module("distributed"))
    cluster = stack.enter_context(
        distributed.LocalCluster(n_workers=workers, threads_per_worker=1, dashboard_address=":0")
    )
    client = stack.enter_context(distributed.Client(cluster))
    client.run(_import_all)
    return client


def _import_all() -> None:
    import_module("wandb_runs.exports.run_jobs")


if __name__ == "__main__":
    print(json.dumps(run_export(json.loads(sys.argv[1]), os.environ["WANDB_BASE_URL"])))
