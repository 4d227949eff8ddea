"""How one file is downloaded: in parts, of one version, compared with its digest.

Each part is a request of its own, with its own deadline and retries. The parts belong together by
the file's `ETag`, which each request names; where a server sends none that can be relied on, by the
digest at the end; without that, too, the file is one answer. A file that changes meanwhile is
begun anew.
"""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Final, NamedTuple

from wandb_runs.errors import BadResponseError, ResponseTooLargeError
from wandb_runs.errors.text import FieldsRepr
from wandb_runs.graphql.flow import apart, gather
from wandb_runs.runs.files.listing import fetch_file
from wandb_runs.transport.byte_ranges import content_range, etag_of, is_as_stored, is_part
from wandb_runs.transport.file_request import FileRequest, follow, place_of
from wandb_runs.transport.hosts import origin_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from wandb_runs.files.tree import PartialFile
    from wandb_runs.graphql.flow import Flow
    from wandb_runs.runs.files.listing import FileFacts, RunPath
    from wandb_runs.transport.file_request import FileAnswer, FilePlace
    from wandb_runs.transport.settings import Settings

__all__ = ["PART", "Fetched", "Fetching"]

PART: Final = 4 << 20
"""Bytes of a part."""

_AT_ONCE: Final = 32
"""Parts that are planned together: no list of them grows with the file."""

_MOST_BEGINNINGS: Final = 4


class Fetched(NamedTuple):
    """A file that has come whole.

    Attributes:
        size: How many bytes it has.
        is_verified: Whether its digest is the server's; False where that gives none.
    """

    size: int
    is_verified: bool


class _StaleError(Exception):
    """The file is not, or no longer, what was listed; it has to be asked for again."""


@dataclass(frozen=True, slots=True, repr=False)
class _Version(FieldsRepr):
    """What all parts of a file have in common."""

    place: FilePlace
    etag: str | None
    total: int


@dataclass(frozen=True, slots=True, repr=False)
class Fetching(FieldsRepr):
    """The download of a file of a run.

    Attributes:
        run: The run.
        settings: The server.
        tell: Told how many bytes each part has, in the driver's own thread.
        part_size: Bytes of a part.
    """

    run: RunPath
    settings: Settings
    tell: Callable[[int], None] | None = None
    part_size: int = PART

    def fetch(self, file: FileFacts, partial: PartialFile) -> Flow[Fetched]:
        """Download a file, and compare it with its digest.

        Args:
            file: The file.
            partial: Takes its content.

        Raises:
            BadResponseError: It is not what the server says of it, however often it is asked.
            NotFoundError: It is gone.
            OSError: It cannot be written.
        """
        beginnings = 0
        while True:
            beginnings += 1
            try:
                return (yield from self._fetch_once(file, partial))
            except _StaleError as error:
                reason = str(error)
            if beginnings == _MOST_BEGINNINGS:
                raise BadResponseError(
                    f"file {file.name!r} of run {self.run.shown} cannot be downloaded: {reason}, "
                    f"also after it was begun anew {beginnings - 1} times; try again later",
                    status=HTTPStatus.OK,
                )
            file = yield from fetch_file(self.run, file.name)
            yield from apart()
            partial.clear()

    def _fetch_once(self, file: FileFacts, partial: PartialFile) -> Flow[Fetched]:
        place = self._place_of(file)
        try:
            answer, place = yield from follow(
                self._request(place, 0, self.part_size), self.settings
            )
        except ResponseTooLargeError as error:
            error.args = (
                f"the server sends file {file.name!r} of run {self.run.shown} whole, not in parts, "
                "and it is longer than max_response_bytes= allows; pass a larger one",
            )
            raise
        if answer.status == HTTPStatus.PARTIAL_CONTENT and not _can_be_joined(answer, file):
            answer, place = yield from follow(FileRequest.get(place, {}), self.settings)
        total = _total_of(answer, file)
        if answer.content:
            partial.write(0, answer.content)
            self._note(len(answer.content))
        if len(answer.content) < total:
            version = _Version(place, etag_of(answer), total)
            yield from self._fetch_rest(version, len(answer.content), partial)
        size, digest = partial.measure()
        if size != total:
            raise _StaleError(f"{size:,} of {total:,} bytes came")
        if file.digest is not None:
            if digest != file.digest:
                raise _StaleError("its MD5 digest is not the one that the server gives")
        elif file.size is not None and file.size != size:
            raise _StaleError(f"it has {size:,} bytes, and the server says {file.size:,}")
        return Fetched(size, file.digest is not None)

    def _fetch_rest(self, version: _Version, start: int, partial: PartialFile) -> Flow[None]:
        step = self.part_size * _AT_ONCE
        for first in range(start, version.total, step):
            last = min(first + step, version.total)
            yield from gather(
                [
                    self._fetch_part(version, each, min(each + self.part_size, last), partial)
                    for each in range(first, last, self.part_size)
                ],
                self._note,
            )

    def _fetch_part(
        self, version: _Version, start: int, end: int, partial: PartialFile
    ) -> Flow[int]:
        """Download the bytes from one offset to before another; return how many they are."""
        at = start
        while at < end:
            request = self._request(version.place, at, end, version.etag)
            try:
                answer, _ = yield from follow(request, self.settings)
            except ResponseTooLargeError:
                raise _StaleError("it changed while it was downloaded") from None
            if (
                answer.status != HTTPStatus.PARTIAL_CONTENT
                or etag_of(answer) != version.etag
                or not is_part(answer, at, end, version.total)
            ):
                raise _StaleError(_reason_of(answer))
            partial.write(at, answer.content)
            at += len(answer.content)
        return end - start

    def _request(
        self, place: FilePlace, start: int, end: int, etag: str | None = None
    ) -> FileRequest:
        headers = {"range": f"bytes={start}-{end - 1}"}
        if not start:
            return FileRequest.get(place, headers)
        if etag is not None:
            headers["if-range"] = etag
        # All of another version would come else.
        return FileRequest.get(place, headers, max_bytes=end - start)

    def _place_of(self, file: FileFacts) -> FilePlace:
        """Where to get a file: where the key goes, or else where none is needed."""
        address, own = file.address, origin_of(self.settings.base_url)
        if address is None or (file.direct_address is not None and origin_of(address.url) != own):
            address = file.direct_address
        if address is None:
            raise _StaleError("the server gives no address of it")
        return place_of(address, self.settings)

    def _note(self, size: int) -> None:
        if self.tell is not None:
            self.tell(size)


def _total_of(answer: FileAnswer, file: FileFacts) -> int:
    """How many bytes a file has, by the first answer."""
    if answer.status == HTTPStatus.OK:
        return len(answer.content)
    if answer.status == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
        total = content_range(answer).total
        if total == 0 or (total is None and file.size == 0):
            return 0
    if answer.status == HTTPStatus.PARTIAL_CONTENT:
        start, end, total = content_range(answer)
        if start == 0 and end == len(answer.content) and total is not None:
            return total  # were it less, what comes would be too long for it
    raise _StaleError(_reason_of(answer))


def _can_be_joined(answer: FileAnswer, file: FileFacts) -> bool:
    """Whether other parts can be had of the same version, as it is stored."""
    if not is_as_stored(answer):
        return False
    start, end, total = content_range(answer)
    if start != 0 or end != len(answer.content) or total is None:
        return False
    return end == total or etag_of(answer) is not None or file.digest is not None


def _reason_of(answer: FileAnswer) -> str:
    if answer.status == HTTPStatus.OK:
        return "it changed while it was downloaded"
    if answer.status == HTTPStatus.PARTIAL_CONTENT:
        return "the server sends another part or version of it than is asked for"
    if answer.status == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
        return "it became shorter while it was downloaded"
    return f"what its address leads to answers HTTP {answer.status}"
