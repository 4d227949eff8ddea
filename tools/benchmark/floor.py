"""A minimal implementation of each job: httpx, orjson, and one frame built at once.

It sends the queries of this package, so that both receive the same bytes, but has no run objects,
no validation, and no rules for columns of mixed types.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import httpx
import orjson

from benchmark.work import ENTITY, KEYS
from wandb_runs.graphql._generated import list_runs, list_sampled_histories

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from benchmark.work import Result, Task, Work
    from wandb_runs.graphql.operation import Operation
    from wandb_runs.graphql.scalars import JSONValue

__all__ = ["prepare"]

PER_PAGE: Final = 50
ORDER: Final = "+created_at"


def prepare(task: Task, url: str) -> Work:
    """Return the work."""
    if task["kind"] == "histories":
        return _prepare_histories(task, url)
    project = task["project"]

    def page(after: str | None) -> Operation[object]:
        return list_runs(
            entity=ENTITY, project=project, filters="{}", order=ORDER, first=PER_PAGE, after=after
        )

    def configs() -> Result:
        return [orjson.loads(node["config"])["lr"]["value"] for node in _nodes(url, page)]

    def first_page() -> Result:
        return [next(_nodes(url, page))["id"]]

    return first_page if task["kind"] == "first_page" else configs


def _prepare_histories(task: Task, url: str) -> Work:
    specs = [json.dumps({"keys": ["_step", *KEYS], "samples": task["samples"]})]

    def page(after: str | None) -> Operation[object]:
        return list_sampled_histories(
            entity=ENTITY,
            project=task["project"],
            filters="{}",
            order=ORDER,
            first=PER_PAGE,
            after=after,
            specs=specs,
        )

    def rows() -> list[dict[str, JSONValue]]:
        read: list[dict[str, JSONValue]] = []
        for node in _nodes(url, page):
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


def _nodes(
    url: str, page: Callable[[str | None], Operation[object]]
) -> Iterator[dict[str, Any]]:  # answers are not validated
    after: str | None = None
    # Made within the measured time, as ours is with the first request. Without https no
    # certificates are loaded, which would take longer than many an answer.
    with httpx.Client(
        base_url=url, auth=("api", "k" * 40), verify=url.startswith("https:"), trust_env=False
    ) as client:
        while True:
            answer = client.post("/graphql", content=page(after).content(), headers=_HEADERS)
            runs = orjson.loads(answer.content)["data"]["project"]["runs"]
            for edge in runs["edges"]:
                yield edge["node"]
            if not runs["pageInfo"]["hasNextPage"]:
                return
            after = runs["pageInfo"]["endCursor"]


_HEADERS: Final = {"content-type": "application/json"}
