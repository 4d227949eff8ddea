"""Headers of pages and their files: what a browser may load, run and show."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["POLICY", "page_headers"]

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
