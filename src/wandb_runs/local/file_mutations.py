"""Mutations of runs' files."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from pydantic import BaseModel

from wandb_runs.local.context import file_path
from wandb_runs.local.files import delete_file
from wandb_runs.local.ids import storage_id, storage_parts
from wandb_runs.local.ingest import find_run
from wandb_runs.local.mutation_binding import Mutations
from wandb_runs.local.where import BadRequestError

if TYPE_CHECKING:
    from wandb_runs.local.context import Context

__all__ = ["file_mutations"]

file_mutations: Final = Mutations()


class _RunFiles(BaseModel):
    entity_name: str | None = None
    project_name: str | None = None
    run_name: str | None = None
    files: list[str]

    def where(self, context: Context) -> tuple[str, str, str]:
        """Entity, project and id of the run.

        Raises:
            BadRequestError: There is no such run.
        """
        where = (
            self.entity_name or context.entity,
            self.project_name or "",
            self.run_name or "",
        )
        if find_run(context.connection, *where) is None:
            raise BadRequestError(f"run {'/'.join(where)} not found", HTTPStatus.NOT_FOUND)
        return where


_NOT_IN_ADDRESSES: Final = re.compile(r"[\x00-\x1f\x7f]")


def _check_file_name(name: str) -> None:
    """Refuse a name that no address reaches.

    Clients resolve `.` and `..` in addresses, even where they are quoted, and some join slashes.

    Raises:
        BadRequestError: The name is such a one.
    """
    if _NOT_IN_ADDRESSES.search(name) or not {"", ".", ".."}.isdisjoint(name.split("/")):
        raise BadRequestError(
            f"files: {name!r} is not a relative path without '.', '..', empty parts and control "
            "characters"
        )


@file_mutations.change("createRunFiles", _RunFiles)
def _create_run_files(context: Context, given: _RunFiles) -> dict[str, object]:
    where = given.where(context)
    for name in given.files:
        _check_file_name(name)
    return {
        "run_id": storage_id("Run", *reversed(where)),
        "upload_headers": [],
        "files": [
            {"name": name, "upload_url": context.upload_url(file_path(*where, name))}
            for name in given.files
        ],
    }


@file_mutations.change("markRunFilesUploaded", _RunFiles)
def _mark_run_files_uploaded(context: Context, given: _RunFiles) -> dict[str, object]:
    # What is sent here is there at once: nothing is left to be done.
    given.where(context)
    return {"success": True}


class _DeleteFiles(BaseModel):
    files: list[str]
    project_id: int | None = None


@file_mutations.change("deleteFiles", _DeleteFiles)
def _delete_files(context: Context, given: _DeleteFiles) -> dict[str, object]:
    with context.store.write() as writer:
        for storage in given.files:
            match storage_parts(storage):
                case ["File", "v1", name, run, project, entity]:
                    delete_file(writer, (entity, project, run), name, given.project_id)
                case _:
                    raise BadRequestError(f"file {storage} not found", HTTPStatus.NOT_FOUND)
    return {"success": True}
