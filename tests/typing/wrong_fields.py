"""Uses of fields with a type that type checkers reject, each line that ends in `# wrong`."""

from __future__ import annotations

from datetime import datetime
from enum import Enum
from typing import Literal, TypedDict, assert_type

from pydantic import BaseModel

from wandb_runs import Api, AsyncRun, AsyncRuns, Config, JSONValue, Run, Runs, State, Summary


class Optimizer(Enum):
    ADAM = "adam"


class Layers(BaseModel):
    depth: int


class Shape(TypedDict):
    width: int


LR = Config("lr", type=float)
LOSS = Summary("loss", type=float)
DEPTH = Config("model", "depth", type=int)
MAYBE = Config[float | None]("lr")
WORD = Config[Literal["adam", "sgd"]]("optimizer")
ANY = Config("lr")
WIDTHS = Config("widths", type=list[int])
SINCE = Config("since", type=datetime)
OPTIMIZER = Config("optimizer", type=Optimizer)
LAYERS = Config("model", type=Layers)
SHAPE = Config("shape", type=Shape)


def declare_wrongly() -> None:
    Config("lr", type=0.1)  # wrong
    Config("lr", type="float")  # wrong
    Config("lr", float)  # wrong
    Config(type=float)  # wrong
    Config("lr", kind=float)  # wrong
    Config[float](3)  # wrong
    Summary("loss", type=Layers(depth=1))  # wrong


def read_wrongly(run: Run, awaited: AsyncRun) -> str:
    run["lr"]  # wrong
    run[0]  # wrong
    run[State]  # wrong
    run[LR, LOSS]  # wrong
    run[LR].upper()  # wrong
    run[DEPTH].append(1)  # wrong
    run[MAYBE] + 1  # wrong
    run[ANY] + 1  # wrong
    run[LAYERS].width  # wrong
    run[SHAPE]["depth"]  # wrong
    depth: int = run[LR]  # wrong
    word: Literal["adam"] = run[WORD]  # wrong
    run.get("lr")  # wrong
    run.get(State)  # wrong
    run.get(LR) + 1  # wrong
    number: float = run.get(LR, "none")  # wrong
    run.get(LR, default=0.1, other=1)  # wrong
    awaited["lr"]  # wrong
    awaited[LR].upper()  # wrong
    assert_type((depth, word, number), tuple[int, Literal["adam"], float])
    for _ in run:  # wrong
        pass
    return run[LR]  # wrong


def compare_wrongly(api: Api, since: datetime, value: JSONValue) -> None:
    LR < "x"  # wrong
    LR < None  # wrong
    LR >= [0.1]  # wrong
    "x" > LR  # wrong
    MAYBE < None  # wrong
    MAYBE > "x"  # wrong
    DEPTH <= 1.5  # wrong
    SINCE < 3  # wrong
    WIDTHS < [1]  # wrong
    LAYERS < Layers(depth=1)  # wrong
    OPTIMIZER < Optimizer.ADAM  # wrong
    LR < value  # wrong
    LR.is_in(0.1)  # wrong
    LR.is_in(["x"])  # wrong
    LR.is_in([None])  # wrong
    DEPTH.not_in({0.5})  # wrong
    WORD.is_in(["adamw"])  # wrong
    OPTIMIZER.is_in(["adam"])  # wrong
    WIDTHS.contains_all(["a"])  # wrong
    WIDTHS.contains_all(1)  # wrong
    LR.contains_all([0.1])  # wrong
    api.runs("team/mnist", LR == "x")  # wrong
    api.runs("team/mnist", LR == None)  # noqa: E711 # wrong
    api.runs("team/mnist", DEPTH != 1.5)  # wrong
    api.runs("team/mnist", WORD == "adamw")  # wrong
    api.runs("team/mnist", OPTIMIZER == "adam")  # wrong
    api.runs("team/mnist", WIDTHS == ["a"])  # wrong
    api.runs("team/mnist", LR == LOSS)  # wrong
    api.runs("team/mnist", LR)  # wrong
    LR.value_type.kind.other  # wrong


def tabulate_wrongly(runs: Runs) -> None:
    runs.table(config=LR)  # wrong
    runs.table(config="lr")  # wrong
    runs.table(config=[LOSS])  # wrong
    runs.table(config=[LR, LOSS])  # wrong
    runs.table(config={"lr"})  # wrong
    runs.table(config=[1])  # wrong
    runs.table(summary=[LR])  # wrong
    runs.table(attributes=[LR])  # wrong
    runs.to_polars(summary=[State])  # wrong


def loop_wrongly(runs: Runs, awaited: AsyncRuns) -> None:
    runs.values()  # wrong
    runs.values("lr")  # wrong
    runs.values([LR, LOSS])  # wrong
    runs.values(State)  # wrong
    runs.values(LR, LR, LR, LR, LR, LR, LR, LR, LR)  # wrong
    runs.values(LR, on_invalid="ignore")  # wrong
    runs.values(LR)[0]  # wrong
    for _lr, _loss, _more in runs.values(LR, LOSS):  # wrong
        pass
    for (lr,) in runs.values(LR):
        lr.upper()  # wrong
    for _ in awaited.values(LR):  # wrong
        pass
    awaited.values("lr")  # wrong
