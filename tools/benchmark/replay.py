"""A server that replays the recorded answers of another server from memory.

    python -m benchmark.replay UPSTREAM LINK [LINK ...]

It listens on one loopback port for each link, such as `20:50:gzip`: milliseconds added to every
answer, megabits a second, and whether it compresses. It prints the URLs as a JSON list. The process
ends at the end of its standard input.

A file, which an answer gives the address of, is downloaded from upstream once; its ranges are then
answered from memory. Addresses in answers are those of the port that is asked.

Two requests are equal if their decoded bodies are, in any order of keys. A request without a
recorded answer is sent upstream, and its answer recorded. `POST /bench/take` returns the counts
since the last such request, of all ports together, and is not counted itself.

It implements only the parts of HTTP that the measured clients use, on blocking sockets: a framework
or an event loop would take a tenth of the measured time.
"""

from __future__ import annotations

import gc
import gzip
import json
import re
import socket
import sys
from socketserver import BaseRequestHandler, ThreadingTCPServer
from threading import Lock, Thread
from time import monotonic, process_time, sleep
from typing import TYPE_CHECKING, Final, TypedDict, cast

import httpx
import orjson
from typing_extensions import override

from benchmark.link import Link

if TYPE_CHECKING:
    from wandb_runs.graphql.scalars import JSONValue

__all__ = ["Counts", "Replay", "key_of"]

TAKE: Final = b"/bench/take"
GRAPHQL: Final = b"/graphql"
RECEIVED: Final = 2**16
"""Bytes read from a socket at once, enough for most requests."""

PIECE: Final = 2**15
"""Bytes that a link with a bandwidth takes at once."""

SLACK: Final = 0.01
"""Seconds by which a sleep may be late, and be made up for."""

_LENGTH: Final = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_ENCODING: Final = re.compile(rb"\r\ntransfer-encoding:", re.IGNORECASE)
_GZIP: Final = re.compile(rb"\r\naccept-encoding:[^\r]*\bgzip\b", re.IGNORECASE)
_RANGE: Final = re.compile(rb"\r\nrange: *bytes=(\d*)-(\d*)", re.IGNORECASE)
_AUTHORIZATION: Final = re.compile(rb"\r\nauthorization: *([^\r]+)", re.IGNORECASE)


class Counts(TypedDict):
    """Counts since they were last taken.

    Attributes:
        requests: Requests answered, of GraphQL and of files.
        missed: Those of them that had no recorded answer.
        sent: Bytes of the replayed answers.
        cpu: Seconds of processor time of this process, user and system.
    """

    requests: int
    missed: int
    sent: int
    cpu: float


def key_of(body: bytes) -> bytes:
    r"""A key that is equal for the bodies of equal requests.

    The specs of a sampled history are JSON in strings, and the order of their keys changes from
    call to call in W&B's SDK.

    >>> one = key_of(b'{"variables": {"specs": ["{\\"samples\\": 5, \\"keys\\": []}"]}}')
    >>> one == key_of(b'{"variables": {"specs": ["{\\"keys\\": [], \\"samples\\": 5}"]}}')
    True
    """
    try:
        decoded: JSONValue = orjson.loads(body)
    except orjson.JSONDecodeError:
        return body
    variables = decoded.get("variables") if isinstance(decoded, dict) else None
    if isinstance(variables, dict):
        specs = variables.get("specs")
        if isinstance(specs, list):
            variables["specs"] = [
                orjson.loads(spec) if isinstance(spec, str) else spec for spec in specs
            ]
        spec = variables.get("spec")
        if isinstance(spec, str):
            variables["spec"] = orjson.loads(spec)
    return orjson.dumps(decoded, option=orjson.OPT_SORT_KEYS)


class Replay:
    """The recorded answers and the counts.

    Args:
        upstream: Base URL of the server that answers requests without a recorded answer.
    """

    def __init__(self, upstream: str) -> None:
        self._client = httpx.Client(base_url=upstream, timeout=600, trust_env=False)
        self._counting = Lock()
        self._answers: dict[tuple[bytes, bytes], bytes] = {}
        # By the bytes received, so that most requests need not be decoded.
        self._answers_by_bytes: dict[tuple[bytes, bytes], bytes] = {}
        self._compressed: dict[bytes, bytes] = {}
        self._upstream = upstream.encode()
        self._moved: dict[tuple[bytes, bytes], bytes] = {}
        self._files: dict[bytes, bytes] = {}
        self._reset_counts()

    def _reset_counts(self) -> None:
        self._requests = self._missed = self._sent = 0
        self._cpu = process_time()

    def take(self) -> bytes:
        """Return the counts as a response, and reset them."""
        with self._counting:
            counts: Counts = {
                "requests": self._requests,
                "missed": self._missed,
                "sent": self._sent,
                "cpu": process_time() - self._cpu,
            }
            self._reset_counts()
        return _response(200, orjson.dumps(counts))

    def find(self, path: bytes, body: bytes, *, compress: bool = False) -> bytes | None:
        """The recorded response to a request, or None."""
        answer = self._answers_by_bytes.get((path, body))
        if answer is None:
            answer = self._answers.get((path, key_of(body)))
            if answer is not None:
                self._answers_by_bytes[path, body] = answer
        if answer is not None and compress:
            answer = self._compress(answer)
        if path == GRAPHQL:
            with self._counting:
                self._requests += 1
                if answer is None:
                    self._missed += 1
                else:
                    self._sent += len(answer)
        return answer

    def moved(self, answer: bytes, port: int) -> bytes:
        """An answer with the addresses of files at a port of this server."""
        if self._upstream not in answer:
            return answer
        own = f"http://127.0.0.1:{port}".encode()
        moved = self._moved.get((answer, own))
        if moved is None:
            content = answer.partition(b"\r\n\r\n")[2].replace(self._upstream, own)
            moved = self._moved[answer, own] = _response(200, content)
        return moved

    def read_file(self, head: bytes) -> list[bytes]:
        """The answer to a request for a file, in one or two parts; downloads it the first time."""
        method, target, _ = head.split(b" ", 2)
        path = target.partition(b"?")[0]
        content = self._files.get(path)
        if content is None:
            found = self._client.get(target.decode())
            if not found.is_success:
                return [_response(found.status_code, found.content)]
            content = self._files[path] = found.content
        size = len(content)
        wanted = _RANGE.search(head)
        start, end = _span(wanted, size) if wanted else (0, size)
        lines = [
            "HTTP/1.1 206 " if wanted else "HTTP/1.1 200 ",
            "content-type: application/octet-stream",
            "accept-ranges: bytes",
            f'etag: "{hash(path) & 0xFFFFFFFF:x}"',
            f"content-length: {end - start}",
        ]
        if wanted:
            lines.append(f"content-range: bytes {start}-{end - 1}/{size}")
        answer = "\r\n".join([*lines, "\r\n"]).encode()
        sent = b"" if method == b"HEAD" else memoryview(content)[start:end]
        with self._counting:
            self._requests += 1
            self._sent += len(answer) + len(sent)
        return [answer, bytes(sent)]

    def _compress(self, answer: bytes) -> bytes:
        compressed = self._compressed.get(answer)
        if compressed is None:
            content = gzip.compress(answer.partition(b"\r\n\r\n")[2], compresslevel=6)
            compressed = _response(200, content, encoding="gzip")
            self._compressed[answer] = compressed
        return compressed

    def ask(self, path: bytes, body: bytes, authorization: str) -> bytes:
        """Get the response from upstream, and record it if its status is a success."""
        headers = {"content-type": "application/json"}
        if authorization:
            headers["authorization"] = authorization
        try:
            answer = self._client.post(path.decode(), content=body, headers=headers)
        except httpx.HTTPError as error:
            return _response(502, orjson.dumps({"error": f"upstream: {error!r}"}))
        response = _response(answer.status_code, answer.content)
        if answer.is_success:
            self._answers[path, key_of(body)] = response
        return response


class _Server(ThreadingTCPServer):
    """Runs a thread for each connection, of which a benchmark's client has few."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, replay: Replay, link: Link) -> None:
        super().__init__(("127.0.0.1", 0), _Connection)
        self.replay = replay
        self.link = link
        self._pace = 8 * PIECE / (link.megabits * 10**6) if link.megabits else 0.0
        self._is_free_at = 0.0
        self._turn = Lock()

    def send(self, connection: socket.socket, answer: bytes) -> None:
        """Send an answer, in turn with the other connections where there is a bandwidth."""
        if not self._pace:
            connection.sendall(answer)
            return
        for start in range(0, len(answer), PIECE):
            piece = answer[start : start + PIECE]
            with self._turn:
                begin = max(self._is_free_at, monotonic() - SLACK)
                self._is_free_at = begin + self._pace * len(piece) / PIECE
                until = self._is_free_at
            sleep(max(0.0, until - monotonic()))
            connection.sendall(piece)


class _Connection(BaseRequestHandler):
    """A connection: requests and responses alternate."""

    request: socket.socket

    @override
    def handle(self) -> None:
        server = cast("_Server", self.server)
        self._replay, self._link = server.replay, server.link
        self._port = int(server.server_address[1])
        self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        received = bytearray()
        while data := self._receive():
            received += data
            end = received.find(b"\r\n\r\n")
            if end < 0:
                continue
            head = bytes(received[:end])
            if _ENCODING.search(head):
                self.request.sendall(_response(411, b"{}"))
                return
            length = _LENGTH.search(head)
            body_end = end + 4 + (int(length[1]) if length else 0)
            if len(received) < body_end:
                continue
            body = bytes(received[end + 4 : body_end])
            # The measured clients do not pipeline requests.
            received.clear()
            try:
                if head.startswith((b"GET ", b"HEAD ")):
                    parts = self._replay.read_file(head)
                    sleep(self._link.delay / 1000)
                else:
                    parts = [self._replay.moved(self._answer(head, body), self._port)]
                for part in parts:
                    server.send(self.request, part)
            except ConnectionError:  # a worker has ended
                return

    def _receive(self) -> bytes:
        try:
            return self.request.recv(RECEIVED)
        except ConnectionError:  # a worker has ended
            return b""

    def _answer(self, head: bytes, body: bytes) -> bytes:
        path = head.split(b" ", 2)[1]
        if path == TAKE:
            return self._replay.take()
        compress = self._link.is_compressed and _GZIP.search(head) is not None
        response = self._replay.find(path, body, compress=compress)
        if response is None:
            authorization = _AUTHORIZATION.search(head)
            return self._replay.ask(path, body, authorization[1].decode() if authorization else "")
        if self._link.delay:
            sleep(self._link.delay / 1000)
        return response


def _span(wanted: re.Match[bytes], size: int) -> tuple[int, int]:
    """The bytes of a range, of which either end may be left out."""
    first, last = wanted.groups()
    if not first:
        return max(0, size - int(last)), size
    return int(first), min(size, int(last) + 1 if last else size)


def _response(status: int, content: bytes, *, encoding: str = "") -> bytes:
    encoded = f"content-encoding: {encoding}\r\n" if encoding else ""
    head = (
        f"HTTP/1.1 {status} \r\ncontent-type: application/json\r\n{encoded}"
        f"content-length: {len(content)}\r\n\r\n"
    )
    return head.encode() + content


def serve(upstream: str, links: list[Link]) -> None:
    """Listen, print the URLs, and answer until the end of standard input."""
    replay = Replay(upstream)
    servers = [_Server(replay, link) for link in links]
    # The recorded answers are never garbage, and scanning them takes long.
    gc.disable()
    for server in servers:
        Thread(target=server.serve_forever, daemon=True).start()
    print(json.dumps([f"http://127.0.0.1:{server.server_address[1]}" for server in servers]))
    sys.stdout.flush()
    sys.stdin.read()


if __name__ == "__main__":
    serve(sys.argv[1], [Link.parse(text) for text in sys.argv[2:]])
