"""Files of runs are listed, sent, replaced and deleted."""

from __future__ import annotations

from base64 import b64encode
from hashlib import md5
from typing import TYPE_CHECKING, cast

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.graphql_query import of_run
from support.managed import KEY, Managed

from wandb_runs.errors import InvalidArgumentError
from wandb_runs.local.ids import new_id, storage_id
from wandb_runs.testing import LocalServer, log_run

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wandb_runs.graphql.scalars import JSONValue

FEW = max(3, settings().max_examples // 10)
"""Each example logs several runs over HTTP."""

FEATURE = "MARK_RUN_FILES_UPLOADED"


@pytest.fixture(scope="module")
def managed() -> Iterator[Managed]:
    with LocalServer(features=[FEATURE]) as server:
        yield Managed(server)


def listed(managed: Managed, project: str, fields: str = "id name") -> list[dict[str, str]]:
    asked = f"projectId fileCount files(first: 100) {{ edges {{ node {{ {fields} }} }} }}"
    run = cast(
        "dict[str, dict[str, dict[str, JSONValue]]]",
        managed.ask(f"{{ {of_run('me', project, 'r', asked)} }}"),
    )["project"]["run"]
    edges = cast("dict[str, list[dict[str, dict[str, str]]]]", run["files"])["edges"]
    assert run["fileCount"] == len(edges)
    return [edge["node"] for edge in edges]


def filled(managed: Managed, *names: str) -> str:
    project = f"p {new_id()}"
    log_run(managed.server, "me", project, "r")
    for name in names:
        managed.upload(project, "r", name, name.encode())
    return project


NAMES = st.sets(st.sampled_from(["a", "b/c", "b/d e", "ü:1", "100%", "%25", "x" * 300]))


@settings(max_examples=FEW)
@given(NAMES, NAMES)
def test_the_files_named_are_deleted_and_no_others(
    managed: Managed, names: set[str], gone: set[str]
) -> None:
    project = filled(managed, *sorted(names))
    ids: list[JSONValue] = [storage_id("File", name, "r", project, "me") for name in sorted(gone)]
    assert managed.change("deleteFiles", "success", files=ids) == {"success": True}
    left = listed(managed, project, "name directUrl")
    assert [file["name"] for file in left] == sorted(names - gone, key=str.encode)
    for file in left:
        assert httpx.get(file["directUrl"]).content == file["name"].encode()


def test_a_file_is_deleted_in_the_project_that_the_request_names(managed: Managed) -> None:
    project = filled(managed, "a")
    (file,) = listed(managed, project)
    found = managed.ask(f"{{ {of_run('me', project, 'r', 'projectId')} }}")
    number = int(cast("dict[str, dict[str, dict[str, str]]]", found)["project"]["run"]["projectId"])
    managed.change("deleteFiles", "success", files=[file["id"]], projectId=number + 1)
    assert listed(managed, project) == [file]
    managed.change("deleteFiles", "success", files=[file["id"]], projectId=number)
    assert listed(managed, project) == []


def test_an_id_that_is_no_file_deletes_nothing(managed: Managed) -> None:
    project = filled(managed, "a")
    (file,) = listed(managed, project)
    query = "mutation M($i: DeleteFilesInput!) { deleteFiles(input: $i) { success } }"
    for wrong in ("none", storage_id("Run", "r", project, "me")):
        assert managed.post(query, i={"files": [file["id"], wrong]}).status_code == 404
    assert listed(managed, project) == [file]


def test_deleting_files_needs_a_key(managed: Managed) -> None:
    project = filled(managed, "a")
    (file,) = listed(managed, project)
    query = "mutation M($i: DeleteFilesInput!) { deleteFiles(input: $i) { success } }"
    body = {"query": query, "variables": {"i": {"files": [file["id"]]}}}
    assert httpx.post(f"{managed.server.url}/graphql", json=body).status_code == 401
    assert listed(managed, project) == [file]


def test_a_file_is_sent_again_to_its_upload_address(managed: Managed) -> None:
    project = filled(managed, "a")
    (file,) = listed(managed, project, "url(upload: true) directUrl md5")
    assert httpx.put(file["url"], content=b"changed").status_code == 200
    assert httpx.get(file["directUrl"]).content == b"changed"
    (after,) = listed(managed, project, "md5 url")
    for read, content in ((file, b"a"), (after, b"changed")):
        digest = md5(content, usedforsecurity=False).digest()
        assert read["md5"] == b64encode(digest).decode()
    assert httpx.put(after["url"], content=b"x").status_code == 403
    asked = "files { edges { node { url(upload: true) } } }"
    body = {"query": f"{{ {of_run('me', project, 'r', asked)} }}"}
    assert httpx.post(f"{managed.server.url}/graphql", json=body).status_code == 401


def test_files_are_marked_as_sent_of_runs_that_exist(managed: Managed) -> None:
    project = filled(managed, "a")
    query = """
    mutation M($i: MarkRunFilesUploadedInput!) { markRunFilesUploaded(input: $i) { success } }
    """
    run: dict[str, JSONValue] = {"entityName": "me", "projectName": project, "files": ["a"]}
    marked = managed.post(query, i={**run, "runName": "r"})
    assert marked.json() == {"data": {"markRunFilesUploaded": {"success": True}}}
    assert managed.post(query, i={**run, "runName": "none"}).status_code == 404
    assert [file["name"] for file in listed(managed, project)] == ["a"]


def test_a_server_says_which_features_it_has(managed: Managed) -> None:
    asked = "{ serverInfo { features { name isEnabled } } }"
    assert managed.ask(asked) == {
        "serverInfo": {"features": [{"name": FEATURE, "isEnabled": True}]}
    }
    with LocalServer() as server:
        assert Managed(server).ask(asked) == {"serverInfo": {"features": []}}
        body = {"query": asked}
        assert httpx.post(f"{server.url}/graphql", json=body, auth=KEY).status_code == 200
    with pytest.raises(InvalidArgumentError, match=r'features=\["A"\]'):
        LocalServer(features="A")
