"""What the resolvers of one GraphQL request share."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from wandb_runs.local.nodes import Project
from wandb_runs.local.pages import read_page
from wandb_runs.local.where import BadRequestError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from graphql import GraphQLResolveInfo
    from sqlalchemy import Connection

    from wandb_runs.local.faults import Paging
    from wandb_runs.local.pages import Page, PageRequest
    from wandb_runs.local.store import Store
    from wandb_runs.local.tasks import Tasks

__all__ = ["DENIED", "Context", "context_of", "file_path"]


DENIED: Final = "permission denied"
"""W&B's words for a key that may not change something."""


@dataclass(frozen=True, slots=True)
class Context:
    """The state of one request.

    Attributes:
        store: Where to write.
        connection: Where to read: one transaction for the whole request.
        entity: The viewer's entity, the default where a request names none.
        is_viewer: Whether the request carries a key.
        may_only_read: Whether the key may only read.
        upload_url: Makes the signed address for uploading a file.
        file_url: Makes the address for reading a file.
        export_url: Makes the signed address for reading a Parquet file of a history.
        rows_of_files: How many rows such a file has at most; None where there are none.
        paging: Changes pages of runs; None leaves them as they are.
        tasks: The work that goes on after an answer.
        features: The names of features that the server says it has.
        is_shared: Whether the request is of one of several writers of a run, in shared mode.
    """

    store: Store
    connection: Connection
    entity: str
    is_viewer: bool
    may_only_read: bool
    upload_url: Callable[[str], str]
    file_url: Callable[[str], str]
    export_url: Callable[[str], str]
    rows_of_files: int | None
    paging: Paging | None
    tasks: Tasks
    features: Sequence[str]
    is_shared: bool

    def project(self, entity: str | None, name: str | None) -> Project | None:
        """Find a project."""
        now = self.store.now()
        return Project.find(self.connection, entity or self.entity, name or "", now)

    def projects(self, entity: str, request: PageRequest, order: str | None) -> Page[Project]:
        """Read a page of the projects of an entity, by default the newest first."""

        def find(offset: int, limit: int) -> list[Project]:
            now = self.store.now()
            return Project.page(self.connection, entity, offset, limit, now, order)

        return read_page(request, find)

    def require_writer(self) -> None:
        """Refuse a change without a key that may change something.

        Raises:
            BadRequestError: With HTTP 401 without a key, or 403, in W&B's words.
        """
        if not self.is_viewer:
            raise BadRequestError("user is not logged in", HTTPStatus.UNAUTHORIZED)
        if self.may_only_read:
            raise BadRequestError(DENIED, HTTPStatus.FORBIDDEN)


def context_of(info: GraphQLResolveInfo) -> Context:
    """The context of the request for which a field is resolved."""
    context: Context = info.context
    return context


def file_path(*parts: str) -> str:
    """Join parts of a path as a URL needs them; the slashes of a file's name stay."""
    return "/".join(quote(part) for part in parts)
