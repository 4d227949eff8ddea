"""`AsyncRunChanges`: what changes a run, and its state, awaited."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wandb_runs.aio.sweep import AsyncSweeps
from wandb_runs.runs.changes.arguments import UNCHANGED, check_flag, plan_update
from wandb_runs.runs.changes.run_changes_base import RunChangesBase
from wandb_runs.runs.run_base import ConfigT_co, RunContext, SummaryT_co
from wandb_runs.transport import AsyncRetryingClient

if TYPE_CHECKING:
    from typing import Self

    from wandb_runs.runs.changes.arguments import Unchanged
    from wandb_runs.runs.changes.values import NewValues

__all__ = ["AsyncRunChanges"]


class AsyncRunChanges(
    RunChangesBase[RunContext[AsyncRetryingClient, AsyncSweeps], ConfigT_co, SummaryT_co]
):
    """What `AsyncRun` changes on the server."""

    __slots__ = ()

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
