"""`AsyncProject`: what the runs of a project have in common, for asynchronous code."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wandb_runs.query.location import page_url
from wandb_runs.runs.project_base import ProjectBase
from wandb_runs.transport import AsyncRetryingClient

if TYPE_CHECKING:
    from wandb_runs.query.filters import Filters
    from wandb_runs.runs.project_base import ProjectKey

__all__ = ["AsyncProject"]


class AsyncProject(ProjectBase[AsyncRetryingClient]):
    """A project, asked about when a method is called: what `Project` is, awaited.

    Made by `api.project("entity/project")`, which sends nothing. Immutable, and therefore safe to
    share between tasks.
    """

    __slots__ = ()

    async def entity(self) -> str:
        """The user or team that owns the project; the viewer's is asked for once.

        Raises:
            AuthenticationError: The viewer's is needed, and there is no key, or a wrong one.
        """
        return await self._client.run(self._fetch_entity())

    async def url(self) -> str:
        """The address of the project's page."""
        return page_url(self._client.settings.app_url, await self.entity(), self._name)

    async def keys(self) -> tuple[ProjectKey, ...]:
        """The keys of configs and summaries that runs of the project have, and their types.

        The server knows them, so that no run is read. It may tell other paths as well, and needs
        a while for those of new runs. Sends a request for each 1000 keys.

        Returns:
            The keys in the server's order, each once for each type, without those that come as
            null.

        Raises:
            NotFoundError: No such project, or the key may not see it.
            UnsupportedByServerError: The server does not know them.
        """
        return await self._client.run(self._fetch_keys())

    async def tags(self, filters: Filters | None = None) -> dict[str, int]:
        """The tags of runs, and how many runs have each, the most frequent first.

        The server counts, in one request. What comes as null is left out.

        Args:
            filters: A MongoDB query over runs, as `api.runs` takes it; by default all runs count.

        Raises:
            InvalidArgumentError: Not such a query; nothing was sent.
            NotFoundError: No such project, or the key may not see it.
            UnsupportedByServerError: The server does not know them.
        """
        return await self._client.run(self._fetch_tags(filters))
