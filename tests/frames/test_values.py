"""Configs and summaries of a whole project: equal to a listing, with the requested keys only."""

from __future__ import annotations

import json
import math
from collections import Counter
from typing import TYPE_CHECKING, Literal

import pandas as pd
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.frames import NAMES, PALETTES, column, dtype_of, exact, settle

from wandb_runs import (
    Api,
    BadResponseError,
    InvalidArgumentError,
    NotFoundError,
    Response,
    Run,
    Runs,
)
from wandb_runs.frames.values import build_values, plan_values
from wandb_runs.graphql.scalars import decode
from wandb_runs.testing import log_run
from wandb_runs.transport.http import HttpTransport

if TYPE_CHECKING:
    from wandb_runs import Request
    from wandb_runs.frames.values import Values
    from wandb_runs.graphql.scalars import JSONObject, JSONValue
    from wandb_runs.testing import LocalServer

RUNS = 13
OVER_HTTP = settings(
    deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
WHAT = ("configs", "summaries")

What = Literal["configs", "summaries"]


def config_of(number: int) -> dict[str, JSONValue]:
    """The config of run `number`: some keys in all runs, some in few, some of several kinds."""
    config: dict[str, JSONValue] = {"lr": 10.0**-number if number % 4 else 1, "seed": number}
    if number % 3 == 0:
        config["model"] = {"depth": number, "value": None}
    if number % 3 == 1:
        config["model"] = {"value": [number], "desc": "looks like an envelope"}
    if number % 5 == 0:
        config |= {"dropout": None if number else 0.5, "é.a/b": "naïve", "run_id": "mine"}
    if number == RUNS - 1:
        config = {"_wandb": {"cli_version": "0.31.0"}}
    return config


def summary_of(number: int) -> dict[str, JSONValue]:
    """The summary of run `number`."""
    summary: dict[str, JSONValue] = {
        "_step": number,
        "Total": 1,
        "loss": 1 / number if number else "NaN",
    }
    if number % 4 == 3:
        summary |= {"loss": math.nan, "eval/loss": math.inf, "done": number % 2 == 0}
    if number % 4 == 2:
        summary |= {"table": {"_type": "table", "rows": number}, "mixed": "text" * (number % 3)}
    return summary if number % 6 else {}


@pytest.fixture(scope="module")
def path(wandb_server: LocalServer) -> str:
    for number in range(RUNS):
        log_run(
            wandb_server,
            "team",
            "values",
            f"v{number:02}",
            config=config_of(number),
            summary=summary_of(number),
        )
    return "team/values"


def read(runs: Runs, what: What, keys: list[str] | None) -> list[dict[str, JSONValue]]:
    return runs.configs(keys) if what == "configs" else runs.summaries(keys)


def held(run: Run, what: What, keys: list[str] | None) -> dict[str, JSONValue]:
    """The values of these keys in a listing, without nulls, named as in rows."""
    document = run.config if what == "configs" else run.summary
    if what == "configs" and keys is not None:
        document = run.raw_config
    kept = {
        key: value
        for key, value in document.items()
        if value is not None and (keys is None or key in keys)
    }
    return {"run_id_" if key == "run_id" else key: value for key, value in kept.items()}


def columns_of(rows: list[dict[str, JSONValue]], keys: list[str] | None) -> list[str]:
    return keys or sorted({key for row in rows for key in row})


choices = st.sampled_from(WHAT).flatmap(
    lambda what: st.tuples(
        st.just(what),
        st.none()
        | st.lists(
            st.sampled_from(
                ["lr", "seed", "model", "dropout", "é.a/b", "_wandb", "absent"]
                if what == "configs"
                else ["loss", "_step", "eval/loss", "done", "table", "mixed", "absent"]
            ),
            min_size=1,
            unique=True,
        ),
    )
)


@pytest.mark.filterwarnings("ignore::wandb_runs.UnknownKeyWarning")
@OVER_HTTP
@given(choices, st.integers(1, 20), st.sampled_from(["+created_at", "-config.seed"]))
def test_rows_equal_the_values_of_a_listing_in_its_order(
    api: Api,
    wandb_server: LocalServer,
    path: str,
    choice: tuple[What, list[str] | None],
    per_page: int,
    order: str,
) -> None:
    what, keys = choice
    listed = list(api.runs(path, order=order))
    expected = [held(run, what, keys) for run in listed]
    wandb_server.clear_operations()

    rows = read(api.runs(path, order=order, per_page=per_page), what, keys)

    operation = "ListConfigs" if what == "configs" else "ListSummaries"
    # What no run has is looked up once, and so is an order by what the call does not read.
    is_unknown = any(all(key not in row for row in expected) for key in keys or ())
    is_shown = what == "configs" and (keys is None or "seed" in keys)
    is_looked_up = is_unknown or (order == "-config.seed" and not is_shown)
    requests = {
        operation: math.ceil(RUNS / per_page),
        "ListKeys": int(is_looked_up),
        "ListFields": int(is_unknown),
    }
    assert Counter(wandb_server.operations) == Counter(requests)
    assert [row.pop("run_id") for row in rows] == [run.id for run in listed]
    for name in columns_of(expected, keys):
        assert [name in row for row in rows] == [name in row for row in expected]
        assert exact(column(rows, name)) == exact([*map(settle, column(expected, name))])
    assert {key for row in rows for key in row} <= set(columns_of(expected, keys))


@pytest.mark.filterwarnings("ignore::wandb_runs.UnknownKeyWarning")
@OVER_HTTP
@given(choices)
def test_the_three_formats_hold_the_same_values(
    api: Api, path: str, choice: tuple[What, list[str] | None]
) -> None:
    what, keys = choice
    runs = api.runs(path, per_page=5)
    rows = read(runs, what, keys)
    if what == "configs":
        polars, pandas = runs.configs(keys, format="polars"), runs.configs(keys, format="pandas")
    else:
        polars, pandas = (
            runs.summaries(keys, format="polars"),
            runs.summaries(keys, format="pandas"),
        )
    check_frames(rows, keys, polars, pandas)


def check_frames(
    rows: list[dict[str, JSONValue]],
    keys: list[str] | None,
    polars: pl.DataFrame,
    pandas: pd.DataFrame,
) -> None:
    own = [{key: value for key, value in row.items() if key != "run_id"} for row in rows]
    names = columns_of(own, keys)
    assert polars.columns == list(pandas.columns) == [*names, "run_id"]
    assert len(rows) == len(polars) == len(pandas)
    ids = [row["run_id"] for row in rows]
    assert polars["run_id"].to_list() == pandas["run_id"].tolist() == ids
    for name in names:
        dtype = dtype_of(column(own, name), x_axis=names[0], name=name)
        assert str(polars[name].dtype) == ("String" if dtype in {"Nested", "JSON"} else dtype)
        stored, others = polars[name].to_list(), pandas[name].tolist()
        if dtype in {"Nested", "JSON"}:
            stored = [None if text is None else decode(text) for text in stored]
        if dtype == "JSON":
            others = [text if text is pd.NA else decode(text) for text in others]
        for row, in_polars, in_pandas in zip(own, stored, others, strict=True):
            value = row.get(name)
            if dtype == "Float64" and isinstance(value, int):
                value = float(value)
            assert exact(in_polars) == exact(value)
            if value is None:
                assert str(in_pandas) in {"<NA>", "nan"}
            else:
                assert exact(in_pandas) == exact(value)


@st.composite
def documents(draw: st.DrawFn) -> list[dict[str, JSONValue]]:
    """Draw configs: values of any kind under any name, never null."""
    palettes = {
        name: draw(st.sampled_from(PALETTES)).filter(lambda value: value is not None)
        for name in draw(st.lists(st.sampled_from(NAMES), max_size=5, unique=True))
    }
    return draw(st.lists(st.fixed_dictionaries({}, optional=palettes), max_size=6))


@settings(deadline=None, max_examples=100)
@given(documents(), st.none() | st.lists(st.sampled_from(["_step", "loss", "a.b", ""]), min_size=1))
def test_frames_hold_any_config_or_summary(
    drawn: list[dict[str, JSONValue]], keys: list[str] | None
) -> None:
    requested = None if keys is None else [key for key in dict.fromkeys(keys) if key] or None
    kept = [
        {key: value for key, value in row.items() if requested is None or key in requested}
        for row in drawn
    ]

    def values() -> Values:
        return [
            (f"r{number}", {key: settle(value) for key, value in row.items()})
            for number, row in enumerate(kept)
        ]

    plan = plan_values(requested)
    rows = build_values(values(), plan, to="default")
    polars = build_values(values(), plan, to="polars")
    pandas = build_values(values(), plan, to="pandas")
    assert isinstance(rows, list)
    assert isinstance(polars, pl.DataFrame)
    assert isinstance(pandas, pd.DataFrame)
    assert [row["run_id"] for row in rows] == [run_id for run_id, _ in values()]
    assert [len(row) for row in rows] == [len(row) + 1 for row in kept]
    check_frames(rows, requested, polars, pandas)


class Recording:
    """A transport that records the answers."""

    def __init__(self, inner: HttpTransport) -> None:
        self.inner = inner
        self.received: list[bytes] = []

    def send(self, request: Request, /) -> Response:
        response = self.inner.send(request)
        self.received.append(response.content)
        return response


def test_only_the_requested_keys_are_sent_by_the_server(wandb_server: LocalServer) -> None:
    log_run(
        wandb_server,
        "team",
        "large",
        "r",
        config={"lr": 0.5, "notes": "c" * 5000},
        summary={"loss": 0.5, "histogram": "s" * 5000},
    )
    recording = Recording(HttpTransport(wandb_server.url))
    with Api(base_url=wandb_server.url, api_key="k" * 40, transport=recording) as api:
        assert api.runs("team/large").configs(["lr"]) == [{"lr": 0.5, "run_id": "r"}]
        assert api.runs("team/large").summaries(["loss"]) == [{"loss": 0.5, "run_id": "r"}]
        run = api.runs("team/large", config_keys=["lr"], summary_keys=["loss"])[0]
        assert run.config == {"lr": 0.5}
        assert run.summary == {"loss": 0.5}
        run.refresh()
        assert run.config == {"lr": 0.5}
        assert run.summary == {"loss": 0.5}
        empty = api.runs("team/large", config_keys=[], summary_keys=())[0]
        assert empty.config == {}
        assert empty.summary == {}
        assert sum(map(len, recording.received)) < 5000
        whole = api.runs("team/large", summary_keys=["loss"])[0]
        assert set(whole.config) == {"lr", "notes"}
        assert whole.summary == {"loss": 0.5}


@pytest.mark.filterwarnings("ignore::wandb_runs.UnknownKeyWarning")
@OVER_HTTP
@given(
    st.none() | st.lists(st.sampled_from(["lr", "model", "seed", "absent", "_wandb"])),
    st.none() | st.lists(st.sampled_from(["loss", "_step", "table", "absent"])),
)
def test_a_listing_has_the_requested_keys(
    api: Api, path: str, config_keys: list[str] | None, summary_keys: list[str] | None
) -> None:
    whole = api.runs(path)
    some = api.runs(path, config_keys=config_keys, summary_keys=summary_keys)
    assert list(some) == list(whole)
    for run, full in zip(some, whole, strict=True):
        assert exact(run.raw_config) == exact(cut(full.raw_config, config_keys))
        assert exact(run.config) == exact(cut(full.config, config_keys))
        assert exact(run.summary) == exact(cut(full.summary, summary_keys))


def cut(document: JSONObject, keys: list[str] | None) -> dict[str, JSONValue]:
    return {key: value for key, value in document.items() if keys is None or key in keys}


class IgnoresKeys:
    """A transport to a server that sends all keys, not only the requested ones."""

    def send(self, request: Request, /) -> Response:
        del request
        node = {
            "id": "r",
            "config": '{"lr": {"value": 1}, "seed": {"value": 2}}',
            "summaryMetrics": '{"loss": 3, "accuracy": 4}',
        }
        runs = {"edges": [{"node": node, "cursor": "a"}], "pageInfo": {"hasNextPage": False}}
        return answered({"project": {"runs": runs}})


def answered(data: object) -> Response:
    return Response(status=200, headers={}, content=json.dumps({"data": data}).encode())


def test_keys_are_applied_where_a_server_ignores_them() -> None:
    with Api(base_url="http://127.0.0.1:9", api_key="k" * 40, transport=IgnoresKeys()) as api:
        assert api.runs("team/any").configs(["lr"]) == [{"lr": 1, "run_id": "r"}]
        assert api.runs("team/any").summaries(["loss"]) == [{"loss": 3, "run_id": "r"}]
        run = api.runs("team/any", config_keys=["seed"], summary_keys=[])[0]
        assert run.config == {"seed": 2}
        assert run.summary == {}


class Broken:
    """A transport to a server whose documents are not JSON objects."""

    def __init__(self, stored: str) -> None:
        self.stored = stored

    def send(self, request: Request, /) -> Response:
        del request
        node = {"id": "bad", "config": self.stored, "summaryMetrics": self.stored}
        runs = {"edges": [{"node": node, "cursor": "a"}], "pageInfo": {"hasNextPage": False}}
        return answered({"project": {"runs": runs}})


@pytest.mark.parametrize(("stored", "found"), [("{", "not JSON"), ("[1]", "JSON list")])
def test_an_unreadable_document_is_an_error_with_its_run(stored: str, found: str) -> None:
    with Api(base_url="http://127.0.0.1:9", api_key="k" * 40, transport=Broken(stored)) as api:
        for use in (Runs.configs, Runs.summaries):
            with pytest.raises(BadResponseError, match=f"'bad' is .*{found}"):
                use(api.runs("team/any"))


def test_an_empty_result_keeps_its_columns(api: Api, path: str) -> None:
    runs = api.runs(path, {"config.seed": {"$gt": 1000}})
    assert runs.configs(["lr"]) == []
    assert runs.configs(["lr"], format="polars").schema == {
        "lr": pl.Float64(),
        "run_id": pl.String(),
    }
    assert runs.summaries(format="polars").columns == ["run_id"]
    assert list(runs.summaries(format="pandas").columns) == ["run_id"]


@pytest.mark.parametrize("path_of", ["team/nothing", "other/values"])
def test_a_missing_project_is_an_error_with_its_path(api: Api, path: str, path_of: str) -> None:
    for use in (Runs.configs, Runs.summaries):
        with pytest.raises(NotFoundError, match=path_of):
            use(api.runs(path_of))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"keys": "loss"}, r"\['loss'\]"),
        ({"keys": []}, "empty"),
        ({"keys": [1]}, "str"),
        ({"keys": ["run_id"]}, "run_id"),
        ({"format": "csv"}, "'default', 'pandas', 'polars'"),
    ],
)
def test_wrong_arguments_are_refused_before_a_request(
    api: Api, wandb_server: LocalServer, arguments: dict[str, object], message: str
) -> None:
    wandb_server.clear_operations()
    for use in (Runs.configs, Runs.summaries):
        with pytest.raises(InvalidArgumentError, match=message):
            use(api.runs("team/values"), **arguments)  # type: ignore[call-overload] # wrong on purpose
    assert wandb_server.operations == ()


@pytest.mark.parametrize("argument", ["config_keys", "summary_keys"])
@pytest.mark.parametrize("keys", ["lr", [1], [""], {"lr"}])
def test_wrong_keys_of_a_listing_are_refused_with_the_argument(
    api: Api, argument: str, keys: list[str]
) -> None:
    with pytest.raises(InvalidArgumentError, match=argument):
        api.runs("team/values", **{argument: keys})  # type: ignore[arg-type] # wrong on purpose


@pytest.mark.parametrize("name", ["*", "^x$", "^.*$"])
@pytest.mark.parametrize("what", WHAT)
def test_a_key_that_polars_reads_as_a_pattern_is_a_column(
    wandb_server: LocalServer, api: Api, what: What, name: str
) -> None:
    document: JSONObject = {name: 1, "x": 2}
    log_run(wandb_server, "team", "patterns", "r", config=document, summary=document)
    runs = api.runs("team/patterns")
    call = runs.configs if what == "configs" else runs.summaries
    expected = {**dict(sorted(document.items())), "run_id": "r"}
    for keys in (None, sorted(document)):
        assert call(keys, format="polars").rows(named=True) == [expected]
