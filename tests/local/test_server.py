"""The local server answers as W&B does: keys, pages, samples, resent lines."""

from __future__ import annotations

import base64
import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from contextlib import contextmanager
from email.utils import parsedate_to_datetime
from itertools import pairwise
from threading import Thread
from typing import TYPE_CHECKING, cast

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.graphql_query import of_project, of_run

from wandb_runs.errors import InvalidArgumentError
from wandb_runs.local.ids import new_id
from wandb_runs.local.ingest import upsert_run
from wandb_runs.testing import LocalServer, Status, log_run

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator
    from pathlib import Path

    from wandb_runs.graphql.scalars import JSONObject, JSONValue

KEY = ("api", "k" * 40)
JSON = {"content-type": "application/json"}


@pytest.fixture(scope="module")
def server() -> Iterator[LocalServer]:
    with LocalServer() as started:
        yield started


def post(
    server: LocalServer,
    query: str,
    variables: JSONObject | None = None,
    auth: tuple[str, str] | None = KEY,
) -> httpx.Response:
    body = {"query": query, "variables": variables}
    return httpx.post(f"{server.url}/graphql", json=body, auth=auth)


def ask(server: LocalServer, query: str, **variables: JSONValue) -> JSONObject:
    answer = post(server, query, variables)
    assert answer.status_code == 200, answer.text
    return cast("JSONObject", answer.json()["data"])


def project(server: LocalServer, name: str, fields: str, **variables: JSONValue) -> JSONObject:
    declared = {"specs": "[JSONString!]!", "order": "String", "first": "Int", "after": "String"}
    given = ", ".join(f"${key}: {declared[key]}" for key in variables)
    head = f"query Ask({given})" if given else "query Ask"
    query = f"{head} {{ {of_project('me', name, fields)} }}"
    return cast("JSONObject", ask(server, query, **variables)["project"])


def run(server: LocalServer, name: str, fields: str, **variables: JSONValue) -> JSONObject:
    return cast(
        "JSONObject", project(server, name, f'run(name: "r") {{ {fields} }}', **variables)["run"]
    )


def stream(
    server: LocalServer, name: str, chunk: JSONObject, auth: tuple[str, str] | None = KEY
) -> httpx.Response:
    url = f"{server.url}/files/me/{name}/r/file_stream"
    return httpx.post(url, content=json.dumps(chunk), auth=auth, headers=JSON)


def lines(offset: int, *rows: JSONObject) -> JSONObject:
    content: list[JSONValue] = [json.dumps(row) for row in rows]
    return {"files": {"wandb-history.jsonl": {"offset": offset, "content": content}}}


# Keys


def test_reading_needs_no_key_and_writing_does(server: LocalServer) -> None:
    log_run(server, "me", "keys", "r")
    assert post(server, "{ viewer { username } }", auth=None).json() == {"data": {"viewer": None}}
    assert (
        post(server, "{ viewer { username } }", auth=("api", "")).json()["data"]["viewer"] is None
    )
    public = post(server, '{ project(entityName: "me", name: "keys") { readOnly } }', auth=None)
    assert public.json() == {"data": {"project": {"readOnly": True}}}
    mutation = 'mutation { upsertBucket(input: {modelName: "keys", name: "new"}) { inserted } }'
    refused = post(server, mutation, auth=None)
    assert refused.status_code == 401
    assert refused.json()["errors"][0]["message"] == "user is not logged in"
    assert stream(server, "keys", {}, auth=None).status_code == 401
    assert post(server, "{ viewer { username } }", auth=("another-user", "key")).status_code == 401
    assert ask(server, "{ viewer { username entity } }") == {
        "viewer": {"username": "local", "entity": "local"}
    }


def test_default_entity_is_the_viewers() -> None:
    with LocalServer(entity="lab") as server:
        ask(server, 'mutation { upsertBucket(input: {modelName: "p", name: "r"}) { inserted } }')
        query = '{ viewer { entity } project(name: "p") { entityName runCount } }'
        assert ask(server, query) == {
            "viewer": {"entity": "lab"},
            "project": {"entityName": "lab", "runCount": 1},
        }


# Shapes


def test_missing_objects_and_values_are_null(server: LocalServer) -> None:
    log_run(server, "me", "shapes", "r")
    assert ask(server, '{ project(entityName: "me", name: "none") { name } }') == {"project": None}
    assert ask(server, '{ project(entityName: "you", name: "shapes") { name } }') == {
        "project": None
    }
    fields = 'run(name: "none") { name } sweep(sweepName: "none") { name }'
    assert project(server, "shapes", fields) == {"run": None, "sweep": None}
    assert run(server, "shapes", "config historyKeys sweepName group") == {
        "config": None,
        "historyKeys": None,
        "sweepName": None,
        "group": None,
    }


@pytest.mark.parametrize(
    "query", ["{", "{ nothing }", "query A { viewer { id } } query B { viewer { id } }"]
)
def test_an_invalid_document_is_a_bad_request(server: LocalServer, query: str) -> None:
    answer = post(server, query)
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["message"]


def test_a_body_that_is_not_a_graphql_request_is_a_bad_request(server: LocalServer) -> None:
    answer = httpx.post(f"{server.url}/graphql", content=b"<html>", headers=JSON)
    assert answer.status_code == 400
    assert httpx.get(f"{server.url}/graphql").status_code == 405
    assert stream(server, "nowhere", {}).status_code == 404


def test_documents_are_returned_whole_or_by_keys(server: LocalServer) -> None:
    log_run(
        server,
        "me",
        "documents",
        "r",
        config={"lr": 0.1, "seed": 2**70, "odd": "\ud800", "\ud800": 1},
        summary={"loss": float("nan"), "acc": 1, "eval/loss": 2},
        events=[{"system.cpu": 1.5, "_timestamp": 1.0}, {"system.gpu": float("inf")}],
    )
    found = run(
        server,
        "documents",
        """
        config some: config(keys: ["lr", "none"])
        summaryMetrics part: summaryMetrics(keys: ["eval/loss"]) systemMetrics
        """,
    )
    assert json.loads(str(found["config"])) == {
        "lr": {"value": 0.1},
        "seed": {"value": 2**70},
        "odd": {"value": "\ud800"},
        "\ud800": {"value": 1},
    }
    assert json.loads(str(found["some"])) == {"lr": {"value": 0.1}}
    assert json.loads(str(found["summaryMetrics"])) == {"loss": "NaN", "acc": 1, "eval/loss": 2}
    assert json.loads(str(found["part"])) == {"eval/loss": 2}
    assert json.loads(str(found["systemMetrics"])) == {"system.cpu": 1.5, "system.gpu": "Infinity"}


def test_history_keys_summarize_the_history(server: LocalServer) -> None:
    rows: list[JSONObject] = [{"loss": 2, "tag": "a"}, {"loss": 1.5, "acc": 0}, {"loss": None}]
    log_run(server, "me", "keys of history", "r", history=rows)
    assert run(server, "keys of history", "historyKeys")["historyKeys"] == {
        "sets": [],
        "lastStep": 2,
        "keys": {
            "_step": number(3, monotonic=True, previous=2),
            "loss": number(2, monotonic=False, previous=1.5),
            "acc": number(1, monotonic=True, previous=0),
            "tag": {"typeCounts": [{"type": "string", "count": 1}]},
        },
    }


def number(count: int, *, monotonic: bool, previous: float) -> JSONObject:
    return {
        "typeCounts": [{"type": "number", "count": count}],
        "monotonic": monotonic,
        "previousValue": previous,
    }


# Times


def test_updates_and_logging_change_the_times_of_a_run() -> None:
    now = 1_700_000_000.0
    with LocalServer(clock=lambda: now) as server:

        def times() -> tuple[JSONValue, ...]:
            fields = "createdAt heartbeatAt updatedAt"
            return tuple(str(value)[14:19] for value in run(server, "times", fields).values())

        def upsert(change: str) -> None:
            where = 'entityName: "me", modelName: "times", name: "r"'
            ask(server, f"mutation {{ upsertBucket(input: {{{where}, {change}}}) {{ inserted }} }}")

        def count(filters: JSONObject) -> JSONValue:
            text = json.dumps(json.dumps(filters))
            return project(server, "times", f"runCount(filters: {text})")["runCount"]

        log_run(server, "me", "times", "r")
        assert times() == ("13:20", "13:20", "13:20")
        now += 60
        upsert('tags: ["later"]')
        assert times() == ("13:20", "13:20", "14:20")
        now += 60
        upsert('summaryMetrics: "{}"')
        assert times() == ("13:20", "15:20", "15:20")
        now += 60
        stream(server, "times", lines(0, {"loss": 1}))
        assert times() == ("13:20", "16:20", "16:20")
        now += 60
        content: list[JSONValue] = ["{}"]
        chunk: JSONObject = {"files": {"wandb-summary.json": {"offset": 0, "content": content}}}
        stream(server, "times", chunk)
        assert times() == ("13:20", "17:20", "17:20")

        assert count({"heartbeatAt": {"$gte": "2023-11-14T22:17:20Z"}}) == 1
        assert count({"heartbeatAt": {"$gte": "2023-11-14T22:17:20.000001Z"}}) == 0
        assert count({"createdAt": {"$gte": "2023-11-14T22:13:20"}}) == 1
        assert count({"createdAt": {"$gte": "2023-11-14T23:13:20.1+01:00"}}) == 0


def test_responses_have_a_date_header(server: LocalServer) -> None:
    made = parsedate_to_datetime(post(server, "{ viewer { id } }").headers["date"])
    assert made.tzinfo is not None


# Pages


def cursor(offset: int) -> str:
    return base64.b64encode(f"arrayconnection:{offset}".encode()).decode()


PAGE = """
runs(order: $order, first: $first, after: $after) {
  edges { node { name } cursor } pageInfo { endCursor hasNextPage }
}
"""


def test_cursors_are_offsets(server: LocalServer) -> None:
    for number in range(5):
        log_run(server, "me", "pages", f"r{number}")
    page = project(server, "pages", PAGE, order="+created_at", first=2, after=cursor(1))["runs"]
    assert page == {
        "edges": [
            {"node": {"name": "r2"}, "cursor": cursor(2)},
            {"node": {"name": "r3"}, "cursor": cursor(3)},
        ],
        "pageInfo": {"endCursor": cursor(3), "hasNextPage": True},
    }
    page = project(server, "pages", PAGE, order="-created_at", first=9, after=cursor(3))["runs"]
    assert page == {
        "edges": [{"node": {"name": "r0"}, "cursor": cursor(4)}],
        "pageInfo": {"endCursor": cursor(4), "hasNextPage": False},
    }
    for first, more in ((1, True), (2, False), (3, False)):
        page = project(server, "pages", PAGE, order=None, first=first, after=cursor(2))["runs"]
        assert cast("dict[str, JSONObject]", page)["pageInfo"]["hasNextPage"] is more
    page = project(server, "pages", PAGE, order=None, first=0, after=None)["runs"]
    assert page == {"edges": [], "pageInfo": {"endCursor": None, "hasNextPage": True}}


@pytest.mark.parametrize(
    "after", ["x", cursor(-1), cursor(10**20), base64.b64encode(b"other:1").decode()]
)
def test_an_invalid_cursor_is_a_bad_request(server: LocalServer, after: str) -> None:
    log_run(server, "me", "pages", "r0")
    fields = f'runs(after: "{after}") {{ edges {{ cursor }} }}'
    assert post(server, f"{{ {of_project('me', 'pages', fields)} }}").status_code == 400


def test_a_page_holds_at_most_a_thousand_runs() -> None:
    with LocalServer() as server:
        with server.store.write() as writer:
            for number in range(1003):
                upsert_run(writer, "me", "many", f"r{number}", {})
        for first, size in [(5000, 1000), (1000, 1000), (1002, 1000), (None, 50)]:
            page = cast(
                "JSONObject",
                project(server, "many", PAGE, order=None, first=first, after=None)["runs"],
            )
            assert len(cast("list[object]", page["edges"])) == size
        assert project(server, "many", "runCount") == {"runCount": 1003}


# Lines


@settings(max_examples=15, deadline=None)
@given(
    total=st.integers(1, 12),
    sent=st.lists(st.tuples(st.integers(0, 11), st.integers(1, 12)), max_size=6),
)
def test_resent_lines_are_stored_once(
    server: LocalServer, total: int, sent: list[tuple[int, int]]
) -> None:
    name = f"resent {new_id()}"
    log_run(server, "me", name, "r", exit_code=None)
    rows: list[JSONObject] = [{"_step": step, "loss": step / 3} for step in range(total)]
    for offset, length in [*sent, (0, total)]:
        chunk = lines(offset, *rows[offset : offset + length])
        assert stream(server, name, chunk).json() == {"exitcode": None, "limits": {}}
    found = run(server, name, "history(samples: 1000) historyLineCount historyKeys")
    assert [json.loads(text) for text in cast("list[str]", found["history"])] == rows
    assert found["historyLineCount"] == total
    keys = cast("dict[str, dict[str, dict[str, list[JSONObject]]]]", found["historyKeys"])["keys"]
    assert keys["loss"]["typeCounts"] == [{"type": "number", "count": total}]


def test_a_chunk_with_an_invalid_line_is_not_stored_at_all(server: LocalServer) -> None:
    log_run(server, "me", "broken", "r", exit_code=None)
    chunk: JSONObject = {
        "files": {"wandb-history.jsonl": {"offset": 0, "content": ['{"loss": 1}', "{"]}}
    }
    assert stream(server, "broken", chunk).status_code == 400
    assert run(server, "broken", "history historyLineCount") == {
        "history": [],
        "historyLineCount": 0,
    }


def test_concurrent_logging_loses_no_row(server: LocalServer) -> None:
    def log(thread: int) -> None:
        for number in range(5):
            log_run(server, "me", "threads", f"r{thread}-{number}", history=[{"loss": thread}])

    threads = [Thread(target=log, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = project(server, "threads", "runs { edges { node { historyLineCount } } }")["runs"]
    edges = cast("dict[str, list[dict[str, dict[str, int]]]]", found)["edges"]
    assert [edge["node"]["historyLineCount"] for edge in edges] == [1] * 40


def test_two_servers_can_share_a_store(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    with LocalServer(store=path) as one, LocalServer(store=path) as other:

        def log(server: LocalServer, prefix: str) -> None:
            for number in range(20):
                log_run(server, "me", "shared", f"{prefix}{number}", history=[{"loss": number}])

        threads = [Thread(target=log, args=pair) for pair in ((one, "a"), (other, "b"))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for server in (one, other):
            assert project(server, "shared", "runCount") == {"runCount": 40}


# Samples


def sampled(server: LocalServer, name: str, *specs: JSONObject) -> list[list[JSONObject]]:
    texts: list[JSONValue] = [json.dumps(spec) for spec in specs]
    found = run(server, name, "sampledHistory(specs: $specs)", specs=texts)
    return cast("list[list[JSONObject]]", found["sampledHistory"])


@settings(max_examples=30, deadline=None)
@given(total=st.integers(0, 300), samples=st.integers(0, 40))
def test_samples_are_evenly_spaced_and_include_both_ends(
    wandb_server: LocalServer, total: int, samples: int
) -> None:
    name = f"even {total}"
    if (
        ask(wandb_server, f'{{ project(entityName: "me", name: "{name}") {{ id }} }}')["project"]
        is None
    ):
        log_run(wandb_server, "me", name, "r", history=[{"loss": step} for step in range(total)])
    spec: JSONObject = {"keys": ["loss"], "samples": samples}
    kept, again = sampled(wandb_server, name, spec, spec)
    assert kept == again == sampled(wandb_server, name, spec)[0]
    losses = [cast("int", row["loss"]) for row in kept]
    assert len(losses) == min(samples, total)
    if samples > 1 and total:
        assert losses[0] == 0
        assert losses[-1] == total - 1
    gaps = {right - left for left, right in pairwise(losses)}
    assert not gaps or max(gaps) - min(gaps) <= 1
    history = run(wandb_server, name, f"history(samples: {samples})")["history"]
    assert [json.loads(text)["loss"] for text in cast("list[str]", history)] == losses


ROWS: list[JSONObject] = [
    {"_step": 0, "a": 1, "b": 1},
    {"_step": 3, "a": 2, "b": None},
    {"_step": 1, "a": float("nan"), "b": float("-inf")},
    {"_step": 1, "b": "x", "deep": {"er": {"est": 5}}, "flat.key": 6},
    {"_step": 2.0, "a": 2**70},
]


def test_a_spec_selects_the_rows_with_all_its_keys_by_step_then_arrival(
    server: LocalServer,
) -> None:
    log_run(server, "me", "specs", "r", history=ROWS)
    specs: list[JSONObject] = [
        {"keys": ["_step", "a"]},
        {"keys": ["a", "b"]},
        {"keys": ["_step"], "minStep": 1, "maxStep": 2},
        {"keys": ["deep.er.est", "flat.key"]},
        {"keys": ["a", "none"]},
        {"keys": ["b", "b"]},
    ]
    together = sampled(server, "specs", *specs)
    assert together == [sampled(server, "specs", spec)[0] for spec in specs]
    assert together == [
        [
            {"_step": 0, "a": 1},
            {"_step": 1, "a": "NaN"},
            {"_step": 2.0, "a": 2**70},
            {"_step": 3, "a": 2},
        ],
        [{"a": 1, "b": 1}, {"a": "NaN", "b": "-Infinity"}],
        [{"_step": 1}, {"_step": 1}, {"_step": 2.0}],
        [{"deep.er.est": 5, "flat.key": 6}],
        [],
        [{"b": 1}, {"b": "-Infinity"}, {"b": "x"}],
    ]


def test_a_range_of_steps_returns_the_first_rows_of_the_range(server: LocalServer) -> None:
    log_run(server, "me", "ranges", "r", history=[{"n": number} for number in range(20)])

    def steps(arguments: str) -> list[int]:
        texts = cast("list[str]", run(server, "ranges", f"history({arguments})")["history"])
        return [json.loads(text)["_step"] for text in texts]

    assert steps("samples: 100, minStep: 5, maxStep: 8") == [5, 6, 7]
    assert steps("samples: 2, minStep: 5, maxStep: 8") == [5, 6]
    assert steps("samples: 3, minStep: 5") == [5, 6, 7]
    assert steps("samples: 3, maxStep: 2") == [0, 1]
    assert steps("samples: 3") == [0, 9, 19]


def test_a_page_of_runs_has_a_sample_of_each_run(server: LocalServer) -> None:
    for number in range(4):
        rows: list[JSONObject] = [{"loss": number * 100 + step} for step in range(number * 3)]
        log_run(server, "me", "nested", f"r{number}", history=rows)
    fields = 'runs(order: "-created_at") { edges { node { name sampledHistory(specs: $specs) } } }'
    spec = json.dumps({"keys": ["loss"], "samples": 2})
    found = cast(
        "dict[str, list[dict[str, JSONObject]]]",
        project(server, "nested", fields, specs=[spec])["runs"],
    )
    assert [(edge["node"]["name"], edge["node"]["sampledHistory"]) for edge in found["edges"]] == [
        ("r3", [[{"loss": 300}, {"loss": 308}]]),
        ("r2", [[{"loss": 200}, {"loss": 205}]]),
        ("r1", [[{"loss": 100}, {"loss": 102}]]),
        ("r0", [[]]),
    ]


SURROGATES = """{
  project(entityName: "me", name: "surrogates") {
    run(name: "r") { sampledHistory(specs: ["{\\"keys\\": [\\"odd\\", \\"loss\\"]}"]) }
  }
}"""


def test_integers_beyond_float_precision_are_preserved(server: LocalServer) -> None:
    config: JSONObject = {"most": 10**400, "least": -(10**400)}
    log_run(server, "team", "long", "r", config=config)
    answer = ask(server, f"{{ {of_run('team', 'long', 'r', 'config')} }}")
    project = cast("dict[str, dict[str, JSONObject]]", answer)["project"]
    read = json.loads(str(project["run"]["config"]))
    assert {key: value["value"] for key, value in read.items()} == config


def test_steps_beyond_64_bits_are_ordered_and_kept_exactly(server: LocalServer) -> None:
    rows: list[JSONObject] = [{"_step": step} for step in (2**70, 5, -(2**64), 10**400)]
    log_run(server, "me", "huge steps", "r", history=rows)
    found = run(server, "huge steps", "history(samples: 9) historyKeys")
    steps = [json.loads(text)["_step"] for text in cast("list[str]", found["history"])]
    # The last one is beyond floats, too, and is put where it arrived.
    assert steps == [-(2**64), 10**400, 5, 2**70]


def test_a_key_with_half_of_a_surrogate_pair_is_found(server: LocalServer) -> None:
    log_run(server, "me", "odd keys", "r", config={"\ud800": 1})
    log_run(server, "me", "odd keys", "s", config={"other": 1})
    filters = json.dumps(json.dumps({"config.\ud800": 1}))
    assert project(server, "odd keys", f"runCount(filters: {filters})") == {"runCount": 1}


@pytest.mark.parametrize(
    "chunk",
    [
        {"complete": True, "exitcode": 2**31},
        {"files": {"wandb-history.jsonl": {"offset": 10**20, "content": ["{}"]}}},
        {"files": {"wandb-history.jsonl": {"offset": 2**63 - 1, "content": ["{}"]}}},
    ],
)
def test_a_number_out_of_range_is_refused_with_a_reason(
    server: LocalServer, chunk: JSONObject
) -> None:
    log_run(server, "me", "range", "r", exit_code=None)
    answer = stream(server, "range", chunk)
    assert answer.status_code == 400
    assert answer.json()["error"]
    assert run(server, "range", "state exitcode") == {"state": "running", "exitcode": None}


def test_lone_surrogates_are_preserved(server: LocalServer) -> None:
    log_run(server, "me", "surrogates", "r", history=[{"odd": "\ud800", "loss": float("nan")}])
    answer = post(server, SURROGATES)
    assert json.loads(answer.text)["data"]["project"]["run"]["sampledHistory"] == [
        [{"odd": "\ud800", "loss": "NaN"}]
    ]


@pytest.mark.parametrize("spec", ["x", "[]", '{"keys": "loss"}', '{"samples": "5"}'])
def test_an_invalid_spec_is_a_bad_request(server: LocalServer, spec: str) -> None:
    log_run(server, "me", "specs", "r")
    fields = f"sampledHistory(specs: [{json.dumps(spec)}])"
    assert post(server, f"{{ {of_run('me', 'specs', 'r', fields)} }}").status_code == 400


# Server


def test_small_responses_are_not_delayed_by_nagles_algorithm(server: LocalServer) -> None:
    times: list[float] = []
    with httpx.Client(base_url=server.url) as client:
        for _ in range(15):
            start = time.perf_counter()
            client.post("/graphql", json={"query": "{ viewer { id } }"})
            times.append(time.perf_counter() - start)
    # Nagle's algorithm would delay every answer by 0.04 s, so the fastest one is enough.
    assert min(times) < 0.035


def test_operations_are_recorded_in_order(server: LocalServer) -> None:
    server.clear_operations()
    ask(server, "query First { viewer { id } }")
    ask(server, "{ viewer { id } }")
    ask(server, "query Third { viewer { id } }")
    assert server.operations == ("First", "", "Third")
    server.clear_operations()
    assert list(server.operations) == []


def test_a_store_can_be_opened_by_another_server_later(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "store.db"
    with LocalServer(store=path) as server:
        log_run(server, "me", "kept", "r", history=[{"loss": 1}])
    with LocalServer(store=path) as server:
        assert run(server, "kept", "historyLineCount") == {"historyLineCount": 1}
        with sqlite3.connect(path) as connection:
            assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        connection.close()


def test_closing_twice_is_harmless_and_removes_the_temporary_store() -> None:
    server = LocalServer()
    assert server.store.path.exists()
    server.close()
    server.close()
    assert not server.store.path.exists()
    with pytest.raises(httpx.ConnectError):
        httpx.get(server.url)


def test_a_closed_server_is_not_reset(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    for server in (LocalServer(), LocalServer(store=path)):
        log_run(server, "me", "kept", "r")
        server.close()
        with pytest.raises(RuntimeError, match="closed"):
            server.reset()
    with LocalServer(store=path) as server:
        assert run(server, "kept", "name") == {"name": "r"}


def test_half_a_body_does_not_hold_up_the_end(caplog: pytest.LogCaptureFixture) -> None:
    with LocalServer() as server:
        address = ("127.0.0.1", int(server.url.rpartition(":")[2]))
        with socket.create_connection(address, timeout=30) as connection:
            head = "POST /graphql HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            connection.sendall(f"{head}Content-Length: 100\r\n\r\n{{".encode())
            # A request that comes later is answered: the first one is under way by then.
            httpx.post(f"{server.url}/graphql", json={"query": "{ viewer { id } }"})
            server.close()
            assert connection.recv(1) == b""
    # No traceback, and no request that was broken off when the time for them was over.
    assert [record.getMessage() for record in caplog.records if record.levelno >= 30] == []


def test_a_reset_server_is_empty_and_goes_on(tmp_path: Path) -> None:
    with LocalServer(store=tmp_path / "store.db", sample=True) as server:
        server.fail_always(Status(503))
        server.reset()
        assert (server.operations, server.failed) == ((), ())
        sample = '{ project(entityName: "sample", name: "digits") { id } }'
        assert ask(server, sample) == {"project": None}
        log_run(server, "me", "p", "r", history=[{"loss": 1}], config={"lr": 0.1})
        server.reset()
        assert stream(server, "p", lines(1, {"loss": 2})).status_code == 404
        log_run(server, "me", "p", "r", history=[{"loss": 3}])
        assert run(server, "p", "historyLineCount config") == {
            "historyLineCount": 1,
            "config": None,
        }


def test_a_reset_breaks_no_request_in_progress() -> None:
    with LocalServer() as server:
        failed: list[str] = []

        def log() -> None:
            for number in range(20):
                named = f'entityName: "me", modelName: "p", name: "r{number}", config: "{{}}"'
                upsert = f"mutation {{ upsertBucket(input: {{{named}}}) {{ inserted }} }}"
                listed = f"{{ {of_project('me', 'p', PAGE_OF_CONFIGS)} }}"
                answers = [post(server, upsert), post(server, listed)]
                failed.extend(each.text for each in answers if each.status_code != 200)

        threads = [Thread(target=log) for _ in range(3)]
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads):
            server.reset()
            time.sleep(0.01)
        assert failed == []
        server.reset()
        log_run(server, "me", "p", "last")
        assert project(server, "p", "runCount") == {"runCount": 1}


PAGE_OF_CONFIGS = "runs { edges { node { name config } } }"


def test_a_dump_is_loaded_once_beside_existing_projects(tmp_path: Path) -> None:
    rows: list[JSONObject] = [{"loss": 1, "acc": 0.5}, {"loss": 2}]
    with LocalServer() as server:
        log_run(server, "me", "dumped", "r", config={"lr": 0.1}, history=rows, tags=["t"])
        server.store.dump(tmp_path / "dump.xz")
    with LocalServer() as server:
        log_run(server, "me", "other", "r", config={"lr": 0.2}, history=[{"acc": 1}])
        dump = (tmp_path / "dump.xz").read_bytes()
        assert server.store.load(dump)
        assert not server.store.load(dump)
        assert project(server, "dumped", "runCount") == {"runCount": 1}
        assert sampled(server, "dumped", {"keys": ["acc"]}) == [[{"acc": 0.5}]]
        assert sampled(server, "other", {"keys": ["acc"]}) == [[{"acc": 1}]]
        for name, lr in (("dumped", 0.1), ("other", 0.2)):
            filters = json.dumps(json.dumps({"config.lr": lr}))
            assert project(server, name, f"runCount(filters: {filters})") == {"runCount": 1}
        log_run(server, "me", "dumped", "r2", history=[{"acc": 3}])
        assert project(server, "dumped", "runCount") == {"runCount": 2}


# The command


@contextmanager
def command(
    *arguments: str,
) -> Generator[tuple[subprocess.Popen[str], str, Callable[[], tuple[str, str]]]]:
    with subprocess.Popen(
        [sys.executable, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONWARNINGS": "error"},
    ) as process:
        try:
            assert process.stdout
            yield process, process.stdout.readline(), lambda: process.communicate(timeout=10)
        finally:
            process.kill()


STARTS = [
    ("-m", "wandb_runs.local"),
    ("-m", "wandb_runs", "local"),
    ("-c", "from wandb_runs.cli import main; main()", "local"),
]


@pytest.mark.parametrize("start", STARTS, ids=["server", "package", "script"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_command_prints_its_url_and_stops_on_a_signal(
    tmp_path: Path, start: tuple[str, ...], number: signal.Signals
) -> None:
    began = time.monotonic()
    arguments = (*start, "--port", "0", "--store", str(tmp_path / "store.db"), "--entity", "lab")
    with command(*arguments) as (process, line, finish):
        url = line.removesuffix("\n")
        answer = httpx.post(f"{url}/graphql", json={"query": "{ viewer { entity } }"}, auth=KEY)
        assert time.monotonic() - began < 60
        assert answer.json() == {"data": {"viewer": {"entity": "lab"}}}
        log_run(url, "lab", "digits", "r")
        process.send_signal(number)
        assert finish() == ("", "Open it in a browser to see projects, runs and curves.\n")
        assert process.returncode == 0
    with LocalServer(store=tmp_path / "store.db") as server:
        query = '{ project(entityName: "lab", name: "digits") { runCount } }'
        assert ask(server, query) == {"project": {"runCount": 1}}


def test_the_command_can_add_the_sample_project() -> None:
    with command("-m", "wandb_runs.local", "--port", "0", "--sample") as (_, line, _):
        query = '{ project(entityName: "sample", name: "digits") { runCount } }'
        answer = httpx.post(f"{line.strip()}/graphql", json={"query": query})
    assert answer.json()["data"]["project"]["runCount"] > 0


def test_a_port_in_use_is_a_short_error(server: LocalServer) -> None:
    port = server.url.rpartition(":")[2]
    with command("-m", "wandb_runs.local", "--port", port) as (process, line, finish):
        assert line == ""
        (told,) = finish()[1].splitlines()
        assert told.startswith(f"Error: 127.0.0.1:{port}: ")
        assert process.returncode == 1


def test_a_file_that_is_not_a_database_is_a_short_error(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("not a database, and too long for an empty one. " * 100)
    with pytest.raises(InvalidArgumentError, match=r"notes\.txt"):
        LocalServer(store=path)
    with command("-m", "wandb_runs.local", "--store", str(path)) as (process, line, finish):
        assert line == ""
        assert "notes.txt" in finish()[1]
        assert process.returncode == 2
    assert path.read_text().startswith("not a database")


@pytest.mark.parametrize("missing", ["click", "ariadne", "sqlalchemy", "uvicorn", "re2", "yaml"])
def test_a_missing_library_is_an_error_with_the_pip_command(missing: str) -> None:
    start = "from wandb_runs.cli import main; main(['local'])"
    program = f"import sys; sys.modules[{missing!r}] = None; {start}"
    with command("-c", program) as (process, line, finish):
        assert line == ""
        message = finish()[1]
        assert "pip install 'wandb-runs[" in message
        assert "Traceback" not in message
        assert process.returncode == 2


@pytest.mark.parametrize("name", ["String", "Boolean", "__Type"])
def test_what_one_server_lacks_others_have(server: LocalServer, name: str) -> None:
    query = '{ __type(name: "PageInfo") { name fields { name isDeprecated } } }'
    whole = ask(server, query)
    with LocalServer() as other:
        if name == "__Type":
            with pytest.raises(InvalidArgumentError, match="every GraphQL server has"):
                other.lack(name)
            with pytest.raises(InvalidArgumentError, match="every GraphQL server has"):
                other.lack(f"{name}.name")
        else:
            with other.lack(name):
                assert ask(server, query) == whole
    assert ask(server, query) == whole
