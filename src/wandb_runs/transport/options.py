"""What a caller may choose about requests: defaults, bounds, and the options of a client."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final

from wandb_runs.errors import InvalidArgumentError
from wandb_runs.errors.suggest import show
from wandb_runs.errors.text import FieldsRepr
from wandb_runs.transport.messages import MAX_RESPONSE_BYTES

__all__ = [
    "FILES_AT_ONCE",
    "MAX_CONCURRENCY",
    "MAX_RETRIES",
    "MOST_AT_ONCE",
    "TIMEOUT",
    "Options",
    "check_count",
]

TIMEOUT: Final = 60.0
MAX_RETRIES: Final = 5
MAX_CONCURRENCY: Final = 4
"""Operations of one client under way at once by default: W&B limits the rate of each user."""

MOST_AT_ONCE: Final = 100
"""The most of them that a client may be made with."""

FILES_AT_ONCE: Final = 32
"""Requests for files of one client under way at once, beside operations: storage has no such limit.
"""

_RATES: Final = (1e-6, 1e6)
"""The least and the most requests per second that a client may be told to send."""

_LONGEST_TIMEOUT: Final = 1_000_000
"""Seconds; operating systems count a socket's in milliseconds of 31 bits."""


@dataclass(frozen=True, slots=True, repr=False)
class Options(FieldsRepr):
    """The limits of a client's calls, which `with_options` may change.

    Attributes:
        timeout: The deadline of one call in seconds, retries included.
        max_retries: How many times a request is sent again at most.
        max_response_bytes: How long the body of an answer may be, decompressed.
        read_only: Whether calls that change anything are refused; `with_options` keeps it.
        requests_per_second: How many requests are sent at most; None for as many as the server's
            own rate limit allows.

    Raises:
        InvalidArgumentError: A value of the wrong type or out of bounds.
    """

    timeout: float = TIMEOUT
    max_retries: int = MAX_RETRIES
    max_response_bytes: int = MAX_RESPONSE_BYTES
    read_only: bool = False
    requests_per_second: float | None = None

    def __post_init__(self) -> None:
        _check_seconds(self.timeout)
        check_count("max_retries", self.max_retries, least=0)
        check_count("max_response_bytes", self.max_response_bytes, least=1)
        if not isinstance(self.read_only, bool):  # pyright: ignore[reportUnnecessaryIsInstance] - callers without a checker
            raise InvalidArgumentError(
                f"read_only must be True or False, got {type(self.read_only).__name__}"
            )
        if self.requests_per_second is not None:
            _check_rate(self.requests_per_second)

    def changed(self, **options: object) -> Options:
        """A copy with the options that are not None.

        Raises:
            InvalidArgumentError: A value of the wrong type or out of bounds.
        """
        given: dict[str, Any] = {name: each for name, each in options.items() if each is not None}
        return replace(self, **given)


def _check_seconds(timeout: object) -> None:
    if isinstance(timeout, bool) or not isinstance(timeout, (int, float)):
        raise InvalidArgumentError(f"timeout must be seconds, got {type(timeout).__name__}")
    if not 0 < timeout <= _LONGEST_TIMEOUT:
        raise InvalidArgumentError(
            f"timeout must be a number of seconds above 0, at most {_LONGEST_TIMEOUT:,}, got "
            f"{timeout}"
        )


def _check_rate(rate: object) -> None:
    if isinstance(rate, bool) or not isinstance(rate, (int, float)):
        raise InvalidArgumentError(
            "requests_per_second must be a number, or None for what the server's rate limit "
            f"allows, got {type(rate).__name__}"
        )
    least, most = _RATES
    if not least <= rate <= most:
        raise InvalidArgumentError(
            f"requests_per_second must be a number above 0, from {least:f} to {most:,.0f}, got "
            f"{show(rate)}; None for what the server's rate limit allows"
        )


def check_count(name: str, value: object, *, least: int, most: int | None = None) -> None:
    """Refuse what is no `int` within bounds.

    Raises:
        InvalidArgumentError: It is none; the message names the argument.
    """
    if isinstance(value, bool) or not isinstance(value, int):
        raise InvalidArgumentError(f"{name} must be an int, got {type(value).__name__}")
    if value < least or (most is not None and value > most):
        bounds = f"at least {least}" if most is None else f"from {least} to {most}"
        raise InvalidArgumentError(f"{name} must be {bounds}, got {value}")
