"""What a caller may choose about requests, with its defaults and bounds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from wandb_runs.errors import InvalidArgumentError
from wandb_runs.transport.messages import MAX_RESPONSE_BYTES

__all__ = ["MAX_RETRIES", "TIMEOUT", "Options"]

TIMEOUT: Final = 60.0
MAX_RETRIES: Final = 5

_LONGEST_TIMEOUT: Final = 1_000_000
"""Seconds; operating systems count a socket's in milliseconds of 31 bits."""


@dataclass(frozen=True, slots=True)
class Options:
    """How patient a client is, and how much it takes.

    Attributes:
        timeout: Seconds for one call, retries included.
        max_retries: How many times a request is sent again at most.
        max_response_bytes: How long the body of an answer may be, decompressed.

    Raises:
        InvalidArgumentError: A value of the wrong type or out of bounds.
    """

    timeout: float = TIMEOUT
    max_retries: int = MAX_RETRIES
    max_response_bytes: int = MAX_RESPONSE_BYTES

    def __post_init__(self) -> None:
        _check_seconds(self.timeout)
        _check_count("max_retries", self.max_retries, least=0)
        _check_count("max_response_bytes", self.max_response_bytes, least=1)

    def changed(
        self,
        *,
        timeout: float | None = None,
        max_retries: int | None = None,
        max_response_bytes: int | None = None,
    ) -> Options:
        """The same but for what is given.

        Raises:
            InvalidArgumentError: A value of the wrong type or out of bounds.
        """
        return Options(
            self.timeout if timeout is None else timeout,
            self.max_retries if max_retries is None else max_retries,
            self.max_response_bytes if max_response_bytes is None else max_response_bytes,
        )


def _check_seconds(timeout: object) -> None:
    if isinstance(timeout, bool) or not isinstance(timeout, (int, float)):
        raise InvalidArgumentError(f"timeout must be seconds, got {type(timeout).__name__}")
    if not 0 < timeout <= _LONGEST_TIMEOUT:
        raise InvalidArgumentError(
            f"timeout must be a number of seconds above 0, at most {_LONGEST_TIMEOUT:,}, got "
            f"{timeout}"
        )


def _check_count(name: str, value: object, *, least: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int):
        raise InvalidArgumentError(f"{name} must be an int, got {type(value).__name__}")
    if value < least:
        raise InvalidArgumentError(f"{name} must be at least {least}, got {value}")
