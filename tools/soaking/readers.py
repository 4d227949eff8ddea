"""Readers: each reads the project repeatedly and compares the results with the ledger."""

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
"""The method by which runs are read."""

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
"""The errors that a failing server explains; readers may get no others."""

_RESUMABLE: Final = frozenset({"iterate", "pages", "share", "slice"})
"""The methods that resume after an error. The others start again, and with small pages there would
always be one that fails."""

_MOST_FAILURES: Final = 50
"""The number of consecutive errors after which a reader counts as stuck."""

_RESUMED: Final = 0.03
"""The probability that a listing is resumed from its checkpoint after a run or page."""


class StoppedError(Exception):
    """The time of the test is over."""


@dataclass(frozen=True)
class Listing:
    """The parameters of one pass.

    Attributes:
        kind: The method by which runs are read.
        filters: Filters of the listing.
        fits: Whether a run in some condition matches these filters.
        order: Order of the listing.
        per_page: Runs per page.
    """

    kind: Kind
    filters: dict[str, object]
    fits: Fits
    order: str
    per_page: int

    @classmethod
    def choose(cls, chance: random.Random) -> Listing:
        """Choose the parameters at random."""
        filters, fits = chance.choice(FILTERS)
        kind = chance.choice(KINDS)
        sizes = PER_PAGE if kind in _RESUMABLE else PER_PAGE[1:]
        return cls(kind, filters, fits, chance.choice(ORDERS), chance.choice(sizes))


class Reader:
    """Reads the project by every method, with random parameters.

    Args:
        api: The client.
        ledger: Which runs existed when.
        findings: Counts the results and problems.
        stopped: Ends the thread when it is set.
        seed: Seed of the random generator.
    """

    def __init__(
        self, api: Api, ledger: Ledger, findings: Findings, stopped: threading.Event, seed: int
    ) -> None:
        self._api = api
        self._ledger = ledger
        self._findings = findings
        self._stopped = stopped
        self._chance = random.Random(seed)  # noqa: S311 - reproducible by its seed

    def run(self) -> None:
        """Read one listing after another until `stopped` is set."""
        while not self._stopped.is_set():
            self.read(Listing.choose(self._chance))

    def read(self, listing: Listing) -> None:
        """Read all runs of a listing once, and check the results."""
        try:
            with self._ledger.open_window() as window:
                _Pass(self._api, self._findings, self._stopped, self._chance, listing, window).run()
        except StoppedError:
            return
        except Exception as error:  # noqa: BLE001 - the table shows it
            self._findings.unexpected(error, f"in {listing}")
        else:
            self._findings.finish(listing.kind)


class _Pass:
    """One pass through a listing."""

    def __init__(
        self,
        api: Api,
        findings: Findings,
        stopped: threading.Event,
        chance: random.Random,
        listing: Listing,
        window: Window,
    ) -> None:
        self._api = api
        self._findings = findings
        self._stopped = stopped
        self._chance = chance
        self._listing = listing
        self._window = window

    def run(self) -> None:
        """Read the runs and check the results."""
        {
            "iterate": self._list,
            "pages": self._list,
            "share": self._share,
            "slice": self._slice,
            "histories": self._histories,
            "batches": self._batches,
            "configs": self._configs,
            "summaries": self._summaries,
        }[self._listing.kind]()

    def _runs(self, checkpoint: Checkpoint | None = None) -> Runs:
        listing = self._listing
        return self._api.runs(
            PATH, listing.filters, listing.order, listing.per_page, checkpoint=checkpoint
        )

    # Methods of reading.

    def _list(self) -> None:
        """Iterate over a listing that errors and resumptions from checkpoints interrupt."""
        loop = self._loop(None)
        came: list[str] = []
        failures = 0
        while True:
            try:
                batch = _next_batch(loop)
            except _EXPLAINED as error:
                current = loop.checkpoint()
                if error.checkpoint != current:
                    self._findings.problem("wrong checkpoint", f"{error.checkpoint}, {current}")
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
            if self._chance.random() < _RESUMED:
                loop = self._loop(loop.checkpoint())
                self._findings.count("resumed")
        self._check_all(came)

    def _loop(self, checkpoint: Checkpoint | None) -> RunIterator | RunPages:
        # Through JSON, as a checkpoint reaches another process.
        runs = self._runs(json.loads(json.dumps(checkpoint)))
        return runs.pages() if self._listing.kind == "pages" else iter(runs)

    def _share(self) -> None:
        """Iterate over the same listing from two threads at once."""
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
        """Compare slices of a listing with the whole listing."""
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
                "wrong length", f"{len(runs)}, but {len(ids)} runs, {self._listing}"
            )
        self._check_runs(whole)
        self._check_once(ids, [])
        self._check_all(ids)

    def _histories(self) -> None:
        runs = self._runs()
        if self._chance.random() < 0.3:  # noqa: PLR2004 - some of them
            # Histories of listed runs are requested by their ids.
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
        """Repeat a call until it succeeds."""
        failures = 0
        while True:
            try:
                return call()
            except _EXPLAINED as error:
                failures = self._note_failure(error, failures)

    def _note_failure(self, error: WandbRunsError, failures: int) -> int:
        self._findings.recovered(error)
        if self._stopped.is_set():
            raise StoppedError
        if failures == _MOST_FAILURES:
            raise AssertionError(f"{failures} consecutive errors") from error
        return failures + 1

    # Checks.

    def _check_once(self, ids: Iterable[str], before: Sequence[str]) -> None:
        """Check that no run is repeated."""
        ids = list(ids)
        self._findings.count("runs", len(ids))
        times = Counter(ids)
        seen = set(before)
        again = [run_id for run_id, number in times.items() if number > 1 or run_id in seen]
        self._findings.repeated(again, f"in {self._listing}")

    def _check_all(self, ids: Sequence[str], *, with_rows: bool = False) -> None:
        """Check that each run that existed all the time was read, in order, and no other runs.

        Args:
            ids: The ids of all runs that were read.
            with_rows: Whether only runs with rows are expected.
        """
        window = self._window
        window.close()
        present = window.present_throughout(self._listing.fits)
        if with_rows:
            present = {
                run_id: record
                for run_id, record in present.items()
                if min(run.rows for run in window.conditions(run_id))
            }
        self._findings.lost(present.keys() - set(ids), f"in {self._listing}")
        fits = self._listing.fits
        unknown = [run_id for run_id in ids if not any(map(fits, window.conditions(run_id)))]
        self._findings.problem("nonexistent", f"{unknown}, in {self._listing}", len(unknown))
        if self._listing.order.endswith("created_at"):
            numbers = [present[run_id].number for run_id in ids if run_id in present]
            if self._listing.order.startswith("-"):
                numbers.reverse()
            wrong = [pair for pair in pairwise(numbers) if pair[0] > pair[1]]
            self._findings.problem("out of order", f"{wrong}, in {self._listing}", len(wrong))

    def _check_equal(self, one: Sequence[str], other: Sequence[str], what: str) -> None:
        if one != other:
            self._findings.problem("different", f"{what}: {one}, {other}, in {self._listing}")

    def _check_runs(self, runs: Iterable[Run]) -> None:
        for run in runs:
            self._check_config(run.id, run.config)
            self._check_loss(run.id, run.summary.get("loss"))

    def _check_config(self, run_id: str, config: object) -> None:
        record = self._window.record(run_id)
        if record is not None and config != config_of(record.number):
            self._findings.problem("wrong config", f"{run_id}: {config}, in {self._listing}")

    def _check_loss(self, run_id: str, loss: JSONValue) -> None:
        runs = self._window.conditions(run_id)
        if runs and all(loss != run.loss for run in runs):
            self._findings.problem("wrong summary", f"{run_id}: {loss}, in {self._listing}")

    def _check_rows(self, rows: Sequence[Row], keys: list[str] | None) -> None:
        """Check that each run has the rows logged before the pass, and no rows never logged."""
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
            return  # a run that does not exist; `_check_all` reports it
        steps = [row["_step"] for row in rows]
        wanted = list(range(len(rows)))
        where = f"of {run_id}: {steps}, in {self._listing}"
        if len(set(steps)) < len(steps):
            self._findings.problem("repeated", f"rows {where}", len(steps) - len(set(steps)))
        elif steps != wanted or len(rows) < min(run.rows for run in runs):
            self._findings.problem("lost", f"rows {where}, {runs}")
        elif len(rows) > max(run.rows for run in runs):
            self._findings.problem("nonexistent", f"rows {where}, {runs}")
        logged: dict[str, Sequence[float]] = {"loss": record.losses, "n": wanted}
        for key in keys:
            if [row.get(key) for row in rows] != [*logged[key][: len(rows)]]:
                self._findings.problem("wrong rows", f"{key} {where}")


def _next_batch(loop: RunIterator | RunPages) -> list[Run]:
    if isinstance(loop, RunPages):
        return next(loop, None) or []
    return [*islice(loop, 1)]
