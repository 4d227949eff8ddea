"""Readers: each reads the same project over and over, and holds what came against the ledger."""

from __future__ import annotations

import json
import random
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import groupby, islice, pairwise
from typing import TYPE_CHECKING, Final, Literal, TypeVar

from soaking.churn import ENTITY, PROJECT, config_of
from wandb_runs import (
    BadResponseError,
    GraphQLError,
    HistoriesError,
    RateLimitError,
    RunPages,
    ServerError,
    TransportError,
    WandbRunsError,
)

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterable, Sequence

    from soaking.findings import Findings
    from soaking.ledger import Fits, Ledger, Window
    from wandb_runs import Api, Checkpoint, JSONValue, Row, Run, RunIterator, Runs

__all__ = ["KINDS", "ORDERS", "Kind", "Listing", "Reader"]

T = TypeVar("T")

PATH: Final = f"{ENTITY}/{PROJECT}"

Kind = Literal["iterate", "pages", "share", "slice", "histories", "batches", "configs", "summaries"]
"""How the runs are read."""

KINDS: Final[tuple[Kind, ...]] = (
    "iterate",
    "pages",
    "share",
    "slice",
    "histories",
    "batches",
    "configs",
    "summaries",
)
ORDERS: Final = ("+created_at", "-created_at", "-summary_metrics.loss", "-heartbeat_at")
PER_PAGE: Final = (5, 17, 50, 200)
KEYS: Final[tuple[list[str] | None, ...]] = (["loss"], ["loss", "n"], None)
FILTERS: Final[tuple[tuple[dict[str, object], Fits], ...]] = (
    ({}, lambda _: True),
    ({"state": "finished"}, lambda run: run.state == "finished"),
    (
        {"summary_metrics.loss": {"$lt": 0.5}},
        lambda run: run.loss is not None and run.loss < 0.5,  # noqa: PLR2004 - as the filter says
    ),
)

_EXPLAINED: Final = (
    TransportError,
    RateLimitError,
    ServerError,
    BadResponseError,
    GraphQLError,
    HistoriesError,
)
"""The errors that a failing server explains; no other may reach a reader."""

_GOES_ON: Final = frozenset({"iterate", "pages", "share", "slice"})
"""The ways to read that keep what they have over an error. The others begin anew, and of dozens of
small pages one always fails."""

_MOST_FAILURES: Final = 50
"""How many errors without anything between them mean that a reader will never get on."""

_GO_ON_ELSEWHERE: Final = 0.03
"""How likely a listing goes on from its checkpoint, after any run or page."""


class StoppedError(Exception):
    """The time is over."""


@dataclass(frozen=True)
class Listing:
    """What one pass asks for.

    Attributes:
        kind: How the runs are read.
        filters: Which runs.
        fits: The same, told by a run's condition.
        order: In which order.
        per_page: How many runs a page holds.
    """

    kind: Kind
    filters: dict[str, object]
    fits: Fits
    order: str
    per_page: int

    @classmethod
    def draw(cls, chance: random.Random) -> Listing:
        """Draw one by lot."""
        filters, fits = chance.choice(FILTERS)
        kind = chance.choice(KINDS)
        sizes = PER_PAGE if kind in _GOES_ON else PER_PAGE[1:]
        return cls(kind, filters, fits, chance.choice(ORDERS), chance.choice(sizes))


class Reader:
    """Reads in every way there is.

    Args:
        api: What to read with.
        ledger: What was there when.
        findings: Where it is counted what came, and what went wrong.
        stopped: Set when the time is over.
        seed: Where the lots begin by which it chooses what to read.
    """

    def __init__(
        self, api: Api, ledger: Ledger, findings: Findings, stopped: threading.Event, seed: int
    ) -> None:
        self._api = api
        self._ledger = ledger
        self._findings = findings
        self._stopped = stopped
        self._chance = random.Random(seed)  # noqa: S311 - to go the same way again

    def go_on(self) -> None:
        """Read one thing after another, until it is stopped."""
        while not self._stopped.is_set():
            self.read(Listing.draw(self._chance))

    def read(self, asked: Listing) -> None:
        """Read everything once, and check it."""
        try:
            with self._ledger.watch() as window:
                _Pass(self._api, self._findings, self._stopped, self._chance, asked, window).run()
        except StoppedError:
            return
        except Exception as error:  # noqa: BLE001 - what it is, the table tells
            self._findings.unexpected(error, f"in {asked}")
        else:
            self._findings.finish(asked.kind)


class _Pass:
    """One pass through the runs."""

    def __init__(
        self,
        api: Api,
        findings: Findings,
        stopped: threading.Event,
        chance: random.Random,
        asked: Listing,
        window: Window,
    ) -> None:
        self._api = api
        self._findings = findings
        self._stopped = stopped
        self._chance = chance
        self._asked = asked
        self._window = window

    def run(self) -> None:
        """Read, and check."""
        {
            "iterate": self._list,
            "pages": self._list,
            "share": self._share,
            "slice": self._slice,
            "histories": self._histories,
            "batches": self._batches,
            "configs": self._configs,
            "summaries": self._summaries,
        }[self._asked.kind]()

    def _runs(self, checkpoint: Checkpoint | None = None) -> Runs:
        asked = self._asked
        return self._api.runs(
            PATH, asked.filters, asked.order, asked.per_page, checkpoint=checkpoint
        )

    # Ways to read.

    def _list(self) -> None:
        """Go through a listing, which errors and a change of process interrupt."""
        loop = self._loop(None)
        came: list[str] = []
        failures = 0
        while True:
            try:
                batch = _next_batch(loop)
            except _EXPLAINED as error:
                stands = loop.checkpoint()
                if error.checkpoint != stands:
                    self._findings.problem("wrong checkpoint", f"{error.checkpoint}, {stands}")
                failures = self._note_failure(error, failures)
                if self._chance.random() < 0.5:  # noqa: PLR2004 - one way or the other
                    loop = self._loop(error.checkpoint)
                continue
            if not batch:
                break
            failures = 0
            self._check_runs(batch)
            ids = [run.id for run in batch]
            self._check_once(ids, came)
            came += ids
            if self._chance.random() < _GO_ON_ELSEWHERE:
                loop = self._loop(loop.checkpoint())
                self._findings.count("resumed")
        self._check_all(came)

    def _loop(self, checkpoint: Checkpoint | None) -> RunIterator | RunPages:
        # As another process would be given it.
        runs = self._runs(json.loads(json.dumps(checkpoint)))
        return runs.pages() if self._asked.kind == "pages" else iter(runs)

    def _share(self) -> None:
        """Go through the same listing from two threads at once."""
        runs = self._runs()
        with ThreadPoolExecutor(2) as pool:
            one, other = (list(ids) for ids in pool.map(self._iterate, [runs, runs]))
        self._check_equal(one, other, "two loops over the same runs")
        self._check_once(one, [])
        self._check_all(one)

    def _iterate(self, runs: Runs) -> list[str]:
        loop = iter(runs)
        came: list[str] = []
        failures = 0
        while True:
            try:
                batch = [*islice(loop, 1)]
            except _EXPLAINED as error:
                failures = self._note_failure(error, failures)
                continue
            if not batch:
                return came
            failures = 0
            came += [run.id for run in batch]

    def _slice(self) -> None:
        """Take parts of a listing, the whole of it, and compare."""
        runs = self._runs()
        start, length = self._chance.randint(0, 30), self._chance.randint(0, 60)
        head = self._insist(lambda: runs[:length])
        part = self._insist(lambda: runs[start : start + length])
        tail = self._insist(lambda: runs[-3:])
        whole = self._insist(lambda: list(runs))
        ids = [run.id for run in whole]
        self._check_equal([run.id for run in head], ids[:length], f"runs[:{length}]")
        self._check_equal(
            [run.id for run in part], ids[start : start + length], f"runs[{start}:][:{length}]"
        )
        self._check_equal([run.id for run in tail], ids[-3:], "runs[-3:]")
        self._check_equal([run.id for run in reversed(runs)], ids[::-1], "reversed(runs)")
        if len(runs) != len(ids):
            self._findings.problem(
                "wrong length", f"{len(runs)}, and {len(ids)} came, {self._asked}"
            )
        self._check_runs(whole)
        self._check_once(ids, [])
        self._check_all(ids)

    def _histories(self) -> None:
        runs = self._runs()
        if self._chance.random() < 0.3:  # noqa: PLR2004 - some of them
            # What was listed before is asked for by its ids.
            self._insist(lambda: list(runs))
        keys = self._chance.choice(KEYS)
        if self._chance.random() < 0.5:  # noqa: PLR2004 - one way or the other
            rows = self._insist(lambda: runs.histories(keys=keys, format="polars").to_dicts())
        else:
            rows = self._insist(lambda: runs.histories(keys=keys))
        self._check_rows(rows, keys)

    def _batches(self) -> None:
        runs = self._runs()
        keys = self._chance.choice(KEYS)

        def read() -> list[Row]:
            rows: list[Row] = []
            for batch in runs.iter_histories(keys=keys):
                rows += batch
            return rows

        self._check_rows(self._insist(read), keys)

    def _configs(self) -> None:
        runs = self._runs()
        if self._chance.random() < 0.5:  # noqa: PLR2004 - one way or the other
            rows = self._insist(lambda: runs.configs(format="polars").to_dicts())
        else:
            rows = self._insist(lambda: runs.configs(["optimizer", "seed"]))
        ids = [str(row["run_id"]) for row in rows]
        self._findings.count("rows", len(rows))
        for run_id, row in zip(ids, rows, strict=True):
            self._check_config(run_id, {key: row.get(key) for key in ("optimizer", "seed")})
        self._check_once(ids, [])
        self._check_all(ids)

    def _summaries(self) -> None:
        runs = self._runs()
        if self._chance.random() < 0.5:  # noqa: PLR2004 - one way or the other
            rows = self._insist(lambda: runs.summaries(format="polars").to_dicts())
        else:
            rows = self._insist(lambda: runs.summaries(["loss"]))
        ids = [str(row["run_id"]) for row in rows]
        self._findings.count("rows", len(rows))
        for run_id, row in zip(ids, rows, strict=True):
            self._check_loss(run_id, row.get("loss"))
        self._check_once(ids, [])
        self._check_all(ids)

    def _insist(self, call: Callable[[], T]) -> T:
        """Call until it works; a call that is not a loop begins anew after an error."""
        failures = 0
        while True:
            try:
                return call()
            except _EXPLAINED as error:
                failures = self._note_failure(error, failures)

    def _note_failure(self, error: WandbRunsError, failures: int) -> int:
        self._findings.went_on(error)
        if self._stopped.is_set():
            raise StoppedError
        if failures == _MOST_FAILURES:
            raise AssertionError(f"{failures} errors, and nothing between them") from error
        return failures + 1

    # What must hold.

    def _check_once(self, ids: Iterable[str], before: Sequence[str]) -> None:
        """No run comes twice."""
        ids = list(ids)
        self._findings.count("runs", len(ids))
        times = Counter(ids)
        seen = set(before)
        again = [run_id for run_id, number in times.items() if number > 1 or run_id in seen]
        self._findings.repeated(again, f"in {self._asked}")

    def _check_all(self, ids: Sequence[str], *, with_rows: bool = False) -> None:
        """Each run that was there all the time has come, and in its place; none is made up.

        Args:
            ids: What came, all of it.
            with_rows: Whether only runs with rows can come.
        """
        window = self._window
        window.close()
        there = window.there_throughout(self._asked.fits)
        if with_rows:
            there = {
                run_id: record
                for run_id, record in there.items()
                if min(run.rows for run in window.conditions(run_id))
            }
        self._findings.lost(there.keys() - set(ids), f"in {self._asked}")
        fits = self._asked.fits
        made_up = [run_id for run_id in ids if not any(map(fits, window.conditions(run_id)))]
        self._findings.problem("not there", f"{made_up}, in {self._asked}", len(made_up))
        if self._asked.order.endswith("created_at"):
            numbers = [there[run_id].number for run_id in ids if run_id in there]
            if self._asked.order.startswith("-"):
                numbers.reverse()
            places = [pair for pair in pairwise(numbers) if pair[0] > pair[1]]
            self._findings.problem("out of order", f"{places}, in {self._asked}", len(places))

    def _check_equal(self, one: Sequence[str], other: Sequence[str], what: str) -> None:
        if one != other:
            self._findings.problem("unlike", f"{what}: {one}, {other}, in {self._asked}")

    def _check_runs(self, runs: Iterable[Run]) -> None:
        for run in runs:
            self._check_config(run.id, run.config)
            self._check_loss(run.id, run.summary.get("loss"))

    def _check_config(self, run_id: str, config: object) -> None:
        record = self._window.record(run_id)
        if record is not None and config != config_of(record.number):
            self._findings.problem("wrong config", f"{run_id}: {config}, in {self._asked}")

    def _check_loss(self, run_id: str, loss: JSONValue) -> None:
        runs = self._window.conditions(run_id)
        if runs and all(loss != run.loss for run in runs):
            self._findings.problem("wrong summary", f"{run_id}: {loss}, in {self._asked}")

    def _check_rows(self, rows: Sequence[Row], keys: list[str] | None) -> None:
        """Each run has the rows that it logged before the pass, and none that it never did."""
        ids: list[str] = []
        for run_id, group in groupby(rows, key=lambda row: str(row["run_id"])):
            ids.append(run_id)
            self._check_history(run_id, [*group], keys or ["loss", "n"])
        self._findings.count("rows", len(rows))
        self._check_once(ids, [])
        self._check_all(ids, with_rows=True)

    def _check_history(self, run_id: str, rows: Sequence[Row], keys: list[str]) -> None:
        record, runs = self._window.record(run_id), self._window.conditions(run_id)
        if record is None or not runs:
            return  # not there at all, as is found elsewhere
        steps = [row["_step"] for row in rows]
        wanted = list(range(len(rows)))
        where = f"of {run_id}: {steps}, in {self._asked}"
        if len(set(steps)) < len(steps):
            self._findings.problem("repeated", f"rows {where}", len(steps) - len(set(steps)))
        elif steps != wanted or len(rows) < min(run.rows for run in runs):
            self._findings.problem("lost", f"rows {where}, {runs}")
        elif len(rows) > max(run.rows for run in runs):
            self._findings.problem("not there", f"rows {where}, {runs}")
        logged: dict[str, Sequence[float]] = {"loss": record.losses, "n": wanted}
        for key in keys:
            if [row.get(key) for row in rows] != [*logged[key][: len(rows)]]:
                self._findings.problem("wrong rows", f"{key} {where}")


def _next_batch(loop: RunIterator | RunPages) -> list[Run]:
    if isinstance(loop, RunPages):
        return next(loop, None) or []
    return [*islice(loop, 1)]
