"""The local server takes requests of its own machine's callers, and none of other sites' pages."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING, cast

import httpx
import pytest

from wandb_runs import Api, AuthenticationError
from wandb_runs.errors import InvalidArgumentError, WandbRunsError
from wandb_runs.testing import LocalServer, delete_run, log_run

if TYPE_CHECKING:
    from collections.abc import Iterator

KEY = "secret" * 8
EVERY = "0.0.0.0"  # noqa: S104 - all addresses of this machine, with a key or refused
JSON = {"content-type": "application/json"}
READ = {"query": '{ project(entityName: "me", name: "p") { runCount } }'}
WRITE = {
    "query": 'mutation { upsertBucket(input: {modelName: "p", name: "new"}) { inserted } }',
}


@pytest.fixture(scope="module")
def server() -> Iterator[LocalServer]:
    with LocalServer(allow_hosts=["Runs.Example", "2001:DB8::1"]) as started:
        log_run(started, "me", "p", "r")
        yield started


@pytest.fixture(scope="module")
def locked() -> Iterator[LocalServer]:
    with LocalServer(api_key=KEY) as started:
        log_run(started, "me", "p", "r", api_key=KEY)
        yield started


def port(server: LocalServer) -> str:
    return server.url.rpartition(":")[2]


def upload(server: LocalServer, name: str, content: bytes, key: str = "any") -> str:
    """Upload a file as the SDK does, and return the signed address."""
    named = f'entityName: "me", projectName: "p", runName: "r", files: ["{name}"]'
    query = f"mutation {{ createRunFiles(input: {{{named}}}) {{ files {{ uploadUrl }} }} }}"
    auth = ("api", key)
    answer = httpx.post(f"{server.url}/graphql", json={"query": query}, auth=auth).json()
    url = cast("str", answer["data"]["createRunFiles"]["files"][0]["uploadUrl"])
    assert httpx.put(url, content=content).status_code == 200
    return url


def addresses(server: LocalServer, key: str = "any") -> list[str]:
    """The addresses of the run's files."""
    found = 'run(name: "r") { files { edges { node { url } } } }'
    query = f'{{ project(entityName: "me", name: "p") {{ {found} }} }}'
    auth = ("api", key)
    answer = httpx.post(f"{server.url}/graphql", json={"query": query}, auth=auth).json()
    edges = answer["data"]["project"]["run"]["files"]["edges"]
    return [cast("str", edge["node"]["url"]) for edge in edges]


# Hosts and origins

OWN = [
    "localhost",
    "LOCALHOST:1234",
    "localhost.",
    "runs.localhost:80",
    "127.0.0.1",
    "127.255.3.4:9",
    "[::1]",
    "[0:0:0:0:0:0:0:1]:8080",
    "[::ffff:127.0.0.1]",
    "runs.example:443",
    "[2001:db8:0::1]",
]
FOREIGN = [
    "attacker.example",
    "attacker.example:1234",
    "localhost.attacker.example",
    "127.0.0.1.attacker.example",
    "xlocalhost",
    "sub.runs.example",
    "10.0.0.1",
    EVERY,
    "[::]",
    "[fe80::1]",
    "localhost@attacker.example",
    "attacker.example#localhost",
    "localhost,attacker.example",
    "localhost:1:2",
    "",
]
ORIGINS = [
    "null",
    "file://",
    "https://attacker.example",
    "http://localhost.attacker.example:80",
    "http://localhost@attacker.example",
    "http://localhost/path",
    "chrome-extension://localhost",
    "",
]


@pytest.mark.parametrize("host", OWN)
def test_hosts_of_this_machine_and_allowed_ones_are_answered(
    server: LocalServer, host: str
) -> None:
    for origin in ({}, {"origin": f"http://{host}"}, {"origin": f"https://{host}"}):
        answer = httpx.post(f"{server.url}/graphql", json=READ, headers={"host": host, **origin})
        assert answer.json() == {"data": {"project": {"runCount": 1}}}


@pytest.mark.parametrize("host", FOREIGN)
def test_other_hosts_are_refused_before_anything_is_read_or_written(
    server: LocalServer, host: str
) -> None:
    headers = {"host": host, "x-forwarded-host": "localhost", "forwarded": "host=localhost"}
    seen = server.operations
    for body in (READ, WRITE):
        answer = httpx.post(
            f"{server.url}/graphql", json=body, headers=headers, auth=("api", "any")
        )
        assert answer.status_code == 421
        assert "--allow-host" in answer.json()["error"]
    assert httpx.get(f"{server.url}/storage/me/p/r/f", headers=headers).status_code == 421
    assert httpx.put(f"{server.url}/storage/me/p/r/f", headers=headers).status_code == 421
    assert httpx.post(f"{server.url}/sdk/otel/v1", headers=headers).status_code == 421
    stream = f"{server.url}/files/me/p/r/file_stream"
    assert httpx.post(stream, json={}, headers=headers).status_code == 421
    assert server.operations == seen


@pytest.mark.parametrize("origin", ORIGINS)
def test_pages_of_other_sites_are_refused(server: LocalServer, origin: str) -> None:
    headers = {"origin": origin}
    for body in (READ, WRITE):
        answer = httpx.post(
            f"{server.url}/graphql", json=body, headers=headers, auth=("api", "any")
        )
        assert answer.status_code == 403
        assert "--allow-host" in answer.json()["error"]


def test_a_forwarded_host_does_not_replace_the_one_of_the_request(server: LocalServer) -> None:
    headers = {"x-forwarded-host": "attacker.example", "forwarded": "host=attacker.example"}
    upload(server, "forwarded.txt", b"")
    found = 'run(name: "r") { files { edges { node { url } } } }'
    body = {"query": f'{{ project(entityName: "me", name: "p") {{ {found} }} }}'}
    answer = httpx.post(f"{server.url}/graphql", json=body, headers=headers)
    assert answer.status_code == 200
    assert "attacker.example" not in answer.text


@pytest.mark.parametrize("target", ["http://attacker.example/graphql", "http://localhost/graphql"])
def test_a_target_with_a_host_of_its_own_is_refused(server: LocalServer, target: str) -> None:
    body = json.dumps(READ)
    head = f"POST {target} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    assert b" 400 " in raw(server, f"{head}Content-Length: {len(body)}\r\n\r\n{body}")


@pytest.mark.parametrize(
    "hosts", [[], ["localhost", "attacker.example"], ["localhost", "localhost"]]
)
def test_a_request_has_one_host(server: LocalServer, hosts: list[str]) -> None:
    for version in ("1.0", "1.1"):
        lines = "".join(f"Host: {host}\r\n" for host in hosts)
        answer = raw(server, f"GET /storage/me/p/r/f HTTP/{version}\r\n{lines}\r\n")
        assert answer.split(b" ")[1] in {b"400", b"421"}


def raw(server: LocalServer, request: str) -> bytes:
    """Send bytes, and return the first line of the answer."""
    with socket.create_connection(("127.0.0.1", int(port(server))), timeout=30) as connection:
        connection.sendall(request.encode())
        return connection.makefile("rb").readline()


@pytest.mark.parametrize(
    "host", ["", "*", "*.example", "http://runs.example", "runs.example:80", "a b", "[::1]:80"]
)
def test_an_allowed_host_is_one_name_without_a_port(host: str) -> None:
    with pytest.raises(InvalidArgumentError, match="one host"):
        LocalServer(allow_hosts=[host])


@pytest.mark.parametrize("host", [".", "..", "a..b", ".example"])
def test_an_allowed_host_has_no_empty_part(host: str) -> None:
    with pytest.raises(InvalidArgumentError, match="one host"):
        LocalServer(allow_hosts=[host])


def test_one_text_is_no_list_of_allowed_hosts() -> None:
    with pytest.raises(InvalidArgumentError, match=r'allow_hosts=\["runs\.example"\]'):
        LocalServer(allow_hosts="runs.example")


# Methods and types of bodies


@pytest.mark.parametrize("path", ["/graphql", "/files/me/p/r/file_stream"])
@pytest.mark.parametrize(
    "kind",
    [
        None,
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "text/plain; application/json",
        "application/jsonp",
    ],
)
def test_a_body_of_another_type_than_json_is_refused(
    server: LocalServer, path: str, kind: str | None
) -> None:
    headers = {} if kind is None else {"content-type": kind}
    answer = httpx.post(
        server.url + path, content=json.dumps(WRITE), headers=headers, auth=("api", "any")
    )
    assert answer.status_code == 415
    assert "application/json" in answer.json()["error"]


@pytest.mark.parametrize("kind", ["Application/JSON", "application/json; charset=utf-8"])
def test_json_is_recognized_in_every_spelling(server: LocalServer, kind: str) -> None:
    headers = {"content-type": kind}
    answer = httpx.post(f"{server.url}/graphql", content=json.dumps(READ), headers=headers)
    assert answer.status_code == 200


def test_only_a_post_is_a_graphql_request(server: LocalServer) -> None:
    seen = server.operations
    for method in ("GET", "HEAD", "PUT", "PATCH", "DELETE"):
        answer = httpx.request(
            method, f"{server.url}/graphql", params=WRITE, json=WRITE, auth=("api", "any")
        )
        assert answer.status_code == 405
    assert server.operations == seen


@pytest.mark.parametrize("path", ["/graphql", "/files/me/p/r/file_stream", "/storage/me/p/r/f"])
@pytest.mark.parametrize("origin", ["http://localhost:3000", "https://attacker.example"])
def test_no_browser_is_told_that_it_may(server: LocalServer, path: str, origin: str) -> None:
    asked = {"access-control-request-method": "POST", "access-control-request-headers": "*"}
    preflight = httpx.options(server.url + path, headers={"origin": origin, **asked})
    assert preflight.status_code in {403, 405}
    answer = httpx.post(f"{server.url}/graphql", json=READ, headers={"origin": origin})
    for response in (preflight, answer):
        assert not [name for name in response.headers if name.startswith("access-control-")]


def test_no_browser_is_asked_for_a_key(locked: LocalServer) -> None:
    for path in ("/graphql", "/files/me/p/r/file_stream"):
        answer = httpx.post(locked.url + path, json=READ)
        assert answer.status_code == 401
        assert "www-authenticate" not in answer.headers


# Files


@pytest.mark.parametrize("name", ["page.html", "image.svg", "script.js", "media/notes"])
def test_a_file_is_downloaded_and_never_shown(server: LocalServer, name: str) -> None:
    upload(server, name, b"<script>alert(1)</script>")
    answer = httpx.get(f"{server.url}/storage/me/p/r/{name}")
    assert answer.content == b"<script>alert(1)</script>"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-disposition"] == "attachment"
    assert answer.headers["content-security-policy"] == "sandbox"
    assert answer.headers["cross-origin-resource-policy"] == "same-origin"


@pytest.mark.parametrize(
    "name", ["a/../b", "./a", "..", ".", "a//b", "/a", "a/", "", "a\nb", "a\r", "\x7f"]
)
def test_a_file_that_no_address_reaches_is_refused(server: LocalServer, name: str) -> None:
    named = 'entityName: "me", projectName: "p", runName: "r", files: $files'
    change = f"createRunFiles(input: {{{named}}}) {{ files {{ uploadUrl }} }}"
    query = f"mutation Create($files: [String!]!) {{ {change} }}"
    body = json.dumps({"query": query, "variables": {"files": ["fine.txt", name]}})
    answer = httpx.post(f"{server.url}/graphql", content=body, headers=JSON, auth=("api", "any"))
    assert answer.status_code == 400
    assert "files" in answer.json()["errors"][0]["message"]


# Keys


@pytest.mark.parametrize("key", [None, "", "another key", f"{KEY}x", KEY[:-1]])
def test_a_servers_own_key_is_needed_for_everything(locked: LocalServer, key: str | None) -> None:
    upload(locked, "f.txt", b"content", KEY)
    auth = None if key is None else ("api", key)
    for body in (READ, WRITE):
        refused = httpx.post(f"{locked.url}/graphql", json=body, auth=auth)
        assert refused.status_code == 401
    stream = f"{locked.url}/files/me/p/r/file_stream"
    assert httpx.post(stream, json={}, auth=auth).status_code == 401
    file = f"{locked.url}/storage/me/p/r/f.txt"
    assert httpx.get(file, auth=auth).status_code == 401
    assert httpx.put(file, content=b"other", auth=auth).status_code == 403
    assert httpx.get(file, auth=("api", KEY)).content == b"content"


def test_the_key_of_a_server_opens_everything(locked: LocalServer) -> None:
    log_run(locked, "me", "opened", "r", history=[{"loss": 1}], api_key=KEY)
    with Api(base_url=locked.url, api_key=KEY) as api:
        assert [run.id for run in api.runs("me/opened")] == ["r"]
    delete_run(locked, "me", "opened", "r", api_key=KEY)
    with pytest.raises(WandbRunsError, match="invalid credentials"):
        log_run(locked, "me", "opened", "r")
    with Api(base_url=locked.url, api_key="k" * 40) as api, pytest.raises(AuthenticationError):
        len(api.runs("me/p"))


def test_a_signature_opens_one_file_for_one_method(locked: LocalServer) -> None:
    signed = upload(locked, "a.txt", b"a", KEY)
    other = upload(locked, "b.txt", b"b", KEY)
    [read] = [url for url in addresses(locked, KEY) if "a.txt" in url]
    assert httpx.get(read).content == b"a"
    head = httpx.head(read)
    assert (head.status_code, head.headers["content-length"], head.content) == (200, "1", b"")
    assert httpx.get(signed).status_code == 401
    assert httpx.head(signed).status_code == 401
    assert httpx.put(read, content=b"x").status_code == 403
    swapped = other.partition("?")[2]
    assert httpx.put(f"{signed.partition('?')[0]}?{swapped}", content=b"x").status_code == 403
    assert httpx.put(f"{signed.partition('?')[0]}?signature=%C3%BC").status_code == 403
    assert httpx.get(read).content == b"a"


@pytest.mark.parametrize("host", [EVERY, "", "::"])
def test_an_address_that_others_reach_needs_a_key(host: str) -> None:
    with pytest.raises(InvalidArgumentError, match="--api-key"):
        LocalServer(host=host)


@pytest.mark.parametrize("host", ["127.0.0.2", "localhost", "::1"])
def test_a_loopback_address_needs_no_key(host: str) -> None:
    with LocalServer(host=host) as server:
        assert httpx.post(f"{server.url}/graphql", json=READ).status_code == 200


@pytest.mark.parametrize("host", [EVERY, "::"])
def test_a_server_on_every_address_has_a_url_and_answers_to_the_address_in_use(host: str) -> None:
    with LocalServer(host=host, api_key=KEY) as server:
        log_run(server, "me", "p", "r", api_key=KEY)
        for address in own_addresses() if host == EVERY else []:
            url = f"http://{address}:{port(server)}/graphql"
            answer = httpx.post(url, json=READ, auth=("api", KEY))
            assert answer.json() == {"data": {"project": {"runCount": 1}}}
            for other in ("10.255.255.254", "attacker.example"):
                refused = httpx.post(url, json=READ, auth=("api", KEY), headers={"host": other})
                assert refused.status_code == 421


def own_addresses() -> list[str]:
    """Addresses of this machine that are not of its loopback interface, as far as known."""
    with ExitStack() as closing:
        probe = closing.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        try:
            probe.connect(("192.0.2.1", 9))  # chooses an interface, and sends nothing
        except OSError:
            return []
        return [probe.getsockname()[0]]


@pytest.mark.parametrize("key", ["", " ", "a b", "line\n", "\u00fc", "\ud800"])
def test_a_key_that_no_client_sends_is_refused_without_showing_it(key: str) -> None:
    with pytest.raises(InvalidArgumentError, match="api_key") as refused:
        LocalServer(api_key=f"{key}{'hidden' if key else ''}")
    assert "hidden" not in str(refused.value)


@pytest.mark.parametrize("way", ["option", "variable"])
def test_the_command_takes_a_key_and_hosts(way: str) -> None:
    key = ["--api-key", KEY] if way == "option" else []
    variable = {"WANDB_RUNS_LOCAL_API_KEY": KEY} if way == "variable" else {}
    command = [sys.executable, "-m", "wandb_runs.local", *key]
    hosts = ["--allow-host", "one.example", "--allow-host", "two.example", "--host", EVERY]
    with subprocess.Popen(
        [*command, *hosts], stdout=subprocess.PIPE, text=True, env=os.environ | variable
    ) as process:
        try:
            assert process.stdout
            url = process.stdout.readline().strip()
            statuses = [
                httpx.post(f"{url}/graphql", json=READ, auth=auth, headers={"host": host})
                for auth in (None, ("api", KEY))
                for host in ("one.example", "two.example", "three.example")
            ]
            assert [each.status_code for each in statuses] == [401, 401, 421, 200, 200, 421]
        finally:
            process.kill()


def test_the_command_says_what_an_open_address_needs() -> None:
    command = [sys.executable, "-m", "wandb_runs.local", "--host", EVERY]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert ended.returncode == 2
    assert "set a key with --api-key, or" in ended.stderr
    assert "Traceback" not in ended.stderr
