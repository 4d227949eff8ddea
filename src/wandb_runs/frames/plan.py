"""What to ask for: the arguments of `histories`, checked, and the specs that they become."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias, TypeVar, get_args

from wandb_runs.errors import InvalidArgumentError
from wandb_runs.errors.suggest import did_you_mean
from wandb_runs.query.keys import check_keys, check_metric, describe

__all__ = [
    "MOST",
    "RUN_ID",
    "Field",
    "Format",
    "HistoryPlan",
    "Join",
    "OnError",
    "Stream",
    "check_format",
    "check_on_error",
    "plan_histories",
]

Format: TypeAlias = Literal["default", "pandas", "polars"]
"""What a history comes as: a list of dicts, a `pandas.DataFrame` or a `polars.DataFrame`."""

Stream: TypeAlias = Literal["default", "system"]
"""What a history is about: the metrics that a run logged, or the machine that it ran on."""

Join: TypeAlias = Literal["inner", "outer"]
"""Which rows several metrics give: those that hold all of them, or all rows of each, merged."""

OnError: TypeAlias = Literal["raise", "skip"]
"""What becomes of runs whose history cannot be had: an error in the end, or a line in the log."""

Field: TypeAlias = Literal["sampledHistory", "history", "events"]
"""The fields of a run that W&B's schema has for histories."""

RUN_ID = "run_id"
"""The column that names the run of each row."""

_FORMATS: tuple[Format, ...] = get_args(Format)
_ON_ERROR: tuple[OnError, ...] = get_args(OnError)
_JOINS: tuple[Join, ...] = get_args(Join)
_STREAMS: tuple[Stream, ...] = get_args(Stream)

MOST: Final = 2**31 - 1
"""The largest number that GraphQL's `Int` takes."""

_VALUES: Final = 150_000
"""How many values a request asks for at most: about 4 MB of JSON, of which the server makes a
page in a fraction of the minute after which it gives up."""

_UNKNOWN: Final = 10
"""For how many metrics a run counts when all are asked for."""

K = TypeVar("K", bound=str)
ChoiceT = TypeVar("ChoiceT", bound=str)


@dataclass(frozen=True, slots=True)
class HistoryPlan:
    """Arguments of `histories` that passed `plan_histories`.

    Attributes:
        samples: The most rows of a run.
        keys: The metrics asked for, each once; None for all.
        x_axis: The column that comes first.
        stream: Metrics or machine.
        join: Which rows several metrics give.
    """

    samples: int
    keys: tuple[str, ...] | None
    x_axis: str
    stream: Stream
    join: Join = "inner"

    @property
    def field(self) -> Field:
        """The field that answers this plan.

        `sampledHistory` takes `specs`; `history` and `events` take `samples`.
        `events` knows no keys: they are selected once the rows are here.
        """
        if self.stream == "system":
            return "events"
        return "history" if self.keys is None else "sampledHistory"

    @property
    def specs(self) -> list[str]:
        """What `sampledHistory` is asked, each spec as JSON; empty for the other fields.

        Of an inner join one spec holds all keys, so the server gives the rows that hold all of
        them, as W&B's SDK has it. Of an outer join each key has a spec of its own, with `_step`
        to put the rows together again: values of the x axis may repeat.

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
        keys = (self._outer_columns(key) for key in self.keys)
        return [json.dumps({"keys": each, "samples": self.samples}) for each in keys]

    def _outer_columns(self, key: str) -> list[str]:
        return list(dict.fromkeys(("_step", self.x_axis, key)))

    @property
    def can_miss(self) -> bool:
        """Whether runs may come out empty whose metrics all have rows: never in the same one.

        >>> plan_histories(keys=["loss", "accuracy"]).can_miss
        True
        >>> plan_histories(keys=["loss"]).can_miss
        False
        """
        if self.field != "sampledHistory" or self.join != "inner" or self.columns is None:
            return False
        return len({*self.columns} - {"_step"}) > 1

    @property
    def runs_per_request(self) -> int:
        """How many runs a request asks for, so that its work is the same for any arguments.

        It follows samples x keys; the caller bounds it by what the server allows.

        >>> plan_histories(samples=500, keys=["a", "b", "c", "d", "e"]).runs_per_request
        50
        >>> plan_histories(samples=10, keys=["loss"]).runs_per_request
        7500
        """
        if self.field == "sampledHistory" and self.join == "outer":
            width = sum(len(self._outer_columns(key)) for key in self.keys or ())
        else:
            width = _UNKNOWN if self.keys is None or self.columns is None else len(self.columns)
        return max(1, _VALUES // (self.samples * width))

    @property
    def columns(self) -> tuple[str, ...] | None:
        """The x axis, then the keys as asked; None when only the rows can tell.

        >>> plan_histories(keys=["loss", "accuracy"], x_axis="epoch").columns
        ('epoch', 'loss', 'accuracy')
        """
        if self.keys is None:
            return None
        return tuple(dict.fromkeys((self.x_axis, *self.keys)))


def plan_histories(
    samples: int = 500,
    keys: list[K] | tuple[K, ...] | None = None,
    x_axis: str = "_step",
    stream: Stream = "default",
    *,
    join: Join = "inner",
    run_id: bool = True,
) -> HistoryPlan:
    """Check the arguments of `histories`, before any request.

    Machine metrics have no `_step`: with `stream="system"` it stands for `_runtime`, the seconds
    since the run's start, both as x axis and among the keys.

    Args:
        samples: The most rows of a run, 1 or more.
        keys: The metrics to ask for; None for all. A key given twice is asked for once.
        x_axis: The metric that comes first in each row.
        stream: `"default"` for what the run logged, `"system"` for machine metrics.
        join: `"inner"` for the rows that hold all keys, `"outer"` for all rows of each.
        run_id: Whether rows will get their run's id, which takes that name from a metric.

    Returns:
        The plan.

    Raises:
        InvalidArgumentError: An argument is of the wrong type, out of range, or unknown; or
            `"run_id"` is asked for, which is the column of the run's id.

    >>> plan_histories(keys=["system.cpu"], stream="system")
    HistoryPlan(samples=500, keys=('system.cpu',), x_axis='_runtime', stream='system', join='inner')
    >>> plan_histories(keys="loss")
    Traceback (most recent call last):
    wandb_runs.errors.InvalidArgumentError: keys is a list of metric names; write keys=['loss']
    """
    _check_samples(samples)
    check_metric("x_axis", x_axis)
    stream = _check_choice("stream", stream, _STREAMS)
    join = _check_choice("join", join, _JOINS)
    asked = check_keys(keys)
    if run_id and RUN_ID in (x_axis, *(asked or ())):
        raise InvalidArgumentError(
            f"{RUN_ID!r} is the column that holds each run's id, which is always there; a metric "
            f"of that name comes as '{RUN_ID}_' when keys is None"
        )
    if stream == "system":
        x_axis = _system_name(x_axis)
        asked = asked and tuple(dict.fromkeys(map(_system_name, asked)))
    return HistoryPlan(samples, asked, x_axis, stream, join)


def check_format(value: object) -> Format:
    """Check the name of a format.

    Raises:
        InvalidArgumentError: There is no such format.

    >>> check_format("panda")
    Traceback (most recent call last):
    wandb_runs.errors.InvalidArgumentError: unknown format 'panda'; did you mean 'pandas'?
    """
    return _check_choice("format", value, _FORMATS)


def check_on_error(value: object) -> OnError:
    """Check what becomes of runs whose history cannot be had.

    Raises:
        InvalidArgumentError: There is no such choice.

    >>> check_on_error("skip")
    'skip'
    """
    return _check_choice("on_error", value, _ON_ERROR)


def _check_samples(samples: object) -> None:
    if not isinstance(samples, int) or isinstance(samples, bool):
        raise InvalidArgumentError(
            f"samples is the most rows of a run, an int of 1 or more; got {describe(samples)}"
        )
    if samples < 1:
        raise InvalidArgumentError(
            f"samples is the most rows of a run, an int of 1 or more; got {samples}"
        )
    if samples > MOST:
        raise InvalidArgumentError(
            f"samples is at most {MOST}, GraphQL's largest Int; got {samples}"
        )


def _check_choice(argument: str, value: object, choices: tuple[ChoiceT, ...]) -> ChoiceT:
    for choice in choices:
        if value == choice:
            return choice
    raise InvalidArgumentError(f"unknown {argument} {value!r}{did_you_mean(str(value), choices)}")


def _system_name(name: str) -> str:
    return "_runtime" if name == "_step" else name
