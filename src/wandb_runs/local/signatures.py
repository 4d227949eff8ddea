"""Addresses of files that stand in for a key: what is below them, and for how long, is signed."""

from __future__ import annotations

import hmac
import secrets
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request

__all__ = ["Signatures"]

_LIFETIME: Final = 3600
"""Seconds that an address is good for that expires."""


class Signatures:
    """Signs paths, with a secret of its own, and finds out whether requests name signed ones.

    Args:
        now: Returns the time, in microseconds since 1970.
    """

    def __init__(self, now: Callable[[], int]) -> None:
        self._now = now
        self._secret = secrets.token_bytes()

    def lasting(self, method: str, path: str) -> str:
        """A path with a signature for one method, which is good as long as the server runs."""
        return f"{path}?signature={self._signature(method, path)}"

    def is_lasting(self, request: Request, root: str) -> bool:
        """Whether what a request names below a root has a signature for its method."""
        # The head of a response is a part of it: what opens one opens the other.
        method = "GET" if request.method == "HEAD" else request.method
        return self._is_right(request, root, method)

    def expiring(self, path: str) -> str:
        """A path with a signature for reading it, within an hour."""
        until = str(self._now() // 1_000_000 + _LIFETIME)
        return f"{path}?expires={until}&signature={self._signature(f'until {until}', path)}"

    def expires_later(self, request: Request, root: str) -> bool:
        """Whether what a request names below a root has a signature that has not expired."""
        until = request.query_params.get("expires", "")
        return (
            self._is_right(request, root, f"until {until}") and self._now() < int(until) * 1_000_000
        )

    def _is_right(self, request: Request, root: str, signed: str) -> bool:
        path: str = request.scope["raw_path"].decode().removeprefix(root)
        given = request.query_params.get("signature", "")
        return hmac.compare_digest(given.encode(), self._signature(signed, path).encode())

    def _signature(self, signed: str, path: str) -> str:
        return hmac.digest(self._secret, f"{signed} {path}".encode(), "sha256").hex()
