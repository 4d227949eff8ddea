"""Forks begin with their parent's rows, and rewound runs lose their last ones."""

from __future__ import annotations

import json
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

UPSERT = """mutation UpsertBucket($name: String, $config: JSONString) {
    upsertBucket(input: {
        entityName: "me", modelName: "branches", name: $name, config: $config
    }) { bucket { historyLineCount } inserted }
}"""

REWIND = """mutation RewindRun($name: String!, $metric: String!, $step: Float!) {
    rewindRun(input: {
        entityName: "me", projectName: "branches", runName: $name,
        metricName: $metric, metricValue: $step
    }) { rewoundRun { name historyLineCount } }
}"""


@pytest.fixture(scope="module")
def server() -> Iterator[LocalServer]:
    with LocalServer() as started:
        yield started


@pytest.fixture(scope="module")
def api(server: LocalServer) -> Iterator[Api]:
    with Api(base_url=server.url, api_key="any") as opened:
        yield opened


def post(server: LocalServer, query: str, **variables: JSONValue) -> httpx.Response:
    body = {"query": query, "variables": variables}
    return httpx.post(f"{server.url}/graphql", json=body, auth=KEY)


def fork(server: LocalServer, name: str, parent: str, step: float) -> httpx.Response:
    """Begin a fork, by the request that the wandb SDK sends."""
    point = {"run_id": parent, "step": step}
    config = json.dumps({"_wandb": {"value": {"branch_point": point}}, "lr": {"value": 1}})
    return post(server, UPSERT, name=name, config=config)


def rewind(server: LocalServer, name: str, step: float, metric: str = "_step") -> httpx.Response:
    return post(server, REWIND, name=name, metric=metric, step=step)


def send(server: LocalServer, name: str, offset: int, *rows: JSONObject, **summary: int) -> None:
    """Send rows and a summary, as the wandb SDK does: of what this process logged alone."""
    files: dict[str, JSONValue] = {
        "wandb-history.jsonl": {"offset": offset, "content": [json.dumps(row) for row in rows]}
    }
    if summary:
        files["wandb-summary.json"] = {"offset": 0, "content": [json.dumps(summary)]}
    url = f"{server.url}/files/me/branches/{name}/file_stream"
    assert httpx.post(url, json={"files": files}, auth=KEY).status_code == 200


def ask(server: LocalServer, name: str, fields: str) -> JSONObject:
    answer = post(server, f"{{ {of_run('me', 'branches', name, fields)} }}")
    assert answer.status_code == 200, answer.text
    return cast("JSONObject", answer.json()["data"]["project"]["run"])


def history(server: LocalServer, name: str) -> list[JSONObject]:
    rows = cast("list[str]", ask(server, name, "history(samples: 10000)")["history"])
    return [json.loads(row) for row in rows]


def base(server: LocalServer, name: str, steps: int = 6) -> None:
    history: list[JSONObject] = [{"b": step} for step in range(steps)]
    log_run(server, "me", "branches", name, history=history)


def test_each_reading_of_a_fork_has_its_parents_rows(server: LocalServer, api: Api) -> None:
    base(server, "parent")
    answer = fork(server, "child", "parent", 2).json()["data"]["upsertBucket"]
    assert answer == {"bucket": {"historyLineCount": 3}, "inserted": True}
    send(server, "child", 0, {"_step": 3, "b": 100}, b=100, _step=3)
    run = api.run("me/branches/child")
    rows = [(0, 0), (1, 1), (2, 2), (3, 100)]
    assert [(row["_step"], row["b"]) for row in run.scan_history()] == rows
    assert [(row["_step"], row["b"]) for row in run.scan_history(keys=["_step", "b"])] == rows
    assert [(row["_step"], row["b"]) for row in run.history(format="default")] == rows
    sampled = 'sampledHistory(specs: ["{\\"keys\\": [\\"b\\"]}"])'
    fields = f"historyLineCount historyKeys historyTail {sampled}"
    found = ask(server, "child", fields)
    assert found["historyLineCount"] == 4
    assert found["sampledHistory"] == [[{"b": value} for _, value in rows]]
    assert json.loads(json.loads(str(found["historyTail"]))[0])["b"] == 100
    keys = cast("JSONObject", found["historyKeys"])
    assert keys["lastStep"] == 3
    of_key = cast("dict[str, dict[str, JSONValue]]", keys["keys"])["b"]
    assert of_key["typeCounts"] == [{"type": "number", "count": 4}]
    assert len(history(server, "parent")) == 6


@pytest.mark.parametrize(("step", "kept"), [(-1, 0), (0, 1), (2.5, 3), (99, 6)])
def test_a_fork_keeps_its_parents_rows_up_to_the_step(
    server: LocalServer, step: float, kept: int
) -> None:
    name = f"fork at {step}"
    base(server, f"parent of {name}")
    fork(server, name, f"parent of {name}", step)
    assert [row["b"] for row in history(server, name)] == list(range(kept))
    assert ask(server, name, "historyLineCount") == {"historyLineCount": kept}


def test_a_fork_has_its_parents_summary_at_the_step(server: LocalServer, api: Api) -> None:
    rows: list[JSONObject] = [{"loss": 5, "early": 1}, {"loss": 4}, {"loss": 3, "late": 1}]
    summary: JSONObject = {"loss": 3, "early": 1, "late": 1, "_step": 2, "model": "best"}
    log_run(server, "me", "branches", "summed", history=rows, summary=summary)
    fork(server, "sums", "summed", 1)
    run = api.run("me/branches/sums")
    assert run.summary == {"loss": 4, "early": 1, "_step": 1, "model": "best"}
    send(server, "sums", 0, {"_step": 2, "accuracy": 1}, accuracy=1, _step=2)
    filters: JSONObject = {"summary_metrics.loss": 4, "summary_metrics.accuracy": 1}
    (run,) = api.runs("me/branches", filters)
    assert run.summary == {"loss": 4, "early": 1, "_step": 2, "model": "best", "accuracy": 1}


def test_a_fork_has_its_parents_files(server: LocalServer) -> None:
    base(server, "filed")
    mutation = """mutation {
        createRunFiles(input: {
            entityName: "me", projectName: "branches", runName: "filed", files: ["media/a.txt"]
        }) { files { uploadUrl } }
    }"""
    made = post(server, mutation).json()["data"]["createRunFiles"]["files"][0]
    httpx.put(made["uploadUrl"], content=b"a")
    fork(server, "files", "filed", 2)
    delete_run(server, "me", "branches", "filed")
    edges = cast(
        "dict[str, list[dict[str, dict[str, str]]]]",
        ask(server, "files", "files { edges { node { name directUrl } } }")["files"],
    )["edges"]
    assert [edge["node"]["name"] for edge in edges] == ["media/a.txt"]
    assert httpx.get(edges[0]["node"]["directUrl"]).content == b"a"


@pytest.mark.parametrize(("step", "kept"), [(1, [0, 1]), (-1, [])])
def test_a_change_of_a_forks_config_leaves_its_rows(
    server: LocalServer, step: int, kept: list[int]
) -> None:
    base(server, f"origin {step}")
    name = f"changed {step}"
    fork(server, name, f"origin {step}", step)
    send(server, name, 0, {"_step": step + 1, "b": 9})
    again = fork(server, name, f"origin {step}", step).json()["data"]["upsertBucket"]
    assert again["inserted"] is False
    assert [row["b"] for row in history(server, name)] == [*kept, 9]


def test_a_run_forked_elsewhere_has_that_parents_rows_alone(server: LocalServer) -> None:
    base(server, "one", 2)
    base(server, "other", 4)
    fork(server, "moved", "one", 1)
    send(server, "moved", 0, {"_step": 2, "b": 9})
    fork(server, "moved", "other", 2)
    assert [row["b"] for row in history(server, "moved")] == [0, 1, 2]
    assert ask(server, "moved", "historyLineCount") == {"historyLineCount": 3}


def test_a_fork_outlives_changes_of_its_parent(server: LocalServer) -> None:
    base(server, "mortal")
    fork(server, "heir", "mortal", 3)
    rewind(server, "mortal", 0)
    assert len(history(server, "heir")) == 4
    delete_run(server, "me", "branches", "mortal")
    assert len(history(server, "heir")) == 4


def test_a_fork_of_a_missing_run_is_refused(server: LocalServer, api: Api) -> None:
    answer = fork(server, "orphan", "nowhere", 2)
    assert answer.status_code == 404
    assert answer.json()["errors"][0]["message"] == (
        "run me/branches/nowhere, to fork from, not found"
    )
    assert [run.id for run in api.runs("me/branches", {"name": "orphan"})] == []


@pytest.mark.parametrize("point", [{"run_id": "parent"}, {"run_id": 1, "step": 2}, "parent"])
def test_an_unreadable_branch_point_is_a_bad_request(server: LocalServer, point: JSONValue) -> None:
    config = json.dumps({"_wandb": {"value": {"branch_point": point}}})
    assert post(server, UPSERT, name="odd", config=config).status_code == 400


def test_a_config_key_named_branch_point_makes_no_fork(server: LocalServer) -> None:
    config = json.dumps({"branch_point": {"value": {"run_id": "parent", "step": 2}}})
    assert post(server, UPSERT, name="plain", config=config).status_code == 200
    assert history(server, "plain") == []


def test_a_rewound_run_loses_its_later_rows_and_values(server: LocalServer, api: Api) -> None:
    rows: list[JSONObject] = [{"b": 0, "kept": 1}, {"b": 1}, {"b": 2}, {"b": 3, "late": 1}]
    log_run(
        server,
        "me",
        "branches",
        "rewound",
        config={"lr": 1},
        history=rows,
        events=[{"system.cpu": 1}, {"system.cpu": 2}],
        summary={"b": 3, "late": 1, "best": 3},
        exit_code=1,
    )
    answer = rewind(server, "rewound", 2).json()["data"]["rewindRun"]
    assert answer == {"rewoundRun": {"name": "rewound", "historyLineCount": 3}}
    assert [row["b"] for row in history(server, "rewound")] == [0, 1, 2]
    fields = "state exitcode eventsLineCount events systemMetrics summaryMetrics historyKeys"
    found = dict(ask(server, "rewound", fields))
    keys = cast("JSONObject", found.pop("historyKeys"))
    assert keys["lastStep"] == 2
    assert sorted(cast("JSONObject", keys["keys"])) == ["_step", "b", "kept"]
    assert json.loads(str(found.pop("summaryMetrics"))) == {"_step": 2, "b": 2, "kept": 1}
    assert found == {
        "state": "running",
        "exitcode": None,
        "eventsLineCount": 0,
        "events": [],
        "systemMetrics": None,
    }
    send(server, "rewound", 3, {"_step": 3, "b": 100}, b=100, _step=3)
    run = api.run("me/branches/rewound")
    assert [(row["_step"], row["b"]) for row in run.scan_history()] == [
        (0, 0),
        (1, 1),
        (2, 2),
        (3, 100),
    ]
    assert run.summary == {"_step": 3, "b": 100, "kept": 1}
    assert run.config == {"lr": 1}


def test_a_rewind_before_the_first_row_empties_the_history(server: LocalServer) -> None:
    base(server, "emptied")
    answer = rewind(server, "emptied", -1).json()["data"]["rewindRun"]
    assert answer["rewoundRun"]["historyLineCount"] == 0
    found = ask(server, "emptied", "history historyKeys summaryMetrics")
    assert found == {"history": [], "historyKeys": None, "summaryMetrics": "{}"}


def test_rewinding_needs_an_existing_run_a_step_and_a_key(server: LocalServer) -> None:
    base(server, "there")
    assert rewind(server, "nowhere", 1).status_code == 404
    assert rewind(server, "there", 1, metric="epoch").status_code == 400
    body = {"query": REWIND, "variables": {"name": "there", "metric": "_step", "step": 1}}
    assert httpx.post(f"{server.url}/graphql", json=body).status_code == 401
    assert len(history(server, "there")) == 6


class Change(NamedTuple):
    """A fork of a run at a step, or a rewind of it; then so many rows are logged."""

    is_fork: bool
    run: int
    step: int
    logged: int


CHANGES = st.builds(Change, st.booleans(), st.integers(0, 3), st.integers(-1, 8), st.integers(0, 3))


@settings(max_examples=25, deadline=None)
@given(st.lists(CHANGES, max_size=6))
def test_forks_and_rewinds_in_any_order_keep_the_rows_up_to_their_step(
    server: LocalServer, changes: list[Change]
) -> None:
    names = [new_id()]
    base(server, names[0], 4)
    expected = [list(range(4))]  # of each run, the value of each step
    for number, (is_fork, chosen, step, logged) in enumerate(changes):
        run = min(chosen, len(names) - 1)
        if is_fork:
            names.append(new_id())
            expected.append(expected[run][: step + 1])
            fork(server, names[-1], names[run], step)
            run, offset = len(names) - 1, 0
        else:
            expected[run] = expected[run][: step + 1]
            rewound = rewind(server, names[run], step).json()["data"]["rewindRun"]["rewoundRun"]
            offset = rewound["historyLineCount"]
        rows: list[JSONObject] = [
            {"_step": len(expected[run]) + place, "b": 100 * number + place}
            for place in range(logged)
        ]
        for _ in range(2):  # sent again, as after a lost answer
            send(server, names[run], offset, *rows)
        expected[run] += [100 * number + place for place in range(logged)]
    for name, values in zip(names, expected, strict=True):
        assert [(row["_step"], row["b"]) for row in history(server, name)] == [*enumerate(values)]
        assert ask(server, name, "historyLineCount") == {"historyLineCount": len(values)}
