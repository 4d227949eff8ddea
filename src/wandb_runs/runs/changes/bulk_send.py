"""How a change is sent for several runs: in one request for each part of them, or one by one."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, TypeAlias, TypeVar

from wandb_runs.errors import (
    BadResponseError,
    ConnectionFailedError,
    GraphQLError,
    UnsupportedByServerError,
    WandbRunsError,
)
from wandb_runs.graphql.flow import gather, pause
from wandb_runs.runs.changes.bulk_read import divided
from wandb_runs.runs.changes.send import log_change, send_change

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from wandb_runs.graphql.flow import Flow
    from wandb_runs.graphql.operation import Operation
    from wandb_runs.runs.changes.bulk_results import ChangeResults

    Look: TypeAlias = Callable[[Sequence[str]], Flow[Collection[str]]]
    """Reads back which of some runs show a change."""

__all__ = ["PART", "change_each", "change_part"]

T = TypeVar("T")

PART: Final = 100
"""How many runs one request changes: W&B takes its time for each, and a minute at most for all."""

_PAUSES: Final = (0.5, 1.0, 2.0)
"""Seconds until it is looked again for a change that should be seen."""


def change_part(
    results: ChangeResults,
    run_ids: Sequence[str],
    mutation: Operation[T],
    change: str,
    look: Look,
    *,
    settle: Callable[[T], Flow[str | None]],
    pauses: Sequence[float] = _PAUSES,
) -> Flow[Literal["seen", "unseen", "failed"]]:
    """Send a mutation that changes several runs, read back on which it shows, and note that.

    It is sent once. What reading back shows is what counts, whatever the answer was.

    Args:
        results: Where it is noted.
        run_ids: The runs.
        mutation: The mutation.
        change: What it changes of how many runs, without values: `of 'me/digits': deleted`.
        look: Reads back which runs show the change.
        settle: Awaits what the answer has begun, and returns what went wrong, if anything.
        pauses: Seconds until it is looked again for a change that should be seen.

    Returns:
        `"seen"` where a run shows it; `"unseen"` where none does, of which the server refused what
            it was asked, or said nothing; `"failed"` where that is not known.

    Raises:
        UnsupportedByServerError: The server lacks the mutation; nothing was changed.
    """
    seen: Collection[str] | None = None
    error: WandbRunsError | None = None

    def is_done() -> Flow[bool]:
        nonlocal seen
        seen = yield from _look_for_all(run_ids, look, pauses)
        return len(seen) == len(run_ids)

    try:
        answer = yield from send_change(
            mutation, _counted(len(run_ids), change), is_done, logs=False
        )
        if answer is not None:
            told = yield from settle(answer)
            if told is not None:
                error = BadResponseError(told, status=200)
            seen = yield from _look_for_all(run_ids, look, () if told else pauses)
    except UnsupportedByServerError:
        raise
    except WandbRunsError as failure:
        error = failure
        if seen is None and not _is_unsent(error):  # an error may come beside what was done
            with suppress(WandbRunsError):
                seen = yield from look(run_ids)
    seen = seen or ()
    left = [each for each in run_ids if each not in seen]
    results.note_done(seen)
    if seen:
        log_change(_counted(len(seen), change))
    problem = (error or _unseen()) if left else None
    if problem is not None:
        results.note_failed(left, problem)
    results.count(problem)
    if seen:
        return "seen"
    return "unseen" if error is None or isinstance(error, GraphQLError) else "failed"


def _counted(count: int, change: str) -> str:
    return f"{count} {'run' if count == 1 else 'runs'} {change}"


def change_each(
    results: ChangeResults,
    run_ids: Sequence[str],
    change: Callable[[str], Flow[object]],
    look: Look,
    *,
    trusts_answers: bool = False,
) -> Flow[None]:
    """Change runs one by one, several at once, read back on which it shows, and note that.

    Args:
        results: Where it is noted.
        run_ids: The runs.
        change: Changes one run.
        look: Reads back which runs show the change.
        trusts_answers: Whether it only looks for those that failed.
    """
    for part in divided(run_ids, PART):
        ended = yield from gather(
            [_change_one(results, each, change) for each in part],
            lambda one: results.note_done(
                [one.run_id] if one.is_sent and one.error is None else []
            ),
        )
        sent = [each for each in ended if each.is_sent]
        said = {each.run_id for each in sent if each.error is None}
        unsure = [each.run_id for each in sent if not (trusts_answers and each.run_id in said)]
        try:
            seen = said.difference(unsure).union((yield from look(unsure)))
        except WandbRunsError:  # what the answers said has to do
            seen = said
        results.note_done(seen)
        for each in sent:
            if each.run_id not in seen:
                results.note_failed([each.run_id], each.error or _unseen())


class _One(NamedTuple):
    """How the change of one run ended.

    Attributes:
        run_id: The run's id.
        is_sent: Whether anything of it was sent.
        error: How it failed, if it did.
    """

    run_id: str
    is_sent: bool = True
    error: WandbRunsError | None = None


def _change_one(
    results: ChangeResults, run_id: str, change: Callable[[str], Flow[object]]
) -> Flow[_One]:
    if results.is_stopped:
        return _One(run_id, is_sent=False)
    try:
        yield from change(run_id)
    except WandbRunsError as error:
        results.count(error)
        return _One(run_id, error=error)
    results.count(None)
    return _One(run_id)


def _look_for_all(
    run_ids: Sequence[str], look: Look, pauses: Sequence[float]
) -> Flow[Collection[str]]:
    seen = yield from look(run_ids)
    for seconds in pauses:
        if len(seen) == len(run_ids):
            break
        yield from pause(seconds)
        seen = yield from look(run_ids)
    return seen


def _is_unsent(error: WandbRunsError) -> bool:
    return isinstance(error, ConnectionFailedError) and not error.may_have_arrived


def _unseen() -> BadResponseError:
    """The error for a change that the server says it did, and that reading back does not show."""
    return BadResponseError(
        "the server answered that it was done, and reading back does not show it; look again "
        "later, another program may have changed it meanwhile",
        status=200,
    )
