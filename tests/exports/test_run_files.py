"""Files that runs uploaded come with an export; names that no file can have are told once."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import pytest
from support.managed import Managed

from wandb_runs import (
    Api,
    HttpTransport,
    IncompleteExportWarning,
    InvalidArgumentError,
    Request,
    Response,
)
from wandb_runs.exports import export, verify
from wandb_runs.local.ids import new_id
from wandb_runs.testing import LocalServer, log_run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

KEY: Final = "k" * 40


@pytest.fixture(scope="module")
def server() -> Iterator[LocalServer]:
    with LocalServer() as server:
        yield server


@pytest.fixture
def api(server: LocalServer) -> Iterator[Api]:
    with Api(base_url=server.url, api_key=KEY, max_retries=0) as api:
        yield api


@pytest.fixture
def project(server: LocalServer) -> str:
    """A project of two runs, of which one has a file."""
    name = new_id()
    for run_id in ("r0", "r1"):
        log_run(server, "me", name, run_id, history=[{"loss": 1.0}])
    Managed(server).upload(name, "r1", "good.txt", b"good")
    return name


def test_a_name_that_no_file_can_have_is_told_once(
    server: LocalServer, api: Api, project: str, tmp_path: Path
) -> None:
    runs = api.runs(f"me/{project}")
    Managed(server).upload(project, "r1", "aux.txt", b"content")
    with pytest.warns(IncompleteExportWarning) as caught:
        first = export(runs, tmp_path, files=True)
    why = "file 'aux.txt' of run 'r1' is not written: its name has the part 'aux.txt', a device on"
    (warning,) = caught
    assert f"1 file is left out for good, which is told this once: {why}" in str(warning.message)
    assert "export again" not in str(warning.message)
    assert [*first.files_failed] == [*first.files_refused] == ["r1/aux.txt"]
    assert not first.is_complete
    assert (tmp_path / "files" / "r1" / "good.txt").read_bytes() == b"good"
    for files, count in ((True, 1), (False, 1), (True, 1)):  # without a warning, which is an error
        again = export(runs, tmp_path, files=files)
        assert (dict(again.files_failed), len(again.files_refused)) == ({}, count)
        assert again.is_complete
        found = verify(tmp_path)
        assert (found.problems, len(found.notes)) == ([], 1)
        assert found.notes[0].startswith(why)
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    assert (manifest["is_complete"], manifest["errors"]) == (True, {})


def test_a_new_name_that_no_file_can_have_is_told_alone(
    server: LocalServer, api: Api, project: str, tmp_path: Path
) -> None:
    runs = api.runs(f"me/{project}")
    Managed(server).upload(project, "r1", "aux.txt", b"content")
    with pytest.warns(IncompleteExportWarning):
        export(runs, tmp_path, files=True)
    for name in ("A.txt", "a.txt"):  # which are one file on some systems
        Managed(server).upload(project, "r0", name, b"content")
    with pytest.warns(IncompleteExportWarning, match=r"^2 files are left out for good.*'A\.txt'"):
        result = export(runs, tmp_path, files=True)
    assert [*result.files_failed] == ["r0/A.txt", "r0/a.txt"]
    assert {*result.files_refused} == {"r0/A.txt", "r0/a.txt", "r1/aux.txt"}
    api.run(f"me/{project}/r0").file("A.txt").delete()
    result = export(runs, tmp_path, files=True)
    assert [*result.files_refused] == ["r1/aux.txt"]
    assert (tmp_path / "files" / "r0" / "a.txt").read_bytes() == b"content"


def test_what_failed_is_told_beside_what_is_refused(
    server: LocalServer, api: Api, project: str, tmp_path: Path
) -> None:
    runs = api.runs(f"me/{project}")
    export(runs, tmp_path)
    (tmp_path / "files" / "r1" / "good.txt").mkdir(parents=True)  # in the file's place
    Managed(server).upload(project, "r1", "aux.txt", b"content")
    with pytest.warns(
        IncompleteExportWarning, match=r"good\.txt first: .*; export again; 1 file is left out"
    ):
        result = export(runs, tmp_path, files=True)
    assert {*result.files_failed} == {"r1/good.txt", "r1/aux.txt"}
    with pytest.warns(IncompleteExportWarning, match=r"^1 file could not be had.*export again$"):
        again = export(runs, tmp_path, files=True)
    assert [*again.files_failed] == ["r1/good.txt"]


class Renaming:
    """A transport that has the server call what has one name by another, in GraphQL."""

    def __init__(self, inner: HttpTransport, name: bytes, other: bytes) -> None:
        self._inner = inner
        self._name = name
        self._other = other

    def send(self, request: Request, /) -> Response:
        if not request.content:
            return self._inner.send(request)
        asked = request.content.replace(self._other, self._name)
        answer = self._inner.send(replace(request, content=asked))
        return replace(answer, content=answer.content.replace(self._name, self._other))


def test_a_name_of_half_a_surrogate_pair_is_in_the_manifest(
    server: LocalServer, project: str, tmp_path: Path
) -> None:
    inner = HttpTransport(server.url)
    transport = Renaming(inner, b"good.txt", rb"\ud800")
    with Api(base_url=server.url, api_key=KEY, transport=transport) as api:
        with pytest.warns(IncompleteExportWarning, match="left out for good"):
            export(api.runs(f"me/{project}"), tmp_path, files=True)
        assert export(api.runs(f"me/{project}"), tmp_path, files=True).is_complete
    inner.close()
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    assert [*manifest["refused"]] == [r"r1/\ud800"]


@pytest.mark.parametrize("run_id", ["../../out", "aux"])
def test_no_id_of_a_run_becomes_a_path_unchecked(
    server: LocalServer, project: str, tmp_path: Path, run_id: str
) -> None:
    log_run(server, "me", project, "plain-id", history=[{"loss": 1.0}])
    Managed(server).upload(project, "plain-id", "other.txt", b"content")
    inner = HttpTransport(server.url)
    transport = Renaming(inner, b"plain-id", run_id.encode())
    with Api(base_url=server.url, api_key=KEY, transport=transport) as api:
        runs = api.runs(f"me/{project}")
        if "/" in run_id:  # it is none that a request can name
            with pytest.raises(InvalidArgumentError, match="is the id of a run"):
                export(runs, tmp_path / "to", files=True)
        else:
            with pytest.warns(IncompleteExportWarning, match="below a run whose id has the part"):
                result = export(runs, tmp_path / "to", files=True)
            assert [*result.files_refused] == [f"{run_id}/other.txt"]
    inner.close()
    assert not [*tmp_path.rglob("other.txt")]
    assert not (tmp_path / "out").exists()
