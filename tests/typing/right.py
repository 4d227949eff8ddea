"""Programs that type checkers accept; checked, never run."""

from __future__ import annotations

import ssl
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, assert_type

import altair as alt
import dask.dataframe as dd
import pandas as pd
import polars as pl
import pyarrow as pa

from wandb_runs import (
    Answered,
    Api,
    ChangeOutcome,
    ChangesError,
    Check,
    Checkpoint,
    Clock,
    Condition,
    Config,
    Connection,
    ConsoleLine,
    CreatedAt,
    DisplayName,
    DoctorReport,
    Downloads,
    Duration,
    Explanation,
    FieldOrder,
    FileDownload,
    FileProgress,
    Filters,
    Format,
    Group,
    HeartbeatAt,
    Host,
    JobType,
    JSONObject,
    JSONValue,
    NodeIterator,
    Nodes,
    Operation,
    OperationBuilder,
    Order,
    Progress,
    Project,
    ProjectKey,
    Projects,
    ProjectSweeps,
    RawFilter,
    RawOrder,
    Request,
    RequestSent,
    Response,
    Retrying,
    RetryingClient,
    Row,
    Run,
    RunFile,
    RunFiles,
    RunId,
    RunIterator,
    RunPages,
    Runs,
    State,
    Stats,
    Summary,
    Sweep,
    SweepId,
    TableRow,
    Tags,
    Transport,
    UnknownKeyWarning,
    UnknownMetricWarning,
    UnknownStateWarning,
    UpdatedAt,
    User,
    Username,
    WandbRunsError,
    WandbRunsWarning,
    doctor,
    parse_filter,
    plots,
)
from wandb_runs.bar import progress_bar
from wandb_runs.exports import ExportResult, Verification, dask, export, verify
from wandb_runs.graphql._generated import (
    ListProjects,
    ListRuns,
    ProjectFields,
    RunFields,
    list_projects,
)
from wandb_runs.graphql._generated import list_runs as list_runs_page
from wandb_runs.testing import FakeClock

if TYPE_CHECKING:
    import httpx
    import httpx2
    from distributed import Client


class Recorder:
    """A transport of the user's own."""

    def __init__(self, inner: Transport) -> None:
        self.inner = inner
        self.sent: list[Request] = []

    def send(self, request: Request, /) -> Response:
        self.sent.append(request)
        return self.inner.send(request)


def make(inner: Transport) -> None:
    with Api(
        base_url="https://api.wandb.ai", api_key="k", timeout=30, transport=Recorder(inner)
    ) as api:
        assert_type(api, Api)
        assert_type(api.client, RetryingClient)
        assert_type(api.viewer, User)
        assert_type(api.api_key_source, str | None)
        assert_type(api.with_options(timeout=300, max_retries=0, max_response_bytes=10**6), Api)
        assert_type(api.with_options(requests_per_second=2), Api)
        assert_type(api.requests_per_second, float | None)
        assert_type(api.stats, Stats)
        assert_type(api.server.missing, tuple[str, ...])
        assert_type(api.stats.bytes, int)
        assert_type(api.stats.seconds_waited, float)
    Api(overrides={"base_url": "https://api.wandb.ai", "entity": "team"})
    Api(ssl_context=ssl.create_default_context(), max_retries=0, requests_per_second=0.5)
    Api(requests_per_second=None)
    clock: Clock = FakeClock(start=0, chance=0.5)
    Api(clock=clock)


def list_runs(api: Api, other: RetryingClient) -> None:
    runs = api.runs("team/mnist", {"state": "finished", "config.lr": {"$lt": 0.1}})
    assert_type(runs, Runs[JSONObject, JSONObject])
    assert_type(api.runs(client=other, entity="team", project="mnist"), Runs)
    assert_type(Runs(other, "team", "mnist", order="-summary_metrics.loss"), Runs)
    api.runs("team/mnist", {"$or": [{"state": "failed"}, {"tags": {"$in": ["best"]}}]})
    api.runs("team/mnist", {"createdAt": {"$gte": datetime(2026, 1, 1, tzinfo=UTC)}})
    api.runs("team/mnist", RawFilter({"inputArtifacts": "x"}), RawOrder("+unknown"), 100, False)
    plain: dict[str, Any] = {"state": "finished"}
    api.runs("team/mnist", plain)
    assert_type(api.from_path("team/mnist/runs/abc"), Run | Sweep | Runs)


def use_as_sequence(runs: Runs) -> None:
    assert_type(runs[0], Run[JSONObject, JSONObject])
    assert_type(runs[1:3], list[Run[JSONObject, JSONObject]])
    assert_type(len(runs), int)
    assert_type(runs.length, int)
    assert_type(iter(runs), RunIterator[JSONObject, JSONObject])
    assert_type(next(iter(runs)), Run[JSONObject, JSONObject])
    assert_type(runs.with_ids(["r1"]), Runs[JSONObject, JSONObject])
    assert_type(runs.with_ids(("r1", "r2")).with_ids([]), Runs[JSONObject, JSONObject])
    assert_type(runs.pages(), RunPages[JSONObject, JSONObject])
    assert_type(next(runs.pages()), list[Run[JSONObject, JSONObject]])
    assert_type(iter(runs).checkpoint(), Checkpoint)


def read_by_dask(runs: Runs) -> None:
    dtypes = {"loss": "float32", "note": "json"}
    assert_type(dask.histories(runs, ["loss"]), dd.DataFrame)
    assert_type(dask.histories(runs, ("loss",), exact=True, schema=dtypes), dd.DataFrame)
    dask.histories(runs, ["loss"], runs_per_part=5, samples=9, x_axis="epoch", join="outer")
    assert_type(dask.table(runs), dd.DataFrame)
    dask.table(runs, runs_per_part=9, attributes=["id"], config=["lr"], summary=False)


def export_all(runs: Runs, folder: Path, client: Client) -> None:
    result = export(runs, folder)
    assert_type(result, ExportResult)
    assert_type(result.failed, Mapping[str, str])
    assert_type(result.is_complete, bool)
    export(runs, "night", keys=["loss"], schema={"loss": pl.Float32, "note": "json"})
    export(runs, "night", system=False, files=True, repair=True)
    assert_type(result.damaged, Mapping[str, str])
    export(runs, "night", keys=("loss",), runs_per_part=9, client=client, progress=print)
    assert_type(export(runs, "night", dry_run=True).added, int)
    assert_type(verify(folder), Verification)
    assert_type(verify("night").problems, list[str])


def go_on(api: Api, error: WandbRunsError) -> None:
    assert_type(error.checkpoint, Checkpoint | None)
    api.runs("team/mnist", limit=10, checkpoint=error.checkpoint, strict=True)


def use_as_a_sequence_still(runs: Runs) -> None:
    sequence: Sequence[Run] = runs
    for run in reversed(sequence):
        assert_type(run in runs, bool)


def read(run: Run) -> None:
    assert_type(run.id, str)
    assert_type(run.storage_id, str)
    assert_type(run.name, str | None)
    assert_type(run.state, str)
    assert_type(run.created_at, datetime)
    assert_type(run.heartbeat_at, datetime | None)
    assert_type(run.tags, list[str])
    assert_type(run.user, User | None)
    assert_type(run.sweep, Sweep | None)
    assert_type(run.sweep_name, str | None)
    assert_type(run.config["lr"], JSONValue)
    config: Mapping[str, JSONValue] = run.config
    assert_type(run.summary.get("loss"), JSONValue)
    assert_type(run.last_history_step, int)
    lr = config["lr"]
    if isinstance(lr, float):
        assert_type(lr, float)


def keep_files(run: Run, runs: Runs) -> None:
    files = run.files(pattern="%.pt", per_page=100)
    assert_type(files, RunFiles)
    assert_type(files[0], RunFile)
    assert_type(files[:2], list[RunFile])
    assert_type([file.name for file in files], list[str])
    file = run.file("model.pt")
    assert_type(file.size, int | None)
    assert_type(file.updated_at, datetime | None)
    assert_type(file.md5, str | None)

    def tell(progress: FileProgress) -> None:
        assert_type(progress.total_bytes, int | None)

    assert_type(file.download(), Path)
    file.download(Path("weights"), replace=True, progress=tell)
    assert_type(run.upload_file("model.pt", name="weights/model.pt"), RunFile)
    run.upload_file(Path("out") / "model.pt", Path("out"))
    run.delete_files([file, "model.pt"])
    run.delete_files(["a", "b"])
    run.delete_files(list(files))
    file.delete()
    downloads = runs.download("%.pt", "weights", replace=True, progress=tell)
    assert_type(downloads, Downloads)
    assert_type(downloads.done, tuple[FileDownload, ...])
    assert_type(downloads.files[0].status, Literal["done", "failed", "skipped"])
    assert_type(downloads.failed[0].path, Path | None)


def read_histories(runs: Runs, how: Literal["default", "pandas", "polars"]) -> None:
    assert_type(runs.histories(), list[Row])
    assert_type(runs.histories(keys=["loss"]), list[Row])
    assert_type(runs.histories(format="default"), list[Row])
    assert_type(runs.histories(format="pandas"), pd.DataFrame)
    assert_type(runs.histories(100, ["loss"], "_step", "default"), list[Row])
    # What comes by position is not told apart; what is named is.
    positional = runs.histories(100, ["loss"], "_step", "polars")
    assert_type(positional, list[Row] | pd.DataFrame | pl.DataFrame)
    assert_type(runs.histories(100, ("loss",), format="pandas", stream="system"), pd.DataFrame)
    assert_type(runs.histories(format=how), list[Row] | pd.DataFrame | pl.DataFrame)
    metrics: list[Literal["loss", "accuracy"]] = ["loss"]
    assert_type(runs.histories(keys=metrics, format="polars"), pl.DataFrame)


def read_every_row(runs: Runs, run: Run, flag: bool, how: Format) -> None:
    assert_type(runs.histories(exact=True), list[Row])
    assert_type(runs.histories(keys=["loss"], format="pandas", exact=True), pd.DataFrame)
    assert_type(runs.histories(format="polars", exact=flag), pl.DataFrame)
    assert_type(runs.histories(format=how, exact=True), list[Row] | pd.DataFrame | pl.DataFrame)
    assert_type(runs.iter_histories(exact=True), Iterator[list[Row]])
    assert_type(runs.iter_histories(format="polars", exact=True), Iterator[pl.DataFrame])
    assert_type(run.history(exact=True), pd.DataFrame)
    assert_type(run.history(keys=["loss"], format="default", exact=True), list[Row])
    assert_type(run.history(pandas=False, exact=True), list[Row])
    assert_type(run.history(format="polars", join="outer", exact=flag), pl.DataFrame)
    assert_type(run.history(pandas=flag, exact=True), list[Row] | pd.DataFrame)


def read_lazily(runs: Runs) -> None:
    metrics: list[Literal["loss", "accuracy"]] = ["loss"]
    assert_type(runs.scan_histories(), pl.LazyFrame)
    assert_type(runs.scan_histories(metrics, schema={"loss": "json"}), pl.LazyFrame)
    assert_type(runs.scan_histories(("loss",), schema={"loss": pl.Float64}), pl.LazyFrame)
    assert_type(runs.arrow_batches(["loss"], schema={"loss": pl.Float64}), pa.RecordBatchReader)


def stream_histories(runs: Runs, how: Format) -> None:
    assert_type(runs.iter_histories(), Iterator[list[Row]])
    assert_type(runs.iter_histories(keys=["loss"], format="pandas"), Iterator[pd.DataFrame])
    assert_type(
        runs.iter_histories(format="polars", schema={"loss": pl.Float64}), Iterator[pl.DataFrame]
    )
    assert_type(
        runs.iter_histories(format="polars", schema={"loss": pl.Float64, "x": "json"}),
        Iterator[pl.DataFrame],
    )
    assert_type(
        runs.iter_histories(format="pandas", schema={"loss": "float64"}), Iterator[pd.DataFrame]
    )
    assert_type(
        runs.iter_histories(format=how),
        Iterator[list[Row]] | Iterator[pd.DataFrame] | Iterator[pl.DataFrame],
    )


def follow_progress(runs: Runs) -> None:
    def tell(progress: Progress) -> None:
        assert_type(progress.total, int | None)
        assert_type(progress.runs / progress.bytes, float)

    assert_type(runs.histories(keys=["loss"], progress=tell), list[Row])
    assert_type(runs.configs(progress=print), list[Row])
    assert_type(runs.summaries(["loss"], format="polars", progress=tell), pl.DataFrame)
    with progress_bar() as bar:
        runs.histories(progress=bar)


def explain(runs: Runs) -> None:
    assert_type(runs.explain(), Explanation)
    assert_type(runs.explain("histories", keys=["loss"], join="outer").requests, int | None)
    assert_type(runs.explain("histories", exact=True).rows, Literal["files", "step ranges"] | None)
    assert_type(runs.explain("configs", keys=("lr",)).document, str)


def make_tables(runs: Runs, how: Format) -> None:
    assert_type(runs.table(), list[TableRow])
    assert_type(runs.table("default", config=False), list[TableRow])
    assert_type(runs.table("pandas"), pd.DataFrame)
    assert_type(runs.table(format="polars", attributes=["id"], summary=("loss",)), pl.DataFrame)
    assert_type(runs.table(how), list[TableRow] | pd.DataFrame | pl.DataFrame)
    assert_type(runs.to_pandas(config=["lr", "model.depth"], progress=print), pd.DataFrame)
    assert_type(runs.to_polars(attributes=False, summary=True), pl.DataFrame)
    keys: list[Literal["lr", "seed"]] = ["lr"]
    metrics: list[Literal["loss", "accuracy"]] = ["loss"]
    assert_type(runs.to_polars(config=keys, summary=metrics), pl.DataFrame)
    created = runs.table()[0].get("created_at")
    if isinstance(created, datetime):
        assert_type(created.year, int)


def find_the_best(runs: Runs, how: Format, which: Literal["max", "min", "last"]) -> None:
    assert_type(runs.best("loss"), list[Row])
    assert_type(runs.best("loss", which, format="pandas"), pd.DataFrame)
    assert_type(runs.best(key="loss", how="min", format="polars"), pl.DataFrame)
    assert_type(runs.best("loss", format=how), list[Row] | pd.DataFrame | pl.DataFrame)


def read_values(runs: Runs, api: Api, how: Format) -> None:
    assert_type(runs.configs(), list[Row])
    assert_type(runs.configs(["lr"], "default"), list[Row])
    assert_type(runs.configs(["lr"], format="pandas"), pd.DataFrame)
    assert_type(runs.configs(["lr"], "pandas"), list[Row] | pd.DataFrame | pl.DataFrame)
    assert_type(runs.configs(keys=("lr",), format="polars"), pl.DataFrame)
    assert_type(runs.configs(format=how), list[Row] | pd.DataFrame | pl.DataFrame)
    assert_type(runs.summaries(keys=["loss"]), list[Row])
    assert_type(runs.summaries(format="pandas"), pd.DataFrame)
    assert_type(runs.summaries(None, format="polars"), pl.DataFrame)
    assert_type(runs.summaries(None, "polars"), list[Row] | pd.DataFrame | pl.DataFrame)
    assert_type(runs.summaries(["loss"], how), list[Row] | pd.DataFrame | pl.DataFrame)
    metrics: list[Literal["loss", "accuracy"]] = ["loss"]
    assert_type(runs.summaries(metrics, format="polars"), pl.DataFrame)
    assert_type(api.runs("team/mnist", config_keys=["lr"], summary_keys=()), Runs)
    assert_type(Runs(api.client, "team", "mnist", summary_keys=metrics), Runs)


def read_history(run: Run, flag: bool, how: Format | None) -> None:
    assert_type(run.history(), pd.DataFrame)
    assert_type(run.history(samples=5, pandas=True), pd.DataFrame)
    assert_type(run.history(pandas=False), list[Row])
    assert_type(run.history(5, ["loss"], pandas=False), list[Row])
    assert_type(run.history(5, ["loss"], "_step", False), list[Row] | pd.DataFrame)
    assert_type(run.history(format="default"), list[Row])
    assert_type(run.history(format="pandas", stream="system"), pd.DataFrame)
    assert_type(run.history(format="polars"), pl.DataFrame)
    assert_type(run.history(format=None), pd.DataFrame)
    assert_type(run.history(pandas=False, format=None), list[Row])
    assert_type(run.history(format=how), list[Row] | pd.DataFrame | pl.DataFrame)
    assert_type(run.history(pandas=flag), list[Row] | pd.DataFrame)
    assert_type(run.scan_history(keys=["loss"], max_step=10), Iterator[Row])
    assert_type(run.console_logs(), Iterator[ConsoleLine])
    assert_type([line.time for line in run.console_logs(last=9)], list[datetime | None])


def move_over(run: Run, sweep: Sweep, flag: bool) -> None:
    assert_type(run.history(stream="events"), pd.DataFrame)
    assert_type(run.load(), JSONObject)
    assert_type(run.load(force=True)["notes"], JSONValue)
    assert_type(run.json_config, str)
    assert_type(run.to_html(300, flag) + sweep.to_html(hidden=True), str)
    assert_type(run.display() and sweep.display(420, False), bool)
    Api({"entity": "team"}).flush()


def change(run: Run, typed: Run[dict[str, int], JSONObject], rates: dict[str, list[float]]) -> None:
    assert_type(run.update(notes="the best", tags=["a"], group=None), Run)
    assert_type(typed.update(config={"lr": 0.1}), Run[dict[str, int], JSONObject])
    run.update(add_tags=("a",), remove_tags=run.tags, force=True)
    run.stop()
    assert_type(run.update_state("pending").wait_until_finished(60, poll=2), Run)
    run.delete(delete_artifacts=True)
    run.update(config=rates, summary=run.summary, unset_config=["seed"], unset_summary=())
    run.update(config={"model": {"widths": (64, 64), "bias": None}}, job_type="train", name="n")


def follow_sweeps(api: Api) -> None:
    sweep = api.sweep("team/mnist/abc")
    assert_type(sweep.runs, Runs[JSONObject, JSONObject])
    assert_type(sweep.best_run(), Run[JSONObject, JSONObject] | None)
    assert_type(sweep.pause().resume().stop().cancel(), Sweep)


def discover(api: Api) -> None:
    project = api.project("mnist", entity="team")
    assert_type(project, Project)
    assert_type(project.keys(), tuple[ProjectKey, ...])
    assert_type([key.path for key in project.keys()], list[str])  # noqa: SIM118 # no mapping
    assert_type(project.tags(State == "finished"), dict[str, int])
    assert_type(project.entity + project.name + project.url, str)
    assert_type(project.created_at, datetime | None)
    assert_type(project.description or project.id or project.storage_id, str | None)
    assert_type(project.path, list[str])
    assert_type(project.runs(State == "failed", limit=3), Runs[JSONObject, JSONObject])
    assert_type(
        project.runs(config=dict[str, int], on_invalid="skip"), Runs[dict[str, int], JSONObject]
    )
    sweeps = project.sweeps(per_page=9)
    assert_type(sweeps, ProjectSweeps)
    assert_type(sweeps[0], Sweep)
    assert_type([sweep.state for sweep in sweeps], list[str | None])
    projects = api.projects("team", per_page=9)
    assert_type(projects, Projects)
    assert_type(projects[-1], Project)
    assert_type(projects[:3], list[Project])
    assert_type(len(projects), int)
    assert_type(Projects(api.client), Projects)
    assert_type(api.create_project("mnist", "team"), Project)
    assert_type(api.create_run(run_id="r1", project="mnist"), Run[JSONObject, JSONObject])


def build_filters(api: Api, since: datetime, runs: Runs) -> None:
    assert_type(State == "finished", Condition)
    assert_type(State != "finished", Condition)
    assert_type(Config("lr") < 0.1, Condition)
    assert_type(0.1 > Config("lr"), Condition)  # noqa: SIM300 # the other way round
    assert_type(Config("model", "depth").is_in(range(3)), Condition)
    assert_type(Config("model") == {"depth": 3}, Condition)
    assert_type(Summary("loss").exists() & ~Summary("loss").exists(False), Condition)
    assert_type(Tags.contains("best") | (Tags == None), Condition)  # noqa: E711 # a comparison on the server
    assert_type(CreatedAt >= since, Condition)
    assert_type(HeartbeatAt == None, Condition)  # noqa: E711 # a comparison on the server
    assert_type(Group != None, Condition)  # noqa: E711 # as users write it
    assert_type(Duration > 60, Condition)
    assert_type(DisplayName.matches(r"^fox") & DisplayName.contains("fox"), Condition)
    assert_type(Tags.contains_all(["best", "long"]) | Tags.size(2), Condition)
    assert_type(Config("widths").contains_all((8, "a")) & Config("data").contains("x"), Condition)
    assert_type(Summary("scores").size(3), Condition)
    assert_type(State.not_in({"failed", "crashed"}), Condition)
    assert_type(JobType.is_in(["train", None]), Condition)
    assert_type(Config("a") == Summary("a"), bool)
    assert_type((State == "finished") & {"config.lr": 0.1}, Condition)
    assert_type({"config.lr": 0.1} | (State == "finished"), Condition)
    assert_type(RawFilter("{}") & (State == "finished"), Condition)
    names: list[str] = ["a"]
    assert_type(RunId.is_in(names) | SweepId.is_in(tuple(names)), Condition)
    assert_type((Host == "h") == (Username == "u"), bool)
    assert_type(parse_filter("config.lr < 0.1"), Condition)
    assert_type(parse_filter("state exists") & {"group": "a"} | Tags.size(2), Condition)
    api.runs("team/mnist", parse_filter('state == "finished"'))
    api.runs("team/mnist", (State == "finished") & (Config("lr") < 0.1))
    api.runs("team/mnist", {"$or": [State == "finished", {"state": "failed"}]})
    filters: Filters = State == "finished"
    api.runs("team/mnist", filters=filters)


def handle_warnings(warning: WandbRunsWarning) -> str | None:
    if isinstance(warning, UnknownKeyWarning):
        assert_type(warning.argument, str)
        assert_type(warning.checked, int)
        assert_type(warning.nearest, Mapping[str, str | None])
    if isinstance(warning, UnknownStateWarning):
        assert_type(warning.known, Sequence[str])
    return warning.run_id if isinstance(warning, UnknownMetricWarning) else None


def build_orders(api: Api, sweep: Sweep) -> None:
    assert_type(Summary("loss").asc(), FieldOrder)
    assert_type(CreatedAt.desc(), FieldOrder)
    order: Order = UpdatedAt.desc()
    api.runs("team/mnist", order=order)
    api.runs("team/mnist", order=RunId.asc())
    sweep.best_run(Summary("loss").asc())


def embed(own: httpx.Client, newer: httpx2.Client) -> None:
    Api(http_client=own)
    Api({"entity": "team"}, http_client=newer, headers={"X-Team": "vision"})

    def key() -> str:
        return "k"

    def observe(event: RequestSent | Answered | Retrying) -> None:
        assert_type(event.operation, str)
        if isinstance(event, Answered):
            assert_type(event.elapsed, float)

    Api(api_key=key, max_concurrency=8, on_event=observe)
    Api(api_key=lambda: "k", on_event=print)


def change_many(api: Api, runs: Runs, dry: bool) -> None:
    outcome = runs.delete(expect=3, delete_artifacts=True)
    assert_type(outcome, ChangeOutcome)
    assert_type(outcome.done, tuple[str, ...])
    assert_type(outcome.failed, Mapping[str, WandbRunsError])
    assert_type(outcome.remaining, list[str])
    assert_type(runs.delete(dry_run=True), list[TableRow])
    assert_type(runs.update(expect=3, add_tags=["a"], remove_tags=("b",)), ChangeOutcome)
    assert_type(runs.update(expect=3, config={"lr": 0.1}, tags=None, group=None), ChangeOutcome)
    assert_type(runs.update(dry_run=True, summary={"loss": 1}), list[TableRow])
    assert_type(runs.delete(expect=3, dry_run=dry), ChangeOutcome | list[TableRow])
    assert_type(runs.move("team/kept", expect=3, wait=60, force=True), ChangeOutcome)
    assert_type(runs.move("team/kept", dry_run=True), list[TableRow])
    assert_type(api.undelete_runs("team/mnist", outcome.done, expect=3), ChangeOutcome)
    try:
        runs.delete(expect=3)
    except ChangesError as error:
        assert_type(error.outcome, ChangeOutcome)


def draw(runs: Runs, by: plots.Band | None) -> None:
    histories = runs.histories(keys=["loss"], format="polars")
    table = runs.configs(["optimizer"], format="pandas")
    assert_type(plots.curves(histories, "loss"), alt.Chart)
    assert_type(plots.curves(histories, "loss", band="std", log="xy"), alt.LayerChart)
    either = plots.curves(runs.histories(), "loss", color="optimizer", table=table, band=by)
    assert_type(either, alt.Chart | alt.LayerChart)
    assert_type(plots.scatter(table, "lr", "loss", width=300), alt.Chart)
    assert_type(plots.bars(table, "loss", color="optimizer"), alt.Chart)
    assert_type(plots.bars(table, "loss", by="optimizer", band="std"), alt.LayerChart)
    assert_type(plots.parallel(table, ["lr", "loss"], log=("lr",)), alt.LayerChart)
    plots.save(either, "curves.svg")
    plots.save(plots.curves(histories, "loss") | either, Path("curves.png"), scale_factor=1)


def send_own_queries(api: Api, operation: Operation[ListProjects]) -> None:
    assert_type(api.execute(operation), ListProjects)
    assert_type(api.execute(list_projects(entity="team")), ListProjects)
    assert_type(api.execute_raw("{ viewer { username } }"), JSONObject)
    api.execute_raw("query A($a: [Int]) { b } query B { c }", {"a": (1, 2)}, operation_name="A")


def page_of_runs(cursor: str | None) -> Operation[ListRuns]:
    return list_runs_page(
        entity="team", project="mnist", filters="{}", order="+created_at", first=100, after=cursor
    )


def connection_of(answer: ListRuns) -> Connection[RunFields] | None:
    return answer.project.runs if answer.project else None


def list_own_connections(api: Api, checkpoint: Checkpoint) -> None:
    projects = api.paginate(
        lambda cursor: list_projects(entity="team", first=100, after=cursor),
        lambda answer: answer.models,
        limit=10,
        checkpoint=checkpoint,
    )
    assert_type(projects, Nodes[ProjectFields])
    for project in projects:
        assert_type(project.name, str | None)
    loop = iter(projects)
    assert_type(loop, NodeIterator[ProjectFields])
    assert_type(next(loop), ProjectFields)
    assert_type(loop.checkpoint(), Checkpoint)
    runs = api.paginate(page_of_runs, connection_of)
    assert_type([run.id for run in runs], list[str])
    same = api.paginate(
        page_of_runs, lambda answer: answer.project.runs if answer.project else None
    )
    assert_type(same, Nodes[RunFields])


class OwnPageInfo:
    """A model that is written by hand, or generated elsewhere."""

    has_next_page: bool
    end_cursor: str | None


class OwnEdge:
    """An edge whose node is never null."""

    node: int


class OwnConnection:
    """A connection that is never null, with nothing in it that is."""

    edges: list[OwnEdge]
    page_info: OwnPageInfo


def list_what_is_never_null(api: Api, build: OperationBuilder[OwnConnection]) -> None:
    assert_type(api.paginate(build, lambda answer: answer), Nodes[int])


def diagnose(api: Api) -> bool:
    report = doctor(api, "team/mnist", show_names=True)
    assert_type(report, DoctorReport)
    assert_type(report.checks, tuple[Check, ...])
    for check in report.checks:
        assert_type(check.status, Literal["ok", "failed", "unknown", "skipped"])
        assert_type((check.name, check.detail), tuple[str, str])
        assert_type((check.seconds, check.bytes), tuple[float, int])
    return doctor(api).ok
