"""The public test helpers: the fixture of a server, and functions that log runs to it."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, cast

import httpx
import pytest
from support.graphql_query import of_run
from support.raw_server import http_answer, read_request, serve

import wandb_runs.testing
from wandb_runs import Api
from wandb_runs.errors import InvalidArgumentError, WandbRunsError
from wandb_runs.testing import LocalServer, delete_run, log_run

if TYPE_CHECKING:
    from collections.abc import Callable

    from wandb_runs.graphql.scalars import JSONObject


def read(server: LocalServer, name: str, fields: str) -> JSONObject:
    query = f"{{ {of_run('me', 'testing', name, fields)} }}"
    answer = httpx.post(f"{server.url}/graphql", json={"query": query}).json()
    return cast("JSONObject", answer["data"]["project"]["run"])


def test_the_test_of_the_guide_passes(tmp_path: Path) -> None:
    guide = (Path(__file__).parents[2] / "docs" / "testing.md").read_text(encoding="utf-8")
    (program,) = re.findall(
        r"^```python\n(from wandb_runs [^`]*?^def test_[^`]*?)^```", guide, re.MULTILINE
    )
    (tmp_path / "test_report.py").write_text(program, encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "test_report.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert "1 passed" in done.stdout, done.stdout


def test_log_run_stores_every_argument(wandb_server: LocalServer) -> None:
    log_run(
        wandb_server.url,
        "me",
        "testing",
        "full",
        config={"lr": 0.1, "model": {"depth": 2}},
        history=[{"loss": 2.5}, {"_step": 7, "loss": float("nan")}],
        events=[{"system.cpu": 12.5}],
        tags=("a", "b"),
        group="grid",
        job_type="train",
        name="first",
        notes="as it is",
        host="box",
        sweep="s1",
        exit_code=1,
    )
    found = read(
        wandb_server,
        "full",
        """
        displayName state tags group jobType notes host sweepName config summaryMetrics
        history events exitcode
        """,
    )
    assert found == {
        "displayName": "first",
        "state": "failed",
        "tags": ["a", "b"],
        "group": "grid",
        "jobType": "train",
        "notes": "as it is",
        "host": "box",
        "sweepName": "s1",
        "config": '{"lr": {"value": 0.1}, "model": {"value": {"depth": 2}}}',
        "summaryMetrics": '{"_step":7,"loss":"NaN"}',
        "history": ['{"_step": 0, "loss": 2.5}', '{"_step": 7, "loss": NaN}'],
        "events": ['{"system.cpu": 12.5}'],
        "exitcode": 1,
    }


def test_logging_to_an_existing_run_appends(wandb_server: LocalServer) -> None:
    log_run(wandb_server, "me", "testing", "on", history=[{"n": 1}], exit_code=None)
    assert read(wandb_server, "on", "state") == {"state": "running"}
    log_run(wandb_server, "me", "testing", "on", history=[{"n": 2}], summary={"best": 1})
    found = read(wandb_server, "on", "state history summaryMetrics")
    assert found["state"] == "finished"
    assert found["history"] == ['{"_step": 0, "n": 1}', '{"_step": 1, "n": 2}']
    assert found["summaryMetrics"] == '{"best":1}'


def test_a_long_history_is_sent_in_requests_of_bounded_size() -> None:
    requests: list[JSONObject] = []

    def handle(connection: socket.socket) -> None:
        while request := read_request(connection):
            head, _, body = request.partition(b"\r\n\r\n")
            if b"file_stream" in head.split(b"\r\n")[0]:
                requests.append(json.loads(body))
            held = {"historyLineCount": 7, "eventsLineCount": 0}
            bucket = {"data": {"upsertBucket": {"bucket": held}}}
            connection.sendall(http_answer(json.dumps(bucket).encode()))

    rows: list[JSONObject] = [{"text": "x" * 900_000, "row": row} for row in range(5)]
    events: list[JSONObject] = [{"system.text": "x" * 900_000} for _ in range(2)]
    with serve(handle) as server:
        log_run(server.url, "me", "long", "r", history=rows, events=events, exit_code=0)
    files = [cast("dict[str, JSONObject]", request["files"]) for request in requests]
    sent = [
        {
            name: (part["offset"], len(cast("list[str]", part["content"])))
            for name, part in of.items()
        }
        for of in files
    ]
    history, machine = "wandb-history.jsonl", "wandb-events.jsonl"
    assert sent == [
        {history: (7, 2)},
        {history: (9, 2)},
        {history: (11, 1), machine: (0, 1)},
        {machine: (1, 1), "wandb-summary.json": (0, 1)},
    ]
    assert [request.get("complete") for request in requests] == [None, None, None, True]


def test_a_history_of_many_keys_is_stored_whole(wandb_server: LocalServer) -> None:
    rows: list[JSONObject] = [
        {f"metric/{key}": (row + key) / 3 for key in range(3000)} for row in range(40)
    ]
    log_run(wandb_server, "me", "testing", "wide", history=rows)
    with Api(base_url=wandb_server.url, api_key="any", timeout=120) as api:
        run = api.run("me/testing/wide")
        assert [{**row, "_step": 0} for row in run.scan_history()] == [
            {**row, "_step": 0} for row in rows
        ]
        assert run.summary == {**rows[-1], "_step": 39}
        assert run.state == "finished"


HALF = "half \ud800"
LOG = partial(log_run, entity="me", project="p", run_id="r")
DELETE = partial(delete_run, entity="me", project="p", run_id="r")


@pytest.mark.parametrize(
    ("log", "named"),
    [
        (partial(LOG, entity=HALF), "entity"),
        (partial(LOG, project=HALF), "project"),
        (partial(LOG, run_id=HALF), "run_id"),
        (partial(LOG, tags=["a", HALF]), r"tags\[1\]"),
        (partial(LOG, group=HALF), "group"),
        (partial(LOG, job_type=HALF), "job_type"),
        (partial(LOG, name=HALF), "name"),
        (partial(LOG, notes=HALF), "notes"),
        (partial(LOG, host=HALF), "host"),
        (partial(LOG, sweep=HALF), "sweep"),
        (partial(LOG, state=HALF), "state"),
        (partial(LOG, api_key=HALF), "api_key"),
        (partial(DELETE, entity=HALF), "entity"),
        (partial(DELETE, project=HALF), "project"),
        (partial(DELETE, run_id=HALF), "run_id"),
        (partial(DELETE, api_key=HALF), "api_key"),
    ],
)
def test_half_a_surrogate_pair_is_refused_by_name_before_anything_is_sent(
    wandb_server: LocalServer, log: Callable[[LocalServer], None], named: str
) -> None:
    wandb_server.clear_operations()
    with pytest.raises(InvalidArgumentError, match=f"^{named}: character 5 is half"):
        log(wandb_server)
    assert wandb_server.operations == ()


@pytest.mark.parametrize("name", ["", "a/b", "..", ".", " a", "a\n"])
@pytest.mark.parametrize("argument", ["entity", "project", "run_id"])
def test_names_that_no_path_holds_are_refused_before_anything_is_sent(
    wandb_server: LocalServer, argument: str, name: str
) -> None:
    wandb_server.clear_operations()
    for send in (LOG, DELETE):
        with pytest.raises(InvalidArgumentError, match=f"^{argument} must be a name"):
            partial(send, **{argument: name})(wandb_server)
    assert wandb_server.operations == ()


@pytest.mark.parametrize("name", ["a:b", "a%3Ab", ":", "%", "ü?#&\\", "..."])
def test_a_run_of_any_other_name_is_logged_read_and_deleted(
    wandb_server: LocalServer, name: str
) -> None:
    log_run(wandb_server, name, name, name, history=[{"loss": 1}])
    with Api(base_url=wandb_server.url, api_key="any") as api:
        run = api.run(f"{name}/{name}/{name}")
        assert (run.id, run.state, len(list(run.scan_history()))) == (name, "finished", 1)
        delete_run(wandb_server, name, name, name)
        assert len(api.runs(f"{name}/{name}")) == 0


FOUND = {"data": {"project": {"run": {"id": "x"}}}}
BUCKET = {"data": {"upsertBucket": {"bucket": {"historyLineCount": 0, "eventsLineCount": 0}}}}
PROXY = "<html>\x1b[2J" + "proxy " * 500


@pytest.mark.parametrize("send", [LOG, DELETE])
@pytest.mark.parametrize("after", [0, 1])
@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (PROXY, r"<html>\\x1b\[2Jproxy .*… \("),
        ("", "not JSON|empty"),
        ("[]", r"\[\]"),
        ("9" * 5000, "9999"),
        ("[" * 100_000, r"\[\["),
        ('{"data": null}', "data"),
        (
            '{"data": {"upsertBucket": null}, "errors": [{"message": "no \\u001bspace"}]}',
            "no .x1bsp",
        ),
        ('{"data": {"project": null}, "errors": ["quota is used up"]}', "quota is used up"),
        (
            '{"data": {"upsertBucket": {"bucket": null}, "deleteRun": null, "project": 1}}',
            "has another shape",
        ),
    ],
)
def test_an_answer_that_is_none_is_an_error_with_what_the_server_said(
    send: Callable[[str], None], after: int, answer: str, said: str
) -> None:
    first = json.dumps(BUCKET if send is LOG else FOUND)

    def handle(connection: socket.socket) -> None:
        number = 0
        while request := read_request(connection):
            is_stream = b"file_stream" in request.split(b"\r\n")[0]
            sent = "{}" if is_stream and answer.startswith('{"data"') else answer
            connection.sendall(http_answer((first if number < after else sent).encode()))
            number += 1

    if send is LOG:
        send = partial(LOG, state="preempted")
    with serve(handle) as server, pytest.raises(WandbRunsError, match=said) as refused:
        send(server.url)
    assert refused.value.message.startswith("The run was not ")
    assert len(refused.value.message) < 1000
    assert "\x1b" not in refused.value.message


def test_a_refusal_is_quoted_in_part() -> None:
    def handle(connection: socket.socket) -> None:
        while read_request(connection):
            connection.sendall(http_answer(PROXY.encode(), "502 Bad Gateway"))

    with serve(handle) as server, pytest.raises(WandbRunsError, match=r"502.*proxy") as refused:
        LOG(server.url)
    assert len(refused.value.message) < 1000


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"config": {"a": object()}}, "config"),
        ({"history": [{"a": 1}, {"a": {1, 2}}]}, r"history\[1\]"),
        ({"events": [{"a": object()}]}, r"events\[0\]"),
        ({"summary": {"a": object()}}, "summary"),
    ],
)
def test_what_is_not_json_is_refused_by_name_before_anything_is_sent(
    wandb_server: LocalServer, values: dict[str, object], named: str
) -> None:
    wandb_server.clear_operations()
    with pytest.raises(InvalidArgumentError, match=f"^{named} cannot be written as JSON"):
        partial(LOG, **values)(wandb_server)
    assert wandb_server.operations == ()


@pytest.mark.parametrize("state", ["preempted", "pending", "a future state"])
def test_any_state_can_be_set(wandb_server: LocalServer, state: str) -> None:
    log_run(wandb_server, "me", "testing", f"state {state}", state=state)
    assert read(wandb_server, f"state {state}", "state") == {"state": state}


def test_a_refusal_quotes_the_message_of_the_server(wandb_server: LocalServer) -> None:
    with pytest.raises(WandbRunsError, match="user is not logged in"):
        log_run(wandb_server, "me", "testing", "r", api_key="")


def test_an_unreachable_server_is_named_in_the_error() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
        with pytest.raises(WandbRunsError, match=url):
            log_run(url, "me", "testing", "r")


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="nothing"):
        getattr(wandb_runs.testing, "nothing")  # noqa: B009 - the point
    assert wandb_runs.testing.LocalServer is LocalServer


def test_the_pytest_plugin_imports_no_library_before_its_use() -> None:
    program = "import json, sys, wandb_runs.testing.plugin; print(json.dumps(sorted(sys.modules)))"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True).stdout
    heavy = {
        "ariadne",
        "graphql",
        "sqlalchemy",
        "starlette",
        "uvicorn",
        "pandas",
        "polars",
        "wandb",
    }
    assert heavy.isdisjoint(json.loads(loaded))
