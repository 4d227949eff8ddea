"""Pages that are too large for the server are divided; a failing run does not affect others."""

from __future__ import annotations

import json
import logging
import math
import pickle
from dataclasses import replace
from typing import TYPE_CHECKING, Literal, cast

import polars as pl
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from wandb_runs import (
    Api,
    HistoriesError,
    InvalidArgumentError,
    Request,
    RequestTimeoutError,
    Response,
    ServerError,
)
from wandb_runs.testing import FakeClock, log_run
from wandb_runs.transport.http import HttpTransport

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from wandb_runs.testing import LocalServer

RUNS = 23
WHOLE = 30
"""The largest page size of histories of 500 rows without keys."""
HEAVY = "ListSampledHistories", "ListHistories", "ListEvents"


class Overloaded:
    """A real server that fails for pages of more than `most` runs, and for some runs."""

    def __init__(self, server: LocalServer, most: int, bad: set[int], status: int) -> None:
        self.inner = HttpTransport(server.url)
        self.most = most
        self.bad = {f"d{number:02}" for number in bad}
        self.status = status
        self.sizes: list[int] = []

    def send(self, request: Request, /) -> Response:
        response = self.inner.send(request)
        body = json.loads(request.content)
        if body["operationName"] not in HEAVY:
            return response
        edges = json.loads(response.content)["data"]["project"]["runs"]["edges"]
        ids = {edge["node"]["id"] for edge in edges}
        self.sizes.append(body["variables"]["first"])
        if self.sizes[-1] <= self.most and not ids & self.bad:
            return response
        if self.status == 0:
            raise RequestTimeoutError("too slow")
        if self.status == 200:
            answer = json.loads(response.content)
            for edge in answer["data"]["project"]["runs"]["edges"]:
                if edge["node"]["id"] in self.bad or self.sizes[-1] > self.most:
                    edge["node"] = None
            answer["errors"] = [{"message": "resolving a history failed"}]
            return Response(200, {}, json.dumps(answer).encode())
        if self.status == 400:
            return Response(400, {}, b'{"errors": [{"message": "the query is too complex"}]}')
        return Response(self.status, {}, b"<html>")


@pytest.fixture(scope="module")
def path(wandb_server: LocalServer) -> str:
    for number in range(RUNS):
        log_run(
            wandb_server,
            "team",
            "divided",
            f"d{number:02}",
            history=[{"loss": number + step / 4} for step in range(3)],
            events=[{"_runtime": 1.0, "system.cpu": 2.0}],
        )
    return "team/divided"


@pytest.fixture
def overloaded(wandb_server: LocalServer) -> Iterator[Callable[..., tuple[Api, Overloaded]]]:
    made: list[Overloaded] = []

    def make(most: int, bad: set[int], status: int) -> tuple[Api, Overloaded]:
        made.append(Overloaded(wandb_server, most, bad, status))
        return Api(base_url=wandb_server.url, api_key="k", transport=made[-1]), made[-1]

    yield make
    for transport in made:
        transport.inner.close()


def ids_of(histories: object) -> list[str]:
    """The runs of the rows, in order."""
    if isinstance(histories, pl.DataFrame):
        ids = histories["run_id"].to_list()
    else:
        ids = [str(row["run_id"]) for row in cast("list[dict[str, object]]", histories)]
    return list(dict.fromkeys(ids))


@settings(
    deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    most=st.integers(1, 30),
    per_page=st.integers(1, 40),
    bad=st.sets(st.integers(0, RUNS - 1), max_size=3),
    status=st.sampled_from([502, 504, 400, 200, 0]),
    how=st.sampled_from(["keys", "whole", "system", "polars"]),
    is_listed=st.booleans(),
)
# The last page holds one run, which succeeds alone.
@example(most=1, per_page=11, bad={0, 11}, status=502, how="keys", is_listed=False)
def test_each_readable_run_comes_once_and_the_others_are_in_the_error(
    overloaded: Callable[..., tuple[Api, Overloaded]],
    path: str,
    most: int,
    per_page: int,
    bad: set[int],
    status: int,
    how: str,
    is_listed: bool,
) -> None:
    api, transport = overloaded(most, bad, status)
    runs = api.runs(path, per_page=per_page)
    if is_listed:
        list(runs)
    expected = [f"d{number:02}" for number in range(RUNS) if number not in bad]

    def read() -> object:
        if how == "polars":
            return runs.histories(keys=["loss"], format="polars")
        if how == "system":
            return runs.histories(stream="system")
        return runs.histories(keys=["loss"] if how == "keys" else None)

    if not bad:
        assert ids_of(read()) == expected
    else:
        with pytest.raises(HistoriesError) as caught:
            read()
        error = caught.value
        assert set(error.errors) == {f"d{number:02}" for number in bad}
        assert all(name in error.message for name in error.errors)
        assert ids_of(error.histories) == expected
        assert pickle.loads(pickle.dumps(error)).errors.keys() == error.errors.keys()
    largest = RUNS if is_listed else WHOLE if how in {"whole", "system"} else 50
    assert max(transport.sizes) == min(per_page, largest)
    # Answers are kept and each failure halves the page, which limits the number of requests.
    assert len(transport.sizes) <= 2 * RUNS + (len(bad) + 1) * (math.log2(per_page) + 2)


def test_skipped_runs_are_logged(
    overloaded: Callable[..., tuple[Api, Overloaded]], path: str, caplog: pytest.LogCaptureFixture
) -> None:
    api, _ = overloaded(100, {3, 4}, 502)
    with caplog.at_level(logging.WARNING, logger="wandb_runs"):
        rows = api.runs(path).histories(keys=["loss"], on_error="skip")
    assert {"d03", "d04"}.isdisjoint(str(row["run_id"]) for row in rows)
    assert len(rows) == (RUNS - 2) * 3
    assert "d03, d04" in caplog.text


def test_other_failures_are_not_divided(
    overloaded: Callable[..., tuple[Api, Overloaded]], path: str
) -> None:
    api, transport = overloaded(0, set(), 501)
    with pytest.raises(ServerError, match="501"):
        api.runs(path, per_page=40).histories(keys=["loss"])
    assert transport.sizes == [40]


def test_later_pages_have_the_size_that_succeeded(
    overloaded: Callable[..., tuple[Api, Overloaded]], path: str
) -> None:
    api, transport = overloaded(3, set(), 504)
    runs = api.runs(path, per_page=6)
    assert ids_of(runs.histories(keys=["loss"])) == [f"d{number:02}" for number in range(RUNS)]
    # The first page of 6 fails and is halved; the other 17 runs come in pages of 3.
    assert sorted(transport.sizes, reverse=True) == [6, 3, 3, *[3] * 6]


def test_a_failing_run_does_not_make_later_pages_smaller(
    overloaded: Callable[..., tuple[Api, Overloaded]], path: str
) -> None:
    api, transport = overloaded(100, {1}, 504)
    runs = api.runs(path, per_page=8)
    assert len(ids_of(runs.histories(keys=["loss"], on_error="skip"))) == RUNS - 1
    assert transport.sizes.count(8) == 3


def test_unreadable_rows_affect_one_run_only(wandb_server: LocalServer, path: str) -> None:
    inner = HttpTransport(wandb_server.url)

    class CorruptsOneRow:
        def send(self, request: Request, /) -> Response:
            response = inner.send(request)
            answer = json.loads(response.content)
            answer["data"]["project"]["runs"]["edges"][3]["node"]["history"][0] = "{"
            return Response(response.status, response.headers, json.dumps(answer).encode())

    api = Api(base_url=wandb_server.url, api_key="k", transport=CorruptsOneRow())
    with pytest.raises(HistoriesError, match=r"1 run \(d03\) .* row 0 is not JSON") as caught:
        api.runs(path).histories()
    assert len(ids_of(caught.value.histories)) == RUNS - 1
    inner.close()


def test_an_unknown_on_error_is_refused(api: Api) -> None:
    with pytest.raises(InvalidArgumentError, match="'raise', 'skip'"):
        api.runs("team/divided").histories(on_error="ignore")  # type: ignore[call-overload] # wrong on purpose


class Failing:
    """Sends to a real server, unless `fails` returns an answer."""

    def __init__(
        self, server: LocalServer, fails: Callable[[dict[str, dict[str, object]]], Response | None]
    ) -> None:
        self.inner = HttpTransport(server.url)
        self.fails = fails
        self.names: list[str] = []

    def send(self, request: Request, /) -> Response:
        body = json.loads(request.content)
        self.names.append(body["operationName"])
        return self.fails(body) or self.inner.send(request)


def failing(
    server: LocalServer, fails: Callable[[dict[str, dict[str, object]]], Response | None]
) -> tuple[Api, Failing]:
    transport = Failing(server, fails)
    return Api(base_url=server.url, api_key="k", transport=transport, clock=FakeClock()), transport


@pytest.mark.parametrize("is_listed", [False, True])
def test_a_temporary_fault_loses_no_run(
    wandb_server: LocalServer, path: str, is_listed: bool
) -> None:
    answers = iter([Response(502, {}, b"<html>")] * 4)
    begun = not is_listed
    api, transport = failing(wandb_server, lambda _: next(answers, None) if begun else None)
    runs = api.runs(path)
    if is_listed:
        list(runs)
        begun = True
    assert len(ids_of(runs.histories(keys=["loss"]))) == RUNS
    assert len(transport.names) < 12
    transport.inner.close()


@pytest.mark.parametrize("is_listed", [False, True])
def test_a_permanent_fault_ends_the_call_after_a_few_requests(
    wandb_server: LocalServer, path: str, is_listed: bool
) -> None:
    begun = not is_listed
    api, transport = failing(
        wandb_server, lambda _: Response(502, {}, b"<html>") if begun else None
    )
    runs = api.runs(path)
    if is_listed:
        list(runs)
        begun = True
    with pytest.raises(ServerError, match="502"):
        runs.histories(keys=["loss"], on_error="skip")
    assert len(transport.names) < 12
    transport.inner.close()


@pytest.mark.parametrize("is_listed", [False, True])
@pytest.mark.parametrize("to", ["default", "polars"])
def test_a_smaller_page_size_of_the_server_loses_no_run(
    wandb_server: LocalServer, path: str, is_listed: bool, to: Literal["default", "polars"]
) -> None:
    inner = HttpTransport(wandb_server.url)

    class LimitsPageSize:
        def send(self, request: Request, /) -> Response:
            body = json.loads(request.content)
            body["variables"]["first"] = min(body["variables"].get("first", 4), 4)
            return inner.send(replace(request, content=json.dumps(body).encode()))

    runs = Api(base_url=wandb_server.url, api_key="k", transport=LimitsPageSize()).runs(path)
    if is_listed:
        assert len(list(runs)) == RUNS
    histories = runs.histories(keys=["loss"], format=to)
    assert ids_of(histories) == [f"d{number:02}" for number in range(RUNS)]
    inner.close()


@pytest.mark.parametrize("status", [401, 403, 404, 429, 500, 502, 200])
def test_a_failed_request_for_a_warning_does_not_affect_the_histories(
    wandb_server: LocalServer, status: int
) -> None:
    project = f"probed-{status}"
    log_run(wandb_server, "team", project, "r0", history=[{"a": 1}, {"b": 2}])
    log_run(wandb_server, "team", project, "r1", history=[{"a": 1, "b": 2}])

    def fails(body: dict[str, dict[str, object]]) -> Response | None:
        is_probe = '"samples": 1}' in str(body["variables"].get("specs"))
        return Response(status, {}, b'{"data": {"project": null}}') if is_probe else None

    api, transport = failing(wandb_server, fails)
    assert len(api.runs(f"team/{project}").histories(keys=["a", "b"])) == 1
    assert transport.names == ["ListSampledHistories"] * 2
    assert api.run(f"team/{project}/r0").history(keys=["a", "b"], pandas=False) == []
    assert transport.names.count("GetSampledHistory") == 2
    transport.inner.close()


def test_a_run_that_fails_only_on_a_dropped_page_is_not_reported(
    wandb_server: LocalServer, path: str
) -> None:
    inner = HttpTransport(wandb_server.url)
    failures = 0

    class LimitsPageSize:
        """Returns two runs per page, so that prefetched pages are dropped; one run fails there."""

        def send(self, request: Request, /) -> Response:
            nonlocal failures
            body = json.loads(request.content)
            body["variables"]["first"] = min(body["variables"].get("first", 2), 2)
            response = inner.send(replace(request, content=json.dumps(body).encode()))
            if "History" in body["operationName"] or "Histories" in body["operationName"]:
                nodes = json.loads(response.content)["data"]["project"]["runs"]["edges"]
                if "d09" in [edge["node"]["id"] for edge in nodes] and failures < 4:
                    failures += 1
                    return Response(504, {}, b"")
            return response

    api = Api(base_url=wandb_server.url, api_key="k", transport=LimitsPageSize(), clock=FakeClock())
    runs = api.runs(path, per_page=3)
    len(runs)
    assert ids_of(runs.histories(keys=["loss"])) == [f"d{number:02}" for number in range(RUNS)]
    assert failures == 4
    inner.close()
