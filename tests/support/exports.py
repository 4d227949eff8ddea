"""Exact histories as a server gives them, read by pyarrow."""

from __future__ import annotations

import json
import math
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from io import BytesIO
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import httpx
from support.graphql_query import of_run
from support.managed import KEY, Managed
from typing_extensions import override

from wandb_runs.local.ids import new_id
from wandb_runs.testing import Answer, Fault, LocalServer, log_run

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Sequence

    from wandb_runs.graphql.scalars import JSONObject, JSONValue
    from wandb_runs.local.faults import Answering
    from wandb_runs.testing import GraphQLRequest

__all__ = ["ExportFile", "Exported", "Exporting", "OfRun", "exporting", "joined", "settled"]


@dataclass(frozen=True)
class OfRun(Fault):
    """A fault of the files of one run."""

    run_id: str
    inner: Fault

    @override
    def concerns(self, request: GraphQLRequest, /) -> bool:
        return request.variables["run"] == self.run_id

    @override
    def strike(self, request: GraphQLRequest, answer: Answering, /) -> Answer:
        return self.inner.strike(request, answer)


class Exported(NamedTuple):
    """Where a history is, and what `history` answers."""

    urls: list[str]
    live: list[JSONObject]
    rows: list[JSONObject]


class ExportFile(NamedTuple):
    """A file.

    Attributes:
        rows: Its rows, in comparable form.
        types: The types of its columns.
        groups: The least and the greatest step of each row group, by its statistics.
    """

    rows: list[JSONObject]
    types: dict[str, str]
    groups: list[tuple[int, int]]

    @property
    def steps(self) -> list[JSONValue]:
        return [row["_step"] for row in self.rows]


@dataclass(frozen=True)
class Exporting(Managed):
    """A server that writes files, and a client that is opened once."""

    client: httpx.Client

    @override
    def post(self, query: str, **variables: JSONValue) -> httpx.Response:
        body = {"query": query, "variables": variables}
        return self.client.post(f"{self.server.url}/graphql", json=body, auth=KEY)

    def log_rows(
        self, history: Sequence[JSONObject], project: str = "", exit_code: int | None = 0
    ) -> str:
        """Log rows to the run of a project, by default a new one."""
        project = project or f"exports {new_id()}"
        log_run(self.server, "me", project, "r", history=history, exit_code=exit_code)
        return project

    def read(self, project: str, keys: Sequence[str] = ("_step",)) -> Exported:
        """Read where the history of the run is, and the history."""
        wanted = json.dumps(list(keys))
        fields = (
            f"parquetHistory(liveKeys: {wanted}) {{ parquetUrls liveData }} "
            "history(samples: 100000)"
        )
        answer = self.ask(f"{{ {of_run('me', project, 'r', fields)} }}")
        run: Any = cast("dict[str, dict[str, JSONValue]]", answer)["project"]["run"]
        where = run["parquetHistory"]
        return Exported(
            where["parquetUrls"], where["liveData"], [json.loads(row) for row in run["history"]]
        )

    def get(self, url: str, **headers: str) -> httpx.Response:
        """Read a file, or a part of it."""
        return self.client.get(url, headers=headers)

    def files(self, urls: Iterable[str]) -> list[ExportFile]:
        """Read files, in the order of their steps."""
        contents = [self.get(url) for url in urls]
        assert {content.status_code for content in contents} <= {200}
        found = [_read(content.content) for content in contents]
        return sorted(found, key=lambda file: cast("int", file.steps[0]))


@contextmanager
def exporting(server: LocalServer) -> Generator[Exporting]:
    """Use a server."""
    with httpx.Client() as client:
        yield Exporting(server, client)


def joined(files: Iterable[ExportFile]) -> list[JSONObject]:
    """The rows of files."""
    return [row for file in files for row in file.rows]


def settled(row: JSONObject) -> dict[str, JSONValue]:
    """A comparable row: no nulls in objects, and the texts that JSON has for some numbers."""
    return {name: _settled(each) for name, each in row.items() if each is not None}


def _settled(value: JSONValue) -> JSONValue:
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, dict):
        return settled(value)
    if isinstance(value, list):
        return [_settled(each) for each in value]
    return value


def _read(content: bytes) -> ExportFile:
    parquet: Any = import_module("pyarrow.parquet")
    file = parquet.ParquetFile(BytesIO(content))
    # A map is an object, as a struct is.
    rows: list[JSONObject] = [
        settled(row) for row in file.read().to_pylist(maps_as_pydicts="strict")
    ]
    types = {field.name: str(field.type) for field in file.schema_arrow}
    groups = [file.metadata.row_group(index) for index in range(file.num_row_groups)]
    steps = [group.column(0).statistics for group in groups]
    return ExportFile(rows, types, [(each.min, each.max) for each in steps])
