"""What is uploaded is what is downloaded, by this package and by W&B's SDK, on the local server."""

from __future__ import annotations

import json
import logging
import os
import pickle
import random
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.file_server import digest_of
from support.file_ways import KEY, Files
from support.sdk_programs import run_sdk
from support.ways import Awaiting, each_way

from wandb_runs import (
    Api,
    AsyncApi,
    FileProgress,
    HttpTransport,
    InvalidArgumentError,
    NotFoundError,
    Request,
    Response,
    RetryingClient,
)
from wandb_runs.files.names import problem_of_name
from wandb_runs.files.tree import Tree
from wandb_runs.runs.files.fetching import Fetching
from wandb_runs.runs.files.listing import RunPath, fetch_file
from wandb_runs.testing import LocalServer, log_run

if TYPE_CHECKING:
    from collections.abc import Iterator

PROJECT = "me/file-round-trips"
RUN = RunPath("me", "file-round-trips", "r1")

names = (
    st.lists(st.text(min_size=1, max_size=6), min_size=1, max_size=3)
    .map("/".join)
    .filter(lambda name: problem_of_name(name) is None)
)


class Failing:
    """A transport in which some requests for files fail, as a seed has it."""

    def __init__(self, inner: HttpTransport, seed: int) -> None:
        self._inner = inner
        self._random = random.Random(seed)  # noqa: S311 - no secret

    def send(self, request: Request, /) -> Response:
        if request.method != "POST" and self._random.random() < 0.3:
            return Response(503, {"retry-after": "0"}, b"")
        answer = self._inner.send(request)
        if request.method == "GET" and self._random.random() < 0.2 and answer.status == 206:
            end = int(answer.headers["content-range"].partition("-")[2].partition("/")[0])
            start = int(answer.headers["content-range"].partition(" ")[2].partition("-")[0])
            kept = (end + 1 - start + 1) // 2  # a server may send less than it is asked for
            told = answer.headers["content-range"].replace(f"-{end}/", f"-{start + kept - 1}/")
            headers = {**answer.headers, "content-range": told}
            return Response(206, headers, answer.content[:kept])
        return answer


@pytest.fixture(scope="module")
def server() -> Iterator[LocalServer]:
    with LocalServer() as server:
        log_run(server, "me", "file-round-trips", "r1")
        log_run(server, "me", "file-round-trips", "r2")
        yield server


def fetch(client: RetryingClient, name: str, to: Path, part_size: int) -> bytes:
    """Download a file in parts of a size."""
    tree = Tree(to)
    partial = tree.begin("file", replace=False)
    file = client.run(fetch_file(RUN, name))
    fetched = client.run(Fetching(RUN, client.settings, part_size=part_size).fetch(file, partial))
    partial.commit()
    tree.close()
    content = (to / "file").read_bytes()
    assert (fetched.size, fetched.is_verified) == (len(content), True)
    return content


@settings(max_examples=15)
@given(names, st.binary(max_size=300), st.integers(1, 64), st.integers(0, 1 << 16))
def test_any_bytes_under_any_name_come_back_whatever_fails(
    server: LocalServer, name: str, content: bytes, part_size: int, seed: int
) -> None:
    inner = HttpTransport(server.url)
    transport = Failing(inner, seed)
    with (
        tempfile.TemporaryDirectory() as folder,
        Api(base_url=server.url, api_key=KEY, transport=transport, max_retries=50) as api,
    ):
        source = Path(folder) / "source"
        source.write_bytes(content)
        run = api.run("/".join(RUN))
        file = run.upload_file(source, name=name)
        assert (file.name, file.size, file.md5) == (name, len(content), digest_of(content))
        assert fetch(api.client, name, Path(folder) / "to", part_size) == content
        assert os.listdir(Path(folder) / "to") == ["file"]  # noqa: PTH208 - names alone
        file.delete()
        with pytest.raises(NotFoundError):
            run.file(name)
    inner.close()


@each_way
def test_what_is_uploaded_is_listed_downloaded_and_deleted(
    way: str, server: LocalServer, tmp_path: Path
) -> None:
    files = Files(way, server.url, "/".join(RUN))
    contents = {f"{way}/{number}.bin": os.urandom(number * 3000) for number in range(7)}
    for name, content in contents.items():
        source = tmp_path / name
        source.parent.mkdir(exist_ok=True)
        source.write_bytes(content)
        assert files.upload(source, name) == digest_of(content)
    assert files.names(f"{way}/%", per_page=2) == [*contents]
    downloads = files.download_all(f"{way}/%", tmp_path / "to")
    assert [each.name for each in downloads.done] == [*contents]
    assert downloads.skipped == downloads.failed == ()
    for each in downloads.files:
        assert each.path is not None
        assert each.path == tmp_path / "to" / "r1" / str(each.name)
        assert each.path.read_bytes() == contents[str(each.name)]
        assert each.is_verified
    (tmp_path / "to" / "r1" / way / "3.bin").write_bytes(b"mine")
    (tmp_path / "to" / "r1" / way / "4.bin").unlink()
    again = files.download_all(f"{way}/%", tmp_path / "to")
    assert [each.name for each in again.done] == [f"{way}/4.bin"]
    assert [each.name for each in again.failed] == [f"{way}/3.bin"]
    assert isinstance(again.failed[0].error, InvalidArgumentError)
    assert len(again.skipped) == 5
    last = files.download_all(f"{way}/%", tmp_path / "to", replace=True)
    assert [each.name for each in last.done] == [f"{way}/3.bin"]
    server.clear_operations()
    files.delete([*contents])
    assert server.operations.count("DeleteFiles") == 1
    assert files.names(f"{way}/%") == []
    with pytest.raises(NotFoundError, match=f"{way}/0.bin"):
        files.delete([*contents])


def test_a_failure_stops_no_other_file(server: LocalServer, tmp_path: Path) -> None:
    files = Files("sync", server.url, "/".join(RUN))
    source = tmp_path / "source"
    source.write_bytes(b"content")
    for name in ("fails/a", "fails/b", "fails/c"):
        files.upload(source, name)
    inner = HttpTransport(server.url)

    class OneFails:
        def send(self, request: Request, /) -> Response:
            return Response(500, {}, b"") if "fails/b" in request.url else inner.send(request)

    for way in ("sync", "asyncio"):
        few = Files(
            way,
            server.url,
            "/".join(RUN),
            transport=OneFails(),
            async_transport=Awaiting(OneFails()),
            max_retries=0,
        )
        downloads = few.download_all("fails/%", tmp_path / way)
        assert [each.name for each in downloads.done] == ["fails/a", "fails/c"]
        assert [each.name for each in downloads.failed] == ["fails/b"]
        assert sorted(path.name for path in (tmp_path / way / "r1" / "fails").iterdir()) == [
            "a",
            "c",
        ]
    inner.close()


def test_progress_grows_to_all_there_is(server: LocalServer, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(os.urandom(9 << 20))
    seen: list[FileProgress] = []
    with Api(base_url=server.url, api_key=KEY) as api:
        file = api.run("/".join(RUN)).upload_file(source, name="progress.bin")
        file.download(tmp_path / "to", progress=seen.append)
        assert seen == sorted(seen, key=lambda each: each.bytes)
        assert seen[-1] == FileProgress(1, 1, 9 << 20, 9 << 20)
        seen.clear()
        api.runs(PROJECT).download("progress%", tmp_path / "all", progress=seen.append)
        assert seen[-1] == FileProgress(1, 1, 9 << 20, 9 << 20)


def test_files_are_a_lazy_sequence(
    server: LocalServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_BASE_URL", server.url)  # where the pickle lands
    monkeypatch.setenv("WANDB_API_KEY", KEY)
    source = tmp_path / "source"
    source.write_bytes(b"content")
    with Api(base_url=server.url, api_key=KEY) as api:
        run = api.run(f"{PROJECT}/r2")
        for number in range(7):
            run.upload_file(source, name=f"seq/{number}")
        files = run.files(pattern="seq/%", per_page=2)
        server.clear_operations()
        assert files[0].name == "seq/0"
        assert len(server.operations) == 1
        assert [file.name for file in files[1:3]] == ["seq/1", "seq/2"]
        assert len(server.operations) == 2
        assert len(files) == 7
        assert files[-1].name == "seq/6"
        assert next(reversed(files)) == files[6]
        assert [*files] == files[:]
        assert len(server.operations) == 4
        assert files[3] in files
        assert files.index(files[3]) == 3
        assert hash(files[3]) == hash(run.file("seq/3"))
        with pytest.raises(IndexError):
            files[7]
        with pytest.raises(InvalidArgumentError, match=r"run\.file\('seq/1'\)"):
            assert "seq/1" in files
        with pytest.raises(AttributeError, match=r"RunFile\.name cannot be set.*upload_file"):
            files[0].name = "x"  # pyright: ignore[reportAttributeAccessIssue] - wrong on purpose
        with pytest.raises(NotFoundError, match=r"did you mean 'seq/1'\?"):
            run.file("seqq/1")
        with pytest.raises(NotFoundError, match="no file 'seq/9'"):
            len(run.files(["seq/1", "seq/9"]))

        twin = pickle.loads(pickle.dumps(files[1]))
        assert twin == files[1]
        assert twin.url is None
        assert twin.download(tmp_path / "twin").read_bytes() == b"content"
        assert "signature" not in str(pickle.dumps(files))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"names": "a"}, r"write names=\['a'\]"),
        ({"names": []}, "names is empty"),
        ({"names": [3]}, "non-empty str"),
        ({"names": ["a"], "pattern": "%"}, "not both"),
        ({"pattern": "*.pt"}, r"write '%\.pt'"),
        ({"pattern": ""}, "pattern is a text"),
        ({"per_page": 0}, "per_page must be at least 1"),
        ({"per_page": True}, "per_page must be an int"),
    ],
)
def test_arguments_are_refused_before_any_request(
    server: LocalServer, arguments: dict[str, object], message: str
) -> None:
    with Api(base_url=server.url, api_key=KEY) as api:
        run = api.run("/".join(RUN))
        server.clear_operations()
        with pytest.raises(InvalidArgumentError, match=message):
            run.files(**arguments)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType] - wrong on purpose
        for wrong in (
            lambda: api.runs(PROJECT).download("*.pt"),
            lambda: api.runs(PROJECT).download("%", ""),
            lambda: api.runs(PROJECT).download("%", replace=1),  # type: ignore[arg-type] # pyright: ignore[reportArgumentType] - wrong on purpose
            lambda: run.delete_files([]),
            lambda: run.delete_files("a"),  # type: ignore[call-overload] # pyright: ignore[reportCallIssue, reportArgumentType] - wrong on purpose
            lambda: run.file(""),
        ):
            with pytest.raises(InvalidArgumentError):
                wrong()
    assert server.operations == ()


def test_a_file_of_another_run_is_not_deleted(server: LocalServer, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(b"content")
    with Api(base_url=server.url, api_key=KEY) as api:
        one, other = api.run(f"{PROJECT}/r1"), api.run(f"{PROJECT}/r2")
        file = one.upload_file(source, name="mine")
        with pytest.raises(InvalidArgumentError, match="is a file of run"):
            other.delete_files([file])
        one.delete_files([file])


def test_changes_are_logged_without_values(
    server: LocalServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    source = tmp_path / "source"
    source.write_bytes(b"content")
    with (
        caplog.at_level(logging.INFO, "wandb_runs"),
        Api(base_url=server.url, api_key=KEY) as api,
    ):
        api.run("/".join(RUN)).upload_file(source, name="logged").delete()
    told = [record.getMessage() for record in caplog.records]
    assert f"changed run {RUN.shown}: file 'logged', 7 bytes" in told
    assert f"changed run {RUN.shown}: 1 file deleted ('logged')" in told


def test_a_pool_of_requests_is_bounded_in_memory_and_number(
    server: LocalServer, tmp_path: Path
) -> None:
    source = tmp_path / "source"
    source.write_bytes(bytes(30 << 20))
    largest: list[int] = []
    inner = HttpTransport(server.url)

    class Measuring:
        def send(self, request: Request, /) -> Response:
            answer = inner.send(request)
            if request.method == "GET":
                largest.append(len(answer.content))
            return answer

    with Api(base_url=server.url, api_key=KEY, transport=Measuring()) as api:
        file = api.run("/".join(RUN)).upload_file(source, name="large.bin")
        file.download(tmp_path / "to")
    inner.close()
    assert max(largest) == 4 << 20
    assert len(largest) == 8


def test_a_users_http_client_carries_files(server: LocalServer, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(os.urandom(5 << 20))
    with (
        httpx.Client() as client,
        Api(base_url=server.url, api_key=KEY, http_client=client) as api,
    ):
        file = api.run("/".join(RUN)).upload_file(source, name="by-client.bin")
        assert file.download(tmp_path / "sync").read_bytes() == source.read_bytes()

    async def awaited() -> bytes:
        async with (
            httpx.AsyncClient() as client,
            AsyncApi(base_url=server.url, api_key=KEY, http_client=client) as api,
        ):
            run = await api.run("/".join(RUN))
            file = await run.upload_file(source, name="by-async-client.bin")
            return (await file.download(tmp_path / "async")).read_bytes()

    assert anyio.run(awaited) == source.read_bytes()


def test_parts_of_the_local_server_are_those_that_were_asked_for(
    server: LocalServer, tmp_path: Path
) -> None:
    source = tmp_path / "source"
    source.write_bytes(b"0123456789")
    with Api(base_url=server.url, api_key=KEY) as api:
        url = api.run("/".join(RUN)).upload_file(source, name="ten").url
    assert url is not None
    whole = httpx.get(url)
    assert (whole.status_code, whole.content) == (200, b"0123456789")
    etag = whole.headers["etag"]

    def part(wanted: str, known: str | None = None) -> tuple[int, bytes, str | None]:
        headers = {"range": wanted} if known is None else {"range": wanted, "if-range": known}
        answer = httpx.get(url, headers=headers)
        assert answer.headers["etag"] == etag
        return answer.status_code, answer.content, answer.headers.get("content-range")

    assert part("bytes=2-4") == (206, b"234", "bytes 2-4/10")
    assert part("bytes=8-99", etag) == (206, b"89", "bytes 8-9/10")
    assert part("bytes=7-") == (206, b"789", "bytes 7-9/10")
    assert part("bytes=-3") == (206, b"789", "bytes 7-9/10")
    assert part("bytes=10-12") == (416, b"", "bytes */10")
    assert part("bytes=2-4", '"other"') == (200, b"0123456789", None)
    for odd in ("bytes=4-2", "bytes=-", "lines=1-2", "bytes=0-1,4-5", "bytes=x-y"):
        assert part(odd) == (200, b"0123456789", None)
    Files("sync", server.url, "/".join(RUN)).upload(source, "ten")
    assert httpx.get(url).headers["etag"] != etag


SDK = """
import json, os, pathlib, wandb

run = wandb.Api().run("me/file-round-trips/r1")
here = pathlib.Path("work")
here.mkdir()
(here / "by-sdk").mkdir()
(here / "by-sdk" / "weights.bin").write_bytes(bytes(range(256)) * 999)
run.upload_file(str(here / "by-sdk" / "weights.bin"), root=str(here))
listed = {file.name: [file.size, file.md5] for file in run.files()}
run.file("by-us/weights.bin").download(root=str(here), replace=True)
print(json.dumps([listed, (here / "by-us" / "weights.bin").read_bytes().hex()]))
"""


def test_the_sdk_and_this_package_read_each_others_files(
    server: LocalServer, tmp_path: Path
) -> None:
    content = os.urandom(70_000)
    source = tmp_path / "source"
    source.write_bytes(content)
    files = Files("sync", server.url, "/".join(RUN))
    files.upload(source, "by-us/weights.bin")
    listed, downloaded = json.loads(run_sdk(SDK, server, tmp_path))
    assert listed["by-us/weights.bin"] == [len(content), digest_of(content)]
    assert bytes.fromhex(downloaded) == content
    theirs = bytes(range(256)) * 999
    path = files.download("by-sdk/weights.bin", tmp_path / "to")
    assert path.read_bytes() == theirs
    assert {*listed} == {*files.names()}
