"""Names that servers choose: nothing is written outside of a folder, and nothing over another."""

from __future__ import annotations

import json
import os
import tempfile
import unicodedata
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from support.file_server import Answer, Exchange, Stored, serve_files, whole_or_part
from support.file_ways import KEY, Files
from support.ways import Awaiting, each_way

from wandb_runs import Api, HttpTransport, Request, Response, UnsafeNameError
from wandb_runs.files.names import clashes, folded, problem_of_name
from wandb_runs.testing import LocalServer, log_run

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

NASTY = [
    "..", ".", "../x", "a/../../x", "/etc/passwd", "//x", "a//b", "a/", "", "a\\b", "..\\x",
    "\\\\server\\share", "C:", "C:x", "c:/x", "CON", "con.txt", "a/NUL", "nul .txt", "AUX.tar.gz",
    "COM1", "lpt9.x", "COM\u00b9", "CONIN$", "a\x00b", "a\nb", "\x7f", "a\x1b[2J", "...", " ",
    "x" * 256, "\u00e9" * 128, "a/" + "b" * 300, "\ud800",
]  # fmt: skip

parts = st.one_of(
    st.sampled_from(["..", ".", "", "a", "A", "CON", "C:", "~", "x" * 255, "x" * 256]),
    st.text(max_size=8),
    st.text(alphabet="./\\:aA ", max_size=8),
)
names = st.lists(parts, min_size=1, max_size=5).map("/".join)


class Renaming:
    """A transport that has the server call the file `file` by other names."""

    def __init__(self, inner: HttpTransport, names: Sequence[str]) -> None:
        self._inner = inner
        self._names = names

    def send(self, request: Request, /) -> Response:
        answer = self._inner.send(request)
        if request.content and json.loads(request.content)["operationName"] == "ListFiles":
            body = json.loads(answer.content)
            files = body["data"]["project"]["run"]["files"]
            edge = files["edges"][0]
            files["edges"] = [{"node": {**edge["node"], "name": name}} for name in self._names]
            answer = replace(answer, content=json.dumps(body).encode())
        return answer


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalServer]:
    with LocalServer() as server:
        log_run(server, "me", "nasty-names", "r1")
        source = tmp_path_factory.mktemp("source") / "file"
        source.write_bytes(b"content")
        Files("sync", server.url, "me/nasty-names/r1").upload(source, "file")
        yield server


def held_by(folder: Path) -> set[str]:
    """All paths below a folder."""
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


def download(way: str, local: LocalServer, names: Sequence[str], to: Path) -> list[str | None]:
    """Download all files of the run, called so; return the names of those that were written."""
    inner = HttpTransport(local.url)
    renaming = Renaming(inner, names)
    files = Files(
        way,
        local.url,
        "me/nasty-names/r1",
        transport=renaming,
        async_transport=Awaiting(renaming),
    )
    downloads = files.download_all("%", to)
    inner.close()
    assert len(downloads.files) == len(dict.fromkeys(names))
    assert not downloads.skipped
    for failed in downloads.failed:
        assert isinstance(failed.error, UnsafeNameError | OSError)
        assert failed.name in names
    return [each.name for each in downloads.done]


@given(st.lists(names, min_size=1, max_size=4))
@example(NASTY)
@example(["a", "A"])
@example(["a/b", "a"])
@example(["caf\u00e9", "cafe\u0301"])
def test_no_name_leads_out_of_the_folder(local: LocalServer, names: list[str]) -> None:
    with tempfile.TemporaryDirectory() as name:
        outside = Path(name)
        done = download("sync", local, names, outside / "deep" / "to")
        found = {path for path in outside.rglob("*") if not path.is_dir()}
        root = outside / "deep" / "to" / "r1"
        assert found == {root.joinpath(*str(each).split("/")) for each in done}
        assert all(path.read_bytes() == b"content" for path in found)
        assert len({folded(str(path)) for path in found}) == len(found)
        assert all(problem_of_name(str(each)) is None for each in done)


@each_way
@pytest.mark.parametrize("name", NASTY)
def test_a_name_is_refused_before_anything_is_written(
    way: str, local: LocalServer, tmp_path: Path, name: str
) -> None:
    assert problem_of_name(name) is not None
    assert download(way, local, [name], tmp_path / "to") == []
    assert held_by(tmp_path) == set()


@each_way
def test_one_file_is_refused_by_its_name_as_well(way: str, tmp_path: Path) -> None:
    with serve_files() as server:
        server.files["../x"] = Stored(b"content", f"{server.url}/f")
        with pytest.raises(UnsafeNameError, match=r"'\.\./x' of run 'r1' .* part '\.\.'") as caught:
            Files(way, server.url).download("../x", tmp_path / "to")
        assert caught.value.name == "../x"
        assert server.seen == []
    assert held_by(tmp_path) == set()


@each_way
@pytest.mark.parametrize("link", ["to/r1", "to/r1/a", "to/r1/a/b"])
def test_no_link_inside_of_the_folder_is_followed(
    way: str, local: LocalServer, tmp_path: Path, link: str
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "b").write_bytes(b"mine")
    (tmp_path / link).parent.mkdir(parents=True)
    (tmp_path / link).symlink_to(outside / "b" if link.endswith("b") else outside)
    before = held_by(tmp_path)
    assert download(way, local, ["a/b"], tmp_path / "to") == []
    assert held_by(tmp_path) == before
    assert (outside / "b").read_bytes() == b"mine"


def test_a_link_that_appears_meanwhile_is_not_followed(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    with serve_files() as server:
        server.files["a/b"] = stored = Stored(b"content", f"{server.url}/f")

        def answer(exchange: Exchange) -> Answer:
            (tmp_path / "to" / "a").rename(tmp_path / "moved")
            (tmp_path / "to" / "a").symlink_to(outside)
            return whole_or_part(exchange, stored.content, stored.etag)

        server.answer = answer
        Files("sync", server.url).download("a/b", tmp_path / "to")
    assert held_by(outside) == set()
    assert (tmp_path / "moved" / "b").read_bytes() == b"content"


def test_the_folder_itself_may_be_a_link(local: LocalServer, tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "to").symlink_to(tmp_path / "real")
    assert download("sync", local, ["a/b"], tmp_path / "to") == ["a/b"]
    assert (tmp_path / "real" / "r1" / "a" / "b").read_bytes() == b"content"


def test_a_name_of_which_a_folder_has_the_place_is_refused(
    local: LocalServer, tmp_path: Path
) -> None:
    (tmp_path / "r1" / "a").mkdir(parents=True)
    assert download("sync", local, ["a"], tmp_path) == []
    os.mkfifo(tmp_path / "r1" / "pipe")
    assert download("sync", local, ["pipe", "pipe/x"], tmp_path) == []


@each_way
def test_what_is_in_the_way_is_told_in_a_sentence(way: str, tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    with serve_files() as server:
        server.files["a"] = Stored(b"content", f"{server.url}/f")
        with pytest.raises(
            UnsafeNameError, match=r"its name meets '.*a', which is a symbolic link"
        ):
            Files(way, server.url).download("a", tmp_path)


@given(st.lists(st.text(alphabet="aA\u00e9\u00c9/.", min_size=1, max_size=5)))
def test_names_that_meet_are_told_both(names: list[str]) -> None:
    found = clashes(names)
    for name, other in found.items():
        assert name != other
        assert {name, other} <= set(names)
        assert other in found
    apart = [folded(each) for each in dict.fromkeys(names) if each not in found]
    assert len(apart) == len(set(apart))
    for one in apart:
        assert not any(other.startswith(f"{one}/") for other in apart)


@given(st.text(max_size=6))
def test_forms_of_unicode_meet(text: str) -> None:
    forms: tuple[Literal["NFC", "NFD"], ...] = ("NFC", "NFD")
    for form in forms:
        assert folded(unicodedata.normalize(form, text)) == folded(text)


def test_runs_whose_folders_meet_are_refused(tmp_path: Path) -> None:
    with LocalServer() as server:
        for run_id in ("run", "RUN"):
            log_run(server, "me", "p", run_id)
            source = tmp_path / "file"
            source.write_bytes(run_id.encode())
            Files("sync", server.url, f"me/p/{run_id}").upload(source, "file")
        with Api(base_url=server.url, api_key=KEY) as api:
            downloads = api.runs("me/p").download("%", tmp_path / "to")
    assert [type(each.error) for each in downloads.files] == [UnsafeNameError] * 2
    assert not (tmp_path / "to").exists()
