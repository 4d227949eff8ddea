"""What W&B's SDK sends while a run goes on, is preempted and deleted, is stored as W&B does."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, cast

import pytest
from support.logging_sdk import LoggedRun

from wandb_runs.testing import LocalServer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wandb_runs.graphql.scalars import JSONObject

LINES = "logLineCount logLines { edges { node { number timestamp level label line } } }"


@pytest.fixture(scope="module")
def server() -> Iterator[LocalServer]:
    with LocalServer() as started:
        yield started


def console(run: LoggedRun, arguments: str = "") -> list[object]:
    fields = f"logLines{arguments} {{ edges {{ node {{ number line }} }} }}"
    found = cast("dict[str, list[dict[str, JSONObject]]]", run.read(fields)["logLines"])
    return [tuple(edge["node"].values()) for edge in found["edges"]]


# Settings


def test_older_sdks_find_the_type_of_server_settings_and_no_messages(server: LocalServer) -> None:
    run = LoggedRun(server, "settings")
    found = run.graphql('{ __type(name: "ServerSettings") { fields { name } } }').json()["data"]
    assert found == {"__type": {"fields": [{"name": "serverMessages"}]}}
    assert run.start()["serverSettings"] == {"serverMessages": []}


# Deleting


def test_deleting_a_run_that_is_gone_succeeds_and_another_id_does_not(server: LocalServer) -> None:
    run = LoggedRun(server, "deleted")
    bucket = cast("JSONObject", run.start()["bucket"])
    LoggedRun(server, "deleted", "kept").start()
    for _ in range(2):
        answer = run.delete(bucket["id"])
        assert answer.json() == {"data": {"deleteRun": {"clientMutationId": None}}}
        assert answer.status_code == 200
    assert run.delete("no storage id").status_code == 404
    assert LoggedRun(server, "deleted", "kept").state() == "running"


# Beginning anew

FULL = "historyLineCount eventsLineCount logLineCount exitcode state summaryMetrics tags"


def finished_run(server: LocalServer, project: str) -> LoggedRun:
    run = LoggedRun(server, project)
    run.start({"lr": 1, "old": True}, tags=["kept"])
    run.log(0, {"_step": 0, "loss": 1}, {"_step": 1, "loss": 2}, {"_step": 2, "gone": 3})
    run.send("wandb-events.jsonl", 0, [{"system.cpu": 1}, {"system.cpu": 2}])
    run.send("wandb-summary.json", 0, [{"loss": 2, "gone": 3}])
    run.send("output.log", 0, ["old 0", "old 1"])
    run.stream(complete=True, exitcode=3)
    return run


def test_a_program_that_does_not_resume_replaces_what_was_logged(server: LocalServer) -> None:
    run = finished_run(server, "anew")
    begun = run.start({"lr": 2})
    assert begun["inserted"] is False
    assert cast("JSONObject", begun["bucket"])["historyLineCount"] == 0
    assert run.read(FULL) == {
        "historyLineCount": 0,
        "eventsLineCount": 0,
        "logLineCount": 0,
        "exitcode": None,
        "state": "running",
        "summaryMetrics": "{}",
        "tags": ["kept"],
    }
    run.log(0, {"_step": 0, "loss": 9})
    run.send("wandb-summary.json", 0, [{"loss": 9}])
    assert run.history() == [{"_step": 0, "loss": 9}]
    found = run.read("config summaryMetrics historyKeys systemMetrics events")
    config = json.loads(str(found["config"]))
    assert {key: config[key]["value"] for key in config if key != "_wandb"} == {"lr": 2}
    assert json.loads(str(found["summaryMetrics"])) == {"loss": 9}
    keys = cast("JSONObject", found["historyKeys"])
    assert cast("JSONObject", keys["keys"]).keys() == {"_step", "loss"}
    assert keys["lastStep"] == 0
    assert (found["systemMetrics"], found["events"]) == (None, [])
    gone = '{"summary_metrics.gone": 3}'
    query = '{ project(entityName: "me", name: "anew") { runCount(filters: $f) } }'
    counted = run.graphql(f"query Q($f: JSONString) {query}", {"f": gone}).json()
    assert counted == {"data": {"project": {"runCount": 0}}}


def test_a_program_that_resumes_or_changes_a_run_adds_to_it(server: LocalServer) -> None:
    run = finished_run(server, "resumed")
    rows = run.history()
    storage_id = run.read("id")["id"]
    for sent in (
        run.start({"lr": 2}, id=storage_id),
        run.start({"lr": 2}, debug=False),
        run.upsert(config="{}"),
        run.upsert(host="here", tags=["new"]),
    ):
        assert cast("JSONObject", sent["bucket"])["historyLineCount"] == 3
    run.log(3, {"_step": 3, "loss": 4})
    assert run.history() == [*rows, {"_step": 3, "loss": 4}]
    assert run.read("logLineCount eventsLineCount") == {"logLineCount": 2, "eventsLineCount": 2}


def test_another_writer_in_shared_mode_begins_no_run_anew(server: LocalServer) -> None:
    run = LoggedRun(server, "shared")
    run.start(client="one")
    run.log(0, {"loss": 1}, client="one")
    run.start(client="two")
    run.log(0, {"loss": 2}, client="two")
    assert [row["loss"] for row in run.history()] == [1, 2]


def test_another_first_row_begins_a_stream_anew_and_the_same_one_does_not(
    server: LocalServer,
) -> None:
    run = finished_run(server, "first row")
    rows = run.history()
    run.log(0, rows[0], rows[1])
    assert run.history() == rows
    run.log(0, {"_step": 0, "loss": 8}, {"_step": 1, "loss": 9})
    assert run.history() == [{"_step": 0, "loss": 8}, {"_step": 1, "loss": 9}]
    found = run.read("historyLineCount eventsLineCount historyKeys")
    assert (found["historyLineCount"], found["eventsLineCount"]) == (2, 2)
    assert cast("dict[str, JSONObject]", found["historyKeys"])["keys"].keys() == {"_step", "loss"}
    run.send("wandb-events.jsonl", 0, [{"system.gpu": 1}])
    assert run.read("systemMetrics eventsLineCount") == {
        "systemMetrics": '{"system.gpu":1}',
        "eventsLineCount": 1,
    }


@pytest.mark.parametrize("debug", [None, False])
def test_a_fork_that_begins_anew_keeps_the_rows_of_its_parent(
    server: LocalServer, debug: bool | None
) -> None:
    parent = LoggedRun(server, f"anew fork {debug}")
    parent.start()
    parent.log(0, {"_step": 0, "loss": 0}, {"_step": 1, "loss": 1}, {"_step": 2, "loss": 2})
    fork = LoggedRun(server, parent.project, "fork")
    for number in (7, 8):
        fork.start(fork_from=("r", 1), debug=debug)
        fork.log(0, {"_step": 2, "loss": number}, {"_step": 3, "loss": number})
    assert [row["loss"] for row in fork.history()] == [0, 1, 8, 8]
    keys = cast("dict[str, JSONObject]", fork.read("historyKeys")["historyKeys"])
    assert keys["keys"].keys() == {"_step", "loss"}


def test_a_fork_that_begins_anew_as_no_fork_has_nothing_of_its_parent(server: LocalServer) -> None:
    parent = LoggedRun(server, "no fork")
    parent.start()
    parent.log(0, {"_step": 0, "loss": 0, "old": 0})
    fork = LoggedRun(server, parent.project, "fork")
    fork.start(fork_from=("r", 0))
    fork.log(0, {"_step": 1, "loss": 1})
    fork.start()
    fork.log(0, {"_step": 0, "loss": 2})
    for summary in ({"first": 1}, {"loss": 2}):
        fork.send("wandb-summary.json", 0, [summary])
    assert fork.history() == [{"_step": 0, "loss": 2}]
    assert json.loads(str(fork.read("summaryMetrics")["summaryMetrics"])) == {"loss": 2}


def test_a_run_in_progress_has_no_exit_code(server: LocalServer) -> None:
    run = finished_run(server, "exit code")
    assert run.read("exitcode state") == {"exitcode": 3, "state": "failed"}
    run.log(3, {"loss": 4})
    assert run.read("exitcode state") == {"exitcode": None, "state": "running"}


# Preemption


def test_a_preempting_run_is_so_until_it_ends() -> None:
    now = 1_700_000_000.0
    with LocalServer(clock=lambda: now) as server:
        for exit_code, state in [(0, "finished"), (1, "preempted")]:
            run = LoggedRun(server, "preempting", f"exits with {exit_code}")
            run.start()
            run.log(0, {"loss": 1})
            assert run.state() == "running"
            run.stream(preempting=True)
            assert run.state() == "preempting"
            run.log(1, {"loss": 2})
            assert run.state() == "preempting"
            run.stream(complete=True, exitcode=exit_code)
            assert run.state() == state


def test_a_preempting_run_that_falls_silent_was_preempted_and_runs_when_it_is_back() -> None:
    now = 1_700_000_000.0
    with LocalServer(clock=lambda: now) as server:
        run = LoggedRun(server, "silent")
        run.start()
        run.stream(preempting=True)
        now += 290
        assert run.state() == "preempting"
        now += 20
        assert run.state() == "preempted"
        query = '{ project(entityName: "me", name: "silent") { runCount(filters: $f) } }'
        counted = run.graphql(f"query Q($f: JSONString) {query}", {"f": '{"state": "preempted"}'})
        assert counted.json() == {"data": {"project": {"runCount": 1}}}
        run.log(0, {"loss": 1})
        assert run.state() == "running"


# Console output


def test_console_lines_are_kept_and_lines_sent_again_replaced(server: LocalServer) -> None:
    run = LoggedRun(server, "console")
    run.start()
    assert run.read(LINES) == {"logLineCount": 0, "logLines": {"edges": []}}
    sent = ["2026-01-31T10:00:00.000001 10%", "ERROR 2026-01-31T10:00:00.000002 late", "bare"]
    run.send("output.log", 0, sent)
    run.send("output.log", 0, ["2026-01-31T10:00:01.000001 20%"])
    run.send("output.log", 3, ["2026-01-31T10:00:02.000001 [rank0] ü"])
    assert run.read(LINES) == {
        "logLineCount": 4,
        "logLines": {
            "edges": [
                {
                    "node": {
                        "number": number,
                        "timestamp": timestamp,
                        "level": level,
                        "label": label,
                        "line": line,
                    }
                }
                for number, timestamp, level, label, line in [
                    (0, "2026-01-31T10:00:01.000001", None, None, "20%"),
                    (1, "2026-01-31T10:00:00.000002", "error", None, "late"),
                    (2, None, None, None, "bare"),
                    (3, "2026-01-31T10:00:02.000001", None, "rank0", "ü"),
                ]
            ]
        },
    }


def test_console_lines_come_in_pages_or_from_the_end(server: LocalServer) -> None:
    run = LoggedRun(server, "pages")
    run.start()
    run.send("output.log", 0, ["a", "b"])
    run.send("output.log", 4, ["e"])
    assert run.read("logLineCount") == {"logLineCount": 5}
    assert console(run) == [(0, "a"), (1, "b"), (2, "e")]
    assert console(run, "(last: 2)") == [(1, "b"), (2, "e")]
    assert console(run, "(last: 9)") == [(0, "a"), (1, "b"), (2, "e")]
    assert console(run, "(last: 0)") == []
    paged = "logLines(first: 2, useImprovedPagination: true) { pageInfo { endCursor hasNextPage } }"
    info = cast("dict[str, dict[str, str]]", run.read(paged)["logLines"])["pageInfo"]
    assert info["hasNextPage"]
    assert console(run, f'(first: 2, after: "{info["endCursor"]}")') == [(2, "e")]


def test_console_lines_of_each_writer_in_shared_mode_are_kept(server: LocalServer) -> None:
    run = LoggedRun(server, "shared console")
    run.start()
    for client in ("one", "two"):
        run.send("output.log", 0, [f"{client} 0", f"{client} 1"], client=client)
    run.send("output.log", 1, ["one again"], client="one")
    assert console(run) == [(0, "one 0"), (1, "one again"), (2, "two 0"), (3, "two 1")]
    assert run.read("logLineCount") == {"logLineCount": 4}


def test_console_lines_go_with_their_run(server: LocalServer) -> None:
    run = LoggedRun(server, "gone")
    bucket = cast("JSONObject", run.start()["bucket"])
    run.send("output.log", 0, ["old"])
    run.delete(bucket["id"])
    run.start()
    assert console(run) == []


def test_a_console_offset_out_of_range_is_a_bad_request(server: LocalServer) -> None:
    run = LoggedRun(server, "range")
    run.start()
    assert run.send("output.log", 2**31, ["far"]) == 400
    assert run.send("output.log", 2**80, ["farther"]) == 400
    assert console(run) == []
