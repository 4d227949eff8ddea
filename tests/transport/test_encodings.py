"""Bodies in every encoding are what was encoded, or a named error, within their bound."""

from __future__ import annotations

import json
import tracemalloc
from contextlib import suppress
from typing import TYPE_CHECKING, Final

import anyio
import httpx
import httpx2
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from support.encodings import BOMBS, ENCODERS, SINGLE, chunked, header_of, pieces
from support.programs import run_program
from support.raw_server import read_request, serve
from support.ways import Face, each_way

from wandb_runs import Api, AsyncApi, ResponseTooLargeError, TruncatedResponseError
from wandb_runs.graphql._generated import count_runs
from wandb_runs.testing import FakeClock, LocalServer, log_run
from wandb_runs.transport.body import Body, BodyTooLargeError, BrokenBodyError
from wandb_runs.transport.decoders import PART, accept_encoding
from wandb_runs.transport.http import HttpTransport

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterable
    from contextlib import AbstractContextManager

    from support.raw_server import RawServer

    from wandb_runs import Request, Response

KEY: Final = "k" * 40
ALL: Final = b"accept-encoding: gzip, deflate, br, zstd\r\n"
GOOD: Final = json.dumps({"data": {"project": {"runCount": 7, "more": "so much " * 500}}}).encode()

each_encoding = pytest.mark.parametrize("encoding", ENCODERS)
each_single = pytest.mark.parametrize("encoding", SINGLE)

lengths = st.integers(0, 3_000) | st.sampled_from(
    # Those of a part or two, and some bytes more or less.
    [parts * PART + more for parts in (1, 2) for more in range(-3, 4)]
)
fills = st.binary(min_size=1, max_size=300)


def body_of(length: int, fill: bytes) -> bytes:
    """A body of a length: not drawn as a whole, since hypothesis would show it."""
    return (fill * (length // len(fill) + 1))[:length]


def read_body(chunks: Iterable[bytes], encoding: str, most: int) -> bytes:
    body = Body(header_of(encoding), most)
    for chunk in chunks:
        body.add(chunk)
    return body.whole()


# --- without a server ----------------------------------------------------------------------------


@given(lengths, fills, st.integers(1, 700), st.sampled_from([*ENCODERS]))
@example(PART + 1, b"0", 2_000, "deflate raw")  # more is left when all input is taken
def test_bodies_are_decompressed_up_to_their_bound(
    length: int, fill: bytes, size: int, encoding: str
) -> None:
    body = body_of(length, fill)
    packed = ENCODERS[encoding](body)
    chunks = pieces(packed, size if len(packed) < 5_000 else 65_536)
    assert read_body(chunks, encoding, len(body)) == body
    if body:
        with pytest.raises(BodyTooLargeError):
            read_body(chunks, encoding, len(body) - 1)


@given(lengths.filter(bool), fills, st.data(), st.sampled_from([*SINGLE]), st.integers(1, 700))
def test_bodies_that_are_cut_are_broken(
    length: int, fill: bytes, data: st.DataObject, encoding: str, size: int
) -> None:
    body = body_of(length, fill)
    packed = SINGLE[encoding](body)
    cut = data.draw(st.integers(1, len(packed) - 1))
    with pytest.raises(BrokenBodyError, match="incomplete"):
        read_body(pieces(packed[:cut], max(size, cut // 100)), encoding, len(body))


@given(
    st.binary(max_size=500),
    st.sampled_from([*SINGLE]),
    st.binary(min_size=1, max_size=50),
    st.integers(1, 700),
)
def test_bodies_with_more_behind_their_end_are_broken(
    body: bytes, encoding: str, more: bytes, size: int
) -> None:
    packed = SINGLE[encoding](body)
    for chunks in ([packed, more], [packed + more], pieces(packed + more, size)):
        with pytest.raises(BrokenBodyError):
            read_body(chunks, encoding, 10_000)


@given(st.binary(max_size=500), st.data(), st.sampled_from([*SINGLE]))
def test_bodies_that_are_changed_are_broken_or_bounded(
    body: bytes, data: st.DataObject, encoding: str
) -> None:
    changed = bytearray(SINGLE[encoding](body))
    changed[data.draw(st.integers(0, len(changed) - 1))] = data.draw(st.integers(0, 255))
    try:
        found = read_body([bytes(changed)], encoding, 10_000)
    except (BrokenBodyError, BodyTooLargeError):
        return
    # The others have no checksum that has to be there.
    assert found == body or encoding not in ("gzip", "deflate")
    assert len(found) <= 10_000


@given(st.binary(min_size=1, max_size=200), st.sampled_from([*SINGLE]))
def test_any_bytes_are_a_body_or_broken(body: bytes, encoding: str) -> None:
    with suppress(BrokenBodyError, BodyTooLargeError):
        assert len(read_body([body], encoding, 10_000)) <= 10_000


@pytest.mark.parametrize("named", ["gzip, gzip", "br, zstd", "compress"])
def test_what_no_request_asks_for_is_named(named: str) -> None:
    with pytest.raises(BrokenBodyError, match=f"'{named}', which was not asked for"):
        Body(named, 100)


@each_encoding
def test_an_answer_without_a_body_may_name_an_encoding(encoding: str) -> None:
    assert read_body([], encoding, 0) == b""
    assert read_body([b"", b""], encoding, 0) == b""


@each_single
@pytest.mark.parametrize("most", [1_000, 5 * PART])
def test_a_bomb_is_held_no_further_than_it_may_be(encoding: str, most: int) -> None:
    bomb = BOMBS[encoding](200)
    tracemalloc.start()
    try:
        with pytest.raises(BodyTooLargeError):
            read_body([bomb], encoding, most)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    # Each decompressor puts a part together from pieces, and keeps the input.
    assert peak < most + 4 * PART + 2 * len(bomb)


def test_a_window_of_zstd_is_refused_beyond_that_of_http() -> None:
    head = b"\x28\xb5\x2f\xfd\x00"  # the size of the window follows
    for window, message in ((14 << 3, "too much memory"), (13 << 3, "incomplete")):
        with pytest.raises(BrokenBodyError, match=message):
            read_body([head + bytes([window])], "zstd", 1000)


@pytest.mark.parametrize(
    ("missing", "asked"),
    [
        ("brotli", "gzip, deflate, zstd"),
        ("compression.zstd backports.zstd", "gzip, deflate, br"),
        ("brotli compression.zstd backports.zstd", "gzip, deflate"),
    ],
)
def test_what_no_library_decompresses_is_not_asked_for(missing: str, asked: str) -> None:
    run_program(
        f"""
import sys
sys.modules.update(dict.fromkeys({missing.split()!r}))
from wandb_runs.transport.body import Body, BrokenBodyError
from wandb_runs.transport.decoders import accept_encoding
assert accept_encoding() == {asked!r}, accept_encoding()
for name in ("br", "zstd"):
    try:
        Body(name, 10)
    except BrokenBodyError as error:
        assert name not in {asked!r} and str(error).endswith("which was not asked for")
    else:
        assert name in {asked!r}
"""
    )


def test_a_library_that_decompresses_without_a_bound_is_not_used() -> None:
    run_program(
        """
import sys
from types import SimpleNamespace
sys.modules["brotli"] = SimpleNamespace(Decompressor=object)
from wandb_runs.transport.decoders import accept_encoding
assert accept_encoding() == "gzip, deflate, zstd", accept_encoding()
"""
    )


@given(st.lists(st.sampled_from(["br", "zstd", "gzip", "snappy"])))
def test_encodings_are_limited_to_those_that_a_client_decodes(within: list[str]) -> None:
    found = accept_encoding(within=within).split(", ")
    assert found == ["gzip", "deflate", *(name for name in ("br", "zstd") if name in within)]


# --- over HTTP -----------------------------------------------------------------------------------


def answering(
    answer: Callable[[], bytes], heads: list[bytes] | None = None
) -> AbstractContextManager[RawServer]:
    def handle(connection: socket.socket) -> None:
        while request := read_request(connection):
            if heads is not None:
                heads.append(request.lower())
            connection.sendall(answer())

    return serve(handle)


def count(client: Face) -> int | None:
    project = client.execute(count_runs(entity="team", project="mnist")).project
    assert project is not None
    return project.run_count


@each_way
def test_answers_come_in_each_encoding_and_any_chunks(way: str) -> None:
    heads: list[bytes] = []
    now = b""
    with (
        answering(lambda: now, heads) as server,
        Face.of(way, server.url, KEY, clock=FakeClock(), max_retries=0) as client,
    ):
        for number, (encoding, encode) in enumerate(ENCODERS.items(), 1):
            packed = encode(GOOD)
            for size in (1, 19, 5_000):
                now = chunked(packed, size, encoding)
                assert count(client) == 7
            assert client.stats.bytes == 3 * number * len(GOOD)
            if encoding not in SINGLE:
                continue
            for broken in (packed[:-1], packed + b"\0", b"\xff" + packed):
                now = chunked(broken, 500, encoding)
                with pytest.raises(TruncatedResponseError, match="cannot be read: "):
                    count(client)
    assert all(ALL in head for head in heads)


BOMB_PROGRAM: Final = """
import sys
sys.path.insert(0, sys.argv[1])
from support.raw_server import read_request, serve
from support.encodings import BOMBS, header_of, chunked
from wandb_runs import Api, ResponseTooLargeError

def peak():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM:")) << 10

for encoding, bomb_of in BOMBS.items():
    bomb = chunked(bomb_of(1000), 2**16, encoding)
    assert len(bomb) < 1.1e6, len(bomb)

    def handle(connection):
        while read_request(connection):
            connection.sendall(bomb)

    with serve(handle) as server, Api(base_url=server.url, api_key="k" * 40) as api:
        before = peak()
        try:
            len(api.with_options(max_response_bytes=8_000_000).runs("team/mnist"))
        except ResponseTooLargeError:
            pass
        else:
            raise AssertionError(encoding)
        # Beside 8 MB of the body, brotli has a window of up to 16, and zstd one of up to 8.
        assert peak() - before < 40e6, (encoding, peak() - before)
"""


@pytest.mark.skipif("sys.platform != 'linux'", reason="reads /proc")
def test_a_gigabyte_of_zeros_is_refused_in_little_memory(request: pytest.FixtureRequest) -> None:
    run_program(BOMB_PROGRAM, str(request.config.rootpath / "tests"))


@each_way
@each_single
def test_a_bomb_is_one_attempt(way: str, encoding: str) -> None:
    bomb = chunked(BOMBS[encoding](3), 2**16, encoding)
    with (
        answering(lambda: bomb) as server,
        Face.of(way, server.url, KEY, clock=FakeClock(), max_response_bytes=2_999_999) as client,
        pytest.raises(ResponseTooLargeError, match="2,999,999 bytes") as caught,
    ):
        count(client)
    assert caught.value.attempts == 1


# --- over a user's client ------------------------------------------------------------------------


def read(response: httpx.Response | httpx2.Response) -> None:
    """A hook that reads the answer before this package does."""
    response.read()


async def read_async(response: httpx.Response | httpx2.Response) -> None:
    await response.aread()


def count_over(
    way: str, url: str, library: str, *, is_read: bool = False, **headers: str
) -> int | None:
    """Count runs over a client of a library."""
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    hooks: list[Callable[..., object]] = [read if way == "sync" else read_async] if is_read else []
    if way == "sync":
        make = httpx.Client if library == "httpx" else httpx2.Client
        with (
            make(event_hooks={"response": hooks}, headers=sent) as client,
            Api(base_url=url, api_key=KEY, http_client=client, max_retries=0) as api,
        ):
            return len(api.runs("team/mnist"))

    async def run() -> int:
        make = httpx.AsyncClient if library == "httpx" else httpx2.AsyncClient
        async with (
            make(event_hooks={"response": hooks}, headers=sent) as client,
            AsyncApi(base_url=url, api_key=KEY, http_client=client, max_retries=0) as api,
        ):
            return await api.runs("team/mnist").length()

    return anyio.run(run, backend=way)


@each_way
@pytest.mark.parametrize("library", ["httpx", "httpx2"])
@pytest.mark.parametrize("is_read", [False, True])
def test_a_client_is_asked_for_what_it_decodes_itself(
    way: str, library: str, is_read: bool
) -> None:
    heads: list[bytes] = []
    now = b""
    # httpx has another library for zstd, which is not installed.
    asked = ["gzip", "deflate", "br", *(["zstd"] if library == "httpx2" else [])]
    with answering(lambda: now, heads) as server:
        for encoding in asked:
            now = chunked(ENCODERS[encoding](GOOD), 100, encoding)
            assert count_over(way, server.url, library, is_read=is_read) == 7
    for head in heads:
        assert f"accept-encoding: {', '.join(asked)}\r\n".encode() in head


@each_way
@pytest.mark.parametrize(
    ("accepted", "asked"),
    [
        ("identity", b"gzip, deflate"),
        ("zstd;q=0.5, snappy", b"gzip, deflate, zstd"),
        ("BR", b"gzip, deflate, br"),
    ],
)
def test_a_header_of_a_client_limits_what_is_asked_for(
    way: str, accepted: str, asked: bytes
) -> None:
    heads: list[bytes] = []
    with answering(lambda: chunked(GOOD, 100, ""), heads) as server:
        assert count_over(way, server.url, "httpx", accept_encoding=accepted) == 7
    assert b"accept-encoding: " + asked + b"\r\n" in heads[0]


# --- over the local server -----------------------------------------------------------------------


class Noting:
    """Notes how answers are encoded."""

    def __init__(self, url: str) -> None:
        self.inner = HttpTransport(url)
        self.encodings: list[str] = []

    def send(self, request: Request, /) -> Response:
        response = self.inner.send(request)
        self.encodings.append(response.headers.get("content-encoding", ""))
        return response


@pytest.mark.parametrize("compress", [False, True])
def test_a_local_server_compresses_where_that_is_wanted(compress: bool) -> None:
    rows = [{"loss": step / 7} for step in range(200)]
    with LocalServer(compress=compress) as server:
        log_run(server, "team", "packed", "r", history=rows)
        transport = Noting(server.url)
        api = Api(base_url=server.url, api_key=KEY, transport=transport)
        found = api.runs("team/packed").histories(keys=["loss"])
        transport.inner.close()
        refused = httpx.post(f"{server.url}/graphql", headers={"accept-encoding": "identity"})
    assert [row["loss"] for row in found] == [row["loss"] for row in rows]
    assert transport.encodings == ["gzip" if compress else ""]
    assert "content-encoding" not in refused.headers
