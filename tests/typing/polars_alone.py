"""Right uses that name polars alone: checked where the other library is not installed, too."""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_type

import polars as pl

if TYPE_CHECKING:
    from wandb_runs import Api, AsyncApi


def blocking(api: Api) -> list[pl.DataFrame]:
    runs = api.runs("entity/project")
    found = [assert_type(runs.histories(keys=["loss"], format="polars"), pl.DataFrame)]
    found.append(runs.histories(100, ["loss"], format="polars"))
    found.extend(runs.iter_histories(keys=["loss"], format="polars"))
    found.append(assert_type(runs.configs(format="polars"), pl.DataFrame))
    found.append(assert_type(runs.table("polars"), pl.DataFrame))
    found.append(assert_type(runs.to_polars(), pl.DataFrame))
    found.append(assert_type(runs.summaries(keys=["loss"], format="polars"), pl.DataFrame))
    return found


async def awaiting(api: AsyncApi) -> list[pl.DataFrame]:
    runs = api.runs("entity/project")
    found = [assert_type(await runs.histories(keys=["loss"], format="polars"), pl.DataFrame)]
    found += [batch async for batch in runs.iter_histories(keys=["loss"], format="polars")]
    found.append(assert_type(await runs.configs(format="polars"), pl.DataFrame))
    found.append(assert_type(await runs.to_polars(), pl.DataFrame))
    found.append(assert_type(await runs.summaries(format="polars"), pl.DataFrame))
    return found


def fixed(api: Api) -> list[pl.DataFrame]:
    dtypes = {"loss": pl.Float64}
    runs = api.runs("entity/project")
    return list(runs.iter_histories(keys=["loss"], format="polars", schema=dtypes))
