"""Histories are served as Parquet files, and the rows behind them as live data."""

from __future__ import annotations

import json
import math
import sqlite3
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal, NamedTuple
from urllib.parse import quote

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.exports import Exporting, exporting, joined, settled
from support.graphql_query import of_project, of_run
from support.managed import KEY

from wandb_runs import InvalidArgumentError
from wandb_runs.local.ids import new_id
from wandb_runs.testing import Churn, IgnoreRange, LocalServer, Status, Truncate, log_run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from wandb_runs.graphql.scalars import JSONObject, JSONValue

pytest.importorskip("pyarrow")

ROWS = 6
"""Rows of a file of the server: with so few, groups are of two rows."""

FEW = max(10, settings().max_examples // 2)


@pytest.fixture(scope="module")
def files() -> Iterator[Exporting]:
    with LocalServer(export_rows=ROWS) as server, exporting(server) as files:
        yield files


def places(urls: list[str]) -> list[str]:
    """Addresses without their signatures, which are new in each answer."""
    return [url.partition("?")[0] for url in urls]


def step_of(row: JSONObject) -> float:
    step = row["_step"]
    assert isinstance(step, int | float)
    return step


NUMBERS: st.SearchStrategy[JSONValue] = st.sampled_from(
    [0, 1, -1, 2**53, 2**53 + 1, -(2**63), 2**63, 2**70, 2**70 + 1, 0.5, 1e300, math.nan, math.inf]
)
TEXTS: st.SearchStrategy[JSONValue] = st.sampled_from(
    ["", "a", "ü", "NaN", "-Infinity", "a\0b", "\ud800"]
)
KEYS = st.sampled_from(["a", "b", "a.b", "c/d", "", "\0", "\udfff"])
VALUES: st.SearchStrategy[JSONValue] = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=2),
    max_leaves=5,
)
USUAL: st.SearchStrategy[JSONValue] = st.none() | st.integers(-9, 9) | st.floats(width=16)


class Change(NamedTuple):
    """Something that happens to a run."""

    name: Literal["log", "log anew", "rewind", "delete", "ask"]
    rows: list[JSONObject]
    step: int
    exit_code: int | None


STEPS = st.integers(0, 9) | st.integers(-(2**63), 2**63) | st.floats(0, 9, width=16)
USUAL_ROWS = st.lists(
    st.dictionaries(st.sampled_from(["a", "b", "a.b", "c/d", ""]), USUAL, max_size=3),
    max_size=2 * ROWS,
)


def with_step(step: JSONValue, row: dict[str, JSONValue]) -> JSONObject:
    return row if step is None else {**row, "_step": step}


ODD_ROWS = st.lists(
    st.builds(with_step, st.none() | STEPS, st.dictionaries(KEYS, VALUES, max_size=3)),
    max_size=ROWS,
)
CHANGES = st.lists(
    st.builds(
        Change,
        st.sampled_from(["log", "log anew", "rewind", "delete", "ask"]),
        USUAL_ROWS | ODD_ROWS,
        st.integers(0, 2 * ROWS),
        st.sampled_from([0, 1, None]),
    ),
    max_size=4,
)


def make(change: Change, files: Exporting, project: str) -> None:
    match change.name:
        case "log":
            files.log_rows(change.rows, project, change.exit_code)
        case "log anew":
            rows = [json.dumps(row) for row in change.rows]
            body = {"files": {"wandb-history.jsonl": {"offset": 0, "content": rows}}}
            url = f"{files.server.url}/files/me/{quote(project)}/r/file_stream"
            assert files.client.post(url, json=body, auth=KEY).status_code == 200
        case "rewind":
            files.change(
                "rewindRun",
                "rewoundRun { id }",
                entityName="me",
                projectName=project,
                runName="r",
                metricName="_step",
                metricValue=change.step,
            )
        case "delete":
            files.select("deleteRuns", "errors", project, {})
            files.select("undeleteRuns", "clientMutationId", project, {})
        case "ask":
            assert_agreement(files, project)


def assert_agreement(files: Exporting, project: str) -> None:
    """Find the history in files and behind them, each row in one place."""
    found = files.read(project)
    read = files.files(found.urls)
    exported = joined(read)
    rows = [settled(row) for row in found.rows]
    assert rows[: len(exported)] == exported
    live = [step_of(row) for row in found.live]
    behind = found.rows[len(exported) :]
    assert len(live) == len(behind)
    # A row without a step has its number.
    assert all(
        row.get("_step", step) == step or not isinstance(row["_step"], int | float)
        for row, step in zip(behind, live, strict=True)
    )
    stored = [step_of(row) for row in exported]
    assert stored == sorted(stored)
    assert not (live and stored) or max(stored) < min(live)
    # A reader that leaves out row groups by their steps leaves out no row.
    ends = [(file.groups[0][0], file.groups[-1][1]) for file in read]
    assert [(file.steps[0], file.steps[-1]) for file in read] == ends
    assert all(one[1] < other[0] for one, other in pairwise(ends))


@settings(max_examples=FEW)
@given(USUAL_ROWS | ODD_ROWS, CHANGES)
def test_whatever_happens_files_and_live_rows_are_the_history(
    files: Exporting, history: list[JSONObject], changes: list[Change]
) -> None:
    project = files.log_rows(history)
    for change in changes:
        make(change, files, project)
    assert_agreement(files, project)


LOSSES: list[JSONObject] = [{"loss": number} for number in range(2 * ROWS + 1)]


@pytest.mark.parametrize(("exit_code", "live"), [(0, 0), (3, 0), (None, 1)])
def test_a_run_has_live_rows_until_it_is_over(
    files: Exporting, exit_code: int | None, live: int
) -> None:
    found = files.read(files.log_rows(LOSSES, exit_code=exit_code))
    assert len(found.live) == live
    assert [len(file.rows) for file in files.files(found.urls)] == [ROWS, ROWS, 1][: 3 - live]


def test_a_silent_run_is_over() -> None:
    later = 0.0
    with LocalServer(clock=lambda: 1e9 + later) as server, exporting(server) as files:
        project = files.log_rows(LOSSES, exit_code=None)
        assert len(files.read(project).live) == len(LOSSES)
        later = 301.0
        assert files.read(project).live == []


def test_a_resumed_run_has_live_rows_behind_its_files_and_later_new_files(
    files: Exporting,
) -> None:
    project = files.log_rows(LOSSES[:2])
    files.log_rows(LOSSES[:2], project, exit_code=None)
    going_on = files.read(project)
    assert [file.steps for file in files.files(going_on.urls)] == [[0, 1]]
    assert going_on.live == [{"_step": 2}, {"_step": 3}]
    files.log_rows([], project)
    over = files.read(project)
    assert [file.steps for file in files.files(over.urls)] == [[0, 1], [2, 3]]
    assert over.live == []
    # What is there already is not written again.
    assert {*places(going_on.urls)} < {*places(over.urls)}


def test_live_rows_have_the_wanted_keys_that_they_have(files: Exporting) -> None:
    rows: list[JSONObject] = [{"a": 1, "b": {"c": 2}}, {"a": math.nan}, {"d": None}]
    project = files.log_rows(rows, exit_code=None)
    found = files.read(project, ["a", "b.c", "_step", "d"]).live
    assert found == [{"a": 1, "b.c": 2, "_step": 0}, {"a": "NaN", "_step": 1}, {"_step": 2}]
    assert files.read(project, ["a"]).live == [{"a": 1}, {"a": "NaN"}, {}]
    assert files.read(project, []).live == [{}, {}, {}]


def test_the_files_of_a_page_of_runs_come_in_one_answer(files: Exporting) -> None:
    project = f"exports {new_id()}"
    for number in range(3):
        log_run(files.server, "me", project, f"r{number}", history=LOSSES[: 4 * number])
    fields = "runs { edges { node { name parquetHistory(liveKeys: []) { parquetUrls } } } }"
    answer: Any = files.ask(f"{{ {of_project('me', project, fields)} }}")
    found = {
        edge["node"]["name"]: joined(files.files(edge["node"]["parquetHistory"]["parquetUrls"]))
        for edge in answer["project"]["runs"]["edges"]
    }
    assert {name: [row["_step"] for row in rows] for name, rows in found.items()} == {
        f"r{number}": [*range(4 * number)] for number in range(3)
    }


def test_addresses_come_in_no_order(files: Exporting) -> None:
    project = files.log_rows(LOSSES)
    fields = " ".join(f"a{n}: parquetHistory(liveKeys: []) {{ parquetUrls }}" for n in range(99))
    answer: Any = files.ask(f"{{ {of_run('me', project, 'r', fields)} }}")
    found: list[dict[str, list[str]]] = [*answer["project"]["run"].values()]
    assert len({tuple(places(each["parquetUrls"])) for each in found}) == 6


def test_each_group_of_rows_has_statistics_of_its_steps(files: Exporting) -> None:
    (file,) = files.files(files.read(files.log_rows(LOSSES[:ROWS])).urls)
    assert file.groups == [(0, 1), (2, 3), (4, 5)]


def test_a_kind_that_changes_begins_a_file_and_numbers_are_one_kind(files: Exporting) -> None:
    values: list[JSONValue] = [1, 0.5, "NaN", "text", "NaN", {"b": 1}, {"c": []}, {}, True, {}]
    found = files.read(files.log_rows([{"a": value} for value in values]))
    read = files.files(found.urls)
    assert [len(file.rows) for file in read] == [3, 2, 3, 1, 1]
    kinds = [file.types["a"].partition("<")[0] for file in read]
    assert kinds == ["double", "string", "struct", "bool", "map"]
    assert joined(read) == [settled(row) for row in found.rows]


def test_integers_are_rounded_in_no_column(files: Exporting) -> None:
    values: list[JSONValue] = [2**53 + 1, 1, 0.5, 2**53, 2**53 + 1, 2**70]
    found = files.read(files.log_rows([{"a": value} for value in values]))
    read = files.files(found.urls)
    assert [row["a"] for row in joined(read)] == values
    assert [file.types["a"] for file in read] == ["int64", "double", "int64", "double"]


@pytest.mark.parametrize("value", [[1, "a"], 2**70 + 1, "\ud800", {"\0": 1}])
def test_a_row_that_no_column_holds_stays_live_with_all_behind_it(
    files: Exporting, value: JSONValue
) -> None:
    rows: list[JSONObject] = [{"a": 1}, {"a": 2}, {"new": 1, "a": value}, {"a": 3}]
    found = files.read(files.log_rows(rows))
    (file,) = files.files(found.urls)
    assert file.steps == [0, 1]
    assert file.types == {"_step": "int64", "a": "int64"}
    assert found.live == [{"_step": 2}, {"_step": 3}]


def test_deleted_runs_have_no_files_and_come_back_with_them(files: Exporting) -> None:
    project = files.log_rows(LOSSES)
    before = files.read(project).urls
    files.select("deleteRuns", "errors", project, {})
    assert {files.get(url).status_code for url in before} == {404}
    files.select("undeleteRuns", "clientMutationId", project, {})
    assert joined(files.files(before)) == joined(files.files(files.read(project).urls))
    files.select("deleteRuns", "errors", project, {})
    files.log_rows([], project)
    assert {files.get(url).status_code for url in before} == {404}
    assert files.read(project).urls == []


def test_rows_that_come_in_between_are_in_no_file_twice(files: Exporting) -> None:
    project = files.log_rows(LOSSES)
    files.log_rows([{"_step": 7, "late": 1}], project, exit_code=None)
    found = files.read(project)
    exported = joined(files.files(found.urls))
    assert exported == [settled(row) for row in found.rows[: len(exported)]]
    assert [row["_step"] for row in found.rows[len(exported) :]] == [
        row["_step"] for row in found.live
    ]


def test_readers_find_each_row_once_while_another_server_logs(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    with (
        LocalServer(store=path, export_rows=ROWS) as server,
        LocalServer(store=path, exports=False) as other,
        exporting(server) as files,
        exporting(other) as logging,
        ThreadPoolExecutor(4) as pool,
    ):
        logging.log_rows([], "p", exit_code=None)

        def read(_: int) -> int:
            found = files.read("p")
            steps = [row["_step"] for row in [*joined(files.files(found.urls)), *found.live]]
            assert steps == [*range(len(steps))]
            return len(steps)

        reading = pool.map(read, range(40))
        for number in range(20):
            logging.log_rows(LOSSES[:4], "p", exit_code=None if number < 19 else 0)
        assert max(reading) > 0
        assert read(0) == 80
        assert files.read("p").live == []


def test_a_store_of_an_older_version_gets_files(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    with LocalServer(store=path, exports=False) as server, exporting(server) as files:
        files.log_rows(LOSSES, "p")
    with closing(sqlite3.connect(path)) as connection:
        made = "SELECT type, name FROM sqlite_master WHERE name LIKE 'exports%'"
        for kind, name in connection.execute(f"{made} ORDER BY type DESC").fetchall():
            connection.execute(f"DROP {kind} IF EXISTS {name}")
        connection.commit()
        assert connection.execute(made).fetchall() == []
    with LocalServer(store=path, export_rows=ROWS) as server, exporting(server) as files:
        assert len(files.read("p").urls) == 3
        assert_agreement(files, "p")


@pytest.mark.parametrize(
    ("change", "left"),
    [
        ("DELETE FROM lines WHERE step = 8", 1),
        ("UPDATE lines SET text = '{\"_step\": 12}' WHERE step = 12", 2),
        ("UPDATE lines SET step = 50 WHERE step = 0", 0),
        ("INSERT INTO lines SELECT run_id, stream, 99, 7, keyset_id, text FROM lines LIMIT 1", 1),
        ("DELETE FROM lines", 0),
    ],
)
def test_no_program_that_changes_rows_leaves_their_files(
    tmp_path: Path, change: str, left: int
) -> None:
    path = tmp_path / "store.db"
    with LocalServer(store=path, export_rows=ROWS) as server, exporting(server) as files:
        files.log_rows(LOSSES, "p")
        before = files.read("p").urls
        with closing(sqlite3.connect(path)) as connection:
            connection.execute(change)
            connection.commit()
        assert sum(files.get(url).status_code == 200 for url in before) == left


def test_a_server_without_pyarrow_has_no_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with LocalServer() as server, exporting(server) as files:
        found = files.read(files.log_rows(LOSSES))
        assert (found.urls, found.live) == ([], [])


def test_exports_can_be_switched_off() -> None:
    with LocalServer(exports=False) as server, exporting(server) as files:
        found = files.read(files.log_rows(LOSSES))
        assert (found.urls, found.live) == ([], [])
    with pytest.raises(InvalidArgumentError, match="export_rows"):
        LocalServer(export_rows=0)


# Over HTTP.


def test_any_part_of_a_file_is_answered(files: Exporting) -> None:
    (url,) = files.read(files.log_rows(LOSSES[:ROWS])).urls
    whole = files.get(url)
    content, size = whole.content, len(whole.content)
    assert whole.headers["accept-ranges"] == "bytes"
    assert files.client.head(url).headers["content-length"] == str(size)
    parts = {
        "0-0": (0, 1),
        "-8": (size - 8, size),
        "4-": (4, size),
        f"5-{2 * size}": (5, size),
        f"-{2 * size}": (0, size),
    }
    for asked, (start, end) in parts.items():
        headers = {"range": f"bytes={asked}", "if-range": whole.headers["etag"]}
        part = files.get(url, **headers)
        assert part.status_code == 206
        assert part.content == content[start:end]
        assert part.headers["content-range"] == f"bytes {start}-{end - 1}/{size}"
    beyond = files.get(url, range=f"bytes={size}-")
    assert (beyond.status_code, beyond.headers["content-range"]) == (416, f"bytes */{size}")
    other = files.get(url, **{"range": "bytes=0-0", "if-range": '"another"'})
    assert (other.status_code, other.content) == (200, content)


def test_an_address_needs_no_key_and_takes_no_change() -> None:
    key = "k" * 40
    with LocalServer(api_key=key) as server, exporting(server) as files:
        log_run(server, "me", "p", "r", history=LOSSES[:2], api_key=key)
        (url,) = files.read("p").urls
        for auth in (None, ("api", "wrong")):
            assert files.client.get(url, auth=auth).status_code == 200
        where, _, query = url.partition("?")
        given = dict(each.split("=") for each in query.split("&"))
        for changed in (
            {**given, "expires": "9" * 12},
            {**given, "expires": "x"},
            {**given, "signature": "x"},
            {"expires": given["expires"]},
            {"signature": given["signature"]},
        ):
            assert files.client.get(where, params=changed).status_code == 403
        other = where.replace("/exports/me/p/", "/exports/me/q/")
        assert files.client.get(other, params=given).status_code == 403


def test_an_address_expires() -> None:
    later = 0.0
    with LocalServer(clock=lambda: 1e9 + later) as server, exporting(server) as files:
        project = files.log_rows(LOSSES[:2])
        (url,) = files.read(project).urls
        later = 3500.0
        assert files.get(url).status_code == 200
        later = 3600.0
        assert files.get(url).status_code == 403
        (new,) = files.read(project).urls
        assert places([new]) == places([url])
        assert files.get(new).status_code == 200


# Faults.


def test_faults_of_files_leave_graphql_alone_and_others_files(files: Exporting) -> None:
    project = files.log_rows(LOSSES[:ROWS])
    (url,) = files.read(project).urls
    whole = files.get(url).content
    with files.server.fail(Status(403), operation="a file"):
        assert files.read(project).urls
        assert [files.get(url).status_code for _ in range(2)] == [403, 200]
    with files.server.fail(Status(503)):
        assert files.get(url).content == whole
        assert files.post("{ viewer { id } }").status_code == 503
    with files.server.fail_always(IgnoreRange(), operation="a file"):
        answer = files.get(url, range="bytes=-8")
        assert (answer.status_code, answer.content) == (200, whole)
    with files.server.fail_always(Truncate(5, whole_http=True), operation="a file"):
        assert files.get(url, range="bytes=8-20").content == whole[8:13]
    with (
        files.server.fail_always(Truncate(5), operation="a file"),
        pytest.raises(httpx.RemoteProtocolError),
    ):
        files.get(url)
    between = Churn(lambda _: files.log_rows([{"_step": 0}], project))
    with files.server.fail(between, operation="a file"):
        assert files.get(url).status_code == 404


def test_faults_of_files_apply_to_what_runs_saved(files: Exporting) -> None:
    project = files.log_rows([])
    files.upload(project, "r", "a.txt", b"content")
    url = f"{files.server.url}/storage/me/{quote(project)}/r/a.txt"
    with files.server.fail(IgnoreRange(), Status(500), operation="a file"):
        assert files.get(url, range="bytes=0-0").content == b"content"
        assert files.get(url).status_code == 500
    assert files.get(url, range="bytes=0-0").content == b"c"
