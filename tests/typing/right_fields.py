"""Programs with fields of a type that type checkers accept; checked, never run."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from typing import Literal, TypedDict, assert_type

import pandas as pd
import polars as pl
from pydantic import BaseModel

from wandb_runs import (
    Api,
    AsyncRun,
    AsyncRuns,
    Condition,
    Config,
    FieldOrder,
    FieldValidationError,
    JSONValue,
    MissingValueError,
    Run,
    Runs,
    RunValidationError,
    State,
    Summary,
    TableRow,
)


class Optimizer(Enum):
    ADAM = "adam"


class Layers(BaseModel):
    depth: int


@dataclass
class Size:
    width: int


class Shape(TypedDict):
    width: int


LR = Config("lr", type=float)
LOSS = Summary("loss", type=float)
DEPTH = Config("model", "depth", type=int)
MAYBE = Config[float | None]("lr")
WORD = Config[Literal["adam", "sgd"]]("optimizer")
EITHER = Summary[int | str]("either")
ANY = Config("lr")
WIDTHS = Config("widths", type=list[int])
SINCE = Config("since", type=datetime)
OPTIMIZER = Config("optimizer", type=Optimizer)
LAYERS = Config("model", type=Layers)
SIZE = Summary("size", type=Size)
SHAPE = Config("shape", type=Shape)


def declare() -> None:
    assert_type(LR, Config[float])
    assert_type(LOSS, Summary[float])
    assert_type(MAYBE, Config[float | None])
    assert_type(ANY, Config[JSONValue])
    assert_type(Config("lr"), Config)
    assert_type(Config[float]("a", "b"), Config[float])
    assert_type(WIDTHS, Config[list[int]])


def read(run: Run, awaited: AsyncRun, bare: Config) -> float:
    assert_type(run[LR], float)
    assert_type(run[LOSS], float)
    assert_type(run[DEPTH], int)
    assert_type(run[MAYBE], float | None)
    assert_type(run[WORD], Literal["adam", "sgd"])
    assert_type(run[EITHER], int | str)
    assert_type(run[ANY], JSONValue)
    assert_type(run[bare], JSONValue)
    assert_type(run[WIDTHS], list[int])
    assert_type(run[OPTIMIZER], Optimizer)
    assert_type(run[LAYERS].depth, int)
    assert_type(run[SIZE], Size)
    assert_type(run[SHAPE]["width"], int)
    assert_type(run.get(LR), float | None)
    assert_type(run.get(LR, 0.1), float)
    assert_type(run.get(LR, "none"), float | str)
    assert_type(run.get(ANY), JSONValue)
    assert_type(awaited[LR], float)
    assert_type(awaited.get(DEPTH, 0), int)
    for either in (LR, DEPTH):
        assert_type(run.get(either, 0.1), float)
    every: list[Config[float] | Config[int] | Summary[float | None]] = [LR, DEPTH]
    assert_type([run[field] for field in every], list[float | None])
    try:
        return run[LR] * run[DEPTH]
    except MissingValueError as error:
        assert_type(error.field, str)
    except FieldValidationError as error:
        assert_type(error.field, str)
        wider: RunValidationError = error
        return len(wider.problems)
    return 0.1


def compare(api: Api, other: str) -> Runs:
    assert_type(LR < 1, Condition)
    assert_type(0.1 >= LR, Condition)
    assert_type(MAYBE > 0.5, Condition)
    assert_type(DEPTH <= 3, Condition)
    assert_type(EITHER != 3, Condition)
    assert_type(SINCE >= datetime(2026, 1, 31, tzinfo=UTC), Condition)
    assert_type(Config("name", type=str) < other, Condition)
    assert_type(LR.is_in([0.1, 1]) & LR.not_in({0.5}), Condition)
    assert_type(MAYBE.is_in([0.1, None]), Condition)
    assert_type(DEPTH.is_in(range(3)), Condition)
    assert_type(WORD.is_in(["adam"]), Condition)
    assert_type(WIDTHS.contains_all([1]) & WIDTHS.size(2), Condition)
    assert_type(Config[list[str] | None]("names").contains_all({"a"}), Condition)
    assert_type(Config("name", type=str).matches("^a") & WORD.contains("ad"), Condition)
    assert_type(LR.exists() & ~LOSS.exists(False), Condition)
    assert_type(LOSS.asc(), FieldOrder)
    assert_type(LR == LOSS, bool)
    api.runs("team/mnist", MAYBE == None)  # noqa: E711 # a comparison on the server
    api.runs("team/mnist", WIDTHS == [1, 2])
    api.runs("team/mnist", OPTIMIZER == Optimizer.ADAM)
    api.runs("team/mnist", SHAPE == Shape(width=3))
    api.runs("team/mnist", LAYERS == Layers(depth=3))
    api.runs("team/mnist", (WORD != "adam") | (EITHER == "a"))
    return api.runs("team/mnist", (State == "finished") & (LR < 0.1), order=LOSS.desc())


def tabulate(runs: Runs, names: list[Literal["a", "b"]]) -> None:
    assert_type(runs.table(config=[LR], summary=[LOSS]), list[TableRow])
    assert_type(runs.to_polars(config=[LR, DEPTH, "seed"], summary=(LOSS, EITHER)), pl.DataFrame)
    assert_type(runs.to_pandas(config=(LR, ANY, "seed"), summary=["loss"]), pd.DataFrame)
    assert_type(runs.table("polars", config=names, summary=[]), pl.DataFrame)


def loop(runs: Runs) -> None:
    for lr, loss in runs.values(LR, LOSS):
        assert_type(lr, float)
        assert_type(loss, float)
    for (maybe,) in runs.values(MAYBE, on_invalid="skip"):
        assert_type(maybe, float | None)
    assert_type(
        runs.values(DEPTH, WORD, ANY), Iterator[tuple[int, Literal["adam", "sgd"], JSONValue]]
    )
    assert_type(
        next(runs.values(LR, DEPTH, WIDTHS, EITHER)), tuple[float, int, list[int], int | str]
    )
    five = next(runs.values(LR, LR, LR, LR, DEPTH))
    assert_type(five, tuple[float, float, float, float, int])
    six = next(runs.values(LR, LR, LR, LR, DEPTH, DEPTH))
    assert_type(six, tuple[float, float, float, float, int, int])
    seven = next(runs.values(LR, LR, LR, LR, DEPTH, DEPTH, LAYERS))
    assert_type(seven, tuple[float, float, float, float, int, int, Layers])
    eight = next(runs.values(LR, LR, LR, LR, DEPTH, DEPTH, LAYERS, SIZE))
    assert_type(eight, tuple[float, float, float, float, int, int, Layers, Size])


async def loop_async(runs: AsyncRuns) -> None:
    async for lr, depth in runs.values(LR, DEPTH, on_invalid="skip"):
        assert_type(lr, float)
        assert_type(depth, int)
    assert_type(await runs.table(config=[LR, "seed"], summary=(LOSS,)), list[TableRow])
    assert_type(runs.values(MAYBE), AsyncIterator[tuple[float | None]])
    eight = await anext(runs.values(LR, LR, LR, LR, DEPTH, DEPTH, LAYERS, SIZE))
    assert_type(eight, tuple[float, float, float, float, int, int, Layers, Size])
