"""The pages of the local server, as it sends them: addresses, headers, files and filters."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, cast

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typing_extensions import override

from wandb_runs import InvalidArgumentError, parse_filter
from wandb_runs.query.filters import filters_to_json
from wandb_runs.testing import LocalServer, log_run

if TYPE_CHECKING:
    from collections.abc import Iterator

KEY = "secret" * 8
HTML = {"accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
ROOM = Path(str(files("wandb_runs.local"))) / "web"
# Those of GraphiQL's page, which has another policy, have tests of their own.
OWN = sorted(path for path in (ROOM / "static").rglob("*.*") if path.stem != "graphiql")
SCRIPTS = [path for path in OWN if path.suffix == ".js"]
POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self' data:",
    "connect-src": "'self'",
    "frame-ancestors": "'none'",
    "base-uri": "'none'",
    "form-action": "'none'",
}

PAGES = [
    "/",
    "/me",
    "/me/p",
    "/me/p/",
    "/me/p/workspace",
    "/me/p/runs",
    "/me/p/table",
    "/me/p/overview",
    "/me/p/compare?run=a&run=b",
    "/me/p/runs/r",
    "/me/p/runs/r/overview",
    "/me/p/runs/r/logs",
    "/me/p/sweeps/s",
    "/not/there/runs/either",
    "/a%20b/%C3%BC/runs/%3Cb%3E",
]


@pytest.fixture(scope="module")
def server() -> Iterator[LocalServer]:
    with LocalServer() as started:
        log_run(started, "me", "p", "r", config={"lr": 0.1}, summary={"loss": 1})
        yield started


@pytest.fixture(scope="module")
def locked() -> Iterator[LocalServer]:
    with LocalServer(api_key=KEY) as started:
        log_run(started, "me", "p", "r", api_key=KEY)
        yield started


def policy_of(response: httpx.Response) -> dict[str, str]:
    directives = response.headers["content-security-policy"].split("; ")
    return dict(cast("tuple[str, str]", each.split(" ", 1)) for each in directives)


def check_headers(response: httpx.Response) -> None:
    assert policy_of(response) == POLICY
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["referrer-policy"] == "no-referrer"
    assert response.headers["cross-origin-opener-policy"] == "same-origin"
    assert response.headers["cross-origin-resource-policy"] == "same-origin"
    assert "set-cookie" not in response.headers


def check_data(response: httpx.Response) -> None:
    policy = policy_of(response)
    assert policy["default-src"] == "'none'"
    assert policy["frame-ancestors"] == "'none'"
    assert response.headers.get_list("x-content-type-options") == ["nosniff"]
    assert response.headers.get_list("cache-control") == ["no-store"]


def assets() -> list[str]:
    return [f"/-/static/{path.relative_to(ROOM / 'static')}" for path in OWN]


# Pages


@pytest.mark.parametrize("path", PAGES)
def test_a_browser_gets_the_page_of_each_address(server: LocalServer, path: str) -> None:
    answer = httpx.get(server.url + path, headers=HTML, follow_redirects=True)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert "accept" in answer.headers["vary"]
    check_headers(answer)
    head = httpx.head(server.url + path, headers=HTML, follow_redirects=True)
    assert head.status_code == 200
    assert head.content == b""
    assert head.headers["content-length"] == answer.headers["content-length"]


@pytest.mark.parametrize("path", ["/me/p/elsewhere", "/me/p/compare/r", "/me/p/runs/r/logs/more"])
def test_an_address_of_no_page_is_a_page_that_says_so(server: LocalServer, path: str) -> None:
    answer = httpx.get(server.url + path, headers=HTML)
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    check_headers(answer)


@pytest.mark.parametrize(
    "accept", [None, "*/*", "application/json", "text/*", "text/htmlx", "image/png;text/html"]
)
@pytest.mark.parametrize("path", ["/", "/me/p", "/me/p/runs/r", "/robots.txt"])
def test_other_clients_find_nothing_where_pages_are(
    server: LocalServer, path: str, accept: str | None
) -> None:
    headers = {"accept": accept} if accept else {}
    answer = httpx.get(server.url + path, headers=headers)
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.text.startswith("Not Found: this is a page for browsers")
    assert "POST /graphql" in answer.text
    posted = httpx.post(server.url + path, headers=HTML)
    assert (posted.status_code, posted.text) == (404, "Not Found")


def test_no_hint_is_where_no_page_is(server: LocalServer) -> None:
    answer = httpx.get(f"{server.url}/me/p/elsewhere/at/all/x")
    assert (answer.status_code, answer.text) == (404, "Not Found")


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        ("GET", "/-/nothing", {}, 404),
        ("GET", "/-/static/x", {}, 404),
        ("GET", "/-/vendor/uplot/x", {}, 404),
        ("GET", "/", {"accept": "*/*"}, 404),
        ("POST", "/me/p", HTML, 404),
        ("PUT", "/me/p", HTML, 404),
        ("GET", "/graphql", HTML, 405),
        ("POST", "/graphql", {"authorization": "Bearer x"}, 401),
        ("POST", "/-/filter", {"authorization": "Bearer x"}, 401),
        ("GET", "/", {**HTML, "origin": "https://attacker.example"}, 403),
        ("GET", "/exports/me/p/r/none", {}, 403),
        ("GET", "/storage/me/p/r/none", {}, 404),
        ("GET", "/", {**HTML, "host": "attacker.example"}, 421),
        ("POST", "/graphql", {}, 415),
        ("POST", "/-/filter", {}, 415),
        ("POST", "/graphql", {"content-type": "application/json"}, 400),
        ("POST", "/-/filter", {"content-type": "application/json"}, 400),
    ],
)
def test_errors_have_the_headers_that_keep_browsers_from_showing_them(
    server: LocalServer, method: str, path: str, headers: dict[str, str], status: int
) -> None:
    answer = httpx.request(method, server.url + path, headers=headers)
    assert answer.status_code == status
    check_data(answer)


def test_data_has_the_headers_that_keep_browsers_from_showing_it(server: LocalServer) -> None:
    check_data(httpx.post(f"{server.url}/graphql", json={"query": "{ viewer { entity } }"}))
    check_data(httpx.post(f"{server.url}/-/filter", json={"where": "id exists"}))


def test_vendored_files_are_kept_under_a_policy(server: LocalServer) -> None:
    answer = httpx.get(f"{server.url}/-/vendor/uplot/uPlot.iife.min.js")
    assert policy_of(answer)["default-src"] == "'none'"
    assert answer.headers["cache-control"] == "no-cache"
    assert answer.headers.get_list("cache-control") == ["no-cache"]


def test_addresses_of_the_api_are_no_pages(server: LocalServer) -> None:
    assert httpx.get(f"{server.url}/graphql", headers=HTML).status_code == 405
    assert httpx.get(f"{server.url}/files/me/p/r/file_stream", headers=HTML).status_code == 405
    file = httpx.get(f"{server.url}/storage/me/p/r/none.txt", headers=HTML)
    assert (file.status_code, file.json()) == (404, {"error": "file not found"})
    export = httpx.get(f"{server.url}/exports/me/p/r/none", headers=HTML)
    assert export.status_code == 403


def test_a_page_holds_no_data(server: LocalServer) -> None:
    texts = {httpx.get(server.url + path, headers=HTML).text for path in PAGES if path != "/me/p/"}
    assert len(texts) == 1


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"host": "attacker.example"}, 421),
        ({"origin": "https://attacker.example"}, 403),
        ({"origin": "null"}, 403),
    ],
)
def test_pages_and_files_are_refused_to_other_sites(
    server: LocalServer, headers: dict[str, str], status: int
) -> None:
    for path in ("/", "/-/static/main.js"):
        answer = httpx.get(server.url + path, headers=HTML | headers)
        assert answer.status_code == status
    answer = httpx.post(f"{server.url}/-/filter", json={"where": "id exists"}, headers=headers)
    assert answer.status_code == status


# Files of pages


@pytest.mark.parametrize("path", assets())
def test_each_file_of_the_pages_is_sent_with_its_type(server: LocalServer, path: str) -> None:
    answer = httpx.get(server.url + path)
    assert answer.status_code == 200
    check_headers(answer)
    kinds = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
    kind = kinds.get(Path(path).suffix, "text/html")
    assert answer.headers["content-type"].partition(";")[0] == kind
    assert httpx.head(server.url + path).headers["etag"] == answer.headers["etag"]


def test_a_file_that_a_browser_has_is_not_sent_again(server: LocalServer) -> None:
    url = f"{server.url}/-/static/app.css"
    first = httpx.get(url)
    assert first.headers["cache-control"] == "no-cache"
    tag = first.headers["etag"]
    again = httpx.get(url, headers={"if-none-match": f'"other", {tag}'})
    assert (again.status_code, again.content) == (304, b"")
    check_headers(again)
    assert httpx.get(url, headers={"if-none-match": '"other"'}).content == first.content


@pytest.mark.parametrize(
    "path",
    [
        "/-/static/../routes.py",
        "/-/static/..%2froutes.py",
        "/-/static/%2e%2e/routes.py",
        "/-/static/%2e%2e%2f%2e%2e%2fserver.py",
        "/-/static//etc/passwd",
        "/-/static/%2fetc%2fpasswd",
        "/-/static/pages",
        "/-/static/pages/",
        "/-/static/app.css/",
        "/-/static/app.css%00.js",
        "/-/static/APP.CSS",
        "/-/routes.py",
        "/-/static/..\\routes.py",
        "/-/static",
        "/-/",
        "/-/nothing",
    ],
)
def test_no_address_leads_out_of_the_folders_of_pages(server: LocalServer, path: str) -> None:
    with httpx.Client(base_url=server.url) as client:
        url = httpx.URL(server.url).copy_with(raw_path=path.encode())
        answer = client.send(httpx.Request("GET", url, headers=HTML))
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/json"


class Addresses(HTMLParser):
    """What a page loads and leads to, and attributes that would be scripts or styles."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.inline: list[str] = []
        self.feed(text)

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name in {"src", "href", "action", "srcset", "data", "poster"}:
                self.found.append(value or "")
            if name == "style" or name.startswith("on"):
                self.inline.append(f"{tag} {name}")
        if tag == "style" or (tag == "script" and not dict(attrs).get("src")):
            self.inline.append(tag)


def test_the_page_loads_its_own_files_alone_and_each_is_there(server: LocalServer) -> None:
    page = Addresses(httpx.get(server.url, headers=HTML).text)
    assert page.inline == []
    loaded = [each for each in page.found if each.startswith("/-/") and "graphiql" not in each]
    assert len(loaded) > 3
    assert all(each.startswith(("/-/", "#")) for each in page.found)
    for each in loaded:
        assert httpx.get(server.url + each).status_code == 200


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_each_module_imports_files_that_are_there(path: Path) -> None:
    text = path.read_text("utf-8")
    imported = re.findall(r'^(?:import|export)\b[^;]*?from "([^"]+)";', text, re.MULTILINE)
    assert all((path.parent / each).is_file() for each in imported)
    assert all(each.startswith(("./", "../")) for each in imported)
    assert text.count("import ") >= len(imported)


FORBIDDEN = re.compile(
    r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|createContextualFragment|DOMParser"
    r"|setHTMLUnsafe|\beval\b|new Function|localStorage|sessionStorage|indexedDB|document\.cookie"
    r"|setAttribute\(\"(?:style|on)"
)


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_no_script_makes_markup_of_text_or_stores_anything(path: Path) -> None:
    assert FORBIDDEN.findall(path.read_text("utf-8")) == []


@pytest.mark.parametrize("path", OWN, ids=lambda path: path.name)
def test_no_file_names_another_host(path: Path) -> None:
    text = path.read_text("utf-8").replace("http://www.w3.org/2000/svg", "")
    assert re.findall(r"(?:https?:)?//[\w-]+\.[\w.-]+|@import|url\(", text) == []


# Keys


def test_pages_need_no_key_and_data_does(locked: LocalServer) -> None:
    for path in ("/", "/me/p/runs/r", "/-/static/main.js"):
        assert httpx.get(locked.url + path, headers=HTML).status_code == 200
    body = {"query": '{ project(entityName: "me", name: "p") { runCount } }'}
    where = {"where": "id exists"}
    for auth, status in ((None, 401), (("api", "wrong"), 401), (("api", KEY), 200)):
        assert httpx.post(f"{locked.url}/graphql", json=body, auth=auth).status_code == status
        assert httpx.post(f"{locked.url}/-/filter", json=where, auth=auth).status_code == status


def test_a_viewer_is_told_of_every_entity_that_has_projects(server: LocalServer) -> None:
    body = {"query": "{ viewer { entity teams { edges { node { name } } } } }"}
    answer = httpx.post(f"{server.url}/graphql", json=body, auth=("api", "browser")).json()
    assert answer["data"]["viewer"] == {
        "entity": "local",
        "teams": {"edges": [{"node": {"name": "me"}}]},
    }


# Filters


def translate(server: LocalServer, body: object) -> httpx.Response:
    content = json.dumps(body)
    headers = {"content-type": "application/json"}
    return httpx.post(f"{server.url}/-/filter", content=content, headers=headers)


WORDS = st.sampled_from(
    [
        *("state", "config.lr", "summary.'a b'", "==", "<", "in", "[1, 2]", "contains", "tags"),
        *("(", ")", "and", "or", "not", "exists", '"x"', "0.1", "true", "\n", "&&", "'", "ü"),
    ]
)


@given(st.one_of(st.lists(WORDS, max_size=8).map(" ".join), st.text(max_size=20)))
def test_a_filter_means_what_it_means_on_the_command_line(server: LocalServer, text: str) -> None:
    answer = translate(server, {"where": text})
    assert answer.status_code == 200
    told = answer.json()
    if "filters" in told:
        assert told == {"filters": filters_to_json(parse_filter(text))}
    else:
        with pytest.raises(InvalidArgumentError) as refused:
            parse_filter(text)
        line = f"line {told['line']}, " if "\n" in text else ""
        place = f"{line}column {told['column']}"
        assert refused.value.message == f"parse_filter: {place}: {told['error']}"
        assert refused.value.__notes__ == [told["excerpt"]]


def test_a_filter_selects_the_runs_that_it_says(server: LocalServer) -> None:
    for text, count in (("config.lr < 1 and summary.loss == 1", 1), ("config.lr > 1", 0)):
        filters = translate(server, {"where": text}).json()["filters"]
        query = (
            "query($f: JSONString) { project(entityName: $e, name: $p) { runCount(filters: $f) } }"
        )
        body = {
            "query": query.replace("$e", '"me"').replace("$p", '"p"'),
            "variables": {"f": filters},
        }
        answer = httpx.post(f"{server.url}/graphql", json=body).json()
        assert answer["data"]["project"]["runCount"] == count


def test_a_filter_without_a_place_is_refused_without_one(server: LocalServer) -> None:
    told = translate(server, {"where": "a" * 70000}).json()
    assert (told["line"], told["column"], told["excerpt"]) == (None, None, None)
    assert "64 KB" in told["error"]


def test_a_filter_that_the_server_would_not_run_is_told_as_one(server: LocalServer) -> None:
    told = translate(server, {"where": " and ".join(["config.lr > 0"] * 501)}).json()
    assert "at most 500 keys" in told["error"]
    assert (told["line"], told["column"], told["excerpt"]) == (None, None, None)


@pytest.mark.parametrize("body", [{}, {"where": 1}, {"where": None}, [], {"where": "a", "b": 1}])
def test_another_body_than_a_filter_is_refused(server: LocalServer, body: object) -> None:
    answer = translate(server, body)
    assert answer.status_code == 400
    assert "where" in answer.json()["error"]


def test_only_json_is_a_filter_and_only_posts(server: LocalServer) -> None:
    url = f"{server.url}/-/filter"
    assert httpx.post(url, content='{"where": "id exists"}').status_code == 415
    assert httpx.get(url, headers=HTML).status_code == 404
