"""A run reads what was logged, and sends what it says."""

from __future__ import annotations

import json
import math
import pickle
import warnings
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, cast

import anyio
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.ways import each_way

from wandb_runs import (
    Api,
    AsyncApi,
    BadResponseError,
    EmptyJoinWarning,
    InvalidArgumentError,
    NotFoundError,
    Request,
    Response,
    Run,
    UnknownMetricWarning,
    User,
)
from wandb_runs.testing import log_run
from wandb_runs.transport.http import HttpTransport

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from wandb_runs.frames.plan import Join
    from wandb_runs.graphql.scalars import JSONObject, JSONValue
    from wandb_runs.testing import LocalServer

INNER_AND_OUTER: list[Join] = ["inner", "outer"]
PATH = "team/one/full"
CONFIG: dict[str, JSONValue] = {
    "lr": 0.1,
    "seed": 2**70,
    "model": {"depth": 3, "value": 7},
    "value": {"value": 1},
    "eval/metric": "acc",
    "none": None,
    "_wandb": {"cli_version": "0.31.0"},
    "wandb_version": 1,
}


class Rewriting:
    """A transport that changes what a real server answers, as a server may come to answer."""

    def __init__(self, server: LocalServer, change: Callable[[dict[str, object]], None]) -> None:
        self.inner = HttpTransport(server.url)
        self.change = change

    def send(self, request: Request, /) -> Response:
        response = self.inner.send(request)
        body = json.loads(response.content)
        self.change(body)
        return Response(response.status, response.headers, json.dumps(body).encode())


@pytest.fixture(scope="module", autouse=True)
def logged(wandb_server: LocalServer) -> None:
    log_run(
        wandb_server,
        *PATH.split("/"),
        name="kind-fox-1",
        config=CONFIG,
        history=[{"loss": math.nan, "n": 1}, {"loss": 0.5, "n": 2}, {"n": 3}],
        events=[{"system.cpu": 10.0, "_runtime": 1.0}, {"system.gpu": 20.0, "_runtime": 2.0}],
        summary={"loss": math.nan, "best": {"acc": 0.9}, "n": 3, "_wandb": {"runtime": 1}},
        tags=["best", "seed"],
        group="g",
        job_type="train",
        notes="a note",
        host="laptop",
    )


@pytest.fixture
def run(api: Api) -> Run:
    return api.run(PATH)


@pytest.fixture
def rewritten(wandb_server: LocalServer) -> Iterator[Callable[..., Api]]:
    made: list[Api] = []
    transports: list[Rewriting] = []

    def make(change: Callable[[dict[str, object]], None]) -> Api:
        transports.append(Rewriting(wandb_server, change))
        made.append(Api(base_url=wandb_server.url, api_key="k", transport=transports[-1]))
        return made[-1]

    yield make
    for transport in transports:
        transport.inner.close()


def nodes_in(value: object) -> Iterator[dict[str, object]]:
    """The runs in an answer, wherever they are."""
    if isinstance(value, dict):
        found = cast("dict[str, object]", value)
        if "storageId" in found:
            yield found
        for each in found.values():
            yield from nodes_in(each)
    if isinstance(value, list):
        for each in cast("list[object]", value):
            yield from nodes_in(each)


def test_a_run_has_what_was_logged(run: Run, wandb_server: LocalServer) -> None:
    assert run.id == "full"
    assert run.name == run.display_name == "kind-fox-1"
    assert run.storage_id
    assert (run.entity, run.project, run.path) == ("team", "one", ["team", "one", "full"])
    assert run.url == f"{wandb_server.url}/team/one/runs/full"
    assert run.state == "finished"
    assert run.tags == ["best", "seed"]
    assert (run.group, run.job_type, run.notes, run.host) == ("g", "train", "a note", "laptop")
    assert run.sweep_name is None
    assert run.sweep is None
    assert isinstance(run.user, User)
    assert isinstance(run.read_only, bool | None)
    assert isinstance(run.project_internal_id, int | None)
    assert run.history_line_count == 3
    assert repr(run) == "<Run team/one/full (finished)>"


def test_instants_are_aware(run: Run) -> None:
    assert run.heartbeat_at is not None
    for moment in (run.created_at, run.heartbeat_at):
        assert moment.utcoffset() == timedelta(0)
        assert abs(moment - datetime.now(UTC)) < timedelta(hours=2)


def test_config_is_what_was_given_without_wandbs_own(run: Run) -> None:
    own = {"_wandb", "wandb_version"}
    assert run.config == {key: value for key, value in CONFIG.items() if key not in own}
    assert dict(run.raw_config) == dict(run.rawconfig) == CONFIG
    assert run.config is run.config


def test_summary_keeps_everything(run: Run) -> None:
    assert run.summary == run.summary_metrics
    assert run.summary["best"] == {"acc": 0.9}
    assert run.summary["_wandb"] == {"runtime": 1}
    assert run.summary["n"] == 3


def test_details_cost_one_request_when_touched(run: Run, wandb_server: LocalServer) -> None:
    wandb_server.clear_operations()
    assert run.last_history_step == run.lastHistoryStep == 2
    assert run.history_keys is not None
    keys = run.history_keys["keys"]
    assert isinstance(keys, dict)
    assert {"loss", "n"} <= set(keys)
    assert isinstance(run.system_metrics, dict)
    assert wandb_server.operations == ("GetRunDetails",)


def test_metadata_is_none_without_the_file(run: Run) -> None:
    assert run.metadata is None


def test_refresh_asks_again(api: Api, wandb_server: LocalServer) -> None:
    log_run(wandb_server, "team", "one", "going", config={"lr": 1}, exit_code=None)
    run = api.run("team/one/going")
    assert run.state == "running"
    assert run.config == {"lr": 1}
    log_run(wandb_server, "team", "one", "going", config={"lr": 2}, history=[{"a": 1}])
    assert run.state == "running"
    run.refresh()
    assert run.state == "finished"
    assert run.config == {"lr": 2}
    assert run.summary["a"] == 1


@pytest.mark.parametrize(
    "path", ["team/one/absent", "team/absent/full", "absent/one/full", "team/one/absent/x"]
)
def test_missing_runs_and_projects_are_named(api: Api, path: str) -> None:
    kind = InvalidArgumentError if path.count("/") > 2 else NotFoundError
    with pytest.raises(kind, match=path.split("/")[1]):
        api.run(path)


def test_a_deleted_run_raises_not_found(rewritten: Callable[..., Api]) -> None:
    def change(body: dict[str, object]) -> None:
        for node in nodes_in(body):
            node["id"] = "gone"

    gone = rewritten(change).run(PATH)
    for use in (
        gone.refresh,
        gone.history,
        lambda: list(gone.scan_history()),
        lambda: gone.metadata,
    ):
        with pytest.raises(NotFoundError, match="gone"):
            use()


# What the server may answer.

NULLABLE = [
    "storageId", "name", "state", "createdAt", "updatedAt", "heartbeatAt", "tags", "group",
    "jobType", "notes", "description", "commit", "host", "readOnly", "projectInternalId",
    "sweepName", "historyLineCount", "user", "config", "summaryMetrics",
]  # fmt: skip


@settings(
    deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.sets(st.sampled_from(NULLABLE)), st.booleans(), st.integers(1, 60))
def test_nulls_lose_no_run_and_break_no_page(
    rewritten: Callable[..., Api], many: str, nulls: set[str], absent: bool, per_page: int
) -> None:
    def change(body: dict[str, object]) -> None:
        for index, node in enumerate(nodes_in(body)):
            if index % 2 == 0:
                for field in nulls:
                    node[field] = None
                    if absent:
                        del node[field]

    runs = rewritten(change).runs(many, per_page=per_page)
    assert [run.id for run in runs] == [f"run{number:02}" for number in range(47)]
    for run in runs:
        assert repr(run)
        assert isinstance(run.config, dict)
        assert isinstance(run.summary, dict)
        assert isinstance(run.tags, list)
        assert run.user is None or run.user.username


def test_a_null_in_a_required_field_raises_when_read(
    rewritten: Callable[..., Api], many: str
) -> None:
    def change(body: dict[str, object]) -> None:
        for node in nodes_in(body):
            node.update(createdAt=None, state=None, storageId=None)

    run = rewritten(change).runs(many)[0]
    for name in ("created_at", "state", "storage_id"):
        with pytest.raises(BadResponseError, match="team/many/run00"):
            getattr(run, name)


def test_new_words_and_fields_are_read(rewritten: Callable[..., Api], many: str) -> None:
    def change(body: dict[str, object]) -> None:
        for node in nodes_in(body):
            node.update(state="hibernating", aNewField={"x": 1}, projectInternalId=42)

    run = rewritten(change).runs(many)[0]
    assert run.state == "hibernating"
    assert run.project_internal_id == 42


@pytest.mark.parametrize(
    ("stored", "expected"),
    [
        ('{"a": {"value": NaN}}', math.nan),
        ('{"a": {"value": "x\ty"}}', "x\ty"),
        ('{"a": {"value": 123456789012345678901234567890}}', 123456789012345678901234567890),
        ('{"a": 1}', 1),
        ('{"a": {"value": 1, "desc": null}}', 1),
        ('{"a": {"value": 1, "more": 2}}', {"value": 1, "more": 2}),
    ],
)
def test_config_decodes_what_wandb_stores(
    rewritten: Callable[..., Api], many: str, stored: str, expected: object
) -> None:
    def change(body: dict[str, object]) -> None:
        for node in nodes_in(body):
            node["config"] = stored

    found = rewritten(change).runs(many)[0].config["a"]
    assert found == expected or (found != found and expected != expected)  # noqa: PLR0124 - NaN


@pytest.mark.parametrize("stored", ["{", "[1]", '"x"', "3"])
def test_one_bad_document_breaks_one_run_when_touched(
    rewritten: Callable[..., Api], many: str, stored: str
) -> None:
    def change(body: dict[str, object]) -> None:
        next(nodes_in(body))["config"] = stored

    first, second = rewritten(change).runs(many, per_page=2)[:2]
    with pytest.raises(BadResponseError, match=f"config of run 'team/many/{first.id}'"):
        first.config  # noqa: B018 - touched on purpose
    assert second.config["optimizer"] == "sgd"


# Histories of one run.


def test_a_history_has_no_run_id(run: Run) -> None:
    rows = run.history(keys=["n"], pandas=False)
    assert rows == [{"_step": 0, "n": 1}, {"_step": 1, "n": 2}, {"_step": 2, "n": 3}]
    assert list(run.history(samples=2, keys=["n"]).columns) == ["_step", "n"]
    assert run.history(keys=["loss", "n"], format="polars").rows()[1] == (1, 0.5, 2)


def test_without_keys_whole_rows_come(run: Run) -> None:
    rows = run.history(pandas=False)
    assert [row["n"] for row in rows] == [1, 2, 3]
    assert math.isnan(float(str(rows[0]["loss"])))
    assert "loss" not in rows[2]


def test_machine_metrics_come_by_key(run: Run) -> None:
    frame = run.history(keys=["system.cpu"], stream="system", format="polars")
    assert frame.columns == ["_runtime", "system.cpu"]
    assert frame.rows() == [(1.0, 10.0)]
    both = run.history(keys=["system.cpu", "system.gpu"], stream="system", pandas=False)
    assert len(both) == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"pandas": True, "format": "polars"}, "not both"),
        ({"pandas": False, "format": "default"}, "not both"),
        ({"pandas": "polars"}, "format="),
        ({"format": "panda"}, "'pandas'"),
        ({"keys": "loss"}, r"\['loss'\]"),
        ({"keys": []}, "empty"),
        ({"samples": 0}, "samples"),
        ({"stream": "systems"}, "'system'"),
    ],
)
def test_wrong_arguments_are_refused_before_a_request(
    run: Run, wandb_server: LocalServer, arguments: dict[str, object], message: str
) -> None:
    wandb_server.clear_operations()
    with pytest.raises(InvalidArgumentError, match=message):
        run.history(**arguments)  # type: ignore[call-overload] # wrong on purpose
    assert wandb_server.operations == ()


# Whole histories.


@pytest.fixture(scope="module")
def steps(wandb_server: LocalServer) -> list[int]:
    """Steps with gaps, and several rows on some: what makes a page overflow or stay empty."""
    steps = [step for step in range(60) for _ in range(1 + 4 * (step % 7 == 3))]
    steps += [500, 501, 5000]
    log_run(
        wandb_server,
        "team",
        "one",
        "long",
        history=[
            {"_step": step, "n": number, **({"even": True} if number % 2 == 0 else {})}
            for number, step in enumerate(steps)
        ],
    )
    return steps


@settings(
    deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.integers(1, 100), st.integers(0, 600), st.none() | st.integers(0, 6000), st.booleans())
def test_a_scan_gives_every_row_of_its_range_once(
    api: Api, steps: list[int], page_size: int, low: int, high: int | None, keyed: bool
) -> None:
    high = high if high is None or high >= low else low
    run = api.run("team/one/long")
    rows = run.scan_history(["even", "n"] if keyed else None, page_size, low, high)
    expected = [
        number
        for number, step in enumerate(steps)
        if low <= step and (high is None or step < high) and (not keyed or number % 2 == 0)
    ]
    assert [row["n"] for row in rows] == expected


def test_a_scan_sends_about_a_request_for_each_page(
    run: Run, wandb_server: LocalServer, steps: list[int]
) -> None:
    wandb_server.clear_operations()
    scan = run.scan_history()
    assert not wandb_server.operations
    assert len(list(scan)) == 3
    assert wandb_server.operations == ("GetParquetHistory",)


def test_a_scan_without_files_sends_about_a_request_for_each_page(
    api: Api, wandb_server: LocalServer
) -> None:
    history: list[JSONObject] = [{"loss": step} for step in range(7)]
    log_run(wandb_server, "team", "one", "going-on", history=history, exit_code=None)
    run = api.run("team/one/going-on")
    wandb_server.clear_operations()
    assert len(list(run.scan_history(page_size=8))) == 7
    assert wandb_server.operations == ("GetParquetHistory", "ScanHistory")


@pytest.mark.parametrize(
    "arguments",
    [
        {"page_size": 0},
        {"min_step": -1},
        {"min_step": 3, "max_step": 2},
        {"keys": "loss"},
        {"page_size": True},
    ],
)
def test_a_wrong_scan_is_refused_when_it_is_made(run: Run, arguments: dict[str, object]) -> None:
    with pytest.raises(InvalidArgumentError):
        run.scan_history(**arguments)  # type: ignore[arg-type] # wrong on purpose


def test_a_run_without_a_history_scans_to_nothing(api: Api, wandb_server: LocalServer) -> None:
    log_run(wandb_server, "team", "one", "empty")
    run = api.run("team/one/empty")
    assert list(run.scan_history()) == []
    assert run.history(pandas=False) == []
    assert run.last_history_step == -1


@pytest.mark.parametrize("keys", [None, {}, {"lastStep": None}, {"lastStep": "2"}])
def test_a_scan_loses_nothing_when_the_last_step_is_not_known(
    rewritten: Callable[..., Api], steps: list[int], keys: object
) -> None:
    def change(body: dict[str, object]) -> None:
        data = cast("dict[str, dict[str, dict[str, object]]]", body["data"])
        run = data["project"]["run"]
        if "historyKeys" in run:
            run["historyKeys"] = keys
        if "parquetHistory" in run:
            run["parquetHistory"] = None

    run = rewritten(change).run("team/one/long")
    assert [row["n"] for row in run.scan_history()] == list(range(len(steps)))
    with pytest.raises(BadResponseError, match="larger page_size"):
        list(run.scan_history(page_size=5))


class Expired:
    """A server that names a file and then does not give it."""

    def __init__(self, server: LocalServer) -> None:
        self.inner = HttpTransport(server.url)
        self.url = f"{server.url}/storage/gone"

    def send(self, request: Request, /) -> Response:
        if request.method == "GET":
            return Response(400, {}, b'{"error": "expired"}')
        if b"GetRunFile" not in request.content:
            return self.inner.send(request)
        file = {"name": "wandb-metadata.json", "directUrl": self.url}
        run = {"files": {"edges": [{"node": file}]}}
        return Response(200, {}, json.dumps({"data": {"project": {"run": run}}}).encode())


def test_a_failed_download_is_not_metadata(wandb_server: LocalServer) -> None:
    transport = Expired(wandb_server)
    run = Api(base_url=wandb_server.url, api_key="k", transport=transport).run(PATH)
    with pytest.raises(BadResponseError, match="HTTP 400"):
        run.metadata  # noqa: B018 - touched on purpose
    transport.inner.close()


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("http://files.example/x?signature=c0ffee", "allow_http=True"),
        ("ftp://files.example/x", "ask for the file again"),
        ("/storage/x", "ask for the file again"),
        ("https://me:secret@files.example/x", "ask for the file again"),
        ("https://files.example:99999/x", "ask for the file again"),
        ("https://files\u202e.example/\x1b[2J" + "x" * 1_000_000, "ask for the file again"),
        ("", "ask for the file again"),
    ],
)
def test_a_bad_address_of_a_file_is_a_fault_of_the_server(
    wandb_server: LocalServer, url: str, message: str
) -> None:
    transport = Expired(wandb_server)
    transport.url = url
    run = Api(base_url=wandb_server.url, api_key="k", transport=transport).run(PATH)
    with pytest.raises(BadResponseError, match="the server gives") as caught:
        run.metadata  # noqa: B018 - touched on purpose
    assert message in str(caught.value)
    assert "secret" not in str(caught.value)
    assert "c0ffee" not in str(caught.value)
    assert len(str(caught.value)) < 1000
    assert str(caught.value).isprintable()
    transport.inner.close()


def test_a_history_that_an_inner_join_leaves_empty_is_named(
    api: Api, wandb_server: LocalServer
) -> None:
    rows: dict[str, list[JSONObject]] = {
        "apart": [{"a": 1}, {"b": 2}],
        "gather": [{"a": 1, "b": 2}],
        "half": [{"a": 1}],
        "none": [],
    }
    for run_id, history in rows.items():
        log_run(wandb_server, "team", "joined", run_id, history=history)
    for run_id in rows:
        run = api.run(f"team/joined/{run_id}")
        wandb_server.clear_operations()
        if run_id == "apart":
            with pytest.warns(EmptyJoinWarning, match=r'1 run \(apart\).*"outer"') as told:
                run.history(keys=["a", "b"], pandas=False)
            assert told[0].filename == __file__
            assert pickle.loads(pickle.dumps(told[0].message)).run_ids == ["apart"]
        elif run_id == "half":
            with pytest.warns(UnknownMetricWarning, match="run 'half' has no 'b'") as told:
                run.history(keys=["a", "b"], pandas=False)
            assert told[0].filename == __file__
        else:
            run.history(keys=["a", "b"], pandas=False)
        expected = {
            "apart": ["GetSampledHistory"] * 2,
            "half": ["GetSampledHistory", "GetSampledHistory", "GetHistoryKeys"],
        }
        assert [*wandb_server.operations] == expected.get(run_id, ["GetSampledHistory"])


@each_way
def test_a_scan_of_keys_that_were_logged_apart_is_named(
    wandb_server: LocalServer, way: str
) -> None:
    rows: dict[str, list[JSONObject]] = {
        "apart": [{"a": 1}, {"b": 2, "c": {"d": 3}}] * 3,
        "once": [{"a": 1}, {"b": 2}, {"a": 1, "b": 2}, {"c": {"d": 3}}],
        "none": [],
    }
    for run_id, history in rows.items():
        log_run(wandb_server, "team", f"scans-{way}", run_id, history=history)
    key = "k" * 40

    def scan(
        run_id: str, keys: list[str], *, page_size: int = 2, max_step: int | None = None
    ) -> tuple[int, list[str]]:
        path = f"team/scans-{way}/{run_id}"

        async def scan_async() -> int:
            async with AsyncApi(base_url=wandb_server.url, api_key=key) as api:
                rows = (await api.run(path)).scan_history(keys, page_size, 0, max_step)
                return len([row async for row in rows] + [row async for row in rows])

        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            if way != "sync":
                count = anyio.run(scan_async, backend=way)
            else:
                with Api(base_url=wandb_server.url, api_key=key) as api:
                    scanned = api.run(path).scan_history(keys, page_size, 0, max_step)
                    count = len([*scanned, *scanned])
        assert {each.filename for each in caught} <= {__file__}
        return count, [str(each.message) for each in caught]

    told = (
        "1 run (apart) logged each of the keys, and never in the same row, so that there is no "
        "row; scan each key, or leave keys out to scan whole rows"
    )
    assert scan("apart", ["a", "b"]) == (0, [told])
    assert scan("apart", ["c.d", "a"], page_size=100) == (0, [told])
    assert scan("apart", ["b", "c.d"]) == (3, [])
    assert scan("apart", ["a", "b"], max_step=1) == (0, [])  # no b was asked for
    assert scan("once", ["a", "b"]) == (1, [])
    assert scan("once", ["a", "c.d"])[1] == [told.replace("apart", "once")]
    assert scan("once", ["a"]) == (2, [])
    assert scan("none", ["a", "b"]) == (0, [])


@pytest.mark.filterwarnings("ignore::wandb_runs.UnknownMetricWarning")
def test_rows_that_lack_the_x_axis_are_named(api: Api, wandb_server: LocalServer) -> None:
    rows: dict[str, list[JSONObject]] = {
        "apart": [{"loss": 1}, {"epoch": 2}],
        "partly": [{"a": 1, "epoch": 1}, {"loss": 2}],
        "gather": [{"loss": 1, "a": 1, "epoch": 2}],
        "without": [{"loss": 1, "a": 1}],
        "half": [{"a": 1, "epoch": 2}],
        "none": [],
    }
    for run_id, history in rows.items():
        log_run(wandb_server, "team", "axis", run_id, history=history)

    def told(join: Join, keys: list[str]) -> dict[str, str]:
        messages: dict[str, str] = {}
        for run_id in rows:
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always", EmptyJoinWarning)
                run = api.run(f"team/axis/{run_id}")
                run.history(keys=keys, x_axis="epoch", join=join, pandas=False)
            if caught:
                messages[run_id] = str(caught[0].message)
        return messages

    advice = """pass keys=[..., 'epoch'], x_axis="_step" and join="outer\""""
    for join in INNER_AND_OUTER:
        messages = told(join, ["loss"])
        assert messages.keys() == {"apart", "partly"}
        assert advice in messages["apart"]
    assert told("inner", ["loss", "a"]).keys() == {"partly"}
    assert told("outer", ["loss", "a"]).keys() == {"apart", "partly"}

    run = api.run("team/axis/apart")
    assert run.history(keys=["loss", "epoch"], join="outer", pandas=False) == [
        {"_step": 0, "loss": 1},
        {"_step": 1, "epoch": 2},
    ]
