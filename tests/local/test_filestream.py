"""Several writers log to one run in shared mode, and no row is lost or stored twice."""

from __future__ import annotations

import json
from itertools import accumulate
from typing import TYPE_CHECKING, NamedTuple, cast

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.graphql_query import of_run

from wandb_runs import Api
from wandb_runs.local.ids import new_id
from wandb_runs.testing import LocalServer, delete_run, log_run

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wandb_runs.graphql.scalars import JSONObject, JSONValue

KEY = ("api", "k" * 40)
HISTORY = "wandb-history.jsonl"
EVENTS = "wandb-events.jsonl"
SUMMARY = "wandb-summary.json"


@pytest.fixture(scope="module")
def server() -> Iterator[LocalServer]:
    with LocalServer() as started:
        yield started


def headers(client: str | None) -> dict[str, str]:
    """The headers of the wandb SDK's file stream: of one of several writers, or of the only one."""
    if client is None:
        return {}
    return {"X-WANDB-USE-ASYNC-FILESTREAM": "true", "X-WANDB-ASYNC-CLIENT-ID": client}


def send(
    server: LocalServer,
    run_id: str,
    client: str | None,
    files: dict[str, tuple[int, list[JSONObject]]],
    **others: JSONValue,
) -> httpx.Response:
    chunk: JSONObject = {
        "files": {
            name: {"offset": offset, "content": [json.dumps(row) for row in rows]}
            for name, (offset, rows) in files.items()
        },
        **others,
    }
    url = f"{server.url}/files/me/shared/{run_id}/file_stream"
    return httpx.post(url, json=chunk, headers=headers(client), auth=KEY)


def ask(server: LocalServer, run_id: str, fields: str) -> JSONObject:
    query = f"{{ {of_run('me', 'shared', run_id, fields)} }}"
    answer = httpx.post(f"{server.url}/graphql", json={"query": query}, auth=KEY)
    assert answer.status_code == 200, answer.text
    return cast("JSONObject", answer.json()["data"]["project"]["run"])


def history(server: LocalServer, run_id: str) -> list[JSONObject]:
    rows = cast("list[str]", ask(server, run_id, "history(samples: 10000)")["history"])
    return [json.loads(row) for row in rows]


def set_config(server: LocalServer, run_id: str, client: str, **values: JSONValue) -> None:
    config = json.dumps({key: {"value": value} for key, value in values.items()})
    mutation = """mutation UpsertBucket($run: String, $config: JSONString) {
        upsertBucket(input: {
            entityName: "me", modelName: "shared", name: $run, config: $config
        }) { inserted }
    }"""
    body = {"query": mutation, "variables": {"run": run_id, "config": config}}
    named = {"X-WANDB-USE-ASYNC-FILESTREAM": "true", "X-WANDB-CLIENT-ID": client}
    answer = httpx.post(f"{server.url}/graphql", json=body, headers=named, auth=KEY)
    assert answer.status_code == 200, answer.text


class Chunk(NamedTuple):
    writer: int
    offset: int
    end: int


@st.composite
def schedules(draw: st.DrawFn) -> list[Chunk]:
    """Chunks of several writers in any order, each writer's in its own; and chunks sent again."""
    ends = draw(st.lists(st.lists(st.integers(1, 4), min_size=1, max_size=4), max_size=4))
    chunks = [
        [Chunk(writer, end - size, end) for end, size in zip(accumulate(sizes), sizes, strict=True)]
        for writer, sizes in enumerate(ends)
    ]
    turns = draw(st.permutations([writer for writer, own in enumerate(chunks) for _ in own]))
    queues = [iter(own) for own in chunks]
    sent: list[Chunk] = []
    for writer in turns:
        sent.append(next(queues[writer]))
        # A chunk whose answer was lost comes again, perhaps with rows logged meanwhile.
        sent += draw(st.lists(st.sampled_from(sent), max_size=2))
    return sent


@settings(max_examples=40, deadline=None)
@given(sent=schedules(), counts_steps=st.booleans(), is_first_unshared=st.booleans())
def test_rows_of_several_writers_are_stored_once_whatever_is_sent_again(
    server: LocalServer, *, sent: list[Chunk], counts_steps: bool, is_first_unshared: bool
) -> None:
    run_id = new_id()
    log_run(server, "me", "shared", run_id, exit_code=None)
    for writer, offset, end in sent:
        rows: list[JSONObject] = [
            {f"w{writer}": number} | ({"_step": number} if counts_steps else {})
            for number in range(offset, end)
        ]
        client = None if is_first_unshared and writer == 0 else f"client-{writer}"
        events: list[JSONObject] = [{"system.cpu": row[f"w{writer}"]} for row in rows]
        files = {HISTORY: (offset, rows), EVENTS: (offset, events)}
        answer = send(server, run_id, client, files)
        assert answer.json() == {"exitcode": None, "limits": {}}
    lengths = {
        writer: max(chunk.end for chunk in sent if chunk.writer == writer)
        for writer in {chunk.writer for chunk in sent}
    }
    found = history(server, run_id)
    for writer, length in lengths.items():
        own = [row[f"w{writer}"] for row in found if f"w{writer}" in row]
        assert own == list(range(length))
    total = sum(lengths.values())
    assert len(found) == total
    counts = ask(server, run_id, "historyLineCount eventsLineCount historyKeys events(samples: 99)")
    assert (counts["historyLineCount"], counts["eventsLineCount"]) == (total, total)
    assert len(cast("list[str]", counts["events"])) == total
    if not is_first_unshared:
        assert [row["_step"] for row in found] == list(range(total))
        if total:
            assert cast("JSONObject", counts["historyKeys"])["lastStep"] == total - 1


def test_steps_of_shared_rows_follow_the_order_of_arrival(server: LocalServer) -> None:
    log_run(server, "me", "shared", "steps", history=[{"_step": 7, "a": 1}], exit_code=None)
    send(server, "steps", "one", {HISTORY: (0, [{"b": float("nan")}, {"b": 2}])})
    send(server, "steps", "two", {HISTORY: (0, [{"c": 1, "_step": 0}])})
    send(server, "steps", "one", {HISTORY: (2, [{"b": 3}])})
    with Api(base_url=server.url, api_key="any") as api:
        run = api.run("me/shared/steps")
        rows = list(run.scan_history())
        assert [row["_step"] for row in rows] == [7, 8, 9, 10, 11]
        assert [key for row in rows for key in row if key != "_step"] == list("abbcb")
        assert [row["c"] for row in run.scan_history(keys=["c"])] == [1]
        assert run.summary["_step"] == 11


def test_a_run_resumed_after_shared_rows_loses_none(server: LocalServer) -> None:
    log_run(server, "me", "shared", "resumed", exit_code=None)
    for client in ("one", "two"):
        send(server, "resumed", client, {HISTORY: (0, [{"m": 1}, {"m": 2}])})
    for _ in range(3):
        log_run(server, "me", "shared", "resumed", history=[{"m": 3}, {"m": 4}])
    rows = history(server, "resumed")
    assert [row["_step"] for row in rows] == list(range(10))
    assert ask(server, "resumed", "historyLineCount") == {"historyLineCount": 10}


def test_summaries_of_shared_writers_are_merged(server: LocalServer) -> None:
    log_run(server, "me", "shared", "summaries", exit_code=None)
    first: JSONObject = {"loss": 1, "val": {"loss": 2}, "image": {"_type": "image", "path": "a"}}
    second: JSONObject = {"accuracy": 3, "val": {"accuracy": 4}, "image": {"_type": "table"}}
    send(server, "summaries", "one", {SUMMARY: (0, [first]), HISTORY: (0, [{"loss": 1}])})
    send(server, "summaries", "two", {SUMMARY: (0, [{**second, "_step": 55}])})
    summary = json.loads(str(ask(server, "summaries", "summaryMetrics")["summaryMetrics"]))
    assert summary == {
        "loss": 1,
        "accuracy": 3,
        "val": {"loss": 2, "accuracy": 4},
        "image": {"_type": "table"},
        "_step": 0,
    }
    with Api(base_url=server.url, api_key="any") as api:
        filters: JSONObject = {"summary_metrics.val.loss": 2, "summary_metrics.accuracy": 3}
        assert [run.id for run in api.runs("me/shared", filters)] == ["summaries"]


def test_configs_of_shared_writers_are_merged(server: LocalServer) -> None:
    set_config(server, "configs", "one", lr=0.1, seed=1)
    set_config(server, "configs", "two", rank=1, seed=2)
    with Api(base_url=server.url, api_key="any") as api:
        assert api.run("me/shared/configs").config == {"lr": 0.1, "rank": 1, "seed": 2}
        filters: JSONObject = {"config.lr.value": 0.1, "config.seed.value": 2}
        assert [run.id for run in api.runs("me/shared", filters)] == ["configs"]


def test_late_rows_of_a_shared_writer_leave_the_end_of_the_run(server: LocalServer) -> None:
    log_run(server, "me", "shared", "ended", exit_code=None)
    send(server, "ended", "worker", {HISTORY: (0, [{"m": 1}])})
    assert ask(server, "ended", "state") == {"state": "running"}
    send(server, "ended", "primary", {HISTORY: (0, [{"m": 2}])}, complete=True, exitcode=0)
    send(server, "ended", "worker", {HISTORY: (1, [{"m": 3}])})
    assert ask(server, "ended", "state exitcode historyLineCount") == {
        "state": "finished",
        "exitcode": 0,
        "historyLineCount": 3,
    }


def test_a_deleted_run_forgets_its_writers(server: LocalServer) -> None:
    for _ in range(2):
        log_run(server, "me", "shared", "again", exit_code=None)
        send(server, "again", "one", {HISTORY: (0, [{"m": 1}])})
        assert len(history(server, "again")) == 1
        delete_run(server, "me", "shared", "again")
    with server.store.read() as connection:
        orphans = "SELECT count(*) FROM writers WHERE run_id NOT IN (SELECT id FROM runs)"
        assert connection.exec_driver_sql(orphans).scalar() == 0


@pytest.mark.parametrize("client", [None, "one"])
def test_an_offset_out_of_range_is_a_bad_request(server: LocalServer, client: str | None) -> None:
    log_run(server, "me", "shared", "far", exit_code=None)
    for offset in (2**31 - 1, 2**63, -1):
        assert send(server, "far", client, {HISTORY: (offset, [{"m": 1}])}).status_code == 400
    assert send(server, "far", client, {HISTORY: (2**31 - 2, [{"m": 1}])}).status_code == 200
