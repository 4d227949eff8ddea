"""States of sweeps: which may follow which, by the rule of W&B's SDK, and how one is set."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from wandb_runs.errors import BadResponseError, InvalidArgumentError
from wandb_runs.graphql._generated import update_sweep_state
from wandb_runs.runs.changes.send import send_change

if TYPE_CHECKING:
    from collections.abc import Callable

    from wandb_runs.graphql._generated import SweepFields
    from wandb_runs.graphql.flow import Flow
    from wandb_runs.transport.client_base import Client
    from wandb_runs.transport.session import SessionBase

__all__ = ["CANCEL", "PAUSE", "RESUME", "STOP", "StateChange", "set_state"]


class StateChange(NamedTuple):
    """A method of sweeps that sets the state.

    Attributes:
        call: The method.
        done: What the sweep then is, for messages.
        state: The state, in W&B's word.
        possible: The states that it may be in; None for any.
    """

    call: Literal["pause", "resume", "stop", "cancel"]
    done: str
    state: str
    possible: tuple[str, ...] | None

    def check(self, path: str, state: str | None, when: str) -> None:
        """Check that a sweep in a state can be changed so.

        Raises:
            InvalidArgumentError: It cannot.
        """
        if state is None or self.possible is None or state.upper() in self.possible:
            return
        raise InvalidArgumentError(
            f"sweep {path!r} {when} {state.upper()}, and cannot be {self.done}: only one that is "
            f"{' or '.join(self.possible)} can; api.sweep({path!r}) reads it again. Nothing was "
            "changed"
        )


_UNFINISHED: Final = ("RUNNING", "PAUSED", "PENDING")

PAUSE: Final = StateChange("pause", "paused", "PAUSED", ("RUNNING", "PAUSED"))
RESUME: Final = StateChange("resume", "resumed", "RUNNING", None)
STOP: Final = StateChange("stop", "stopped", "FINISHED", _UNFINISHED)
CANCEL: Final = StateChange("cancel", "canceled", "CANCELED", _UNFINISHED)


def set_state(
    client: Client[SessionBase],
    path: str,
    held: SweepFields,
    change: StateChange,
    read: Callable[[], Flow[SweepFields]],
) -> Flow[SweepFields]:
    """Set the state of a sweep, and read it.

    The state is looked at as it was read, then as it is now, so that a sweep that another program
    has ended is not begun again. A sweep that has the state already is left as it is.

    Args:
        client: The client.
        path: The sweep's path, for messages.
        held: The sweep as it was read.
        change: How to change it.
        read: Reads it anew.

    Raises:
        ReadOnlyError: The client may only read; nothing was sent.
        InvalidArgumentError: The state does not allow it.
    """
    client.check_may_change(f"sweep.{change.call}")
    change.check(path, held.state, "was, when it was read,")
    now = yield from read()
    change.check(path, now.state, "is")
    if now.state is not None and now.state.upper() == change.state:
        return now
    if now.storage_id is None:
        if client.server.lacks("Sweep.id"):
            raise client.server.unsupported(f"sweep.{change.call}()", ("Sweep.id",))
        raise BadResponseError(
            f"the server does not tell the storage id of sweep {path!r}, so that it cannot be "
            f"{change.done}; try again",
            status=200,
        )

    def is_done() -> Flow[bool]:
        return (yield from read()).state == change.state

    yield from send_change(
        update_sweep_state(storage_id=now.storage_id, state=change.state),
        f"sweep {path!r}: {change.done}",
        is_done,
    )
    return (yield from read())
