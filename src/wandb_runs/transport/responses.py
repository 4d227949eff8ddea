"""Errors for HTTP statuses, and the delays that servers ask for."""

from __future__ import annotations

import re
from datetime import UTC
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Final, TypedDict

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
from wandb_runs.errors.text import excerpt

if TYPE_CHECKING:
    from wandb_runs.errors import WandbRunsError
    from wandb_runs.transport.messages import Response

__all__ = ["delay_of", "error_of", "limit_delay_of", "rate_limit_in", "request_id_of"]

_EXCERPT: Final = 200

_SECONDS: Final = re.compile(r"\d+(\.\d+)?", re.ASCII)

_LONGEST_DELAY: Final = 1e9
"""Seconds, some thirty years: what a longer delay counts as; past the deadline of any call."""

_TOO_FAST: Final = re.compile(
    r"\brate[ _-]?limit(ed\b|.{0,40}\b(exceed|reach|hit))|exceed.{0,40}\brate[ _-]?limit|"
    r"\btoo many requests\b",
    re.IGNORECASE,
)


_SERVER_ERROR: Final = HTTPStatus.INTERNAL_SERVER_ERROR

# Refusals whose meaning does not depend on the body.
_SAYS_ALL: Final = frozenset({401, 403, 404, 408, 429})


class _Facts(TypedDict):
    status: int
    request_id: str | None
    attempts: int


def request_id_of(response: Response) -> str | None:
    """The id that the server, or a proxy before it, gave the request."""
    return response.headers.get("x-request-id")


def delay_of(response: Response, now: float) -> float | None:
    """The delay of the header `Retry-After`, in seconds.

    Malformed delays, and dates that have passed, count as none; there is no delay that is too long
    to be obeyed, or to be refused.

    Args:
        response: The answer.
        now: Seconds since 1970, for a delay that is written as a date, in an answer without a
            `Date` header.
    """
    text = response.headers.get("retry-after", "").strip()
    if _SECONDS.fullmatch(text):
        return min(float(text), _LONGEST_DELAY)
    until = _moment(text)
    if until is None:
        return None
    written = _moment(response.headers.get("date", ""))
    delay = until - (now if written is None else written)
    return min(delay, _LONGEST_DELAY) if delay >= 0 else None


def limit_delay_of(response: Response, now: float) -> float | None:
    """How many seconds to wait after HTTP 429, by `Retry-After` or `RateLimit-Reset`.

    W&B sends the second with every 429.
    """
    delay = delay_of(response, now)
    if delay is None:
        text = response.headers.get("ratelimit-reset", "").strip()
        return min(float(text), _LONGEST_DELAY) if _SECONDS.fullmatch(text) else None
    return delay


def rate_limit_in(error: GraphQLError, response: Response, now: float) -> RateLimitError | None:
    """The rate limit that the errors of a successful answer report, if they do."""
    if response.status != HTTPStatus.OK or not any(map(_TOO_FAST.search, error.errors)):
        return None
    return _rate_limit(
        f"HTTP {response.status}: {excerpt(error.errors[0], _EXCERPT)}",
        response,
        now,
        attempts=error.attempts,
    )


def error_of(response: Response, *, attempts: int, about: str, now: float) -> WandbRunsError | None:
    """The error of a status, or None when the body is to be read.

    A refusal whose body is JSON (HTTP 400, 422) is left to the operation, which finds GraphQL's
    own errors in it.

    Args:
        response: The answer.
        attempts: How many times the request was sent.
        about: The subject of the request for the message, such as "'entity/project'".
        now: Seconds since 1970, for a delay that is written as a date.
    """
    status = response.status
    is_success = HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES
    has_errors = status not in _SAYS_ALL and HTTPStatus.BAD_REQUEST <= status < _SERVER_ERROR
    if is_success or (has_errors and response.content.lstrip().startswith(b"{")):
        return None
    facts = _Facts(status=status, request_id=request_id_of(response), attempts=attempts)
    said = f"HTTP {status}{_excerpt(response)}"
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return _rate_limit(said, response, now, attempts=attempts)
    if status == HTTPStatus.REQUEST_TIMEOUT or status >= _SERVER_ERROR:
        return ServerError(
            f"the server failed to answer for {about} ({said}, attempt {attempts}); try later, or "
            "ask for less (per_page=, samples=, keys=)",
            **facts,
            retry_after=delay_of(response, now),
        )
    kind: type[ResponseError | NotFoundError]
    if status == HTTPStatus.NOT_FOUND:
        kind = NotFoundError
        message = (
            f"the server has no such address while asking for {about} ({said}); check base_url, "
            "and the spelling of entity and project"
        )
    elif status == HTTPStatus.UNAUTHORIZED:
        kind = AuthenticationError
        message = (
            f"the server does not accept the API key ({said}); pass api_key=, set WANDB_API_KEY, "
            "or put the key into a netrc file"
        )
    elif status == HTTPStatus.FORBIDDEN:
        kind = PermissionDeniedError
        message = f"the API key may not read {about} ({said}); ask its owner for access"
    elif status < HTTPStatus.BAD_REQUEST:
        kind = BadResponseError
        message = (
            f"the server redirects ({said}), which is not followed, so that the API key goes "
            "nowhere else; set base_url to the address where the API is"
        )
    else:
        message = (
            f"the server refused to answer for {about} ({said}); check base_url and the arguments"
        )
        return GraphQLError(message, errors=(), **facts)
    return kind(message, **facts)


def _rate_limit(said: str, response: Response, now: float, *, attempts: int) -> RateLimitError:
    delay = limit_delay_of(response, now)
    wait = "" if delay is None else f" and asks to wait {delay:g} s"
    return RateLimitError(
        f"the server limits the rate of requests ({said}){wait}; send fewer at once",
        status=response.status,
        request_id=request_id_of(response),
        attempts=attempts,
        retry_after=delay,
    )


def _moment(text: str) -> float | None:
    """Seconds since 1970, of an HTTP date."""
    try:
        moment = parsedate_to_datetime(text)
        # A date without a zone is in UTC.
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None


def _excerpt(response: Response) -> str:
    """The start of the body on one line, without HTML."""
    # Four bytes hold any character.
    start = response.content[: 4 * _EXCERPT].decode("utf-8", "replace").strip()
    if not start or start.startswith("<"):
        return ""
    left_out = len(response.content) - 4 * _EXCERPT
    more = f" (of {len(response.content):,} bytes)" if left_out > 0 else ""
    return f": {excerpt(start, _EXCERPT)}{more}"
