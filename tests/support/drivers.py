"""Equal calls of the blocking and the async client."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeVar

from pydantic import BaseModel

if TYPE_CHECKING:
    from collections.abc import AsyncIterable

    from wandb_runs import Api, AsyncApi, AsyncRun, AsyncSweep, Run, Sweep

__all__ = ["Awaiting", "Blocking", "gather"]

T = TypeVar("T")

PATH = "sample/digits"
FINISHED = {"state": "finished"}
BEST = "-summary_metrics.accuracy"
LOSS = ["loss"]

To = Literal["default", "pandas", "polars"]


class Config(BaseModel):
    """A model of the configs of the sample project."""

    optimizer: str


async def gather(items: AsyncIterable[T]) -> list[T]:
    """The list of all items."""
    return [item async for item in items]


class Blocking:
    """Calls of `Api` and of its runs."""

    def __init__(self, api: Api, to: To) -> None:
        self.api = api
        self.to: To = to
        self.runs = api.runs(PATH, FINISHED, BEST, per_page=6)

    def one(self) -> Run:
        return self.api.run("/".join(self.runs[0].path))

    def sweeps(self) -> list[Sweep]:
        return [sweep for sweep in (run.sweep for run in self.api.runs(PATH)) if sweep is not None]

    def call_listing(self) -> object:
        return list(self.api.runs(PATH))

    def call_typed(self) -> object:
        runs = self.api.runs(PATH, config=Config, per_page=7)
        return [run.config for run in runs]

    def call_length(self) -> object:
        return len(self.runs), len(self.api.runs(PATH, limit=5))

    def call_index(self) -> object:
        return [self.runs[0], self.runs[-2], self.runs[3:9:2], self.runs[::-1]]

    def call_contains(self) -> object:
        return self.runs[0] in self.runs, 3 in self.runs

    def call_pages(self) -> object:
        return list(self.runs.pages())

    def call_entity(self) -> object:
        return self.api.runs(project="digits").entity, self.api.default_entity, self.api.viewer

    def call_histories(self) -> object:
        return self.runs.histories(keys=LOSS, format=self.to)

    def call_machine_histories(self) -> object:
        return self.runs.histories(stream="system", format=self.to)

    def call_joined_histories(self) -> object:
        return self.runs.histories(keys=["loss", "accuracy"], join="outer", format=self.to)

    def call_limited_histories(self) -> object:
        return self.api.runs(PATH, limit=4).histories(50, LOSS, format=self.to)

    def call_batches(self) -> object:
        return list(self.runs.iter_histories(keys=LOSS, format=self.to))

    def call_configs(self) -> object:
        return self.runs.configs(["optimizer", "learning_rate"], self.to)

    def call_summaries(self) -> object:
        return self.runs.summaries(["accuracy"], self.to)

    def call_table(self) -> object:
        return self.runs.table(self.to)

    def call_some_of_a_table(self) -> object:
        return self.runs.table(self.to, attributes=["tags"], config=["seed"], summary=False)

    def call_frames(self) -> object:
        return [self.runs.to_pandas(), self.runs.to_polars(config=["optimizer"])]

    def call_best(self) -> object:
        return [self.runs.best("loss", "min", format=self.to), self.runs.best("accuracy")]

    def call_explain(self) -> object:
        return self.runs.explain("histories", keys=LOSS)

    def call_history(self) -> object:
        return self.one().history(samples=4, keys=LOSS, format=self.to)

    def call_scan(self) -> object:
        return list(self.one().scan_history(keys=LOSS, page_size=7))

    def call_details(self) -> object:
        run = self.one()
        return [run.system_metrics, run.metadata, run.history_keys, run.last_history_step]

    def call_refresh(self) -> object:
        run = self.one()
        run.refresh()
        return run

    def call_sweep(self) -> object:
        sweep = self.sweeps()[0]
        again = self.api.sweep("/".join(sweep.path))
        return [*self.sweeps(), again, list(sweep.runs), sweep.best_run(), again.best_run("-name")]


class Awaiting:
    """Calls of `AsyncApi` and of its runs."""

    def __init__(self, api: AsyncApi, to: To) -> None:
        self.api = api
        self.to: To = to
        self.runs = api.runs(PATH, FINISHED, BEST, per_page=6)

    async def one(self) -> AsyncRun:
        return await self.api.run("/".join((await self.runs.get(0)).path))

    async def sweeps(self) -> list[AsyncSweep]:
        found = [await run.sweep() async for run in self.api.runs(PATH)]
        return [sweep for sweep in found if sweep is not None]

    async def call_listing(self) -> object:
        return await gather(self.api.runs(PATH))

    async def call_typed(self) -> object:
        runs = self.api.runs(PATH, config=Config, per_page=7)
        return [run.config async for run in runs]

    async def call_length(self) -> object:
        return await self.runs.length(), await self.api.runs(PATH, limit=5).length()

    async def call_index(self) -> object:
        return [
            await self.runs.get(0),
            await self.runs.get(-2),
            await self.runs.get(slice(3, 9, 2)),
            await self.runs.get(slice(None, None, -1)),
        ]

    async def call_contains(self) -> object:
        return await self.runs.contains(await self.runs.get(0)), await self.runs.contains(3)

    async def call_pages(self) -> object:
        return await gather(self.runs.pages())

    async def call_entity(self) -> object:
        return (
            await self.api.runs(project="digits").entity(),
            await self.api.default_entity(),
            await self.api.viewer(),
        )

    async def call_histories(self) -> object:
        return await self.runs.histories(keys=LOSS, format=self.to)

    async def call_machine_histories(self) -> object:
        return await self.runs.histories(stream="system", format=self.to)

    async def call_joined_histories(self) -> object:
        return await self.runs.histories(keys=["loss", "accuracy"], join="outer", format=self.to)

    async def call_limited_histories(self) -> object:
        return await self.api.runs(PATH, limit=4).histories(50, LOSS, format=self.to)

    async def call_batches(self) -> object:
        return [batch async for batch in self.runs.iter_histories(keys=LOSS, format=self.to)]

    async def call_configs(self) -> object:
        return await self.runs.configs(["optimizer", "learning_rate"], self.to)

    async def call_summaries(self) -> object:
        return await self.runs.summaries(["accuracy"], self.to)

    async def call_table(self) -> object:
        return await self.runs.table(self.to)

    async def call_some_of_a_table(self) -> object:
        return await self.runs.table(self.to, attributes=["tags"], config=["seed"], summary=False)

    async def call_frames(self) -> object:
        return [await self.runs.to_pandas(), await self.runs.to_polars(config=["optimizer"])]

    async def call_best(self) -> object:
        lowest = await self.runs.best("loss", "min", format=self.to)
        return [lowest, await self.runs.best("accuracy")]

    async def call_explain(self) -> object:
        return self.runs.explain("histories", keys=LOSS)

    async def call_history(self) -> object:
        return await (await self.one()).history(samples=4, keys=LOSS, format=self.to)

    async def call_scan(self) -> object:
        return await gather((await self.one()).scan_history(keys=LOSS, page_size=7))

    async def call_details(self) -> object:
        run = await self.one()
        return [
            await run.system_metrics(),
            await run.metadata(),
            await run.history_keys(),
            await run.last_history_step(),
        ]

    async def call_refresh(self) -> object:
        run = await self.one()
        await run.refresh()
        return run

    async def call_sweep(self) -> object:
        sweep = (await self.sweeps())[0]
        again = await self.api.sweep("/".join(sweep.path))
        return [
            *(await self.sweeps()),
            again,
            await gather(sweep.runs),
            await sweep.best_run(),
            await again.best_run("-name"),
        ]
