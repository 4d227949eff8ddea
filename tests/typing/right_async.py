"""Programs that await, and that type checkers accept; checked, never run."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypedDict, assert_type

import pandas as pd
import polars as pl
import pyarrow as pa
from pydantic import BaseModel

from wandb_runs import (
    Api,
    AsyncApi,
    AsyncClock,
    AsyncNodeIterator,
    AsyncNodes,
    AsyncProject,
    AsyncProjects,
    AsyncProjectSweeps,
    AsyncRetryingClient,
    AsyncRun,
    AsyncRunFile,
    AsyncRunFiles,
    AsyncRunIterator,
    AsyncRunPages,
    AsyncRuns,
    AsyncSweep,
    AsyncTransport,
    ChangeOutcome,
    Checkpoint,
    Config,
    ConsoleLine,
    CreatedAt,
    DoctorReport,
    Downloads,
    Explanation,
    Format,
    JSONObject,
    JSONValue,
    ProjectKey,
    Request,
    Response,
    Row,
    Run,
    RunPages,
    Runs,
    State,
    Stats,
    Summary,
    TableRow,
    User,
    doctor_async,
)
from wandb_runs.graphql._generated import ListProjects, ProjectFields
from wandb_runs.graphql._generated import list_projects as list_page
from wandb_runs.testing import FakeClock

if TYPE_CHECKING:
    import httpx
    import httpx2


class TrainConfig(BaseModel):
    """What a config holds."""

    lr: float
    optimizer: str


class Metrics(TypedDict):
    """What a summary holds."""

    loss: float


@dataclass
class Seed:
    """What some configs hold."""

    seed: int


class Recorder:
    """A transport of the user's own."""

    def __init__(self, inner: AsyncTransport) -> None:
        self.inner = inner
        self.sent: list[Request] = []

    async def send(self, request: Request, /) -> Response:
        self.sent.append(request)
        return await self.inner.send(request)


async def make(inner: AsyncTransport) -> None:
    clock: AsyncClock = FakeClock()
    async with AsyncApi(
        base_url="https://api.wandb.ai", api_key="k", transport=Recorder(inner), clock=clock
    ) as api:
        assert_type(api, AsyncApi)
        assert_type(api.client, AsyncRetryingClient)
        assert_type(await api.viewer(), User)
        assert_type(await api.default_entity(), str)
        assert_type(api.with_options(timeout=300, max_retries=0), AsyncApi)
        assert_type(api.stats, Stats)
        assert_type(await api.run("team/mnist/abc"), AsyncRun[JSONObject, JSONObject])
        assert_type(await api.sweep("team/mnist/abc"), AsyncSweep)
        project = api.project("team/mnist")
        assert_type(project, AsyncProject)
        assert_type(await project.keys(), tuple[ProjectKey, ...])
        assert_type(await project.tags({"state": "finished"}), dict[str, int])
        assert_type(await project.entity() + await project.url() + project.name, str)
        assert_type(await api.from_path("team/mnist"), AsyncRun | AsyncSweep | AsyncRuns)
    await api.aclose()


async def list_runs(api: AsyncApi, other: AsyncRetryingClient) -> None:
    runs = api.runs("team/mnist", (State == "finished") & (Config("lr") < 0.1), limit=3)
    assert_type(runs, AsyncRuns[JSONObject, JSONObject])
    assert_type(api.runs(client=other, entity="team", project="mnist"), AsyncRuns)
    assert_type(AsyncRuns(other, "team", "mnist", order=Summary("loss").desc()), AsyncRuns)
    api.runs("team/mnist", {"state": "finished"}, CreatedAt.asc())
    async for run in runs:
        assert_type(run, AsyncRun[JSONObject, JSONObject])
    assert_type(aiter(runs), AsyncRunIterator[JSONObject, JSONObject])
    assert_type(aiter(runs).checkpoint(), Checkpoint)
    assert_type(await anext(aiter(runs)), AsyncRun[JSONObject, JSONObject])
    assert_type([run.state async for run in runs], list[str])
    assert_type(await runs.length(), int)
    assert_type(await runs.get(0), AsyncRun[JSONObject, JSONObject])
    assert_type(await runs.get(slice(0, 3)), list[AsyncRun[JSONObject, JSONObject]])
    assert_type(await runs.contains(3), bool)
    assert_type(await runs.entity(), str)
    assert_type(runs.project, str)
    assert_type(runs.with_ids(["r1"]), AsyncRuns[JSONObject, JSONObject])
    assert_type(runs.pages(), AsyncRunPages[JSONObject, JSONObject])
    assert_type(await anext(runs.pages()), list[AsyncRun[JSONObject, JSONObject]])
    assert_type(runs.explain("histories", keys=["loss"]), Explanation)


async def keep_files(run: AsyncRun, runs: AsyncRuns) -> None:
    files = run.files(["model.pt"])
    assert_type(files, AsyncRunFiles)
    assert_type([file async for file in files], list[AsyncRunFile])
    assert_type(await files.length(), int)
    assert_type(await files.get(0), AsyncRunFile)
    assert_type(await files.get(slice(2)), list[AsyncRunFile])
    file = await run.file("model.pt")
    assert_type(await file.download("weights"), Path)
    assert_type(await run.upload_file("model.pt"), AsyncRunFile)
    await run.delete_files([file, "other.pt"])
    await run.delete_files([file async for file in files])
    await file.delete()
    assert_type(await runs.download("%.pt"), Downloads)


async def read(run: AsyncRun) -> None:
    assert_type(run.state, str)
    assert_type(run.config["lr"], JSONValue)
    config: Mapping[str, JSONValue] = run.config
    assert_type(config.get("lr"), JSONValue)
    assert_type(await run.sweep(), AsyncSweep | None)
    assert_type(await run.metadata(), JSONObject | None)
    assert_type(await run.last_history_step(), int)
    assert_type(run.scan_history(keys=["loss"]), AsyncIterator[Row])
    assert_type([row async for row in run.scan_history()], list[Row])
    assert_type(run.console_logs(per_page=9), AsyncIterator[ConsoleLine])
    assert_type([line.text async for line in run.console_logs()], list[str])
    await run.refresh()


async def read_every_row(runs: AsyncRuns, run: AsyncRun, flag: bool) -> None:
    assert_type(await runs.histories(exact=True), list[Row])
    assert_type(await runs.histories(format="polars", exact=flag), pl.DataFrame)
    assert_type(runs.iter_histories(format="pandas", exact=True), AsyncIterator[pd.DataFrame])
    assert_type(await run.history(exact=True), pd.DataFrame)
    assert_type(await run.history(keys=["loss"], format="default", exact=True), list[Row])
    assert_type(await run.history(format="polars", join="outer", exact=flag), pl.DataFrame)


async def read_lazily(runs: AsyncRuns) -> None:
    assert_type(runs.scan_histories(("loss",), schema={"loss": pl.Float64}), pl.LazyFrame)
    assert_type(await runs.scan_histories().collect_async(), pl.DataFrame)
    assert_type(await runs.arrow_batches(["loss"], schema={"x": "json"}), pa.RecordBatchReader)


async def read_histories(runs: AsyncRuns, run: AsyncRun, flag: bool, how: Format) -> None:
    assert_type(await runs.histories(), list[Row])
    assert_type(await runs.histories(format="pandas"), pd.DataFrame)
    assert_type(await runs.histories(100, ["loss"], format="polars"), pl.DataFrame)
    positional = await runs.histories(100, ["loss"], "_step", "polars")
    assert_type(positional, list[Row] | pd.DataFrame | pl.DataFrame)
    assert_type(await runs.histories(format=how), list[Row] | pd.DataFrame | pl.DataFrame)
    metrics: list[Literal["loss", "accuracy"]] = ["loss"]
    assert_type(await runs.histories(keys=metrics, format="polars"), pl.DataFrame)
    assert_type(await runs.configs(["lr"], format="pandas"), pd.DataFrame)
    assert_type(await runs.configs(["lr"], "pandas"), list[Row] | pd.DataFrame | pl.DataFrame)
    assert_type(await runs.summaries(format="polars"), pl.DataFrame)
    assert_type(await runs.table(), list[TableRow])
    assert_type(await runs.table("polars", config=["lr"], summary=False), pl.DataFrame)
    assert_type(await runs.table(how), list[TableRow] | pd.DataFrame | pl.DataFrame)
    assert_type(await runs.to_pandas(attributes=["id"], summary=metrics), pd.DataFrame)
    assert_type(await runs.to_polars(progress=print), pl.DataFrame)
    assert_type(await runs.best("loss", "min"), list[Row])
    assert_type(await runs.best("loss", format="polars"), pl.DataFrame)
    assert_type(await run.history(), pd.DataFrame)
    assert_type(await run.history(pandas=False), list[Row])
    assert_type(await run.history(format="polars"), pl.DataFrame)
    assert_type(await run.history(pandas=flag), list[Row] | pd.DataFrame)
    assert_type(runs.iter_histories(keys=["loss"], format="pandas"), AsyncIterator[pd.DataFrame])
    async for frame in runs.iter_histories(format="polars", schema={"loss": pl.Float64}):
        assert_type(frame, pl.DataFrame)


async def change(run: AsyncRun, typed: AsyncRun[TrainConfig, Metrics]) -> None:
    assert_type(await run.update(notes=None, tags=("a",), name="n"), AsyncRun)
    assert_type(await typed.update(summary={"loss": 0.1}), AsyncRun[TrainConfig, Metrics])
    assert_type(await run.wait_until_finished(timeout=None), AsyncRun)
    assert_type(await run.update_state("failed"), AsyncRun)
    await run.stop()
    await run.delete()
    await run.update(config=run.config, unset_summary=["loss"], add_tags=["b"], force=True)


async def follow_sweeps(api: AsyncApi) -> None:
    sweep = await api.sweep("team/mnist/abc")
    assert_type(sweep.runs, AsyncRuns[JSONObject, JSONObject])
    assert_type(await sweep.best_run(), AsyncRun[JSONObject, JSONObject] | None)
    for changed in (await sweep.pause(), await sweep.resume()):
        assert_type(await changed.stop(), AsyncSweep)
        assert_type(await changed.cancel(), AsyncSweep)


async def list_projects(api: AsyncApi) -> None:
    projects = api.projects("team", per_page=9)
    assert_type(projects, AsyncProjects)
    assert_type([project.name async for project in projects], list[str])
    assert_type(await projects.length(), int)
    assert_type(await projects.get(slice(3)), list[AsyncProject])
    project = await projects.get(0)
    assert_type(project, AsyncProject)
    assert_type(await project.created_at(), datetime | None)
    assert_type(await project.description() or await project.id(), str | None)
    assert_type(project.runs(limit=3), AsyncRuns[JSONObject, JSONObject])
    assert_type(project.runs(config=TrainConfig, summary=Metrics), AsyncRuns[TrainConfig, Metrics])
    sweeps = project.sweeps()
    assert_type(sweeps, AsyncProjectSweeps)
    assert_type([sweep async for sweep in sweeps], list[AsyncSweep])
    assert_type(await api.create_project("mnist", "team"), AsyncProject)
    assert_type(await api.create_run(), AsyncRun[JSONObject, JSONObject])


async def know_what_is_there(api: AsyncApi) -> None:
    runs = api.runs("team/mnist", config=TrainConfig, summary=Metrics, on_invalid="skip")
    assert_type(runs, AsyncRuns[TrainConfig, Metrics])
    async for run in runs:
        assert_type(run.config.lr, float)
        assert_type(run.summary["loss"], float)
    assert_type((await api.run("team/mnist/abc", config=Seed)).config.seed, int)
    assert_type(api.runs("team/mnist", summary=Metrics), AsyncRuns[JSONObject, Metrics])


def know_what_is_there_at_once(api: Api) -> None:
    runs = api.runs("team/mnist", config=TrainConfig, summary=Metrics)
    assert_type(runs, Runs[TrainConfig, Metrics])
    assert_type(runs[0].config.optimizer, str)
    assert_type(runs[0].summary["loss"], float)
    assert_type(runs.pages(), RunPages[TrainConfig, Metrics])
    assert_type(runs.with_ids(["r1"]), Runs[TrainConfig, Metrics])
    assert_type(api.run("team/mnist/abc", summary=Seed), Run[JSONObject, Seed])
    assert_type(Runs(api.client, "team", "mnist", config=Seed), Runs[Seed, JSONObject])
    take_any(runs)


def take_any(runs: Runs[BaseModel, Mapping[str, object]]) -> None:
    assert_type(runs[0].config, BaseModel)


async def take_what_is_awaited(runs: AsyncRuns[TrainConfig, Metrics]) -> float:
    best = await runs.get(0)
    return best.config.lr + best.summary["loss"]


def embed(own: httpx.AsyncClient, newer: httpx2.AsyncClient) -> None:
    async def key() -> str:
        return "k"

    AsyncApi(http_client=own, api_key=key)
    AsyncApi(http_client=newer, api_key=lambda: "k", headers={"X-Team": "vision"})


async def change_many(api: AsyncApi, runs: AsyncRuns, dry: bool) -> None:
    assert_type(await runs.delete(expect=3), ChangeOutcome)
    assert_type(await runs.delete(dry_run=True), list[TableRow])
    assert_type(await runs.update(expect=3, add_tags=["a"], unset_config=["lr"]), ChangeOutcome)
    assert_type(await runs.update(dry_run=True, job_type="train"), list[TableRow])
    assert_type(await runs.delete(expect=3, dry_run=dry), ChangeOutcome | list[TableRow])
    assert_type(await runs.move("team/kept", expect=3), ChangeOutcome)
    assert_type(await runs.move("team/kept", dry_run=True), list[TableRow])
    assert_type(await api.undelete_runs("team/mnist", ["r1"], expect=1), ChangeOutcome)


async def diagnose(api: AsyncApi) -> None:
    assert_type(await doctor_async(api, "team/mnist", timeout=5), DoctorReport)


async def send_own_queries(api: AsyncApi) -> None:
    assert_type(await api.execute(list_page(entity="team")), ListProjects)
    assert_type(await api.execute_raw("{ viewer { username } }", {}), JSONObject)
    projects = api.paginate(
        lambda cursor: list_page(entity="team", first=100, after=cursor),
        lambda answer: answer.models,
    )
    assert_type(projects, AsyncNodes[ProjectFields])
    assert_type([project async for project in projects], list[ProjectFields])
    loop = aiter(projects)
    assert_type(loop, AsyncNodeIterator[ProjectFields])
    assert_type(await anext(loop), ProjectFields)
    assert_type(loop.checkpoint(), Checkpoint)
