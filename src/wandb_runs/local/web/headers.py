"""Headers of pages, their files and all other responses: what a browser may load, run and show."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["POLICY", "HeadersMiddleware", "page_headers"]

_DEFAULTS: Final = (
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'; base-uri 'none'"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
)
"""Headers of what is no page, errors included: data, which a browser neither shows nor keeps."""

POLICY: Final[Mapping[str, str]] = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self' data:",
    "connect-src": "'self'",
    "frame-ancestors": "'none'",
    "base-uri": "'none'",
    "form-action": "'none'",
}
"""The content security policy of a page, by directives."""


def page_headers(policy: Mapping[str, str] = POLICY) -> dict[str, str]:
    """The headers of a page or of a file of one.

    Args:
        policy: The content security policy, by directives.

    >>> page_headers({"default-src": "'none'", "img-src": "'self'"})["content-security-policy"]
    "default-src 'none'; img-src 'self'"
    """
    return {
        "cache-control": "no-cache",
        "content-security-policy": "; ".join(f"{name} {value}" for name, value in policy.items()),
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-resource-policy": "same-origin",
        "referrer-policy": "no-referrer",
        "x-content-type-options": "nosniff",
    }


class HeadersMiddleware:
    """Adds headers to responses that have none of their own by these names.

    Args:
        app: The application.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and its response back with all headers."""

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers: list[tuple[bytes, bytes]] = list(message.get("headers", ()))
                own = {name for name, _ in headers}
                headers.extend(each for each in _DEFAULTS if each[0] not in own)
                message = {**message, "headers": headers}
            await send(message)

        await self._app(scope, receive, send_with_headers)
