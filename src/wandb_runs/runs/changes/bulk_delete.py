"""Deleting runs, and taking that back."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from typing_extensions import override

from wandb_runs.errors import BadResponseError, UnsupportedByServerError
from wandb_runs.errors.text import FieldsRepr
from wandb_runs.graphql._generated import delete_run, delete_runs, undelete_runs
from wandb_runs.pagination.changes import name_filter
from wandb_runs.runs.changes.arguments import check_flag
from wandb_runs.runs.changes.bulk_base import BulkChange, Prepared
from wandb_runs.runs.changes.bulk_read import divided, read_runs
from wandb_runs.runs.changes.bulk_send import PART, change_each, change_part
from wandb_runs.runs.changes.send import send_change

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from wandb_runs.graphql._generated import DeleteRuns, RunFields, UndeleteRuns
    from wandb_runs.graphql.flow import Flow
    from wandb_runs.runs.changes.bulk_results import ChangeResults, Selected

__all__ = ["Deletion", "Restoration", "plan_delete"]


@dataclass(frozen=True, slots=True, repr=False)
class Deletion(FieldsRepr, BulkChange):
    """`runs.delete`.

    Attributes:
        delete_artifacts: Whether to delete the artifacts that the runs logged.
    """

    call: ClassVar[str] = "runs.delete"

    delete_artifacts: bool

    @override
    def prepare(self, selected: Selected) -> Flow[Prepared]:
        runs = yield from read_runs(*selected)
        # What is gone is what the call asks for: another program, or a call before, deleted it.
        return Prepared(runs, done=tuple(each for each in selected.run_ids if each not in runs))

    @override
    def apply(self, results: ChangeResults, prepared: Prepared) -> Flow[None]:
        entity, project, _ = selected = results.selected
        look = partial(_find_gone, selected)
        for part in divided(results.waiting, PART):
            if results.is_stopped:
                return
            mutation = delete_runs(
                entity=entity,
                project=project,
                filters=name_filter(part),
                delete_artifacts=self.delete_artifacts or None,
            )
            what = f"of {selected.path!r}: deleted"
            try:
                yield from change_part(results, part, mutation, what, look, settle=_read_errors)
            except UnsupportedByServerError:
                delete_one = partial(self._delete_one, selected, prepared.runs)
                yield from change_each(results, results.waiting, delete_one, look)
                return

    def _delete_one(
        self, selected: Selected, runs: Mapping[str, RunFields], run_id: str
    ) -> Flow[None]:
        storage_id = runs[run_id].storage_id
        path = f"{selected.path}/{run_id}"
        if storage_id is None:
            raise BadResponseError(f"the server's id of run {path!r} is null", status=200)

        def is_gone() -> Flow[bool]:
            return bool((yield from _find_gone(selected, [run_id])))

        mutation = delete_run(storage_id=storage_id, delete_artifacts=self.delete_artifacts or None)
        yield from send_change(mutation, f"run {path!r}: deleted", is_gone)


def plan_delete(delete_artifacts: object) -> Deletion:
    """Check the arguments of `runs.delete`.

    Raises:
        InvalidArgumentError: One cannot be right.
    """
    return Deletion(check_flag("delete_artifacts", delete_artifacts))


@dataclass(frozen=True, slots=True, repr=False)
class Restoration(FieldsRepr, BulkChange):
    """`api.undelete_runs`."""

    call: ClassVar[str] = "api.undelete_runs"
    hint: ClassVar[str] = "Look at the ids, and pass"

    @override
    def prepare(self, selected: Selected) -> Flow[Prepared]:
        runs = yield from read_runs(*selected)
        return Prepared({}, done=tuple(runs))

    @override
    def apply(self, results: ChangeResults, prepared: Prepared) -> Flow[None]:
        entity, project, _ = selected = results.selected
        for part in divided(results.waiting, PART):
            if results.is_stopped:
                return
            mutation = undelete_runs(entity=entity, project=project, filters=name_filter(part))
            what = f"of {selected.path!r}: no longer deleted"
            yield from change_part(
                results,
                part,
                mutation,
                what,
                partial(_find_there, selected),
                settle=_expect_nothing,
            )


def _find_there(selected: Selected, run_ids: Sequence[str]) -> Flow[Collection[str]]:
    return (yield from read_runs(selected.entity, selected.project, run_ids)).keys()


def _find_gone(selected: Selected, run_ids: Sequence[str]) -> Flow[Collection[str]]:
    there = yield from _find_there(selected, run_ids)
    return {each for each in run_ids if each not in there}


def _read_errors(answer: DeleteRuns) -> Flow[str | None]:
    yield from ()
    errors = None if answer.delete_runs is None else answer.delete_runs.errors
    return f"the server could not delete all of them: {errors}" if errors else None


def _expect_nothing(_answer: UndeleteRuns) -> Flow[str | None]:
    yield from ()
    return None
