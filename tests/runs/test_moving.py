"""What W&B's guide and its SDK's users write runs after the import has been changed."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any, cast

import anyio
import pytest

from wandb_runs import (
    Api,
    AsyncApi,
    DeprecatedNameWarning,
    IgnoredArgumentWarning,
    InvalidArgumentError,
    NotFoundError,
    RequestSent,
    Run,
    ServerError,
)
from wandb_runs.testing import LocalServer, Status, delete_run, log_run

if TYPE_CHECKING:
    from pathlib import Path

    from wandb_runs.transport.events import Event

PATH = "team/moving/r1"
SUMMARY: dict[str, Any] = {"loss": 0.5, "best": {"steps": [1, 2]}}
EVENTS = [{"_runtime": float(each), "system.cpu": each} for each in range(4)]


@pytest.fixture(scope="module", autouse=True)
def logged(wandb_server: LocalServer) -> None:
    log_run(
        wandb_server,
        *PATH.split("/"),
        name="fox",
        config={"lr": 1},
        summary=SUMMARY,
        history=[{"loss": each / 2} for each in range(5)],
        events=EVENTS,
        notes="a note",
    )


@pytest.fixture
def run(api: Api) -> Run:
    return api.run(PATH)


def test_settings_may_be_a_dict(wandb_server: LocalServer) -> None:
    with Api({"base_url": wandb_server.url, "entity": "team"}, api_key="k" * 40) as api:
        assert api.run("moving/r1").entity == "team"


@pytest.mark.parametrize("keys", [None, ["system.cpu"]])
def test_events_are_the_machine_metrics(api: Api, run: Run, keys: list[str] | None) -> None:
    rows = run.history(keys=keys, pandas=False, stream="events")
    assert rows == run.history(keys=keys, pandas=False, stream="system") == EVENTS
    runs = api.runs("team/moving")
    assert runs.histories(keys=keys, stream="events") == runs.histories(keys=keys, stream="system")
    assert [*runs.iter_histories(keys=keys, stream="events")] == [
        *runs.iter_histories(keys=keys, stream="system")
    ]
    assert runs.explain("histories", stream="events") == runs.explain("histories", stream="system")


def test_another_stream_is_refused(run: Run) -> None:
    stream: Any = "event"
    with pytest.raises(InvalidArgumentError, match="unknown stream 'event'; did you mean 'events'"):
        run.history(stream=stream)


def test_the_plain_summary_can_be_changed(run: Run) -> None:
    summary: Any = run.summary
    plain = summary._json_dict  # noqa: SLF001 - what W&B's guide has
    assert plain == SUMMARY
    assert {type(plain), type(plain["best"]), type(plain["best"]["steps"])} == {dict, list}
    plain["best"]["steps"].append(3)
    assert run.summary == SUMMARY
    assert summary["best"]._json_dict == SUMMARY["best"]  # noqa: SLF001 - the same


def test_deprecated_names_give_what_they_gave_and_a_better_one(api: Api, run: Run) -> None:
    awaited = AsyncApi(base_url=api.base_url, api_key="k" * 40)

    async def read() -> tuple[str, list[dict[str, Any]]]:
        one = await awaited.run(PATH)
        with pytest.warns(DeprecatedNameWarning, match="use run.scan_history") as caught:
            rows = one.beta_scan_history(["loss"], 2, 1, 3)  # pyright: ignore[reportDeprecated] - the point
        assert caught[0].filename == __file__
        with pytest.warns(DeprecatedNameWarning, match="use run.entity"):
            return one.username, [row async for row in rows]  # pyright: ignore[reportDeprecated] - the point

    with pytest.warns(DeprecatedNameWarning, match="use run.entity") as caught:
        assert run.username == "team"  # pyright: ignore[reportDeprecated] - the point
    assert caught[0].filename == __file__
    with pytest.warns(DeprecatedNameWarning, match="use run.scan_history"):
        rows = [*run.beta_scan_history(["loss"], 2, 1, 3)]  # pyright: ignore[reportDeprecated] - the point
    assert rows == [*run.scan_history(["loss"], 2, 1, 3)]
    assert len(rows) == 2
    assert anyio.run(read) == ("team", rows)
    with (
        pytest.warns(DeprecatedNameWarning),
        pytest.warns(IgnoredArgumentWarning, match="use_cache="),
    ):
        run.beta_scan_history(use_cache=False)  # pyright: ignore[reportDeprecated] - the point


def test_the_config_is_told_as_it_is_stored(api: Api, run: Run) -> None:
    assert run.json_config == '{"lr": {"value": 1}}'
    log_run(api.base_url, "team", "moving", "bare")
    assert json.loads(api.run("team/moving/bare").json_config) == {}
    delete_run(api.base_url, "team", "moving", "bare")


def test_loading_tells_what_a_run_is(api: Api, wandb_server: LocalServer, run: Run) -> None:
    wandb_server.clear_operations()
    told = run.load()
    assert wandb_server.operations == ()
    assert (told["id"], told["name"], told["displayName"]) == (run.storage_id, "r1", "fox")
    assert (told["config"], told["summaryMetrics"], told["notes"]) == ({"lr": 1}, SUMMARY, "a note")
    assert told["rawconfig"] == run.raw_config
    assert run.config
    assert run.load() == told, "what was decoded is not part of it"
    with pytest.raises(TypeError, match="read-only"):
        cast("dict[str, Any]", told)["notes"] = "another"
    (listed,) = api.runs("team/moving", {"name": "r1"}, config_keys=["lr"], summary_keys=[])
    assert (listed.load()["config"], listed.load()["summaryMetrics"]) == ({"lr": 1}, {})


def test_loading_by_force_asks_again(api: Api, wandb_server: LocalServer) -> None:
    log_run(wandb_server, "team", "moving", "r2", summary={"loss": 2})
    run, late = api.run("team/moving/r2"), api.run("team/moving/r2")
    log_run(wandb_server, "team", "moving", "r2", summary={"loss": 1})
    assert run.load()["summaryMetrics"] == run.summary == {"loss": 2}
    assert run.load(force=True)["summaryMetrics"] == run.summary == {"loss": 1}

    async def load() -> object:
        async with AsyncApi(base_url=api.base_url, api_key="k" * 40) as awaited:
            one = await awaited.run("team/moving/r2")
            return (await one.load(force=True))["summaryMetrics"]

    assert anyio.run(load) == {"loss": 1}
    delete_run(wandb_server, "team", "moving", "r2")
    with pytest.raises(NotFoundError):
        late.load(force=True)
    assert late.load()["summaryMetrics"] == {"loss": 2}


def test_flushing_sends_and_forgets_nothing(api: Api, wandb_server: LocalServer, many: str) -> None:
    runs = api.runs(many)
    assert len([*runs]) == 47
    wandb_server.clear_operations()
    api.flush()
    AsyncApi(base_url=api.base_url, api_key="k" * 40).flush()
    assert len([*runs]) == 47
    assert wandb_server.operations == ()


def test_next_is_deprecated(api: Api, many: str) -> None:
    runs = api.runs(many)
    with pytest.warns(DeprecatedNameWarning, match=r"use iter\(runs\)") as caught:
        runs.next()  # pyright: ignore[reportDeprecated] - the point
    assert caught[0].filename == __file__


@pytest.mark.filterwarnings("ignore::wandb_runs.DeprecatedNameWarning")
def test_next_goes_through_the_runs_once(api: Api, many: str) -> None:
    runs = api.runs(many, per_page=10)
    taken = [runs.next()]  # pyright: ignore[reportDeprecated] - the point
    assert taken == [next(iter(runs))], "a loop has a position of its own"
    other = copy.copy(runs)
    while len(taken) < 47:
        taken.append(runs.next())  # pyright: ignore[reportDeprecated] - the point
    for _ in range(2):
        with pytest.raises(StopIteration):
            runs.next()  # pyright: ignore[reportDeprecated] - the point
    assert taken == [*runs]
    assert other.next() == taken[0], "a copy begins anew"  # pyright: ignore[reportDeprecated] - the point


@pytest.mark.filterwarnings("ignore::wandb_runs.DeprecatedNameWarning")
def test_next_goes_on_after_an_error(many: str) -> None:
    with LocalServer() as server, Api(base_url=server.url, api_key="k" * 40, max_retries=0) as api:
        for number in range(4):
            log_run(server, "team", "names", f"r{number}")
        runs = api.runs("team/names", per_page=2)
        taken = [runs.next().id, runs.next().id]  # pyright: ignore[reportDeprecated] - the point
        server.fail(Status(500))
        with pytest.raises(ServerError) as caught:
            runs.next()  # pyright: ignore[reportDeprecated] - the point
        rest = api.runs("team/names", checkpoint=caught.value.checkpoint)
        taken.append(runs.next().id)  # pyright: ignore[reportDeprecated] - the point
        assert taken == ["r0", "r1", "r2"]
        assert [run.id for run in rest] == ["r2", "r3"]


@pytest.mark.filterwarnings("ignore::wandb_runs.DeprecatedNameWarning")
def test_threads_that_share_next_take_each_run_once(wandb_server: LocalServer, many: str) -> None:
    taken: list[str] = []

    def take() -> None:
        taken.append(runs.next().id)  # pyright: ignore[reportDeprecated] - the point

    second = threading.Thread(target=take)

    def observe(event: Event) -> None:
        if isinstance(event, RequestSent) and second.ident is None:
            second.start()
            second.join(0.2)  # it waits for the run that this thread takes

    with Api(base_url=wandb_server.url, api_key="k" * 40, on_event=observe) as api:
        runs = api.runs(many)
        take()
        second.join(10)
    assert sorted(taken) == ["run00", "run01"]


def test_a_page_is_shown_in_a_frame(run: Run) -> None:
    shown = run.to_html()
    assert shown == (
        f'<iframe src="{run.url}?jupyter=true" style="border: none; width: 100%; height: 420px">'
        "</iframe>"
    )
    folded = run.to_html(100, hidden=True)
    assert "height: 100px" in folded
    assert folded.startswith("<details><summary>&lt;Run team/moving/r1 (")


@pytest.mark.parametrize("value", [0, "100%", None, '1"></iframe><script>'])
def test_a_frame_needs_a_height_in_pixels(run: Run, value: object) -> None:
    untyped = cast("Any", run)
    for call in (untyped.to_html, untyped.display):
        with pytest.raises(InvalidArgumentError, match="height must be an int of 1 or more"):
            call(value)
        with pytest.raises(InvalidArgumentError, match="hidden must be True or False"):
            call(hidden=value)


@pytest.mark.parametrize("hidden", [False, True])
def test_names_of_a_project_are_escaped_in_a_frame(
    api: Api, wandb_server: LocalServer, *, hidden: bool
) -> None:
    log_run(wandb_server, "team", 'x"><script>&', "r1")
    shown = api.run('team/x"><script>&/r1').to_html(hidden=hidden)
    assert "<script" not in shown
    assert shown.count('"') == 4


@pytest.mark.parametrize("hidden", [False, True])
def test_the_address_of_the_pages_is_escaped_in_a_frame(
    wandb_server: LocalServer, monkeypatch: pytest.MonkeyPatch, *, hidden: bool
) -> None:
    monkeypatch.setenv("WANDB_APP_URL", 'https://wandb.example"><script>&')
    with Api(base_url=wandb_server.url, api_key="k" * 40) as api:
        shown = api.run(PATH).to_html(hidden=hidden)
    assert 'src="https://wandb.example&quot;&gt;&lt;script&gt;&amp;/team/moving/runs/r1?' in shown


NOTEBOOK = """
import json, sys
from IPython.core.displaypub import CapturingDisplayPublisher
from IPython.core.interactiveshell import InteractiveShell
from IPython.terminal.interactiveshell import TerminalInteractiveShell
from traitlets.config import Config
from wandb_runs import Api

shells = {"notebook": InteractiveShell, "terminal": TerminalInteractiveShell}
config = Config(HistoryManager={"enabled": False})
if sys.argv[1] in shells:
    shell = shells[sys.argv[1]].instance(config=config, display_pub_class=CapturingDisplayPublisher)
run = Api(base_url=sys.argv[2], api_key="k" * 40).run("team/moving/r1")
shown = run.display(300)
outputs = shell.display_pub.outputs if sys.argv[1] in shells else []
print(json.dumps([shown, [each["data"] for each in outputs], repr(run), run.to_html(300)]))
"""


@pytest.mark.parametrize(("where", "expected"), [("notebook", 1), ("terminal", 0), ("none", 0)])
def test_a_page_is_displayed_in_a_notebook(
    wandb_server: LocalServer, tmp_path: Path, where: str, expected: int
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", NOTEBOOK, where, wandb_server.url],
        env={"IPYTHONDIR": str(tmp_path), "TERM": "dumb", "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stderr == ""
    shown, outputs, text, html = json.loads(done.stdout)
    assert shown is bool(expected)
    assert outputs == [{"text/html": html, "text/plain": text}] * expected


def test_nothing_is_displayed_or_imported_outside_a_notebook(run: Run) -> None:
    loaded = "IPython" in sys.modules
    assert run.display() is False
    assert ("IPython" in sys.modules) is loaded


def test_a_sweep_has_a_page_and_a_username(sample_api: Api) -> None:
    sweep = next(run.sweep for run in sample_api.runs("sample/digits") if run.sweep is not None)
    assert sweep.to_html().startswith(f'<iframe src="{sweep.url}?jupyter=true"')
    assert sweep.display() is False
    with pytest.warns(DeprecatedNameWarning, match="use sweep.entity"):
        assert sweep.username == "sample"  # pyright: ignore[reportDeprecated] - the point
