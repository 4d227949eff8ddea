"""A table is what all runs hold: attributes, configs and summaries, a row for each run."""

from __future__ import annotations

import json
import math
from collections import defaultdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, Literal, TypeAlias, TypeVar, cast

import pandas as pd
import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel
from support.files import check_csv, check_pandas_csv, check_pandas_parquet, check_parquet
from support.frames import (
    FLAT,
    NESTED,
    PANDAS,
    PANDAS_WITH_MISSING,
    POLARS,
    column,
    dtype_of,
    exact,
    settle,
)
from support.generated_runs import enveloped, fill, finite, runs

from wandb_runs import (
    Api,
    DriftWarning,
    HiddenValueWarning,
    HttpTransport,
    InvalidArgumentError,
    JSONValue,
    Progress,
    Request,
    Response,
    UnknownKeyWarning,
)
from wandb_runs.graphql.scalars import decode
from wandb_runs.testing import FakeClock, LocalServer, delete_run, log_run

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from support.files import Frame
    from support.filter_language import Run as Given

    from wandb_runs import JSONObject, Run, TableRow

    Document: TypeAlias = "Mapping[str, JSONValue]"

T = TypeVar("T")

WITHOUT_VALUES: Final[Given] = {
    "username": "me",
    "stored": "running",
    "state": "running",
    "created_at": 1728000000.0,
    "heartbeat_at": 1728000000.0,
    "duration": 0.0,
    "config": {},
    "summary_metrics": {},
}

WITH_A_RETURN: Final[Given] = {**WITHOUT_VALUES, "config": {"a": {"value": "\r"}}}

KEY: Final = "k" * 40

ATTRIBUTES: Final = [
    *("id", "name", "state", "created_at", "heartbeat_at", "user"),
    *("group", "job_type", "tags", "sweep", "notes"),
]

KEYS: Final = ["a", "b", "a.b", "b.a", "", "_step", "é\x00", "_type", "\ud83d"]
"""Keys whose dotted names may be alike."""

PALETTES: Final[list[st.SearchStrategy[JSONValue]]] = [
    *FLAT,
    st.lists(NESTED, max_size=2).map(list[JSONValue]),
    st.builds(dict[str, JSONValue]),
]


def nested(values: Mapping[str, st.SearchStrategy[JSONValue]]) -> st.SearchStrategy[JSONValue]:
    return st.fixed_dictionaries({}, optional=dict(values)).map(dict[str, JSONValue])


@st.composite
def documents(draw: st.DrawFn) -> list[dict[str, JSONValue]]:
    """Draw the documents of some runs; each key draws from one palette, as runs of a project do."""
    palettes = {key: draw(st.sampled_from(PALETTES)) | st.none() for key in KEYS}
    leaves = {key: each for key, each in palettes.items() if key != "_type"}
    flat = nested(leaves)
    inner = nested({**palettes, "b": flat | palettes["b"], "a": flat | palettes["a"]})
    outer = st.fixed_dictionaries({}, optional={**leaves, "a": inner, "b": inner | palettes["b"]})
    return draw(st.lists(outer, min_size=1, max_size=4))


def leaves_of(
    document: Document, keys: list[str] | None = None
) -> dict[str, list[tuple[tuple[str, ...], JSONValue]]]:
    """The values of some keys by their dotted names, of each name the one that counts first."""
    found: defaultdict[str, list[tuple[tuple[str, ...], JSONValue]]] = defaultdict(list)

    def visit(path: tuple[str, ...], value: JSONValue) -> None:
        if isinstance(value, dict) and value and "_type" not in value:
            for key, each in value.items():
                visit((*path, key), each)
        elif value is not None:
            outer = {".".join(path[:end]) for end in range(1, len(path) + 1)}
            if keys is None or outer & {*keys}:
                found[".".join(path)].append((path, settle(value)))

    for key, value in document.items():
        visit((key,), value)
    for several in found.values():
        several.sort(key=lambda each: [-len(key) for key in each[0]])
    return {name: found[name] for name in sorted(found)}


def flat(document: Document, keys: list[str] | None = None) -> dict[str, JSONValue]:
    return {name: several[0][1] for name, several in leaves_of(document, keys).items()}


def expected_row(run: Run) -> dict[str, object]:
    """What a table has of a run, from its definition."""
    own: dict[str, object] = {
        "id": run.id,
        "name": run.name,
        "state": run.state,
        "created_at": run.created_at,
        "heartbeat_at": run.heartbeat_at,
        "user": None if run.user is None else run.user.username,
        "group": run.group,
        "job_type": run.job_type,
        "tags": list(run.tags),
        "sweep": run.sweep_name,
        "notes": run.notes,
    }
    own = {name: value for name, value in own.items() if value is not None}
    own.update((f"config.{name}", value) for name, value in flat(run.config).items())
    own.update((f"summary.{name}", value) for name, value in flat(run.summary).items())
    return renamed(own)


def renamed(row: dict[str, T]) -> dict[str, T]:
    """A row with the names that frames can have."""
    return {name.replace("\ud83d", "\\ud83d"): value for name, value in row.items()}


def told(rows: list[TableRow] | list[dict[str, object]]) -> list[str]:
    """Rows as texts that are equal where all values and the order of names are."""
    return [repr([(name, value) for name, value in row.items()]) for row in rows]


@pytest.fixture(scope="module")
def server() -> Iterator[LocalServer]:
    with LocalServer() as server:
        yield server


@pytest.fixture
def clean(server: LocalServer) -> LocalServer:
    server.reset()
    server.clear_operations()
    return server


@pytest.fixture(scope="module")
def own(server: LocalServer) -> Iterator[Api]:
    with Api(base_url=server.url, api_key=KEY, clock=FakeClock()) as api:
        yield api


class Recorder:
    """Sends to a real server, and keeps the variables of listings."""

    def __init__(self, url: str) -> None:
        self.inner = HttpTransport(url)
        self.sent: list[dict[str, object]] = []
        self.size = 0

    def send(self, request: Request, /) -> Response:
        sent = json.loads(request.content)
        if "ListRuns" in sent["query"]:
            self.sent.append(sent["variables"])
        response = self.inner.send(request)
        self.size += len(response.content)
        return response


def as_objects(series: pd.Series) -> list[object]:
    """The cells as Python has them, without types of NumPy."""
    return cast("list[object]", series.astype("object").tolist())


@st.composite
def projects(draw: st.DrawFn) -> list[Given]:
    configs, summaries = draw(documents()), draw(documents())
    given_runs: list[Given] = []
    for config, summary in zip(configs, summaries, strict=False):
        run = draw(runs())
        run["config"], run["summary_metrics"] = enveloped(config), finite(summary)
        given_runs.append(run)
    return given_runs


@pytest.mark.filterwarnings("ignore::wandb_runs.HiddenValueWarning")
@settings(max_examples=25, deadline=None)
@given(projects())
def test_a_table_is_what_runs_hold(server: LocalServer, own: Api, given_runs: list[Given]) -> None:
    listed = own.runs(fill(server.store, given_runs), entity="me")
    expected = [expected_row(run) for run in listed]
    rows = listed.table()
    assert told(rows) == told(expected)
    names = {name for row in expected for name in row}
    names = {name.replace("\\ud83d", "\ud83d") for name in names}
    logged = [
        name.replace("\ud83d", "\\ud83d")
        for part in ("config.", "summary.")
        for name in sorted(names)
        if name.startswith(part)
    ]
    polars, pandas = listed.to_polars(), listed.to_pandas()
    assert polars.columns == [*pandas] == [*ATTRIBUTES, *logged]
    assert polars["id"].to_list() == pandas["id"].tolist() == [run.id for run in listed]
    for name in logged:
        values: list[JSONValue] = column(rows, name)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType] - no attribute
        dtype = dtype_of(values, x_axis="", name=name)
        assert polars[name].dtype == POLARS[dtype]
        kind = (PANDAS if len(values) == len(rows) else PANDAS_WITH_MISSING)[dtype]
        assert pandas[name].dtype == ("string" if kind == "object" else kind)
        cells = [None if each is pd.NA else each for each in as_objects(pandas[name])]
        for found in (cast("list[object]", polars[name].to_list()), cells):
            if dtype not in {"JSON", "Nested"}:
                values = [float(each) if dtype == "Float64" else each for each in values]  # type: ignore[arg-type] # pyright: ignore[reportArgumentType] - a number
            there = [each for each, row in zip(found, rows, strict=True) if name in row]
            if dtype in {"JSON", "Nested"}:
                there = [decode(str(text)) for text in there]
            assert [*map(exact, there)] == [*map(exact, values)]


@pytest.mark.filterwarnings("ignore::wandb_runs.HiddenValueWarning")
@settings(max_examples=25, deadline=None)
@given(projects())
@example(given_runs=[WITH_A_RETURN])
def test_each_table_reads_back_equal_from_files(
    server: LocalServer, own: Api, given_runs: list[Given]
) -> None:
    listed = own.runs(fill(server.store, given_runs), entity="me")
    polars, pandas = listed.to_polars(), listed.to_pandas()
    check_parquet(polars)
    check_csv(polars)
    check_pandas_parquet(pandas)
    check_pandas_csv(pandas)


@pytest.mark.filterwarnings("ignore::wandb_runs.HiddenValueWarning")
@pytest.mark.filterwarnings("ignore::wandb_runs.UnknownKeyWarning")
@settings(max_examples=25, deadline=None)
@given(
    projects(),
    st.lists(
        st.sampled_from(["a", "a.b", "b", "b.a.b", "zzz"]), min_size=1, max_size=3, unique=True
    ),
)
@example(given_runs=[WITHOUT_VALUES], keys=["a", "b", "a.b"])
def test_some_keys_give_what_they_are_and_what_is_nested_in_them(
    server: LocalServer, own: Api, given_runs: list[Given], keys: list[str]
) -> None:
    project = fill(server.store, given_runs)
    read, unread = (own.runs(project, entity="me") for _ in range(2))
    assert read[0] in read
    expected = [
        {
            f"{part}.{name}": value
            for part, document in (("config", run.config), ("summary", run.summary))
            for name, value in flat(document, keys).items()
        }
        for run in read[:]
    ]
    for listed in (read, unread):
        rows = listed.table(attributes=False, config=keys, summary=keys)
        assert [*map(exact, rows)] == [exact(renamed(row)) for row in expected]
    frame = unread.to_polars(attributes=False, config=keys, summary=keys)
    assert frame.equals(read.to_polars(attributes=False, config=keys, summary=keys))
    places: list[tuple[str, int, str]] = []
    for part, _, name in (each.partition(".") for each in frame.columns):
        key = next(key for key in keys if f"{name}.".startswith(f"{key}."))
        places.append((part, keys.index(key), name.replace("\\ud83d", "\ud83d")))
    assert places == sorted(places)
    assert {"config.zzz", "summary.zzz"} <= {*frame.columns} or "zzz" not in keys


def log_some(server: LocalServer, count: int) -> None:
    server.reset()
    for number in range(count):
        log_run(
            server,
            "team",
            "some",
            f"r{number:02}",
            config={"lr": number, "model": {"depth": number, "text": "x" * 200}},
            summary={"loss": number / 2, "acc": 1},
        )
    server.clear_operations()


@pytest.mark.parametrize("count", [1, 2, 3, 7, 12, 13])
def test_a_table_takes_one_request_for_each_page(server: LocalServer, count: int) -> None:
    log_some(server, count)
    pages = -(-count // 3)
    recorder = Recorder(server.url)
    with Api(base_url=server.url, api_key=KEY, transport=recorder) as api:
        listed = api.runs("team/some", per_page=3)
        table = listed.to_polars()
        assert server.operations == ("ListRuns",) * pages
        assert table["id"].to_list() == [f"r{number:02}" for number in range(count)]
        # What was read is not asked for again, by a table or by a loop.
        assert listed.to_polars().equals(table)
        assert listed.to_polars(config=["lr"], summary=False).width == len(ATTRIBUTES) + 1
        assert len(list(listed)) == len(listed) == count
        assert server.operations == ("ListRuns",) * pages
        server.clear_operations()
        assert api.runs("team/some", per_page=3).to_polars(summary=["acc"]).height == count
        assert server.operations == ("ListRuns",) * pages


@pytest.mark.parametrize("taken", [1, 4, 5, 6])
@pytest.mark.parametrize("order", ["+created_at", "-created_at", "-summary.loss"])
def test_what_the_listing_has_read_is_not_asked_for_again(
    server: LocalServer, order: str, taken: int
) -> None:
    log_some(server, 13)
    recorder = Recorder(server.url)
    with Api(base_url=server.url, api_key=KEY, transport=recorder) as api:
        listed = api.runs("team/some", per_page=3, order=order)
        before = [listed[number].id for number in range(taken)]
        read = len(recorder.sent)
        assert read == -(-taken // 3)
        found = listed.table(config=["lr"], summary=False)
        assert len(recorder.sent) == 5
        assert all(each["configKeys"] == ["lr"] for each in recorder.sent[read:])
        assert all(each["summaryKeys"] == [] for each in recorder.sent[read:])
        ids = [row["id"] for row in found]
        assert ids[:taken] == before
        assert ids == [run.id for run in listed]
        assert [row["config.lr"] for row in found] == [run.config["lr"] for run in listed]
        assert set(found[-1]) == {"id", "name", *ids_of_attributes(found[-1]), "config.lr"}


def ids_of_attributes(row: TableRow) -> set[str]:
    return {*row} & {*ATTRIBUTES}


def test_nothing_travels_that_was_not_asked_for(server: LocalServer) -> None:
    log_some(server, 5)
    recorder = Recorder(server.url)
    with Api(base_url=server.url, api_key=KEY, transport=recorder) as api:
        api.runs("team/some").table()
        whole, recorder.size = recorder.size, 0
        table = api.runs("team/some").table(config=False, summary=False)
        assert recorder.sent[-1]["configKeys"] == recorder.sent[-1]["summaryKeys"] == []
        assert recorder.size < whole - 5 * 200
        assert not any("." in name for row in table for name in row)
        api.runs("team/some").table(config=["model.depth"], summary=("loss",))
        assert recorder.sent[-1]["configKeys"] == ["model.depth", "model"]
        assert recorder.sent[-1]["summaryKeys"] == ["loss"]
        listed = api.runs("team/some", config_keys=["lr"], summary_keys=[])
        rows = listed.table(attributes=False)
        assert recorder.sent[-1]["configKeys"] == ["lr"]
        assert rows == [{"config.lr": number} for number in range(5)]
        sent = len(recorder.sent)
        assert [run.config for run in listed] == [{"lr": number} for number in range(5)]
        assert len(recorder.sent) == sent


def test_keys_that_the_listing_lacks_are_read_of_the_same_runs(server: LocalServer) -> None:
    log_some(server, 6)
    with Api(base_url=server.url, api_key=KEY, clock=FakeClock()) as api:
        listed = api.runs("team/some", order="-created_at", config_keys=["lr"], limit=4, per_page=2)
        assert [run.id for run in listed] == ["r05", "r04", "r03", "r02"]
        log_run(server, "team", "some", "new", config={"lr": 1})
        rows = listed.table(attributes=["id"], config=["model.depth"], summary=False)
        assert rows == [
            {"id": f"r{number:02}", "config.model.depth": number} for number in (5, 4, 3, 2)
        ]
        delete_run(server, "team", "some", "r04")
        with pytest.warns(DriftWarning, match="r04"):
            rows = listed.table(attributes=["id"], config=["model.depth"], summary=False)
        assert [row["id"] for row in rows] == ["r05", "r03", "r02"]


def test_limits_and_checkpoints_bound_a_table(server: LocalServer) -> None:
    log_some(server, 9)
    with Api(base_url=server.url, api_key=KEY) as api:
        listed = api.runs("team/some", limit=4, per_page=3)
        assert len(listed.table(config=["lr"])) == len(listed.table()) == 4
        loop = iter(api.runs("team/some", per_page=2))
        taken = [next(loop).id for _ in range(5)]
        left = api.runs("team/some", per_page=2, checkpoint=loop.checkpoint())
        for table in (left.table(summary=False), left.table()):
            assert [*taken, *(row["id"] for row in table)] == [f"r{each:02}" for each in range(9)]
        assert api.runs("team/some", limit=0).table() == []


def test_models_and_tables_go_together(server: LocalServer) -> None:
    log_some(server, 3)
    log_run(server, "team", "some", "odd", config={"lr": "auto"}, summary={"loss": 1})

    class Training(BaseModel):
        lr: int

    with Api(base_url=server.url, api_key=KEY) as api:
        typed = api.runs("team/some", config=Training)
        assert [row["config.lr"] for row in typed.table()] == [0, 1, 2, "auto"]
        some = api.runs("team/some", config=Training, on_invalid="skip")
        for rows in (some.table(), some.table(config=["lr"], summary=False)):
            assert [row["config.lr"] for row in rows] == [0, 1, 2]
            assert [row["id"] for row in rows] == ["r00", "r01", "r02"]


@pytest.mark.parametrize("name", ["pandas", "polars"])
def test_a_table_of_no_runs_has_the_attributes_with_their_dtypes(
    server: LocalServer, name: Literal["pandas", "polars"]
) -> None:
    log_some(server, 1)
    with Api(base_url=server.url, api_key=KEY) as api:
        listed, none = api.runs("team/some"), api.runs("team/some", limit=0)
        full = dtypes_of(listed.table(name, config=False, summary=False))
        assert [*full] == ATTRIBUTES
        assert dtypes_of(none.table(name)) == full
        crashed = api.runs("team/some", {"state": "crashed"})
        assert dtypes_of(crashed.table(name, config=False)) == full
        assert [*dtypes_of(none.table(name, summary=["loss"]))] == [*full, "summary.loss"]
    instants = "Datetime(time_unit='us', time_zone='UTC')"
    instants = "datetime64[us, UTC]" if name == "pandas" else instants
    assert full["created_at"] == full["heartbeat_at"] == instants
    assert {full[each] for each in ATTRIBUTES if not each.endswith("_at")} == {
        "string" if name == "pandas" else "String"
    }


def dtypes_of(table: list[TableRow] | Frame) -> dict[str, str]:
    if isinstance(table, pl.DataFrame):
        return {name: repr(dtype) for name, dtype in table.schema.items()}
    assert isinstance(table, pd.DataFrame)
    return {str(name): str(dtype) for name, dtype in table.dtypes.items()}


def test_attributes_are_those_of_the_run(server: LocalServer) -> None:
    server.reset()
    log_run(
        server,
        "team",
        "some",
        "r1",
        name="fox",
        tags=["a", "b"],
        group="g",
        job_type="train",
        notes="# note",
        host="h",
        sweep="s1",
        history=[{"loss": 1}],
    )
    every = [*ATTRIBUTES, "entity", "project", "url", "updated_at", "description", "commit", "host"]
    every += ["read_only", "history_line_count", "storage_id"]
    with Api(base_url=server.url, api_key=KEY) as api:
        listed = api.runs("team/some")
        (row,) = listed.table(attributes=every, config=False, summary=False)
        run = listed[0]
        for name in every:
            value: object = getattr(run, name, None) if name != "sweep" else run.sweep_name
            if name == "user":
                value = None if run.user is None else run.user.username
            assert row.get(name) == value, name
        assert row["sweep"] == "s1"
        assert row["history_line_count"] == 1
        created = row["created_at"]
        assert isinstance(created, datetime)
        assert created.tzinfo is UTC
        frame = listed.to_polars(attributes=every[::-1], config=False, summary=False)
        assert frame.columns == every[::-1]
        assert frame["tags"].to_list() == ['["a","b"]']
        assert frame["created_at"].to_list() == [created]
        pandas = listed.to_pandas(attributes=every, config=False, summary=False)
        assert pandas["tags"].tolist() == ['["a","b"]']
        assert pandas["created_at"][0] == created


def test_the_flat_key_wins_and_the_warning_names_the_other(server: LocalServer) -> None:
    server.reset()
    config: JSONObject = {
        "a": {"b": {"c": 1}, "b.c": 2, "d": 5},
        "a.b": {"c": 3},
        "a.b.c": 4,
        "a.d": None,
    }
    log_run(server, "team", "some", "r1", config=config, summary={"x.y": 1, "x": {"y": 2}})
    log_run(server, "team", "some", "r2", config={"a": {"d": 6}})
    with Api(base_url=server.url, api_key=KEY) as api:
        listed = api.runs("team/some")
        with pytest.warns(HiddenValueWarning) as caught:
            rows = listed.table(attributes=False)
        assert rows[0] == {"config.a.b.c": 4, "config.a.d": 5, "summary.x.y": 1}
        (warning,) = [each.message for each in caught]
        assert isinstance(warning, HiddenValueWarning)
        assert warning.hidden == {
            "config.a.b.c": [
                "config['a.b']['c']",
                "config['a']['b.c']",
                "config['a']['b']['c']",
            ],
            "summary.x.y": ["summary['x']['y']"],
        }
        assert warning.run_ids == ["r1"]
        assert "config['a.b']['c']" in str(warning)
        assert "r1" in str(warning)
        assert caught[0].filename == __file__
        assert listed.table(attributes=False, config=["a.d"], summary=False)[0] == {"config.a.d": 5}


def test_one_value_stays_one(server: LocalServer) -> None:
    server.reset()
    image: dict[str, JSONValue] = {"_type": "image-file", "size": 3, "inner": {"a": 1}}
    config: dict[str, JSONValue] = {
        "image": image,
        "none": {},
        "list": [{"a": 1}],
        "in": {"image": image},
    }
    log_run(server, "team", "some", "r1", config=config, summary={"n": "NaN", "d": {"m": "NaN"}})
    with Api(base_url=server.url, api_key=KEY) as api:
        (row,) = api.runs("team/some").table(attributes=False)
        assert row.pop("config.image") == row.pop("config.in.image") == image
        assert math.isnan(float(str(row.pop("summary.n"))))
        assert math.isnan(float(str(row.pop("summary.d.m"))))
        assert row == {"config.none": {}, "config.list": [{"a": 1}]}
        text = json.dumps(image, sort_keys=True, separators=(",", ":"))
        for frame in (api.runs("team/some").to_polars(), api.runs("team/some").to_pandas()):
            assert frame["config.image"][0] == frame["config.in.image"][0] == text
            assert frame["config.none"][0] == "{}"
            assert frame["config.list"][0] == '[{"a":1}]'


def test_unknown_names_are_told(server: LocalServer) -> None:
    log_some(server, 3)
    with Api(base_url=server.url, api_key=KEY) as api:
        listed = api.runs("team/some")
        with pytest.warns(UnknownKeyWarning) as caught:
            rows = listed.table("polars", config=["lrr", "model.depht"], summary=["loss"])
        (warning,) = [each.message for each in caught]
        assert isinstance(warning, UnknownKeyWarning)
        assert warning.argument == "config"
        assert warning.nearest == {"lrr": "lr", "model.depht": "model.depth"}
        assert rows["config.lrr"].to_list() == [None] * 3
        with pytest.warns(UnknownKeyWarning, match=r"^summary: none .* 'los' \(did you mean 'los"):
            listed.table(config=False, summary=["los"])
        with pytest.warns(UnknownKeyWarning, match="^filters: "):
            api.runs("team/some", {"config.lrr": 1}).table(config=["lr"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"attributes": ["nam"]}, r"^attributes: a table has no 'nam'; did you mean 'name'\?$"),
        ({"attributes": ["createdAt"]}, r"did you mean 'created_at'\?$"),
        ({"attributes": "id"}, r"^attributes is a list of names; write attributes=\['id'\]$"),
        ({"config": "lr"}, r"^config is a list of names; write config=\['lr'\]$"),
        ({"summary": None}, r"^summary is True, False or a list of names; got None"),
        ({"config": {"lr"}}, r"^config is True, False or a list of names; got set"),
        ({"config": ["lr", 1]}, r"^config\[1\] is a name, a str; got int 1$"),
        ({"summary": [""]}, r"^summary\[0\] is a name"),
        ({"summary": ["\ud83d"]}, r"^summary\[0\] is a name; .* surrogate"),
        ({"format": "panda"}, r"^unknown format 'panda'; did you mean 'pandas'\?$"),
        ({"progress": 1}, r"^progress is called with a Progress"),
        ({"attributes": [], "config": False, "summary": ()}, r"no column"),
    ],
)
def test_wrong_arguments_are_refused_before_any_request(
    clean: LocalServer, own: Api, arguments: dict[str, object], message: str
) -> None:
    listed = own.runs("team/some")
    with pytest.raises(InvalidArgumentError, match=message):
        listed.table(**arguments)  # type: ignore[call-overload] # pyright: ignore[reportCallIssue, reportArgumentType] - wrong on purpose
    assert clean.operations == ()


@pytest.mark.parametrize("config", [True, False])
def test_progress_is_told_after_each_page(server: LocalServer, config: bool) -> None:
    log_some(server, 10)
    reports: list[Progress] = []
    with Api(base_url=server.url, api_key=KEY) as api:
        api.runs("team/some", per_page=3).table(config=config, progress=reports.append)
    assert [each.runs for each in reports] == [3, 6, 9, 10]
    assert [each.total for each in reports] == [None, 10, 10, 10]
    sizes = [each.bytes for each in reports]
    assert sizes == sorted(sizes)
    assert sizes[0] > 0


def test_rows_of_a_table_are_the_callers(server: LocalServer) -> None:
    log_some(server, 1)
    with Api(base_url=server.url, api_key=KEY) as api:
        listed = api.runs("team/some")
        (row,) = listed.table()
        tags = row["tags"]
        assert type(tags) is list
        tags.append("new")
        assert listed.table()[0]["tags"] == listed[0].tags == []
