"""`runs.with_ids(ids)`: the same listing of only some runs, in both halves."""

from __future__ import annotations

import pickle
import warnings
from typing import TYPE_CHECKING, Any, Final

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from wandb_runs import Api, AsyncApi, InvalidArgumentError, Runs, Summary, UnknownKeyWarning
from wandb_runs.testing import LocalServer, log_run

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from wandb_runs import Filters, JSONValue, Order

RUNS: Final = 17
PATH: Final = "team/by-ids"
KEY: Final = "k" * 40
IDS: Final = [f"r{number:02}" for number in range(RUNS)]
UNKNOWN: Final = ["nothing", "R01"]
FILTERS: Final[list[Filters | None]] = [None, {"config.lr": {"$gt": 3}}, {"state": "finished"}]
ORDERS: Final[list[Order]] = ["+created_at", "-created_at", Summary("loss").desc(), "+config.lr"]

any_ids: Final = st.lists(st.sampled_from([*IDS, *UNKNOWN]), max_size=2 * RUNS)


class Config(BaseModel):
    lr: float


@pytest.fixture(scope="module")
def server() -> Iterator[LocalServer]:
    with LocalServer(clock=lambda: 1_900_000_000.0) as server:
        for number, run_id in enumerate(IDS):
            config: dict[str, JSONValue] = {"lr": number % 7}
            if run_id == IDS[0]:
                config["rare"] = 1
            log_run(
                server,
                "team",
                "by-ids",
                run_id,
                config=config,
                summary={"loss": (number * 5) % RUNS},
                history=[{"loss": number + step / 10} for step in range(3)],
                exit_code=None if number % 5 == 0 else 0,
            )
        yield server


@pytest.fixture(scope="module")
def api(server: LocalServer) -> Iterator[Api]:
    with Api(base_url=server.url, api_key=KEY) as api:
        yield api


def ids_of(runs: Runs[Any, Any]) -> list[str]:
    return [run.id for run in runs]


def listed_async(
    server: LocalServer, ids: Sequence[Sequence[str]], filters: Filters | None, order: Order
) -> tuple[list[str], int, list[object]]:
    async def read() -> tuple[list[str], int, list[object]]:
        async with AsyncApi(base_url=server.url, api_key=KEY) as api:
            runs = api.runs(PATH, filters, order)
            for some in ids:
                runs = runs.with_ids([*some])
            rows = await runs.histories(keys=["loss"])
            found = [run.id async for run in runs]
            return found, await runs.length(), [row["run_id"] for row in rows]

    return anyio.run(read)


@given(st.sampled_from(FILTERS), st.sampled_from(ORDERS), any_ids, st.integers(1, RUNS + 1))
def test_what_is_listed_are_the_runs_of_the_listing_that_are_named_in_its_order(
    server: LocalServer,
    api: Api,
    filters: Filters | None,
    order: Order,
    ids: list[str],
    per_page: int,
) -> None:
    whole = api.runs(PATH, filters, order, per_page)
    part = whole.with_ids(ids)
    expected = [run_id for run_id in ids_of(whole) if run_id in ids]
    assert ids_of(part) == expected
    assert len(whole.with_ids(ids)) == len(expected)
    assert [run_id for page in part.pages() for run_id in (run.id for run in page)] == expected
    assert [row["id"] for row in part.table(attributes=["id"], config=False)] == expected
    rows = part.histories(keys=["loss"])
    assert rows == [row for row in whole.histories(keys=["loss"]) if row["run_id"] in ids]
    assert part.per_page == per_page
    assert listed_async(server, [ids], filters, order) == (
        expected,
        len(expected),
        [row["run_id"] for row in rows],
    )


@given(any_ids, any_ids)
def test_ids_of_ids_are_those_that_both_name(
    server: LocalServer, api: Api, one: list[str], other: list[str]
) -> None:
    expected = [run_id for run_id in IDS if run_id in one and run_id in other]
    assert ids_of(api.runs(PATH).with_ids(one).with_ids(other)) == expected
    assert listed_async(server, [one, other], None, "+created_at")[0] == expected


@given(st.lists(any_ids, min_size=1, max_size=4))
def test_parts_that_are_disjoint_make_the_listing(api: Api, drawn: list[list[str]]) -> None:
    runs = api.runs(PATH)
    parts: list[list[str]] = []
    for ids in [*drawn, IDS]:
        parts.append([each for each in ids if all(each not in part for part in parts)])
    found = [run_id for part in parts for run_id in ids_of(runs.with_ids(part))]
    assert sorted(found) == IDS


WRONG: Final[list[tuple[object, str]]] = [
    ("r01", r"write ids=\['r01'\]"),
    (None, "ids is a list of run ids, got None"),
    ({"r01"}, "ids is a list of run ids, got set"),
    (iter(["r01"]), "ids is a list of run ids"),
    ([""], r"ids\[0\] is the id of a run"),
    (["r01", 2], r"ids\[1\] is the id of a run, the last part of its URL; got int 2"),
    ([None], r"ids\[0\] is the id of a run"),
    (["team/by-ids/r01"], r"ids\[0\].*; write 'r01'"),
    (["\ud800"], r"ids\[0\]"),
]


@pytest.mark.parametrize(("ids", "said"), WRONG)
def test_what_are_no_ids_is_refused_before_any_request(
    server: LocalServer,
    api: Api,
    ids: Any,  # noqa: ANN401 - what no checker lets through
    said: str,
) -> None:
    server.clear_operations()
    with pytest.raises(InvalidArgumentError, match=said):
        api.runs(PATH).with_ids(ids)
    with pytest.raises(InvalidArgumentError, match=said):
        AsyncApi(base_url=server.url, api_key=KEY).runs(PATH).with_ids(ids)
    assert server.operations == ()


def test_a_listing_of_no_ids_sends_nothing(server: LocalServer, api: Api) -> None:
    server.clear_operations()
    none = api.runs(PATH, {"config.lrr": 1}).with_ids([])
    assert (len(none), bool(none), list(none), [*none.pages()]) == (0, False, [], [])
    assert none.histories(keys=["loss"]) == none.table() == none.configs(["lr"]) == []
    assert none.histories(format="polars", keys=["loss"]).height == 0
    assert server.operations == ()
    assert ids_of(api.runs(PATH).with_ids([]).with_ids(["r01"])) == []


def test_the_options_of_the_listing_are_kept_and_its_places_are_not(api: Api) -> None:
    whole = api.runs(
        PATH,
        per_page=3,
        include_sweeps=False,
        config_keys=["lr"],
        summary_keys=[],
        limit=2,
        strict=True,
        config=Config,
    )
    part = whole.with_ids(["r05", "r06", "r07"])
    assert [run.config for run in part] == [Config(lr=5), Config(lr=6), Config(lr=0)]
    assert [dict(run.summary) for run in part] == [{}, {}, {}]
    loop = iter(api.runs(PATH))
    for _ in range(9):
        next(loop)
    rest = api.runs(PATH, checkpoint=loop.checkpoint())
    assert rest[0].id == "r09"
    assert ids_of(rest.with_ids(["r01", "r12"])) == ["r01", "r12"]


def test_a_part_lands_in_another_process_with_its_ids(
    api: Api, server: LocalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_BASE_URL", server.url)
    monkeypatch.setenv("WANDB_API_KEY", KEY)
    content = pickle.dumps(api.runs(PATH).with_ids(["r03", "r01"]))
    assert KEY.encode() not in content
    landed = pickle.loads(content)
    assert ids_of(landed) == ["r01", "r03"]


def test_a_part_of_one_page_is_one_request(server: LocalServer, api: Api) -> None:
    server.clear_operations()
    assert len(api.runs(PATH).with_ids(IDS[3:9]).histories(keys=["loss"])) == 18
    assert len(server.operations) == 1


def test_names_are_told_as_for_the_listing(api: Api) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        # Some run has the key, though none of the part.
        assert ids_of(api.runs(PATH, config_keys=["rare"]).with_ids(["r03"])) == ["r03"]
        assert ids_of(api.runs(PATH, {"config.rare": 1}).with_ids(["r03"])) == []
    with pytest.warns(UnknownKeyWarning, match=r"config\.lr\b"):
        assert ids_of(api.runs(PATH, {"config.lrr": 1}).with_ids(["r03"])) == []


def test_what_was_read_stays_with_the_listing(server: LocalServer, api: Api) -> None:
    whole = api.runs(PATH)
    assert ids_of(whole) == IDS
    server.clear_operations()
    part = whole.with_ids(["r02"])
    assert server.operations == ()
    assert ids_of(part) == ["r02"]
    assert ids_of(whole) == IDS
