"""Scripts and style sheets of others that pages load, as `make vendor` took them."""

from __future__ import annotations

import json
from functools import cache
from http import HTTPStatus
from importlib import resources
from typing import TYPE_CHECKING, Final, NamedTuple, TypedDict, cast

from starlette.responses import Response
from starlette.routing import Route

from wandb_runs.local.access import refusal

if TYPE_CHECKING:
    from collections.abc import Mapping
    from importlib.resources.abc import Traversable

    from starlette.requests import Request

__all__ = ["vendored_routes"]

_PATH: Final = "/-/vendor/{package}/{name}"

_TYPES: Final[Mapping[str, str]] = {
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
}
"""Media types by the ends of names; the texts of licences have none."""


class _Package(TypedDict):
    """What is read of a package in `versions.json`."""

    name: str
    files: dict[str, str]


class _Versions(TypedDict):
    packages: list[_Package]


class _File(NamedTuple):
    """A file, and what its response says of it."""

    content: bytes
    media_type: str
    etag: str


def vendored_routes() -> list[Route]:
    """The address of these files; none of them holds a secret, so no key is asked for."""
    return [Route(_PATH, _get, methods=["GET"])]


async def _get(request: Request) -> Response:
    found = _read(request.path_params["package"], request.path_params["name"])
    if found is None:
        return refusal("file not found", HTTPStatus.NOT_FOUND)
    # A browser keeps the file, and asks each time whether it is still the same: another version of
    # this package may serve the same address.
    headers = {
        "cache-control": "no-cache",
        "cross-origin-resource-policy": "same-origin",
        "etag": found.etag,
        "x-content-type-options": "nosniff",
    }
    if request.headers.get("if-none-match") == found.etag:
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    return Response(found.content, headers=headers, media_type=found.media_type)


@cache
def _digests() -> Mapping[tuple[str, str], str]:
    """The SHA-256 of each file, by package and name."""
    text = _folder().joinpath("versions.json").read_text(encoding="utf-8")
    versions = cast("_Versions", json.loads(text))
    return {
        (package["name"], name): digest
        for package in versions["packages"]
        for name, digest in package["files"].items()
    }


@cache
def _read(package: str, name: str) -> _File | None:
    """Read a file that `versions.json` lists; None for any other."""
    digest = _digests().get((package, name))
    media_type = _TYPES.get(name.rpartition(".")[2])
    if digest is None or media_type is None:
        return None
    content = _folder().joinpath(package, name).read_bytes()
    return _File(content, media_type, f'"{digest}"')


def _folder() -> Traversable:
    return resources.files("wandb_runs.local.web").joinpath("vendor")
