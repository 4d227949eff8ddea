"""Names that no run has, in filters, orders and keys, are told once; names that exist never."""

from __future__ import annotations

import json
import pickle
import re
import warnings
from collections.abc import Mapping
from contextlib import suppress
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, Literal

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.ways import each_backend, each_way

from wandb_runs import (
    Api,
    AsyncApi,
    Config,
    RawFilter,
    RawOrder,
    State,
    Summary,
    UnknownKeyWarning,
    UnknownMetricWarning,
    UnknownStateWarning,
    WandbRunsWarning,
)
from wandb_runs.testing import LocalServer, NullFields, Status, delete_run, log_run
from wandb_runs.transport.http import HttpTransport

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Awaitable, Callable, Iterator, Sequence
    from contextlib import AbstractContextManager

    from wandb_runs import AsyncRun, AsyncRuns, JSONValue, Request, Response, Run, Runs

RUNS: Final = 7
KEY: Final = "k" * 40
PATH: Final = "team/names"
MISSPELT: Final = {"config.optimiser": "adam"}

Told = list[warnings.WarningMessage]

# A table of arguments, which type checkers cannot follow.
Listing = Mapping[str, Any]


@pytest.fixture(scope="module")
def server() -> Iterator[LocalServer]:
    """A server with runs whose configs and summaries are alike."""
    with LocalServer() as server:
        for number in range(RUNS):
            log_run(
                server,
                "team",
                "names",
                f"r{number}",
                config={
                    "optimizer": ("adam", "sgd")[number % 2],
                    "model": {"depth": number, "name": None},
                    "a.b": 1,
                    "nothing": None,
                },
                summary={"accuracy": number / RUNS, "loss": {"min": number}},
                history=[{"loss": 1.0, "accuracy": step / 4} for step in range(4)],
            )
        log_run(server, "team", "empty", "gone")
        delete_run(server, "team", "empty", "gone")
        yield server


# Python asks a list for its length before it fills one.
BLOCKING: Final[dict[str, Callable[[Runs, list[str] | None], object]]] = {
    "first": lambda runs, _: runs[:1],
    "loop": lambda runs, _: [run.id for run in runs],
    "pages": lambda runs, _: [*runs.pages()],
    "length": lambda runs, _: len(runs),
    "histories": lambda runs, keys: runs.histories(keys=keys),
    "iter_histories": lambda runs, keys: [*runs.iter_histories(keys=keys)],
    "configs": lambda runs, keys: runs.configs(keys),
    "summaries": lambda runs, keys: runs.summaries(keys),
}

READINGS: Final = tuple(BLOCKING)


async def drain(items: AsyncIterable[object]) -> None:
    async for _ in items:
        pass


AWAITING: Final[dict[str, Callable[[AsyncRuns, list[str] | None], Awaitable[object]]]] = {
    "first": lambda runs, _: runs.get(slice(1)),
    "loop": lambda runs, _: drain(runs),
    "pages": lambda runs, _: drain(runs.pages()),
    "length": lambda runs, _: runs.length(),
    "histories": lambda runs, keys: runs.histories(keys=keys),
    "iter_histories": lambda runs, keys: drain(runs.iter_histories(keys=keys)),
    "configs": lambda runs, keys: runs.configs(keys),
    "summaries": lambda runs, keys: runs.summaries(keys),
}


def read(
    server: LocalServer,
    way: str,
    reading: str,
    listing: Listing = MappingProxyType({}),
    *,
    path: str = PATH,
    times: int = 1,
    keys: list[str] | None = None,
) -> Told:
    """The warnings of reading a listing so often, each attributed to this file."""
    server.clear_operations()

    async def read_async() -> None:
        async with AsyncApi(base_url=server.url, api_key=KEY) as api:
            runs = api.runs(path, **listing)
            for _ in range(times):
                await AWAITING[reading](runs, keys)

    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        if way == "sync":
            with Api(base_url=server.url, api_key=KEY) as api:
                runs = api.runs(path, **listing)
                for _ in range(times):
                    BLOCKING[reading](runs, keys)
        else:
            anyio.run(read_async, backend=way)
    assert {each.filename for each in told} <= {__file__}
    return told


def messages(told: Told) -> list[str]:
    return [str(each.message) for each in told]


def lookups(server: LocalServer) -> int:
    return server.operations.count("ListKeys")


@each_way
@pytest.mark.parametrize(
    ("listing", "message"),
    [
        (
            {"order": "-summary.acuracy"},
            "order: none of the 7 newest runs has 'summary.acuracy' "
            "(did you mean 'summary.accuracy'?)",
        ),
        (
            {"order": Summary("loss", "mn").asc()},
            "order: none of the 7 newest runs has 'summary.loss.mn' "
            "(did you mean 'summary.loss.min'?)",
        ),
        (
            {"filters": MISSPELT},
            "filters: none of the 7 newest runs has 'config.optimiser' "
            "(did you mean 'config.optimizer'?)",
        ),
        (
            {"filters": Config("model", "dept") == 3},
            "filters: none of the 7 newest runs has 'config.model.value.dept' "
            "(did you mean 'config.model.value.depth'?)",
        ),
        (
            {"filters": Config("model.depth") == 3},  # a key with a dot, where a nested one is
            "filters: none of the 7 newest runs has 'config.model.depth.value' "
            "(did you mean 'config.model.value.depth'?)",
        ),
        (
            {"filters": {"config.accuracy": {"$gt": 0.5}}},  # in the wrong document
            "filters: none of the 7 newest runs has 'config.accuracy' "
            "(did you mean 'summary.accuracy'?)",
        ),
        (
            {"filters": {"$or": [{"config.x": 1}, {"summary.los": {"$exists": True}}]}},
            "filters: none of the 7 newest runs has 'config.x' or 'summary.los' "
            "(did you mean 'summary.loss'?)",
        ),
        ({"filters": ~(Config("qqq") == 1)}, "filters: none of the 7 newest runs has 'config.qqq'"),
        (
            {"config_keys": ["optimiser", "model"]},
            "config_keys: none of the 7 newest runs has 'optimiser' (did you mean 'optimizer'?)",
        ),
        (
            {"summary_keys": ["acuracy"]},
            "summary_keys: none of the 7 newest runs has 'acuracy' (did you mean 'accuracy'?)",
        ),
        (
            {"filters": State == "finishd"},
            "filters: no run is known to have the state 'finishd' (did you mean 'finished'?); "
            "the states are running, finished, crashed, failed, killed, pending, preempting, "
            "preempted",
        ),
    ],
)
def test_a_name_that_no_run_has_is_told_once_with_the_nearest_one(
    server: LocalServer, way: str, listing: Listing, message: str
) -> None:
    for reading in ("first", "loop", "pages"):
        told = read(server, way, reading, listing, times=2)
        assert messages(told) == [message]
        # Nothing is sent for a state, and one request for all names.
        is_of_keys = not isinstance(told[0].message, UnknownStateWarning)
        assert lookups(server) == int(is_of_keys)


@each_way
@pytest.mark.parametrize("reading", ["histories", "iter_histories", "configs", "summaries"])
@pytest.mark.parametrize(
    ("order", "name", "near"),
    [
        ("-summary.acuracy", "summary.acuracy", "summary.accuracy"),
        ("+config.model.value.dept", "config.model.value.dept", "config.model.value.depth"),
        ("-config.accuracy", "config.accuracy", "summary.accuracy"),
        ("-summary.qqq", "summary.qqq", None),
    ],
)
def test_a_call_on_all_runs_tells_of_an_order_that_no_run_has(
    server: LocalServer, way: str, reading: str, order: str, name: str, near: str | None
) -> None:
    [told] = read(server, way, reading, {"order": order}, times=2)
    assert isinstance(told.message, UnknownKeyWarning)
    assert (told.message.argument, told.message.nearest) == ("order", {name: near})
    assert lookups(server) == 1


@each_way
@pytest.mark.parametrize("reading", ["histories", "configs"])
def test_an_order_is_looked_up_once_for_a_listing(
    server: LocalServer, way: str, reading: str
) -> None:
    for order, told in (("-summary.accuracy", 0), ("-summary.acuracy", 1)):
        assert len(read(server, way, reading, {"order": order, "limit": 3}, times=2)) == told
        assert lookups(server) == told  # the first page shows the right one
        assert len(read(server, way, reading, {"order": order}, times=2)) == told
        assert lookups(server) == 1


TAKES: Final[dict[str, Callable[[Runs, Run], object]]] = {
    "bool": lambda runs, _: bool(runs),
    "item": lambda runs, _: runs[0],
    "last": lambda runs, _: runs[-1],
    "slice": lambda runs, _: runs[2:4],
    "slice from the end": lambda runs, _: runs[-2:],
    "backwards": lambda runs, _: runs[::-1],
    "reversed": lambda runs, _: next(reversed(runs), None),
    "in": lambda runs, run: run in runs,
    "count": lambda runs, run: runs.count(run),
    "index": lambda runs, run: runs.index(run),
}

AWAITED_TAKES: Final[dict[str, Callable[[AsyncRuns, AsyncRun], Awaitable[object]]]] = {
    "item": lambda runs, _: runs.get(0),
    "last": lambda runs, _: runs.get(-1),
    "slice": lambda runs, _: runs.get(slice(2, 4)),
    "backwards": lambda runs, _: runs.get(slice(None, None, -1)),
    "in": lambda runs, run: runs.contains(run),
}

UNKNOWN: Final[tuple[Listing, ...]] = (
    {"order": "-summary.acuracy"},
    {"filters": MISSPELT},
    {"filters": {"config.optimiser": {"$ne": "adam"}}},
    {"filters": State == "finishd"},
)


@pytest.mark.parametrize("take", [*TAKES])
@pytest.mark.parametrize("listing", UNKNOWN)
def test_each_way_to_take_runs_tells(server: LocalServer, take: str, listing: Listing) -> None:
    with Api(base_url=server.url, api_key=KEY) as api:
        runs, run = api.runs(PATH, **listing), api.run(f"{PATH}/r1")

        def read() -> None:
            for _ in range(2):
                with suppress(IndexError, ValueError):
                    TAKES[take](runs, run)

        with pytest.warns(UnknownKeyWarning) as told:
            read()
    assert len(told) == 1


@each_backend
@pytest.mark.parametrize("take", [*AWAITED_TAKES])
@pytest.mark.parametrize("listing", UNKNOWN)
def test_each_awaited_way_to_take_runs_tells(
    server: LocalServer, backend: str, take: str, listing: Listing
) -> None:
    async def read() -> None:
        async with AsyncApi(base_url=server.url, api_key=KEY) as api:
            runs, run = api.runs(PATH, **listing), await api.run(f"{PATH}/r1")
            for _ in range(2):
                with suppress(IndexError):
                    await AWAITED_TAKES[take](runs, run)

    with pytest.warns(UnknownKeyWarning) as told:
        anyio.run(read, backend=backend)
    assert len(told) == 1


@each_way
@pytest.mark.parametrize("reading", READINGS)
@pytest.mark.parametrize("filters", [MISSPELT, State == "finishd"], ids=["path", "state"])
def test_each_way_to_read_tells_why_there_is_nothing(
    server: LocalServer, way: str, reading: str, filters: object
) -> None:
    [told] = read(server, way, reading, {"filters": filters}, times=2)
    assert isinstance(told.message, UnknownKeyWarning)
    assert told.message.argument == "filters"
    assert lookups(server) == int(filters is MISSPELT)


@each_way
@pytest.mark.parametrize("reading", READINGS)
def test_a_negation_that_selects_all_runs_is_told_by_all_but_a_count(
    server: LocalServer, way: str, reading: str
) -> None:
    told = read(server, way, reading, {"filters": {"config.optimiser": {"$ne": "adam"}}}, times=2)
    assert ["config.optimiser" in each for each in messages(told)] == [True] * (reading != "length")


@each_way
@pytest.mark.parametrize("reading", READINGS)
@pytest.mark.parametrize(
    "listing",
    [
        {},
        {"filters": {"config.optimizer": "adam", "state": "finished"}},
        {"filters": {"config.model.value.depth": {"$gte": 0}}},
        {"filters": {"config.a.b.value": 1, "config.optimizer": {"$in": ["adam"]}}},
        {"filters": {"config.optimizer": "adam"}, "config_keys": ["model"], "summary_keys": []},
        {"filters": {"config.x": {"$exists": False}}},
        {"filters": ~Config("x").exists()},
        {"filters": Config("x") == None},  # noqa: E711 - a condition
        {"filters": {"$or": [{"config.x": None}, {"config.x": 3}]}},
        {"filters": {"config.x": {"$in": [None, 1]}, "display_name": {"$ne": "x"}}},
        {"filters": RawFilter({"config.optimiser": "adam"}), "order": RawOrder("-config.x.value")},
        {"filters": MISSPELT, "order": "-summary.x", "config_keys": ["x"], "limit": 0},
        {"filters": {"created_at": {"$gt": "2020-01-01T00:00:00Z"}}, "order": "-heartbeat_at"},
    ],
)
def test_a_name_that_the_listing_shows_costs_nothing(
    server: LocalServer, way: str, reading: str, listing: Listing
) -> None:
    assert messages(read(server, way, reading, listing)) == []
    assert lookups(server) == 0


@each_way
@pytest.mark.parametrize(
    ("reading", "listing", "requests"),
    [
        ("first", {"order": "-summary.accuracy"}, 0),
        ("first", {"order": "-summary.loss.min", "config_keys": ["model.depth", "a.b"]}, 0),
        ("first", {"filters": {"config.nothing": {"$ne": 1}}}, 0),
        ("summaries", {"order": "-summary.accuracy"}, 0),
        ("configs", {"order": "-config.model.value.depth"}, 0),
        # What the pages do not hold, or nothing holds, is looked up.
        ("first", {"order": "-summary.accuracy", "summary_keys": []}, 1),
        ("loop", {"filters": {"config.optimizer": "lion"}}, 1),
        ("length", {"filters": {"config.model.value.depth": 99}}, 1),
        ("histories", {"filters": {"config.optimizer": {"$ne": "adam"}}}, 1),
        ("histories", {"order": "-summary.accuracy"}, 1),
        ("iter_histories", {"order": "-summary.accuracy"}, 1),
        ("configs", {"order": "-summary.loss.min"}, 1),
        ("histories", {"filters": {"config.optimizer": "lion"}}, 1),
    ],
)
def test_a_known_name_is_never_told(
    server: LocalServer, way: str, reading: str, listing: Listing, requests: int
) -> None:
    assert messages(read(server, way, reading, listing)) == []
    assert lookups(server) == requests


@each_way
@pytest.mark.parametrize("reading", READINGS)
def test_a_project_without_a_run_has_no_misspelt_names(
    server: LocalServer, way: str, reading: str
) -> None:
    listing = {"filters": MISSPELT, "order": "-summary.x", "config_keys": ["x"]}
    assert messages(read(server, way, reading, listing, path="team/empty")) == []


@each_way
def test_a_key_that_no_run_has_is_told_by_each_call(server: LocalServer, way: str) -> None:
    known = {"configs": "optimizer", "summaries": "accuracy"}
    misspelt = {"configs": "optimiser", "summaries": "acuracy"}
    for reading, key in known.items():
        assert read(server, way, reading, keys=[key]) == []
        assert lookups(server) == 0
        told = read(server, way, reading, keys=[key, misspelt[reading]], times=2)
        assert (
            messages(told)
            == [
                f"keys: none of the 7 newest runs has {misspelt[reading]!r} (did you mean {key!r}?)"
            ]
            * 2
        )
    assert read(server, way, "configs", keys=["model", "a.b", "nothing", "_wandb"]) == []


@each_way
def test_a_metric_that_no_run_has_is_told(server: LocalServer, way: str) -> None:
    for reading in ("histories", "iter_histories"):
        [told] = read(server, way, reading, keys=["acuracy"])
        assert isinstance(told.message, UnknownMetricWarning)
        assert told.message.nearest == {"acuracy": "accuracy"}
        assert read(server, way, reading, keys=["loss", "accuracy"]) == []


@each_way
def test_a_metric_that_one_run_has_not_is_told(server: LocalServer, way: str) -> None:
    def of_one(keys: Sequence[str], *, max_step: int | None = None) -> list[str]:
        server.clear_operations()
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            if way == "sync":
                with Api(base_url=server.url, api_key=KEY) as api:
                    run = api.run(f"{PATH}/r1")
                    run.history(keys=[*keys], format="default")
                    rows = run.scan_history(keys=[*keys], max_step=max_step)
                    _ = [*rows], [*rows]
            else:

                async def read() -> None:
                    async with AsyncApi(base_url=server.url, api_key=KEY) as api:
                        run = await api.run(f"{PATH}/r1")
                        await run.history(keys=[*keys], format="default")
                        rows = run.scan_history(keys=[*keys], max_step=max_step)
                        for _ in range(2):
                            _ = [row async for row in rows]

                anyio.run(read, backend=way)
        assert {each.filename for each in told} <= {__file__}
        return messages(told)

    hint = "there is no row; run 'r1' has no 'los' (did you mean 'loss'?)"
    assert of_one(["los"]) == [hint] * 2
    # The scan has asked for the metrics of the run already.
    assert server.operations.count("GetHistoryKeys") == 1
    assert of_one(["loss"], max_step=0) == []
    assert of_one(["loss", "accuracy"]) == []


class _Recorder:
    """Sends to a server, and records what is sent."""

    def __init__(self, server: LocalServer) -> None:
        self.inner = HttpTransport(server.url)
        self.sent: list[dict[str, Any]] = []

    def send(self, request: Request, /) -> Response:
        self.sent.append(json.loads(request.content))
        return self.inner.send(request)


def test_only_the_keys_in_question_are_asked_for(server: LocalServer) -> None:
    recorder = _Recorder(server)
    api = Api(base_url=server.url, api_key=KEY, transport=recorder)
    with pytest.warns(UnknownKeyWarning):
        _ = api.runs(PATH, {"config.a.b.value": 1, "config.x.value.y": 1})[:1]
    listed, looked_up, asked = recorder.sent
    recorder.inner.close()
    assert asked["operationName"] == "ListFields"
    assert listed["operationName"] == "ListRuns"
    variables = looked_up["variables"]
    assert variables["configKeys"] == ["a.b", "x"]
    assert (variables["hasConfig"], variables["hasSummary"]) == (True, False)
    assert (variables["first"], variables["named"]) == (50, 10)


def test_a_look_up_that_fails_is_not_repeated_and_tells_nothing(server: LocalServer) -> None:
    with server.fail(Status(500), operation="ListKeys"):
        assert read(server, "sync", "loop", {"filters": MISSPELT}, times=2) == []
    assert lookups(server) == 1


def test_a_listing_that_continues_was_checked_where_it_began(server: LocalServer) -> None:
    with Api(base_url=server.url, api_key=KEY) as api:
        runs = api.runs(PATH, order="-summary.acuracy", per_page=3)
        loop = iter(runs)
        with pytest.warns(UnknownKeyWarning) as told:
            next(loop)
        rest = api.runs(PATH, order="-summary.acuracy", checkpoint=loop.checkpoint())
        assert len([*rest]) == RUNS - 1
    assert len(told) == 1
    again = pickle.loads(pickle.dumps(told[0].message))
    assert (str(again), again.checked) == (str(told[0].message), RUNS)


def test_a_state_that_a_run_has_is_known(wandb_server: LocalServer) -> None:
    log_run(wandb_server, "team", "states", "r1", state="a future state")
    for filters in (State == "a future state", State.is_in(["a future state", "finished"])):
        assert read(wandb_server, "sync", "loop", {"filters": filters}, path="team/states") == []
    others = {"filters": {"state": {"$nin": ["Finished", "x"]}}}
    [told] = read(wandb_server, "sync", "loop", others, path="team/states")
    assert isinstance(told.message, UnknownStateWarning)
    assert told.message.nearest == {"Finished": "finished", "x": None}


def test_warnings_may_be_errors(server: LocalServer) -> None:
    with (
        warnings.catch_warnings(),
        Api(base_url=server.url, api_key=KEY) as api,
    ):
        warnings.simplefilter("error", WandbRunsWarning)
        runs = api.runs(PATH, order="-summary.acuracy")
        with pytest.raises(UnknownKeyWarning):
            _ = runs[0]
        assert len([*runs]) == RUNS  # told once


def test_the_fifty_newest_runs_are_looked_at(wandb_server: LocalServer) -> None:
    for number in range(55):
        log_run(
            wandb_server,
            "team",
            "newest",
            f"r{number:02}",
            config={"old_rate": 1} if number == 0 else {"rate": 1},
        )
    newest = {"filters": {"config.old_rate": {"$ne": 2}}, "order": "-created_at"}
    # The server knows the keys of all runs; one that does not tell them leaves the newest.
    assert read(wandb_server, "sync", "first", newest, path="team/newest") == []
    untold: list[Callable[[], AbstractContextManager[object]]] = [
        lambda: wandb_server.fail(NullFields("Project.fields"), operation="ListFields"),
        lambda: wandb_server.lack("Project.fields"),
    ]
    for leave_out in untold:
        with leave_out():
            told = read(wandb_server, "sync", "first", newest, path="team/newest")
        [message] = messages(told)
        assert message.startswith("filters: none of the 50 newest runs has 'config.old_rate' ")
        assert "(did you mean 'config.rate'?)" in message
    # The first page shows it.
    newest = {**newest, "order": "+created_at"}
    assert read(wandb_server, "sync", "first", newest, path="team/newest") == []
    assert lookups(wandb_server) == 0


def test_a_key_into_a_list_is_told(wandb_server: LocalServer) -> None:
    held: JSONValue = [{"width": 1}, {"width": 2}]
    values: dict[str, JSONValue] = {"layers": held, "width": 1, "head": {"width": 3}}
    for number in range(2):
        log_run(wandb_server, "team", "lists", f"r{number}", config=values, summary=values)
    with Api(base_url=wandb_server.url, api_key="k") as api:
        path = "team/lists"
        calls: list[Callable[[list[str]], object]] = [
            lambda keys: api.runs(path).configs(keys),
            lambda keys: api.runs(path).summaries(keys),
            lambda keys: [*api.runs(path, config_keys=keys)],
            lambda keys: [*api.runs(path, summary_keys=keys)],
        ]
        for call in calls:
            with pytest.warns(UnknownKeyWarning, match=r"'layers\.width'") as told:
                call(["layers.width"])
            assert len(told) == 1
            # Nor is it what another key is a misspelling of.
            with pytest.warns(UnknownKeyWarning, match="layers.widht") as told:
                call(["layers.widht"])
            assert "'layers.width'" not in str(told[0].message)
            call(["head.width"])
        # Filters look into lists.
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert len(api.runs(path, {"config.layers.value.width": 2})) == 2


_PATHS: Final = ("config.lr", "config.model.value.depth", "summary.loss", "summary.eval.loss")

_Held = tuple[bool, bool, bool, bool]


def _document(held: _Held, section: Literal["config", "summary"]) -> dict[str, JSONValue]:
    """What a run has of the paths, in order."""
    if section == "config":
        model: dict[str, JSONValue] = {"depth": 3} if held[1] else {"width": 3}
        return {"model": model, **({"lr": 0.1} if held[0] else {})}
    return {"eval": {"loss": 1} if held[3] else {}, **({"loss": 1} if held[2] else {})}


@settings(max_examples=40, deadline=None)
@given(
    held=st.lists(st.tuples(*[st.booleans()] * 4), max_size=4),
    path=st.integers(0, 3),
    argument=st.sampled_from(["order", "$eq", "$ne", "$gt", "$exists", "$nor"]),
    per_page=st.integers(1, 5),
    reading=st.sampled_from(["loop", "pages"]),
    way=st.sampled_from(["sync", "asyncio"]),
)
def test_a_name_is_told_if_and_only_if_no_run_has_it(
    wandb_server: LocalServer,
    held: list[_Held],
    path: int,
    argument: str,
    per_page: int,
    reading: str,
    way: str,
) -> None:
    project = f"property-{abs(hash(tuple(held)))}"
    log_run(wandb_server, "team", project, "gone")
    for number, each in enumerate(held):
        log_run(
            wandb_server,
            "team",
            project,
            f"r{number}",
            config=_document(each, "config"),
            summary=_document(each, "summary"),
        )
    delete_run(wandb_server, "team", project, "gone")
    name = _PATHS[path]
    listing: dict[str, Any] = {"per_page": per_page}
    if argument == "order":
        listing["order"] = f"-{name}"
    elif argument == "$nor":
        listing["filters"] = {"$nor": [{name: 1}]}
    else:
        listing["filters"] = {name: {argument: True if argument == "$exists" else 7}}
    told = read(wandb_server, way, reading, listing, path=f"team/{project}")
    is_unknown = bool(held) and not any(each[path] for each in held)
    assert [re.findall(r"has (?:no )?'([\w.]+)'", each) for each in messages(told)] == (
        [[name]] if is_unknown else []
    )
    assert lookups(wandb_server) <= 1
