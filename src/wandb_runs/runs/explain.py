"""What a call would send, for whoever wants to see it first."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal, TypeAlias, get_args

from typing_extensions import override

from wandb_runs.errors import InvalidArgumentError
from wandb_runs.errors.suggest import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wandb_runs.graphql.operation import Operation

__all__ = ["Call", "Explanation", "check_call", "explain"]

Call: TypeAlias = Literal["list", "histories", "configs", "summaries"]
"""What can be explained: going through the runs, or one of the methods that read them all."""

_CALLS: Final[tuple[Call, ...]] = get_args(Call)


@dataclass(frozen=True, slots=True)
class Explanation:
    """What a call would send.

    Immutable, and therefore safe to share.

    Attributes:
        operation: The name of the GraphQL operation.
        document: Its text, as it would be sent.
        variables: The variables of the first request; later ones differ in where they start.
        runs_per_request: How many runs a request asks for.
        requests: How many requests there would be, when nothing goes wrong; None as long as
            nobody asked how many runs there are, which `len(runs)` does.
        is_listed_first: Whether the runs are listed before, to be asked for by their ids: they
            are a part of what the filter selects (`limit=`, `checkpoint=`).
    """

    operation: str
    document: str
    variables: Mapping[str, object] = field(hash=False)
    runs_per_request: int
    requests: int | None
    is_listed_first: bool = False

    @override
    def __str__(self) -> str:
        if self.requests is None:
            count = f"one for each {self.runs_per_request} runs; len(runs) would tell how many"
        else:
            count = f"{self.requests}, each for {self.runs_per_request} runs at most"
        if self.is_listed_first:
            count += ", after the runs were listed, and with their ids in the filter"
        variables = json.dumps(self.variables, indent=2, ensure_ascii=False)
        return f"requests: {count}\nvariables: {variables}\n{self.document}\n"


def check_call(call: object, **arguments: object) -> None:
    """Check what is to be explained.

    Args:
        call: The call.
        arguments: What was passed for it; None for what was not.

    Raises:
        InvalidArgumentError: There is no such call, or it does not take such an argument.

    >>> check_call("configs", keys=None, samples=5)
    Traceback (most recent call last):
    wandb_runs.errors.InvalidArgumentError: the call 'configs' takes no samples
    """
    if call not in _CALLS:
        raise InvalidArgumentError(f"unknown call {call!r}{did_you_mean(str(call), _CALLS)}")
    takes = {"list": (), "histories": tuple(arguments)}.get(str(call), ("keys",))
    for name, value in arguments.items():
        if value is not None and name not in takes:
            raise InvalidArgumentError(f"the call {call!r} takes no {name}")


def explain(
    operation: Operation[object],
    *,
    runs_per_request: int,
    runs: int | None,
    is_listed_first: bool = False,
) -> Explanation:
    """Explain a call that asks for pages of runs.

    Args:
        operation: What it sends first.
        runs_per_request: The size of its pages.
        runs: How many runs there are, if that is known.
        is_listed_first: Whether they are listed before.
    """
    requests = None if runs is None else max(1, math.ceil(runs / runs_per_request))
    return Explanation(
        operation=operation.name,
        document=operation.document,
        variables=json.loads(operation.content())["variables"],
        runs_per_request=runs_per_request,
        requests=requests,
        is_listed_first=is_listed_first,
    )
