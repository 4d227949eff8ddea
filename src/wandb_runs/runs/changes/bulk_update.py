"""Updating runs: tags by one request for many of them, all else one by one."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, ClassVar, Final

from typing_extensions import override

from wandb_runs.errors import BadResponseError, UnsupportedByServerError
from wandb_runs.errors.text import FieldsRepr
from wandb_runs.graphql._generated import modify_runs
from wandb_runs.graphql.flow import gather
from wandb_runs.graphql.nested import outer_keys
from wandb_runs.query.location import missing_run
from wandb_runs.runs.changes.bulk_base import BulkChange, Prepared, refuse_logging
from wandb_runs.runs.changes.bulk_read import divided, read_runs
from wandb_runs.runs.changes.bulk_send import PART, change_each, change_part
from wandb_runs.runs.changes.removals import unknown_removals
from wandb_runs.runs.changes.run_changes_base import check_document
from wandb_runs.runs.changes.update import Target, check_readable, fetch_updated, is_updated, shows

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from wandb_runs.errors import WandbRunsWarning
    from wandb_runs.frames.table import TableRow
    from wandb_runs.graphql._generated import ModifyRuns, RunFields
    from wandb_runs.graphql.flow import Flow
    from wandb_runs.graphql.scalars import JSONValue
    from wandb_runs.query.keys import KeySelection
    from wandb_runs.runs.changes.arguments import Update
    from wandb_runs.runs.changes.bulk_results import ChangeResults, Selected
    from wandb_runs.runs.changes.documents import DocumentChange
    from wandb_runs.runs.models import Models
    from wandb_runs.transport.server import KnownServer

__all__ = ["BulkUpdate"]

_EXAMPLES: Final = 10
"""Of how many runs the names are suggested in place of those that no run has."""


@dataclass(frozen=True, slots=True, repr=False)
class BulkUpdate(FieldsRepr, BulkChange):
    """`runs.update`.

    Attributes:
        update: What changes.
        force: Whether to change runs whose programs are logging.
        server: What is known of the server.
        models: The types that configs and summaries are validated as.
        keys: The keys of config and summary that these types are of.
    """

    call: ClassVar[str] = "runs.update"

    update: Update
    force: bool
    server: KnownServer
    models: Models
    keys: KeySelection

    @override
    def prepare(self, selected: Selected) -> Flow[Prepared]:
        runs = yield from read_runs(
            *selected,
            config_keys=_top_keys(self.update.config),
            summary_keys=_top_keys(self.update.summary),
        )
        check_readable(self.server, self.update, force=self.force)
        if not self.force:
            refuse_logging(
                self.call,
                runs.values(),
                "their programs send their own values with each change, and would overwrite these",
            )
        return Prepared(
            runs,
            missing=tuple(each for each in selected.run_ids if each not in runs),
            warnings=(yield from self._find_unknown(selected, [*runs.values()])),
        )

    def _find_unknown(
        self, selected: Selected, runs: Sequence[RunFields]
    ) -> Flow[tuple[WandbRunsWarning, ...]]:
        if not any(True for _ in unknown_removals(self.update, runs)):
            return ()
        ids = selected.run_ids[:_EXAMPLES]
        whole = yield from read_runs(
            selected.entity, selected.project, ids, config_keys=None, summary_keys=None
        )
        return tuple(unknown_removals(self.update, runs, [*whole.values()]))

    @override
    def cells(self, run: RunFields) -> TableRow:
        update = self.update
        before: dict[str, JSONValue] = {}
        after: dict[str, JSONValue] = {}
        held = {"name": run.name, "notes": run.notes, "group": run.group, "job_type": run.job_type}
        for name, text in update.texts.items():
            before[name], after[name] = held[name], text or None
        if "tags" in update.names:
            tags = _tags_of(run)
            new = update.tags_of(tags) if update.tags is None else update.tags
            before["tags"], after["tags"] = [*tags], [*new]
        for each in update.documents:
            stored = run.config if each.part == "config" else run.summary_metrics
            before |= each.present_in(stored)
            after |= each.wanted
        return {
            cell: value
            for name in update.names
            for cell, value in (
                (f"before.{name}", before.get(name)),
                (f"after.{name}", after.get(name)),
            )
        }

    @override
    def apply(self, results: ChangeResults, prepared: Prepared) -> Flow[None]:
        selected, update, runs = results.selected, self.update, prepared.runs
        for run_id in prepared.missing:
            results.note_failed([run_id], missing_run(selected.entity, selected.project, run_id))
        results.note_done([each for each in runs if self._shows(selected, runs[each])])
        if update.names == ["tags"] and update.tags is None:
            yield from self._change_tags(results, runs)
        if not results.is_stopped:
            yield from change_each(
                results,
                results.waiting,
                lambda run_id: fetch_updated(
                    self._target(selected, run_id), update, force=self.force
                ),
                partial(self._find_updated, selected),
                trusts_answers=True,  # each was read back
            )

    def _change_tags(self, results: ChangeResults, runs: Mapping[str, RunFields]) -> Flow[None]:
        """Add and remove tags in few requests; those that are left are to be done one by one.

        W&B's schema does not say which kind of id it wants. The first one of which a run shows the
        change is the one; where none does, the rest is left.
        """
        entity, project, _ = selected = results.selected
        add, remove = self.update.add_tags, self.update.remove_tags
        kinds: list[dict[str, str | None]] = [
            {each: each for each in runs},
            {each: runs[each].storage_id for each in runs},
        ]
        for part in divided(results.waiting, PART):
            for kind in [*kinds]:
                ids = [named for each in part if (named := kind[each]) is not None]
                if results.is_stopped:
                    return
                if self.server.lacks("Mutation.modifyRuns"):
                    return
                mutation = modify_runs(
                    entity=entity,
                    project=project,
                    ids=ids,
                    add_tags=add or None,
                    remove_tags=remove or None,
                )
                what = f"of {selected.path!r}: tags"
                try:
                    seen = yield from change_part(
                        results,
                        part,
                        mutation,
                        what,
                        partial(self._find_tagged, selected),
                        settle=_expect_nothing,
                    )
                except UnsupportedByServerError:
                    return
                if seen != "unseen":
                    kinds = [kind] if seen == "seen" else kinds
                    break
                results.take_back(part)
            else:
                return

    def _shows(self, selected: Selected, run: RunFields) -> bool:
        """Whether a run is as it is to be; false where that cannot be read."""
        try:
            return shows(self._target(selected, run.id), self.update, run)
        except BadResponseError:
            return False

    def _has_tags(self, run: RunFields) -> bool:
        tags = _tags_of(run)
        return self.update.tags_of(tags) == tags

    def _find_tagged(self, selected: Selected, run_ids: Sequence[str]) -> Flow[Collection[str]]:
        runs = yield from read_runs(selected.entity, selected.project, run_ids)
        return {each for each in runs if self._has_tags(runs[each])}

    def _find_updated(self, selected: Selected, run_ids: Sequence[str]) -> Flow[Collection[str]]:
        done = yield from gather(
            [is_updated(self._target(selected, each), self.update) for each in run_ids]
        )
        return {run_id for run_id, is_done in zip(run_ids, done, strict=True) if is_done}

    def _target(self, selected: Selected, run_id: str) -> Target:
        where = selected.entity, selected.project, run_id
        check = partial(check_document, self.models, self.keys, "/".join(where))
        return Target(where, self.server, check)


def _top_keys(change: DocumentChange | None) -> tuple[str, ...]:
    """The names at the top of a document that a change is of."""
    return () if change is None else outer_keys((*change.values, *change.unset)) or ()


def _tags_of(run: RunFields) -> list[str]:
    return [tag for tag in run.tags or () if tag is not None]


def _expect_nothing(_answer: ModifyRuns) -> Flow[str | None]:
    yield from ()
    return None
