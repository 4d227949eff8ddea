"""Programs that type checkers must reject: each line that ends in `# wrong`, and no other.

Those that await, and those that know what a config holds; see `wrong.py`.
"""

from __future__ import annotations

from typing import TypedDict

from pydantic import BaseModel

from wandb_runs import Api, AsyncApi, AsyncRun, AsyncRuns, Operation, Run, Runs
from wandb_runs.graphql._generated import ListProjects, list_projects


class TrainConfig(BaseModel):
    """What a config holds."""

    lr: float
    optimizer: str


class Metrics(TypedDict):
    """What a summary holds."""

    loss: float


async def await_what_blocks(api: Api, runs: Runs, run: Run) -> None:
    await api.runs("team/mnist")  # wrong
    await runs.histories()  # wrong
    await runs.length  # wrong
    await run.history()  # wrong
    await api.run("team/mnist/abc")  # wrong
    async with api:  # wrong
        pass
    async for _ in runs:  # wrong
        pass


async def forget_to_await(api: AsyncApi, runs: AsyncRuns, run: AsyncRun) -> None:
    runs.length() + 1  # wrong
    runs.histories(format="polars").columns  # wrong
    runs.get(0).config  # wrong
    run.history().columns  # wrong
    run.sweep().runs  # wrong
    api.create_run().state  # wrong
    api.create_project("mnist").name  # wrong
    api.projects()[0]  # wrong
    len(api.projects())  # wrong
    api.project("mnist").created_at().year  # wrong
    list(api.project("mnist").sweeps())  # wrong
    run.metadata().get("host")  # wrong
    api.run("team/mnist/abc").state  # wrong
    api.viewer().username  # wrong
    with api:  # wrong
        pass
    for _ in runs:  # wrong
        pass
    list(runs)  # wrong


async def use_names_of_the_sdk_that_are_not_here(
    api: AsyncApi, runs: AsyncRuns, run: AsyncRun
) -> None:
    runs.next()  # wrong
    runs.objects  # wrong
    run.lastHistoryStep  # wrong
    run.createdAt  # wrong
    run.load()["notes"]  # wrong
    await run.files()  # wrong
    await run.display()  # wrong
    await api.flush()  # wrong
    await api.reports("team/mnist")  # wrong


async def take_it_for_a_sequence(runs: AsyncRuns, run: AsyncRun) -> None:
    len(runs)  # wrong
    runs[0]  # wrong
    runs[-1:]  # wrong
    run in runs  # wrong
    reversed(runs)  # wrong
    await runs.get("0")  # wrong
    await runs.length  # wrong
    await runs  # wrong


async def await_what_is_there(api: AsyncApi, runs: AsyncRuns, run: AsyncRun) -> None:
    await api.runs("team/mnist")  # wrong
    await run.state  # wrong
    await run.config  # wrong
    await runs.pages()  # wrong
    await runs.with_ids(["r1"])  # wrong
    runs.with_ids("r1")  # wrong
    await runs.iter_histories()  # wrong
    await runs.scan_histories()  # wrong
    runs.scan_histories("loss")  # wrong
    await run.scan_history()  # wrong
    await run.console_logs()  # wrong
    await aiter(runs).checkpoint()  # wrong


async def mix_them(api: Api, awaiting: AsyncApi, runs: Runs, run: AsyncRun) -> None:
    awaiting.runs("team/mnist", client=api.client)  # wrong
    api.runs("team/mnist", client=awaiting.client)  # wrong
    AsyncRuns(api.client, "team", "mnist")  # wrong
    Runs(awaiting.client, "team", "mnist")  # wrong
    AsyncApi(transport=api.client)  # wrong
    AsyncApi(clock=3)  # wrong
    other: AsyncRuns = runs  # wrong
    one: Run = run  # wrong
    del other, one


async def change_wrongly(run: AsyncRun) -> None:
    run.update(notes="the best")  # wrong
    await run.update(note="the best")  # wrong
    await run.update(tags="best")  # wrong
    await run.update(summary=[("loss", 1)])  # wrong
    (await run.update(notes="n")).note  # wrong
    run.stop()  # wrong
    run.delete()  # wrong
    run.wait_until_finished().state  # wrong


async def pass_wrong_types(api: AsyncApi, runs: AsyncRuns, run: AsyncRun) -> None:
    await runs.histories(keys="loss")  # wrong
    await runs.histories(format="csv")  # wrong
    await runs.histories(exact="yes")  # wrong
    await runs.histories(500, ["loss"], "_step", "default", "default", True)  # wrong
    await run.history(exact="yes")  # wrong
    await runs.configs(["lr"], "csv")  # wrong
    await runs.summaries(keys=[1])  # wrong
    await runs.table("csv")  # wrong
    await runs.to_pandas(config="lr")  # wrong
    runs.to_polars().columns  # wrong
    await runs.best("loss", "least")  # wrong
    await runs.delete()  # wrong
    await runs.update(group="g")  # wrong
    runs.delete(expect=3).done  # wrong
    await runs.move("team/kept")  # wrong
    await api.undelete_runs("team/mnist", "r1", expect=1)  # wrong
    await run.history(pandas=True, format="polars")  # wrong
    api.runs("team/mnist", per_page="50")  # wrong
    api.runs("team/mnist", filters="state")  # wrong
    (await runs.histories(format="polars")).iloc  # wrong
    (await runs.histories()).columns  # wrong
    (await run.sweep()).runs  # wrong
    run.sumary  # wrong
    runs.lenght()  # wrong
    await api.close()  # wrong


def misread_configs(api: Api, runs: Runs[TrainConfig, Metrics]) -> None:
    runs[0].config.learning_rate  # wrong
    runs[0].config["lr"]  # wrong
    runs[0].config.lr.upper()  # wrong
    runs[0].config.optimizer * 0.5  # wrong
    runs[0].summary["acc"]  # wrong
    runs[0].summary.loss  # wrong
    runs[0].summary["loss"].upper()  # wrong
    api.runs("team/mnist", config={"lr": float})  # wrong
    api.runs("team/mnist", config="TrainConfig")  # wrong
    api.runs("team/mnist", config=TrainConfig(lr=1, optimizer="x"))  # wrong
    api.runs("team/mnist", on_invalid="ignore")  # wrong
    other: Runs[Metrics, Metrics] = runs  # wrong
    api.runs("team/mnist")[0].config.lr  # wrong
    del other


async def misread_configs_later(runs: AsyncRuns[TrainConfig, Metrics]) -> None:
    (await runs.get(0)).config.learning_rate  # wrong
    (await runs.get(0)).config["lr"]  # wrong
    (await runs.get(0)).summary["acc"]  # wrong
    [run.config.learning_rate async for run in runs]  # wrong


async def keep_files_wrongly_later(run: AsyncRun, runs: AsyncRuns) -> None:
    len(run.files())  # wrong
    run.files()[0]  # wrong
    (await run.file("model.pt")).download().name  # wrong
    await run.upload_file(3)  # wrong
    await run.delete_files("model.pt")  # wrong
    await runs.download(pattern=None)  # wrong


async def send_own_queries_wrongly_later(api: AsyncApi) -> None:
    api.execute(list_projects(entity="team")).models  # wrong
    api.execute_raw("{ a }")["a"]  # wrong
    projects = api.paginate(page_of_projects, lambda answer: answer.models)
    await projects  # wrong
    list(projects)  # wrong
    for _ in projects:  # wrong
        pass
    (await anext(aiter(projects))).naem  # wrong


def page_of_projects(cursor: str | None) -> Operation[ListProjects]:
    return list_projects(entity="team", first=100, after=cursor)
