"""Whatever text a server answers with, no error and no log record moves a terminal's cursor."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from support.printable import ODD, is_plain, server_texts
from support.raw_server import http_answer, read_request, serve

from wandb_runs import Api, NotFoundError, ResponseError, WandbRunsError
from wandb_runs.testing import FakeClock

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterator

LONGEST = 6000


class Answers:
    """A server that gives the same answer to each request."""

    def __init__(self) -> None:
        self.status = 200
        self.body = b""
        self.headers: dict[str, str] = {}
        self.url = ""

    def handle(self, connection: socket.socket) -> None:
        while read_request(connection):
            connection.sendall(http_answer(self.body, f"{self.status} Status", **self.headers))

    def failure(self, run: Callable[[Api], object]) -> WandbRunsError:
        with (
            Api(base_url=self.url, api_key="k" * 40, max_retries=0, clock=FakeClock()) as api,
            pytest.raises(WandbRunsError) as caught,
        ):
            run(api)
        return caught.value


@pytest.fixture(scope="module")
def answers() -> Iterator[Answers]:
    made = Answers()
    with serve(made.handle) as server:
        made.url = server.url
        yield made


def list_all(api: Api) -> object:
    return list(api.runs("a/b"))


WAYS: dict[str, Callable[[str], object]] = {
    "message": lambda text: {"errors": [{"message": text}]},
    "messages": lambda text: {"errors": [text, {text: text}], "data": {text: text}},
    "error": lambda text: {"error": text},
    "shape": lambda text: {"data": {"project": text}},
    "id": lambda text: {"data": {"project": {"runs": {"edges": [{"node": {"id": [text]}}]}}}},
    "key": lambda text: {"data": {text: text}},
}


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(server_texts, st.sampled_from([200, 302, 400, 401, 403, 404, 418, 429, 500, 503]))
@example(ODD, 400)
@example(ODD, 500)
@example("rate limit exceeded" + ODD, 200)
@example("\x1b[2J" * 250_000, 503)
@example("\x1b[2J" * 250_000, 404)
def test_no_text_of_a_server_leaves_an_error_unprintable(
    answers: Answers, caplog: pytest.LogCaptureFixture, text: str, status: int
) -> None:
    answers.status = status
    for body in (text.encode(), *(json.dumps(way(text)).encode() for way in WAYS.values())):
        answers.body = body
        caplog.clear()
        with caplog.at_level(logging.DEBUG, "wandb_runs"):
            error = answers.failure(list_all)
        shown = [str(error), error.message, repr(error), *(r.getMessage() for r in caplog.records)]
        assert all(map(is_plain, shown))
        assert max(map(len, shown)) < LONGEST


def test_what_a_server_said_is_kept_unchanged_beside_the_message(answers: Answers) -> None:
    answers.status, answers.body = 400, json.dumps({"errors": [{"message": ODD}]}).encode()
    assert getattr(answers.failure(list_all), "errors", None) == (ODD,)


def test_a_long_message_says_how_much_is_left_out(answers: Answers) -> None:
    answers.status = 400
    answers.body = json.dumps(
        {"errors": [{"message": "no such field " + "x" * 1_000_000}]}
    ).encode()
    message = str(answers.failure(list_all))
    assert "no such field xxx" in message
    assert "999,714 more characters" in message
    assert message.endswith("in a query of your own)")


@pytest.mark.parametrize("status", [200, 404, 503])
def test_a_request_id_is_plain_and_bounded(
    answers: Answers, caplog: pytest.LogCaptureFixture, status: int
) -> None:
    answers.status, answers.body = status, b"odd"
    answers.headers = {"x_request_id": "r1\x1b[2J\x9b" + "x" * 5000}
    with caplog.at_level(logging.DEBUG, "wandb_runs"):
        error = answers.failure(list_all)
    answers.headers = {}
    assert isinstance(error, (ResponseError, NotFoundError))
    logged = [vars(record)["request_id"] for record in caplog.records]
    for request_id in (error.request_id, *logged):
        assert isinstance(request_id, str)
        assert request_id.startswith("r1\\x1b[2J")
        assert is_plain(request_id)
        assert len(request_id) < 300


def test_names_that_a_server_tells_are_shown_plain(answers: Answers) -> None:
    answers.status = 200
    viewer = {"id": "1", "username": ODD, "entity": f"{ODD}" * 9000, "name": ODD, "teams": None}
    answers.body = json.dumps({"data": {"viewer": viewer, "project": None}}).encode()
    error = answers.failure(lambda api: list(api.runs(project="p")))
    assert isinstance(error, NotFoundError)
    assert is_plain(str(error))
    assert len(str(error)) < LONGEST
