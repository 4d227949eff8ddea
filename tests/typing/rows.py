"""Right uses that name no library of frames: checked where none is installed, too."""

from __future__ import annotations

from typing import assert_type

from wandb_runs import Api, AsyncApi, Row


def blocking(api: Api) -> list[Row]:
    runs = api.runs("entity/project", {"state": "finished"}, config_keys=["lr"])
    rows = assert_type(runs.histories(keys=["loss"]), list[Row])
    for batch in runs.iter_histories(keys=["loss"], schema=None):
        rows += assert_type(batch, list[Row])
    rows += runs.histories(100, ["loss"], "_step", "default")
    rows += runs.configs()
    rows += runs.summaries(keys=["loss"])
    for run in runs:
        rows += assert_type(run.history(pandas=False), list[Row])
        rows += assert_type(run.history(100, ["loss"], pandas=False, stream="system"), list[Row])
        rows += run.scan_history(keys=["loss"])
    return rows


async def awaiting(api: AsyncApi) -> list[Row]:
    runs = api.runs("entity/project", order="-summary_metrics.loss")
    rows = assert_type(await runs.histories(keys=["loss"]), list[Row])
    async for batch in runs.iter_histories(keys=["loss"]):
        rows += assert_type(batch, list[Row])
    rows += await runs.configs()
    rows += await runs.summaries(keys=["loss"])
    async for run in runs:
        rows += assert_type(await run.history(pandas=False), list[Row])
        rows += [row async for row in run.scan_history(keys=["loss"])]
    return rows
