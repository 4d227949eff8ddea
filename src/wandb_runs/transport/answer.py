"""What an HTTP status means, when it is not a success."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from wandb_runs.errors import (
    AuthenticationError,
    BadResponseError,
    GraphQLError,
    NotFoundError,
    PermissionDeniedError,
    RateLimitError,
    ResponseError,
    ServerError,
)

if TYPE_CHECKING:
    from wandb_runs.errors import WandbRunsError
    from wandb_runs.transport.message import Response

__all__ = ["error_of", "request_id_of", "retry_after_of"]

_EXCERPT: Final = 200


def request_id_of(response: Response) -> str | None:
    """What the server, or whatever stands before it, calls this request."""
    return response.headers.get("x-request-id")


def retry_after_of(response: Response) -> float | None:
    """How many seconds the server asks to wait, from `Retry-After` or `RateLimit-Reset`.

    W&B sends the second with every 429.
    """
    for name in ("retry-after", "ratelimit-reset"):
        value = response.headers.get(name, "").strip()
        if re.fullmatch(r"\d{1,6}(\.\d+)?", value):
            return float(value)
    return None


def error_of(response: Response, *, attempts: int, about: str) -> WandbRunsError | None:
    """The error that a status stands for, or None when the body is to be read.

    A refusal whose body is JSON (HTTP 400, 422) is left to the operation, which finds GraphQL's
    own errors in it.

    Args:
        response: The answer.
        attempts: How many times the request was sent.
        about: What was asked for, in the words of a message: "'entity/project'".
    """
    status = response.status
    said = f"HTTP {status}{_excerpt(response)}"
    kind: type[ResponseError]
    if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        return None
    if status == HTTPStatus.NOT_FOUND:
        return NotFoundError(
            f"the server has no such address while asking for {about} ({said}); check base_url, "
            "and the spelling of entity and project"
        )
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        delay = retry_after_of(response)
        wait = "" if delay is None else f" and asks to wait {delay:g} s"
        return RateLimitError(
            f"the server limits the rate of requests ({said}){wait}; send fewer at once",
            request_id=request_id_of(response),
            attempts=attempts,
            retry_after=delay,
        )
    if status == HTTPStatus.UNAUTHORIZED:
        kind = AuthenticationError
        message = (
            f"the server does not accept the API key ({said}); pass api_key=, set WANDB_API_KEY, "
            "or put the key into a netrc file"
        )
    elif status == HTTPStatus.FORBIDDEN:
        kind = PermissionDeniedError
        message = f"the API key may not read {about} ({said}); ask its owner for access"
    elif status == HTTPStatus.REQUEST_TIMEOUT or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        kind = ServerError
        message = (
            f"the server failed to answer for {about} ({said}, attempt {attempts}); try later, or "
            "ask for less (per_page=, samples=, keys=)"
        )
    elif status < HTTPStatus.BAD_REQUEST:
        kind = BadResponseError
        message = (
            f"the server redirects ({said}), which is not followed, so that the API key goes "
            "nowhere else; set base_url to the address where the API is"
        )
    elif response.content.lstrip().startswith(b"{"):
        return None
    else:
        return GraphQLError(
            f"the server refused to answer for {about} ({said}); check base_url and the arguments",
            status=status,
            errors=(),
            request_id=request_id_of(response),
            attempts=attempts,
        )
    return kind(message, status=status, request_id=request_id_of(response), attempts=attempts)


def _excerpt(response: Response) -> str:
    """A short, one-line piece of the body; a page of HTML says nothing that a message needs."""
    text = " ".join(response.content[:_EXCERPT].decode("utf-8", "replace").split())
    return f": {text}" if text and not text.startswith("<") else ""
