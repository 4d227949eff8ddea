"""Exact histories are equal whatever their source: files, files and live rows, step ranges."""

from __future__ import annotations

import json
import math
import warnings
from contextlib import ExitStack
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, TypeAlias, TypedDict, cast

import anyio
import pandas as pd
import polars as pl
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from wandb_runs import Api, AsyncApi
from wandb_runs.local.ids import new_id
from wandb_runs.testing import LocalServer, log_run

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from wandb_runs import JSONValue

pytest.importorskip("pyarrow")

KEY: Final = "k" * 40
FILE_ROWS: Final = 4
FEW: Final = max(5, settings().max_examples // 8)

Row: TypeAlias = "dict[str, JSONValue]"
Format: TypeAlias = Literal["default", "pandas", "polars"]


@pytest.fixture(scope="module")
def servers() -> Iterator[Mapping[str, LocalServer]]:
    """Servers whose rows are in files, in files and behind them, and in no file."""
    with ExitStack() as stack:
        yield {
            "files": stack.enter_context(LocalServer(export_rows=FILE_ROWS)),
            "files and live rows": stack.enter_context(LocalServer(export_rows=FILE_ROWS)),
            "step ranges": stack.enter_context(LocalServer(exports=False)),
        }


class Arguments(TypedDict, total=False):
    """Arguments of a call."""

    keys: list[str]
    x_axis: str
    join: Literal["inner", "outer"]


def values_of(kind: str) -> st.SearchStrategy[JSONValue]:
    numbers: st.SearchStrategy[JSONValue] = st.integers(-3, 3) | st.floats(width=16)
    kinds: Mapping[str, st.SearchStrategy[JSONValue]] = {
        "integers": st.integers(-3, 3) | st.just(2**53 + 1),
        "numbers": numbers,
        "texts": st.sampled_from(["x", "NaN", "-Infinity", "", "ü"]),
        "bools": st.booleans(),
        "lists": cast(
            "st.SearchStrategy[JSONValue]",
            st.lists(st.integers(0, 3) | st.floats(0, 1, width=16), max_size=3),
        ),
        "several": st.booleans() | numbers | st.sampled_from(["x", "NaN"]),
        "objects": cast(
            "st.SearchStrategy[JSONValue]",
            st.fixed_dictionaries(
                {"x": numbers}, optional={"y.z": st.booleans(), "t": st.sampled_from(["x", "NaN"])}
            ),
        ),
    }
    return kinds[kind]


METRICS: Final[Mapping[str, str]] = {
    "n": "integers",
    "a": "numbers",
    "t": "texts",
    "b": "bools",
    "l": "lists",
    "s": "several",
    "d": "objects",
    "d.x": "numbers",
    "p/q.r": "integers",
}
row_values: Final = {name: values_of(kind) | st.none() for name, kind in METRICS.items()}
histories: Final = st.lists(st.integers(0, 30), max_size=12).flatmap(
    lambda steps: st.tuples(
        *(
            st.fixed_dictionaries({"_step": st.just(step)}, optional=row_values)
            for step in sorted(steps)
        )
    )
)
calls: Final = st.fixed_dictionaries(
    {
        "x_axis": st.sampled_from(["_step", "_step", "n", "d.t"]),
        "join": st.sampled_from(["inner", "outer"]),
    },
    optional={
        "keys": st.lists(
            st.sampled_from([*METRICS, "d.y.z", "missing"]), min_size=1, max_size=3, unique=True
        )
    },
)


class Read(NamedTuple):
    """What a call gives, so that equal results compare as equal.

    Attributes:
        rows: The rows, whatever the order of columns.
        kinds: The columns of the whole frame and kinds of their dtypes.
        told: The warnings.
    """

    rows: list[object]
    kinds: object
    told: list[str]


def is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def settled(value: object) -> object:
    """A value without what no source tells apart: missing and null, 1 and 1.0, key orders.

    Texts of columns of several kinds are JSON in frames of polars, and are taken as that.
    """
    match value:
        case bool():
            return ("bool", value)
        case float() if math.isnan(value):
            return "a NaN"
        case str():
            return ("text", settled(json.loads(value)) if is_json(value) else value)
        case dict():
            told = cast("dict[str, object]", value)
            return {name: settled(each) for name, each in told.items() if each is not None}
        case list():
            return [settled(each) for each in cast("list[object]", value)]
        case _:
            return value


def rows_of(result: object) -> list[object]:
    """The rows of a result or a batch, in order."""
    if isinstance(result, pl.DataFrame):
        return [settled(row) for row in result.to_dicts()]
    if isinstance(result, pd.DataFrame):
        names = [str(name) for name in result.columns]
        cells = zip(*(result[name].tolist() for name in names), strict=True)
        # What is missing is NaN in columns of numbers.
        return [
            settled(
                {
                    name: value
                    for name, value in zip(names, row, strict=True)
                    if not (value is pd.NA or (isinstance(value, float) and math.isnan(value)))
                }
            )
            for row in cells
        ]
    return [settled(row) for row in cast("list[object]", result)]


def kinds_of(result: object, *, has_keys: bool) -> object:
    """The columns of a frame, and whether they hold numbers, of which sources differ in kind."""
    if isinstance(result, pl.DataFrame | pd.DataFrame):
        kinds = [
            (str(name), "number" if str(dtype).lower().startswith(("int", "float")) else str(dtype))
            for name, dtype in zip(result.columns, result.dtypes, strict=True)
        ]
        return kinds if has_keys else dict(kinds)
    return None


def read_blocking(url: str, path: str, call: Arguments, to: Format) -> tuple[object, list[object]]:
    with Api(base_url=url, api_key=KEY) as api:
        runs = api.runs(path)
        whole: object = runs.histories(**call, format=to, exact=True)
        return whole, [*runs.iter_histories(**call, format=to, exact=True)]


async def read_awaiting(
    url: str, path: str, call: Arguments, to: Format
) -> tuple[object, list[object]]:
    async with AsyncApi(base_url=url, api_key=KEY) as api:
        runs = api.runs(path)
        whole: object = await runs.histories(**call, format=to, exact=True)
        return whole, [each async for each in runs.iter_histories(**call, format=to, exact=True)]


def read(url: str, path: str, call: Arguments, to: Format, *, awaits: bool) -> tuple[Read, Read]:
    """What the whole frame has, and what batches have together."""
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        if awaits:
            whole, batches = anyio.run(read_awaiting, url, path, call, to)
        else:
            whole, batches = read_blocking(url, path, call, to)
    texts = sorted(str(each.message) for each in told)
    return (
        Read(rows_of(whole), kinds_of(whole, has_keys="keys" in call), texts),
        Read([row for batch in batches for row in rows_of(batch)], None, texts),
    )


@settings(
    max_examples=FEW, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
@given(
    logged=st.lists(st.tuples(histories, st.booleans()), min_size=1, max_size=3),
    drawn=calls,
    to=st.sampled_from(["default", "pandas", "polars"]),
)
@example(
    logged=[([{"_step": 0, "d": {"t": "NaN"}}], False)],
    drawn={"x_axis": "d.t", "join": "inner"},
    to="pandas",
)
def test_rows_are_equal_whatever_their_source_and_whoever_waits(
    servers: Mapping[str, LocalServer],
    logged: Sequence[tuple[Sequence[Row], bool]],
    drawn: Mapping[str, object],
    to: Format,
) -> None:
    project, call = new_id(), cast("Arguments", drawn)
    found: dict[tuple[str, bool], tuple[Read, Read]] = {}
    for name, server in servers.items():
        for number, (history, is_over) in enumerate(logged):
            goes_on = name == "files and live rows" and not (is_over and number)
            log_run(
                server,
                "team",
                project,
                f"r{number}",
                history=history,
                summary={},
                exit_code=None if goes_on else 0,
            )
        for awaits in (False, True):
            found[name, awaits] = read(server.url, f"team/{project}", call, to, awaits=awaits)
    expected = found["step ranges", False]
    for source, each in found.items():
        assert each == expected, source
    if "keys" not in call:  # x_axis leaves no row out
        assert len(expected[0].rows) == sum(len(history) for history, _ in logged)
    if to == "default":
        assert expected[1].rows == expected[0].rows
