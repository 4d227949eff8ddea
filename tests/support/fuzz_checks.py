"""The right result for a corrupted answer, computed independently of the package.

- A listing, or configs and summaries, that succeed have every run that the wrong answer holds, and
  those of all other pages where its page info is as it was; what came as null is warned of. A
  run's summary is what its text means, and its config has the names of its text; where a text
  means nothing, the attribute is an error.
- Histories have just the rows that the wrong answer holds for each of its runs, with their numbers,
  and those of the other pages as ever; a run whose history means nothing is named.
- Where the server reports errors, no listing succeeds.
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

__all__ = ["Case", "Outcome", "WhatWasAsked", "as_plain_data", "check", "rows_of"]

Rows: TypeAlias = "list[dict[str, object]]"

REDIRECTED: Final = 300
"""The first status that is no success."""

LISTINGS: Final = frozenset({"ListRuns", "ListConfigs", "ListSummaries"})
HISTORIES: Final = frozenset({"ListSampledHistories", "ListHistories", "ListEvents"})
ONE_HISTORY: Final = frozenset({"GetSampledHistory", "GetHistory", "GetEvents"})

FIELDS: Final = {"Sampled": "sampledHistory", "Histor": "history", "Events": "events"}
"""Where an operation's answer has its rows."""


class Outcome(NamedTuple):
    """What became of a call: a result, an error, or both; and whether it warned of a loss."""

    result: object
    error: WandbRunsError | None
    is_warned: bool


class WhatWasAsked(NamedTuple):
    """What a call asks of histories.

    Attributes:
        columns: The columns that a row must hold.
        join: `inner` for all of them, `any`, or `outer`, where each has rows of its own.
    """

    columns: Sequence[str] = ()
    join: str = "inner"


class Case(NamedTuple):
    """A call of which one answer went wrong.

    Attributes:
        name: The call.
        kind: What it reads: `runs`, `values`, `histories`, `batches`, or else.
        asked: What it asks of histories.
        listed: Whether it asks for runs by their ids.
        per_page: How many runs it asks for at once.
        everything: The runs that there are.
        operation: What the answer is for.
        variables: The variables of its request.
        right: The result with the right answer.
        before: The right answer.
        after: The wrong one.
        found: The outcome with it.
    """

    name: str
    kind: str
    asked: WhatWasAsked
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
        """The edges of a page, but for one that the page before gave.

        Where pages overlap, the first run is asked for again, to see whether it is still there.
        See `test_a_run_at_the_position_of_another_is_listed` for what else may stand there.
        """
        edges = look(tree, "data", "project", "runs", "edges")
        if edges is None or edges is UNSEEN:
            return []
        assert isinstance(edges, list), "what is no page was taken for one"
        own = cast("list[object]", edges)
        if self.variables.get("first") == self.per_page + 1:
            return own[1:]
        return own

    @property
    def own_ids(self) -> set[object]:
        """The runs that the right answer is asked for."""
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
            assert isinstance(edge, dict), "what is no edge was passed over"
            if node is None or node is UNSEEN:
                continue
            assert isinstance(node, dict), "what is no run was passed over"
            if isinstance(run_id, str | int):
                assert not isinstance(run_id, bool), "what is no id was passed over"
                nodes.append(cast("dict[str, object]", node))
            else:  # no server numbers its runs so, and any text for it will do
                assert isinstance(run_id, float) or run_id is UNSEEN
        return nodes

    @property
    def has_nulls(self) -> bool:
        """Whether some runs of the page came as null."""
        return any(edge is None or look(edge, "node") is None for edge in self.edges(self.after))

    @property
    def elsewhere(self) -> set[str]:
        """The runs that other answers hold."""
        return {*self.everything} - {str(each) for each in self.own_ids}

    @property
    def is_read_on(self) -> bool:
        """Whether the other pages are asked for as ever."""
        info = ("data", "project", "runs", "pageInfo")
        return look(self.before, *info) == look(self.after, *info)


def check(case: Case, wrong: Corrupted, *, again: bool) -> None:
    """Check what a call made of an answer that went wrong, as far as anybody can say."""
    error = case.found.error
    if (error is not None and not isinstance(error, HistoriesError)) or wrong.tree is UNSEEN:
        return
    if not again and as_plain_data(case.found.result) == as_plain_data(case.right):
        return  # asked for again, or nothing was changed that matters
    if '"samples": 1}' in str(case.variables.get("specs")):
        return  # only a warning needs it
    if "polars" in case.name and has_names_twice(wrong.response.content):
        return  # of which polars takes the first, and all other parsers the last
    if case.operation in LISTINGS | HISTORIES and case.kind != "part" and case.has_nulls:
        assert case.found.is_warned, "a run that came as null was passed over"
    if case.operation in LISTINGS and case.kind in {"runs", "values"}:
        check_listing(case)
    elif case.operation in HISTORIES and wrong.response.status < REDIRECTED:
        if not has_errors(wrong.tree):  # beside errors it is asked for in parts
            check_histories(case)
    elif case.operation in ONE_HISTORY:
        assert not has_errors(wrong.tree)
        run = look(wrong.tree, "data", "project", "run")
        expected = rows_in(case, run)
        assert expected is not None, "what cannot be read was passed over"
        assert_same(rows_of(case.found.result), expected, case.asked)


def check_listing(case: Case) -> None:
    """Check that a listing which succeeded has every run that came, and what came of it."""
    assert not has_errors(case.after)
    ids = ids_of(case.found.result)
    nodes = case.nodes(case.after)
    known = Counter(str(node["id"]) for node in nodes)
    # In a frame half a surrogate pair is shown as its escape.
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
    """Check that histories which came have all their rows, and those that cannot be read a name."""
    error = case.found.error
    errors = set(error.errors if isinstance(error, HistoriesError) else ())
    # The error of a stream of batches carries no rows: they have been taken.
    is_told = case.found.result is not None
    found = rows_of(case.found.result if is_told else [])
    last = {str(node["id"]): node for node in case.nodes(case.after)}
    for run_id, node in last.items():
        if run_id in case.elsewhere or (case.listed and run_id not in case.everything):
            continue
        own = [row for row in found if row["run_id"] in (run_id, shown(run_id))]
        if own and as_plain_data(own) == as_plain_data(
            [r for r in rows_of(case.right) if r["run_id"] == run_id]
        ):
            continue  # what stands around it went wrong, and it was asked for again
        expected = rows_in(case, node)
        if expected is None:
            assert run_id in errors, f"{run_id} cannot be read, and is not in the error"
            continue
        assert run_id not in errors
        if is_told:
            if case.kind == "batches" and not case.is_read_on:
                # A stream forgets, and a server that leads back gives it runs again.
                own = own[: len(expected)]
            assert_same(own, expected, case.asked)
    if case.is_read_on and is_told:
        right = Counter(str(row["run_id"]) for row in rows_of(case.right))
        rows = Counter(str(row["run_id"]) for row in found)
        for run_id in case.elsewhere - last.keys():
            assert rows[run_id] == right[run_id]


def assert_same(found: Rows, expected: Rows, asked: WhatWasAsked) -> None:
    """Check the number of rows, and their numbers in columns of numbers."""
    assert len(found) == len(expected)
    if asked.join == "outer":
        return
    for row, right in zip(found, expected, strict=True):
        for name in asked.columns:
            value, number = row.get(name), right.get(name)
            if _is_number(value) and _is_number(number):
                assert float(cast("float", value)) == number or math.isnan(cast("float", number))


def _is_number(value: object) -> bool:
    # Larger integers are text in a frame.
    is_float = isinstance(value, float) and math.isfinite(value)
    return is_float or (isinstance(value, int) and abs(value) < 2**53)


# --- what an answer means ------------------------------------------------------------------------


def document(text: object) -> dict[str, object] | None:
    """What a config or summary means; None where it means nothing."""
    if text is None or text == "":
        return {}
    found = _decoded(text)
    if found is None:
        return {}
    return cast("dict[str, object]", found) if isinstance(found, dict) else None


def rows_in(case: Case, run: object) -> Rows | None:
    """The rows that came for a run; of an outer join as many. None where they mean nothing."""
    field = next(field for name, field in FIELDS.items() if name in case.operation)
    sent = look(run, field)
    if sent is None or not isinstance(run, dict) or field not in run:
        return []
    if field != "sampledHistory":
        rows = _objects(sent, is_text=True)
        return None if rows is None else _chosen(rows, case.asked)
    specs = len(case.asked.columns) if case.asked.join == "outer" else 1
    if not isinstance(sent, list) or len(cast("list[object]", sent)) not in {0, specs}:
        return None
    samples: list[Rows] = []
    for sample in cast("list[object]", sent):
        rows = [] if sample is None else _objects(sample, is_text=False)
        if rows is None:
            return None
        samples.append(rows)
    if case.asked.join != "outer":
        return _chosen([row for sample in samples for row in sample], case.asked)
    places: set[tuple[object, int]] = set()
    for key, rows in zip(case.asked.columns, samples, strict=False):
        steps = [
            row["_step"]
            for row in rows
            if row.get(key) is not None and isinstance(row.get("_step"), int | float)
        ]
        places |= {(step, steps[:index].count(step)) for index, step in enumerate(steps)}
    return [{} for _ in places]


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


def _chosen(rows: Rows, asked: WhatWasAsked) -> Rows:
    some = any if asked.join == "any" else all
    return [
        row
        for row in rows
        if not asked.columns or some(row.get(name) is not None for name in asked.columns)
    ]


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
    """Whether an object of an answer has a name twice."""
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
    """Whether the server reports any."""
    found = (look(tree, "errors"), look(tree, "error"))
    return any(each is not UNSEEN and bool(each) for each in found)


# --- what a result says --------------------------------------------------------------------------


def rows_of(result: object) -> list[dict[str, object]]:
    """The rows of whatever holds some, without what is missing."""
    if isinstance(result, pl.DataFrame):
        found = result.to_dicts()
    elif isinstance(result, pd.DataFrame):
        found = [{str(k): v for k, v in row.items()} for row in result.to_dict("records")]
    else:
        found = cast("list[dict[str, object]]", result)
    return [{name: row[name] for name in sorted(row) if row[name] is not None} for row in found]


def as_plain_data(result: object) -> object:
    """What a result says, as something that two results can be compared by."""
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
    """The runs of a list of runs or ids, or of rows with their runs' ids."""
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
    """Whether a list of runs has their config and summary."""
    runs = cast("list[object]", result)
    return bool(runs) and isinstance(runs[0], dict) and "raw_config" in runs[0]


def shown(run_id: str) -> str:
    """A run's id as a frame shows it."""
    return run_id.encode(errors="backslashreplace").decode()
