"""Warnings: a result is incomplete, out of order or not what was meant, and no request failed."""

from __future__ import annotations

import sys
import warnings
from itertools import islice
from typing import TYPE_CHECKING, Final, Literal

from typing_extensions import override

from wandb_runs.errors.suggest import name_runs
from wandb_runs.errors.text import as_message, excerpt

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from types import FrameType

__all__ = [
    "MOST_HINTS",
    "DegradedServerWarning",
    "DeprecatedNameWarning",
    "DriftWarning",
    "EmptyJoinWarning",
    "HiddenValueWarning",
    "IgnoredArgumentWarning",
    "IncompleteExportWarning",
    "MissingItemsWarning",
    "MissingLinesWarning",
    "NothingToRemoveWarning",
    "RepairedExportWarning",
    "UndrawnWarning",
    "UnknownKeyWarning",
    "UnknownMetricWarning",
    "UnknownStateWarning",
    "UnverifiedFileWarning",
    "WandbRunsWarning",
    "describe_drift",
    "warn",
]

MOST_HINTS: Final = 10
"""Of how many names a message tells each."""

_PACKAGE = __name__.partition(".")[0]


class WandbRunsWarning(UserWarning):
    """Any warning of this package: `warnings.simplefilter("error", WandbRunsWarning)`."""


class IgnoredArgumentWarning(WandbRunsWarning, DeprecationWarning):
    """An argument of W&B's SDK that does nothing here.

    Python shows it where it shows a `DeprecationWarning`: in `__main__` and in tests.
    """


class DeprecatedNameWarning(WandbRunsWarning, DeprecationWarning):
    """A name that is here for code that was written for W&B's SDK; the message has a better one.

    Python shows it where it shows a `DeprecationWarning`: in `__main__` and in tests.
    """


class EmptyJoinWarning(WandbRunsWarning):
    """Runs without a row in an inner join that have rows of each key, and none with all of them.

    Programs that log each metric by a separate call write such runs; `join="outer"` reads them.
    A row needs the x axis as well, in an outer join, too: there, some key of the runs has no row,
    and was logged apart from the x axis. With `x_axis="_step"`, which every row has, and the x
    axis among the keys, an outer join reads all of them.

    `scan_history` joins likewise and has no outer join: there, each key is to be scanned alone,
    or whole rows, without keys.

    Attributes:
        run_ids: The ids of the runs.
        x_axis: The x axis of the call.
        call: `"scan_history"`, or `"histories"` for all others.
    """

    run_ids: Sequence[str]
    x_axis: str
    call: Literal["histories", "scan_history"]

    def __init__(
        self,
        run_ids: Sequence[str],
        x_axis: str = "_step",
        call: Literal["histories", "scan_history"] = "histories",
    ) -> None:
        self.run_ids = list(run_ids)
        self.x_axis = x_axis
        self.call = call
        super().__init__(self.run_ids, x_axis, call)

    @override
    def __str__(self) -> str:
        if self.call == "scan_history":
            return as_message(
                f"{name_runs(self.run_ids)} logged each of the keys, and never in the same row, so "
                "that there is no row; scan each key, or leave keys out to scan whole rows"
            )
        if self.x_axis != "_step":
            return as_message(
                f"{name_runs(self.run_ids)} logged keys and the x axis {self.x_axis!r} in separate "
                "rows, and rows without all that is joined are left out; pass "
                f'keys=[..., {self.x_axis!r}], x_axis="_step" and join="outer"'
            )
        return as_message(
            f"{name_runs(self.run_ids)} logged each of the keys, and never in the same row, so "
            'that join="inner" has no rows of theirs; pass join="outer"'
        )


class DriftWarning(WandbRunsWarning):
    """The project changed during a listing, and the result is out of order or incomplete.

    Attributes:
        late: The ids of runs that moved to earlier pages during the listing, by what they logged:
            they come after all others, out of order.
        nulls: The number of runs that the server returned as null, which are missing.
        gone: The ids of runs that were listed before and no longer exist.
    """

    late: Sequence[str]
    nulls: int
    gone: Sequence[str]

    def __init__(self, late: Sequence[str] = (), nulls: int = 0, gone: Sequence[str] = ()) -> None:
        self.late = list(late)
        self.nulls = nulls
        self.gone = list(gone)
        super().__init__(self.late, self.nulls, self.gone)

    @override
    def __str__(self) -> str:
        return as_message(describe_drift(self.late, self.nulls, self.gone))


class DegradedServerWarning(WandbRunsWarning):
    """The server's schema lacks something that calls can do without, and it is asked without it.

    Once for each thing that an `Api` finds missing; `api.server.missing` has them later. A value
    that is missing reads as None, or as empty where it is a list, a config or a summary.

    Attributes:
        base_url: The server.
        missing: What it lacks, each with what that costs: fields (`Run.host`), arguments
            (`Run.config(keys:)`) and types.
    """

    base_url: str
    missing: Mapping[str, str]

    def __init__(self, base_url: str, missing: Mapping[str, str]) -> None:
        self.base_url = base_url
        self.missing = dict(missing)
        super().__init__(base_url, self.missing)

    @override
    def __str__(self) -> str:
        costs = "; ".join(f"without {name}, {cost}" for name, cost in self.missing.items())
        return as_message(
            f"the server {self.base_url} is older than this package, or another than W&B's: {costs}"
        )


class MissingItemsWarning(WandbRunsWarning):
    """Projects or sweeps of a listing that the server gave as null, and which are missing.

    Attributes:
        what: `"projects"` or `"sweeps"`.
        count: How many of them.
    """

    what: str
    count: int

    def __init__(self, what: str, count: int) -> None:
        self.what = what
        self.count = count
        super().__init__(what, count)

    @override
    def __str__(self) -> str:
        return f"{self.count:,} of the {self.what} came as null, and are missing; list them again"


class IncompleteExportWarning(WandbRunsWarning):
    """The rows or the files of some runs could not be exported.

    Attributes:
        folder: The dataset.
        failed: Why the rows of runs could not be read, by the runs' ids. The next export tries
            again.
        files_failed: Why files could not be had, by the run's id and the file's name. The next
            export tries again.
        files_refused: Why files have names under which nothing is written, by the same. Later
            exports tell of them no more.
    """

    folder: str
    failed: Mapping[str, str]
    files_failed: Mapping[str, str]
    files_refused: Mapping[str, str]

    def __init__(
        self,
        folder: str,
        failed: Mapping[str, str],
        files_failed: Mapping[str, str],
        files_refused: Mapping[str, str],
    ) -> None:
        self.folder = folder
        self.failed = dict(failed)
        self.files_failed = dict(files_failed)
        self.files_refused = dict(files_refused)
        super().__init__(folder, self.failed, self.files_failed, self.files_refused)

    @override
    def __str__(self) -> str:
        parts: list[str] = []
        if self.failed:
            first = next(iter(self.failed.values()))
            parts.append(f"the rows of {name_runs([*self.failed])} could not be read: {first}")
        if self.files_failed:
            count, (name, first) = len(self.files_failed), next(iter(self.files_failed.items()))
            files = "1 file" if count == 1 else f"{count:,} files"
            parts.append(f"{files} could not be had, {name} first: {first}")
        if parts:
            parts.append("export again")
        if self.files_refused:
            count, first = len(self.files_refused), next(iter(self.files_refused.values()))
            files = "1 file is" if count == 1 else f"{count:,} files are"
            parts.append(f"{files} left out for good, which is told this once: {first}")
        return as_message("; ".join(parts))


class RepairedExportWarning(WandbRunsWarning):
    """Files of a dataset were damaged: they are kept, and what they held is fetched again.

    Attributes:
        folder: The dataset.
        damaged: The files, below the folder, with where each is kept.
        lost: Runs that are listed no more, of which a file that is kept alone has something, with
            the file.
    """

    folder: str
    damaged: Mapping[str, str]
    lost: Mapping[str, str]

    def __init__(self, folder: str, damaged: Mapping[str, str], lost: Mapping[str, str]) -> None:
        self.folder = folder
        self.damaged = dict(damaged)
        self.lost = dict(lost)
        super().__init__(folder, self.damaged, self.lost)

    @override
    def __str__(self) -> str:
        parts: list[str] = []
        if self.damaged:
            moved = ", ".join(f"{name} (kept as {kept})" for name, kept in self.damaged.items())
            parts.append(f"damaged, and fetched again: {moved}")
        if self.lost:
            kept = ", ".join(dict.fromkeys(self.lost.values()))
            runs = name_runs([*self.lost])
            parts.append(f"what there was of {runs}, listed no more, is in {kept} alone")
        return as_message("; ".join(parts))


class MissingLinesWarning(WandbRunsWarning):
    """Lines of a run's console output that the server has and did not give.

    It gave them as null, or no more than so many of the last lines at once.

    Attributes:
        run_id: The id of the run.
        count: How many lines are missing.
    """

    run_id: str
    count: int

    def __init__(self, run_id: str, count: int) -> None:
        self.run_id = run_id
        self.count = count
        super().__init__(run_id, count)

    @override
    def __str__(self) -> str:
        return as_message(
            f"{self.count:,} lines of the console output of run {self.run_id!r} are missing: the "
            "server gave them as null, or no more than its last lines; read it again, or ask for "
            "the server to be upgraded"
        )


class UndrawnWarning(WandbRunsWarning):
    """Values that a chart cannot show, and which it leaves out.

    Attributes:
        rows: How many values.
        column: Their column.
        reason: `"infinite"`, or `"nonpositive"` for those of 0 or less on a logarithmic axis.
    """

    rows: int
    column: str
    reason: Literal["infinite", "nonpositive"]

    def __init__(self, rows: int, column: str, reason: Literal["infinite", "nonpositive"]) -> None:
        self.rows = rows
        self.column = column
        self.reason = reason
        super().__init__(rows, column, reason)

    @override
    def __str__(self) -> str:
        values = "value" if self.rows == 1 else "values"
        what = f"{self.rows:,} {values} of {excerpt(self.column)}"
        if self.reason == "infinite":
            return as_message(f"{what} left out: infinite")
        return as_message(f"{what} left out: 0 or less, on a logarithmic axis")


class UnknownKeyWarning(WandbRunsWarning):
    """Names that no run has, of those that were checked: perhaps they are misspelt.

    A path of a filter or an order, or a key, that neither the first page of the listing nor the
    newest runs of the project have. A run that was not checked may have it.

    Attributes:
        argument: The argument that holds the names: `"filters"`, `"order"`, `"config_keys"`,
            `"summary_keys"`, `"keys"`, `"config"` and `"summary"` of a table, or `"values"` for
            the fields of `runs.values(...)`.
        nearest: The names, each with its most similar one in those runs or None.
        checked: How many of the newest runs were checked, at most 50.
    """

    argument: str
    nearest: Mapping[str, str | None]
    checked: int

    def __init__(self, argument: str, nearest: Mapping[str, str | None], checked: int) -> None:
        self.argument = argument
        self.nearest = dict(nearest)
        self.checked = checked
        super().__init__(argument, self.nearest, checked)

    @override
    def __str__(self) -> str:
        hints = _hints(self.nearest)
        runs, names = (
            ("the newest run has no", " and no ".join(hints))
            if self.checked == 1
            else (f"none of the {self.checked} newest runs has", " or ".join(hints))
        )
        return as_message(f"{self.argument}: {runs} {names}")


class HiddenValueWarning(WandbRunsWarning):
    """Values that a table leaves out, since flat ones have the names of their columns.

    A config of `{"a.b": 1, "a": {"b": 2}}` has two values for the column `config.a.b`: the flat
    one is in it. `runs.configs(["a"])` has the other.

    Attributes:
        hidden: The columns, each with what is left out, as Python reads it from a run:
            `{"config.a.b": ["config['a']['b']"]}`.
        run_ids: The ids of the runs.
    """

    hidden: Mapping[str, Sequence[str]]
    run_ids: Sequence[str]

    def __init__(self, hidden: Mapping[str, Sequence[str]], run_ids: Sequence[str]) -> None:
        self.hidden = {column: [*values] for column, values in hidden.items()}
        self.run_ids = list(run_ids)
        super().__init__(self.hidden, self.run_ids)

    @override
    def __str__(self) -> str:
        values = [value for values in self.hidden.values() for value in values]
        shown = ", ".join(values[:MOST_HINTS])
        if len(values) > MOST_HINTS:
            shown += f" and {len(values) - MOST_HINTS} more"
        return as_message(
            f"the table leaves out {shown} of {name_runs(self.run_ids)}: a key with more dots has "
            "the name of the column"
        )


class UnverifiedFileWarning(WandbRunsWarning):
    """Files that came or went whole, whose contents the server gives nothing to compare with.

    It gives no MD5 digest of them; or, after an upload, that of other contents, which may be
    those that were there before or that another program sent meanwhile.

    Attributes:
        names: The names of the files; after a download of several runs, each behind its run's id.
        reason: Why they are not verified.
    """

    names: Sequence[str]
    reason: str

    def __init__(self, names: Sequence[str], reason: str) -> None:
        self.names = list(names)
        self.reason = reason
        super().__init__(self.names, reason)

    @override
    def __str__(self) -> str:
        shown = ", ".join(repr(excerpt(name)) for name in self.names[:MOST_HINTS])
        if len(self.names) > MOST_HINTS:
            shown += f" and {len(self.names) - MOST_HINTS} more"
        return as_message(f"not verified: {shown}; {self.reason}")


class UnknownStateWarning(UnknownKeyWarning):
    """A filter compares the state with words that are no known states of a run.

    No request is sent for it. W&B may add states: where the listing shows a run in such a state,
    there is no warning.

    Attributes:
        known: The states that are known.
    """

    known: Sequence[str]

    def __init__(
        self, argument: str, nearest: Mapping[str, str | None], known: Sequence[str]
    ) -> None:
        super().__init__(argument, nearest, 0)
        self.known = list(known)
        WandbRunsWarning.__init__(self, argument, self.nearest, self.known)  # for pickles

    @override
    def __str__(self) -> str:
        words = " or ".join(_hints(self.nearest))
        return as_message(
            f"{self.argument}: no run is known to have the state {words}; the states are "
            f"{', '.join(self.known)}"
        )


class UnknownMetricWarning(UnknownKeyWarning):
    """Metrics that were requested and that no run has, of those that were checked.

    Where there is no row, one run was checked. Otherwise all runs of the call that have rows: of an
    outer join, of whole rows with an x axis, and of machine metrics.

    Attributes:
        argument: `"keys"`, or `"x_axis"` for that of whole rows.
        run_id: The run that was checked, or the first of them.
        nearest: The metrics that it lacks, each with its most similar metric or None.
        checked: How many runs were checked.
        stream: Which metrics, as in `histories`: `"default"`, or `"system"` for machine metrics.
        rows: `"others"` where there are rows, of other metrics. `"none"` where there are none, and
            of machine metrics that were named, either way.
    """

    run_id: str
    stream: Literal["default", "system"]
    rows: Literal["none", "others"]

    def __init__(
        self,
        run_id: str,
        nearest: Mapping[str, str | None],
        checked: int = 1,
        stream: Literal["default", "system"] = "default",
        rows: Literal["none", "others"] = "none",
        argument: Literal["keys", "x_axis"] = "keys",
    ) -> None:
        super().__init__(argument, nearest, checked)
        self.run_id = run_id
        self.stream = stream
        self.rows = rows
        WandbRunsWarning.__init__(  # for pickles
            self, run_id, self.nearest, checked, stream, rows, argument
        )

    @override
    def __str__(self) -> str:
        run, hints = f"run {self.run_id!r}", [*_hints(self.nearest)]
        runs = run if self.checked == 1 else f"{self.checked} runs"
        if self.rows == "others":
            return as_message(f"no row of {runs} has {' or '.join(hints)}")
        if self.stream == "default":
            return as_message(f"there is no row; {run} has no {' and no '.join(hints)}")
        return as_message(f"no machine metric of {runs} is {' or '.join(hints)}")


class NothingToRemoveWarning(UnknownKeyWarning):
    """Tags or keys that a change is to remove and that none of its runs has: misspelt, or gone.

    What else the call is to change is changed.

    Attributes:
        argument: `"remove_tags"`, `"unset_config"` or `"unset_summary"`.
        nearest: The names, each with the most similar one that a run has or None.
        run_ids: The ids of the runs.
    """

    run_ids: Sequence[str]

    def __init__(
        self, argument: str, nearest: Mapping[str, str | None], run_ids: Sequence[str]
    ) -> None:
        super().__init__(argument, nearest, len(run_ids))
        self.run_ids = list(run_ids)
        WandbRunsWarning.__init__(self, argument, self.nearest, self.run_ids)  # for pickles

    @override
    def __str__(self) -> str:
        what = "tag" if self.argument == "remove_tags" else "key"
        names = " or ".join(_hints(self.nearest))
        runs = (
            f"run {self.run_ids[0]!r} has no"
            if self.checked == 1
            else f"none of the {self.checked:,} runs has a"
        )
        return as_message(f"{self.argument}: {runs} {what} {names}, so that none is removed")


def warn(warning: Warning) -> None:
    """Warn of something at the line of the caller's that led to it: the first outside the package.

    Not at a fixed number of frames: iterators, methods and coroutines lie between, more or fewer.
    """
    level, frame = 1, _caller()
    while frame is not None and _is_inside(frame):
        level, frame = level + 1, frame.f_back
    warnings.warn(warning, stacklevel=level + 1)


def _caller() -> FrameType | None:
    return sys._getframe(1).f_back  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] - `inspect` takes long to import


def _is_inside(frame: FrameType) -> bool:
    name: object = frame.f_globals.get("__name__")
    return isinstance(name, str) and name.partition(".")[0] == _PACKAGE


def _hints(nearest: Mapping[str, str | None]) -> Iterable[str]:
    """Names, each with the one that may be meant; of many, the first ones."""
    for name, near in islice(nearest.items(), MOST_HINTS):
        yield f"{name!r} (did you mean {near!r}?)" if near else repr(name)
    if len(nearest) > MOST_HINTS:
        yield f"{len(nearest) - MOST_HINTS} more"


def describe_drift(late: Sequence[str], nulls: int, gone: Sequence[str]) -> str:
    """The message about runs that moved, are null or no longer exist, and what to do."""
    parts: list[str] = []
    if late:
        parts.append(
            f"{name_runs(late)} changed their places during the listing, and come last, out "
            "of order; order by 'created_at', which never changes"
        )
    if nulls:
        parts.append(
            f"{nulls} of the runs came as null, and are missing; list them again, or request less "
            "(config_keys=, summary_keys=)"
        )
    if gone:
        parts.append(f"{name_runs(gone)} were listed before and no longer exist; list them again")
    return "; ".join(parts)
