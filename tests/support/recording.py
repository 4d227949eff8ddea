"""Servers that keep the keys that they are sent."""

from __future__ import annotations

import base64
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, cast

import anyio

from wandb_runs import Runs

if TYPE_CHECKING:
    from collections.abc import Generator

    from wandb_runs import AsyncRuns

__all__ = ["Host", "length_of", "recording"]


class Recording(BaseHTTPRequestHandler):
    """Answers counts, and keeps the keys that it is sent."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        token = (self.headers["authorization"] or " ").split(" ")[1]
        cast("Host", self.server).keys.append(base64.b64decode(token).decode()[4:])
        cast("Host", self.server).gates.append(self.headers["x-gate"])
        body = b'{"data": {"project": {"runCount": 7}}}'
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
        """Say nothing."""


class Host(ThreadingHTTPServer):
    """A server, and the keys and extra headers that it was sent."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Recording)
        self.keys: list[str] = []
        self.gates: list[str | None] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


@contextmanager
def recording() -> Generator[Host]:
    """A server that runs within the block."""
    with Host() as host:
        threading.Thread(target=host.serve_forever, daemon=True).start()
        yield host
        host.shutdown()


def length_of(runs: Runs | AsyncRuns) -> int:
    """The number of runs; seven, where it is a recording server that is asked."""
    return len(runs) if isinstance(runs, Runs) else anyio.run(runs.length)
