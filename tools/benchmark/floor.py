"""A minimal implementation of each job: httpx, orjson, and one frame built at once.

It sends the queries of this package, so that both receive the same bytes, and asks for the same
pages of a listing, as many at once. It has no run objects, no validation, no check that a page
follows the one before, and no rules for columns of mixed types.
"""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from itertools import chain, repeat
from typing import TYPE_CHECKING, Any, Final, NamedTuple, cast

import httpx
import orjson

from benchmark.work import ENTITY, KEYS, TIMES, ids_of
from wandb_runs.graphql._generated import (
    ListRuns,
    list_configs,
    list_parquet_histories,
    list_runs,
    list_sampled_histories,
)
from wandb_runs.pagination.cursors import cursor_after

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import TypeAlias

    from benchmark.work import Result, Task, Work
    from wandb_runs.graphql.operation import Operation
    from wandb_runs.graphql.scalars import JSONValue

    PageOf: TypeAlias = "Callable[[str | None, int], Operation[object]]"
    """Makes the request for a page from the cursor before it and the number of its runs."""

__all__ = ["prepare"]

ORDER: Final = "+created_at"

_BLOCK: Final = 64 << 10
"""Bytes that are read at a file's end, as ours does."""

_MANY: Final = 32
"""Files that are read at once."""


class Pages(NamedTuple):
    """Which pages are asked for.

    Attributes:
        first: Runs in the first page.
        most: Runs in later ones, which double up to this number.
        concurrency: How many are asked for at once, from the third on.
    """

    first: int
    most: int
    concurrency: int


GROWING: Final = Pages(50, 1000, 4)
ONE_BY_ONE: Final = Pages(50, 50, 1)


def prepare(task: Task, url: str) -> Work:
    """Return the work."""
    if task["kind"] == "histories":
        return _prepare_histories(task, url)
    if task["kind"] == "exact":
        return _prepare_exact(task, url)
    if task["kind"] == "exact_pyarrow":
        return _prepare_exact_pyarrow(task, url)
    if task["kind"] == "execute":
        return _prepare_execute(task, url)
    given = task["per_page"]
    pages = Pages(given, given, GROWING.concurrency) if given else GROWING
    project = task["project"]

    def page(after: str | None, first: int) -> Operation[object]:
        return list_runs(
            entity=ENTITY, project=project, filters="{}", order=ORDER, first=first, after=after
        )

    def page_of_configs(after: str | None, first: int) -> Operation[object]:
        return list_configs(
            entity=ENTITY,
            project=project,
            filters="{}",
            order=ORDER,
            first=first,
            after=after,
            is_counted=after is None,
            keys=["lr"],
        )

    def configs() -> Result:
        return [orjson.loads(node["config"])["lr"]["value"] for node in _nodes(url, page, pages)]

    def table() -> Result:
        return [
            {"lr": orjson.loads(node["config"])["lr"]["value"], "run_id": node["id"]}
            for node in _nodes(url, page_of_configs, pages)
        ]

    def first_page() -> Result:
        return [next(_nodes(url, page, pages))["id"]]

    return {"first_page": first_page, "table": table}.get(task["kind"], configs)


def _prepare_histories(task: Task, url: str) -> Work:
    specs = [json.dumps({"keys": ["_step", *KEYS], "samples": task["samples"]})]

    def page(after: str | None, first: int) -> Operation[object]:
        return list_sampled_histories(
            entity=ENTITY,
            project=task["project"],
            filters="{}",
            order=ORDER,
            first=first,
            after=after,
            specs=specs,
        )

    def rows() -> list[dict[str, JSONValue]]:
        read: list[dict[str, JSONValue]] = []
        for node in _nodes(url, page, ONE_BY_ONE):
            run_id = node["id"]
            for row in node["sampledHistory"][0]:
                row["run_id"] = run_id
                read.append(row)
        return read

    if task["format"] == "polars":
        import polars as pl  # noqa: PLC0415 - must not count for other jobs

        return lambda: pl.DataFrame(rows(), infer_schema_length=None)
    if task["format"] == "pandas":
        import pandas as pd  # noqa: PLC0415 - must not count for other formats

        return lambda: pd.DataFrame(rows())
    return rows


def _prepare_exact(task: Task, url: str) -> Work:
    """polars, which reads the files itself."""
    import polars as pl  # noqa: PLC0415 - must not count for other jobs

    def exact() -> Result:
        frames = [
            pl.scan_parquet(address).select("_step", *KEYS).with_columns(run_id=pl.lit(run_id))
            for run_id, address in _files(task, url)
        ]
        return pl.concat(pl.collect_all(frames))

    return exact


def _prepare_exact_pyarrow(task: Task, url: str) -> Work:
    """pyarrow, which reads the files itself, over the file system for HTTP that it takes."""
    import_module("aiohttp")  # the file system imports it when it is first used
    untyped = map(import_module, ("fsspec", "pyarrow", "pyarrow.parquet", "polars"))
    fsspec, pa, parquet, pl = cast("tuple[Any, Any, Any, Any]", tuple(untyped))
    files = fsspec.filesystem("http")

    def read(file: tuple[str, str]) -> object:
        run_id, address = file
        with files.open(address, block_size=_BLOCK, cache_type="none") as source:
            table = parquet.read_table(source, columns=["_step", *KEYS], use_threads=False)
        return table.append_column("run_id", pa.repeat(pa.scalar(run_id), len(table)))

    def exact() -> Result:
        with ThreadPoolExecutor(_MANY) as threads:
            tables = threads.map(read, _files(task, url))
            return cast("Result", pl.from_arrow(pa.concat_tables(tables)))

    return exact


def _files(task: Task, url: str) -> list[tuple[str, str]]:
    """The runs of a project and the addresses of their files."""

    def page(after: str | None, first: int) -> Operation[object]:
        return list_parquet_histories(
            entity=ENTITY,
            project=task["project"],
            filters="{}",
            order=ORDER,
            first=first,
            after=after,
        )

    return [
        (node["id"], address)
        for node in _nodes(url, page, ONE_BY_ONE)
        for address in node["parquetHistory"]["parquetUrls"]
    ]


def _prepare_execute(task: Task, url: str) -> Work:
    """Httpx and pydantic, with the model of this package."""
    from pydantic import BaseModel  # noqa: PLC0415 - must not count for other jobs

    class Answer(BaseModel):
        data: ListRuns

    operation = list_runs(
        entity=ENTITY,
        project=task["project"],
        filters="{}",
        order=ORDER,
        first=task["per_page"],
    )

    def execute() -> Result:
        ids: list[JSONValue] = []
        with _client(url) as client:
            for _ in range(TIMES):
                body = {
                    "query": operation.document,
                    "variables": operation.variables,
                    "operationName": operation.name,
                }
                response = client.post("/graphql", json=body).raise_for_status()
                ids += ids_of(Answer.model_validate_json(response.content).data)
        return ids

    return execute


def _client(url: str) -> httpx.Client:
    # Made within the measured time, as ours is with the first request. Without https no
    # certificates are loaded, which would take longer than many an answer.
    return httpx.Client(
        base_url=url, auth=("api", "k" * 40), verify=url.startswith("https:"), trust_env=False
    )


def _nodes(
    url: str, page: PageOf, pages: Pages
) -> Iterator[dict[str, Any]]:  # answers are not validated
    with (
        _client(url) as client,
        ThreadPoolExecutor(pages.concurrency) as threads,
    ):

        def send(operation: Operation[object]) -> bytes:
            return client.post("/graphql", content=operation.content(), headers=_HEADERS).content

        offset, size = 0, pages.first
        total = float("inf")  # until it is known
        for count in chain((1, 1), repeat(pages.concurrency)):
            operations: list[Operation[object]] = []
            while len(operations) < count and offset < total:
                operations.append(page(cursor_after(offset - 1) if offset else None, size))
                offset, size = offset + size, min(2 * size, pages.most)
            # One is sent by this thread: handing it to another takes time.
            answers = map(send, operations) if count == 1 else [*threads.map(send, operations)]
            for content in answers:
                project = orjson.loads(content)["data"]["project"]
                total, runs = project.get("runCount", total), project["runs"]
                for edge in runs["edges"]:
                    yield edge["node"]
                if not runs["pageInfo"]["hasNextPage"]:
                    return


_HEADERS: Final = {"content-type": "application/json"}
