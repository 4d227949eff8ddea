"""GraphiQL: a page to write queries in, with the schema beside it."""

from __future__ import annotations

import secrets
from functools import cache
from importlib import resources
from string import Template
from typing import TYPE_CHECKING

from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from wandb_runs.local.web.headers import POLICY, page_headers

if TYPE_CHECKING:
    from starlette.requests import Request

__all__ = ["graphiql_routes"]


def graphiql_routes() -> list[Route]:
    """The address of the page; its script and style sheet are files as those of other pages."""
    return [Route("/-/graphiql", _get_page, methods=["GET"])]


async def _get_page(_: Request) -> Response:
    # A dialog of GraphiQL's makes a style sheet, which locks the page behind it; the nonce lets
    # that one in. Each response has another, and is therefore not stored.
    nonce = secrets.token_urlsafe(16)
    policy = {**POLICY, "style-src": f"{POLICY['style-src']} 'nonce-{nonce}'"}
    headers = {**page_headers(policy), "cache-control": "no-store"}
    return HTMLResponse(_page().substitute(nonce=nonce), headers=headers)


@cache
def _page() -> Template:
    folder = resources.files("wandb_runs.local.web").joinpath("static")
    return Template(folder.joinpath("graphiql.html").read_text(encoding="utf-8"))
