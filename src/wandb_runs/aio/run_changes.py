"""`AsyncRunChanges`: what changes a run, and its state, awaited."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from wandb_runs.aio.sweep import AsyncSweeps
from wandb_runs.runs.changes.arguments import UNCHANGED, check_flag, plan_update
from wandb_runs.runs.changes.run_changes_base import RunChangesBase
from wandb_runs.runs.changes.state import (
    ask_to_stop,
    check_state,
    delete_one,
    plan_wait,
)
from wandb_runs.runs.run_base import CHANGED_BY, ConfigT_co, RunContext, SummaryT_co
from wandb_runs.transport import AsyncRetryingClient

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Self

    from wandb_runs.runs.changes.arguments import Unchanged
    from wandb_runs.runs.changes.state import NewState
    from wandb_runs.runs.changes.values import NewValues

__all__ = ["AsyncRunChanges"]


class AsyncRunChanges(
    RunChangesBase[RunContext[AsyncRetryingClient, AsyncSweeps], ConfigT_co, SummaryT_co]
):
    """What `AsyncRun` changes on the server."""

    __slots__ = ()

    _instead: ClassVar[Mapping[str, str]] = {
        name: f"await {call}" for name, call in CHANGED_BY.items()
    }

    async def update(
        self,
        *,
        name: str | Unchanged | None = UNCHANGED,
        notes: str | Unchanged | None = UNCHANGED,
        tags: list[str] | tuple[str, ...] | Unchanged | None = UNCHANGED,
        add_tags: list[str] | tuple[str, ...] = (),
        remove_tags: list[str] | tuple[str, ...] = (),
        group: str | Unchanged | None = UNCHANGED,
        job_type: str | Unchanged | None = UNCHANGED,
        config: NewValues | Unchanged = UNCHANGED,
        summary: NewValues | Unchanged = UNCHANGED,
        unset_config: list[str] | tuple[str, ...] = (),
        unset_summary: list[str] | tuple[str, ...] = (),
        force: bool = False,
    ) -> Self:
        """Change the run on the server: what is given, and nothing else.

        Other programs that change other fields meanwhile lose nothing. Config and summary are read
        as they are now, changed, written as a whole, which is how W&B stores them, and read back:
        a change that another program's write has taken away is written again, up to five times.
        Within one document, a key of another program's can be lost that it wrote between the
        reading and the writing. Sends three requests, and one more to add or remove tags.

        Args:
            name: The human name. None clears it; so with `notes`, `group` and `job_type`.
            notes: Free text, in Markdown.
            tags: All tags of the run, in place of those that it has; None clears them.
            add_tags: Tags to add; others that are added meanwhile stay.
            remove_tags: Tags to remove, likewise.
            group: The group.
            job_type: The job type.
            config: Values to set, by key. `model.depth` is a value inside `model`, where there is
                no key of that name. NaN and infinities are stored as W&B's SDK stores them.
            summary: Values to set, likewise.
            unset_config: Keys to remove.
            unset_summary: Keys to remove.
            force: Whether to change a run whose program still logs, and may overwrite the change.

        Returns:
            The run itself, which is now as it is on the server.

        Raises:
            InvalidArgumentError: An argument that cannot be right; nothing was sent. Or the run
                is still logging; nothing was changed.
            RunValidationError: Config or summary would not fit the type that the listing was
                given; nothing was changed.
            NotFoundError: The run is gone.
            PermissionDeniedError: The API key may only read.
            ReadOnlyError: The `Api` may only read; nothing was sent.
            UpdateConflictError: Other programs overwrote the change, again and again.
        """
        self._context.client.check_may_change("run.update")
        update = plan_update(
            "run.update",
            name=name,
            notes=notes,
            tags=tags,
            add_tags=add_tags,
            remove_tags=remove_tags,
            group=group,
            job_type=job_type,
            config=config,
            summary=summary,
            unset_config=unset_config,
            unset_summary=unset_summary,
        )
        force = check_flag("force", force)
        await self._context.client.run(self._fetch_updated(update, force=force))
        return self

    async def stop(self) -> None:
        """Ask the run's program to stop, as the button of W&B's App does.

        The program learns of it with its next heartbeat, and ends by itself;
        `wait_until_finished` waits for that. Of a run that has ended, nothing is asked. Sends two
        requests.

        Raises:
            NotFoundError: The run is gone.
            PermissionDeniedError: The API key may only read.
            ReadOnlyError: The `Api` may only read; nothing was sent.
        """
        self._context.client.check_may_change("run.stop")
        await self._context.client.run(ask_to_stop(self._where))

    async def update_state(self, state: NewState) -> Self:
        """Set the state of a run: to be run again, or failed since its program is lost.

        Args:
            state: `"pending"`, of a run that is running, failed, crashed or preempted; `"failed"`,
                of one that is pending or running. A run that has the state already keeps it.

        Returns:
            The run itself, which is now as it is on the server.

        Raises:
            InvalidArgumentError: No such state, and nothing was sent; or the run's present state
                does not allow for it, or a sweep started it, and nothing was changed.
            NotFoundError: The run is gone.
            PermissionDeniedError: The API key may only read.
            ReadOnlyError: The `Api` may only read; nothing was sent.
        """
        self._context.client.check_may_change("run.update_state")
        check_state(state)
        await self._context.client.run(self._fetch_in_state(state))
        return self

    async def wait_until_finished(
        self,
        timeout: float | None = None,  # noqa: ASYNC109 - by the clock of the `AsyncApi`
        poll: float = 5.0,
    ) -> Self:
        """Wait until the run has ended, in whatever way, as the `Api`'s clock has it.

        Running, pending and preempting runs go on; finished, failed, crashed, killed and preempted
        ones have ended. Changes nothing: an `Api` that may only read can wait.

        Args:
            timeout: Seconds; None to wait without end.
            poll: Seconds between two requests.

        Returns:
            The run itself, which is now as it is on the server; `state` says how it ended.

        Raises:
            InvalidArgumentError: An argument that cannot be right; nothing was sent.
            NotFoundError: The run is gone.
            RequestTimeoutError: It has not ended in time; it is a `TimeoutError`, too.
        """
        wait = plan_wait(timeout, poll)
        await self._context.client.run(self._fetch_ended(wait))
        return self

    async def delete(self, delete_artifacts: bool = False) -> None:
        """Delete the run, and whatever it logged.

        Sends two requests. What was read of the run can still be read of this object.

        Args:
            delete_artifacts: Whether the artifacts that it made are deleted, too.

        Raises:
            InvalidArgumentError: An argument that cannot be right; nothing was sent.
            NotFoundError: The run is gone already.
            PermissionDeniedError: The API key may only read.
            ReadOnlyError: The `Api` may only read; nothing was sent.
        """
        self._context.client.check_may_change("run.delete")
        with_artifacts = check_flag("delete_artifacts", delete_artifacts)
        await self._context.client.run(delete_one(self._where, with_artifacts=with_artifacts))
