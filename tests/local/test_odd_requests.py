"""No request makes the local server fail, whatever it holds."""

from __future__ import annotations

import base64
import json
import logging
import socket
from contextlib import contextmanager
from typing import TYPE_CHECKING

import httpx
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from wandb_runs.testing import LocalServer, log_run

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from wandb_runs.graphql.scalars import JSONValue

KEY = ("api", "k" * 40)
EXAMPLES = 60

QUERY = """
query Fuzz(
  $entity: String, $project: String, $run: String!, $filters: JSONString, $order: String,
  $first: Int, $after: String, $specs: [JSONString!]!, $samples: Int, $min: Int64, $max: Int64,
  $names: [String], $pattern: String, $keys: [String!], $sweep: String!
) {
  entity(name: $entity) { id name }
  project(entityName: $entity, name: $project) { id }
  held: project(entityName: "me", name: "p") {
    runCount(filters: $filters)
    runs(filters: $filters, order: $order, first: $first, after: $after) {
      edges { node { id name config summaryMetrics exitcode historyKeys } cursor }
    }
    run(name: $run) { id }
    held: run(name: "r") {
      history(samples: $samples, minStep: $min, maxStep: $max)
      events(samples: $samples)
      sampledHistory(specs: $specs)
      config(keys: $keys)
      summaryMetrics(keys: $keys)
      files(names: $names, pattern: $pattern, first: $first, after: $after) {
        edges { node { id name url } }
      }
    }
    sweep(sweepName: $sweep) { id }
    sweeps(first: $first, after: $after) { edges { node { method runCountExpected bestLoss } } }
  }
}
"""

UPSERT = """
mutation Upsert(
  $id: String, $name: String, $text: String, $config: JSONString, $summary: JSONString,
  $tags: [String!]
) {
  upsertBucket(input: {
    id: $id, name: $name, modelName: "fuzz", entityName: $text, displayName: $text,
    groupName: $text, notes: $text, host: $text, sweep: $text, state: $text, tags: $tags,
    config: $config, summaryMetrics: $summary
  }) {
    bucket { id name displayName config summaryMetrics tags historyKeys project { name } }
  }
}
"""

DELETE = """
mutation Delete($id: ID!, $text: String) {
  deleteRun(input: {id: $id, clientMutationId: $text}) { clientMutationId }
}
"""

CREATE_FILES = """
mutation CreateFiles($files: [String!]!) {
  createRunFiles(input: {entityName: "me", projectName: "p", runName: "r", files: $files}) {
    files { name uploadUrl }
  }
}
"""

SWEEP = """
mutation Sweep($text: String, $config: String) {
  upsertSweep(input: {
    projectName: "p", entityName: "me", description: $text, displayName: $text, config: $config
  }) {
    sweep { id name displayName method runCountExpected bestLoss }
  }
}
"""


def cursor(place: object) -> str:
    return base64.b64encode(f"arrayconnection:{place}".encode()).decode()


HALF = "\ud800"
odd_texts = st.sampled_from(
    [
        "",
        "r",
        "p",
        "me",
        HALF,
        f"a{HALF}b",
        "\0",
        "a\0b",
        "..",
        "../x",
        "a/b",
        "%",
        "%_",
        "é",
        "😀",
        "x" * 3000,
    ]
) | st.text(st.characters(), max_size=8)
odd_integers = (
    st.sampled_from([0, -1, 2**31 - 1, 2**31, 2**53 + 1, 2**63 - 1, 2**63, -(2**63) - 1, 10**20])
    | st.sampled_from([10**400, -(10**400)])
    | st.integers()
)
odd_numbers = odd_integers | st.floats()
odd_values: st.SearchStrategy[JSONValue] = st.recursive(
    st.none() | st.booleans() | odd_numbers | odd_texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(odd_texts, inner, max_size=3),
    max_leaves=6,
)
keys = st.sampled_from(
    ["config.lr", "summary_metrics.loss", "name", "state", "createdAt", "duration", "tags", "host"]
) | odd_texts.map(lambda text: f"config.{text}")
operators = st.sampled_from(
    [
        *("$eq", "$ne", "$in", "$nin", "$gt", "$gte", "$lt", "$lte", "$exists", "$regex", "$odd"),
        *("$contains", "$all", "$size"),
    ]
)
conditions = odd_values | st.recursive(
    st.dictionaries(operators, odd_values | st.lists(odd_values, max_size=3), max_size=2),
    lambda inner: st.dictionaries(st.just("$not"), inner | odd_values, max_size=1),
    max_leaves=2,
)
filters = st.recursive(
    st.dictionaries(keys, conditions, max_size=2),
    lambda inner: st.dictionaries(
        st.sampled_from(["$and", "$or", "$nor"]), st.lists(inner, max_size=2), max_size=1
    ),
    max_leaves=3,
)
documents = (filters | odd_values).map(json.dumps) | odd_texts
specs = (
    st.fixed_dictionaries(
        {},
        optional={
            "keys": st.lists(odd_texts | st.just("loss"), max_size=3),
            "samples": odd_numbers,
            "minStep": odd_numbers,
            "maxStep": odd_numbers,
        },
    ).map(json.dumps)
    | documents
)
cursors = (odd_integers | odd_texts.filter(str.isascii)).map(cursor) | odd_texts
objects = st.dictionaries(odd_texts, odd_values, max_size=3).map(json.dumps)
bodies = st.fixed_dictionaries(
    {},
    optional={
        "files": st.dictionaries(
            st.sampled_from(
                ["wandb-history.jsonl", "wandb-events.jsonl", "wandb-summary.json", "output.log"]
            )
            | odd_texts,
            st.fixed_dictionaries(
                {},
                optional={
                    "offset": st.integers(0, 2**20) | odd_numbers,
                    "content": st.lists(
                        objects
                        | odd_numbers.map(lambda step: json.dumps({"_step": step, "loss": step}))
                        | odd_texts,
                        max_size=3,
                    ),
                },
            )
            | odd_values,
            max_size=2,
        )
        | odd_values,
        "complete": st.booleans() | odd_values,
        "exitcode": odd_numbers | odd_values,
        "preempting": odd_values,
    },
)


@pytest.fixture(scope="module")
def server() -> Iterator[LocalServer]:
    with LocalServer() as started:
        log_run(started, "me", "p", "r", history=[{"loss": 1}], config={"lr": 0.1}, exit_code=None)
        yield started


@pytest.fixture(scope="module")
def client(server: LocalServer) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url, auth=KEY, timeout=60) as opened:
        yield opened


class Failures(logging.Handler):
    """What the server reports of its own failures; without a handler it would go to stderr."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)


@contextmanager
def no_failure() -> Generator[None]:
    failures = Failures()
    logging.getLogger().addHandler(failures)
    try:
        yield
    finally:
        logging.getLogger().removeHandler(failures)
    assert [logging.Formatter().format(record) for record in failures.records] == []


def check(answer: httpx.Response) -> None:
    """A success, or a refusal that says why."""
    if answer.status_code == 500:
        # The one failure that is W&B's own.
        assert "ISO 8601 string" in answer.text
        return
    assert answer.status_code < 500
    if answer.status_code >= 400 and answer.status_code not in {404, 405}:
        body = answer.json()
        assert body.get("error") or body["errors"][0]["message"]


def ask(client: httpx.Client, query: str, variables: object) -> None:
    body = json.dumps({"query": query, "variables": variables})
    with no_failure():
        check(client.post("/graphql", content=body, headers={"content-type": "application/json"}))


QUERIES = st.fixed_dictionaries(
    {"specs": st.lists(specs, max_size=2), "run": st.just("r") | odd_texts, "sweep": odd_texts},
    optional={
        "entity": odd_texts,
        "project": odd_texts,
        "filters": documents,
        "order": odd_texts | keys.map(lambda key: f"-{key}"),
        "first": st.integers(-1, 3) | odd_integers,
        "after": cursors,
        "samples": st.integers(-1, 3) | odd_integers,
        "min": odd_integers,
        "max": odd_integers,
        "names": st.lists(odd_texts, max_size=3),
        "pattern": odd_texts,
        "keys": st.lists(odd_texts, max_size=3),
    },
)
PLAIN: dict[str, JSONValue] = {"specs": [], "run": "r", "sweep": "s"}


@settings(max_examples=EXAMPLES * 3, deadline=None)
@given(QUERIES)
@example(PLAIN | {"after": cursor(10**20)})
@example(PLAIN | {"after": cursor("9" * 5000)})
@example(PLAIN | {"after": cursor(2**63 - 2)})
@example(PLAIN | {"min": 2**63})
@example(PLAIN | {"filters": json.dumps({f"config.{HALF}": 1})})
@example(PLAIN | {"filters": json.dumps({"config.lr": {"$regex": HALF}})})
@example(PLAIN | {"filters": json.dumps({"config.lr": {"$in": [10**400, HALF]}})})
@example(PLAIN | {"order": f"-config.{HALF}"})
@example(PLAIN | {"specs": [json.dumps({"samples": float("inf")})]})
@example(PLAIN | {"specs": [json.dumps({"samples": float("nan")})]})
@example(PLAIN | {"specs": [json.dumps({"samples": 10**20})]})
@example(PLAIN | {"specs": [json.dumps({"minStep": 10**20, "maxStep": -(10**400)})]})
@example(PLAIN | {"pattern": "%a" * 40_000})
@example(PLAIN | {"names": [str(number) for number in range(40_000)]})
def test_no_query_fails(client: httpx.Client, variables: dict[str, JSONValue]) -> None:
    ask(client, QUERY, variables)


@settings(max_examples=EXAMPLES, deadline=None)
@given(
    st.fixed_dictionaries(
        {},
        optional={
            "id": odd_texts,
            "name": odd_texts,
            "text": odd_texts,
            "config": documents,
            "summary": documents | objects,
            "tags": st.lists(odd_texts, max_size=2),
        },
    )
)
@example({"name": HALF})
@example({"name": "n", "config": f'{{"a": "{HALF}"}}'})
@example({"name": "n", "summary": json.dumps({HALF: 10**4000, "a": [[HALF]]})})
def test_no_run_fails_to_be_created_or_refused(
    client: httpx.Client, variables: dict[str, JSONValue]
) -> None:
    ask(client, UPSERT, variables)


@settings(max_examples=EXAMPLES, deadline=None)
@given(
    st.fixed_dictionaries(
        {"id": odd_texts, "files": st.lists(odd_texts, max_size=2)},
        optional={"text": odd_texts, "config": documents},
    )
)
@example({"id": "", "files": [], "config": "when: 2024-13-45"})
@example({"id": "", "files": [], "config": json.dumps({"run_cap": 10**20})})
@example({"id": "", "files": [], "config": "[" * 1500})
@example({"id": "", "files": [], "config": "parameters: {1: {values: [1]}}\nmethod: grid"})
def test_no_other_mutation_fails(client: httpx.Client, variables: dict[str, JSONValue]) -> None:
    for query in (DELETE, CREATE_FILES, SWEEP):
        ask(client, query, variables)
    ask(client, QUERY, PLAIN)


@settings(max_examples=EXAMPLES * 2, deadline=None)
@given(bodies)
@example({"complete": True, "exitcode": 10**20})
@example({"files": {"wandb-history.jsonl": {"offset": 10**20, "content": ['{"_step": 1}']}}})
@example({"files": {"wandb-history.jsonl": {"offset": 2**63 - 1, "content": ["{}", "{}"]}}})
@example(
    {
        "files": {
            "wandb-history.jsonl": {"offset": 2**21, "content": [json.dumps({"_step": 10**400})]}
        }
    }
)
@example(
    {"files": {"wandb-history.jsonl": {"offset": 2**22, "content": [json.dumps({"_step": 2**64})]}}}
)
@example({"files": {"wandb-history.jsonl": {"content": [f'{{"a": "{HALF}"}}']}}})
def test_no_chunk_of_a_file_stream_fails(client: httpx.Client, body: JSONValue) -> None:
    headers = {"content-type": "application/json"}
    for extra in ({}, {"x-wandb-use-async-filestream": "true", "x-wandb-client-id": "c"}):
        with no_failure():
            check(
                client.post(
                    "/files/me/p/r/file_stream", content=json.dumps(body), headers=headers | extra
                )
            )
    ask(client, QUERY, PLAIN)


targets = st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=30).map(
    lambda text: f"/{text}"
) | st.sampled_from(
    [
        "/storage/me/p/r/%ED%A0%80",
        "/storage/me/p/r/%00?signature=%C3%BC",
        "/storage/%ff/%fe/%fd/x",
        "/files/%ED%A0%80/p/r/file_stream",
        "/files/me/p/%ff/file_stream",
        "/graphql?query={viewer{id}}",
        "/storage/me/p/r/" + "x" * 5000,
        "*",
    ]
)


@settings(max_examples=EXAMPLES * 2, deadline=None)
@given(
    method=st.sampled_from(["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "BREW"]),
    target=targets,
    kind=st.sampled_from(["application/json", "text/plain"]),
    key=st.sampled_from(["", "Basic", "Basic !", "Basic /w==", "Bearer x", "Basic YXBpOms="]),
    body=st.binary(max_size=40) | odd_values.map(lambda value: json.dumps(value).encode()),
)
def test_no_http_request_fails(
    server: LocalServer, method: str, target: str, kind: str, key: str, body: bytes
) -> None:
    head = (
        f"{method} {target} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {kind}\r\n"
        f"Authorization: {key}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    with no_failure():
        status = raw(server, head.encode() + body).split(b" ")[1]
    assert 200 <= int(status) < 500


def raw(server: LocalServer, request: bytes) -> bytes:
    """Send bytes, and return the answer."""
    port = int(server.url.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), timeout=8) as connection:
        connection.sendall(request)
        return connection.makefile("rb").read()


@pytest.mark.parametrize(
    "path", ["/graphql", "/files/me/p/r/file_stream", "/storage/me/p/r/f", "/sdk/otel/v1/traces"]
)
@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_a_client_that_leaves_amid_its_body_is_no_failure(
    server: LocalServer, method: str, path: str
) -> None:
    head = (
        f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        f"Authorization: Basic YXBpOms=\r\nContent-Length: 100\r\n\r\n{{"
    )
    port = int(server.url.rpartition(":")[2])
    with no_failure():
        with socket.create_connection(("127.0.0.1", port), timeout=8) as connection:
            connection.sendall(head.encode())
        # The connection is looked at before a later one.
        assert b" 200 " in raw(
            server,
            b"POST /sdk/otel/v1 HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n"
            b"Connection: close\r\n\r\n",
        )


@pytest.mark.parametrize("query", ["{" + "project{" * 5000, '{a(b:"\\uD800")}', "{" + "a " * 5000])
def test_no_document_fails(client: httpx.Client, query: str) -> None:
    ask(client, query, None)
