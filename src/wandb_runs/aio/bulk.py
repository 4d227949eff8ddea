"""`AsyncBulkChanges`: what `AsyncRuns` does to all of its runs."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Literal, overload

from wandb_runs.aio.sweep import AsyncSweeps
from wandb_runs.errors.warnings import warn
from wandb_runs.runs.changes.arguments import UNCHANGED, check_flag, plan_update
from wandb_runs.runs.changes.bulk_base import BulkCall
from wandb_runs.runs.changes.bulk_delete import plan_delete
from wandb_runs.runs.changes.bulk_move import plan_move
from wandb_runs.runs.changes.bulk_update import BulkUpdate
from wandb_runs.runs.runs_base import RunsBase, RunT_co
from wandb_runs.transport import AsyncRetryingClient

if TYPE_CHECKING:
    from wandb_runs.errors import ChangeOutcome
    from wandb_runs.frames.table import TableRow
    from wandb_runs.runs.changes.arguments import Unchanged
    from wandb_runs.runs.changes.bulk_base import BulkChange, Prepared
    from wandb_runs.runs.changes.values import NewValues

__all__ = ["AsyncBulkChanges", "apply_change"]


class AsyncBulkChanges(RunsBase[AsyncRetryingClient, AsyncSweeps, RunT_co]):
    """What `AsyncRuns` does to all of its runs."""

    @abstractmethod
    async def _list_to(self, count: int | None, *, goes_on: bool = False) -> list[RunT_co]:
        """List so many runs, or all for None."""

    @overload
    async def update(
        self,
        *,
        expect: int,
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
        dry_run: Literal[False] = False,
    ) -> ChangeOutcome: ...
    @overload
    async def update(
        self,
        *,
        expect: int | None = None,
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
        dry_run: Literal[True],
    ) -> list[TableRow]: ...
    @overload
    async def update(
        self,
        *,
        expect: int,
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
        dry_run: bool,
    ) -> ChangeOutcome | list[TableRow]: ...
    async def update(
        self,
        *,
        expect: int | None = None,
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
        dry_run: bool = False,
    ) -> ChangeOutcome | list[TableRow]:
        """Change all runs of this listing: what is given, and nothing else; as `Runs.update`.

        Args:
            expect: How many runs there are to change; not needed for `dry_run=True`.
            tags: All tags of each run, in place of those that it has; None clears them.
            add_tags: Tags to add; others that are added meanwhile stay.
            remove_tags: Tags to remove, likewise.
            group: The group; None clears it.
            job_type: The job type, likewise.
            config: Values to set, by key. `model.depth` is a value inside `model`, where there is
                no key of that name.
            summary: Values to set, likewise.
            unset_config: Keys to remove.
            unset_summary: Keys to remove.
            force: Whether to change runs whose programs still log, too, and may overwrite it.
            dry_run: Whether to change nothing, and return what would be changed.

        Returns:
            Which runs are done, which are all; or a row for each run, with `id`, `name`, `state`,
            `created_at`, and `before.` and `after.` for each thing that changes:
            `before.config.lr`. What there is not is None.

        Raises:
            InvalidArgumentError: `expect` is not how many there are, or a run is still logging;
                nothing was changed. Or another argument that cannot be right; nothing was sent.
            ReadOnlyError: The `Api` may only read; nothing was sent.
            ChangesError: Some runs could not be changed; its `outcome` tells which.
            NotFoundError: No such project, or the key may not see it.
        """
        client, query = self._client, self._query
        update = plan_update(
            "runs.update",
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
        change = BulkUpdate(
            update, check_flag("force", force), client.server, query.models, query.keys
        )
        return await self._change(change, expect, dry_run=dry_run)

    @overload
    async def delete(
        self, *, expect: int, delete_artifacts: bool = False, dry_run: Literal[False] = False
    ) -> ChangeOutcome: ...
    @overload
    async def delete(
        self, *, expect: int | None = None, delete_artifacts: bool = False, dry_run: Literal[True]
    ) -> list[TableRow]: ...
    @overload
    async def delete(
        self, *, expect: int, delete_artifacts: bool = False, dry_run: bool
    ) -> ChangeOutcome | list[TableRow]: ...
    async def delete(
        self, *, expect: int | None = None, delete_artifacts: bool = False, dry_run: bool = False
    ) -> ChangeOutcome | list[TableRow]:
        """Delete all runs of this listing; as `Runs.delete`.

        Args:
            expect: How many runs there are to delete; not needed for `dry_run=True`.
            delete_artifacts: Whether to delete the artifacts that they logged, too.
            dry_run: Whether to change nothing, and return what would be deleted.

        Returns:
            Which runs are done, which are all; or a row for each run that would be deleted, with
            `id`, `name`, `state` and `created_at`.

        Raises:
            InvalidArgumentError: `expect` is not how many there are; nothing was deleted.
            ReadOnlyError: The `Api` may only read; nothing was sent.
            ChangesError: Some runs could not be deleted; its `outcome` tells which.
            NotFoundError: No such project, or the key may not see it.
        """
        return await self._change(plan_delete(delete_artifacts), expect, dry_run=dry_run)

    @overload
    async def move(
        self,
        to: str,
        *,
        expect: int,
        wait: float = 600.0,
        force: bool = False,
        dry_run: Literal[False] = False,
    ) -> ChangeOutcome: ...
    @overload
    async def move(
        self,
        to: str,
        *,
        expect: int | None = None,
        wait: float = 600.0,
        force: bool = False,
        dry_run: Literal[True],
    ) -> list[TableRow]: ...
    @overload
    async def move(
        self,
        to: str,
        *,
        expect: int,
        wait: float = 600.0,
        force: bool = False,
        dry_run: bool,
    ) -> ChangeOutcome | list[TableRow]: ...
    async def move(
        self,
        to: str,
        *,
        expect: int | None = None,
        wait: float = 600.0,
        force: bool = False,
        dry_run: bool = False,
    ) -> ChangeOutcome | list[TableRow]:
        """Move all runs of this listing to another project; as `Runs.move`.

        Args:
            to: The project where they go: `entity/project`.
            expect: How many runs there are to move; not needed for `dry_run=True`.
            wait: How many seconds to wait at most until the server has moved 100 runs.
            force: Whether to move runs whose programs are still logging, too: what they log from
                then on does not follow them.
            dry_run: Whether to change nothing, and return what would be moved.

        Returns:
            Which runs are done, which are all; or a row for each run that would be moved, with
            `id`, `name`, `state`, `created_at` and `to`.

        Raises:
            InvalidArgumentError: `expect` is not how many there are, the new project has a run of
                the same id, or a run is still logging; nothing was moved.
            ReadOnlyError: The `Api` may only read; nothing was sent.
            UnsupportedByServerError: The server cannot move runs.
            ChangesError: Some runs could not be moved; its `outcome` tells which.
            NotFoundError: No such project, old or new, or the key may not see it.
        """
        return await self._change(plan_move(to, wait=wait, force=force), expect, dry_run=dry_run)

    async def _change(
        self, change: BulkChange, expect: int | None, *, dry_run: bool
    ) -> ChangeOutcome | list[TableRow]:
        call = BulkCall(change, expect, dry_run=dry_run)
        call.check_allowed(self._client)
        run_ids = [run.id for run in await self._list_to(None)]
        prepared = await self._client.run(call.prepare(self._fetch_entity(), self.project, run_ids))
        for warning in prepared.warnings:
            warn(warning)
        if call.is_dry_run:
            return change.preview(prepared)
        return await apply_change(self._client, call, prepared)


async def apply_change(
    client: AsyncRetryingClient, call: BulkCall, prepared: Prepared
) -> ChangeOutcome:
    """Send a change that is prepared, and return which runs are done.

    Raises:
        ChangesError: Some are not.
    """
    with call.results.told_on_interrupt():
        await client.run(call.apply(prepared))
    return call.results.finish()
