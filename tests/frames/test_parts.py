"""Outer joins of many keys: several requests, and the result of one."""

from __future__ import annotations

import json
import threading
import warnings
from itertools import count
from typing import TYPE_CHECKING, Literal, cast

import anyio
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from wandb_runs import (
    Api,
    AsyncApi,
    BadResponseError,
    DriftWarning,
    HistoriesError,
    NotFoundError,
    Request,
    Response,
    WandbRunsWarning,
)
from wandb_runs.frames.plan import plan_histories
from wandb_runs.frames.rows import read_rows
from wandb_runs.graphql._generated import get_sampled_history
from wandb_runs.testing import LocalServer, delete_run, log_run
from wandb_runs.transport.http import HttpTransport

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import pandas as pd

    from wandb_runs import Format, Row
    from wandb_runs.graphql.scalars import JSONValue

    Change = Callable[[Request, Response], Response]
    Changing = Callable[[Change], Api]

ONE, SEVERAL = 800, (1_000, 10**6)
"""Numbers of samples: all rows of these tests, of 60 keys in one request, or in two or three."""

KEYS = [f"k{number:02}" for number in range(58)] + ["n.a", "n.b"]
LOGGED = ["k00", "k01", "k49", "k50", "k57", "epoch"]

MANY = [f"m{number:04}" for number in range(2_300)]
SENT = ("ListSampledHistories",) * 3
"""The requests for the many keys: of 1,000, 1,000 and 300 of them."""

projects = count()


@pytest.fixture(scope="module")
def many(wandb_server: LocalServer) -> str:
    for number in range(3):
        rows: list[dict[str, JSONValue]] = [
            {
                "_step": step,
                **dict.fromkeys(MANY[number :: 1 + step % 3], step + number),
                "text": "t",
            }
            for step in range(8)
        ]
        log_run(wandb_server, "team", "parts", f"r{number}", history=rows)
    return "team/parts"


VALUES: st.SearchStrategy[JSONValue] = st.sampled_from([1, 2.5, True, "text", "NaN", None])
ROWS = st.lists(
    st.dictionaries(st.sampled_from(LOGGED), VALUES)
    | st.fixed_dictionaries({"n": st.fixed_dictionaries({"a": VALUES, "b": VALUES})})
    | st.fixed_dictionaries({"k00": VALUES, "k57": VALUES, "epoch": st.integers(0, 2)}),
    max_size=4,
)
Call = Literal["histories", "listed", "iter", "run"]


def shown(result: object) -> str:
    """A result as text, with the types of its values and the dtypes of its columns."""
    if isinstance(result, pl.DataFrame):
        return f"{result.schema} {result.rows()}"
    if isinstance(result, list):
        return str([shown(each) for each in cast("list[object]", result)])
    if isinstance(result, dict):
        return str(cast("object", result))
    frame = cast("pd.DataFrame", result)
    return f"{frame.dtypes.to_dict()} {frame.to_dict('split')}"


def read(
    api: Api, path: str, call: Call, samples: int, x_axis: str, to: Format
) -> tuple[str, list[str]]:
    """The result of a call, and its warnings."""
    runs = api.runs(path, order="+name")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", WandbRunsWarning)
        result: object
        if call == "iter":
            result = list(runs.iter_histories(samples, KEYS, x_axis, format=to, join="outer"))
        elif call == "run":
            result = [run.history(samples, KEYS, x_axis, format=to, join="outer") for run in runs]
        else:
            if call == "listed":
                list(runs)
            result = runs.histories(samples, KEYS, x_axis, format=to, join="outer")
    return shown(result), [str(each.message) for each in caught]


@settings(
    deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.lists(ROWS, min_size=1, max_size=3),
    st.sampled_from(["histories", "listed", "iter", "run"]),
    st.sampled_from(["_step", "epoch"]),
    st.sampled_from(["default", "pandas", "polars"]),
)
def test_several_requests_give_the_rows_dtypes_and_warnings_of_one(
    api: Api,
    wandb_server: LocalServer,
    histories: list[list[dict[str, JSONValue]]],
    call: Call,
    x_axis: str,
    to: Format,
) -> None:
    project = f"parts{next(projects)}"
    for number, rows in enumerate(histories):
        log_run(wandb_server, "team", project, f"r{number}", history=rows)
    sent: list[int] = []
    read_with: list[tuple[str, list[str]]] = []
    for samples in (ONE, *SEVERAL):
        wandb_server.clear_operations()
        read_with.append(read(api, f"team/{project}", call, samples, x_axis, to))
        sent.append(sum("SampledHistor" in name for name in wandb_server.operations))
    assert read_with[0] == read_with[1] == read_with[2]
    assert sent[0] <= sent[1] <= sent[2]
    # Runs without rows lack no key in any.
    assert sent[0] < (sent[1] if any(histories) else sent[2])


@pytest.mark.filterwarnings("ignore::wandb_runs.UnknownMetricWarning")
def test_the_keys_of_each_request_are_sampled_as_in_one(
    api: Api, wandb_server: LocalServer, many: str
) -> None:
    runs = api.runs(many, order="+name")
    wandb_server.clear_operations()
    rows = runs.histories(3, MANY, join="outer")
    assert wandb_server.operations == SENT
    plan = plan_histories(3, MANY, join="outer")
    expected: list[Row] = []
    for run in runs:
        entity, project, run_id = run.path
        answer = api.client.execute(
            get_sampled_history(entity=entity, project=project, id=run_id, specs=plan.specs)
        )
        assert answer.project is not None
        assert answer.project.run is not None
        own = read_rows(plan, answer.project.run.sampled_history)
        assert [*map(str, run.history(3, MANY, pandas=False, join="outer"))] == [*map(str, own)]
        expected += [{**row, "run_id": run.id} for row in own]
    assert [*map(str, rows)] == [*map(str, expected)]

    async def read_async() -> tuple[list[Row], list[Row]]:
        async with AsyncApi(base_url=wandb_server.url, api_key="k") as async_api:
            run = await async_api.run(f"{many}/r1")
            own = await run.history(3, MANY, pandas=False, join="outer")
            return await async_api.runs(many, order="+name").histories(3, MANY, join="outer"), own

    together, own = anyio.run(read_async)
    assert [*map(str, together)] == [*map(str, expected)]
    assert own == [
        {name: value for name, value in row.items() if name != "run_id"}
        for row in expected
        if row["run_id"] == "r1"
    ]


def test_samples_that_stand_for_all_rows_cost_few_requests(
    api: Api, wandb_server: LocalServer, many: str
) -> None:
    run = api.run(f"{many}/r0")
    wandb_server.clear_operations()
    run.history(SEVERAL[-1], MANY, join="outer")
    # 50 keys together, which do not suffice, and as many as the number of rows allows.
    assert wandb_server.operations == ("GetSampledHistory",) * 4


@pytest.mark.parametrize(
    ("keys", "samples", "join"), [(MANY, ONE, "inner"), (MANY[:1000], 49, "outer")]
)
def test_what_fits_is_asked_for_in_one_request(
    api: Api,
    wandb_server: LocalServer,
    many: str,
    keys: list[str],
    samples: int,
    join: Literal["inner", "outer"],
) -> None:
    runs = api.runs(many, {"name": "r0"})
    wandb_server.clear_operations()
    assert runs.histories(samples, keys, join=join)
    assert wandb_server.operations == ("ListSampledHistories",)


def test_explain_has_the_keys_of_the_first_request_and_the_most_requests(
    api: Api, many: str
) -> None:
    runs = api.runs(many)
    assert len(runs) == 3
    told = runs.explain("histories", samples=3, keys=MANY, join="outer")
    assert len(cast("list[str]", told.variables["specs"])) == 1_000
    assert told.requests == len(SENT)


class Changed:
    """A real server, whose answers are changed on the way."""

    def __init__(self, server: LocalServer, change: Change) -> None:
        self.inner = HttpTransport(server.url)
        self.change = change

    def send(self, request: Request, /) -> Response:
        return self.change(request, self.inner.send(request))


@pytest.fixture
def changed(
    wandb_server: LocalServer,
) -> Iterator[Changing]:
    made: list[Changed] = []

    def make(change: Change) -> Api:
        made.append(Changed(wandb_server, change))
        return Api(base_url=wandb_server.url, api_key="k", transport=made[-1], max_retries=0)

    yield make
    for transport in made:
        transport.inner.close()


def specs_of(request: Request) -> list[str]:
    return cast("list[str]", json.loads(request.content)["variables"].get("specs", []))


def test_the_later_requests_are_concurrent(
    changed: Changing, wandb_server: LocalServer, many: str
) -> None:
    both = threading.Barrier(2)

    def wait(request: Request, response: Response) -> Response:
        if specs_of(request) and MANY[0] not in specs_of(request)[0]:
            both.wait(timeout=20)
        return response

    api = changed(wait)
    assert api.runs(many).histories(3, MANY, join="outer")
    assert api.run(f"{many}/r0").history(3, MANY, pandas=False, join="outer")


def test_a_page_whose_later_keys_are_too_much_is_halved(
    changed: Changing, api: Api, many: str
) -> None:
    sizes: list[int] = []

    def fail(request: Request, response: Response) -> Response:
        specs = specs_of(request)
        if specs and MANY[0] not in specs[0]:
            sizes.append(json.loads(request.content)["variables"]["first"])
            if sizes[-1] > 1:
                return Response(502, {}, b"<html>")
        return response

    rows = changed(fail).runs(many, order="+name").histories(3, MANY, join="outer")
    assert rows == api.runs(many, order="+name").histories(3, MANY, join="outer")
    assert {1, 3} <= {*sizes}


@pytest.mark.filterwarnings("ignore::wandb_runs.UnknownMetricWarning")
@pytest.mark.parametrize("is_listed", [True, False])
def test_a_run_that_goes_between_the_requests_is_named(
    changed: Changing, wandb_server: LocalServer, is_listed: bool
) -> None:
    project = f"parts{next(projects)}"
    for number in range(3):
        log_run(wandb_server, "team", project, f"r{number}", history=[{MANY[0]: 1, MANY[-1]: 2}])
    gone = iter(["r1", "r2"])

    def delete(request: Request, response: Response) -> Response:
        specs = specs_of(request)
        if specs and MANY[0] in specs[0] and (run_id := next(gone, None)):
            delete_run(wandb_server, "team", project, run_id)
        return response

    api = changed(delete)
    runs = api.runs(f"team/{project}", order="+name")
    if is_listed:
        list(runs)
    with pytest.warns(DriftWarning, match="r1") as told:
        rows = runs.histories(3, MANY, join="outer")
    # Beside it the one about names that no run has.
    assert [each.category for each in told].count(DriftWarning) == 1
    assert [row["run_id"] for row in rows] == ["r0", "r2"]
    run = api.run(f"team/{project}/r2")
    with pytest.raises(NotFoundError, match="r2"):
        run.history(3, MANY, join="outer")


MALFORMED: list[tuple[object, str]] = [
    (None, "it came as null, and has 8 rows"),
    ([[], []], "sampledHistory holds 2 lists for 300 specs"),
    ("text", "sampledHistory is str where a list was expected"),
    ([*[[]] * 299, [1]], r"sampledHistory\[2299\], row 0 is int where an object"),
]


@pytest.mark.parametrize(("sent", "message"), MALFORMED)
def test_a_malformed_answer_to_later_keys_fails_its_run_alone(
    changed: Changing, many: str, sent: object, message: str
) -> None:
    def spoil(request: Request, response: Response) -> Response:
        if not specs_of(request) or MANY[-1] not in specs_of(request)[-1]:
            return response
        answer = json.loads(response.content)
        project = answer["data"]["project"]
        node = project["run"] if "run" in project else project["runs"]["edges"][1]["node"]
        node["sampledHistory"] = sent
        return Response(200, {}, json.dumps(answer).encode())

    api = changed(spoil)
    with pytest.raises(HistoriesError, match=message) as failed:
        api.runs(many, order="+name").histories(3, MANY, join="outer")
    assert [*failed.value.errors] == ["r1"]
    rows = cast("list[Row]", failed.value.histories)
    assert {str(row["run_id"]) for row in rows} == {"r0", "r2"}
    with pytest.raises(BadResponseError, match=f"{message}|should be a valid list"):
        api.run(f"{many}/r1").history(3, MANY, join="outer")
