"""`FileRequest`: the transfer of a file or a part of one, which a flow yields as an operation.

The addresses come from the server. The key and the caller's own headers go to the server's own
origin alone, and no more once a redirect has led elsewhere.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import TYPE_CHECKING, Final, Literal, NamedTuple
from urllib.parse import urldefrag, urljoin, urlsplit

from typing_extensions import override

from wandb_runs.errors import BadResponseError
from wandb_runs.errors.text import FieldsRepr, excerpt
from wandb_runs.graphql.flow import ReadApart, ask
from wandb_runs.graphql.operation import Operation
from wandb_runs.transport.credentials import SecretHeaders
from wandb_runs.transport.hosts import origin_of
from wandb_runs.transport.messages import Request, StreamedRequest
from wandb_runs.transport.settings import Address
from wandb_runs.transport.urls import problem_of_file

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from wandb_runs.graphql.flow import Flow
    from wandb_runs.transport.messages import RequestBody
    from wandb_runs.transport.settings import Settings

__all__ = ["FileAnswer", "FilePlace", "FileRequest", "follow", "place_of", "upload_headers"]

_MOST_REDIRECTS: Final = 5

_REDIRECTS: Final = {
    "GET": frozenset({301, 302, 303, 307, 308}),
    "PUT": frozenset({307, 308}),  # the others mean a GET
}

_ERRORS: Final = frozenset({401, 407, 408, 429})
"""Statuses below 500 that mean the same for a file as for an operation."""

_OF_BODIES: Final = frozenset({"content-type"})

_HEADERS: Final = {
    "accept": "*/*",
    # A part of what is compressed is of no use.
    "accept-encoding": "identity",
}

_HEADER_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", re.ASCII)
_HEADER_VALUE: Final = re.compile(r"|[!-~](?:[\t -~]*[!-~])?", re.ASCII)

_REFUSED: Final = frozenset({
    "accept-encoding", "authorization", "connection", "content-length", "cookie", "expect", "host",
    "keep-alive", "te", "trailer", "transfer-encoding", "upgrade",
})  # fmt: skip
"""Headers of an upload that no server may choose, beside those that begin with `Proxy-`."""


class FilePlace(NamedTuple):
    """Where a file is.

    Attributes:
        address: Its address.
        is_own: Whether the key goes there.
    """

    address: Address
    is_own: bool


_NOWHERE: Final = FilePlace(Address(""), is_own=False)


def _no_headers() -> Mapping[str, str]:
    return SecretHeaders({})


@dataclass(frozen=True, slots=True, repr=False)
class FileAnswer(FieldsRepr, ReadApart):
    """The answer of whatever keeps a file.

    Attributes:
        status: The HTTP status.
        headers: Header names, in lower case, and values.
        content: The body.
    """

    status: int
    headers: Mapping[str, str]
    content: bytes

    @override
    def __repr__(self) -> str:
        # Without the headers, which may be secret, and the content.
        return f"<FileAnswer {getattr(self, 'status', '…')}>"


@dataclass(frozen=True, slots=True, repr=False)
class FileRequest(Operation[FileAnswer]):
    """The transfer of a file, or of a part of it.

    Attributes:
        place: Where the file is.
        method: Whether to get it or to send it.
        headers: Headers beside those of every transfer, names in lower case.
        body: What is sent.
        max_bytes: How long the answer may be, where that is known.
    """

    place: FilePlace = _NOWHERE
    method: Literal["GET", "PUT"] = "GET"
    headers: Mapping[str, str] = field(default_factory=_no_headers)
    body: RequestBody | None = None
    max_bytes: int = sys.maxsize

    @classmethod
    def get(
        cls, place: FilePlace, headers: Mapping[str, str], max_bytes: int = sys.maxsize
    ) -> FileRequest:
        """A request for a file or a part of it."""
        secret = SecretHeaders(headers)
        return cls(
            "a file", "query", "", {}, _load, place=place, headers=secret, max_bytes=max_bytes
        )

    @classmethod
    def put(cls, place: FilePlace, headers: Mapping[str, str], body: RequestBody) -> FileRequest:
        """A request that sends a file; the same bytes twice are the same as once."""
        secret = SecretHeaders(headers)
        return cls(
            "a file", "mutation", "", {}, _load, place=place, method="PUT", headers=secret,
            body=body,
        )  # fmt: skip

    @property
    def size(self) -> int:
        """The length of what is sent, in bytes."""
        return 0 if self.body is None else self.body.size

    def reads(self, status: int) -> bool:
        """Whether what asked for the file decides what a status means."""
        if status in _ERRORS:
            return status == HTTPStatus.UNAUTHORIZED and not self.place.is_own
        return status < HTTPStatus.INTERNAL_SERVER_ERROR

    def request(self, own: Mapping[str, str], timeout: float, max_bytes: int) -> Request:
        """The HTTP request.

        Args:
            own: The headers of the client, with the key where it goes there.
            timeout: Seconds until the answer must be complete.
            max_bytes: How long the answer's body may be.
        """
        kept = {name: value for name, value in own.items() if name not in _OF_BODIES}
        headers = SecretHeaders({**kept, **_HEADERS, **self.headers})
        url = self.place.address.url
        if self.body is None:
            return Request(self.method, url, headers, b"", timeout, max_bytes)
        return StreamedRequest(self.method, url, headers, self.body, timeout, max_bytes)


def place_of(given: Address, settings: Settings, before: FilePlace | None = None) -> FilePlace:
    """Where a file is, by an address that a server gave.

    Args:
        given: The address; it may be relative.
        settings: The server.
        before: Where the address was given; None for an answer of the server itself.

    Raises:
        BadResponseError: An address that is not used: no URL, or without encryption.
    """
    base_url = settings.base_url
    # No variable is a text of an address: a traceback may be shown with those of its frames.
    came_from = Address(f"{base_url}/") if before is None else before.address
    try:
        # Without what is for browsers.
        address = Address(urldefrag(urljoin(came_from.url, given.url)).url)
    except ValueError:
        address = given
    problem = problem_of_file(address.url, allow_http=settings.allow_http)
    schemes = [urlsplit(each.url).scheme for each in (came_from, address)] if not problem else []
    if schemes == ["https", "http"] and not settings.allow_http:
        problem = (
            f"the server leads from https to {excerpt(repr(address))}, without encryption; pass "
            "allow_http=True if the network is trusted"
        )
    if problem is not None:
        raise BadResponseError(problem, status=HTTPStatus.OK)
    is_own = origin_of(address.url) == origin_of(base_url)
    return FilePlace(address, is_own and (before is None or before.is_own))


def follow(request: FileRequest, settings: Settings) -> Flow[tuple[FileAnswer, FilePlace]]:
    """Send a request, and again to where it is redirected; return where that was, too.

    Raises:
        BadResponseError: It is redirected too often, or to an address that is not used.
    """
    place = request.place
    left = _MOST_REDIRECTS
    while True:
        answer = yield from ask(replace(request, place=place))
        if answer.status not in _REDIRECTS[request.method] or "location" not in answer.headers:
            return answer, place
        if left == 0:
            break
        left -= 1
        place = place_of(Address(answer.headers["location"]), settings, place)
    raise BadResponseError(
        f"a file is redirected more than {_MOST_REDIRECTS} times; ask for its address again",
        status=answer.status,
    )


def upload_headers(given: Iterable[str | None]) -> Mapping[str, str]:
    """Headers that a server wants an upload to have, each as `Name:value`.

    Raises:
        BadResponseError: One that no server may choose, or that is none.
    """
    headers: dict[str, str] = {}
    for line in given:
        if line is None:
            continue
        name, colon, value = line.partition(":")
        name, value = name.strip(" \t").lower(), value.strip(" \t")
        if not colon or not _HEADER_NAME.fullmatch(name):
            problem = "a header that has no name"  # what it has may be a secret
        elif name in _REFUSED or name.startswith("proxy-"):
            problem = f"the header {excerpt(name)!r}, which is this client's own to choose"
        elif not _HEADER_VALUE.fullmatch(value):
            problem = f"the header {excerpt(name)!r} with a value that no header has"
        else:
            headers[name] = value
            continue
        # A value may be a signature, and a traceback be shown with the variables of its frames.
        del name, value, line, given
        headers.clear()
        raise BadResponseError(
            f"the server wants an upload to have {problem}; nothing was uploaded",
            status=HTTPStatus.OK,
        )
    return SecretHeaders(headers)


def _load() -> type[FileAnswer]:
    return FileAnswer
