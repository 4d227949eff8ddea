"""Flows of a run's state: asking its program to stop, setting it, waiting for its end, deleting."""

from __future__ import annotations

import math
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, TypeAlias, get_args

from wandb_runs.errors import (
    BadResponseError,
    InvalidArgumentError,
    RequestTimeoutError,
    WandbRunsError,
)
from wandb_runs.errors.suggest import describe
from wandb_runs.graphql._generated import delete_run, get_run_state, stop_run, update_run_state
from wandb_runs.graphql.flow import ask, pause
from wandb_runs.query.location import missing_run
from wandb_runs.runs.changes.arguments import check_word
from wandb_runs.runs.changes.send import may_have_been_done, send_change

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wandb_runs.graphql.flow import Flow

__all__ = [
    "NewState",
    "Wait",
    "ask_to_stop",
    "check_state",
    "delete_one",
    "plan_wait",
    "set_state",
    "wait_for_end",
]

NewState: TypeAlias = Literal["pending", "failed"]
"""A state that `update_state` can set."""

_FROM: Final[Mapping[NewState, tuple[str, ...]]] = {
    "pending": ("running", "failed", "crashed", "preempted"),
    "failed": ("pending", "running"),
}
"""The states from which each can be set, as W&B has it."""

_UNFINISHED: Final = frozenset({"running", "pending", "preempting"})
"""The states after which others come by themselves; words that W&B may add end the waiting."""

Where: TypeAlias = tuple[str, str, str]


class _Found(NamedTuple):
    """What a run is now."""

    state: str
    storage_id: str
    sweep: str | None


class Wait(NamedTuple):
    """Arguments of `wait_until_finished`, as they were checked.

    Attributes:
        timeout: Seconds, or infinity.
        poll: Seconds between two requests.
    """

    timeout: float
    poll: float


def check_state(state: object) -> None:
    """Check a state that a run is to have.

    Raises:
        InvalidArgumentError: None that can be set.

    >>> check_state("fail")
    Traceback (most recent call last):
    wandb_runs.errors.InvalidArgumentError: unknown state 'fail'; did you mean 'failed'?
    """
    check_word("state", state, get_args(NewState))


def plan_wait(timeout: object, poll: object) -> Wait:
    """Check the arguments of `wait_until_finished`.

    Raises:
        InvalidArgumentError: They are no times to wait.

    >>> plan_wait(None, 0)
    Traceback (most recent call last):
    wandb_runs.errors.InvalidArgumentError: poll must be a number of seconds above 0, got int 0
    """
    seconds = math.inf if timeout is None else _seconds(timeout)
    if seconds is None or seconds < 0:
        raise InvalidArgumentError(
            f"timeout must be a number of seconds, or None, got {describe(timeout)}"
        )
    pause_of = _seconds(poll)
    if pause_of is None or not 0 < pause_of < math.inf:
        raise InvalidArgumentError(
            f"poll must be a number of seconds above 0, got {describe(poll)}"
        )
    return Wait(seconds, pause_of)


def _seconds(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or math.isnan(value):
        return None
    return value


def ask_to_stop(where: Where) -> Flow[None]:
    """Ask the program of a run to stop; of a run that has ended, nothing is asked.

    Raises:
        NotFoundError: The run is gone.
        WandbRunsError: The server did not take it, or its answer was lost.
    """
    found = yield from _find(where)
    if found.state not in _UNFINISHED:
        return
    path = "/".join(where)
    try:
        answer = yield from send_change(
            stop_run(storage_id=found.storage_id), f"run {path!r}: stop"
        )
    except WandbRunsError as error:
        if may_have_been_done(error):
            error.args = (
                f"{error.message}; whether the program was asked to stop is not known: asking "
                "again does no harm",
            )
        raise
    if answer is None or answer.stop_run is None or not answer.stop_run.success:
        raise _unconfirmed(f"that run {path!r} was asked to stop")


def set_state(where: Where, state: NewState) -> Flow[None]:
    """Set the state of a run.

    Raises:
        InvalidArgumentError: The run's present state does not allow for it, or a sweep started it;
            nothing was changed.
        NotFoundError: The run is gone.
    """
    found = yield from _find(where)
    path = "/".join(where)
    if found.state == state:
        return
    if found.sweep is not None:
        raise InvalidArgumentError(
            f"run {path!r} belongs to sweep {found.sweep!r}; W&B sets no state of runs of "
            "sweeps. Nothing was changed"
        )
    if found.state not in _FROM[state]:
        raise InvalidArgumentError(
            f"run {path!r} is {found.state}, and {state!r} can be set of runs that are "
            f"{' or '.join(_FROM[state])}. Nothing was changed"
        )
    mutation = update_run_state(input={"id": found.storage_id, "state": state})
    answer = yield from send_change(
        mutation, f"run {path!r}: state", partial(_is_in_state, where, state)
    )
    if answer is not None and not (answer.update_run_state and answer.update_run_state.success):
        raise _unconfirmed(f"that run {path!r} is {state}")


def wait_for_end(where: Where, wait: Wait) -> Flow[str]:
    """Ask for the state of a run until it is a final one, and return that.

    Raises:
        NotFoundError: The run is gone.
        RequestTimeoutError: It has not ended in time.
    """
    now = began = yield from pause(0.0)
    attempts = 0
    while True:
        found = yield from _find(where)
        attempts += 1
        if found.state not in _UNFINISHED:
            return found.state
        left = began + wait.timeout - now
        if left <= 0:
            raise RequestTimeoutError(
                f"run {'/'.join(where)!r} is still {found.state} after {wait.timeout:g} s; wait "
                "longer (timeout=), or stop it (run.stop())",
                attempts=attempts,
            )
        now = yield from pause(min(wait.poll, left))


def delete_one(where: Where, *, with_artifacts: bool) -> Flow[None]:
    """Delete a run.

    Raises:
        NotFoundError: The run is gone.
    """
    found = yield from _find(where)
    mutation = delete_run(
        storage_id=found.storage_id, delete_artifacts=True if with_artifacts else None
    )
    yield from send_change(mutation, f"run {'/'.join(where)!r}: deleted", partial(_is_gone, where))


def _fetch(where: Where) -> Flow[_Found | None]:
    entity, project, run_id = where
    answer = yield from ask(get_run_state(entity=entity, project=project, id=run_id))
    run = answer.project.run if answer.project is not None else None
    if run is None:
        return None
    if run.state is None or run.storage_id is None:
        raise BadResponseError(
            f"the server's state or id of run {'/'.join(where)!r} is null", status=HTTPStatus.OK
        )
    return _Found(run.state, run.storage_id, run.sweep_name)


def _find(where: Where) -> Flow[_Found]:
    found = yield from _fetch(where)
    if found is None:
        raise missing_run(*where)
    return found


def _is_in_state(where: Where, state: str) -> Flow[bool]:
    found = yield from _fetch(where)
    return found is not None and found.state == state


def _is_gone(where: Where) -> Flow[bool]:
    return (yield from _fetch(where)) is None


def _unconfirmed(what: str) -> BadResponseError:
    return BadResponseError(
        f"the server does not say {what}, though it reports no error", status=HTTPStatus.OK
    )
