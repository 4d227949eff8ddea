"""The examples work as documented, over real HTTP."""

from __future__ import annotations

import asyncio
import importlib.util
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from html import unescape
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import polars as pl
import pytest
import uvicorn
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from polars.testing import assert_frame_equal

from wandb_runs import Api, AuthenticationError, State
from wandb_runs.testing import FakeClock, LocalServer, RateLimited, Reset, Slow, Status, log_run

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from types import ModuleType

    from starlette.types import ASGIApp

    from wandb_runs import Run
    from wandb_runs.testing import Fault

EXAMPLES = Path(__file__).parents[1] / "examples"
KEY = "planted-0123456789abcdef0123456789abcdef"


def load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@contextmanager
def serving(app: ASGIApp) -> Generator[str]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(uvicorn.Config(app, lifespan="on", log_level="error"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            while not server.started:
                assert thread.is_alive()
                time.sleep(0.01)
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


@pytest.fixture
def environment(sample_server: LocalServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_BASE_URL", sample_server.url)
    monkeypatch.setenv("WANDB_API_KEY", KEY)
    monkeypatch.setenv("WANDB_ENTITY", "sample")
    monkeypatch.setenv("WANDB_PROJECT", "digits")


@pytest.fixture
def board(environment: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[httpx.Client]:
    leaderboard = load("leaderboard")
    monkeypatch.setattr(leaderboard, "TIMEOUT", 5.0)
    with serving(leaderboard.app) as url, httpx.Client(base_url=url, timeout=30) as client:
        yield client


def listed(page: httpx.Response) -> list[str]:
    assert page.status_code == 200, page.text
    return re.findall(r'href="/runs/([^"]+)"', page.text)


def finished(api: Api) -> list[Run]:
    runs = api.runs("sample/digits", State == "finished")
    return [run for run in runs if isinstance(run.summary.get("loss"), float)]


def number(run: Run, metric: str) -> float:
    value = run.summary[metric]
    assert isinstance(value, (int, float))
    return value


@pytest.mark.parametrize(("metric", "sign"), [("accuracy", -1), ("loss", 1)])
def test_the_leaderboard_lists_the_best_runs_in_order(
    board: httpx.Client, sample_api: Api, metric: str, sign: int
) -> None:
    expected = sorted(sign * number(run, metric) for run in finished(sample_api))
    of = {run.id: sign * number(run, metric) for run in finished(sample_api)}
    ids = listed(board.get("/", params={"by": metric, "limit": 100}))
    assert [of[run_id] for run_id in ids] == expected
    assert len(set(ids)) == len(ids) > 20
    assert listed(board.get("/", params={"by": metric, "limit": 3})) == ids[:3]
    if metric == "accuracy":
        assert listed(board.get("/")) == ids[:10]


def test_a_run_is_shown_with_its_history(board: httpx.Client, sample_api: Api) -> None:
    run = next(run for run in sample_api.runs("sample/digits") if run.name == "diverged")
    shown = board.get(f"/runs/{run.id}").json()
    assert shown["config"] == {"optimizer": "sgd", "learning_rate": 0.1}
    assert shown["history"][0].keys() == {"_step", "loss", "accuracy"}
    assert None in {row["loss"] for row in shown["history"]}  # not a number


def test_names_are_escaped_in_html(
    wandb_server: LocalServer, monkeypatch: pytest.MonkeyPatch, board: httpx.Client
) -> None:
    name = "<script>alert('x')</script>"
    log_run(
        wandb_server,
        *("team", "board", "bad"),
        name=name,
        config={"optimizer": "<b>", "learning_rate": 1},
        summary={"accuracy": 1, "loss": 0.5},
    )
    monkeypatch.setenv("WANDB_BASE_URL", wandb_server.url)
    monkeypatch.setenv("WANDB_ENTITY", "team")
    monkeypatch.setenv("WANDB_PROJECT", "board")
    with serving(load("leaderboard").app) as url:
        page = httpx.get(url).text
    assert name in unescape(page)
    assert "<script>" not in page
    assert "<b>" not in page


@pytest.mark.parametrize(
    ("path", "status", "says"),
    [
        ("/?limit=0", 400, "limit"),
        ("/?limit=many", 400, "limit"),
        ("/?by=secret", 400, "accuracy"),
        ("/?order=loss", 400, "order"),
        ("/runs/no-such-run", 404, "no-such-run"),
        ("/runs/%20", 400, "white space"),
        ("/elsewhere", 404, ""),
    ],
)
def test_an_invalid_request_is_explained(
    board: httpx.Client, path: str, status: int, says: str
) -> None:
    answer = board.get(path)
    assert answer.status_code == status
    assert says in answer.text
    assert KEY not in answer.text


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        (RateLimited(after=90), 503),
        (RateLimited(), 503),
        (Slow(9), 504),
        (Status(401), 502),
        (Status(500), 502),
        (Reset(), 502),
    ],
)
@pytest.mark.parametrize("path", ["/", "/runs/x9z1pcyd"])
def test_each_failure_of_the_server_has_a_status_of_its_own(
    board: httpx.Client, sample_server: LocalServer, path: str, fault: Fault, status: int
) -> None:
    with sample_server.fail_always(fault):
        answer = board.get(path)
    assert answer.status_code == status
    assert answer.json() == {"error": "W&B cannot be read now; try later"}
    waits = int(answer.headers["retry-after"])
    assert waits == 90 if fault == RateLimited(after=90) else waits > 0
    assert KEY not in str(answer.headers)
    assert board.get(path).status_code == 200


def test_concurrent_requests_are_answered(board: httpx.Client, sample_server: LocalServer) -> None:
    async def ask() -> list[httpx.Response]:
        async with httpx.AsyncClient(base_url=board.base_url, timeout=30) as client:
            paths = ["/", "/?by=loss", "/runs/x9z1pcyd", "/runs/missing"] * 15
            return await asyncio.gather(*map(client.get, paths))

    with sample_server.fail(Reset(), None, Status(502), Reset()):
        answers = asyncio.run(ask())
    assert [answer.status_code for answer in answers] == [200, 200, 200, 404] * 15
    assert len({answer.text for answer in answers}) == 4


@pytest.mark.skipif(sys.platform == "win32", reason="a signal ends it")
def test_the_documented_command_runs_and_closes_its_connections(
    environment: None, sample_server: LocalServer
) -> None:
    command = [
        *(sys.executable, "-X", "dev", "-W", "error", "-m", "uvicorn", "--port", "0"),
        *("--app-dir", str(EXAMPLES), "leaderboard:app"),
    ]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        output = ""
        try:
            while not (found := re.search(r"running on (http://\S+)", output)):
                line = process.stderr.readline()
                assert line, output
                output += line
            for path in ("/", "/runs/x9z1pcyd"):
                assert httpx.get(found[1] + path, timeout=30).status_code == 200
            with sample_server.fail_always(Status(401)):
                assert httpx.get(found[1], timeout=30).status_code == 502
        finally:
            process.send_signal(signal.SIGINT)
            output += process.stderr.read()
    assert "Application shutdown complete" in output
    assert "502: " in output
    assert "Warning" not in output
    assert "Traceback" not in output
    assert KEY not in output


@pytest.mark.parametrize("part", [1, 7, 26, 200])
def test_pipeline_output_is_independent_of_partitioning(
    sample_api: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, part: int
) -> None:
    pipeline = load("pipeline")
    monkeypatch.setattr(pipeline, "PART", part)
    result = pipeline.pipeline(sample_api, "sample/digits", tmp_path / "new" / "folder")
    runs = finished(sample_api)
    assert result["runs"].sum() == len(runs)
    expected: dict[tuple[object, object], list[float]] = {}
    for run in runs:
        rows = run.scan_history(["accuracy"])
        best = max(value for row in rows if isinstance(value := row["accuracy"], (int, float)))
        setting = (run.config["optimizer"], run.config["learning_rate"])
        expected.setdefault(setting, []).append(best)
    for row in result.iter_rows(named=True):
        reached = expected.pop((row["optimizer"], row["learning_rate"]))
        assert row["runs"] == len(reached)
        assert row["accuracy"] == pytest.approx(sum(reached) / len(reached))
        assert row["worst"] == pytest.approx(min(reached))
    assert not expected
    written = pl.read_parquet(tmp_path / "new" / "folder" / "settings.parquet")
    assert_frame_equal(written, result)


def test_pipeline_resumes_after_a_failure(
    sample_server: LocalServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipeline = load("pipeline")
    monkeypatch.setattr(pipeline, "PART", 10)
    with Api(base_url=sample_server.url, api_key=KEY) as api:
        whole = pipeline.pipeline(api, "sample/digits", tmp_path / "whole")
        undisturbed = api.stats.requests
    folder = tmp_path / "broken"
    with Api(base_url=sample_server.url, api_key=KEY) as api:
        for passing in (3, 1, 0, 3):
            faults: list[Fault | None] = [*[None] * passing, Status(401)]
            with sample_server.fail(*faults), pytest.raises(AuthenticationError):
                pipeline.pipeline(api, "sample/digits", folder)
        assert_frame_equal(pipeline.pipeline(api, "sample/digits", folder), whole)
        # Four failed requests, and the repeated requests of the parts that failed.
        assert api.stats.requests <= undisturbed + 4 + 4
    assert not (folder / "position.json").exists()
    assert KEY not in "".join(str(file.read_bytes()) for file in folder.iterdir())


def test_a_project_without_matching_runs_is_an_error(api: Api, many: str, tmp_path: Path) -> None:
    with pytest.raises(LookupError, match=many):
        load("pipeline").pipeline(api, many, tmp_path)


@given(
    st.dictionaries(
        st.text(min_size=1, max_size=3),
        st.tuples(st.sampled_from(["adam", "sgd"]), st.sampled_from([0.1, 0.2]), st.floats(0, 1)),
    )
)
def test_settings_are_ranked_by_mean_accuracy(runs: dict[str, tuple[str, float, float]]) -> None:
    frame = pl.DataFrame(
        [(run_id, *facts, 3) for run_id, facts in runs.items()],
        {
            "run_id": pl.String,
            "optimizer": pl.String,
            "learning_rate": pl.Float64,
            "accuracy": pl.Float64,
            "_step": pl.Int64,
        },
        orient="row",
    )
    ranked = load("pipeline").by_setting(frame)
    assert ranked["runs"].sum() == len(runs)
    assert ranked["accuracy"].is_sorted(descending=True)
    assert ranked.select("optimizer", "learning_rate").is_unique().all()
    assert (ranked["worst"] <= ranked["accuracy"] + 1e-9).all()


def test_the_documented_pipeline_command_runs(environment: None, tmp_path: Path) -> None:
    command = [sys.executable, str(EXAMPLES / "pipeline.py"), "sample/digits", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "adam" in done.stdout
    assert pl.read_parquet(tmp_path / "settings.parquet").height > 5
    without = subprocess.run(command[:2], capture_output=True, text=True, check=False)
    assert without.returncode == 1
    assert "python examples/pipeline.py" in without.stderr


def test_telemetry_records_a_span_per_request_and_counts_retries(
    sample_server: LocalServer,
) -> None:
    telemetry, spans, reader = load("telemetry"), InMemorySpanExporter(), InMemoryMetricReader()
    tracing = TracerProvider()
    tracing.add_span_processor(SimpleSpanProcessor(spans))
    events = telemetry.Telemetry(tracing, MeterProvider([reader]))
    with (
        Api(base_url=sample_server.url, api_key=KEY, on_event=events, clock=FakeClock()) as api,
        tracing.get_tracer("test").start_as_current_span("all") as parent,
        sample_server.fail(Status(503), Reset()),
    ):
        assert len(api.runs("sample/digits")) > 20
    *requests, last = spans.get_finished_spans()
    assert last.name == "all"
    assert [span.name for span in requests] == ["wandb CountRuns"] * 3
    assert [span.status.is_ok for span in requests] == [False, False, True]
    assert {span.parent.span_id for span in requests if span.parent} == {
        parent.get_span_context().span_id
    }
    exported = reader.get_metrics_data()
    assert exported is not None
    metrics = exported.resource_metrics[0].scope_metrics[0].metrics
    assert {each.name.removeprefix("wandb_runs.") for each in metrics} == {
        *("request.duration", "response.size", "retries")
    }
    assert KEY not in exported.to_json()
    assert KEY not in "".join(span.to_json() for span in requests)


def test_the_documented_telemetry_command_runs(environment: None) -> None:
    command = [sys.executable, str(EXAMPLES / "telemetry.py"), "sample/digits"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "runs" in done.stdout
    assert "wandb ListRuns" in done.stdout
    assert "wandb_runs.request.duration" in done.stdout
