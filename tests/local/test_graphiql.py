"""The page of GraphiQL and what it loads, over HTTP."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import httpx
import pytest

from wandb_runs.testing import LocalServer

if TYPE_CHECKING:
    from collections.abc import Iterator

KEY = "secret" * 8
LOADED = re.compile(r'(?:src|href)="(/[^"]*)"')


@pytest.fixture(scope="module")
def server() -> Iterator[LocalServer]:
    """A server with a key: its pages are there without it, what was logged is not."""
    with LocalServer(api_key=KEY) as started:
        yield started


def test_the_page_has_a_policy_of_its_own(server: LocalServer) -> None:
    answer = httpx.get(f"{server.url}/-/graphiql")
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    (nonce,) = re.findall(r'name="style-nonce" content="([\w-]{20,})"', answer.text)
    policy = dict(
        part.strip().split(" ", 1) for part in answer.headers["content-security-policy"].split(";")
    )
    assert policy == {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": f"'self' 'nonce-{nonce}'",
        "img-src": "'self' data:",
        "connect-src": "'self'",
        "frame-ancestors": "'none'",
        "base-uri": "'none'",
        "form-action": "'none'",
    }
    assert answer.headers["cache-control"] == "no-store"
    assert nonce not in httpx.get(f"{server.url}/-/graphiql").text


def test_all_that_the_page_loads_is_there_without_a_key(server: LocalServer) -> None:
    page = httpx.get(f"{server.url}/-/graphiql").text
    loaded = LOADED.findall(page)
    assert len(loaded) == 6
    assert "//" not in "".join(loaded)
    for path in loaded:
        answer = httpx.get(f"{server.url}{path}")
        assert answer.status_code == 200
        kind = "text/css" if path.endswith(".css") else "text/javascript"
        assert answer.headers["content-type"] == f"{kind}; charset=utf-8"
        assert answer.headers["x-content-type-options"] == "nosniff"


def test_nothing_in_the_page_is_script_or_style_itself(server: LocalServer) -> None:
    page = httpx.get(f"{server.url}/-/graphiql").text
    assert re.findall(r"<script[^>]*>(?!</script>)|<style|\son\w+=|\sstyle=", page) == []


def test_a_file_that_a_browser_has_is_not_sent_again(server: LocalServer) -> None:
    address = f"{server.url}/-/vendor/graphiql/graphiql.min.js"
    first = httpx.get(address)
    again = httpx.get(address, headers={"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    other = httpx.get(address, headers={"if-none-match": '"other"'})
    assert other.content == first.content


@pytest.mark.parametrize(
    "path",
    [
        "versions.json",
        "graphiql/LICENSE",
        "graphiql/absent.js",
        "absent/graphiql.min.js",
        "graphiql/..%2Fversions.json",
        "..%2Fstatic/graphiql.js",
        "%2E%2E/static/graphiql.js",
        "graphiql/%00.js",
    ],
)
def test_no_other_file_is_served(server: LocalServer, path: str) -> None:
    assert httpx.get(f"{server.url}/-/vendor/{path}").status_code == 404


def test_a_page_of_another_site_is_refused(server: LocalServer) -> None:
    for headers in ({"host": "attacker.example"}, {"origin": "https://attacker.example"}):
        for path in ("/-/graphiql", "/-/vendor/graphiql/graphiql.min.js"):
            assert httpx.get(f"{server.url}{path}", headers=headers).status_code in {403, 421}
