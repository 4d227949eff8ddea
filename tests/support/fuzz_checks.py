"""The expected result for a corrupted answer, computed independently of the package.

- A listing, or configs and summaries, that succeed have every run of the corrupted answer, and
  those of all other pages if its page info is unchanged; null in place of a run is a warning. A
  run's summary equals the decoded text, and its config has the names of the decoded text; where a
  text cannot be decoded, the attribute is an error.
- Histories have exactly the rows of each run in the corrupted answer, with equal numbers, and the
  rows of the other pages; a run whose history cannot be decoded is named in the error.
- No listing succeeds if the server reports errors.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias, cast

import pandas as pd
import polars as pl
from support.fuzz import UNSEEN, look

from wandb_runs import HistoriesError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from support.fuzz import Corrupted

    from wandb_runs import WandbRunsError

__all__ = ["Case", "HistoryArguments", "Outcome", "as_plain_data", "check", "rows_of"]

Rows: TypeAlias = "list[dict[str, object]]"

REDIRECTED: Final = 300
"""The first status above those of success."""

LISTINGS: Final = frozenset({"ListRuns", "ListConfigs", "ListSummaries"})
HISTORIES: Final = frozenset({"ListSampledHistories", "ListHistories", "ListEvents"})
ONE_HISTORY: Final = frozenset({"GetSampledHistory", "GetHistory", "GetEvents"})

FIELDS: Final = {"Sampled": "sampledHistory", "Histor": "history", "Events": "events"}
"""The field of the rows, by a part of the operation's name."""


class Outcome(NamedTuple):
    """The outcome of a call: a result, an error, or both, and whether it warned of lost runs."""

    result: object
    error: WandbRunsError | None
    is_warned: bool


class HistoryArguments(NamedTuple):
    """Arguments of a call that reads histories.

    Attributes:
        columns: The requested columns.
        join: `inner` for rows with all of them, `any` for rows with any of them, or `outer`.
        samples: The most rows of each column, for `any`.
    """

    columns: Sequence[str] = ()
    join: str = "inner"
    samples: int = 500


class Case(NamedTuple):
    """A call and one corrupted answer.

    Attributes:
        name: The name of the call.
        kind: What it reads: `runs`, `values`, `histories`, `batches`, or something else.
        arguments: Its arguments for histories.
        listed: Whether it requests runs by their ids.
        per_page: Runs per page.
        everything: The ids of all runs.
        operation: The operation of the request with the corrupted answer.
        variables: The variables of that request.
        right: The result with the original answer.
        before: The original answer, decoded.
        after: The corrupted answer, decoded.
        found: The outcome with the corrupted answer.
    """

    name: str
    kind: str
    arguments: HistoryArguments
    listed: bool
    per_page: int
    everything: frozenset[str]
    operation: str
    variables: Mapping[str, object]
    right: object
    before: object
    after: object
    found: Outcome

    def edges(self, tree: object) -> list[object]:
        """The edges of a page, without the overlap with the page before.

        Where pages overlap, the first edge is the last run of the page before, requested again to
        detect changes. `test_a_run_at_the_position_of_another_is_listed` tests another run there.
        """
        edges = look(tree, "data", "project", "runs", "edges")
        if edges is None or edges is UNSEEN:
            return []
        assert isinstance(edges, list), "a value that is not a list was accepted as edges"
        own = cast("list[object]", edges)
        if self.variables.get("first") == self.per_page + 1:
            return own[1:]
        return own

    @property
    def own_ids(self) -> set[object]:
        """The ids of the runs in the original answer."""
        edges = look(self.before, "data", "project", "runs", "edges")
        skipped = self.variables.get("first") == self.per_page + 1
        own = cast("list[object]", edges)[skipped:] if isinstance(edges, list) else []
        return {look(edge, "node", "id") for edge in own}

    def nodes(self, tree: object) -> Rows:
        """The runs of a page that have an id."""
        nodes: Rows = []
        for edge in self.edges(tree):
            node, run_id = look(edge, "node"), look(edge, "node", "id")
            if edge is None or edge is UNSEEN:
                continue
            assert isinstance(edge, dict), "a value that is not an edge was ignored"
            if node is None or node is UNSEEN:
                continue
            assert isinstance(node, dict), "a value that is not a run was ignored"
            if isinstance(run_id, str | int):
                assert not isinstance(run_id, bool), "a value that is not an id was ignored"
                nodes.append(cast("dict[str, object]", node))
            else:  # not checked: ids are never floats
                assert isinstance(run_id, float) or run_id is UNSEEN
        return nodes

    @property
    def has_nulls(self) -> bool:
        """Whether some runs of the page are null."""
        return any(edge is None or look(edge, "node") is None for edge in self.edges(self.after))

    @property
    def elsewhere(self) -> set[str]:
        """The ids of the runs in other answers."""
        return {*self.everything} - {str(each) for each in self.own_ids}

    @property
    def is_read_on(self) -> bool:
        """Whether the page info is unchanged, so that the other pages are requested as before."""
        info = ("data", "project", "runs", "pageInfo")
        return look(self.before, *info) == look(self.after, *info)


def check(case: Case, wrong: Corrupted, *, again: bool) -> None:
    """Check the outcome of a call with a corrupted answer, where the right outcome is defined."""
    error = case.found.error
    if (error is not None and not isinstance(error, HistoriesError)) or wrong.tree is UNSEEN:
        return
    if not again and as_plain_data(case.found.result) == as_plain_data(case.right):
        return  # it was retried, or the change does not matter
    if '"samples": 1}' in str(case.variables.get("specs")):
        return  # only for a warning
    if "polars" in case.name and has_names_twice(wrong.response.content):
        return  # polars uses the first value, all other parsers the last
    if case.operation in LISTINGS | HISTORIES and case.kind != "part" and case.has_nulls:
        assert case.found.is_warned, "a null run was ignored without a warning"
    if case.operation in LISTINGS and case.kind in {"runs", "values"}:
        check_listing(case)
    elif case.operation in HISTORIES and wrong.response.status < REDIRECTED:
        if not has_errors(wrong.tree):  # with errors the page is divided
            check_histories(case)
    elif case.operation in ONE_HISTORY:
        assert not has_errors(wrong.tree)
        run = look(wrong.tree, "data", "project", "run")
        expected = rows_in(case, run)
        assert expected is not None, "a history that cannot be decoded was ignored"
        assert_same(rows_of(case.found.result), expected, case.arguments)


def check_listing(case: Case) -> None:
    """Check that a listing that succeeded has every run of the answer, with its values."""
    assert not has_errors(case.after)
    ids = ids_of(case.found.result)
    nodes = case.nodes(case.after)
    known = Counter(str(node["id"]) for node in nodes)
    # A frame contains lone surrogates as escapes.
    assert {*known} <= ids or {shown(each) for each in known} <= ids
    if case.is_read_on:
        assert case.elsewhere <= ids
    if case.kind != "runs" or not is_whole(case.found.result):
        return
    by_id = {run["id"]: run for run in cast("Rows", case.found.result)}
    for node in nodes:
        run_id = str(node["id"])
        if known[run_id] > 1 or run_id in case.elsewhere:
            continue
        run, means = by_id[run_id], document(node.get("summaryMetrics"))
        assert as_plain_data(run["summary"]) == as_plain_data(
            "BadResponseError" if means is None else means
        )
        config, means = run["raw_config"], document(node.get("config"))
        if means is None:
            assert config == "BadResponseError"
        else:
            assert isinstance(config, dict)
            assert config.keys() == means.keys()


def check_histories(case: Case) -> None:
    """Check that readable histories have all their rows, and that the others are named."""
    error = case.found.error
    errors = set(error.errors if isinstance(error, HistoriesError) else ())
    # The error of a stream of batches has no rows, since they were already returned.
    has_rows = case.found.result is not None
    found = rows_of(case.found.result if has_rows else [])
    last = {str(node["id"]): node for node in case.nodes(case.after)}
    for run_id, node in last.items():
        if run_id in case.elsewhere or (case.listed and run_id not in case.everything):
            continue
        own = [row for row in found if row["run_id"] in (run_id, shown(run_id))]
        if own and as_plain_data(own) == as_plain_data(
            [r for r in rows_of(case.right) if r["run_id"] == run_id]
        ):
            continue  # the part around it was corrupted, and the run was requested again
        expected = rows_in(case, node)
        if expected is None:
            assert run_id in errors, f"{run_id} cannot be decoded, and is not in the error"
            continue
        assert run_id not in errors
        if has_rows:
            if case.kind == "batches" and not case.is_read_on:
                # A stream does not keep ids, so a cursor that leads back repeats runs.
                own = own[: len(expected)]
            assert_same(own, expected, case.arguments)
    if case.is_read_on and has_rows:
        right = Counter(str(row["run_id"]) for row in rows_of(case.right))
        rows = Counter(str(row["run_id"]) for row in found)
        for run_id in case.elsewhere - last.keys():
            assert rows[run_id] == right[run_id]


def assert_same(found: Rows, expected: Rows, arguments: HistoryArguments) -> None:
    """Check the number of rows, and the numbers in them."""
    assert len(found) == len(expected)
    if arguments.join == "outer":
        return
    for row, right in zip(found, expected, strict=True):
        for name in arguments.columns:
            value, number = row.get(name), right.get(name)
            if _is_number(value) and _is_number(number):
                assert float(cast("float", value)) == number or math.isnan(cast("float", number))


def _is_number(value: object) -> bool:
    # Larger integers are strings in a frame.
    is_float = isinstance(value, float) and math.isfinite(value)
    return is_float or (isinstance(value, int) and abs(value) < 2**53)


# --- contents of an answer -----------------------------------------------------------------------


def document(text: object) -> dict[str, object] | None:
    """A decoded config or summary; None if it cannot be decoded."""
    if text is None or text == "":
        return {}
    found = _decoded(text)
    if found is None:
        return {}
    return cast("dict[str, object]", found) if isinstance(found, dict) else None


def rows_in(case: Case, run: object) -> Rows | None:
    """The rows of a run, for an outer join as many empty ones; None if they cannot be decoded."""
    field = next(field for name, field in FIELDS.items() if name in case.operation)
    counted = "eventsLineCount" if field == "events" else "historyLineCount"
    sent, count = look(run, field), look(run, counted)
    if sent is None or sent == [] or not isinstance(run, dict) or field not in run:
        has_rows = isinstance(count, int) and not isinstance(count, bool) and count > 0
        return None if has_rows else []
    if field != "sampledHistory":
        rows = _objects(sent, is_text=True)
        return None if rows is None else _chosen(rows, case.arguments)
    specs = len(case.arguments.columns) if case.arguments.join == "outer" else 1
    if not isinstance(sent, list) or len(cast("list[object]", sent)) not in {0, specs}:
        return None
    samples: list[Rows] = []
    for sample in cast("list[object]", sent):
        rows = [] if sample is None else _objects(sample, is_text=False)
        if rows is None:
            return None
        samples.append(rows)
    if case.arguments.join != "outer":
        return _chosen([row for sample in samples for row in sample], case.arguments)
    positions: set[tuple[object, int]] = set()
    for key, rows in zip(case.arguments.columns, samples, strict=False):
        steps = [
            row["_step"]
            for row in rows
            if row.get(key) is not None and isinstance(row.get("_step"), int | float)
        ]
        positions |= {(step, steps[:index].count(step)) for index, step in enumerate(steps)}
    return [{} for _ in positions]


def _objects(sent: object, *, is_text: bool) -> Rows | None:
    if not isinstance(sent, list):
        return None
    rows: Rows = []
    for line in cast("list[object]", sent):
        row = _decoded(line) if is_text and line is not None else line
        if row is None:
            continue
        if not isinstance(row, dict) or _holds_unseen(cast("object", row)):
            return None
        rows.append(cast("dict[str, object]", row))
    return rows


def _chosen(rows: Rows, arguments: HistoryArguments) -> Rows:
    if not arguments.columns:
        return rows
    held = {
        name: [place for place, row in enumerate(rows) if row.get(name) is not None]
        for name in arguments.columns
    }
    if arguments.join != "any":
        places = set(range(len(rows))).intersection(*held.values())
    else:  # the rows of each key are sampled
        places = {place for each in held.values() for place in _spread(each, arguments.samples)}
    return [rows[place] for place in sorted(places)]


def _spread(places: list[int], samples: int) -> list[int]:
    last = len(places) - 1
    if last < samples:
        return places
    return [places[number * last // (samples - 1)] for number in range(samples)]


def _decoded(text: object) -> object:
    try:
        return cast("object", json.loads(text, strict=False)) if isinstance(text, str) else UNSEEN
    except (ValueError, RecursionError):
        return UNSEEN


def _holds_unseen(value: object) -> bool:
    if isinstance(value, dict):
        value = [*cast("dict[str, object]", value).values()]
    if isinstance(value, list):
        return any(map(_holds_unseen, cast("list[object]", value)))
    return value is UNSEEN


def has_names_twice(body: bytes) -> bool:
    """Whether an object in an answer has a name twice."""
    is_twice = False

    def note(pairs: list[tuple[str, object]]) -> None:
        nonlocal is_twice
        is_twice = is_twice or len({name for name, _ in pairs}) < len(pairs)

    try:
        json.loads(body, strict=False, object_pairs_hook=note, parse_int=float)
    except (ValueError, RecursionError):
        return True  # or unknown
    return is_twice


def has_errors(tree: object) -> bool:
    """Whether the server reports errors."""
    found = (look(tree, "errors"), look(tree, "error"))
    return any(each is not UNSEEN and bool(each) for each in found)


# --- contents of a result ------------------------------------------------------------------------


def rows_of(result: object) -> list[dict[str, object]]:
    """The rows of a list or frame, without missing values."""
    if isinstance(result, pl.DataFrame):
        found = result.to_dicts()
    elif isinstance(result, pd.DataFrame):
        found = [{str(k): v for k, v in row.items()} for row in result.to_dict("records")]
    else:
        found = cast("list[dict[str, object]]", result)
    return [{name: row[name] for name in sorted(row) if row[name] is not None} for row in found]


def as_plain_data(result: object) -> object:
    """A result in a form in which two results can be compared."""
    if isinstance(result, pl.DataFrame):
        return dict(result.schema), repr(rows_of(result))
    if isinstance(result, pd.DataFrame):
        return {str(k): str(v) for k, v in result.dtypes.items()}, repr(rows_of(result))
    if isinstance(result, HistoriesError):
        return sorted(result.errors), as_plain_data(result.histories)
    return repr(_sorted(result))


def _sorted(value: object) -> object:
    if isinstance(value, dict):
        each = cast("dict[str, object]", value)
        return {name: _sorted(each[name]) for name in sorted(each)}
    if isinstance(value, list | tuple):
        return [_sorted(each) for each in cast("list[object]", value)]
    return value


def ids_of(result: object) -> set[str]:
    """The ids in a list of runs, ids or rows."""
    if isinstance(result, pl.DataFrame | pd.DataFrame):
        result = rows_of(result)
    ids: set[str] = set()
    for each in cast("list[object]", result):
        if isinstance(each, dict):
            facts = cast("dict[str, object]", each)
            ids.add(str(facts.get("run_id", facts.get("id"))))
        else:
            ids.add(str(each))
    return ids


def is_whole(result: object) -> bool:
    """Whether a result is a list of runs with config and summary."""
    runs = cast("list[object]", result)
    return bool(runs) and isinstance(runs[0], dict) and "raw_config" in runs[0]


def shown(run_id: str) -> str:
    """A run's id as in a frame."""
    return run_id.encode(errors="backslashreplace").decode()
