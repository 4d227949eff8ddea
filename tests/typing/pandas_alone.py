"""Right uses that name pandas alone: checked where the other library is not installed, too."""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_type

import pandas as pd

if TYPE_CHECKING:
    from wandb_runs import Api, AsyncApi


def blocking(api: Api) -> list[pd.DataFrame]:
    runs = api.runs("entity/project")
    found = [assert_type(runs.histories(keys=["loss"], format="pandas"), pd.DataFrame)]
    found.append(runs.histories(100, ["loss"], format="pandas"))
    found.extend(runs.iter_histories(keys=["loss"], format="pandas"))
    found.append(assert_type(runs.configs(format="pandas"), pd.DataFrame))
    found.append(assert_type(runs.table("pandas"), pd.DataFrame))
    found.append(assert_type(runs.to_pandas(), pd.DataFrame))
    found.append(assert_type(runs.summaries(keys=["loss"], format="pandas"), pd.DataFrame))
    return found


async def awaiting(api: AsyncApi) -> list[pd.DataFrame]:
    runs = api.runs("entity/project")
    found = [assert_type(await runs.histories(keys=["loss"], format="pandas"), pd.DataFrame)]
    found += [batch async for batch in runs.iter_histories(keys=["loss"], format="pandas")]
    found.append(assert_type(await runs.configs(format="pandas"), pd.DataFrame))
    found.append(assert_type(await runs.to_pandas(), pd.DataFrame))
    found.append(assert_type(await runs.summaries(format="pandas"), pd.DataFrame))
    return found


def histories_of_runs(api: Api) -> list[pd.DataFrame]:
    return [assert_type(run.history(), pd.DataFrame) for run in api.runs("entity/project")]
