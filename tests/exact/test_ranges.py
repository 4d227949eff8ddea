"""Ranges of a file hold the bytes of one version of it, or there is an error, whatever answers."""

from __future__ import annotations

import gzip
import random
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Final

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from support.file_server import Answer, Exchange, FileServer, serve_files, whole_or_part
from support.secrets import assert_hidden, assert_hidden_error
from support.ways import Face, each_way

from wandb_runs import BadResponseError, ResponseTooLargeError
from wandb_runs.graphql.flow import gather
from wandb_runs.runs.exact.ranges import (
    GAP,
    PART,
    NotFetchedError,
    Ranges,
    StaleFileError,
    fetch_ranges,
    open_tail,
)
from wandb_runs.transport.settings import Address

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from wandb_runs.graphql.flow import Flow
    from wandb_runs.runs.exact.ranges import RemoteFile

KEY: Final = "k" * 40
SIGNATURE: Final = "s3cret-signature"
MIB: Final = 1 << 20


@pytest.fixture(scope="module")
def server() -> Iterator[FileServer]:
    with serve_files() as server:
        yield server


@pytest.fixture(scope="module")
def storage() -> Iterator[FileServer]:
    with serve_files() as server:
        yield server


def content_of(size: int, seed: int = 0) -> bytes:
    return random.Random(seed).randbytes(size)  # noqa: S311 - any bytes will do


def keep(server: FileServer, content: bytes, etag: str | None = '"1"') -> None:
    """Have a server answer for a file."""
    server.seen.clear()
    server.answer = lambda exchange: whole_or_part(exchange, content, etag)


def address_at(server: FileServer) -> Address:
    return Address(f"{server.url}/f?signature={SIGNATURE}")


def ranges_asked(server: FileServer) -> list[str | None]:
    return [exchange.headers.get("range") for exchange in server.seen]


def reading(
    face: Face, address: Address, tail: int, wanted: Sequence[tuple[int, int]]
) -> Flow[tuple[RemoteFile, Ranges]]:
    """Read the end of a file, and ranges of it."""
    file, held = yield from open_tail(address, face.inner.settings, tail)
    within = [(min(start, file.size), min(end, file.size)) for start, end in wanted]
    return file, (yield from fetch_ranges(file, within, held))


@dataclass
class Lies:
    """A server that knows ranges, and does something else at each request.

    Attributes:
        versions: What the file held, the last one now.
        ways: What it does at each request; what is right at those behind them.
        asked: How many requests came.
    """

    versions: list[bytes]
    ways: Sequence[str] = ()
    asked: int = field(default=0)

    def answer(self, exchange: Exchange) -> Answer:
        way = self.ways[self.asked] if self.asked < len(self.ways) else "right"
        self.asked += 1
        if way in {"changes", "changes, and ignores the condition"}:
            size = len(self.versions[-1])
            self.versions.append(content_of(size, seed=len(self.versions)))
        if way in {"grows", "shrinks"}:
            change = 7 if way == "grows" else -7
            size = max(len(self.versions[-1]) + change, 0)
            self.versions.append(content_of(size, seed=len(self.versions)))
        content, etag = self.versions[-1], f'"{len(self.versions)}"'
        if way == "changes, and ignores the condition":
            kept = {name: text for name, text in exchange.headers.items() if name != "if-range"}
            exchange = exchange._replace(headers=kept)
        right = whole_or_part(exchange, content, etag)
        if way == "ignores the range":
            return Answer(200, content, {"etag": etag})
        if way.isdecimal():
            return Answer(int(way), b"<Error/>", {"retry-after": "0"})
        if way == "redirect":
            return Answer(307, b"", {"location": f"/elsewhere?signature={SIGNATURE}"})
        return spoilt(right, way) if right.status == 206 else right


def spoilt(right: Answer, way: str) -> Answer:
    """A part that is not as it should be, or comes otherwise."""
    where, _, total = right.headers["content-range"].partition("/")
    first, last = map(int, where.removeprefix("bytes ").split("-"))
    bodies = {
        "less": right.body[: len(right.body) // 2 + 1],
        "longer": right.body + b"x",
        "shorter": right.body[:-1],
        "compressed": gzip.compress(right.body[::-1]),  # of a part of what is compressed
        "another part": right.body[1:] + b"x",
    }
    body = bodies.get(way, right.body)
    told = {
        "less": f"bytes {first}-{first + len(body) - 1}/{total}",
        "another part": f"bytes {first + 1}-{last + 1}/{total}",
        "another size": f"bytes {first}-{last}/{int(total) + 1}",
        "size not told": f"bytes {first}-{last}/*",
        "part not told": "",
        "part of nothing": f"bytes -1-{10**400}/{total}",
    }.get(way, right.headers["content-range"])
    etag = {"weak": 'W/"1"', "another version": '"other"', "no version": ""}.get(
        way, right.headers["etag"]
    )
    encoding = "gzip" if way == "compressed" else "identity"
    return Answer(206, body, {"content-range": told, "etag": etag, "content-encoding": encoding})


WAYS_OF_SERVERS: Final = (
    *("right", "right", "right", "ignores the range", "less", "another part", "another size"),
    *("size not told", "part not told", "part of nothing", "longer", "shorter", "weak"),
    *("another version", "no version", "compressed", "changes", "grows", "shrinks", "redirect"),
    *("changes, and ignores the condition", "400", "403", "404", "410", "412", "416", "503", "204"),
)

SIZES: Final = st.integers(0, 4 * GAP) | st.integers(0, 40)


@each_way
@given(
    size=SIZES,
    tail=st.integers(1, 2 * GAP) | st.integers(1, 40),
    wanted=st.lists(st.tuples(SIZES, SIZES).map(lambda pair: (min(pair), max(pair))), max_size=5),
    ways=st.lists(st.sampled_from(WAYS_OF_SERVERS), max_size=6),
)
@example(size=40, tail=8, wanted=[(0, 4)], ways=["right", "changes"])
@example(size=40, tail=8, wanted=[(0, 4)], ways=["right", "changes, and ignores the condition"])
@example(size=40, tail=8, wanted=[(0, 4)], ways=["no version", "changes"])
@example(size=40, tail=8, wanted=[(0, 9)], ways=["right", "another part"])
@example(size=40, tail=8, wanted=[(0, 9)], ways=["right", "compressed"])
@example(size=40, tail=7, wanted=[(0, 40)], ways=["right", "shrinks"])
def test_what_is_read_is_of_one_version_or_there_is_an_error(
    way: str,
    server: FileServer,
    size: int,
    tail: int,
    wanted: list[tuple[int, int]],
    ways: list[str],
) -> None:
    lies = Lies([content_of(size)], ways)
    server.answer = lies.answer
    with Face.of(way, server.url, KEY) as face:
        try:
            file, ranges = face.run(reading(face, address_at(server), tail, wanted))
        except (BadResponseError, StaleFileError) as error:
            assert ways  # a server that is right is read
            assert_hidden_error(error, SIGNATURE, KEY, here=__file__)
            return
    assert_hidden(file, SIGNATURE, KEY)
    assert_hidden(ranges, SIGNATURE, KEY)
    every = [*wanted, (max(file.size - tail, 0), file.size)]
    assert any(
        len(version) == file.size
        and all(ranges.read(*within(each, version)) == version[slice(*each)] for each in every)
        for version in lies.versions
    )


def within(wanted: tuple[int, int], content: bytes) -> tuple[int, int]:
    return min(wanted[0], len(content)), min(wanted[1], len(content))


@each_way
@given(wanted=st.lists(st.integers(0, 4 * GAP), min_size=1, max_size=4))
def test_no_byte_is_fetched_twice_and_close_ranges_are_one(
    way: str, server: FileServer, wanted: list[int]
) -> None:
    content = content_of(5 * GAP)
    keep(server, content)
    spans = [(start, start + 9) for start in wanted]
    with Face.of(way, server.url, KEY) as face:
        file, ranges = face.run(reading(face, address_at(server), 64, spans))
        asked = sorted(
            tuple(map(int, each.removeprefix("bytes=").split("-")))
            for each in ranges_asked(server)[1:]
            if each is not None
        )
        assert all(after[0] - before[1] > GAP for before, after in pairwise(asked))
        assert sum(last + 1 - first for first, last in asked) + 64 == ranges.size
        assert face.run(fetch_ranges(file, spans, ranges)).size == ranges.size
    assert len(server.seen) == 1 + len(asked)
    assert {each.headers.get("if-range") for each in server.seen[1:]} <= {'"1"'}
    assert {each.headers["accept-encoding"] for each in server.seen} == {"identity"}


@each_way
def test_long_ranges_come_in_parts(way: str, server: FileServer) -> None:
    content = content_of(2 * PART + 5)
    keep(server, content)
    with Face.of(way, server.url, KEY) as face:
        file, ranges = face.run(reading(face, address_at(server), 5, [(0, 2 * PART + 1)]))
    assert ranges.read(0, file.size) == content
    assert sorted(map(str, ranges_asked(server))) == sorted(
        ["bytes=-5", f"bytes=0-{PART - 1}", f"bytes={PART}-{2 * PART - 1}"]
    )


@each_way
def test_files_that_are_read_at_once_are_each_whole(way: str, server: FileServer) -> None:
    contents = {f"/f{index}": content_of(3 * GAP + index, index) for index in range(20)}
    server.answer = lambda exchange: whole_or_part(exchange, contents[exchange.path], '"1"')
    with Face.of(way, server.url, KEY) as face:
        wanted = [(0, 10), (2 * GAP, 2 * GAP + 10)]
        flows = [reading(face, Address(f"{server.url}{path}"), 8, wanted) for path in contents]
        found = face.run(gather(flows))
    for (file, ranges), content in zip(found, contents.values(), strict=True):
        assert file.size == len(content)
        for start, end in (*wanted, (file.size - 8, file.size)):
            assert ranges.read(start, end) == content[start:end]


@each_way
def test_a_server_without_ranges_is_asked_once(way: str, server: FileServer) -> None:
    content = content_of(4 * GAP)
    keep(server, content)
    server.answer = lambda _: Answer(200, content)
    with Face.of(way, server.url, KEY) as face:
        file, ranges = face.run(reading(face, address_at(server), 8, [(0, 4 * GAP)]))
    assert ranges.read(0, file.size) == content
    assert len(server.seen) == 1


@each_way
@pytest.mark.parametrize("etag", [None, 'W/"1"'])
def test_without_a_version_a_file_is_one_answer(
    way: str, server: FileServer, etag: str | None
) -> None:
    content = content_of(4 * GAP)
    keep(server, content, etag)
    with Face.of(way, server.url, KEY) as face:
        file, ranges = face.run(reading(face, address_at(server), 8, [(0, 4 * GAP)]))
    assert ranges.read(0, file.size) == content
    assert ranges_asked(server) == ["bytes=-8", None]


@each_way
@pytest.mark.parametrize("size", [0, 1, 7, 8])
def test_short_files_come_with_their_end(way: str, server: FileServer, size: int) -> None:
    keep(server, content_of(size))
    with Face.of(way, server.url, KEY) as face:
        file, ranges = face.run(open_tail(address_at(server), face.inner.settings, 8))
    assert (file.size, ranges.read(0, size)) == (size, content_of(size))
    assert len(server.seen) == 1


@each_way
@pytest.mark.parametrize("status", [400, 401, 403, 404, 410])
@pytest.mark.parametrize("is_late", [False, True])
def test_an_address_that_has_expired_is_to_be_asked_for_again(
    way: str, server: FileServer, storage: FileServer, status: int, *, is_late: bool
) -> None:
    content = content_of(4 * GAP)
    keep(storage, content)
    right, why = storage.answer, b"<Error>" + b"x" * 2000 + b"</Error>"
    storage.answer = lambda exchange: (
        Answer(status, why) if len(storage.seen) > is_late else right(exchange)
    )
    with Face.of(way, server.url, KEY) as face, pytest.raises(StaleFileError, match=str(status)):
        face.run(reading(face, address_at(storage), 8, [(0, 8)]))
    assert KEY not in repr(storage.seen)


@each_way
def test_a_file_that_is_too_long_now_is_not_read(way: str, server: FileServer) -> None:
    content = content_of(GAP)
    keep(server, content)
    right = server.answer
    server.answer = lambda exchange: (
        Answer(200, content_of(MIB)) if len(server.seen) > 1 else right(exchange)
    )
    with Face.of(way, server.url, KEY) as face, pytest.raises(StaleFileError, match="changed"):
        face.run(reading(face, address_at(server), 8, [(0, 8)]))


@each_way
@pytest.mark.parametrize(
    "wanted", [(-1, 5), (5, 4), (0, 101), (101, 101), (0, 10**30), (-(10**5000), 10**5000)]
)
def test_ranges_that_are_not_within_the_file_are_refused(
    way: str, server: FileServer, wanted: tuple[int, int]
) -> None:
    keep(server, content_of(100))
    with Face.of(way, server.url, KEY) as face:
        file, held = face.run(open_tail(address_at(server), face.inner.settings, 8))
        with pytest.raises(BadResponseError, match="has 100 bytes, and points at others"):
            face.run(fetch_ranges(file, [(0, 4), wanted], held))
    assert len(server.seen) == 1


@each_way
def test_no_more_is_fetched_than_may_be_held(way: str, server: FileServer) -> None:
    size = 10**15

    def answer(exchange: Exchange) -> Answer:
        length = int(exchange.headers["range"].removeprefix("bytes=-"))
        where = f"bytes {size - length}-{size - 1}/{size}"
        return Answer(206, bytes(length), {"content-range": where, "etag": '"1"'})

    keep(server, b"")
    server.answer = answer
    with Face.of(way, server.url, KEY) as face:
        settings = face.inner.settings
        file, held = face.run(open_tail(address_at(server), settings, GAP, 2 * GAP))
        assert (file.size, held.size) == (size, GAP)
        with pytest.raises(ResponseTooLargeError, match="max_response_bytes=; ask for fewer keys"):
            face.run(fetch_ranges(file, [(0, GAP + 1)], held))
        with pytest.raises(ResponseTooLargeError):
            face.run(fetch_ranges(file, [(0, size)], held))
    assert len(server.seen) == 1


@each_way
def test_a_file_that_comes_whole_is_bounded(way: str, server: FileServer) -> None:
    server.answer = lambda _: Answer(200, bytes(MIB))
    with Face.of(way, server.url, KEY, max_response_bytes=MIB) as face:
        settings = face.inner.settings
        assert face.run(open_tail(address_at(server), settings, 8))[1].size == MIB
        with pytest.raises(ResponseTooLargeError, match=r"whole, not in parts.*max_response_bytes"):
            face.run(open_tail(address_at(server), settings, 8, MIB - 1))
    with (
        Face.of(way, server.url, KEY, max_response_bytes=MIB - 1) as face,
        pytest.raises(ResponseTooLargeError, match=r"whole, not in parts.*max_response_bytes"),
    ):
        face.run(open_tail(address_at(server), face.inner.settings, 8))


@each_way
@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "/etc/passwd",
        "ftp://files.example/x",
        f"http://files.example/x?signature={SIGNATURE}",
        f"https://user:{SIGNATURE}@files.example/x",
        "",
    ],
)
def test_addresses_that_are_not_used_are_refused_first_or_behind_a_redirect(
    way: str, server: FileServer, url: str
) -> None:
    server.seen.clear()
    server.answer = lambda _: Answer(302, b"", {"location": url})
    with Face.of(way, server.url, KEY) as face:
        if ":" in url:
            with pytest.raises(BadResponseError, match="address of a file") as caught:
                face.run(open_tail(Address(url), face.inner.settings, 8))
            assert server.seen == []
            assert_hidden_error(caught.value, SIGNATURE, KEY, here=__file__)
        with pytest.raises(BadResponseError) as caught:
            face.run(open_tail(address_at(server), face.inner.settings, 8))
        assert_hidden_error(caught.value, SIGNATURE, KEY, here=__file__)


@each_way
def test_the_key_goes_to_no_other_origin(way: str, server: FileServer, storage: FileServer) -> None:
    content = content_of(4 * GAP)
    keep(storage, content)
    keep(server, content)
    server.answer = lambda _: Answer(302, b"", {"location": address_at(storage).url})
    with Face.of(way, server.url, KEY) as face:
        _, ranges = face.run(reading(face, address_at(server), 8, [(0, 8)]))
    assert ranges.read(0, 8) == content[:8]
    assert ["authorization" in each.headers for each in server.seen] == [True]
    assert len(storage.seen) == 2
    assert KEY not in repr(storage.seen)
    assert not any("authorization" in each.headers for each in storage.seen)


@given(
    parts=st.lists(st.tuples(st.integers(0, 60), st.integers(0, 20)), max_size=8),
    wanted=st.tuples(st.integers(0, 90), st.integers(0, 90)).map(sorted),
)
def test_ranges_give_what_they_hold_and_nothing_else(
    parts: list[tuple[int, int]], wanted: list[int]
) -> None:
    content = content_of(100)
    ranges = Ranges((start, content[start : start + size]) for start, size in parts)
    held = {each for start, size in parts for each in range(start, start + size)}
    start, end = wanted
    assert ranges.size == len(held)
    lacking = [each for first, after in ranges.missing(start, end) for each in range(first, after)]
    assert lacking == [each for each in range(start, end) if each not in held]
    if lacking:
        with pytest.raises(NotFetchedError) as caught:
            ranges.read(start, end)
        assert (caught.value.start, caught.value.end) == (lacking[0], end)
    else:
        assert ranges.read(start, end) == content[start:end]
    assert ranges.joined([(0, content)]).read(start, end) == content[start:end]
