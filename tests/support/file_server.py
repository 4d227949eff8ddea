"""Servers that keep files of a run as a test wants them kept, over real HTTP."""

from __future__ import annotations

import json
import re
import sys
import threading
from base64 import b64encode
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import md5
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, NamedTuple, cast

from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping
    from socket import socket

__all__ = [
    "Answer",
    "Exchange",
    "FileServer",
    "Stored",
    "digest_of",
    "serve_files",
    "whole_or_part",
]


class Exchange(NamedTuple):
    """A request: header names in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


class Answer(NamedTuple):
    """An answer."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = {}


@dataclass
class Stored:
    """A file, and what the server says of it."""

    content: bytes
    url: str
    direct_url: str | None = None
    etag: str | None = '"1"'
    digest: str | None = ""
    """Its MD5 digest; empty for the right one."""
    size: int | None = None

    def node(self, name: str) -> dict[str, object]:
        """What a listing says of it."""
        return {
            "storageId": f"id of {name}",
            "name": name,
            "url": self.url,
            "directUrl": self.direct_url,
            "size": len(self.content) if self.size is None else self.size,
            "mimetype": None,
            "updatedAt": "2026-01-01T00:00:00",
            "md5": digest_of(self.content) if self.digest == "" else self.digest,
        }


@dataclass
class FileServer:
    """A server with a run, `me/p/r1`, of which it knows the files alone.

    Attributes:
        url: Where it listens.
        files: The files, by name.
        answer: Answers all but GraphQL.
        upload_url: The address that uploads are sent to.
        upload_headers: What uploads must carry.
        features: What it can do.
        seen: The requests for anything but GraphQL.
        operations: The names of GraphQL operations.
        connections: How many connections were made.
        before: Called before an operation is answered; what it returns is the answer instead.
    """

    url: str
    files: dict[str, Stored] = field(default_factory=dict[str, Stored])
    answer: Callable[[Exchange], Answer] = lambda _: Answer(404)
    upload_url: str = ""
    upload_headers: list[str] = field(default_factory=list[str])
    features: list[str] = field(default_factory=list[str])
    seen: list[Exchange] = field(default_factory=list[Exchange])
    operations: list[str] = field(default_factory=list[str])
    connections: int = 0
    before: Callable[[], Answer | None] = lambda: None

    def respond(self, exchange: Exchange) -> Answer:
        """Answer a request."""
        if exchange.path != "/graphql":
            self.seen.append(exchange)
            return self.answer(exchange)
        asked = json.loads(exchange.body)
        self.operations.append(asked["operationName"])
        if (instead := self.before()) is not None:
            return instead
        data = self.data(asked["operationName"], asked["variables"])
        return Answer(200, json.dumps({"data": data}).encode())

    def data(self, operation: str, variables: Mapping[str, object]) -> object:
        """What GraphQL answers."""
        match operation:
            case "ListFiles":
                names = variables.get("names")
                found = [
                    {"node": stored.node(name)}
                    for name, stored in self.files.items()
                    if not isinstance(names, list) or name in names
                ]
                page = {"endCursor": None, "hasNextPage": False}
                files = {"edges": found, "pageInfo": page}
                return {"project": {"run": {"projectInternalId": "12", "files": files}}}
            case "CreateRunFiles":
                wanted = cast("list[str]", variables["files"])
                return {
                    "createRunFiles": {
                        "uploadHeaders": self.upload_headers,
                        "files": [{"name": name, "uploadUrl": self.upload_url} for name in wanted],
                    }
                }
            case "GetFeatures":
                features = [{"name": name, "isEnabled": True} for name in self.features]
                return {"serverInfo": {"features": features}}
            case "MarkRunFilesUploaded":
                return {"markRunFilesUploaded": {"success": True}}
            case _:
                return {"project": {"run": {"id": "r1", "storageId": "s1", "state": "finished"}}}


def digest_of(content: bytes) -> str:
    """The MD5 digest as W&B writes it."""
    return b64encode(md5(content, usedforsecurity=False).digest()).decode()


def whole_or_part(exchange: Exchange, content: bytes, etag: str | None) -> Answer:
    """What a server answers that knows `Range` and `If-Range`."""
    headers = {} if etag is None else {"etag": etag}
    wanted = re.fullmatch(r"bytes=(\d*)-(\d+)", exchange.headers.get("range", ""))
    if wanted is None or exchange.headers.get("if-range", etag) != etag:
        return Answer(200, content, headers)
    start, end = int(wanted[1] or 0), min(int(wanted[2]) + 1, len(content))
    if not wanted[1]:  # the last bytes
        start, end = max(len(content) - int(wanted[2]), 0), len(content)
    if start >= end:
        return Answer(416, b"", {**headers, "content-range": f"bytes */{len(content)}"})
    where = {"content-range": f"bytes {start}-{end - 1}/{len(content)}"}
    return Answer(206, content[start:end], {**headers, **where})


class _Listener(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128  # as many connections may come at once

    @override
    def handle_error(
        self, request: socket | tuple[bytes, socket], client_address: tuple[str, int]
    ) -> None:
        """Print nothing where a client has closed its connection."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


@contextmanager
def serve_files() -> Generator[FileServer]:
    """A server for the length of a block."""
    counting = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        @override
        def setup(self) -> None:
            with counting:
                server.connections += 1
            super().setup()

        def handle_any(self) -> None:
            headers = {name.lower(): text for name, text in self.headers.items()}
            body = self.rfile.read(int(headers.get("content-length", "0")))
            answer = server.respond(Exchange(self.command, self.path, headers, body))
            self.send_response_only(answer.status)
            for name, text in {"content-length": str(len(answer.body)), **answer.headers}.items():
                self.send_header(name, text)
            self.end_headers()
            self.wfile.write(answer.body)

        do_GET = do_POST = do_PUT = handle_any  # noqa: N815 - as the standard library names them

        @override
        def log_message(self, format: str, *args: object) -> None:
            """Print nothing."""

    listener = _Listener(("127.0.0.1", 0), Handler)
    server = FileServer(f"http://127.0.0.1:{listener.server_port}")
    thread = threading.Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        listener.shutdown()
        thread.join()
        listener.server_close()
