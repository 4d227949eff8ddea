"""How files of a run are deleted: all of them by one mutation."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, cast

from wandb_runs.errors import (
    BadResponseError,
    InvalidArgumentError,
    UnsupportedByServerError,
)
from wandb_runs.errors.suggest import describe
from wandb_runs.graphql._generated import delete_files
from wandb_runs.runs.changes.send import send_change
from wandb_runs.runs.files.listing import FileQuery, check_name, fetch_files, fetch_page
from wandb_runs.runs.files.run_file_base import RunFileBase, facts_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wandb_runs.graphql.flow import Flow
    from wandb_runs.runs.files.listing import FileFacts, RunPath
    from wandb_runs.runs.files.run_file_base import AnyRunFile

__all__ = ["check_files", "remove_files"]

_PER_PAGE = 1000


def check_files(run: RunPath, files: object) -> list[str | FileFacts]:
    """Check the argument of `run.delete_files`.

    Raises:
        InvalidArgumentError: No list of files of the run or of their names, or an empty one.
    """
    if not isinstance(files, list | tuple):
        raise InvalidArgumentError(
            f"files is a list of files or of their names, got {describe(files)}"
        )
    checked: list[str | FileFacts] = []
    for each in cast("Sequence[object]", files):
        if isinstance(each, RunFileBase):
            facts, path = facts_of(cast("AnyRunFile", each))
            if path != run:
                raise InvalidArgumentError(
                    f"files: {facts.name!r} is a file of run {path.shown}, not of {run.shown}"
                )
            checked.append(facts)
        else:
            checked.append(check_name("files", each))
    if not checked:
        raise InvalidArgumentError("files is empty; name some files")
    return checked


def remove_files(run: RunPath, files: Sequence[str | FileFacts]) -> Flow[None]:
    """Delete files.

    Raises:
        NotFoundError: There is no file of a name; nothing was deleted.
        UnsupportedByServerError: The server does not tell by what a file is named to be deleted.
        WandbRunsError: They are not deleted, or the answer was lost and they are still there.
    """
    names = [each for each in files if isinstance(each, str)]
    found: list[FileFacts] = []
    if names:
        found = yield from fetch_files(FileQuery(run, (*dict.fromkeys(names),), per_page=_PER_PAGE))
    found += [each for each in files if not isinstance(each, str)]
    by_name = {each.name: each for each in found}
    ids = [each.storage_id for each in by_name.values() if each.storage_id is not None]
    if len(ids) < len(by_name):
        raise UnsupportedByServerError(
            f"the server gives no ids of the files of run {run.shown}, by which they are deleted; "
            "nothing was deleted",
            missing=("File.id",),
        )
    number = next(iter(by_name.values())).project_number

    def is_done() -> Flow[bool]:
        after: str | None = None
        while True:
            page = yield from fetch_page(FileQuery(run, (*by_name,), per_page=_PER_PAGE), after)
            if any(each.storage_id in ids for each in page.files):
                return False
            after = page.after
            if after is None:
                return True

    shown = ", ".join(repr(name) for name in by_name)
    count = "1 file" if len(by_name) == 1 else f"{len(by_name)} files"
    change = f"run {run.shown}: {count} deleted ({shown})"
    mutation = delete_files(files=ids, project_id=number)
    answer = yield from send_change(mutation, change, is_done)
    payload = None if answer is None else answer.delete_files
    if answer is not None and (payload is None or payload.success is False):
        raise BadResponseError(
            f"the server did not delete the files of run {run.shown} ({shown}); list them again",
            status=HTTPStatus.OK,
        )
