"""Downloads and uploads against servers that redirect, change, lie and break off."""

from __future__ import annotations

import os
import sys
import threading
from typing import TYPE_CHECKING

import pytest
from support.file_server import (
    Answer,
    Exchange,
    FileServer,
    Stored,
    digest_of,
    serve_files,
    whole_or_part,
)
from support.file_ways import KEY, Files
from support.secrets import assert_hidden_error
from support.ways import each_way

from wandb_runs import (
    Api,
    BadResponseError,
    HttpTransport,
    InvalidArgumentError,
    NotFoundError,
    ReadOnlyError,
    Request,
    Response,
    ResponseTooLargeError,
    ServerError,
    UnverifiedFileWarning,
    WandbRunsError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MIB = 1 << 20


@pytest.fixture
def own() -> Iterator[FileServer]:
    with serve_files() as server:
        yield server


@pytest.fixture
def other() -> Iterator[FileServer]:
    with serve_files() as server:
        yield server


def keep(server: FileServer, name: str, content: bytes, **facts: object) -> Stored:
    """Have a server keep a file, and answer for it."""
    stored = Stored(content, f"{server.url}/f/{name}?signature=s3cret")
    for fact, value in facts.items():
        setattr(stored, fact, value)
    server.files[name] = stored
    server.answer = lambda exchange: whole_or_part(exchange, stored.content, stored.etag)
    return stored


def names_in(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def parts_of(server: FileServer) -> list[str | None]:
    return [exchange.headers.get("range") for exchange in server.seen]


@each_way
def test_a_file_comes_in_parts_of_one_version(way: str, own: FileServer, tmp_path: Path) -> None:
    content = os.urandom(9 * MIB + 1)
    keep(own, "model.pt", content)
    path = Files(way, own.url).download("model.pt", tmp_path / "new" / "folder")
    assert path == tmp_path / "new" / "folder" / "model.pt"
    assert path.read_bytes() == content
    assert len(own.seen) == 3
    assert parts_of(own)[0] == f"bytes=0-{4 * MIB - 1}"
    assert {each.headers.get("if-range") for each in own.seen[1:]} == {'"1"'}
    assert {each.headers["accept-encoding"] for each in own.seen} == {"identity"}
    assert names_in(path.parent) == ["model.pt"]


@each_way
def test_a_file_that_changes_is_begun_anew(way: str, own: FileServer, tmp_path: Path) -> None:
    stored = keep(own, "model.pt", b"a" * (9 * MIB))
    lock = threading.Lock()

    def answer(exchange: Exchange) -> Answer:
        with lock:
            if len(own.seen) == 2:  # behind the first part
                stored.content, stored.etag = os.urandom(8 * MIB + 5), '"2"'
        return whole_or_part(exchange, stored.content, stored.etag)

    own.answer = answer
    path = Files(way, own.url).download("model.pt", tmp_path)
    assert path.read_bytes() == stored.content


@each_way
def test_no_version_mixes_with_another_where_it_has_the_same_size(
    way: str, own: FileServer, tmp_path: Path
) -> None:
    stored = keep(own, "model.pt", b"a" * (9 * MIB), digest=None)
    lock = threading.Lock()

    def answer(exchange: Exchange) -> Answer:
        with lock:
            if len(own.seen) == 2:
                stored.content, stored.etag = b"b" * (9 * MIB), '"2"'
        return whole_or_part(exchange, stored.content, stored.etag)

    own.answer = answer
    with pytest.warns(UnverifiedFileWarning, match=r"model\.pt"):
        path = Files(way, own.url).download("model.pt", tmp_path)
    assert path.read_bytes() == b"b" * (9 * MIB)


@each_way
def test_no_version_mixes_where_the_server_ignores_the_condition(
    way: str, own: FileServer, tmp_path: Path
) -> None:
    stored = keep(own, "model.pt", b"a" * (9 * MIB), digest=None)
    lock = threading.Lock()

    def answer(exchange: Exchange) -> Answer:
        with lock:
            if len(own.seen) == 2:
                stored.content, stored.etag = b"b" * (9 * MIB), '"2"'
        unconditional = exchange._replace(
            headers={
                name: exchange.headers[name] for name in exchange.headers if name != "if-range"
            }
        )
        return whole_or_part(unconditional, stored.content, stored.etag)

    own.answer = answer
    with pytest.warns(UnverifiedFileWarning):
        path = Files(way, own.url).download("model.pt", tmp_path)
    assert path.read_bytes() == b"b" * (9 * MIB)


@each_way
def test_parts_that_are_shorter_than_asked_for_are_completed(
    way: str, own: FileServer, tmp_path: Path
) -> None:
    content = os.urandom(9 * MIB + 1)
    keep(own, "model.pt", content)

    def answer(exchange: Exchange) -> Answer:
        first, last = map(int, exchange.headers["range"].removeprefix("bytes=").split("-"))
        half = {**exchange.headers, "range": f"bytes={first}-{(first + last) // 2}"}
        return whole_or_part(exchange._replace(headers=half), content, '"1"')

    own.answer = answer
    assert Files(way, own.url).download("model.pt", tmp_path).read_bytes() == content


@each_way
@pytest.mark.parametrize("etag", [None, 'W/"1"'])
def test_without_version_and_digest_a_file_is_one_answer(
    way: str, own: FileServer, tmp_path: Path, etag: str | None
) -> None:
    content = os.urandom(5 * MIB)
    keep(own, "model.pt", content, etag=etag, digest=None)
    with pytest.warns(UnverifiedFileWarning):
        path = Files(way, own.url).download("model.pt", tmp_path)
    assert path.read_bytes() == content
    assert parts_of(own)[-1] is None


@each_way
def test_a_server_without_ranges_sends_all(way: str, own: FileServer, tmp_path: Path) -> None:
    content = os.urandom(5 * MIB)
    keep(own, "model.pt", content)
    own.answer = lambda _: Answer(200, content)
    assert Files(way, own.url).download("model.pt", tmp_path).read_bytes() == content
    assert len(own.seen) == 1


def test_a_server_without_ranges_sends_no_more_than_the_bound(
    own: FileServer, tmp_path: Path
) -> None:
    keep(own, "model.pt", bytes(5 * MIB))
    own.answer = lambda _: Answer(200, bytes(5 * MIB))
    with (
        Api(base_url=own.url, api_key=KEY, max_response_bytes=MIB) as api,
        pytest.raises(ResponseTooLargeError, match=r"whole, not in parts.*max_response_bytes"),
    ):
        api.run("me/p/r1").file("model.pt").download(tmp_path)
    assert names_in(tmp_path) == []


@each_way
@pytest.mark.parametrize(
    "facts",
    [
        {"digest": digest_of(b"other")},
        {"digest": None, "size": 3},
        {"url": "", "direct_url": None},
        {"url": "ftp://files.example/model.pt"},
    ],
)
def test_what_is_not_what_the_server_says_is_no_file(
    way: str, own: FileServer, tmp_path: Path, facts: dict[str, object]
) -> None:
    keep(own, "model.pt", b"content", **facts)
    with pytest.raises(BadResponseError, match=r"model\.pt|address of a file"):
        Files(way, own.url).download("model.pt", tmp_path)
    assert names_in(tmp_path) == []


@each_way
@pytest.mark.parametrize("status", [400, 403, 404, 410, 304])
def test_an_address_that_has_expired_is_asked_for_again(
    way: str, own: FileServer, tmp_path: Path, status: int
) -> None:
    keep(own, "model.pt", b"content")
    right = own.answer
    own.answer = lambda exchange: Answer(status) if len(own.seen) < 3 else right(exchange)
    assert Files(way, own.url).download("model.pt", tmp_path).read_bytes() == b"content"


@each_way
def test_parts_that_fail_are_sent_again(way: str, own: FileServer, tmp_path: Path) -> None:
    content = os.urandom(9 * MIB)
    stored = keep(own, "model.pt", content)
    turn = iter(range(1000))

    def answer(exchange: Exchange) -> Answer:
        if next(turn) % 2 == 0:
            return Answer(503, b"", {"retry-after": "0"})
        return whole_or_part(exchange, stored.content, stored.etag)

    own.answer = answer
    assert Files(way, own.url).download("model.pt", tmp_path).read_bytes() == content


@each_way
def test_the_key_reaches_no_other_host(
    way: str, own: FileServer, other: FileServer, tmp_path: Path
) -> None:
    content = os.urandom(5 * MIB)
    keep(own, "model.pt", content)
    own.answer = lambda _: Answer(302, b"", {"location": f"{other.url}/signed?a=1"})
    back = f"{own.url}/back"

    def answer(exchange: Exchange) -> Answer:
        if exchange.path.startswith("/signed"):
            return Answer(307, b"", {"location": back})
        return Answer(500)

    other.answer = answer

    def own_answer(exchange: Exchange) -> Answer:
        if exchange.path == "/back":
            return whole_or_part(exchange, content, '"1"')
        return Answer(302, b"", {"location": f"{other.url}/signed?a=1"})

    own.answer = own_answer
    assert Files(way, own.url).download("model.pt", tmp_path).read_bytes() == content
    assert all("authorization" not in each.headers for each in other.seen)
    came_back = [each for each in own.seen if each.path == "/back"]
    assert came_back
    assert all("authorization" not in each.headers for each in came_back)
    assert all("authorization" in each.headers for each in own.seen if each not in came_back)
    assert KEY not in repr(other.seen)


def test_headers_of_the_caller_reach_no_other_host(
    own: FileServer, other: FileServer, tmp_path: Path
) -> None:
    keep(own, "model.pt", b"content", url=f"{other.url}/x", direct_url=f"{other.url}/y")
    other.answer = lambda exchange: whole_or_part(exchange, b"content", '"1"')
    with Api(base_url=own.url, api_key=KEY, headers={"x-gateway": "s3cret-value"}) as api:
        api.run("me/p/r1").file("model.pt").download(tmp_path)
    assert [each.path for each in other.seen] == ["/y"]
    assert "s3cret-value" not in repr(other.seen)
    assert KEY not in repr(other.seen)


@each_way
def test_redirects_end(way: str, own: FileServer, tmp_path: Path) -> None:
    keep(own, "model.pt", b"content")
    own.answer = lambda _: Answer(302, b"", {"location": "/again"})
    with pytest.raises(BadResponseError, match="redirected more than 5 times"):
        Files(way, own.url).download("model.pt", tmp_path)
    assert names_in(tmp_path) == []


@each_way
@pytest.mark.parametrize(
    "location", ["http://files.example/x", "file:///etc/passwd", "http://user:pass@127.0.0.1/x"]
)
def test_redirects_to_what_is_not_used_are_refused(
    way: str, own: FileServer, tmp_path: Path, location: str
) -> None:
    keep(own, "model.pt", b"content")
    own.answer = lambda _: Answer(302, b"", {"location": location})
    with pytest.raises(BadResponseError, match=r"address of a file") as caught:
        Files(way, own.url).download("model.pt", tmp_path)
    assert "user:pass" not in caught.value.message


@each_way
@pytest.mark.parametrize("location", ["/x?sign=s3cret-value", "http://files.example/?s3cret-value"])
def test_where_a_redirect_leads_is_in_no_error(
    way: str, own: FileServer, tmp_path: Path, location: str
) -> None:
    keep(own, "model.pt", b"content", url=f"{own.url}/f?signature=s3cret-value")
    own.answer = lambda _: Answer(302, b"", {"location": location})
    with pytest.raises(BadResponseError) as caught:
        Files(way, own.url).download("model.pt", tmp_path)
    assert_hidden_error(caught.value, "s3cret-value", here=__file__)


@each_way
def test_an_answer_that_is_no_file_is_told_as_what_it_is(
    way: str, own: FileServer, tmp_path: Path
) -> None:
    keep(own, "model.pt", b"content")
    own.answer = lambda _: Answer(204)
    with pytest.raises(BadResponseError, match="answers HTTP 204"):
        Files(way, own.url).download("model.pt", tmp_path)
    own.answer = lambda _: Answer(206, b"x", {"content-range": "bytes 3-3/7"})
    with pytest.raises(BadResponseError, match="another part or version"):
        Files(way, own.url).download("model.pt", tmp_path)


@each_way
def test_the_signature_of_an_address_is_in_no_message(
    way: str, own: FileServer, tmp_path: Path
) -> None:
    keep(own, "model.pt", b"content", digest=digest_of(b"other"))
    own.answer = lambda _: Answer(403, b"signature=s3cret is wrong")
    with pytest.raises(BadResponseError) as caught:
        Files(way, own.url).download("model.pt", tmp_path)
    assert "s3cret" not in caught.value.message
    with Api(base_url=own.url, api_key=KEY) as api:
        assert "s3cret" not in repr(api.run("me/p/r1").file("model.pt"))


@each_way
def test_a_file_that_is_there_stays_unless_it_is_to_be_replaced(
    way: str, own: FileServer, tmp_path: Path
) -> None:
    keep(own, "model.pt", b"new")
    (tmp_path / "model.pt").write_bytes(b"old")
    (tmp_path / "model.pt").chmod(0o640)
    with pytest.raises(InvalidArgumentError, match=r"is there already; pass replace=True"):
        Files(way, own.url).download("model.pt", tmp_path)
    assert own.seen == []
    assert (tmp_path / "model.pt").read_bytes() == b"old"
    assert Files(way, own.url).download("model.pt", tmp_path, replace=True).read_bytes() == b"new"
    assert (tmp_path / "model.pt").stat().st_mode & 0o777 == 0o640


def test_a_file_that_appears_meanwhile_stays(own: FileServer, tmp_path: Path) -> None:
    keep(own, "model.pt", b"new")
    right = own.answer

    def answer(exchange: Exchange) -> Answer:
        (tmp_path / "model.pt").write_bytes(b"of another program")
        return right(exchange)

    own.answer = answer
    with pytest.raises(FileExistsError, match="replace=True"):
        Files("sync", own.url).download("model.pt", tmp_path)
    assert (tmp_path / "model.pt").read_bytes() == b"of another program"
    assert names_in(tmp_path) == ["model.pt"]


def test_progress_that_raises_ends_the_download_and_leaves_nothing(
    own: FileServer, tmp_path: Path
) -> None:
    keep(own, "model.pt", bytes(9 * MIB))

    def stop(_: object) -> None:
        raise KeyboardInterrupt

    with Api(base_url=own.url, api_key=KEY) as api, pytest.raises(KeyboardInterrupt):
        api.run("me/p/r1").file("model.pt").download(tmp_path, progress=stop)
    assert names_in(tmp_path) == []


# Uploads.


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "weights.bin"
    path.write_bytes(os.urandom(700_001))
    return path


def take_uploads(server: FileServer, host: FileServer) -> None:
    """Have a host store what is uploaded, and the server list it."""

    def answer(exchange: Exchange) -> Answer:
        server.files["weights.bin"] = Stored(exchange.body, f"{server.url}/f")
        return Answer(200)

    host.answer = answer


@each_way
def test_an_upload_goes_where_and_as_the_server_says(
    way: str, own: FileServer, other: FileServer, source: Path
) -> None:
    own.upload_url = f"{other.url}/bucket?signature=s3cret"
    own.upload_headers = ["X-Storage-Class:hot", "content-type: application/x-weights"]
    own.features = ["MARK_RUN_FILES_UPLOADED"]
    take_uploads(own, other)
    content = source.read_bytes()
    assert Files(way, own.url).upload(source, "weights.bin") == digest_of(content)
    assert own.seen == []
    sent = other.seen[0]
    assert (sent.method, sent.path, sent.body) == ("PUT", "/bucket?signature=s3cret", content)
    assert sent.headers["x-storage-class"] == "hot"
    assert sent.headers["content-type"] == "application/x-weights"
    assert sent.headers["content-length"] == str(len(content))
    assert "authorization" not in sent.headers
    assert own.operations == [
        "GetRun", "CreateRunFiles", "GetFeatures", "MarkRunFilesUploaded", "ListFiles",
    ]  # fmt: skip


@each_way
def test_a_relative_address_is_the_servers_own(way: str, own: FileServer, source: Path) -> None:
    own.upload_url = "/storage/up"
    take_uploads(own, own)
    Files(way, own.url).upload(source, "weights.bin")
    assert [each.path for each in own.seen] == ["/storage/up"]
    assert "authorization" in own.seen[0].headers
    assert "content-type" not in own.seen[0].headers
    assert "MarkRunFilesUploaded" not in own.operations


@each_way
@pytest.mark.parametrize(
    "header",
    [
        "Host:evil.example", "Authorization: Basic eA==", "authorization:x", "Content-Length:1",
        "Transfer-Encoding: chunked", "Connection:close", "Proxy-Authorization:x", "Cookie:a=b",
        "no colon", "x:a\r\nhost: b", "sp ace:x", "x:\u00e9", "x:\u2028",
    ],
)  # fmt: skip
def test_headers_that_no_server_may_choose_are_refused(
    way: str, own: FileServer, other: FileServer, source: Path, header: str
) -> None:
    own.upload_url = f"{other.url}/bucket"
    own.upload_headers = ["x-fine:1", header]
    with pytest.raises(BadResponseError, match="nothing was uploaded"):
        Files(way, own.url).upload(source, "weights.bin")
    assert other.seen == own.seen == []


@each_way
@pytest.mark.parametrize(
    "header",
    ["authorization:s3cret-value", "s3cret-value", "s3cret-value\r\n:x", "x:\u2028s3cret-value"],
)
def test_what_an_upload_is_signed_with_is_in_no_error(
    way: str, own: FileServer, source: Path, header: str
) -> None:
    own.upload_url = f"{own.url}/bucket?signature=s3cret-value"
    own.upload_headers = ["x-fine:s3cret-value", header]
    with pytest.raises(BadResponseError) as caught:
        Files(way, own.url).upload(source, "weights.bin")
    assert_hidden_error(caught.value, "s3cret-value", here=__file__)
    own.upload_headers = []
    own.answer = lambda _: Answer(500, b"what you sent was s3cret-value")
    with pytest.raises(ServerError) as failed:
        Files(way, own.url, max_retries=0).upload(source, "weights.bin")
    assert_hidden_error(failed.value, "s3cret-value", here=__file__)


@each_way
@pytest.mark.parametrize("now", [b"z" * 700_000, b"", b"x" * 600_000 + b"z" * 99_999])
def test_a_file_that_changes_while_it_is_uploaded_is_not_sent_whole(
    way: str, own: FileServer, other: FileServer, source: Path, now: bytes
) -> None:
    source.write_bytes(b"x" * 700_000)
    own.upload_url = "/storage/up"

    def answer(_: Exchange) -> Answer:
        source.write_bytes(now)
        return Answer(307, b"", {"location": f"{other.url}/there"})

    own.answer = answer
    take_uploads(own, other)
    with pytest.raises(WandbRunsError, match="changed while it was uploaded"):
        Files(way, own.url).upload(source, "weights.bin")
    assert all(len(each.body) < 700_000 for each in other.seen)


@each_way
def test_a_pipe_is_refused_and_not_waited_for(way: str, own: FileServer, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InvalidArgumentError, match="is no regular file"):
        Files(way, own.url).upload(tmp_path / "pipe", "pipe")
    assert own.operations == ["GetRun"]


@each_way
def test_an_upload_is_redirected_with_its_body_and_without_the_key(
    way: str, own: FileServer, other: FileServer, source: Path
) -> None:
    own.upload_url = "/storage/up"
    own.answer = lambda _: Answer(307, b"", {"location": f"{other.url}/there"})
    take_uploads(own, other)
    Files(way, own.url).upload(source, "weights.bin")
    assert other.seen[0].body == source.read_bytes()
    assert "authorization" not in other.seen[0].headers


@each_way
@pytest.mark.parametrize("status", [302, 400, 403, 413])
def test_an_upload_that_is_refused_is_an_error(
    way: str, own: FileServer, source: Path, status: int
) -> None:
    own.upload_url = "/storage/up"
    own.answer = lambda _: Answer(status, b"", {"location": "/elsewhere"})
    with pytest.raises(BadResponseError, match=rf"not uploaded.*HTTP {status}"):
        Files(way, own.url).upload(source, "weights.bin")


@each_way
def test_an_upload_whose_answers_are_lost_is_settled_by_the_listing(
    way: str, own: FileServer, source: Path
) -> None:
    own.upload_url = "/storage/up"
    content = source.read_bytes()

    def answer(exchange: Exchange) -> Answer:
        own.files["weights.bin"] = Stored(exchange.body, f"{own.url}/f")
        return Answer(502, b"", {"retry-after": "0"})

    own.answer = answer
    files = Files(way, own.url, max_retries=1)
    assert files.upload(source, "weights.bin") == digest_of(content)
    assert [each.body for each in own.seen] == [content, content]
    own.files["weights.bin"].content = b"other"
    own.answer = lambda _: Answer(502, b"", {"retry-after": "0"})
    with pytest.raises(WandbRunsError, match="502"):
        files.upload(source, "weights.bin")


def test_an_upload_that_the_server_shows_otherwise_is_told(own: FileServer, source: Path) -> None:
    way = "trio"
    own.upload_url = "/storage/up"
    own.answer = lambda _: Answer(200)
    own.files["weights.bin"] = Stored(b"other", f"{own.url}/f")
    with pytest.warns(UnverifiedFileWarning, match="other content"):
        Files(way, own.url).upload(source, "weights.bin")
    own.files["weights.bin"].digest = None
    with pytest.warns(UnverifiedFileWarning, match="no MD5 digest"):
        Files(way, own.url).upload(source, "weights.bin")
    own.files.clear()
    with pytest.raises(NotFoundError, match=r"was sent .* does not list it"):
        Files(way, own.url).upload(source, "weights.bin")


class ContentOnly:
    """A transport of a user's that knows `content` alone."""

    def __init__(self, inner: HttpTransport) -> None:
        self._inner = inner

    def send(self, request: Request, /) -> Response:
        return self._inner.send(
            Request(
                request.method,
                request.url,
                request.headers,
                request.content,
                request.timeout,
                request.max_bytes,
            )
        )


def test_a_transport_that_knows_content_alone_uploads_the_same(
    own: FileServer, source: Path
) -> None:
    own.upload_url = "/storage/up"
    take_uploads(own, own)
    inner = HttpTransport(own.url)
    files = Files("sync", own.url, transport=ContentOnly(inner))
    files.upload(source, "weights.bin")
    inner.close()
    assert own.seen[0].body == source.read_bytes()


@pytest.mark.parametrize("name", ["../x", "/x", "a//b", "nul", "C:x", "a\\b", "a/../b", ""])
def test_a_name_that_no_download_writes_is_not_uploaded(
    own: FileServer, source: Path, name: str
) -> None:
    with Api(base_url=own.url, api_key=KEY) as api:
        run = api.run("me/p/r1")
        own.operations.clear()
        with pytest.raises(InvalidArgumentError, match="name"):
            run.upload_file(source, name=name)
        with pytest.raises(InvalidArgumentError, match="not below root"):
            run.upload_file(source, root=source.parent / "below")
        with pytest.raises(FileNotFoundError):
            run.upload_file(source.parent / "missing", root=source.parent)
        with pytest.raises((InvalidArgumentError, IsADirectoryError)):
            run.upload_file(source.parent, name="folder")
    assert own.operations == []


def test_an_api_that_may_only_read_uploads_and_deletes_nothing(
    own: FileServer, source: Path
) -> None:
    keep(own, "model.pt", b"content")
    with Api(base_url=own.url, api_key=KEY, read_only=True) as api:
        run = api.run("me/p/r1")
        file = run.file("model.pt")
        own.operations.clear()
        for call in (
            lambda: run.upload_file(source, name="x"),
            lambda: run.delete_files(["model.pt"]),
            file.delete,
        ):
            with pytest.raises(ReadOnlyError, match="Nothing was sent"):
                call()
    assert own.operations == []
    assert own.seen == []


@pytest.mark.skipif(sys.platform != "linux", reason="counts by /proc, which takes no files")
def test_a_folder_that_takes_no_file_costs_no_descriptors(own: FileServer) -> None:
    keep(own, "model.pt", b"content")
    with Api(base_url=own.url, api_key=KEY) as api:
        file = api.run("me/p/r1").file("model.pt")
        counts: set[int] = set()
        for _ in range(3):
            with pytest.raises(OSError, match="model"):
                file.download("/proc")
            counts.add(len(os.listdir("/proc/self/fd")))  # noqa: PTH208 - counts, needs no paths
    assert len(counts) == 1


def test_progress_of_files_is_refused_by_its_name(own: FileServer, tmp_path: Path) -> None:
    keep(own, "model.pt", b"content")
    with Api(base_url=own.url, api_key=KEY) as api:
        file = api.run("me/p/r1").file("model.pt")
        with pytest.raises(InvalidArgumentError, match="called with a FileProgress; got int 3"):
            file.download(tmp_path, progress=3)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType] - on purpose
