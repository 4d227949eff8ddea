"""`BulkChanges`: what `Runs` does to all of its runs."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Literal, overload

from wandb_runs.errors.warnings import warn
from wandb_runs.runs.changes.arguments import UNCHANGED, check_flag, plan_update
from wandb_runs.runs.changes.bulk_base import BulkCall
from wandb_runs.runs.changes.bulk_delete import plan_delete
from wandb_runs.runs.changes.bulk_move import plan_move
from wandb_runs.runs.changes.bulk_update import BulkUpdate
from wandb_runs.runs.runs_base import RunsBase, RunT_co
from wandb_runs.runs.sweep import Sweeps
from wandb_runs.transport import RetryingClient

if TYPE_CHECKING:
    from wandb_runs.errors import ChangeOutcome
    from wandb_runs.frames.table import TableRow
    from wandb_runs.runs.changes.arguments import Unchanged
    from wandb_runs.runs.changes.bulk_base import BulkChange, Prepared
    from wandb_runs.runs.changes.values import NewValues

__all__ = ["BulkChanges", "apply_change"]


class BulkChanges(RunsBase[RetryingClient, Sweeps, RunT_co]):
    """What `Runs` does to all of its runs."""

    @abstractmethod
    def _list_to(self, count: int | None, *, goes_on: bool = False) -> list[RunT_co]:
        """List so many runs, or all for None."""

    @overload
    def update(
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
    def update(
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
    def update(
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
    def update(
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
        """Change all runs of this listing: what is given, and nothing else.

        First all runs are listed, unless they were before. Tags that are added and removed go to
        the server in one request for 100 runs, where it has W&B's mutation for that. All else is
        done run by run as `run.update` does it, `max_concurrency` at once. What is done already is
        not sent. Each change is read back.

        Where some runs could not be changed, or Ctrl-C came, the same call goes on with the rest.
        The runs of this listing stay as they were read: make a new one to see the change.

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

        >>> from wandb_runs import Api
        >>> from wandb_runs.testing import LocalServer, log_run
        >>> with LocalServer() as server, Api(base_url=server.url, api_key="any") as api:
        ...     for name in ("r1", "r2"):
        ...         log_run(server, "me", "digits", name, config={"lr": 0.1}, tags=["new"])
        ...     runs = api.runs("me/digits")
        ...     runs.update(dry_run=True, config={"lr": 0.2})[0]["after.config.lr"]
        ...     runs.update(expect=2, add_tags=["seen"], config={"lr": 0.2}).done
        ...     [(run.tags, run.config["lr"]) for run in api.runs("me/digits")]
        0.2
        ('r1', 'r2')
        [(['new', 'seen'], 0.2), (['new', 'seen'], 0.2)]
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
        return self._change(change, expect, dry_run=dry_run)

    @overload
    def delete(
        self, *, expect: int, delete_artifacts: bool = False, dry_run: Literal[False] = False
    ) -> ChangeOutcome: ...
    @overload
    def delete(
        self, *, expect: int | None = None, delete_artifacts: bool = False, dry_run: Literal[True]
    ) -> list[TableRow]: ...
    @overload
    def delete(
        self, *, expect: int, delete_artifacts: bool = False, dry_run: bool
    ) -> ChangeOutcome | list[TableRow]: ...
    def delete(
        self, *, expect: int | None = None, delete_artifacts: bool = False, dry_run: bool = False
    ) -> ChangeOutcome | list[TableRow]:
        """Delete all runs of this listing.

        First all runs are listed, unless they were before: what is deleted are the runs of those
        ids, and no other. W&B's deletion of many runs is asked for 100 at a time; where the server
        lacks it, runs are deleted one by one, `max_concurrency` at once. After each request it is
        read back which runs are still there. Runs that are gone already are done. Programs that
        are still logging lose their runs, as in W&B's App.

        Where some runs could not be deleted, or Ctrl-C came, the same call on the same `Runs` goes
        on with the rest. The listing keeps what it has read: make a new one to see what is left.

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

        >>> from wandb_runs import Api
        >>> from wandb_runs.testing import LocalServer, log_run
        >>> with LocalServer() as server, Api(base_url=server.url, api_key="any") as api:
        ...     for name in ("r1", "r2", "r3"):
        ...         log_run(server, "me", "digits", name, tags=["debug"] if name != "r2" else [])
        ...     debug = api.runs("me/digits", {"tags": "debug"})
        ...     [row["id"] for row in debug.delete(dry_run=True)]
        ...     debug.delete(expect=2).done
        ...     [run.id for run in api.runs("me/digits")]
        ['r1', 'r3']
        ('r1', 'r3')
        ['r2']
        """
        return self._change(plan_delete(delete_artifacts), expect, dry_run=dry_run)

    @overload
    def move(
        self,
        to: str,
        *,
        expect: int,
        wait: float = 600.0,
        force: bool = False,
        dry_run: Literal[False] = False,
    ) -> ChangeOutcome: ...
    @overload
    def move(
        self,
        to: str,
        *,
        expect: int | None = None,
        wait: float = 600.0,
        force: bool = False,
        dry_run: Literal[True],
    ) -> list[TableRow]: ...
    @overload
    def move(
        self,
        to: str,
        *,
        expect: int,
        wait: float = 600.0,
        force: bool = False,
        dry_run: bool,
    ) -> ChangeOutcome | list[TableRow]: ...
    def move(
        self,
        to: str,
        *,
        expect: int | None = None,
        wait: float = 600.0,
        force: bool = False,
        dry_run: bool = False,
    ) -> ChangeOutcome | list[TableRow]:
        """Move all runs of this listing to another project, where they keep their ids.

        First all runs are listed, unless they were before. W&B moves them 100 at a time, in a task
        that it is asked about until it ends; then both projects are read: a run is done that is in
        the new one, and no longer in the old one. Where the project does not exist, W&B would take
        the runs away and put them nowhere, so that it is looked for first.

        Where some runs could not be moved, or Ctrl-C came, the same call on the same `Runs` goes on
        with the rest.

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

        >>> from wandb_runs import Api
        >>> from wandb_runs.testing import LocalServer, log_run
        >>> with LocalServer() as server, Api(base_url=server.url, api_key="any") as api:
        ...     log_run(server, "me", "drafts", "r1", config={"lr": 0.1})
        ...     log_run(server, "me", "kept", "r2")
        ...     api.runs("me/drafts").move("me/kept", expect=1).done
        ...     [run.id for run in api.runs("me/kept")], api.run("me/kept/r1").config["lr"]
        ('r1',)
        (['r1', 'r2'], 0.1)
        """
        return self._change(plan_move(to, wait=wait, force=force), expect, dry_run=dry_run)

    def _change(
        self, change: BulkChange, expect: int | None, *, dry_run: bool
    ) -> ChangeOutcome | list[TableRow]:
        call = BulkCall(change, expect, dry_run=dry_run)
        call.check_allowed(self._client)
        run_ids = [run.id for run in self._list_to(None)]
        prepared = self._client.run(call.prepare(self._fetch_entity(), self.project, run_ids))
        for warning in prepared.warnings:
            warn(warning)
        if call.is_dry_run:
            return change.preview(prepared)
        return apply_change(self._client, call, prepared)


def apply_change(client: RetryingClient, call: BulkCall, prepared: Prepared) -> ChangeOutcome:
    """Send a change that is prepared, and return which runs are done.

    Raises:
        ChangesError: Some are not.
    """
    with call.results.told_on_interrupt():
        client.run(call.apply(prepared))
    return call.results.finish()
