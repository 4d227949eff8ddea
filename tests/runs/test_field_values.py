"""What runs hold, by fields with a type: of one run, and of all runs of a listing."""

from __future__ import annotations

import json
import logging
import math
import pickle
import warnings
from datetime import UTC, datetime
from enum import Enum
from typing import TYPE_CHECKING, Any, Literal, cast

import anyio
import anyio.lowlevel
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, TypeAdapter, field_validator
from support.generated_runs import NOW, fill
from typing_extensions import TypedDict

from wandb_runs import (
    Api,
    AsyncApi,
    Config,
    DriftWarning,
    FieldValidationError,
    HttpTransport,
    InvalidArgumentError,
    MissingValueError,
    NotFoundError,
    Runs,
    RunValidationError,
    State,
    Summary,
    UnknownKeyWarning,
    WandbRunsError,
)
from wandb_runs.testing import LocalServer, log_run
from wandb_runs.testing.faults import Status

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from wandb_runs import AsyncRun, JSONObject, JSONValue, Request, Response, Run

LR = Config("lr", type=float)
LOSS = Summary("loss", type=float)
DEPTH = Config("model", "depth", type=int)


class Optimizer(Enum):
    ADAM = "adam"
    SGD = "sgd"


class Layers(BaseModel):
    depth: int


class LayersDict(TypedDict):
    depth: int


class Loud(BaseModel):
    lr: float

    @field_validator("lr")
    @classmethod
    def refuse(cls, value: object) -> object:
        raise LookupError(f"no rate like {value}")


@pytest.fixture(scope="module")
def one(wandb_server: LocalServer, api: Api) -> Run:
    config: JSONObject = {
        "lr": 1,
        "text": "0.5",
        "bad": "fast",
        "null": None,
        "nan": "NaN",
        "opt": "adam",
        "flag": True,
        "since": "2026-01-31T00:00:00Z",
        "widths": [1, "2"],
        "mixed": ["NaN", 1],
        "model": {"depth": 3, "a.b": {"c": 1}, "lr": "low"},
        "loud": {"lr": 1},
        "x.y": {"z": 5},
        "long": "x" * 5000,
    }
    summary: JSONObject = {
        "loss": "NaN",
        "up": "Infinity",
        "n": {"min": 0.5, "max": "-Infinity"},
        "flat.min": 1,
        "flat": {"min": 2},
    }
    log_run(wandb_server, "team", "fields", "r", config=config, summary=summary)
    return api.run("team/fields/r")


def same(one: object, other: object) -> bool:
    return (one == other or repr(one) == repr(other)) and type(one) is type(other)


READ: list[tuple[Any, object]] = [
    (LR, 1.0),
    (Config("text", type=float), 0.5),
    (Config("text", type=str), "0.5"),
    (Config("nan", type=float), math.nan),
    (Config[float | None]("nan"), math.nan),
    (Config("nan", type=str), "NaN"),
    (Config("lr", type=bool), True),
    (Config("flag", type=int), 1),
    (Config("flag", type=bool), True),
    (Config("opt", type=Optimizer), Optimizer.ADAM),
    (Config[Literal["adam", "sgd"]]("opt"), "adam"),
    (Config("since", type=datetime), datetime(2026, 1, 31, tzinfo=UTC)),
    (Config("widths", type=list[int]), [1, 2]),
    (Config("widths", type=tuple[int, int]), (1, 2)),
    (Config("mixed", type=list[float]), [math.nan, 1.0]),
    (DEPTH, 3),
    (Config("model", "a.b", "c", type=int), 1),
    (Config("model", "a", "b", "c", type=int), 1),
    (Config("model", type=Layers), Layers(depth=3)),
    (Config("model", type=LayersDict), {"depth": 3}),
    (Config("model", type=dict[str, object]), {"depth": 3, "a.b": {"c": 1}, "lr": "low"}),
    (Config("x.y", "z", type=int), 5),
    (Config[float | None]("null"), None),
    (Config[float | None]("absent"), None),
    (Config[float | None]("lr", "nested"), None),
    (LOSS, math.nan),
    (Summary("up", type=float), math.inf),
    (Summary("n", "min", type=float), 0.5),
    (Summary("n.min", type=float), 0.5),
    (Summary("n", "max", type=float), -math.inf),
    (Summary("flat", "min", type=int), 1),
    (Summary("flat.min", type=int), 1),
]


@pytest.mark.parametrize(("field", "value"), READ, ids=lambda each: repr(each)[:60])
def test_a_value_has_the_type_of_its_field(one: Run, field: Any, value: object) -> None:  # noqa: ANN401 # of several types
    assert same(one[field], value)
    assert same(one.get(field, ...), ... if value is None else value)


def test_a_field_without_a_type_has_what_the_document_has(one: Run) -> None:
    for key in one.config:
        assert one[Config(key)] == one.config[key]
    assert one[Config("null")] is None
    assert one.get(Config("null"), 1) is None
    assert one[Summary("loss")] == "NaN"
    widths = cast("list[object]", one[Config("widths")])
    with pytest.raises(TypeError, match="read-only"):
        widths.append(3)


def test_values_are_made_anew_each_time(one: Run) -> None:
    field = Config("widths", type=list[int])
    one[field].append(3)
    assert one[field] == [1, 2]


MISSING: list[tuple[Any, str]] = [
    (Config("lrr", type=float), r"no value of Config\('lrr', type=float\); did you mean 'lr'\?"),
    (Config("lrr"), r"no value of Config\('lrr'\); did you mean 'lr'\? Write run.get"),
    (
        Config("null", type=float),
        r"has null for .*Write Config\[float \| None\]\('null'\) for None",
    ),
    (Config("model", "width", type=int), r"Config\[int \| None\]\('model', 'width'\)"),
    (Config("lr", "depth", type=int), "no value"),
    (Config("model.depth", type=int), "no value"),
    (Summary("absent", type=float), "no value"),
]


@pytest.mark.parametrize(("field", "message"), MISSING, ids=lambda each: repr(each)[:60])
def test_a_missing_value_is_an_error_that_names_run_and_field(
    one: Run,
    field: Any,  # noqa: ANN401 # of several types
    message: str,
) -> None:
    with pytest.raises(MissingValueError, match=message) as caught:
        one[field]
    error = caught.value
    assert isinstance(error, KeyError)
    assert (error.path, error.field) == ("team/fields/r", repr(field))
    assert str(error) == error.message
    assert error.message.startswith("run 'team/fields/r' has n")
    assert pickle.loads(pickle.dumps(error)).field == error.field
    assert one.get(field) is None
    assert one.get(field, "other") == "other"


MISFITS: list[tuple[Any, str]] = [
    (
        Config("bad", type=float),
        r"^Config\('bad', type=float\) of run 'team/fields/r' is no float: the value is 'fast' \(",
    ),
    (Config[float | None]("bad"), r"is no float \| None: float is 'fast'|the value is 'fast'"),
    (Config("text", type=int), "is '0.5'"),
    (Config("opt", type=bool), "is 'adam'"),
    (Config[Literal["a"]]("opt"), "is 'adam'"),
    (Config("model", type=int), "is {'depth': 3"),
    (Config("widths", type=list[bool]), "1 is '2'"),
    (Config("long", type=float), r"is 'x{79}… \("),
    (Summary("n", type=Layers), "depth is missing"),
    (Summary("loss", type=int), "is 'NaN'"),
]


@pytest.mark.parametrize(("field", "message"), MISFITS, ids=lambda each: repr(each)[:60])
def test_a_misfit_names_run_field_and_value(one: Run, field: Any, message: str) -> None:  # noqa: ANN401 # of several types
    with pytest.raises(FieldValidationError, match=message):
        one.get(field, 1)
    with pytest.raises(FieldValidationError, match=message) as caught:
        one[field]
    error = caught.value
    assert isinstance(error, RunValidationError)
    assert (error.path, error.part) == ("team/fields/r", field.section)
    assert error.field == repr(field)
    assert len(error.message) < 400
    assert pickle.loads(pickle.dumps(error)).problems == error.problems


def test_what_a_validator_raises_names_the_run(one: Run) -> None:
    with pytest.raises(LookupError, match="no rate like 1") as caught:
        one[Config("loud", type=Loud)]
    assert caught.value.__notes__ == [
        "while Config('loud', type=Loud) of run 'team/fields/r' was validated"
    ]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ("lr", r"run\[…\] takes a field .*not 'lr'; write Config\('lr'\) or Summary\('lr'\)"),
        (0, "not 0"),
        (float, "not <class 'float'>"),
        (State, "State; attributes are read from the run itself"),
    ],
)
def test_what_is_no_field_is_refused(one: Run, wrong: Any, message: str) -> None:  # noqa: ANN401 # what is refused
    with pytest.raises(InvalidArgumentError, match=message):
        one[wrong]
    with pytest.raises(InvalidArgumentError, match=message):
        one.get(wrong, 1)


def test_a_run_is_still_no_sequence(one: Run) -> None:
    some: Any = one
    with pytest.raises(TypeError):
        iter(some)
    with pytest.raises(TypeError):
        _ = "lr" in some


def test_a_refresh_reads_anew(wandb_server: LocalServer, api: Api) -> None:
    log_run(wandb_server, "team", "again", "r", config={"lr": 1})
    run = api.run("team/again/r")
    assert run[LR] == 1.0
    log_run(wandb_server, "team", "again", "r", config={"lr": 2})
    run.refresh()
    assert run[LR] == 2.0
    assert pickle.loads(pickle.dumps(run))[LR] == 2.0


def test_models_of_a_listing_leave_fields_as_they_are(api: Api, one: Run) -> None:
    run = api.runs("team/fields", config=dict[str, object], summary=dict[str, object])[0]
    assert run[LR] == 1.0
    assert math.isnan(run[LOSS])


def test_a_listing_of_some_keys_refuses_others(api: Api, one: Run) -> None:
    run = api.runs("team/fields", config_keys=["lr", "model.depth", "x.y"], summary_keys=[])[0]
    assert (run[LR], run[DEPTH], run[Config("x.y", "z")]) == (1.0, 3, 5)
    for field in (Config("text", type=float), LOSS):
        with pytest.raises(InvalidArgumentError, match=f"add .* to {field.section}_keys="):
            run[field]
        with pytest.raises(InvalidArgumentError, match=f"add .* to {field.section}_keys="):
            run.get(field, 1.0)


json_values: st.SearchStrategy[JSONValue] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
    | st.sampled_from(["NaN", "Infinity", "-Infinity", "nan", "1", "0.5", "true"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=2),
    max_leaves=5,
)
ADAPTED: list[Any] = [float, int, str, bool, list[float], dict[str, int], float | None, int | str]


@given(json_values, st.sampled_from(ADAPTED))
def test_values_are_what_pydantic_makes_of_them(value: JSONValue, kind: Any) -> None:  # noqa: ANN401 # of several types
    made = Config[kind]("k").value_type
    assert made is not None
    try:
        expected = TypeAdapter(kind).validate_python(value)
    except ValueError:
        if "NaN" in repr(value) or "Infinity" in repr(value):
            return
        with pytest.raises(Exception, match="is "):
            made.read(value)
    else:
        assert same(made.read(value), expected)


# All runs of a listing.


@pytest.fixture(scope="module")
def server() -> Iterator[LocalServer]:
    with LocalServer(clock=lambda: NOW) as server:
        yield server


@pytest.fixture(scope="module")
def mixed(wandb_server: LocalServer) -> str:
    """Of every four runs one has no learning rate, and one has one that is no number."""
    for number in range(22):
        config: dict[str, JSONValue] = {"lr": number / 10, "n": number, "other": "x" * 100}
        if number % 4 == 1:
            del config["lr"]
        if number % 4 == 2:
            config["lr"] = "fast"
        log_run(
            wandb_server,
            "team",
            "mixed-fields",
            f"run{number:02}",
            config=config,
            summary={"loss": "NaN" if number % 3 else number},
        )
    return "team/mixed-fields"


N = Config("n", type=int)
FITTING = [number for number in range(22) if number % 4 not in (1, 2)]


async def awaited(url: str, path: str, *fields: Any, **options: Any) -> list[tuple[object, ...]]:  # noqa: ANN401 # of several types
    on_invalid = options.pop("on_invalid", "raise")
    async with AsyncApi(base_url=url, api_key="k" * 40) as api:
        runs: Any = api.runs(path, **options)
        return [each async for each in runs.values(*fields, on_invalid=on_invalid)]


def test_values_come_in_the_order_of_runs_with_these_keys_alone(
    wandb_server: LocalServer, api: Api, many: str
) -> None:
    fields = (Config("lr", type=float), DEPTH, Summary[float | None]("loss"))
    runs = api.runs(many, {"group": "group-1"}, "-config.lr", per_page=4)
    expected = [tuple(run[field] for field in fields) for run in runs]
    fresh = api.runs(many, {"group": "group-1"}, "-config.lr", per_page=4)
    values = fresh.values(*fields)
    found = list(values)
    assert found == expected
    assert len(found) > 10
    assert [*values] == []
    options = {"filters": {"group": "group-1"}, "order": "-config.lr", "per_page": 4}
    assert anyio.run(lambda: awaited(wandb_server.url, many, *fields, **options)) == expected


WRONG_VALUES: list[tuple[Callable[[Any], object], str]] = [
    (lambda runs: runs.values(), "values takes a field"),
    (lambda runs: runs.values("lr"), r"values\(…\) takes a field"),
    (lambda runs: runs.values(State), "attributes are read from the run itself"),
    (lambda runs: runs.values([LR]), "takes a field"),
    (lambda runs: runs.values(LR, on_invalid="skipp"), "did you mean 'skip'"),
]


class Recorder:
    """A transport that keeps what each request asks for."""

    def __init__(self, url: str) -> None:
        self.inner = HttpTransport(url)
        self.asked: list[JSONObject] = []

    def send(self, request: Request, /) -> Response:
        body = json.loads(request.content or b"{}")
        self.asked.append(body["variables"])
        return self.inner.send(request)


def test_only_the_keys_of_the_fields_travel(wandb_server: LocalServer, many: str) -> None:
    recorder = Recorder(wandb_server.url)
    with Api(base_url=wandb_server.url, api_key="k" * 40, transport=recorder) as api:
        runs = api.runs(many, per_page=20, config_keys=["optimizer"])
        assert len([*runs.values(LR, DEPTH, LR)]) == 47
        asked = [(each["configKeys"], each["summaryKeys"]) for each in recorder.asked]
        assert {json.dumps(each) for each in asked} == {
            json.dumps([["lr", "model.depth", "model"], []])
        }
        assert len(asked) >= 3


def test_nothing_is_sent_before_a_tuple_is_taken_and_pages_are_lazy(
    wandb_server: LocalServer, api: Api, many: str
) -> None:
    runs = api.runs(many, per_page=5)
    wandb_server.clear_operations()
    values = runs.values(LR, DEPTH)
    assert wandb_server.operations == ()
    for _ in range(5):
        next(values)
    assert [*wandb_server.operations] == ["ListRuns"]
    assert len([*values]) == 42


def test_a_listing_that_was_read_is_not_asked_again(
    wandb_server: LocalServer, api: Api, many: str
) -> None:
    runs = api.runs(many)
    expected = [(run[LR],) for run in runs]
    wandb_server.clear_operations()
    assert [*runs.values(LR)] == expected
    assert wandb_server.operations == ()


def test_errors_do_not_end_the_loop(api: Api, mixed: str) -> None:
    values = api.runs(mixed, per_page=5).values(N, LR)
    taken = [next(values)[0]]
    for kind, run_id in [(MissingValueError, "run01"), (FieldValidationError, "run02")]:
        with pytest.raises(kind, match=run_id):
            next(values)
    taken += [next(values)[0] for _ in range(2)]
    with pytest.raises(MissingValueError, match="run05"):
        next(values)
    with pytest.raises(FieldValidationError, match="run06"):
        next(values)
    taken.append(next(values)[0])
    assert taken == FITTING[:4]


@pytest.mark.parametrize("half", ["blocking", "async"])
def test_runs_that_do_not_fit_are_skipped_with_a_warning_in_the_log(
    wandb_server: LocalServer, api: Api, mixed: str, half: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "wandb_runs"):
        if half == "blocking":
            found: list[Any] = [*api.runs(mixed, per_page=3).values(N, LR, on_invalid="skip")]
        else:
            found = anyio.run(
                lambda: awaited(wandb_server.url, mixed, N, LR, on_invalid="skip", per_page=3)
            )
    assert [n for n, _ in found] == FITTING
    assert len(caplog.records) == 22 - len(FITTING)
    assert "run 'team/mixed-fields/run01' is left out" in caplog.text
    assert "'fast'" in caplog.text


def test_a_type_that_takes_none_takes_runs_without_a_value(api: Api, mixed: str) -> None:
    rates = [lr for (lr,) in api.runs(mixed).values(Config[float | str | None]("lr"))]
    assert rates[:4] == [0.0, None, "fast", 0.3]
    assert len(rates) == 22


def test_limits_and_checkpoints_hold(api: Api, mixed: str) -> None:
    assert [n for (n,) in api.runs(mixed, limit=7, per_page=3).values(N)] == [*range(7)]
    loop = iter(api.runs(mixed, per_page=3))
    for _ in range(4):
        next(loop)
    rest = api.runs(mixed, checkpoint=loop.checkpoint(), limit=9)
    assert [n for (n,) in rest.values(N)] == [*range(4, 9)]
    chosen = api.runs(mixed).with_ids(["run03", "run01"])
    assert [n for (n,) in chosen.values(N)] == [1, 3]


class Rate(BaseModel):
    lr: float


def test_a_listing_that_skips_runs_leaves_them_out(api: Api, mixed: str) -> None:
    runs = api.runs(mixed, config=Rate, on_invalid="skip", per_page=3)
    assert [n for (n,) in runs.values(N)] == FITTING
    some = api.runs(mixed, config=Rate, on_invalid="skip", config_keys=["lr"])
    assert [lr for (lr,) in some.values(LR)] == [number / 10 for number in FITTING]
    with pytest.raises(InvalidArgumentError, match="add 'n' to config_keys="):
        some.values(N)


def test_models_that_raise_do_not_matter_to_values(api: Api, mixed: str) -> None:
    assert [n for (n,) in api.runs(mixed, config=Rate).values(N)] == [*range(22)]


def test_failed_requests_are_sent_again_by_the_next_call(
    wandb_server: LocalServer, many: str
) -> None:
    with Api(base_url=wandb_server.url, api_key="k" * 40, max_retries=0) as api:
        values = api.runs(many, per_page=10).values(LR)
        first = [next(values) for _ in range(10)]
        wandb_server.fail(Status(400))
        with pytest.raises(WandbRunsError) as caught:
            next(values)
        rest = api.runs(many, per_page=10, checkpoint=caught.value.checkpoint)
        assert [*values] == [*rest.values(LR)]
        assert len(first) + len(rest) == 47


def test_unknown_keys_are_told_with_the_nearest(api: Api, mixed: str) -> None:
    with pytest.warns(UnknownKeyWarning, match="values: none of the .* 'lrr'.*'lr'") as told:
        found = [*api.runs(mixed).values(Config[float | None]("lrr"), N)]
    assert [lr for lr, _ in found] == [None] * 22
    warning = told[0].message
    assert isinstance(warning, UnknownKeyWarning)
    assert (warning.argument, warning.nearest) == ("values", {"lrr": "lr"})


@pytest.mark.parametrize(("wrong", "message"), WRONG_VALUES)
@pytest.mark.parametrize("kind", [Api, AsyncApi])
def test_wrong_arguments_are_refused_before_any_request(
    kind: Any,  # noqa: ANN401 # either
    wrong: Callable[[Any], object],
    message: str,
) -> None:
    nowhere = kind(base_url="http://127.0.0.1:9", api_key="k", max_retries=0)
    with pytest.raises(InvalidArgumentError, match=message):
        wrong(nowhere.runs("team/mnist"))


def test_a_project_that_is_not_there_is_an_error(api: Api) -> None:
    values = api.runs("team/nowhere-to-be-found").values(LR)
    for _ in range(2):
        with pytest.raises(NotFoundError):
            next(values)


def test_several_tasks_share_one_loop(wandb_server: LocalServer, many: str) -> None:
    async def take() -> list[float]:
        found: list[float] = []
        async with AsyncApi(base_url=wandb_server.url, api_key="k" * 40) as api:
            values = api.runs(many, per_page=3).values(Config("lr", type=float))

            async def consume() -> None:
                async for (lr,) in values:
                    found.append(lr)
                    await anyio.lowlevel.checkpoint()

            async with anyio.create_task_group() as group:
                for _ in range(4):
                    group.start_soon(consume)
        return found

    found = anyio.run(take)
    assert sorted(found) == sorted(10.0 ** -(number % 4) for number in range(47))


def test_an_awaited_run_has_the_same_values(wandb_server: LocalServer, one: Run) -> None:
    async def read() -> AsyncRun:
        async with AsyncApi(base_url=wandb_server.url, api_key="k" * 40) as api:
            return await api.run("team/fields/r")

    run = anyio.run(read)
    for field, value in READ:
        assert same(run[field], value)
        assert same(run.get(field, ...), ... if value is None else value)


@settings(max_examples=20)
@given(
    numbers=st.lists(st.integers(0, 5), min_size=1, max_size=12),
    per_page=st.integers(1, 5),
    descending=st.booleans(),
)
def test_values_are_those_of_a_loop_whatever_the_pages(
    server: LocalServer, numbers: list[int], per_page: int, descending: bool
) -> None:
    runs: list[Any] = [
        {
            "username": "me",
            "stored": "finished",
            "state": "finished",
            "created_at": NOW - 1000 + at,
            "config": {"n": {"value": number}},
            "summary_metrics": {"n": number},
        }
        for at, number in enumerate(numbers)
    ]
    project = fill(server.store, runs)
    order = N.desc() if descending else N.asc()
    with Api(base_url=server.url, api_key="k" * 40) as api, warnings.catch_warnings():
        warnings.simplefilter("error", DriftWarning)
        listed: Runs = api.runs(f"me/{project}", order=order, per_page=per_page)
        found = [n for n, _ in listed.values(N, Summary("n", type=int))]
        assert found == [run[N] for run in listed]
        assert found == sorted(numbers, reverse=descending)


# Tables.


def test_a_table_has_the_values_of_fields(api: Api, one: Run) -> None:
    fields: list[Any] = [
        LR,
        Config("text", type=float),
        Config("nan", type=float),
        Config("flag", type=int),
        Config("opt", type=Optimizer),
        DEPTH,
        Config("x.y", "z"),
        Config("absent", type=float),
        "long",
    ]
    metrics: list[Any] = [LOSS, Summary("n", "min", type=float)]
    runs = api.runs("team/fields")
    with pytest.warns(UnknownKeyWarning, match="'absent'"):
        table = runs.to_polars(attributes=["id"], config=fields, summary=metrics)
    keys = ["lr", "text", "nan", "flag", "opt", "model.depth", "x.y.z", "absent", "long"]
    names = [f"config.{key}" for key in keys]
    assert table.columns == [
        "id",
        *names,
        *("summary.loss", "summary.n.min"),
    ]
    row = table.row(0, named=True)
    values: list[Any] = [1.0, 0.5, math.nan, 1, "adam", 3, 5, None, one.config["long"]]
    assert [*map(repr, (row[name] for name in names))] == [*map(repr, values)]
    assert row["summary.n.min"] == 0.5
    assert math.isnan(row["summary.loss"])
    assert str(table.schema["config.lr"]) == "Float64"


def test_a_table_of_fields_asks_for_their_keys_alone(
    wandb_server: LocalServer, api: Api, many: str
) -> None:
    some = api.runs(many, config_keys=["optimizer"])
    assert len(some.table(attributes=False, config=[LR, DEPTH], summary=False)) == 47
    wandb_server.clear_operations()
    runs = api.runs(many)
    runs.table()
    told = wandb_server.operations
    rows = runs.table(attributes=["id"], config=[LR], summary=False)
    assert wandb_server.operations == told
    assert [row["config.lr"] for row in rows] == [run[LR] for run in runs]


def test_a_table_refuses_what_does_not_fit(api: Api, mixed: str) -> None:
    runs = api.runs(mixed)
    with pytest.raises(FieldValidationError, match=r"run02.* is no float: the value is 'fast'"):
        runs.table(config=[LR])
    rates = runs.to_polars(config=[Config[float | str]("lr")], summary=False)["config.lr"]
    assert rates.null_count() == len([n for n in range(22) if n % 4 == 1])
    wrong: Any = runs
    for arguments, message in (
        ({"config": [LOSS]}, r"config\[0\] is of the config; Summary.* belongs in summary="),
        ({"summary": ["loss", LR]}, r"summary\[1\] is of the summary; Config.* in config="),
        ({"config": [LR, Config("lr", type=str)]}, "two types for one column"),
        ({"config": LR}, "config is True, False or a list"),
        ({"attributes": [LR]}, "attributes"),
    ):
        with pytest.raises(InvalidArgumentError, match=message):
            wrong.table(**arguments)
