"""Lazy frames have the rows of `histories(exact=True)`, and read no more than a query needs."""

from __future__ import annotations

import pickle
import sys
from collections import Counter
from dataclasses import replace
from functools import partial
from itertools import count
from typing import TYPE_CHECKING, Literal, NamedTuple

import pandas as pd
import polars as pl
import pytest
from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st
from polars.selectors import by_name
from typing_extensions import override

from wandb_runs import (
    Api,
    HistoriesError,
    InvalidArgumentError,
    MissingDependencyError,
    NotFoundError,
    RequestSent,
    SchemaError,
)
from wandb_runs.errors import EmptyJoinWarning, UnknownMetricWarning
from wandb_runs.testing import Churn, Fault, LocalServer, NullFields, Status, log_run
from wandb_runs.transport.events import Answered

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from wandb_runs import Runs
    from wandb_runs.frames.schema import PolarsSchema
    from wandb_runs.graphql.scalars import JSONObject, JSONValue
    from wandb_runs.local.faults import Answer, Answering, GraphQLRequest
    from wandb_runs.transport.events import Event

pytest.importorskip("pyarrow")

Engine = Literal["in-memory", "streaming"]
ENGINES: tuple[Engine, ...] = ("in-memory", "streaming")

KEY = "k" * 40
ROWS = 30
"""Rows of a file; groups are of a third."""

LONG = 20_000
"""Rows of a run whose files are much longer than what is read of their ends at first."""

FEW = max(10, settings().max_examples // 4)

WRONG = (SchemaError, pl.exceptions.ComputeError)
"""polars before version 2 passes errors on as its own."""


class Reader(NamedTuple):
    """A server, and what is sent to it."""

    server: LocalServer
    api: Api
    events: list[Event]

    def runs(self, project: str) -> Runs:
        return self.api.runs(f"me/{project}")

    @property
    def sent(self) -> Counter[str]:
        """How many requests were sent, by operation."""
        return Counter(each.operation for each in self.events if isinstance(each, RequestSent))

    @property
    def received(self) -> int:
        """How many bytes of files came."""
        ended = [each for each in self.events if isinstance(each, Answered)]
        return sum(each.bytes_received or 0 for each in ended if each.operation == "a file")

    def needs(self, query: Callable[[], object]) -> tuple[Counter[str], int]:
        """What a query sends, and how many bytes of files it reads."""
        self.events.clear()
        query()
        return self.sent, self.received


@pytest.fixture(scope="module")
def reader() -> Iterator[Reader]:
    events: list[Event] = []
    with (
        LocalServer(export_rows=ROWS) as server,
        Api(base_url=server.url, api_key=KEY, on_event=events.append) as api,
    ):
        for number in range(1, 6):
            log_run(
                server,
                "me",
                "mixed",
                f"r{number}",
                history=[row_of(number, at) for at in range(0, 13 * number, 1 + number % 2)],
                exit_code=None if number in {2, 5} else 0,
            )
        for number in range(3):
            log_run(
                server,
                "me",
                "sparse",
                f"s{number}",
                history=[{"a" if at % 2 else "b": at, "c": 1.5} for at in range(20)],
                exit_code=0,
            )
        yield Reader(server, api, events)


@pytest.fixture(scope="module")
def long() -> Iterator[Reader]:
    events: list[Event] = []
    with (
        LocalServer() as server,
        Api(base_url=server.url, api_key=KEY, on_event=events.append) as api,
    ):
        for number in range(3):
            history: list[JSONObject] = [
                {"a": (at * 7919 % 10007) / 3, "b": (at * 104729 % 10009) / 7} for at in range(LONG)
            ]
            log_run(server, "me", "long", f"r{number}", history=history)
        yield Reader(server, api, events)


def row_of(number: int, at: int) -> JSONObject:
    row: dict[str, JSONValue] = {"_step": at // 3 * 2 if number == 4 else at, "n": at, "a": at / 2}
    if at % 4 == 0:
        row["text"] = f"t{at % 3}"
    if number % 2:
        row["d.x"] = at * 1.5
    else:
        row["d"] = {"x": at}
    return row


# Queries.

NUMBERS: st.SearchStrategy[float] = st.integers(-2, 70) | st.sampled_from(
    [3.5, 12.0, float(2**60), -1e300]
)
IDS = st.sampled_from(["r1", "r2", "r3", "r4", "r5", "r9"])
STEP, RUN_ID = pl.col("_step"), pl.col("run_id")
CLOSED: list[Literal["both", "left", "right", "none"]] = ["both", "left", "right", "none"]


@st.composite
def conditions(draw: st.DrawFn) -> pl.Expr:
    number, upper, run_id = draw(NUMBERS), draw(NUMBERS), draw(IDS)
    steps = draw(st.lists(st.integers(0, 70), max_size=3))
    found: list[pl.Expr] = [
        pl.lit(number) < STEP,
        STEP.ge(number),
        STEP.le(number),
        STEP.eq(number),
        STEP.ne(number),
        STEP.is_in(steps),
        STEP.is_between(number, upper, draw(st.sampled_from(CLOSED))),
        number < STEP * 2,
        RUN_ID.eq(run_id),
        RUN_ID.ne(run_id),
        RUN_ID.gt(run_id),
        RUN_ID.is_in(draw(st.lists(IDS, max_size=3))),
        RUN_ID.str.ends_with(run_id[1:]),
        pl.col("n") > number,
    ]
    return draw(st.sampled_from(found))


@st.composite
def predicates(draw: st.DrawFn) -> pl.Expr:
    found = draw(conditions())
    for _ in range(draw(st.integers(0, 3))):
        other, kind = draw(conditions()), draw(st.integers(0, 3))
        found = [found & other, other & found, found | other, ~found][kind]
    return found


NAMES = ["n", "a", "text", "d.x"]
keys = st.lists(st.sampled_from(NAMES), min_size=1, unique=True).map(lambda each: [*each, "n"])
ALL: PolarsSchema = {"n": pl.Int64, "a": pl.Float64, "text": pl.String, "d.x": pl.Float64}


@settings(max_examples=FEW, phases=[Phase.generate])
@given(st.none() | keys, st.none() | predicates(), st.none() | st.integers(0, 99), st.data())
def test_a_query_gives_what_it_gives_of_the_whole_frame(
    reader: Reader,
    wanted: list[str] | None,
    predicate: pl.Expr | None,
    head: int | None,
    data: st.DataObject,
) -> None:
    runs = reader.runs("mixed")
    lazy = runs.scan_histories(wanted, schema=ALL if wanted is None else None)
    whole = eager(runs, wanted)
    assert lazy.collect_schema() == whole.schema
    columns = data.draw(st.lists(st.sampled_from(whole.columns), min_size=1, unique=True))
    expected = whole if predicate is None else whole.filter(predicate)
    query = lazy if predicate is None else lazy.filter(predicate)
    if head is not None:
        expected, query = expected.head(head), query.head(head)
    for engine in ENGINES:
        found = query.select(columns).collect(engine=engine)
        assert found.equals(expected.select(columns)), (engine, found, expected)


def eager(runs: Runs, wanted: list[str] | None) -> pl.DataFrame:
    """What a lazy frame has, with its dtypes."""
    if wanted is not None:
        frame = runs.histories(keys=wanted, exact=True, format="polars")
        return frame.with_columns(pl.col("n").cast(pl.Float64))
    frame = runs.histories(keys=["n", "a"], exact=True, format="polars")
    rows = runs.histories(exact=True)
    nested: list[JSONValue] = []
    for row in rows:
        inner = row.get("d")
        nested.append(inner["x"] if isinstance(inner, dict) else row.get("d.x"))
    text = pl.Series("text", [row.get("text") for row in rows], dtype=pl.String)
    x = pl.Series("d.x", nested, dtype=pl.Float64, strict=False)
    assert len(rows) == frame.height
    return frame.with_columns(text, x).select("_step", *ALL, "run_id")


@pytest.mark.parametrize("engine", ENGINES)
def test_columns_that_are_not_selected_decide_which_rows_there_are(
    reader: Reader, engine: Engine
) -> None:
    runs = reader.runs("sparse")
    lazy = runs.scan_histories(["a", "c"])
    rows = runs.histories(keys=["a", "c"], exact=True)
    found = lazy.select("c").collect(engine=engine)
    assert found.columns == ["c"]
    assert found.height == len(rows) == 30
    every = runs.scan_histories().select("a").collect(engine=engine)
    assert every.height == 60
    assert every["a"].null_count() == 30


def test_without_keys_and_schema_the_columns_are_the_metrics_of_all_runs(reader: Reader) -> None:
    lazy = reader.runs("mixed").scan_histories()
    assert lazy.collect_schema().names() == ["_step", "a", "d.x", "n", "text", "run_id"]
    frame = lazy.collect()
    assert frame.columns[0] == "_step"
    assert frame.columns[-1] == "run_id"
    assert frame.height == len(reader.runs("mixed").histories(exact=True))


# Names of metrics.

ODD = [
    "*",
    "^x$",
    "^.*$",
    "^*$",
    "x",
    "y",
    "col",
    '"',
    "'",
    "`",
    "\\",
    " ",
    "é",
    "\n",
    "x*",
    "x\0y",
]
ids_of_projects = count()


def stands_alone(names: list[str]) -> bool:
    """Whether no name stands for what is inside of another, as `a` does beside `a.b`."""
    return not any(other.startswith(f"{name}.") for name in names for other in names)


metric_names = st.lists(
    st.sampled_from(ODD)
    | st.text("*^$.\"'` xé\\", min_size=1, max_size=5)
    | st.text(min_size=1, max_size=5),
    min_size=1,
    max_size=4,
    unique=True,
).filter(stands_alone)


@settings(max_examples=FEW, deadline=None)
@given(metric_names)
@example(["*", "a"])
@example(["^x$", "x"])
@example(["^.*$", "*", "x\0y"])
def test_no_name_of_a_metric_is_a_pattern(reader: Reader, names: list[str]) -> None:
    project = f"names{next(ids_of_projects)}"
    for number in range(3):
        kept = names[number % 2 :] or names
        rows: list[JSONObject] = [
            {name: number + at + place / 4 for place, name in enumerate(kept)} for at in range(2)
        ]
        log_run(reader.server, "me", project, f"r{number}", history=rows)
    runs = reader.runs(project)
    expected = runs.histories(exact=True, format="polars")
    assert expected.columns == ["_step", *sorted(names), "run_id"]
    schema: PolarsSchema = dict.fromkeys(sorted(names), pl.Float64)
    for lazy in (runs.scan_histories(), runs.scan_histories(schema=schema)):
        for engine in ENGINES:
            assert lazy.collect(engine=engine).equals(expected)
    first = by_name(names[0])
    found = lazy.filter(first > 1).select(first, "_step").collect()
    column = expected.get_column(names[0])
    assert found.get_column(names[0]).to_list() == [each for each in column if (each or 0) > 1]
    for dtype in (pl.Float64, pl.Float32):
        wanted: PolarsSchema = dict.fromkeys(sorted(names), dtype)
        batches = [*runs.iter_histories(format="polars", exact=True, schema=wanted)]
        assert pl.concat(batches).rows() == expected.rows()
    kept = [name for name in names if "\0" not in name]
    if kept == names:
        assert pl.DataFrame(runs.arrow_batches().read_all()).equals(expected)
    else:
        with pytest.raises(SchemaError, match=r"\\x00.*NUL.*keys=") as caught:
            runs.arrow_batches()
        assert caught.value.column not in kept


# What is read.


def test_nothing_is_sent_before_a_frame_is_collected(reader: Reader) -> None:
    def query() -> pl.LazyFrame:
        lazy = reader.runs("mixed").scan_histories(["a"], schema={"a": pl.Float64})
        lazy = lazy.filter(pl.col("a") > 1).group_by("run_id").agg(pl.col("a").mean())
        assert repr(lazy)
        assert lazy.explain()
        assert lazy.collect_schema().names() == ["run_id", "a"]
        return lazy

    assert reader.needs(query) == (Counter(), 0)
    assert reader.needs(lambda: reader.runs("mixed").scan_histories()) == (Counter(), 0)
    lazy = reader.runs("mixed").scan_histories(["a"])
    assert reader.needs(lazy.collect_schema)[0] == Counter(ListParquetHistories=1)
    assert reader.needs(lazy.collect_schema)[0] == Counter()


@pytest.mark.parametrize("engine", ENGINES)
def test_a_filter_of_runs_reads_no_other_run(reader: Reader, engine: Engine) -> None:
    lazy = reader.runs("mixed").scan_histories(["a"], schema={"a": pl.Float64})
    alone = reader.api.runs("me/mixed", {"name": "r3"}).scan_histories(
        ["a"], schema={"a": pl.Float64}
    )
    expected = reader.needs(lambda: alone.collect(engine=engine))
    assert expected[0]["a file"] > 0
    filters = [RUN_ID == "r3", RUN_ID.is_in(["r3"]), (RUN_ID > "r2") & (RUN_ID < "r4")]
    for query in map(lazy.filter, filters):
        assert reader.needs(partial(query.collect, engine=engine)) == expected
    several = lazy.filter(RUN_ID.is_in(["r4", "r9", "r1"])).collect(engine=engine)
    assert several["run_id"].unique(maintain_order=True).to_list() == ["r1", "r4"]
    for query in map(lazy.filter, [RUN_ID == "r9", (STEP > 5) & (STEP < 5)]):
        sent, read = reader.needs(partial(query.collect, engine=engine))
        assert (sent["a file"], read) == (0, 0)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_filter_of_steps_and_a_head_read_fewer_bytes(long: Reader, engine: Engine) -> None:
    lazy = long.runs("long").scan_histories(["a"], schema={"a": pl.Float64})
    whole = long.needs(lambda: lazy.collect(engine=engine))[1]
    late = long.needs(lambda: lazy.filter(STEP > LONG - 10).collect(engine=engine))[1]
    assert late < whole * 0.8
    sent, few = long.needs(lambda: lazy.head(10).collect(engine=engine))
    assert few < whole * 0.4
    assert sent["ListParquetHistories"] == 1
    assert lazy.head(10).collect(engine=engine)["_step"].to_list() == [*range(10)]


def test_a_batch_of_a_long_run_comes_before_the_other_runs_are_read(long: Reader) -> None:
    lazy = long.runs("long").scan_histories(schema={"a": pl.Float64})
    whole = long.needs(lazy.collect)[1]
    long.events.clear()
    batches = long.runs("long").arrow_batches(schema={"a": pl.Float64})
    assert long.sent == Counter()
    assert batches.read_next_batch().num_rows > 0
    read = long.received
    assert read <= whole
    batches.close()
    assert long.received == read


# What is wrong.


def test_a_column_that_differs_from_the_first_page_is_an_error_that_names_schema(
    reader: Reader,
) -> None:
    values: list[list[JSONValue]] = [[1, 2.5], [2**53 + 1], ["text"]]
    for number, each in enumerate(values):
        rows: list[JSONObject] = [{"v": value} for value in each]
        log_run(reader.server, "me", "kinds", f"k{number}", history=rows)
    runs = reader.api.runs("me/kinds", per_page=1)
    lazy = runs.scan_histories(["v"])
    assert lazy.collect_schema()["v"] == pl.Float64
    for run_id in ("k1", "k2"):
        for engine in ENGINES:
            with pytest.raises(WRONG, match=rf"'v' of run '{run_id}' .*schema=\{{'v': \.\.\.\}}"):
                lazy.filter(run_id == RUN_ID).collect(engine=engine)
    assert lazy.filter(RUN_ID == "k0").collect()["v"].to_list() == [1.0, 2.5]
    with pytest.raises(WRONG, match="give it a wider dtype"):
        runs.scan_histories(["v"], schema={"v": pl.Int64}).collect()
    as_json = runs.scan_histories(["v"], schema={"v": "json"}).collect()
    assert as_json["v"].to_list() == ["1.0", "2.5", str(2**53 + 1), '"text"']


@st.composite
def large(draw: st.DrawFn) -> int:
    """An integer close to one at which floats, or 64 bits, end."""
    base = draw(st.sampled_from([2**53, 2**60, 2**63 - 2**10]))
    return draw(st.sampled_from([1, -1])) * base + draw(st.integers(-3, 3))


@st.composite
def values_of_runs(draw: st.DrawFn) -> list[list[float]]:
    """Values of a few runs, integers or floats in each."""
    integers: st.SearchStrategy[float] = large() | st.integers(-3, 3)
    floats: st.SearchStrategy[float] = st.sampled_from([0.5, 1.0, -(2.0**60), 1e300])
    kinds = [integers, floats]
    return [
        draw(st.lists(draw(st.sampled_from(kinds)), min_size=1, max_size=4))
        for _ in range(draw(st.integers(1, 4)))
    ]


Dtype = type[pl.Float64] | type[pl.Int64] | type[pl.UInt64]


def scanned(runs: Runs, dtype: Dtype) -> list[float]:
    schema: PolarsSchema | None = None if dtype == pl.Float64 else {"x": dtype}
    return runs.scan_histories(["x"], schema=schema).collect()["x"].to_list()


def as_arrow(runs: Runs, dtype: Dtype) -> list[float]:
    return pl.DataFrame(runs.arrow_batches(schema={"x": dtype}).read_all())["x"].to_list()


def in_polars(runs: Runs, dtype: Dtype) -> list[float]:
    batches = runs.iter_histories(exact=True, format="polars", schema={"x": dtype})
    return pl.concat(batches)["x"].to_list()


def in_pandas(runs: Runs, dtype: Dtype) -> list[float]:
    batches = runs.iter_histories(exact=True, format="pandas", schema={"x": dtype.__name__})
    found: list[float] = pd.concat(batches)["x"].tolist()
    return found


@settings(max_examples=FEW, deadline=None)
@given(values_of_runs(), st.sampled_from([pl.Float64, pl.Int64, pl.UInt64]), st.integers(1, 4))
@example([[2**53 + 1], [0.5]], pl.Float64, 4)
@example([[0.5], [2**53 + 1, 1]], pl.Float64, 4)
@example([[2**60], [2.0]], pl.Int64, 4)
@example([[2**53 + 1], [1.0]], pl.Int64, 4)
def test_an_integer_is_never_rounded_where_a_dtype_is_promised(
    reader: Reader, values: list[list[float]], dtype: Dtype, per_page: int
) -> None:
    project = f"large{next(ids_of_projects)}"
    for number, each in enumerate(values):
        rows: list[JSONObject] = [{"x": value} for value in each]
        log_run(reader.server, "me", project, f"r{number}", history=rows)
    runs = reader.api.runs(f"me/{project}", per_page=per_page)
    flat = [value for each in values for value in each]
    fits = all(holds(dtype, value) for value in flat)
    for read in (scanned, as_arrow, in_polars, in_pandas):
        found: list[float] | str
        try:
            found = read(runs, dtype)
        except WRONG as error:
            found = str(error)
        if isinstance(found, str):
            # Beside floats an integer may also be refused to a dtype of integers that holds it.
            assert not fits or dtype != pl.Float64
            assert "'x'" in found
        else:
            assert found == flat
    rounded = [*map(float, flat)] if any(isinstance(value, float) for value in flat) else flat
    # Without a promise, as documented.
    assert runs.histories(exact=True, format="polars")["x"].to_list() == rounded
    assert runs.histories(exact=True, format="pandas")["x"].tolist() == rounded


def holds(dtype: Dtype, value: float) -> bool:
    """Whether a dtype has a number unchanged."""
    if dtype == pl.Float64:
        return float(value) == value
    least, most = (0, 2**64) if dtype == pl.UInt64 else (-(2**63), 2**63)
    return value == value // 1 and least <= value < most


@pytest.mark.parametrize("engine", ENGINES)
def test_a_run_that_fails_is_an_error_after_the_others(reader: Reader, engine: Engine) -> None:
    lazy = reader.runs("mixed").scan_histories(["a"], schema={"a": pl.Float64})
    with reader.server.fail_always(NullFields("Run.sampledHistory"), operation="GetSampledHistory"):
        with pytest.raises((HistoriesError, pl.exceptions.ComputeError), match="2 runs"):
            lazy.collect(engine=engine)
        assert lazy.filter(RUN_ID == "r1").collect(engine=engine).height == 7
        # The first of them comes before there are as many rows as are wanted.
        with pytest.raises((HistoriesError, pl.exceptions.ComputeError), match="r2"):
            lazy.head(50).collect(engine=engine)
        assert lazy.head(5).collect(engine=engine).height == 5


@pytest.mark.parametrize("engine", ENGINES)
def test_warnings_come_at_the_end(reader: Reader, engine: Engine) -> None:
    with pytest.warns(UnknownMetricWarning, match="'ab'"):
        assert reader.runs("sparse").scan_histories(["ab"]).collect(engine=engine).is_empty()
    with pytest.warns(EmptyJoinWarning):
        found = reader.runs("sparse").scan_histories(["a", "b"]).collect(engine=engine)
    assert found.columns == ["_step", "a", "b", "run_id"]
    assert found.is_empty()
    # Of some steps it cannot be told.
    joined = reader.runs("sparse").scan_histories(["a", "b"])
    assert joined.filter(STEP > 5).collect(engine=engine).is_empty()


def test_what_is_wrong_is_refused_before_a_request(reader: Reader) -> None:
    runs = reader.runs("mixed")
    reader.events.clear()
    for call in (runs.scan_histories, runs.arrow_batches):
        with pytest.raises(InvalidArgumentError, match=r"keys=\['a'\]"):
            call("a")  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
        with pytest.raises(InvalidArgumentError, match="did you mean 'loss'"):
            call(["loss"], schema={"los": pl.Float64})
        with pytest.raises(InvalidArgumentError, match="no dtype of polars"):
            call(["loss"], schema={"loss": "float64"})  # type: ignore[dict-item] # pyright: ignore[reportArgumentType]
    assert reader.sent == Counter()


def test_a_missing_project_is_told_by_the_schema(reader: Reader) -> None:
    lazy = reader.runs("missing").scan_histories(["a"])
    with pytest.raises(
        (NotFoundError, pl.exceptions.ComputeError), match="no project 'me/missing'"
    ):
        lazy.collect()
    with pytest.raises(NotFoundError):
        reader.runs("missing").arrow_batches(["a"])


@pytest.mark.parametrize(("library", "extra"), [("polars", "polars"), ("pyarrow", "exact")])
def test_a_missing_library_is_named_with_its_extra(
    reader: Reader, monkeypatch: pytest.MonkeyPatch, library: str, extra: str
) -> None:
    runs = reader.runs("mixed")
    monkeypatch.setitem(sys.modules, library, None)
    reader.events.clear()
    with pytest.raises(MissingDependencyError, match=rf"wandb-runs\[{extra}\]"):
        runs.arrow_batches(["a"])
    if library == "polars":
        with pytest.raises(MissingDependencyError, match=r"wandb-runs\[polars\]"):
            runs.scan_histories(["a"])
    assert reader.sent == Counter()


@pytest.mark.parametrize("engine", ENGINES)
def test_without_pyarrow_rows_are_read_by_ranges_of_steps(
    reader: Reader, monkeypatch: pytest.MonkeyPatch, engine: Engine
) -> None:
    runs = reader.runs("mixed")
    frames = [runs.scan_histories(["n", "d.x"]), runs.scan_histories(schema=ALL)]
    expected = [frame.filter(STEP >= 7).collect() for frame in frames]
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    reader.events.clear()
    for frame, rows in zip(frames, expected, strict=True):
        assert frame.filter(STEP >= 7).collect(engine=engine).equals(rows)
    assert frames[0].head(3).collect(engine=engine).height == 3
    assert reader.sent["a file"] == 0


# What changes meanwhile.


class Unsigned(Fault):
    """The real answer with addresses of files that are no longer valid."""

    @override
    def strike(self, request: GraphQLRequest, answer: Answering) -> Answer:
        real = answer(request)
        return replace(real, body=real.body.replace(b"?", b"?old-"))


@pytest.mark.parametrize("head", [None, 40])
def test_addresses_that_expired_are_asked_for_again(reader: Reader, head: int | None) -> None:
    lazy = reader.runs("mixed").scan_histories(["n"], schema={"n": pl.Int64})
    lazy = lazy if head is None else lazy.head(head)
    expected = lazy.collect()
    with reader.server.fail_always(Unsigned(), operation="ListParquetHistories"):
        assert lazy.collect().equals(expected)
        assert lazy.collect(engine="streaming").equals(expected)


def test_a_long_file_whose_address_expires_goes_on_where_it_stood(long: Reader) -> None:
    history: list[JSONObject] = [
        {"a": at / 3, **({"c": at} if at < 9 or at > LONG - 9 else {})} for at in range(LONG)
    ]
    log_run(long.server, "me", "late", "r", history=history)
    lazy = long.runs("late").scan_histories(["c"], schema={"c": pl.Int64}).head(12)
    expected = [*range(9), *range(LONG - 8, LONG - 5)]
    sent = long.needs(lazy.collect)[0]
    assert sent["a file"] > 2
    for number in range(sent["a file"]):
        refused = [*[None] * number, Status(403)]
        with long.server.fail(*refused, operation="a file"):
            assert lazy.collect()["c"].to_list() == expected


def test_rows_that_go_into_files_meanwhile_come_once(reader: Reader) -> None:
    rows: list[JSONObject] = [{"v": at} for at in range(ROWS + 5)]
    log_run(reader.server, "me", "moving", "m", history=rows, exit_code=None)
    lazy = reader.runs("moving").scan_histories(["v"])
    expected = lazy.collect()
    assert expected["v"].to_list() == [*range(ROWS + 5)]

    def end(server: LocalServer) -> None:
        log_run(server, "me", "moving", "m", history=[{"v": ROWS + 5}], exit_code=0)

    with reader.server.fail(Churn(end), operation="GetSampledHistory"):
        found = lazy.collect(engine="streaming")
    assert found["v"].to_list() == [*range(ROWS + 6)]
    assert reader.sent["GetParquetHistory"] > 0


# Arrow, and copies.


def test_batches_of_arrow_are_the_frame(reader: Reader) -> None:
    for wanted in (["n", "text"], None):
        runs = reader.runs("mixed")
        table = runs.arrow_batches(wanted).read_all()
        frame = pl.DataFrame(table)
        assert frame.equals(runs.scan_histories(wanted).collect())
    with pytest.warns(UnknownMetricWarning):
        empty = reader.runs("sparse").arrow_batches(["ab"]).read_all()
    assert empty.schema.names == ["_step", "ab", "run_id"]
    assert empty.num_rows == 0


def test_duckdb_reads_batches_of_arrow(reader: Reader) -> None:
    duckdb = pytest.importorskip("duckdb")
    batches = reader.runs("mixed").arrow_batches(["n", "a"])
    with duckdb.connect() as connection:
        connection.register("rows", batches)
        found = connection.sql(
            "select run_id, count(*), max(n) from rows group by run_id order by run_id"
        ).fetchall()
    frame = reader.runs("mixed").histories(keys=["n", "a"], exact=True, format="polars")
    expected = frame.group_by("run_id").agg(pl.len(), pl.col("n").max()).sort("run_id")
    assert found == expected.rows()


def test_no_form_of_a_frame_holds_the_key(reader: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("cloudpickle")
    lazy = reader.runs("mixed").scan_histories(["a"]).filter(STEP > 3)
    written = pickle.dumps(lazy)
    assert KEY.encode() not in written
    assert KEY not in lazy.explain()
    assert KEY not in repr(lazy)
    monkeypatch.setenv("WANDB_BASE_URL", reader.server.url)
    monkeypatch.setenv("WANDB_API_KEY", KEY)
    copy: pl.LazyFrame = pickle.loads(written)
    assert copy.collect().equals(lazy.collect())


def test_a_part_of_a_listing_is_listed_first(reader: Reader) -> None:
    runs = reader.api.runs("me/mixed", limit=2)
    lazy = runs.scan_histories(["a"])
    assert reader.needs(lambda: lazy)[0] == Counter()
    assert {*lazy.collect()["run_id"]} == {"r1", "r2"}
    assert lazy.filter(RUN_ID == "r4").collect().is_empty()
