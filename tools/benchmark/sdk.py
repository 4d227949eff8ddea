"""The jobs as users of W&B's own SDK write them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from typing import TYPE_CHECKING, cast

import wandb

from benchmark.work import ENTITY, KEYS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from typing import Protocol

    from benchmark.work import Result, Task, Work
    from wandb_runs.graphql.scalars import JSONValue

    class WandbRun(Protocol):
        """The attributes of wandb's `Run` that are read; wandb has no types for them."""

        id: str
        config: Mapping[str, JSONValue]

        def scan_history(self, keys: list[str]) -> Iterator[dict[str, JSONValue]]: ...

    class WandbRuns(Protocol):
        """The methods of wandb's `Runs` that are called; its `Api.runs` returns `Any`."""

        def __getitem__(self, index: int, /) -> WandbRun: ...
        def __iter__(self) -> Iterator[WandbRun]: ...
        def histories(self, samples: int, keys: list[str], *, format: str) -> Result: ...  # noqa: A002 - wandb's name


__all__ = ["prepare"]


def prepare(task: Task, _: str) -> Work:
    """Make a client for `WANDB_BASE_URL`, and return the work."""
    path = f"{ENTITY}/{task['project']}"
    api = wandb.Api()
    if task["kind"] == "histories" and task["format"] != "default":
        import_module(task["format"])  # not timed

    # 50 is wandb's own default.
    per_page = 1000 if task["side"] == "fastest" else task["per_page"] or 50

    def runs(*, per_page: int = per_page, lazy: bool = True) -> WandbRuns:
        return cast("WandbRuns", api.runs(path, per_page=per_page, lazy=lazy))

    def histories() -> Result:
        return runs().histories(task["samples"], KEYS, format=task["format"])

    def configs() -> Result:
        return [run.config["lr"] for run in runs()]

    def configs_eager() -> Result:
        return [run.config["lr"] for run in runs(lazy=False)]

    def table() -> Result:
        return [{"lr": run.config["lr"], "run_id": run.id} for run in runs(lazy=False)]

    def first_page() -> Result:
        return [runs()[0].id]

    def stream() -> Result:
        return [sum("lr" in run.config for run in runs(per_page=1000, lazy=False))]

    return {
        "histories": histories,
        "configs": configs,
        "configs_eager": configs_eager,
        "table": table,
        "first_page": first_page,
        "stream": stream,
        "exact": lambda: _every_row(task, runs()),
    }[task["kind"]]


def _every_row(task: Task, runs: Iterable[WandbRun]) -> Result:
    def scan(run: WandbRun) -> list[dict[str, JSONValue]]:
        rows = [*run.scan_history(keys=KEYS)]
        if task["check"]:  # to compare with frames; wandb makes integers of integral floats
            for row in rows:
                row.update({key: float(cast("float", row[key])) for key in KEYS}, run_id=run.id)
        return rows

    if task["side"] == "wandb":
        return [row for run in runs for row in scan(run)]
    with ThreadPoolExecutor(8) as threads:
        return [row for rows in threads.map(scan, runs) for row in rows]
