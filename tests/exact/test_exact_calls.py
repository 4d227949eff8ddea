"""Histories with `exact=True`: every row, by the rules of a sample that leaves none out."""

from __future__ import annotations

import logging
import sys
import threading
import traceback
import warnings
from contextlib import ExitStack
from typing import TYPE_CHECKING, Final, Literal, TypeAlias, TypedDict, cast

import anyio
import polars as pl
import pytest
from polars.testing import assert_frame_equal
from support.ways import each_way

from wandb_runs import (
    Api,
    AsyncApi,
    DegradedServerWarning,
    HttpTransport,
    InvalidArgumentError,
    Progress,
    Request,
    RequestSent,
    Response,
    WandbRunsError,
)
from wandb_runs.runs.exact import pages
from wandb_runs.testing import LocalServer, Status, log_run

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence

    from wandb_runs import JSONValue
    from wandb_runs.transport.events import Event

    Frames: TypeAlias = dict[str, pl.DataFrame]

KEY: Final = "k" * 40
PATH: Final = "team/exact-calls"
ALL: Final = 100_000
"""As many samples leave out no row."""

ROWS: Final[Mapping[str, Sequence[Mapping[str, JSONValue]]]] = {
    "long": [{"loss": 1 / (step + 1), "train": {"epoch": step // 9}} for step in range(220)],
    "apart": [{"loss": 1.0}, {"accuracy": 0.5}, {"loss": 2, "text": "x"}],
    "empty": [],
    "other": [{"speed": "NaN"}, {"speed": 2.5}],
}


class Arguments(TypedDict, total=False):
    """Arguments of a call."""

    keys: list[str]
    x_axis: str
    join: Literal["inner", "outer"]


CALLS: Final[Sequence[Arguments]] = [
    {},
    {"x_axis": "train.epoch"},
    {"x_axis": "train.epok"},
    {"keys": ["loss"]},
    {"keys": ["loss", "accuracy"]},
    {"keys": ["loss", "accuracy"], "join": "outer"},
    {"keys": ["loss", "acuracy"], "join": "outer"},
    {"keys": ["loss", "train.epoch"], "x_axis": "train.epoch", "join": "outer"},
    {"keys": ["loss", "accuracy"], "x_axis": "train.epoch", "join": "outer"},
    {"keys": ["accuracy"], "x_axis": "loss"},
    {"keys": ["los"]},
]


@pytest.fixture(scope="module")
def servers() -> Iterator[Mapping[str, LocalServer]]:
    """Servers whose rows are in no file, in files, and in files and behind them."""
    with ExitStack() as stack:
        made: dict[str, LocalServer] = {}
        for name, rows_of_files, exit_code in (
            ("step ranges", 1, 0),
            ("files", 50, 0),
            ("files and live rows", 49, None),
        ):
            server = stack.enter_context(
                LocalServer(exports=name != "step ranges", export_rows=rows_of_files)
            )
            for run_id, rows in ROWS.items():
                log_run(server, "team", "exact-calls", run_id, history=rows, exit_code=exit_code)
            made[name] = server
        yield made


def read_blocking(url: str, call: Arguments, *, exact: bool) -> Frames:
    samples = 500 if exact else ALL
    with Api(base_url=url, api_key=KEY) as api:
        runs = api.runs(PATH)
        read = {"all": runs.histories(samples, **call, format="polars", exact=exact)}
        batches = [*runs.iter_histories(samples, **call, format="polars", exact=exact)]
        read["batches"] = pl.concat(batches, how="diagonal_relaxed") if batches else pl.DataFrame()
        for run_id in ROWS:
            run = api.run(f"{PATH}/{run_id}")
            read[run_id] = run.history(samples, **call, format="polars", exact=exact)
        return read


async def read_awaiting(url: str, call: Arguments, *, exact: bool) -> Frames:
    samples = 500 if exact else ALL
    async with AsyncApi(base_url=url, api_key=KEY) as api:
        runs = api.runs(PATH)
        read = {"all": await runs.histories(samples, **call, format="polars", exact=exact)}
        found = runs.iter_histories(samples, **call, format="polars", exact=exact)
        batches = [batch async for batch in found]
        read["batches"] = pl.concat(batches, how="diagonal_relaxed") if batches else pl.DataFrame()
        for run_id in ROWS:
            run = await api.run(f"{PATH}/{run_id}")
            read[run_id] = await run.history(samples, **call, format="polars", exact=exact)
        return read


def read(url: str, way: str, call: Arguments, *, exact: bool) -> tuple[Frames, list[str]]:
    """What each way of reading gives, and the warnings."""
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        if way == "sync":
            found = read_blocking(url, call, exact=exact)
        else:

            async def awaited() -> Frames:
                return await read_awaiting(url, call, exact=exact)

            found = anyio.run(awaited, backend=way)
    assert {each.filename for each in told} <= {__file__}
    return found, [str(each.message) for each in told]


@pytest.mark.parametrize("call", CALLS, ids=str)
@pytest.mark.parametrize(
    ("source", "way"),
    [
        ("step ranges", "sync"),
        ("files", "sync"),
        *(("files and live rows", way) for way in ("sync", "asyncio")),
    ],
)
def test_exact_histories_are_those_of_a_sample_that_leaves_none_out(
    servers: Mapping[str, LocalServer], source: str, way: str, call: Arguments
) -> None:
    url = servers[source].url
    sampled, expected_warnings = read(url, way, call, exact=False)
    exact, told = read(url, way, call, exact=True)
    assert exact.keys() == sampled.keys()
    for name, frame in exact.items():
        assert_frame_equal(
            frame,
            sampled[name],
            check_column_order="keys" in call,
            check_dtypes=name != "batches",  # which hold other runs
        )
    assert told == expected_warnings


@pytest.mark.parametrize("source", ["step ranges", "files", "files and live rows"])
def test_the_log_tells_where_rows_come_from(
    servers: Mapping[str, LocalServer], source: str, caplog: pytest.LogCaptureFixture
) -> None:
    with (
        caplog.at_level(logging.INFO, "wandb_runs"),
        Api(base_url=servers[source].url, api_key=KEY) as api,
    ):
        api.run(f"{PATH}/long").history(exact=True)
        api.runs(PATH).histories(exact=True)
    one, every = (each for each in caplog.records if hasattr(each, "origins"))
    assert one.getMessage() == f"read every row of 1 run: 1 from {source}"
    assert vars(one)["origins"] == {"long": source}
    assert every.getMessage().startswith("read every row of 4 runs: ")
    assert vars(every)["origins"].keys() == ROWS.keys()
    assert vars(every)["origins"]["long"] == source


@pytest.mark.parametrize("source", ["step ranges", "files", "files and live rows"])
def test_frames_of_pandas_tell_where_rows_come_from(
    servers: Mapping[str, LocalServer], source: str
) -> None:
    with Api(base_url=servers[source].url, api_key=KEY) as api:
        one = api.run(f"{PATH}/long").history(exact=True, pandas=True)
        every = api.runs(PATH).histories(exact=True, format="pandas")
        sample = api.runs(PATH).histories(format="pandas")
    assert one.attrs == {"wandb_runs": {"origins": {source: 1}}}
    counts = every.attrs["wandb_runs"]["origins"]
    assert sum(counts.values()) == len(ROWS)
    assert counts[source] >= 1
    assert sample.attrs == {}


@each_way
def test_what_exact_does_not_go_with_is_refused(
    servers: Mapping[str, LocalServer], way: str
) -> None:
    server = servers["files"]
    wrong: list[tuple[dict[str, object], str]] = [
        ({"samples": 100}, "exact=True reads every row, and samples=100 a sample"),
        ({"stream": "system"}, "W&B keeps samples alone of machine metrics"),
        ({"stream": "events"}, "W&B keeps samples alone of machine metrics"),
        ({"exact": 1}, "exact is True for every row"),
        ({"exact": "yes"}, "exact is True for every row"),
    ]

    def refused(method: object, arguments: dict[str, object], text: str) -> None:
        assert callable(method)
        with pytest.raises(InvalidArgumentError, match=text):
            method(**({"exact": True} | arguments))

    async def refused_later(method: object, arguments: dict[str, object], text: str) -> None:
        assert callable(method)
        with pytest.raises(InvalidArgumentError, match=text):
            await cast("Awaitable[object]", method(**({"exact": True} | arguments)))

    async def awaited() -> None:
        async with AsyncApi(base_url=server.url, api_key=KEY) as api:
            runs, run = api.runs(PATH), await api.run(f"{PATH}/long")
            server.clear_operations()
            for arguments, text in wrong:
                await refused_later(runs.histories, arguments, text)
                refused(runs.iter_histories, arguments, text)
                await refused_later(run.history, arguments, text)

    if way == "sync":
        with Api(base_url=server.url, api_key=KEY) as api:
            runs, run = api.runs(PATH), api.run(f"{PATH}/long")
            server.clear_operations()
            for arguments, text in wrong:
                for method in (runs.histories, runs.iter_histories, run.history):
                    refused(method, arguments, text)
    else:
        anyio.run(awaited, backend=way)
    assert not server.operations


def test_explain_tells_where_every_row_is_read_from(
    wandb_server: LocalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Api(base_url=wandb_server.url, api_key="k") as api:
        runs = api.runs("me/explained-exact")
        sampled = runs.explain("histories", keys=["loss"])
        explained = runs.explain("histories", keys=["loss"], exact=True)
        monkeypatch.setitem(sys.modules, "pyarrow", None)
        without = runs.explain("histories", keys=["loss"], exact=True)
        with pytest.raises(InvalidArgumentError, match="'configs' takes no exact"):
            runs.explain("configs", exact=True)  # type: ignore[call-overload] # pyright: ignore[reportCallIssue] - refused, as is tested here
    assert sampled.rows is None
    assert explained.operation == "ListParquetHistories"
    assert explained.rows == "files"
    assert "from files where there are any, by ranges of steps otherwise" in str(explained)
    assert without.rows == "step ranges"
    assert 'pyarrow is not installed ("wandb-runs[exact]")' in str(without)


def test_a_run_without_a_history_costs_no_request_of_its_own(wandb_server: LocalServer) -> None:
    log_run(wandb_server, "me", "exact-empty", "empty", history=[])
    log_run(wandb_server, "me", "exact-empty", "short", history=[{"loss": 1}])
    sent: list[str] = []
    with Api(base_url=wandb_server.url, api_key="k", on_event=note_operations(sent)) as api:
        assert len(api.runs("me/exact-empty").histories(keys=["loss"], exact=True)) == 1
        assert sent.count("GetSampledHistory") == 0
        del sent[:]
        # Where neither the last step nor the number of rows is told, two requests find the end.
        with (
            wandb_server.lack("Run.historyKeys", "Run.historyLineCount", "Run.parquetHistory"),
            Api(base_url=wandb_server.url, api_key="k", on_event=note_operations(sent)) as other,
            pytest.warns(DegradedServerWarning),
        ):
            assert len(other.runs("me/exact-empty").histories(keys=["loss"], exact=True)) == 1
        assert sent.count("GetSampledHistory") <= 5


def note_operations(sent: list[str]) -> Callable[[Event], None]:
    def note(event: Event) -> None:
        if isinstance(event, RequestSent):
            sent.append(event.operation)

    return note


def test_progress_counts_the_bytes_of_files_and_the_runs_that_were_read(
    wandb_server: LocalServer,
) -> None:
    for number in range(3):
        log_run(wandb_server, "me", "exact-told", f"r{number}", history=[{"loss": 1.0}] * 50)
    told: list[Progress] = []
    with Api(base_url=wandb_server.url, api_key="k") as api:
        runs = api.runs("me/exact-told")
        assert len(runs.histories(keys=["loss"], exact=True, progress=told.append)) == 150
        received = api.client.stats.bytes
    assert told[-1].runs == told[-1].total == 3
    assert 1_000 < told[-1].bytes <= received


@pytest.mark.parametrize("call", ["histories", "iter_histories"])
def test_runs_are_read_as_others_end_where_all_rows_are_kept(
    call: str, wandb_server: LocalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes = [40, 3, 3, 50, 3, 3, 3, 200, 3]
    for number, size in enumerate(sizes):
        history: list[dict[str, JSONValue]] = [{"loss": at / 2} for at in range(size)]
        log_run(wandb_server, "me", f"exact-kept-{call}", f"r{number}", history=history)
    # Two values for each row: three runs of three rows, or one of more, at once.
    monkeypatch.setattr(pages, "MOST_VALUES", 18)
    told: list[Progress] = []
    with Api(base_url=wandb_server.url, api_key="k") as api:
        runs = api.runs(f"me/exact-kept-{call}", order="+name")
        if call == "histories":
            rows = runs.histories(keys=["loss"], exact=True, progress=told.append)
        else:
            batches = runs.iter_histories(keys=["loss"], exact=True, progress=told.append)
            rows = [row for batch in batches for row in batch]
    expected = [(f"r{at}", step, step / 2) for at, size in enumerate(sizes) for step in range(size)]
    assert [(row["run_id"], row["_step"], row["loss"]) for row in rows] == expected
    counted = [each.runs for each in told]
    assert counted == sorted(counted)
    assert counted[-1] == len(sizes)
    if call == "histories":
        assert counted == list(range(1, len(sizes) + 1)), "each is told as it ends"


class HoldsOneFile:
    """A transport that answers for the files of one run when others have been read."""

    def __init__(self, inner: HttpTransport) -> None:
        self.inner = inner
        self.others_are_read = threading.Event()
        self.waited_in_vain = False

    def send(self, request: Request, /) -> Response:
        if "/exports/" in request.url and "/r0/" in request.url:
            self.waited_in_vain |= not self.others_are_read.wait(5)
        return self.inner.send(request)


def test_a_run_that_takes_long_keeps_no_other_from_being_read(
    wandb_server: LocalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(8):
        log_run(wandb_server, "me", "exact-held", f"r{number}", history=[{"loss": 0.5}] * 3)
    monkeypatch.setattr(pages, "MOST_VALUES", 18)  # three runs at once
    transport = HoldsOneFile(HttpTransport(wandb_server.url))

    def tell(progress: Progress) -> None:
        if progress.runs == 7:
            transport.others_are_read.set()

    with Api(base_url=wandb_server.url, api_key="k", transport=transport) as api:
        runs = api.runs("me/exact-held", order="+name")
        assert len(runs.histories(keys=["loss"], exact=True, progress=tell)) == 24
    transport.inner.close()
    assert not transport.waited_in_vain


def test_objects_and_lists_are_empty_as_they_were_logged(wandb_server: LocalServer) -> None:
    rows: list[dict[str, JSONValue]] = [{"e": {}}, {"e": {"in": {"x": {}}}}, {"f": [{}], "g": []}]
    for number, row in enumerate(rows):
        log_run(wandb_server, "me", "exact-hollow", f"r{number}", history=[row, row])
    with Api(base_url=wandb_server.url, api_key="k") as api:
        for run, row in zip(api.runs("me/exact-hollow", order="+name"), rows, strict=True):
            found = run.history(exact=True, format="default")
            assert [{name: each[name] for name in row} for each in found] == [row, row]
            assert found == run.history(format="default")


def test_no_signed_address_is_in_a_traceback_with_its_variables(
    wandb_server: LocalServer,
) -> None:
    log_run(wandb_server, "me", "exact-signed", "r1", history=[{"loss": 1.0}])
    with (
        wandb_server.fail_always(Status(403), operation="a file"),
        Api(base_url=wandb_server.url, api_key="k") as api,
    ):
        run = api.run("me/exact-signed/r1")
        calls: list[Callable[[], object]] = [
            lambda: [*run.scan_history(["loss"])],
            lambda: run.history(keys=["loss"], exact=True),
            lambda: api.runs("me/exact-signed").histories(keys=["loss"], exact=True),
            lambda: api.runs("me/exact-signed").arrow_batches(["loss"]).read_all(),
        ]
        for call in calls:
            with pytest.raises(WandbRunsError) as caught:
                call()
            report = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
            shown = "".join(report.format())
            assert "signature=" not in shown
