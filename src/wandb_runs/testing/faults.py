"""Faults of a server, as values for `LocalServer.fail`.

Each is a failure that clients of W&B really meet. It happens on the wire: to a real connection, and
to the real answer. Faults of pagination are in `wandb_runs.testing.paging`.

>>> from wandb_runs import Api
>>> from wandb_runs.testing import Html, LocalServer, Truncate, log_run
>>> with LocalServer() as server, Api(base_url=server.url, api_key="any") as api:
...     log_run(server, "me", "digits", "r1")
...     with server.fail(Html(status=502), Truncate(at=10)):
...         len(api.runs("me/digits"))
...     server.failed
1
(Html(status=502), Truncate(at=10, whole_http=False))
"""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final, Literal, cast

from typing_extensions import override

from wandb_runs.errors import InvalidArgumentError
from wandb_runs.errors.suggest import nearest, show
from wandb_runs.graphql.scalars import decode
from wandb_runs.local.faults import FILE, Answer, Fault, GraphQLRequest
from wandb_runs.local.schema import nullable_fields

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from wandb_runs.local import LocalServer
    from wandb_runs.local.faults import Answering

__all__ = [
    "Answer",
    "BadGzip",
    "BareErrors",
    "Churn",
    "Drip",
    "Empty",
    "Fault",
    "GraphQLRequest",
    "Html",
    "IgnoreRange",
    "NullData",
    "NullFields",
    "PartialData",
    "RateLimited",
    "Redirect",
    "Reset",
    "Slow",
    "Status",
    "Truncate",
    "WithHeaders",
]

_JSON: Final = {"content-type": "application/json"}


@dataclass(frozen=True)
class RateLimited(Fault):
    """HTTP 429, as W&B sends it.

    Attributes:
        after: The value of `Retry-After`: seconds, or any text, such as an HTTP date or nonsense.
            None leaves the header out.
        reset: The value of `RateLimit-Reset`, in seconds; None leaves the header out.
        remaining: The value of `RateLimit-Remaining`; None leaves the header out.

    >>> RateLimited(after="Wed, 21 Oct 2015 07:28:00 GMT").headers
    {'retry-after': 'Wed, 21 Oct 2015 07:28:00 GMT'}
    >>> RateLimited(after=None, reset=1.5, remaining=0).headers
    {'ratelimit-reset': '1.5', 'ratelimit-remaining': '0'}
    """

    after: float | str | None = 2
    reset: float | str | None = None
    remaining: int | str | None = None

    @property
    def headers(self) -> dict[str, str]:
        """The headers that say when to retry."""
        said = {
            "retry-after": self.after,
            "ratelimit-reset": self.reset,
            "ratelimit-remaining": self.remaining,
        }
        return {name: str(value) for name, value in said.items() if value is not None}

    @override
    def strike(self, request: GraphQLRequest, answer: Answering) -> Answer:
        return Answer(b'{"error":"rate limit exceeded"}', 429, {**_JSON, **self.headers})


@dataclass(frozen=True)
class Status(Fault):
    """A response with a given status, body and headers.

    Attributes:
        code: The HTTP status.
        body: The body.
        headers: The headers.

    >>> Status(503, b"busy", {"x-request-id": "r1"}).code
    503
    """

    code: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict[str, str], hash=False)

    @override
    def strike(self, request: GraphQLRequest, answer: Answering) -> Answer:
        return Answer(self.body, self.code, self.headers)


@dataclass(frozen=True)
class Html(Fault):
    """A page of HTML, as a proxy sends it when the server behind it fails.

    Attributes:
        status: The HTTP status.

    >>> Html(200)
    Html(status=200)
    """

    status: int = 502

    @override
    def strike(self, request: GraphQLRequest, answer: Answering) -> Answer:
        body = f"<html><head><title>{self.status}</title></head><body>Sorry.</body></html>"
        return Answer(body.encode(), self.status, {"content-type": "text/html"})


@dataclass(frozen=True)
class Redirect(Fault):
    """A redirect to another address.

    Attributes:
        to: The address.
        status: The HTTP status.

    >>> Redirect("https://elsewhere.example/graphql").status
    307
    """

    to: str
    status: int = 307

    @override
    def strike(self, request: GraphQLRequest, answer: Answering) -> Answer:
        return Answer(b"", self.status, {"location": self.to})


@dataclass(frozen=True)
class Empty(Fault):
    """HTTP 200 with an empty body.

    >>> Empty()
    Empty()
    """

    @override
    def strike(self, request: GraphQLRequest, answer: Answering) -> Answer:
        return Answer(b"")


@dataclass(frozen=True)
class NullData(Fault):
    """HTTP 200 with `{"data": null}` and no errors.

    >>> NullData()
    NullData()
    """

    @override
    def strike(self, request: GraphQLRequest, answer: Answering) -> Answer:
        return Answer(b'{"data":null}')


@dataclass(frozen=True, init=False, repr=False)
class NullFields(Fault):
    """The real answer, with nulls in place of fields.

    W&B's schema promises that some fields are never null, and the server is known to answer null
    there nonetheless. The local server keeps these promises, but for this fault and faults of
    pagination.

    Attributes:
        fields: The fields, each as `Type.field`; any that a client may expect to be null.

    Raises:
        InvalidArgumentError: There is no such field, or it is never null.

    >>> NullFields("Run.createdAt", "Project.runCount")
    NullFields('Run.createdAt', 'Project.runCount')
    """

    fields: tuple[str, ...]

    def __init__(self, *fields: str) -> None:
        for field_name in fields:
            if field_name not in nullable_fields():
                near = nearest(field_name, nullable_fields())
                raise InvalidArgumentError(
                    f"NullFields: {show(field_name)} is no field that may be null, like "
                    f"{near or 'Run.createdAt'!r}."
                )
        if not fields:
            raise InvalidArgumentError("NullFields: expected fields, like 'Run.createdAt'.")
        object.__setattr__(self, "fields", fields)

    @override
    def __repr__(self) -> str:
        return f"NullFields({', '.join(map(repr, self.fields))})"

    @override
    def strike(self, request: GraphQLRequest, answer: Answering) -> Answer:
        return answer(replace(request, nulls=request.nulls | {*self.fields}))


@dataclass(frozen=True)
class BareErrors(Fault):
    """Errors that are not objects, as some of W&B's are not.

    Attributes:
        message: The error's message.
        form: `"errors"` for `{"errors": ["..."]}`, `"error"` for `{"error": "..."}`.
        status: The HTTP status.

    >>> BareErrors("no such table", form="error").body
    b'{"error": "no such table"}'
    """

    message: str = "something went wrong"
    form: Literal["errors", "error"] = "errors"
    status: int = 200

    @property
    def body(self) -> bytes:
        """The body of the response."""
        said = [self.message] if self.form == "errors" else self.message
        return json.dumps({self.form: said}).encode()

    @override
    def strike(self, request: GraphQLRequest, answer: Answering) -> Answer:
        return Answer(self.body, self.status)


@dataclass(frozen=True)
class PartialData(Fault):
    """An error beside the real data, still with HTTP 200.

    Attributes:
        message: The error's message.

    >>> PartialData("a shard is down").message
    'a shard is down'
    """

    message: str = "something went wrong"

    @override
    def strike(self, request: GraphQLRequest, answer: Answering) -> Answer:
        made = answer(request)
        content = decode(made.body)
        if not isinstance(content, dict):
            return made
        content["errors"] = [{"message": self.message, "path": []}]
        return replace(made, body=json.dumps(content).encode())


@dataclass(frozen=True)
class WithHeaders(Fault):
    """The real answer with additional headers, such as those of a rate limit.

    Attributes:
        headers: The headers.

    >>> WithHeaders({"ratelimit-remaining": "3"}).headers["ratelimit-remaining"]
    '3'
    """

    headers: Mapping[str, str] = field(hash=False)

    @override
    def strike(self, request: GraphQLRequest, answer: Answering) -> Answer:
        made = answer(request)
        return replace(made, headers={**made.headers, **self.headers})


@dataclass(frozen=True)
class BadGzip(Fault):
    """The real answer, in truncated gzip.

    The HTTP framing is intact: only decompression detects it.

    >>> BadGzip()
    BadGzip()
    """

    @override
    def strike(self, request: GraphQLRequest, answer: Answering) -> Answer:
        made = answer(request)
        packed = gzip.compress(made.body)
        headers = {**made.headers, "content-encoding": "gzip"}
        return replace(made, body=packed[: len(packed) // 2], headers=headers)


@dataclass(frozen=True)
class Truncate(Fault):
    """The real answer, truncated.

    Attributes:
        at: The number of bytes of the body sent; a shorter body lacks its last byte.
        whole_http: False closes the connection before `content-length` bytes are sent. True sends
            an intact HTTP response with truncated JSON.

    >>> Truncate(at=20, whole_http=True)
    Truncate(at=20, whole_http=True)
    """

    at: int = 100
    whole_http: bool = False

    @override
    def strike(self, request: GraphQLRequest, answer: Answering) -> Answer:
        made = answer(request)
        at = max(0, min(self.at, len(made.body) - 1))
        return replace(made, body=made.body[:at]) if self.whole_http else replace(made, cut=at)


@dataclass(frozen=True)
class Reset(Fault):
    """The TCP connection is reset before any byte of an answer.

    >>> Reset()
    Reset()
    """

    @override
    def strike(self, request: GraphQLRequest, answer: Answering) -> Answer:
        return Answer(b"", is_reset=True)


@dataclass(frozen=True)
class Slow(Fault):
    """The real answer, late.

    Attributes:
        seconds: The delay; it ends early when the client disconnects or the server stops.

    >>> Slow(30)
    Slow(seconds=30)
    """

    seconds: float

    @override
    def strike(self, request: GraphQLRequest, answer: Answering) -> Answer:
        made = answer(request)
        return replace(made, delay=made.delay + self.seconds)


@dataclass(frozen=True)
class Drip(Fault):
    """The real answer, byte by byte: a timeout of single reads never expires.

    Attributes:
        seconds: The pause between any two bytes of the body.

    >>> Drip(0.5)
    Drip(seconds=0.5)
    """

    seconds: float

    @override
    def strike(self, request: GraphQLRequest, answer: Answering) -> Answer:
        return replace(answer(request), pause=self.seconds)


@dataclass(frozen=True)
class IgnoreRange(Fault):
    """All of a file where a part of it is asked for, as servers answer that know no `Range`.

    >>> from wandb_runs.testing import LocalServer
    >>> with LocalServer() as server, server.fail_always(IgnoreRange(), operation="a file"):
    ...     pass
    """

    @override
    def concerns(self, request: GraphQLRequest) -> bool:
        return request.operation == FILE

    @override
    def strike(self, request: GraphQLRequest, answer: Answering) -> Answer:
        return answer(replace(request, ignores_range=True))


@dataclass(frozen=True)
class Churn(Fault):
    """A callback before the answer is made, to add and delete runs between pages.

    Attributes:
        change: Called with the server: it may log and delete runs, which no fault applies to, or
            add faults. Requests of other clients meet the faults as any request does: with
            `fail_always`, this one too.

    >>> from wandb_runs import Api
    >>> from wandb_runs.testing import LocalServer, delete_run, log_run
    >>> with LocalServer() as server, Api(base_url=server.url, api_key="any") as api:
    ...     for run_id in ("r1", "r2", "r3"):
    ...         log_run(server, "me", "digits", run_id)
    ...     with server.fail(None, Churn(lambda server: delete_run(server, "me", "digits", "r3"))):
    ...         [run.id for run in api.runs("me/digits", per_page=2)]
    ['r1', 'r2']
    """

    change: Callable[[LocalServer], object]

    @override
    def strike(self, request: GraphQLRequest, answer: Answering) -> Answer:
        self.change(cast("LocalServer", request.server))
        return answer(request)
