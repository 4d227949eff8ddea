"""`Project`: what the runs of a project have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wandb_runs.query.location import page_url
from wandb_runs.runs.project_base import ProjectBase
from wandb_runs.transport import RetryingClient

if TYPE_CHECKING:
    from wandb_runs.query.filters import Filters
    from wandb_runs.runs.project_base import ProjectKey

__all__ = ["Project"]


class Project(ProjectBase[RetryingClient]):
    """A project, asked about when a method is called.

    Made by `api.project("entity/project")`, which sends nothing. Immutable, and therefore safe to
    share between threads.

    >>> project = api.project("sample/digits")
    >>> project
    <Project sample/digits>
    """

    __slots__ = ()

    @property
    def entity(self) -> str:
        """The user or team that owns the project; the viewer's is asked for when touched.

        Raises:
            AuthenticationError: The viewer's is needed, and there is no key, or a wrong one.
        """
        return self._client.run(self._fetch_entity())

    @property
    def url(self) -> str:
        """The address of the project's page."""
        return page_url(self._client.settings.app_url, self.entity, self._name)

    def keys(self) -> tuple[ProjectKey, ...]:
        """The keys of configs and summaries that runs of the project have, and their types.

        The server knows them, so that no run is read. It may tell other paths as well, and needs
        a while for those of new runs. Sends a request for each 1000 keys.

        Returns:
            The keys in the server's order, each once for each type, without those that come as
            null.

        Raises:
            NotFoundError: No such project, or the key may not see it.
            UnsupportedByServerError: The server does not know them.

        >>> {key.path: key.type for key in api.project("sample/digits").keys()}["summary.accuracy"]
        'number'
        """
        return self._client.run(self._fetch_keys())

    def tags(self, filters: Filters | None = None) -> dict[str, int]:
        """The tags of runs, and how many runs have each, the most frequent first.

        The server counts, in one request. What comes as null is left out.

        Args:
            filters: A MongoDB query over runs, as `api.runs` takes it; by default all runs count.

        Raises:
            InvalidArgumentError: Not such a query; nothing was sent.
            NotFoundError: No such project, or the key may not see it.
            UnsupportedByServerError: The server does not know them.

        >>> counts = api.project("sample/digits").tags({"state": "finished"})
        >>> counts["long"] == len(api.runs("sample/digits", {"state": "finished", "tags": "long"}))
        True
        """
        return self._client.run(self._fetch_tags(filters))
