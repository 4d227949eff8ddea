"""Console output of a run: each line once, in order, however many and whatever the server lacks."""

from __future__ import annotations

import itertools
import warnings
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, cast

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.answers import ChangedAnswer, ChangedVariables
from support.drivers import gather
from support.logging_sdk import LoggedRun
from support.sdk_programs import run_sdk
from support.ways import each_way

from wandb_runs import (
    Api,
    AsyncApi,
    BadResponseError,
    ConsoleLine,
    DegradedServerWarning,
    InvalidArgumentError,
    MissingLinesWarning,
    NotFoundError,
    ServerError,
    UnsupportedByServerError,
)
from wandb_runs.testing import FakeClock, LocalServer, NullFields, Status

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from wandb_runs.graphql.scalars import JSONValue

KEY = "k" * 40
START = datetime(2026, 1, 31, 23, 59, 59, 1, tzinfo=UTC)
FORWARD = "Run.logLines(useImprovedPagination:)"
RUN_IDS = map("r{}".format, itertools.count())


@pytest.fixture(scope="module")
def server() -> Iterator[LocalServer]:
    with LocalServer() as server:
        yield server


@pytest.fixture(autouse=True)
def _as_new(request: pytest.FixtureRequest) -> Iterator[None]:
    yield
    if "server" in request.fixturenames:
        server: LocalServer = request.getfixturevalue("server")
        server.recover()


def printed(server: LocalServer, texts: Sequence[str]) -> tuple[str, list[ConsoleLine]]:
    """A run that printed these; its path, and the lines to be read."""
    run = LoggedRun(server, "console", next(RUN_IDS))
    run.start()
    lines: list[ConsoleLine] = []
    sent: list[str] = []
    for number, text in enumerate(texts):
        time, level = START + timedelta(seconds=number), "error" if number % 3 == 1 else None
        label = "rank0" if number % 4 == 2 else None
        lines.append(ConsoleLine(number, level, time, label, text))
        mark = "ERROR " if level else ""
        about = f" [{label}]" if label else ""
        sent.append(f"{mark}{time.replace(tzinfo=None).isoformat()}{about} {text}")
    if sent:
        run.send("output.log", 0, sent)
    return f"me/console/{run.name}", lines


def read(
    way: str, server: LocalServer, path: str, *, per_page: int = 1000, last: int | None = None
) -> list[ConsoleLine]:
    if way == "sync":
        with Api(base_url=server.url, api_key=KEY, clock=FakeClock()) as api:
            return [*api.run(path).console_logs(per_page=per_page, last=last)]

    async def read_async() -> list[ConsoleLine]:
        async with AsyncApi(base_url=server.url, api_key=KEY, clock=FakeClock()) as api:
            run = await api.run(path)
            return await gather(run.console_logs(per_page=per_page, last=last))

    return anyio.run(read_async, backend=way)


TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=9)


@settings(max_examples=15, deadline=None)
@given(
    texts=st.lists(TEXTS, max_size=25),
    per_page=st.integers(1, 30),
    last=st.none() | st.integers(1, 30),
    way=st.sampled_from(["sync", "asyncio", "trio"]),
)
def test_each_line_comes_once_and_in_order(
    server: LocalServer, texts: list[str], per_page: int, last: int | None, way: str
) -> None:
    path, lines = printed(server, texts)
    server.clear_operations()
    with warnings.catch_warnings(action="error"):
        found = read(way, server, path, per_page=per_page, last=last)
    assert found == (lines if last is None else lines[-last:])
    _, *asked = server.operations
    if last is not None:
        assert asked == ["ListLastLogLines"]
    else:
        assert asked == ["ListLogLines"] * max(1, -(-len(texts) // per_page))


@settings(max_examples=15, deadline=None)
@given(
    count=st.integers(0, 40),
    per_page=st.integers(1, 12),
    cap=st.none() | st.integers(1, 30),
    way=st.sampled_from(["sync", "asyncio"]),
    lacks=st.booleans(),
    whole_pages=st.integers(0, 3),
)
def test_a_server_that_does_not_page_forwards_gives_all_lines_or_a_warning(
    server: LocalServer,
    count: int,
    per_page: int,
    cap: int | None,
    way: str,
    lacks: bool,
    whole_pages: int,
) -> None:
    path, lines = printed(server, list(map(str, range(count))))
    pages = itertools.count()

    def without_ends(data: dict[str, JSONValue], _: Mapping[str, object]) -> None:
        if next(pages) >= whole_pages:
            _log(data)["pageInfo"] = None

    def capped(variables: Mapping[str, object]) -> Mapping[str, object]:
        return {**variables, "last": min(cap or 1000, cast("int", variables["last"]))}

    with (
        server.fail_always(ChangedVariables(capped), operation="ListLastLogLines"),
        server.fail_always(ChangedAnswer(without_ends), operation="ListLogLines"),
        warnings.catch_warnings(record=True) as caught,
    ):
        warnings.simplefilter("always")
        if lacks:
            with server.lack(FORWARD):
                found = read(way, server, path, per_page=per_page)
        else:
            found = read(way, server, path, per_page=per_page)
    told = [each.message for each in caught]
    assert any(isinstance(each, DegradedServerWarning) for each in told) == lacks
    missing = sum(each.count for each in told if isinstance(each, MissingLinesWarning))
    numbers = [line.number for line in found]
    assert numbers == sorted(set(numbers))
    assert found == [lines[number] for number in numbers]
    assert len(found) + missing == count
    if cap is None:
        assert found == lines


@each_way
def test_lines_that_come_as_null_are_told(server: LocalServer, way: str) -> None:
    path, lines = printed(server, "abcdefg")

    def without_one(data: dict[str, JSONValue], _: Mapping[str, object]) -> None:
        edges = cast("list[JSONValue]", _log(data)["edges"])
        edges[1] = None

    for last in (None, 7):
        name = "ListLogLines" if last is None else "ListLastLogLines"
        with (
            server.fail_always(ChangedAnswer(without_one), operation=name),
            pytest.warns(MissingLinesWarning, match="^1 lines of the console output of run 'r"),
        ):
            found = read(way, server, path, last=last)
        assert found == [lines[0], *lines[2:]]


def _log(data: dict[str, JSONValue]) -> dict[str, JSONValue]:
    project = cast("dict[str, dict[str, JSONValue]]", data["project"])
    return cast("dict[str, JSONValue]", project["run"]["logLines"])


@each_way
def test_cursors_that_lead_in_a_circle_are_an_error(server: LocalServer, way: str) -> None:
    path, _ = printed(server, "abcdefghij")

    def back(variables: Mapping[str, object]) -> Mapping[str, object]:
        return {**variables, "after": None}

    with (
        server.fail_always(ChangedVariables(back), operation="ListLogLines"),
        pytest.raises(BadResponseError, match="more lines of console output follow"),
    ):
        read(way, server, path, per_page=3)


@each_way
@pytest.mark.parametrize("last", [None, 3])
def test_no_lines_told_is_not_no_lines(server: LocalServer, way: str, last: int | None) -> None:
    path, _ = printed(server, "abc")
    for fields in ("Run.logLines", "LogLineConnection.edges"):
        with (
            server.fail_always(NullFields(fields)),
            pytest.raises(BadResponseError, match="came as null, so that lines may be missing"),
        ):
            read(way, server, path, last=last)
    with server.lack("Run.logLines"), pytest.raises(UnsupportedByServerError, match="logLines"):
        read(way, server, path, last=last)


@each_way
def test_lines_without_numbers_times_and_texts_are_read(server: LocalServer, way: str) -> None:
    path, lines = printed(server, "abc")
    with server.fail_always(NullFields("LogLine.number", "LogLine.timestamp", "LogLine.line")):
        found = read(way, server, path, per_page=2)
        assert found == [
            ConsoleLine(each.number, each.level, None, each.label, "") for each in lines
        ]
        with pytest.raises(BadResponseError, match="has no numbers"):
            read(way, server, path, last=2)
    run = LoggedRun(server, "console", "without-times")
    run.start()
    run.send("output.log", 0, ["no time", "2026-99-99T00:00:00 never"])
    texts = ["no time", "never"]
    found = read(way, server, "me/console/without-times")
    assert [(line.text, line.time) for line in found] == [(text, None) for text in texts]


def test_a_loop_goes_on_behind_an_error(server: LocalServer) -> None:
    path, lines = printed(server, "abcdefg")
    with Api(base_url=server.url, api_key=KEY, max_retries=0) as api:
        loop = api.run(path).console_logs(per_page=2)
        taken = [next(loop), next(loop)]
        with server.fail_always(Status(500), operation="ListLogLines"):
            for _ in range(2):
                with pytest.raises(ServerError):
                    next(loop)
        taken += loop
    assert taken == lines


def test_tasks_share_a_loop_and_each_line_goes_to_one(server: LocalServer) -> None:
    path, lines = printed(server, list(map(str, range(40))))

    async def share() -> list[ConsoleLine]:
        taken: list[ConsoleLine] = []
        async with AsyncApi(base_url=server.url, api_key=KEY) as api:
            loop = (await api.run(path)).console_logs(per_page=3)

            async def take() -> None:
                taken.extend([line async for line in loop])

            async with anyio.create_task_group() as tasks:
                for _ in range(5):
                    tasks.start_soon(take)
        return taken

    taken = anyio.run(share)
    assert sorted(taken, key=lambda line: line.number) == lines


def test_arguments_are_checked_before_any_request(server: LocalServer) -> None:
    path, _ = printed(server, "a")
    with Api(base_url=server.url, api_key=KEY) as api:
        run = api.run(path)
        server.clear_operations()
        for wrong in ({"per_page": 0}, {"last": 0}, {"last": -1}, {"per_page": True}):
            with pytest.raises(InvalidArgumentError, match=f"{next(iter(wrong))} must be an int"):
                run.console_logs(**wrong)
        assert server.operations == ()
        LoggedRun(server, "console", run.id).delete(run.storage_id)
        with pytest.raises(NotFoundError):
            next(run.console_logs())
        with pytest.raises(NotFoundError):
            next(run.console_logs(last=2))


SDK = """
import sys, wandb

with wandb.init(entity="team", project="console", id="sdk") as run:
    for number in range(30):
        print(f"line {number}", file=sys.stderr if number % 7 == 3 else sys.stdout)
print("=====")
for line in wandb.Api().run("team/console/sdk").console_logs(per_page=7):
    print((line.number, line.level, line.timestamp.isoformat(), line.content))
"""


def test_what_the_sdk_printed_is_what_the_sdk_reads(server: LocalServer, tmp_path: Path) -> None:
    out = run_sdk(SDK, server, tmp_path)
    expected = out.partition("=====\n")[2].splitlines()
    found = read("sync", server, "team/console/sdk", per_page=11)
    assert [
        str((line.number, line.level or "", line.time and line.time.isoformat(), line.text))
        for line in found
    ] == expected
    texts = [line.text for line in found]
    assert [text for text in texts if text.startswith("line ")] == [
        f"line {number}" for number in range(30)
    ]
