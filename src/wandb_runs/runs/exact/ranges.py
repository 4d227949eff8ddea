"""Byte ranges of a file that is read where it is: its end first, then what that points at.

The ranges belong together by the file's `ETag`, which each request names. A server that sends none
that can be relied on, or does not know ranges, is asked for the whole file. What is fetched is
bounded before it is asked for, and taken only if the server says that it is what was asked for.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from http import HTTPStatus
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from typing_extensions import override

from wandb_runs.errors import BadResponseError, ResponseTooLargeError
from wandb_runs.errors.text import FieldsRepr
from wandb_runs.graphql.flow import gather
from wandb_runs.transport.byte_ranges import content_range, etag_of, is_as_stored, is_part
from wandb_runs.transport.file_request import FileRequest, follow, place_of
from wandb_runs.transport.messages import MAX_RESPONSE_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from wandb_runs.graphql.flow import Flow
    from wandb_runs.transport.file_request import FileAnswer, FilePlace
    from wandb_runs.transport.settings import Address, Settings

__all__ = [
    "GAP",
    "PART",
    "NotFetchedError",
    "Ranges",
    "RemoteFile",
    "StaleFileError",
    "fetch_ranges",
    "open_tail",
]

GAP: Final = 64 << 10
"""Bytes between two ranges up to which one request asks for both."""

PART: Final = 1 << 20
"""Bytes of a request at most: as many as can be under way at once pass within the deadline."""

_MOST_ANSWERS: Final = 64
"""Answers that a range may come in: each may be shorter than was asked for."""

_LONGEST_REFUSAL: Final = 64 << 10
"""Bytes in which a server may say why it refuses a range of a few."""

_STALE: Final = {
    # An address that has expired is the first for Google's storage, the last for Amazon's.
    HTTPStatus.BAD_REQUEST: "its address is refused",
    HTTPStatus.UNAUTHORIZED: "its address is refused",
    HTTPStatus.FORBIDDEN: "its address is refused",
    HTTPStatus.NOT_FOUND: "it is gone",
    HTTPStatus.GONE: "it is gone",
}
_CHANGED: Final = "it changed while it was read"


class StaleFileError(Exception):
    """A file has changed, is gone, or its address has expired: it has to be asked for again.

    Its message says which, and follows on the name of the file.
    """


class NotFetchedError(LookupError):
    """Bytes are read that were not fetched.

    Attributes:
        start: The first one that is missing.
        end: The one after the last that is read.
    """

    start: int
    end: int

    def __init__(self, start: int, end: int) -> None:
        super().__init__(f"bytes {start:,} to {end:,} of a file were not fetched")
        self.start = start
        self.end = end


class Ranges:
    """Bytes of one version of a file, as far as they were fetched. Immutable.

    >>> ranges = Ranges([(0, b"ab"), (2, b"cd"), (8, b"ij")])
    >>> ranges.read(1, 4), ranges.size, ranges.missing(1, 9)
    (b'bcd', 6, [(4, 8)])
    >>> ranges.read(3, 5)
    Traceback (most recent call last):
        ...
    wandb_runs.runs.exact.ranges.NotFetchedError: bytes 4 to 5 of a file were not fetched

    Args:
        parts: Where bytes begin in the file, and the bytes; in any order. They may overlap.
    """

    __slots__ = ("_parts", "_starts")

    def __init__(self, parts: Iterable[tuple[int, bytes]] = ()) -> None:
        kept: list[tuple[int, bytes]] = []
        end = 0
        for start, content in sorted(parts, key=lambda part: part[0]):
            if start + len(content) > end:
                held = max(end - start, 0)
                kept.append((start + held, content[held:] if held else content))
                end = start + len(content)
        self._parts: Sequence[tuple[int, bytes]] = kept
        self._starts: Sequence[int] = [start for start, _ in kept]

    @override
    def __repr__(self) -> str:
        return f"<Ranges of {self.size:,} bytes>"

    @property
    def size(self) -> int:
        """How many bytes there are."""
        return sum(len(content) for _, content in self._parts)

    def read(self, start: int, end: int) -> bytes:
        """The bytes from one offset to before another.

        Raises:
            NotFetchedError: Not all of them were fetched.
        """
        found: list[bytes] = []
        at, index = start, max(bisect_right(self._starts, start) - 1, 0)
        while at < end:
            if index == len(self._parts):
                raise NotFetchedError(at, end)
            first, content = self._parts[index]
            if not first <= at < first + len(content):
                raise NotFetchedError(at, end)
            found.append(content[at - first : end - first])
            at, index = first + len(content), index + 1
        return found[0] if len(found) == 1 else b"".join(found)

    def missing(self, start: int, end: int) -> list[tuple[int, int]]:
        """The ranges from one offset to before another that were not fetched, in order."""
        held = [
            (max(first, start), min(first + len(content), end))
            for first, content in self._parts
            if first < end and first + len(content) > start
        ]
        edges = [(start, start), *held, (end, end)]
        return [(before[1], after[0]) for before, after in pairwise(edges) if before[1] < after[0]]

    def joined(self, parts: Iterable[tuple[int, bytes]]) -> Ranges:
        """These bytes, and others of the same version."""
        return Ranges([*self._parts, *parts])


@dataclass(frozen=True, slots=True, repr=False)
class RemoteFile(FieldsRepr):
    """One version of a file that is read where it is.

    Attributes:
        place: Where it is, behind all redirects.
        size: How many bytes it has.
        etag: The version; None where all of the file has come.
        settings: The server that gave the address.
        max_bytes: How many bytes of it may be held at once.
    """

    place: FilePlace
    size: int
    etag: str | None
    settings: Settings
    max_bytes: int = MAX_RESPONSE_BYTES


def open_tail(
    address: Address, settings: Settings, tail: int, max_bytes: int = MAX_RESPONSE_BYTES
) -> Flow[tuple[RemoteFile, Ranges]]:
    """Fetch the end of a file, and with it how long the file is.

    Args:
        address: Where it is, as the server says.
        settings: The server.
        tail: How many bytes to fetch; all of a file that is shorter.
        max_bytes: How many bytes of the file may be held at once: `max_response_bytes`.

    Returns:
        The file, and its last bytes, or more of them: all where the server does not know ranges.

    Raises:
        StaleFileError: The address has to be asked for again.
        BadResponseError: An address that is not used, or an answer that is no file.
        ResponseTooLargeError: The server sends all of the file, and that is too long.
    """
    tail = min(tail, max_bytes)
    place = place_of(address, settings)
    try:
        headers = {"range": f"bytes=-{tail}"}
        answer, place = yield from follow(FileRequest.get(place, headers, max_bytes), settings)
        total = content_range(answer).total
        if answer.status == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE and total == 0:
            return RemoteFile(place, 0, None, settings, max_bytes), Ranges()
        is_whole = _must_come_whole(answer, tail)
        if is_whole:
            answer, place = yield from follow(FileRequest.get(place, {}, max_bytes), settings)
    except ResponseTooLargeError as error:
        error.args = (
            "the server sends a file of a history whole, not in parts, and it is longer than "
            "max_response_bytes= allows; pass a larger one",
        )
        raise
    if answer.status == HTTPStatus.OK:
        file = RemoteFile(place, len(answer.content), None, settings, max_bytes)
        return file, Ranges([(0, answer.content)])
    if is_whole or answer.status != HTTPStatus.PARTIAL_CONTENT or total is None:
        raise _refusal(answer.status)
    start = max(total - tail, 0)
    file = RemoteFile(place, total, etag_of(answer), settings, max_bytes)
    ranges = Ranges([(start, answer.content)])
    return file, (yield from fetch_ranges(file, [(start, total)], ranges))


def fetch_ranges(file: RemoteFile, wanted: Iterable[tuple[int, int]], held: Ranges) -> Flow[Ranges]:
    """Fetch ranges of a file, those that are close together by one request.

    Args:
        file: The file.
        wanted: From which byte to before which one; in any order, overlapping or not.
        held: What has come already, which is not fetched again.

    Returns:
        What has come, all that is wanted among it.

    Raises:
        StaleFileError: The address has to be asked for again, and the file read anew.
        BadResponseError: A range that is not within the file, before anything is fetched; or
            an answer that is no such range of it.
        ResponseTooLargeError: What is wanted is more than may be held, before anything is fetched.
    """
    missing: list[tuple[int, int]] = []
    for start, end in wanted:
        if not 0 <= start <= end <= file.size:
            raise BadResponseError(
                f"a file of a history has {file.size:,} bytes, and points at others; it is broken",
                status=HTTPStatus.OK,
            )
        missing += held.missing(start, end)
    if missing and file.etag is None:
        raise StaleFileError("its version is not known")  # `held` is not what came with the file
    missing = _merged(missing)
    size = held.size + sum(end - start for start, end in missing)
    if size > file.max_bytes:
        raise ResponseTooLargeError(
            f"{size:,} bytes are needed of a file of a history, more than the {file.max_bytes:,} "
            "of max_response_bytes=; ask for fewer keys, or pass more",
            status=HTTPStatus.OK,
        )
    parts = [
        (each, min(each + PART, end)) for start, end in missing for each in range(start, end, PART)
    ]
    flows = [_fetch_part(file, start, end) for start, end in parts]
    fetched = yield from gather(flows, lane="files")
    return held.joined(part for answers in fetched for part in answers)


def _merged(ranges: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Ranges in order, with those as one that are close together."""
    merged: list[tuple[int, int]] = []
    for start, end in sorted(ranges):
        if merged and start - merged[-1][1] <= GAP:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        else:
            merged.append((start, end))
    return merged


def _fetch_part(file: RemoteFile, start: int, end: int) -> Flow[list[tuple[int, bytes]]]:
    """Fetch the bytes from one offset to before another, as they come."""
    parts: list[tuple[int, bytes]] = []
    at = start
    for _ in range(_MOST_ANSWERS):
        headers = {"range": f"bytes={at}-{end - 1}", "if-range": file.etag or ""}
        request = FileRequest.get(file.place, headers, max(end - at, _LONGEST_REFUSAL))
        try:
            answer, _ = yield from follow(request, file.settings)
        except ResponseTooLargeError as error:
            if error.status == HTTPStatus.PARTIAL_CONTENT:
                raise _refusal(error.status) from None
            raise StaleFileError(_CHANGED) from None  # all of another version
        _check_part(answer, file, at, end)
        parts.append((at, answer.content))
        at += len(answer.content)
        if at == end:
            return parts
    raise BadResponseError(
        f"the server sends a range of a file of a history in more than {_MOST_ANSWERS} parts; "
        "try again later",
        status=HTTPStatus.PARTIAL_CONTENT,
    )


def _check_part(answer: FileAnswer, file: RemoteFile, start: int, end: int) -> None:
    """Refuse an answer that is not of this version, or not what was asked for."""
    match answer.status:
        case HTTPStatus.PARTIAL_CONTENT:
            total = content_range(answer).total
            if etag_of(answer) != file.etag or (total is not None and total != file.size):
                raise StaleFileError(_CHANGED)
            if not is_as_stored(answer) or not is_part(answer, start, end, file.size):
                raise _refusal(answer.status)
        case (
            HTTPStatus.OK
            | HTTPStatus.PRECONDITION_FAILED
            | HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE
        ):
            raise StaleFileError(_CHANGED)
        case _:
            raise _refusal(answer.status)


def _must_come_whole(answer: FileAnswer, tail: int) -> bool:
    """Whether a server that was asked for the end of a file cannot be asked for other parts."""
    if answer.status != HTTPStatus.PARTIAL_CONTENT:
        # Else it does not know ranges that count from the end.
        return answer.status == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE
    total = content_range(answer).total
    if total is None or not is_as_stored(answer):
        return True
    if not is_part(answer, max(total - tail, 0), total, total):
        return True
    return etag_of(answer) is None and len(answer.content) < total


def _refusal(status: int) -> Exception:
    """What an answer means that is no part of a file."""
    if status in _STALE:
        return StaleFileError(f"{_STALE[HTTPStatus(status)]} (HTTP {status})")
    if status == HTTPStatus.PARTIAL_CONTENT:
        problem = "sends another part of a file of a history than is asked for"
    else:
        problem = f"answers HTTP {status} where a file of a history should be"
    return BadResponseError(f"the server {problem}; try again later", status=status)
