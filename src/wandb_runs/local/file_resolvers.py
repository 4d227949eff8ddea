"""Resolvers of the files of runs."""

from __future__ import annotations

import base64
import mimetypes
from hashlib import md5
from typing import TYPE_CHECKING, Final

from ariadne import ObjectType
from sqlalchemy import func, select

from wandb_runs.local.context import Context, context_of, file_path
from wandb_runs.local.ids import storage_id
from wandb_runs.local.nodes import Run, iso
from wandb_runs.local.pages import PageRequest, read_page
from wandb_runs.local.tables import files

if TYPE_CHECKING:
    from collections.abc import Mapping

    from graphql import GraphQLResolveInfo

    from wandb_runs.local.pages import Page

__all__ = ["FILE_BINDABLES"]

run_files: Final = ObjectType("Run")
file_type: Final = ObjectType("File")


@run_files.field("fileCount")
def _file_count(run: Run, _: GraphQLResolveInfo) -> int:
    return run.project.scope.connection.execute(
        select(func.count()).where(files.c.run_id == run.row_id)
    ).scalar_one()


@run_files.field("files")
def _files(
    run: Run,
    info: GraphQLResolveInfo,
    names: list[str | None] | None = None,
    pattern: str | None = None,
    after: str | None = None,
    first: int | None = None,
) -> Page[dict[str, object]]:
    context = context_of(info)
    listed = select(files).where(files.c.run_id == run.row_id).order_by(files.c.name)
    if names:
        listed = listed.where(files.c.name.in_(names))
    if pattern is not None:
        listed = listed.where(files.c.name.like(pattern))

    def find(offset: int, limit: int) -> list[dict[str, object]]:
        rows = context.connection.execute(listed.offset(offset).limit(limit)).all()
        return [_file(context, run, row.name, row.content, row.updated_at) for row in rows]

    return read_page(PageRequest(after, first), find)


def _file(
    context: Context, run: Run, name: str, content: bytes, updated_at: int
) -> dict[str, object]:
    project = run.project
    path = file_path(project.entity_name, project.name, run.name, name)
    return {
        "id": storage_id("File", name, run.name, project.name, project.entity_name),
        "name": name,
        "path": path,
        "direct_url": context.file_url(path),
        "size_bytes": len(content),
        "mimetype": mimetypes.guess_type(name)[0],
        "updated_at": iso(updated_at),
        "md5": base64.b64encode(md5(content, usedforsecurity=False).digest()).decode(),
    }


@file_type.field("md5")
def _md5(file: Mapping[str, str], _: GraphQLResolveInfo) -> str:
    return file["md5"]


@file_type.field("url")
def _url(file: Mapping[str, str], info: GraphQLResolveInfo, *, upload: bool | None = None) -> str:
    context = context_of(info)
    path = file["path"]
    if not upload:
        return context.file_url(path)
    # Any client that has the address may write to it.
    context.require_writer()
    return context.upload_url(path)


FILE_BINDABLES: Final = (run_files, file_type)
