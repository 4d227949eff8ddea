"""Addresses of pages: those of W&B's app, and what the pages need below `/-/`."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from starlette.responses import PlainTextResponse, Response
from starlette.routing import Match, Route
from typing_extensions import override

from wandb_runs.local.access import refusal
from wandb_runs.local.web.assets import read_asset
from wandb_runs.local.web.filter_endpoint import translate_filter
from wandb_runs.local.web.graphiql import graphiql_routes
from wandb_runs.local.web.headers import page_headers

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, MutableMapping, Sequence

    from starlette.requests import Request
    from starlette.routing import BaseRoute

    from wandb_runs.local.web.assets import Folder

__all__ = ["find_nothing", "web_routes"]

_SHELL: Final = "index.html"

_HINT: Final = (
    ": this is a page for browsers, which send 'Accept: text/html'; programs read by GraphQL, "
    "with POST /graphql\n"
)

_TABS: Final = frozenset({"overview", "workspace", "runs", "table", "sweeps", "compare"})
"""What may follow a project; pages of W&B's app that show all of it have these names."""

_WITH_IDS: Final = frozenset({"runs", "sweeps"})
"""The words before an id."""


def web_routes(
    others: Sequence[BaseRoute], is_viewer: Callable[[Request], bool | None]
) -> list[BaseRoute]:
    """The routes of pages, which follow all others.

    Args:
        others: The other routes, whose addresses are no pages, whatever the method.
        is_viewer: Whether a request carries a key; None for wrong credentials.
    """

    async def translate(request: Request) -> Response:
        if is_viewer(request) is None:
            return refusal("invalid credentials", HTTPStatus.UNAUTHORIZED)
        return await translate_filter(request)

    return [
        *graphiql_routes(),
        Route("/-/filter", translate, methods=["POST"]),
        Route("/-/static/{name:path}", _send_own, methods=["GET"]),
        Route("/-/vendor/{name:path}", _send_vendored, methods=["GET"]),
        Route("/-/{name:path}", _send_nothing, methods=["GET"]),
        _PageRoute("/{path:path}", _send_page, others),
    ]


async def find_nothing(request: Request, _error: Exception) -> Response:
    """Answer where there is nothing, with a hint where a browser would find a page."""
    is_page = request.method in {"GET", "HEAD"} and _is_page(request.url.path)
    text = f"Not Found{_HINT if is_page else ''}"
    return PlainTextResponse(text, HTTPStatus.NOT_FOUND)


class _PageRoute(Route):
    """A route for browsers alone: other clients find nothing there, as on any W&B server."""

    def __init__(
        self,
        path: str,
        endpoint: Callable[[Request], Awaitable[Response]],
        others: Sequence[BaseRoute],
    ) -> None:
        super().__init__(path, endpoint, methods=["GET"])
        self._others = others

    @override
    def matches(self, scope: MutableMapping[str, Any]) -> tuple[Match, MutableMapping[str, Any]]:
        if scope["type"] != "http" or scope["method"] not in {"GET", "HEAD"}:
            return Match.NONE, {}
        accepted = b",".join(value for name, value in scope["headers"] if name == b"accept")
        types = (each.partition(b";")[0].strip().lower() for each in accepted.split(b","))
        if b"text/html" not in types:
            return Match.NONE, {}
        if any(each.matches(scope)[0] is not Match.NONE for each in self._others):
            return Match.NONE, {}
        return super().matches(scope)


async def _send_page(request: Request) -> Response:
    """Answer with the one page there is, whose script reads the address."""
    path: str = request.path_params["path"]
    status = HTTPStatus.OK if _is_page(path) else HTTPStatus.NOT_FOUND
    return _respond(request, "static", _SHELL, status, {"vary": "accept"})


async def _send_own(request: Request) -> Response:
    return _respond(request, "static", request.path_params["name"])


async def _send_vendored(request: Request) -> Response:
    return _respond(request, "vendor", request.path_params["name"])


async def _send_nothing(_: Request) -> Response:
    return refusal("there is nothing at this address", HTTPStatus.NOT_FOUND)


def _respond(
    request: Request,
    folder: Folder,
    name: str,
    status: HTTPStatus = HTTPStatus.OK,
    others: dict[str, str] | None = None,
) -> Response:
    asset = read_asset(folder, name)
    if asset is None:
        return refusal("there is no such file", HTTPStatus.NOT_FOUND)
    headers = {**page_headers(), "etag": asset.etag, **(others or {})}
    known = [each.strip() for each in request.headers.get("if-none-match", "").split(",")]
    if status == HTTPStatus.OK and asset.etag in known:
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    return Response(asset.content, status, headers, asset.media_type)


def _is_page(path: str) -> bool:
    """Whether a path has the form of a page's, which says nothing of what there is.

    >>> [_is_page(path) for path in ("", "me", "me/p", "me/p/runs/r1", "me/p/runs/r1/logs")]
    [True, True, True, True, True]
    >>> [_is_page(path) for path in ("-/nothing", "me/p/elsewhere", "me/p/compare/r1")]
    [False, False, False]
    """
    match path.strip("/").split("/"):
        case ["-", *_]:
            return False
        case [_] | [_, _]:
            return True
        case [_, _, tab]:
            return tab in _TABS
        case [_, _, word, identifier, *rest]:
            return word in _WITH_IDS and bool(identifier) and len(rest) <= 1
        case _:
            return False
