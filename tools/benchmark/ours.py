"""The jobs as users of this package write them."""

from __future__ import annotations

from contextlib import suppress
from importlib import import_module
from typing import TYPE_CHECKING

from benchmark.work import ENTITY, KEYS, TIMES, ids_of, wide_keys
from wandb_runs import Api

if TYPE_CHECKING:
    from typing_extensions import TypedDict

    from benchmark.work import Result, Task, Work

    class Chosen(TypedDict, total=False):
        """What is given of the arguments of `Api.runs`."""

        per_page: int


__all__ = ["prepare"]


def prepare(task: Task, url: str) -> Work:
    """Make a client, and return the work."""
    path = f"{ENTITY}/{task['project']}"
    api = Api(base_url=url)
    _import_libraries(task)

    chosen: Chosen = {"per_page": task["per_page"]} if task["per_page"] else {}
    keys = wide_keys(task["wide_keys"]) or KEYS

    def histories() -> Result:
        return api.runs(path).histories(
            task["samples"], keys, format=task["format"], join=task["join"]
        )

    def exact() -> Result:
        return api.runs(path).histories(keys=["_step", *keys], format="polars", exact=True)

    def configs() -> Result:
        return [run.config["lr"] for run in api.runs(path, **chosen)]

    def table() -> Result:
        return api.runs(path, **chosen).configs(["lr"])

    def first_page() -> Result:
        return [api.runs(path)[0].id]

    def stream() -> Result:
        pages = api.runs(path, per_page=1000).pages()
        return [sum("lr" in run.config for page in pages for run in page)]

    def execute() -> Result:
        # Not at the top: other versions lack it.
        from wandb_runs.graphql._generated import list_runs  # noqa: PLC0415

        operation = list_runs(
            entity=ENTITY,
            project=task["project"],
            filters="{}",
            order="+created_at",
            first=task["per_page"],
        )
        return [id_ for _ in range(TIMES) for id_ in ids_of(api.execute(operation))]

    return {
        "histories": histories,
        "configs": configs,
        "configs_eager": configs,
        "table": table,
        "first_page": first_page,
        "stream": stream,
        "exact": exact,
        "exact_pyarrow": exact,
        "execute": execute,
    }[task["kind"]]


def _import_libraries(task: Task) -> None:
    if task["kind"] != "first_page":
        # What the first request imports is in no side's time, but where the whole process is
        # measured: wandb and the minimal implementation import theirs before, too.
        for module in ("httpx", "httpcore", "wandb_runs.transport.deadline", "backports.zstd"):
            with suppress(ImportError):  # of another version, or not installed
                import_module(module)
    is_exact = task["kind"] in {"exact", "exact_pyarrow"}
    if (task["kind"] == "histories" or is_exact) and task["format"] != "default":
        import_module(task["format"])  # not timed
    if is_exact:
        import_module("pyarrow.parquet")
        import_module("pyarrow.compute")
