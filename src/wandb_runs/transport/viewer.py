"""The viewer, whose key signs the requests, and its default entity."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wandb_runs.errors import AuthenticationError, NotFoundError
from wandb_runs.graphql._generated import get_viewer
from wandb_runs.graphql.flow import ask

if TYPE_CHECKING:
    from wandb_runs.graphql._generated import ViewerFields
    from wandb_runs.graphql.flow import Flow

__all__ = ["Viewer"]


class Viewer:
    """The viewer of a client, asked for once."""

    __slots__ = ("_known",)

    def __init__(self) -> None:
        self._known: ViewerFields | None = None

    def fields(self) -> Flow[ViewerFields]:
        """The viewer.

        Raises:
            AuthenticationError: No key, or one that the server does not know.
        """
        if self._known is None:
            answer = yield from ask(get_viewer())
            if answer.viewer is None:
                raise AuthenticationError(
                    "the server knows no user for this API key; pass api_key=, set "
                    "WANDB_API_KEY, or name the entity in the path ('entity/project')",
                    status=200,
                )
            self._known = answer.viewer
        return self._known

    def entity(self) -> Flow[str]:
        """The viewer's default entity.

        Raises:
            AuthenticationError: No key, or one that the server does not know.
            NotFoundError: The viewer has no default entity.
        """
        viewer = yield from self.fields()
        if not viewer.entity:
            raise NotFoundError(
                f"the user {viewer.username!r} has no default entity; name one in the path "
                "('entity/project'), pass entity=, or set WANDB_ENTITY"
            )
        return viewer.entity
