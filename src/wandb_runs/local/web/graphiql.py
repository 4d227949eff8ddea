"""GraphiQL: a page to write queries in, with the schema beside it."""

from __future__ import annotations

import secrets
from functools import cache
from importlib import resources
from string import Template
from typing import TYPE_CHECKING, Final

from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request

__all__ = ["graphiql_routes"]

_POLICY: Final = (
    "default-src 'none'; "
    "script-src 'self'; "
    "style-src 'self' 'nonce-{nonce}'; "  # a dialog of GraphiQL's locks the page behind it
    "img-src 'self' data:; "
    "connect-src 'self'; "
    "frame-ancestors 'none'; "
    "base-uri 'none'; "
    "form-action 'none'"
)

_HEADERS: Final[Mapping[str, str]] = {
    "cache-control": "no-store",  # each response has a nonce of its own
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}

_ASSETS: Final[Mapping[str, str]] = {
    "graphiql.css": "text/css; charset=utf-8",
    "graphiql.js": "text/javascript; charset=utf-8",
}


def graphiql_routes() -> list[Route]:
    """The address of the page, and those of its own script and style sheet."""
    return [
        Route("/-/graphiql", _get_page, methods=["GET"]),
        *(Route(f"/-/static/{name}", _get_asset, methods=["GET"]) for name in _ASSETS),
    ]


async def _get_page(_: Request) -> Response:
    nonce = secrets.token_urlsafe(16)
    page = Template(_read("graphiql.html")).substitute(nonce=nonce)
    policy = {"content-security-policy": _POLICY.format(nonce=nonce)}
    return HTMLResponse(page, headers={**_HEADERS, **policy})


async def _get_asset(request: Request) -> Response:
    name = request.url.path.rpartition("/")[2]
    headers = {**_HEADERS, "cache-control": "no-cache"}
    return Response(_read(name), headers=headers, media_type=_ASSETS[name])


@cache
def _read(name: str) -> str:
    folder = resources.files("wandb_runs.local.web").joinpath("static")
    return folder.joinpath(name).read_text(encoding="utf-8")
