"""Runs are deleted, brought back, moved and labelled many at once, and nothing else changes."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.graphql_query import of_project, of_run
from support.managed import KEY, Managed

from wandb_runs import Api
from wandb_runs.local.ids import new_id, storage_id
from wandb_runs.testing import LocalServer, delete_run, log_run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from wandb_runs.graphql.scalars import JSONObject, JSONValue

FEW = max(3, settings().max_examples // 10)
"""Each example logs several runs over HTTP."""

NOW = 1_700_000_000.0
"""The server's time, which stands still: what is logged twice is equal then."""

LOGGED: JSONObject = {"name": {"$ne": "to be deleted"}}
"""Selects all runs but the one that made the project."""

subsets = st.integers(1, 4).flatmap(
    lambda size: st.tuples(st.just(size), st.sets(st.integers(0, size - 1)))
)
"""How many runs there are, and which of them are chosen."""


@pytest.fixture(scope="module")
def managed() -> Iterator[Managed]:
    with LocalServer(clock=lambda: NOW) as server:
        yield Managed(server)


def name(number: int) -> str:
    return f"run:{number} ü"


def filled(managed: Managed, *numbers: int) -> str:
    """A new project, with runs of these numbers."""
    project = f"p {new_id()}"
    log_run(managed.server, "me", project, "to be deleted")
    delete_run(managed.server, "me", project, "to be deleted")
    for number in numbers:
        managed.log(project, name(number), number)
    return project


def named(numbers: set[int]) -> JSONObject:
    return {"name": {"$in": [name(number) for number in sorted(numbers)]}}


@settings(max_examples=FEW)
@given(subsets)
def test_deleted_runs_are_nowhere_and_come_back_whole(
    managed: Managed, drawn: tuple[int, set[int]]
) -> None:
    size, chosen = drawn
    project = filled(managed, *range(size))
    before = managed.held(project)
    assert managed.select("deleteRuns", "errors", project, named(chosen)) == {"errors": None}
    without = managed.held(filled(managed, *(n for n in range(size) if n not in chosen)))
    assert managed.held(project) == without
    managed.select("undeleteRuns", "clientMutationId", project, named(chosen))
    assert managed.held(project) == before


@settings(max_examples=FEW)
@given(subsets, st.sets(st.integers(10, 12)))
def test_moved_runs_keep_all_but_their_project(
    managed: Managed, drawn: tuple[int, set[int]], others: set[int]
) -> None:
    size, chosen = drawn
    project = filled(managed, *range(size))
    target = filled(managed, *sorted(others))
    ids = managed.storage_ids(project)
    assert managed.move(project, target, named(chosen)) == ["PENDING", "RUNNING", "FINISHED"]
    left = filled(managed, *(n for n in range(size) if n not in chosen))
    assert managed.held(project) == managed.held(left)
    # Runs come in the order in which they were logged, wherever they are.
    both = filled(managed)
    for number in [*sorted(chosen), *sorted(others)]:
        managed.log(both, name(number), number)
    assert managed.held(target) == managed.held(both)
    moved = {each: managed.storage_ids(target)[each] for each in map(name, chosen)}
    assert moved == {each: storage_id("Run", each, target, "me") for each in moved}
    assert not {*moved.values()} & {*ids.values()}


TAGS = st.lists(st.sampled_from("abcde"), max_size=3, unique=True)


@settings(max_examples=FEW)
@given(TAGS, TAGS, TAGS, st.booleans())
def test_labels_are_added_and_removed_exactly(
    managed: Managed, held: list[str], added: list[str], removed: list[str], by_storage: bool
) -> None:
    project = filled(managed)
    for number in range(3):
        managed.log(project, name(number), number, tags=held)
    before = managed.held(project)
    ids = managed.storage_ids(project)
    chosen = [name(0), name(2)]
    modified = managed.change(
        "modifyRuns",
        "runs { name tags }",
        entityName="me",
        projectName=project,
        ids=[ids[each] if by_storage else each for each in chosen],
        addTags=cast("list[JSONValue]", added),
        removeTags=cast("list[JSONValue]", removed),
    )
    expected = [tag for tag in held if tag not in removed]
    expected += [tag for tag in added if tag not in expected]
    assert modified == {"runs": [{"name": each, "tags": expected} for each in chosen]}
    after = managed.held(project)
    assert [run["tags"] for run in runs_of(after)] == [expected, held, expected]
    for tag in "abcde":
        filters = f'{{\\"tags\\": \\"{tag}\\"}}'
        count_of = f'runCount(filters: "{filters}")'
        counted = managed.ask(f"{{ {of_project('me', project, count_of)} }}")
        count = (tag in held) + 2 * (tag in expected)
        assert counted["project"] == {"runCount": count}
    assert [other(run) for run in runs_of(after)] == [other(run) for run in runs_of(before)]


def runs_of(held: JSONObject) -> list[dict[str, JSONValue]]:
    return cast("list[dict[str, JSONValue]]", held["runs"])


def other(run: dict[str, JSONValue]) -> dict[str, JSONValue]:
    return {key: value for key, value in run.items() if key != "tags"}


def test_an_empty_filter_selects_every_run(managed: Managed) -> None:
    project, target = filled(managed, 0, 1, 2), filled(managed)
    managed.select("deleteRuns", "errors", project, {})
    assert managed.names(project) == []
    managed.select("undeleteRuns", "clientMutationId", project, LOGGED)
    assert len(managed.names(project)) == 3
    managed.move(project, target, {})
    assert (managed.names(project), len(managed.names(target))) == ([], 3)


def test_a_filter_selects_as_it_does_in_a_listing(managed: Managed) -> None:
    project = filled(managed, 0, 1, 2, 3)
    managed.select("deleteRuns", "errors", project, {"config.lr": {"$gte": 1}})
    assert managed.names(project) == [name(0), name(1)]
    # Of deleted runs, as well.
    managed.select("undeleteRuns", "clientMutationId", project, {"config.lr": 2})
    assert managed.names(project) == [name(0), name(1), name(3)]


@pytest.mark.parametrize("mutation", ["deleteRuns", "undeleteRuns", "modifyRuns"])
@pytest.mark.parametrize("filters", ["{", '{"$where": 1}', '{"name": {"$regex": 1}}', "[]"])
def test_a_filter_that_is_none_changes_nothing(
    managed: Managed, mutation: str, filters: str
) -> None:
    project = filled(managed, 0)
    managed.select("deleteRuns", "errors", project, named({0}))
    managed.log(project, name(1))
    kind = f"{mutation[0].upper()}{mutation[1:]}Input"
    query = f"mutation M($i: {kind}!) {{ {mutation}(input: $i) {{ __typename }} }}"
    refused = managed.post(
        query, i={"entityName": "me", "projectName": project, "filters": filters}
    )
    assert refused.status_code == 400
    assert refused.json()["errors"]
    assert managed.names(project) == [name(1)]


@pytest.mark.parametrize("mutation", ["deleteRuns", "undeleteRuns", "modifyRuns"])
def test_a_project_that_is_missing_is_not_found(managed: Managed, mutation: str) -> None:
    kind = f"{mutation[0].upper()}{mutation[1:]}Input"
    query = f"mutation M($i: {kind}!) {{ {mutation}(input: $i) {{ __typename }} }}"
    for entity in ("me", ""):
        refused = managed.post(
            query, i={"entityName": entity, "projectName": "none", "filters": "{}"}
        )
        assert refused.status_code == 404, refused.text


def test_changing_many_runs_needs_a_key(managed: Managed) -> None:
    project = filled(managed, 0)
    query = """mutation M($i: DeleteRunsInput!) { deleteRuns(input: $i) { errors } }"""
    given = {"entityName": "me", "projectName": project, "filters": "{}"}
    body = {"query": query, "variables": {"i": given}}
    assert httpx.post(f"{managed.server.url}/graphql", json=body).status_code == 401
    assert managed.names(project) == [name(0)]


# Deleted runs


def test_a_deleted_run_takes_no_rows_and_files_and_shows_none(managed: Managed) -> None:
    project = filled(managed, 0)
    edges = managed.ask(
        f"{{ {of_run('me', project, name(0), 'id files { edges { node { directUrl } } }')} }}"
    )
    run = cast("dict[str, dict[str, dict[str, JSONValue]]]", edges)["project"]["run"]
    files = cast("dict[str, list[dict[str, dict[str, str]]]]", run["files"])["edges"]
    url = files[0]["node"]["directUrl"]
    assert httpx.get(url).status_code == 200
    managed.change("deleteRun", "clientMutationId", id=run["id"])
    assert httpx.get(url).status_code == 404
    stream = url.replace("/storage/", "/files/").replace("/out/model.bin", "/file_stream")
    rows = {"files": {"wandb-history.jsonl": {"offset": 0, "content": ["{}"]}}}
    assert httpx.post(stream, json=rows, auth=KEY).status_code == 404
    found = managed.ask(f"{{ {of_run('me', project, name(0), 'name')} }}")
    assert found == {"project": {"run": None}}
    made = managed.post(
        "mutation M($i: CreateRunFilesInput!) { createRunFiles(input: $i) { runID } }",
        i={"entityName": "me", "projectName": project, "runName": name(0), "files": ["a"]},
    )
    assert made.status_code == 404


def test_a_run_logged_under_the_id_of_a_deleted_one_takes_its_place(managed: Managed) -> None:
    project = filled(managed, 0, 1)
    managed.select("deleteRuns", "errors", project, {})
    log_run(managed.server, "me", project, name(0), notes="anew")
    managed.select("undeleteRuns", "clientMutationId", project, LOGGED)
    runs = {str(run["name"]): run for run in runs_of(managed.held(project))}
    assert [*runs] == [name(1), name(0)]
    anew = runs[name(0)]
    assert (anew["notes"], anew["historyLineCount"], anew["files"]) == ("anew", 0, [])
    assert anew["logLines"] == {"edges": []}


def test_a_run_is_deleted_again_and_again(managed: Managed) -> None:
    project = filled(managed)
    for number in range(3):
        managed.log(project, "r", number)
        managed.select("deleteRuns", "errors", project, {"name": "r"})
    managed.select("undeleteRuns", "clientMutationId", project, {"name": "r"})
    (run,) = runs_of(managed.held(project))
    assert run["notes"] == "note 2"


def test_no_request_names_the_place_of_deleted_runs(managed: Managed) -> None:
    project = filled(managed, 0)
    managed.select("deleteRuns", "errors", project, {})
    place = storage_id("Project", project, "me")
    hidden = storage_id("Run", name(0), place, "")
    assert managed.ask(f"{{ {of_project('', place, 'runCount')} }}") == {"project": None}
    upserted = managed.post(
        'mutation M($id: String) { upsertBucket(input: {id: $id, notes: "x"}) { inserted } }',
        id=hidden,
    )
    assert upserted.json()["data"]["upsertBucket"] == {"inserted": True}  # another run
    managed.select("undeleteRuns", "clientMutationId", project, LOGGED)
    (run,) = runs_of(managed.held(project))
    assert run["notes"] == "note 0"


def test_deleted_runs_outlive_the_server(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    with LocalServer(store=path, clock=lambda: NOW) as server:
        managed = Managed(server)
        project = filled(managed, 0, 1)
        before = managed.held(project)
        managed.select("deleteRuns", "errors", project, named({1}))
    with LocalServer(store=path, clock=lambda: NOW) as server:
        managed = Managed(server)
        assert managed.names(project) == [name(0)]
        managed.select("undeleteRuns", "clientMutationId", project, named({1}))
        assert managed.held(project) == before


# Moves


def test_runs_moved_to_a_project_that_is_missing_are_in_neither(managed: Managed) -> None:
    project = filled(managed, 0, 1)
    before = managed.held(project)
    states = managed.move(project, "missing", named({1}))
    assert states == ["PENDING", "RUNNING", "FINISHED"]
    assert managed.names(project) == [name(0)]
    assert managed.ask(f"{{ {of_project('me', 'missing', 'runCount')} }}") == {"project": None}
    managed.select("undeleteRuns", "clientMutationId", project, LOGGED)
    assert managed.held(project) == before


def test_a_run_whose_id_is_taken_stays_and_the_task_failed(managed: Managed) -> None:
    project, target = filled(managed, 0, 1), filled(managed)
    log_run(managed.server, "me", target, name(0), notes="was here")
    assert managed.move(project, target, {}) == ["PENDING", "RUNNING", "FAILED"]
    assert managed.names(project) == [name(0)]
    notes = {run["name"]: run["notes"] for run in runs_of(managed.held(target))}
    assert notes == {name(0): "was here", name(1): "note 1"}


def test_a_moved_run_takes_the_place_of_a_deleted_one(managed: Managed) -> None:
    project, target = filled(managed, 0), filled(managed)
    log_run(managed.server, "me", target, name(0), notes="was here")
    delete_run(managed.server, "me", target, name(0))
    assert managed.move(project, target, {})[-1] == "FINISHED"
    delete_run(managed.server, "me", target, name(0))
    managed.select("undeleteRuns", "clientMutationId", target, LOGGED)
    assert [run["notes"] for run in runs_of(managed.held(target))] == ["note 0"]


def test_runs_stay_until_the_task_is_finished(managed: Managed) -> None:
    project, target = filled(managed, 0, 1), filled(managed)
    assert managed.move(project, target, {}, polls=1) == ["PENDING", "RUNNING"]
    assert (len(managed.names(project)), managed.names(target)) == (2, [])


def test_a_move_within_a_project_changes_nothing(managed: Managed) -> None:
    project = filled(managed, 0, 1)
    before = managed.held(project)
    assert managed.move(project, project, {})[-1] == "FINISHED"
    assert managed.held(project) == before


def test_work_that_no_request_asks_about_is_done_after_some_seconds() -> None:
    late = 0.0
    with LocalServer(clock=lambda: NOW + late) as server:
        managed = Managed(server)
        project, target = filled(managed, 0), filled(managed)
        managed.move(project, target, {}, polls=0)
        late = 4.9
        assert managed.names(project) == [name(0)]
        late = 5.0
        assert managed.names(target) == [name(0)]


def test_a_task_is_told_whole_and_others_are_null(managed: Managed) -> None:
    project, target = filled(managed, 0), filled(managed)
    moved = managed.change(
        "moveRuns",
        "task { id name type state progress createdAt }",
        sourceEntityName="me",
        sourceProjectName=project,
        destinationEntityName="me",
        destinationProjectName=target,
        filters="{}",
    )
    task = cast("dict[str, JSONValue]", moved["task"])
    assert (task["type"], task["state"], task["progress"]) == ("MOVE_RUNS", "PENDING", 0)
    assert task["createdAt"] == "2023-11-14T22:13:20Z"
    assert managed.poll("none") is None
    assert managed.poll(str(task["id"])) == "RUNNING"
    body = {"query": f'{{ task(id: "{task["id"]}") {{ state }} }}'}
    answer = httpx.post(f"{managed.server.url}/graphql", json=body)
    assert answer.json() == {"data": {"task": None}}


def test_the_package_reads_moved_runs_to_the_last_value(managed: Managed) -> None:
    project, target = filled(managed, 0, 1, 2), filled(managed)
    with Api(base_url=managed.server.url, api_key="any") as api:
        before = {
            run.id: (run.config, run.summary, [*run.scan_history()])
            for run in api.runs(f"me/{project}")
        }
        managed.move(project, target, {})
        runs = api.runs(f"me/{target}", {"config.lr": {"$gte": -1}})
        after = {run.id: (run.config, run.summary, [*run.scan_history()]) for run in runs}
    assert after == before
    assert len(after) == 3
