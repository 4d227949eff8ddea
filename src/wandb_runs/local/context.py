"""What the resolvers of one GraphQL request share."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import quote

from wandb_runs.local.nodes import Project
from wandb_runs.local.where import BadRequestError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from graphql import GraphQLResolveInfo
    from sqlalchemy import Connection

    from wandb_runs.local.faults import Paging
    from wandb_runs.local.store import Store
    from wandb_runs.local.tasks import Tasks

__all__ = ["Context", "context_of", "file_path"]


@dataclass(frozen=True, slots=True)
class Context:
    """The state of one request.

    Attributes:
        store: Where to write.
        connection: Where to read: one transaction for the whole request.
        entity: The viewer's entity, the default where a request names none.
        is_viewer: Whether the request carries a key.
        upload_url: Makes the signed address for uploading a file.
        file_url: Makes the address for reading a file.
        paging: Changes pages of runs; None leaves them as they are.
        tasks: The work that goes on after an answer.
        features: The names of features that the server says it has.
        is_shared: Whether the request is of one of several writers of a run, in shared mode.
    """

    store: Store
    connection: Connection
    entity: str
    is_viewer: bool
    upload_url: Callable[[str], str]
    file_url: Callable[[str], str]
    paging: Paging | None
    tasks: Tasks
    features: Sequence[str]
    is_shared: bool

    def project(self, entity: str | None, name: str | None) -> Project | None:
        """Find a project."""
        now = self.store.now()
        return Project.find(self.connection, entity or self.entity, name or "", now)

    def projects(self, entity: str, offset: int, limit: int) -> list[Project]:
        """Read projects of an entity, the newest first."""
        return Project.page(self.connection, entity, offset, limit, self.store.now())

    def require_viewer(self) -> None:
        """Refuse a mutation without a key.

        Raises:
            BadRequestError: With HTTP 401, in W&B's words.
        """
        if not self.is_viewer:
            raise BadRequestError("user is not logged in", HTTPStatus.UNAUTHORIZED)


def context_of(info: GraphQLResolveInfo) -> Context:
    """The context of the request for which a field is resolved."""
    context: Context = info.context
    return context


def file_path(*parts: str) -> str:
    """Join parts of a path as a URL needs them; the slashes of a file's name stay."""
    return "/".join(quote(part) for part in parts)
