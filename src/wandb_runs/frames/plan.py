"""Arguments of `histories`: checked, and turned into the specs and columns of a request."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Literal, TypeAlias, TypeVar, get_args

from wandb_runs.errors import InvalidArgumentError
from wandb_runs.errors.suggest import describe, did_you_mean
from wandb_runs.errors.text import FieldsRepr
from wandb_runs.query.keys import check_keys, check_metric

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

__all__ = [
    "ADDED_BY_WANDB",
    "MAX_INT",
    "RUN_ID",
    "SAMPLES",
    "Field",
    "Format",
    "HistoryPlan",
    "Join",
    "OnError",
    "Stream",
    "check_format",
    "check_int",
    "check_on_error",
    "plan_histories",
]

Format: TypeAlias = Literal["default", "pandas", "polars"]
"""What a history is returned as: a list of dicts, a `pandas.DataFrame` or a `polars.DataFrame`."""

Stream: TypeAlias = Literal["default", "system", "events"]
"""Which history: the metrics that a run logged, or those of the machine that it ran on.

`"events"`, as W&B's schema calls the latter, means `"system"`.
"""

Join: TypeAlias = Literal["inner", "outer"]
"""Rows of several metrics: those that hold all of them, or all rows of each, merged by step."""

OnError: TypeAlias = Literal["raise", "skip"]
"""Runs whose history cannot be read: an error at the end of the call, or a log record."""

Field: TypeAlias = Literal["sampledHistory", "history", "events", "parquetHistory"]
"""The fields of a run in W&B's schema that return a history, or tell where it is."""

RUN_ID = "run_id"
"""The column with the id of each row's run."""

_FORMATS: tuple[Format, ...] = get_args(Format)
_ON_ERROR: tuple[OnError, ...] = get_args(OnError)
_JOINS: tuple[Join, ...] = get_args(Join)
_STREAMS: tuple[Stream, ...] = get_args(Stream)

ADDED_BY_WANDB: Final = frozenset({"_step", "_runtime", "_timestamp"})
"""Metrics of each row that `historyKeys` may leave out."""

SAMPLES: Final = 500
"""How many rows of a run a sample has by default, as in W&B's SDK."""

MAX_INT: Final = 2**31 - 1
"""The largest value of GraphQL's `Int`."""

_MAX_VALUES: Final = 150_000
"""The most values that one request asks for: about 4 MB of JSON, which the server computes in a
fraction of the minute after which it times out."""

_MAX_SAMPLED: Final = 1_000_000
"""The most values of one run that one request of an outer join asks for: about 20 MB of JSON."""

_MAX_KEYS: Final = 1_000
"""The most keys that one request of an outer join asks for, each by a spec of its own."""

_MIN_KEYS: Final = 50
"""As many keys are asked for at once whatever `samples` is: that often stands for all rows, of
which there are far fewer."""

_RUNS_OF_FILES: Final = 100
"""Runs that one request asks for the files of: each has a few addresses, and names of metrics."""

_MIN_TOGETHER: Final = 50_000
"""The fewest values of one run for which an outer join is first asked for as an inner join: with
fewer, a request that may be in vain costs more than it can save."""

_ASSUMED_METRICS: Final = 10
"""Metrics per run assumed where whole rows come."""

_ASSUMED_EVENTS: Final = 5_000
"""Rows of machine metrics assumed per run where all of them come: those of about a day."""

K = TypeVar("K", bound=str)
ChoiceT = TypeVar("ChoiceT", bound=str)


@dataclass(frozen=True, slots=True, repr=False)
class HistoryPlan(FieldsRepr):
    """Arguments of `histories`, as checked by `plan_histories`.

    Attributes:
        samples: The most rows per run; of each key in an outer join, and of machine metrics.
        keys: The metrics, without duplicates; None for all.
        x_axis: The first column.
        stream: Logged metrics, or machine metrics: `"system"`.
        join: Which rows several metrics give.
        are_together: Whether the rows that hold all keys are asked for in place of the rows of
            each key, beside the steps of all rows. They are the outer join if no row lacks a key.
        is_exact: Whether every row is read, in place of a sample.
    """

    samples: int
    keys: tuple[str, ...] | None
    x_axis: str
    stream: Stream
    join: Join = "inner"
    are_together: bool = False
    is_exact: bool = False

    @property
    def field(self) -> Field:
        """The field of a run that this plan queries.

        `parquetHistory` tells where every row is. `sampledHistory` takes `specs`; `history` and
        `events` take `samples`. `events` takes no keys: they are selected, and their rows
        sampled, after all rows have arrived.
        """
        if self.is_exact:
            return "parquetHistory"
        if self.stream == "system":
            return "events"
        return "history" if self.keys is None else "sampledHistory"

    @property
    def is_sampled_here(self) -> bool:
        """Whether all rows come, and those of each key are sampled after that."""
        return self.stream == "system" and self.keys is not None

    @property
    def rows_per_run(self) -> int:
        """How many rows of each run `history` or `events` is asked for.

        All of `events` where there are keys: its samples are drawn from the rows of all monitors,
        of which those of the keys may be few.

        >>> plan_histories(samples=10, keys=["system.cpu"], stream="system").rows_per_run == MAX_INT
        True
        """
        return self.samples if self.keys is None else MAX_INT

    @property
    def specs(self) -> list[str]:
        """The specs of `sampledHistory`, each as JSON; empty for the other fields.

        An inner join sends one spec with all keys, so that the server returns the rows that hold
        all of them, as W&B's SDK does. An outer join sends one spec per key, each with `_step`,
        by which the rows are merged: values of the x axis may repeat.

        >>> plan_histories(samples=100, keys=["loss", "_step"]).specs
        ['{"keys": ["_step", "loss"], "samples": 100}']
        >>> for spec in plan_histories(keys=["a", "b"], x_axis="epoch", join="outer").specs:
        ...     print(spec)
        {"keys": ["_step", "epoch", "a"], "samples": 500}
        {"keys": ["_step", "epoch", "b"], "samples": 500}
        """
        if self.field != "sampledHistory" or self.keys is None:
            return []
        if self.join == "inner":
            return [json.dumps({"keys": self.columns, "samples": self.samples})]
        if self.are_together:
            keys = [("_step",), self.columns_together]
        else:
            keys = [self._outer_columns(key) for key in self.keys]
        return [json.dumps({"keys": each, "samples": self.samples}) for each in keys]

    def _outer_columns(self, *keys: str) -> tuple[str, ...]:
        return tuple(dict.fromkeys(("_step", self.x_axis, *keys)))

    @property
    def columns_together(self) -> tuple[str, ...]:
        """What the rows of an outer join hold that are asked for together.

        >>> plan_histories(keys=["a", "b"], x_axis="epoch", join="outer").columns_together
        ('_step', 'epoch', 'a', 'b')
        """
        return self._outer_columns(*(self.keys or ()))

    @property
    def together(self) -> HistoryPlan | None:
        """The plan that asks for the same keys together; None where that is not worth a request.

        >>> keys = [f"k{n}" for n in range(100)]
        >>> plan = plan_histories(500, keys, join="outer").together
        >>> [len(json.loads(spec)["keys"]) for spec in plan.specs]
        [1, 101]
        >>> plan_histories(500, keys[:99], join="outer").together is None
        True
        """
        keys = len(self.keys or ())
        values = self.samples * keys
        if self.join == "inner" or self.field != "sampledHistory" or self.are_together:
            return None
        if self.samples == 1 or keys < _MIN_KEYS or values < _MIN_TOGETHER:
            return None
        return replace(self, are_together=True)

    @property
    def first_request(self) -> HistoryPlan:
        """The plan of the first request, which may ask for keys together."""
        return (self.together or self).first_part

    @property
    def most_requests(self) -> int:
        """How many requests are sent for one page at most.

        >>> plan_histories(keys=["a"]).most_requests
        1
        >>> keys = [f"k{n}" for n in range(1500)]
        >>> plan_histories(keys=keys, join="outer").most_requests  # together, then 1,000 and 500
        3
        """
        apart = len(self.parts(None))
        if self.together is None:
            return apart
        later = self.together.later_parts(None)
        return 1 + max(apart, sum(1 + len(part.separated.parts(None)) for part in later))

    @property
    def separated(self) -> HistoryPlan:
        """The plan that asks for the rows of each key."""
        return replace(self, are_together=False)

    @property
    def first_part(self) -> HistoryPlan:
        """The plan for the keys that the first request asks for; the plan itself, if it is all.

        >>> plan = plan_histories(keys=[f"k{n}" for n in range(1500)], join="outer")
        >>> len(plan.first_part.specs), [len(part.specs) for part in plan.later_parts(100_000)]
        (1000, [500])
        """
        return self._part(0, self._keys_per_request(self.samples))

    def later_parts(self, rows: int | None) -> list[HistoryPlan]:
        """The plans for the other keys, one for each further request.

        Args:
            rows: How many rows the histories have at most; None if that is not known.

        >>> plan = plan_histories(10**6, [f"k{n}" for n in range(1500)], join="outer")
        >>> len(plan.first_part.specs), [len(part.specs) for part in plan.later_parts(600)]
        (50, [833, 617])
        """
        return self._parts_from(self._keys_per_request(self.samples), rows)

    def parts(self, rows: int | None) -> list[HistoryPlan]:
        """The plans for all keys, where the number of rows is known before the first request.

        Args:
            rows: As of `later_parts`.

        >>> plan = plan_histories(10**6, [f"k{n}" for n in range(1500)], join="outer")
        >>> [[len(part.specs) for part in plan.parts(rows)] for rows in (600, 0)]
        [[833, 667], [1000, 500]]
        """
        if rows is None:
            return [self.first_part, *self.later_parts(None)]
        return self._parts_from(0, rows)

    def _parts_from(self, start: int, rows: int | None) -> list[HistoryPlan]:
        size = self._keys_per_request(self.samples if rows is None else min(rows, self.samples))
        return [self._part(at, at + size) for at in range(start, len(self.keys or ()), size)]

    def _part(self, start: int, stop: int) -> HistoryPlan:
        keys = self.keys or ()
        return self if not start and stop >= len(keys) else replace(self, keys=keys[start:stop])

    def _keys_per_request(self, rows: int) -> int:
        if self.join == "inner" or self.field != "sampledHistory":
            return max(1, len(self.keys or ()))
        if self.are_together:
            return max(_MIN_KEYS, _MAX_SAMPLED // max(1, rows))
        columns = 2 if self.x_axis == "_step" else 3
        return min(_MAX_KEYS, max(_MIN_KEYS, _MAX_SAMPLED // (max(1, rows) * columns)))

    @property
    def can_be_disjoint(self) -> bool:
        """Whether a run may have rows of each metric and no row with those that are joined.

        An inner join is of all columns, an outer join of each key and the x axis. Every row has
        `_step`.

        >>> plan_histories(keys=["loss", "accuracy"]).can_be_disjoint
        True
        >>> plan_histories(keys=["loss"]).can_be_disjoint
        False
        >>> plan_histories(keys=["loss"], x_axis="epoch", join="outer").can_be_disjoint
        True
        """
        if self.join == "outer" and self.x_axis == "_step":
            return False
        return self.field == "sampledHistory" and len(self._joined_columns) > 1

    @property
    def columns_to_find(self) -> tuple[str, ...]:
        """The columns that may be missing in all rows while there are rows.

        Those of an outer join, and the x axis of whole rows; but for metrics that W&B adds.

        >>> plan_histories(keys=["a", "b"], join="outer").columns_to_find
        ('a', 'b')
        >>> plan_histories(keys=["a", "b"]).columns_to_find
        ()
        >>> plan_histories(x_axis="epoch").columns_to_find
        ('epoch',)
        """
        if self.keys is None:
            return () if self.x_axis in ADDED_BY_WANDB else (self.x_axis,)
        if self.field != "sampledHistory" or self.join == "inner":
            return ()
        return tuple(name for name in self._joined_columns if name not in ADDED_BY_WANDB)

    @property
    def ranges(self) -> HistoryPlan:
        """The plan of the requests for ranges of steps, where a history is in no file.

        >>> plan_histories(keys=["loss"], exact=True).ranges.specs
        ['{"keys": ["_step", "loss"], "samples": 500}']
        """
        return replace(self, is_exact=False)

    @property
    def separately(self) -> HistoryPlan:
        """The plan for one row of each metric, the x axis among them, whatever else it holds.

        >>> for spec in plan_histories(keys=["loss"], x_axis="epoch").separately.specs:
        ...     print(spec)
        {"keys": ["_step", "epoch"], "samples": 1}
        {"keys": ["_step", "loss"], "samples": 1}
        """
        keys = self._joined_columns
        return HistoryPlan(1, keys, "_step", self.stream, "outer")

    def columns_without_rows(self, rows: Sequence[Mapping[str, object]]) -> frozenset[str]:
        """The columns, but for `_step`, that no row of a run has.

        >>> plan = plan_histories(keys=["a", "b"], x_axis="epoch", join="outer")
        >>> plan.columns_without_rows([{"epoch": 1, "a": 2}])
        frozenset({'b'})
        """
        return frozenset(
            name for name in self._joined_columns if not any(name in row for row in rows)
        )

    def is_disjoint(self, missing: frozenset[str], logged: Collection[str]) -> bool:
        """Whether a run's rows were left out since its metrics were logged in separate rows.

        Args:
            missing: The columns that the run's result lacks.
            logged: Those of which the run has a row.

        >>> plan = plan_histories(keys=["a", "b"], x_axis="epoch", join="outer")
        >>> plan.is_disjoint(frozenset({"b"}), {"epoch", "a", "b"})
        True
        >>> plan.is_disjoint(frozenset({"b"}), {"epoch", "a"})
        False
        """
        if self.join == "inner":
            return bool(missing) and missing.issubset(logged)
        return self.x_axis in logged and not (missing - {self.x_axis}).isdisjoint(logged)

    @property
    def _joined_columns(self) -> tuple[str, ...]:
        return tuple(name for name in self.columns or () if name != "_step")

    @property
    def runs_per_request(self) -> int:
        """How many runs fit into one request, so that each request asks for as many values.

        Derived from samples x keys; the caller applies the server's limit on page sizes.

        >>> plan_histories(samples=500, keys=["a", "b", "c", "d", "e"]).runs_per_request
        50
        >>> plan_histories(samples=10, keys=["loss"]).runs_per_request
        7500
        >>> plan_histories(samples=10, keys=["system.cpu"], stream="system").runs_per_request
        3
        """
        if self.is_exact:
            return _RUNS_OF_FILES
        if self.is_sampled_here:
            rows = max(self.samples, _ASSUMED_EVENTS)
            return max(1, _MAX_VALUES // (rows * _ASSUMED_METRICS))
        if self.field == "sampledHistory" and self.join == "outer":
            width = sum(len(self._outer_columns(key)) for key in self.first_part.keys or ())
        else:
            width = _ASSUMED_METRICS if self.columns is None else len(self.columns)
        return max(1, _MAX_VALUES // (self.samples * width))

    @property
    def columns(self) -> tuple[str, ...] | None:
        """The x axis, then the keys as given; None where they depend on the rows.

        >>> plan_histories(keys=["loss", "accuracy"], x_axis="epoch").columns
        ('epoch', 'loss', 'accuracy')
        """
        if self.keys is None:
            return None
        return tuple(dict.fromkeys((self.x_axis, *self.keys)))


def plan_histories(
    samples: int = SAMPLES,
    keys: list[K] | tuple[K, ...] | None = None,
    x_axis: str = "_step",
    stream: Stream = "default",
    *,
    join: Join = "inner",
    run_id: bool = True,
    exact: bool = False,
) -> HistoryPlan:
    """Check the arguments of `histories`, before any request is sent.

    Machine metrics have no `_step`: with `stream="system"` it is replaced by `_runtime`, the
    seconds since the run's start, both as x axis and among the keys.

    Args:
        samples: The most rows per run, 1 or more.
        keys: The metrics; None for all. Duplicates are ignored.
        x_axis: The metric of the first column.
        stream: `"default"` for logged metrics, `"system"` or `"events"` for machine metrics.
        join: `"inner"` for the rows that hold all keys, `"outer"` for all rows of each.
        run_id: Whether rows get a column `run_id`; then no key may have that name.
        exact: Whether to read every row of logged metrics; `samples` is its default then.

    Raises:
        InvalidArgumentError: An argument has the wrong type, is out of range or unknown, or names
            a metric `run_id`.

    >>> plan_histories(keys=["system.cpu"], stream="system").columns
    ('_runtime', 'system.cpu')
    >>> plan_histories(keys="loss")
    Traceback (most recent call last):
    wandb_runs.errors.InvalidArgumentError: keys is a list of metric names; write keys=['loss']
    """
    check_int("samples", samples, least=1, most=MAX_INT)
    _check_exact(exact, samples, stream)
    check_metric("x_axis", x_axis)
    stream = _check_choice("stream", stream, _STREAMS)
    join = _check_choice("join", join, _JOINS)
    names = check_keys(keys)
    if run_id and RUN_ID in (x_axis, *(names or ())):
        raise InvalidArgumentError(
            f"{RUN_ID!r} is the column with each row's run id, and is always included; leave keys "
            f"out to get a metric of that name, as '{RUN_ID}_'"
        )
    if stream != "default":
        stream = "system"
        x_axis = _system_name(x_axis)
        names = names and tuple(dict.fromkeys(map(_system_name, names)))
    return HistoryPlan(samples, names, x_axis, stream, join, is_exact=exact)


def _check_exact(exact: object, samples: int, stream: Stream) -> None:
    if not isinstance(exact, bool):
        raise InvalidArgumentError(
            f"exact is True for every row, or False for a sample; got {describe(exact)}"
        )
    if exact and samples != SAMPLES:
        raise InvalidArgumentError(
            f"exact=True reads every row, and samples={samples} a sample; pass one of them"
        )
    if exact and stream != "default":
        raise InvalidArgumentError(
            f"exact=True reads logged metrics: W&B keeps samples alone of machine metrics; leave "
            f"out exact= or stream={stream!r}"
        )


def check_format(value: object) -> Format:
    """Check the name of a format.

    Raises:
        InvalidArgumentError: Unknown format.

    >>> check_format("panda")
    Traceback (most recent call last):
    wandb_runs.errors.InvalidArgumentError: unknown format 'panda'; did you mean 'pandas'?
    """
    return _check_choice("format", value, _FORMATS)


def check_on_error(value: object) -> OnError:
    """Check the value of `on_error`.

    Raises:
        InvalidArgumentError: Unknown value.

    >>> check_on_error("skip")
    'skip'
    """
    return _check_choice("on_error", value, _ON_ERROR)


def check_int(argument: str, value: object, *, least: int, most: int | None = None) -> None:
    """Check that a number is an int of a range.

    Raises:
        InvalidArgumentError: Not an int, or out of range.

    >>> check_int("samples", 0, least=1)
    Traceback (most recent call last):
    wandb_runs.errors.InvalidArgumentError: samples must be an int of 1 or more; got int 0
    """
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise InvalidArgumentError(
            f"{argument} must be an int of {least} or more; got {describe(value)}"
        )
    if most is not None and value > most:
        raise InvalidArgumentError(f"{argument} must be at most {most}; got {describe(value)}")


def _check_choice(argument: str, value: object, choices: tuple[ChoiceT, ...]) -> ChoiceT:
    for choice in choices:
        if value == choice:
            return choice
    raise InvalidArgumentError(f"unknown {argument} {value!r}{did_you_mean(str(value), choices)}")


def _system_name(name: str) -> str:
    return "_runtime" if name == "_step" else name
