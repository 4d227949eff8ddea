"""Programs that type checkers must reject: each line that ends in `# wrong`, and no other.

Kept out of the checkers' own runs; `test_typing.py` runs them here and compares the lines.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from wandb_runs import (
    Api,
    Check,
    Config,
    CreatedAt,
    DisplayName,
    DoctorReport,
    Duration,
    Group,
    Operation,
    Run,
    Runs,
    State,
    Summary,
    Tags,
    UpdatedAt,
    User,
    doctor,
    doctor_async,
    parse_filter,
    plots,
)
from wandb_runs.exports import dask, export, verify
from wandb_runs.graphql._generated import ListProjects, list_projects

if TYPE_CHECKING:
    from datetime import datetime

    import httpx


def misread_by_dask(runs: Runs) -> None:
    dask.histories(runs, "loss")  # wrong
    dask.histories(runs)  # wrong
    dask.histories(runs, ["loss"], 100)  # wrong
    dask.histories([runs], ["loss"])  # wrong
    dask.table(runs, config="lr")  # wrong
    dask.table(runs, schema=["config.lr"])  # wrong


def misexport(api: Api, runs: Runs) -> None:
    export(runs)  # wrong
    export(runs, "night", "loss")  # wrong
    export(runs, "night", keys="loss")  # wrong
    export([*runs], "night")  # wrong
    export(api.run("a/b/c"), "night")  # wrong
    export(runs, "night", runs_per_part="9")  # wrong
    export(runs, "night", schema={"loss": "float32"})  # wrong
    export(runs, "night").added = 3  # wrong
    verify(3)  # wrong


def misspell(api: Api, runs: Runs, run: Run) -> None:
    run.sumary  # wrong
    run.confg["lr"]  # wrong
    runs.lenght  # wrong
    api.run_s("team/mnist")  # wrong
    runs[0].naem  # wrong


def use_names_of_the_sdk_that_are_not_here(api: Api, runs: Runs, run: Run, user: User) -> None:
    api.artifact("team/mnist/model:v1")  # wrong
    api.settings["entity"]  # wrong
    api.create_team("team")  # wrong
    runs.objects  # wrong
    runs.more  # wrong
    next(runs)  # wrong
    run.createdAt  # wrong
    run.historyKeys  # wrong
    run.logged_artifacts()  # wrong
    run.used_artifacts()  # wrong
    user.api_keys  # wrong


def show_wrongly(run: Run, runs: Runs) -> None:
    run.to_html("100%")  # wrong
    run.display(hidden=1)  # wrong
    run.load(force="yes")  # wrong
    run.load().config  # wrong
    run.load()["notes"] = "the best"  # wrong
    run.history(stream="event")  # wrong
    run.json_config["lr"]  # wrong
    runs.to_html()  # wrong


def change_wrongly(run: Run) -> None:
    run.update("the best")  # wrong
    run.update(note="the best")  # wrong
    run.update(notes=3)  # wrong
    run.update(tags="best")  # wrong
    run.update(add_tags=None)  # wrong
    run.update(config={"lr": object()})  # wrong
    run.update(config={"lr": {1, 2}})  # wrong
    run.update(config={1: 2})  # wrong
    run.update(unset_config="lr")  # wrong
    run.update(notes="n", force="yes")  # wrong
    run.update_state("finished")  # wrong
    run.wait_until_finished("60")  # wrong
    run.delete(delete_artifacts="no")  # wrong
    run.stop(force=True)  # wrong


def pass_wrong_types(api: Api, runs: Runs, run: Run) -> None:
    Api("https://api.wandb.ai")  # wrong
    Api(api_key=42)  # wrong
    Api(time_out=3)  # wrong
    Api(requests_per_second="2")  # wrong
    api.requests_per_second = 2  # wrong
    api.runs("team/mnist", per_page="50")  # wrong
    api.runs("team/mnist", order=1)  # wrong
    api.runs("team/mnist", filters="state")  # wrong
    api.runs("team/mnist", client=api)  # wrong
    Runs(api, "team", "mnist")  # wrong
    Runs(api.client, "team")  # wrong
    runs["0"]  # wrong
    runs.pages()[0]  # wrong
    runs.pages(per_page=5)  # wrong
    runs.with_ids("r1")  # wrong
    runs.with_ids([runs[0]])  # wrong
    runs[0].config = {}  # wrong
    run.state = "finished"  # wrong
    run.notes = "the best"  # wrong
    run.config["lr"] = 0.1  # wrong
    run.config |= {"lr": 0.1}  # wrong
    run.config.update(lr=0.1)  # wrong
    run.summary["loss"] = 0.5  # wrong
    del run.summary["loss"]  # wrong
    run.raw_config["lr"] = 0.1  # wrong
    run.system_metrics["cpu"] = 0.1  # wrong
    api.api_key = "key"  # wrong
    runs.per_page = 100  # wrong


def ask_for_wrong_histories(runs: Runs, run: Run) -> None:
    runs.histories(keys="loss")  # wrong
    runs.histories(format="csv")  # wrong
    runs.histories(stream="gpu")  # wrong
    runs.histories(samples="5")  # wrong
    runs.histories(keys=[1])  # wrong
    runs.histories(exact="yes")  # wrong
    runs.histories(500, ["loss"], "_step", "default", "default", True)  # wrong
    runs.iter_histories(exact="yes")  # wrong
    run.history(exact="yes")  # wrong
    run.history(500, ["loss"], "_step", True, "default", True)  # wrong
    run.history(keys="loss")  # wrong
    run.history(format="arrow")  # wrong
    run.history(pandas=True, format="polars")  # wrong
    run.scan_history(keys="loss")  # wrong
    run.console_logs(9)  # wrong
    run.console_logs(last="9")  # wrong


def ask_for_wrong_values(runs: Runs, api: Api) -> None:
    runs.configs(keys="lr")  # wrong
    runs.configs(["lr"], "csv")  # wrong
    runs.configs(format="polars").iloc  # wrong
    runs.summaries(keys=[1])  # wrong
    runs.summaries(x_axis="_step")  # wrong
    runs.summaries().columns  # wrong
    api.runs("team/mnist", config_keys="lr")  # wrong
    Runs(api.client, "team", "mnist", summary_keys={"loss"})  # wrong


def ask_for_wrong_tables(runs: Runs) -> None:
    runs.table("csv")  # wrong
    runs.table(attributes="id")  # wrong
    runs.table(config="lr")  # wrong
    runs.table(summary=None)  # wrong
    runs.table("polars", ["id"])  # wrong
    runs.table("polars").iloc  # wrong
    runs.to_pandas("polars")  # wrong
    runs.to_polars(config=[1])  # wrong
    runs.table()[0]["created_at"].year  # wrong


def change_many_wrongly(api: Api, runs: Runs) -> None:
    runs.delete()  # wrong
    runs.delete(3)  # wrong
    runs.delete(expect="3")  # wrong
    runs.delete(expect=3).remaining[0].id  # wrong
    runs.delete(dry_run=True).done  # wrong
    runs.delete(expect=3, dry_run="yes")  # wrong
    runs.move(expect=3)  # wrong
    runs.update(add_tags=["a"])  # wrong
    runs.update(expect=3, add_tags="a")  # wrong
    runs.update(expect=3, config=["lr"])  # wrong
    runs.update(expect=3, notes="each its own")  # wrong
    runs.move("team/kept")  # wrong
    runs.move("team/kept", expect=3, wait="1h")  # wrong
    api.undelete_runs("team/mnist", "r1", expect=1)  # wrong
    api.undelete_runs("team/mnist", ["r1"])  # wrong
    api.undelete_runs("team/mnist", [1], expect=1)  # wrong


def ask_for_the_wrong_best(runs: Runs) -> None:
    runs.best(["loss"])  # wrong
    runs.best("loss", "least")  # wrong
    runs.best("loss", "min", "polars")  # wrong
    runs.best("loss", format="polars").iloc  # wrong


def stream_wrongly(runs: Runs) -> None:
    runs.iter_histories(keys="loss")  # wrong
    runs.iter_histories(schema={"loss": "float64"})  # wrong
    runs.iter_histories(format="polars", schema={"loss": "float64"})  # wrong
    runs.histories(progress=True)  # wrong
    runs.histories(progress=divmod)  # wrong
    runs.configs(progress="bar")  # wrong
    runs.explain("history")  # wrong
    runs.explain("configs", samples=5)  # wrong
    runs.explain().requests + 1  # wrong
    next(runs.iter_histories(format="polars")).iloc  # wrong
    runs.scan_histories("loss")  # wrong
    runs.scan_histories(["loss"], {"loss": pl.Float64})  # wrong
    runs.scan_histories(schema={"loss": "float64"})  # wrong
    runs.scan_histories().height  # wrong
    runs.arrow_batches("loss")  # wrong


def go_on_wrongly(api: Api, runs: Runs) -> None:
    api.runs("team/mnist", limit="3")  # wrong
    api.runs("team/mnist", checkpoint=3)  # wrong
    api.runs("team/mnist", checkpoint={"version": 1})  # wrong
    iter(runs).checkpoint().after  # wrong
    runs.checkpoint()  # wrong
    api.with_options(retries=3)  # wrong
    api.stats.requests = 0  # wrong


def discover_wrongly(api: Api) -> None:
    api.project()  # wrong
    api.project("team/mnist").keys()["config.lr"]  # wrong
    api.project("team/mnist").tags("finished")  # wrong
    api.project("team/mnist").tags = {}  # wrong
    api.project("team/mnist").name = "x"  # wrong
    api.project("team/mnist").keys()[0].path = "x"  # wrong


def misuse_projects(api: Api) -> None:
    api.projects(5)  # wrong
    api.projects(per_page="9")  # wrong
    api.create_run("r1")  # wrong
    api.create_run(run_id=1)  # wrong
    api.create_project()  # wrong
    api.projects("team")["mnist"]  # wrong
    api.project("mnist").created_at.year  # wrong
    api.project("mnist").runs(config={})  # wrong
    api.project("mnist").sweeps().pause()  # wrong


def misread(run: Run, runs: Runs) -> None:
    run.name.upper()  # wrong
    run.config["lr"] * 2  # wrong
    run.config["lr"] = 2  # wrong
    run.user.username  # wrong
    run.sweep.runs  # wrong
    run.sweep.pause()  # wrong
    run.heartbeat_at.year  # wrong
    runs.histories().columns  # wrong
    runs.histories(format="polars").iloc  # wrong
    len(run)  # wrong


def build_wrong_filters(api: Api, since: datetime) -> None:
    parse_filter({"state": "finished"})  # wrong
    api.runs("team/mnist", filters="state exists")  # wrong
    api.runs("team/mnist", filters=State == 3)  # wrong
    api.runs("team/mnist", filters=Config("a") == Config("b"))  # wrong
    api.runs("team/mnist", filters=UpdatedAt == since)  # wrong
    api.runs("team/mnist", filters=Tags == "best")  # wrong
    api.runs("team/mnist", filters=Tags == ["best"])  # wrong
    api.runs("team/mnist", filters=CreatedAt == "2026-01-31")  # wrong
    api.runs("team/mnist", filters=State == None)  # noqa: E711 # wrong
    api.runs("team/mnist", filters=Config("a") == {1, 2})  # wrong
    api.runs("team/mnist", filters="finished" == State)  # noqa: SIM300 # wrong
    api.runs("team/mnist", filters=State)  # wrong
    api.runs("team/mnist", filters=CreatedAt.desc())  # wrong
    CreatedAt > 3  # wrong
    3 < CreatedAt  # noqa: SIM300 # wrong
    CreatedAt > None  # wrong
    UpdatedAt > since  # wrong
    Duration < "1 h"  # wrong
    State < 3  # wrong
    Config("lr") < [1]  # wrong
    Tags < "best"  # wrong
    "best" in Tags  # wrong
    Tags.contains(3)  # wrong
    Tags.is_in(["best"])  # wrong
    Tags.contains_all("best")  # wrong
    Tags.contains_all([1])  # wrong
    Tags.size("2")  # wrong
    State.size(2)  # wrong
    Group.contains_all(["a"])  # wrong
    DisplayName.contains(["fox"])  # wrong
    Duration.contains("1")  # wrong
    State.is_in("finished")  # wrong
    State.is_in([3])  # wrong
    Duration.matches("1")  # wrong
    DisplayName.matches(3)  # wrong
    Config()  # wrong
    Config(3)  # wrong
    Config("model", 3)  # wrong
    State == "finished" & Tags.contains("best")  # wrong
    (State == "finished") & "best"  # wrong
    (State == "finished") & (Config("a") == Config("b"))  # wrong
    ~State  # wrong
    State & Tags  # wrong
    (State == "finished").query = "{}"  # wrong
    State.path = "name"  # wrong


def build_wrong_orders(api: Api) -> None:
    DisplayName.asc()  # wrong
    Tags.desc()  # wrong
    api.runs("team/mnist", order=CreatedAt)  # wrong
    api.runs("team/mnist", order=CreatedAt.desc)  # wrong
    api.runs("team/mnist", order=Summary("loss") < 1)  # wrong


def embed_wrongly(own: httpx.AsyncClient) -> None:
    Api(http_client=own)  # wrong
    Api(http_client="https://api.wandb.ai")  # wrong
    Api(headers=[("X-Team", "vision")])  # wrong
    Api(headers={"X-Team": 3})  # wrong
    Api(api_key=lambda: 3)  # wrong
    Api(api_key=lambda name: name)  # wrong
    Api(max_concurrency="4")  # wrong
    Api(on_event=lambda: None)  # wrong


def draw_wrongly(runs: Runs) -> None:
    frame = runs.histories(format="polars")
    plots.curves(frame)  # wrong
    plots.curves(runs, "loss")  # wrong
    plots.curves(frame, "loss", band="range")  # wrong
    plots.curves(frame, "loss", log=True)  # wrong
    plots.curves(frame, "loss", smooth="0.9")  # wrong
    plots.bars(frame, "loss", band="std")  # wrong
    plots.bars(frame, "loss", by="optimizer", color="lr")  # wrong
    plots.parallel(frame, 3)  # wrong
    plots.save(frame, "frame.svg")  # wrong


def keep_files_wrongly(run: Run, runs: Runs) -> None:
    run.files("model.pt")  # wrong
    run.files(pattern=3)  # wrong
    run.file(["model.pt"])  # wrong
    run.file("model.pt").download(replace="yes")  # wrong
    run.file("model.pt").name = "x"  # wrong
    run.upload_file(b"model.pt")  # wrong
    run.upload_file("model.pt", ".", "name")  # wrong
    run.delete_files("model.pt")  # wrong
    run.delete_files([3])  # wrong
    runs.download()  # wrong
    runs.download("%").files[0].status = "done"  # wrong


def diagnose_wrongly(api: Api, report: DoctorReport) -> None:
    doctor("team/mnist")  # wrong
    doctor(api, entity="team")  # wrong
    doctor_async(api)  # wrong
    report.ok = True  # wrong
    report.checks[0].status = "ok"  # wrong
    Check("proxy", "fine", "none")  # wrong


def send_own_queries_wrongly(api: Api) -> None:
    api.execute("{ viewer { username } }")  # wrong
    api.execute(list_projects)  # wrong
    api.execute(list_projects(entity="team")).model  # wrong
    api.execute_raw(list_projects(entity="team"))  # wrong
    api.execute_raw("{ a }", ["team"])  # wrong
    api.execute_raw("{ a }", {"since": object()})  # wrong
    api.execute_raw("{ a }", {}, "A")  # wrong
    api.execute_raw("{ a }")["a"] = 1  # wrong


def page_of_projects(cursor: str | None) -> Operation[ListProjects]:
    return list_projects(entity="team", first=100, after=cursor)


def list_own_connections_wrongly(api: Api) -> None:
    projects = api.paginate(page_of_projects, lambda answer: answer.models)
    projects[0]  # wrong
    len(projects)  # wrong
    next(projects)  # wrong
    next(iter(projects)).naem  # wrong
    api.paginate(page_of_projects)  # wrong
    api.paginate(list_projects(entity="team"), lambda answer: answer.models)  # wrong
    api.paginate(page_of_projects, lambda answer: answer.model)  # wrong
    api.paginate(page_of_projects, lambda answer: answer)  # wrong
    api.paginate(page_of_projects, "models")  # wrong
    api.paginate(page_of_projects, lambda answer: answer.models, limit="10")  # wrong
    api.paginate(page_of_projects, lambda answer: answer.models, 10)  # wrong
