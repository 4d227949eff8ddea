"""Charts take tables, and say which call of a listing makes one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

from wandb_runs import AsyncApi, InvalidArgumentError, plots
from wandb_runs.testing import log_run

if TYPE_CHECKING:
    from collections.abc import Callable

    from wandb_runs import Api
    from wandb_runs.testing import LocalServer

Draw = tuple[str, "Callable[[Any], object]"]

DRAWN: list[Draw] = [
    ("histories must be", lambda each: plots.curves(each, "loss")),
    ("table must be", lambda each: plots.curves([{"_step": 0, "loss": 1}], "loss", table=each)),
    ("table must be", lambda each: plots.scatter(each, "config.lr", "summary.loss")),
    ("table must be", lambda each: plots.bars(each, "summary.loss")),
    ("table must be", lambda each: plots.parallel(each, ["config.lr", "summary.loss"])),
]


@pytest.fixture(scope="module")
def tabled(wandb_server: LocalServer) -> str:
    for number in range(3):
        history = [{"loss": 1 / (number + step + 1)} for step in range(3)]
        log_run(
            wandb_server,
            "team",
            "tabled",
            f"r{number}",
            config={"lr": 0.1**number, "model": {"depth": number}},
            history=history,
        )
    return "team/tabled"


@pytest.mark.parametrize(("start", "draw"), DRAWN)
def test_a_listing_is_refused_with_the_call_that_makes_a_table_and_not_read(
    api: Api, tabled: str, start: str, draw: Callable[[Any], object]
) -> None:
    runs = api.runs(tabled)
    call = "histories(...)" if start.startswith("histories") else "table()"
    sent = api.stats.requests
    for each in (runs, AsyncApi(base_url="http://127.0.0.1:1", api_key="k" * 40).runs(tabled)):
        with pytest.raises(InvalidArgumentError) as caught:
            draw(each)
        assert str(caught.value).startswith(start)
        assert f"runs.{call}" in str(caught.value)
    assert api.stats.requests == sent
    with pytest.raises(InvalidArgumentError, match=r"list whose item 0 is Run <Run team/tabled"):
        draw(runs[:2])


def test_tables_and_histories_of_a_listing_are_drawn_as_they_are(api: Api, tabled: str) -> None:
    runs = api.runs(tabled)
    for table in (runs.table(), runs.to_pandas(), runs.to_polars()):
        chart = plots.curves(
            runs.histories(keys=["loss"]), "loss", table=table, color="config.model.depth"
        )
        (rows,) = chart.to_dict()["datasets"].values()
        assert {(row["run_id"], row["color"]) for row in rows} == {
            (f"r{number}", str(number)) for number in range(3)
        }


def test_a_frame_of_no_runs_is_told_as_one_whatever_its_columns(api: Api, tabled: str) -> None:
    none = api.runs(tabled, {"state": "failed"})
    for empty in (none.to_polars(), none.to_pandas()):
        with pytest.raises(InvalidArgumentError, match="table has no rows"):
            plots.bars(empty, "summary.loss")
    with pytest.raises(InvalidArgumentError, match="histories has no rows"):
        plots.curves(none.histories(format="polars"), "loss")
    with pytest.raises(InvalidArgumentError, match="histories is empty"):
        plots.curves(pl.DataFrame(), "loss")
