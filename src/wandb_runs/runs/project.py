"""`Project`: what the runs of a project have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING

from typing_extensions import TypeVar, override

from wandb_runs.graphql.scalars import JSONObject
from wandb_runs.pagination.sizes import PER_PAGE
from wandb_runs.query.location import page_url
from wandb_runs.runs.items import Items
from wandb_runs.runs.project_base import ProjectBase, project_listing, sweep_listing
from wandb_runs.runs.runs import Runs
from wandb_runs.runs.sweep import Sweep
from wandb_runs.transport import RetryingClient

if TYPE_CHECKING:
    from datetime import datetime
    from typing import Self

    from wandb_runs.pagination.checkpoint import Checkpoint
    from wandb_runs.query.filters import Filters
    from wandb_runs.query.order import Order
    from wandb_runs.runs.models import OnInvalid
    from wandb_runs.runs.project_base import ProjectKey

__all__ = ["Project", "ProjectSweeps", "Projects"]

K = TypeVar("K", bound=str)
ConfigT = TypeVar("ConfigT", default=JSONObject)
SummaryT = TypeVar("SummaryT", default=JSONObject)


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

    @property
    def id(self) -> str | None:
        """What W&B's database calls the project, asked for once; None if the server does not tell.

        Raises:
            NotFoundError: No such project, or the key may not see it.
            WandbRunsError: What any request may raise; see `docs/reference/errors.md`.
        """
        return self._client.run(self._fetch_storage_id())

    @property
    def storage_id(self) -> str | None:
        """`id`, as runs and sweeps spell it."""
        return self._client.run(self._fetch_storage_id())

    @property
    def created_at(self) -> datetime | None:
        """When the project was created, aware, in UTC; asked for once.

        Raises:
            NotFoundError: No such project, or the key may not see it.
            WandbRunsError: What any request may raise; see `docs/reference/errors.md`.
        """
        return self._client.run(self._fetch_created_at())

    @property
    def description(self) -> str | None:
        """Free text; asked for once.

        Raises:
            NotFoundError: No such project, or the key may not see it.
            WandbRunsError: What any request may raise; see `docs/reference/errors.md`.
        """
        return self._client.run(self._fetch_description())

    @property
    def path(self) -> list[str]:
        """Entity and name; joined by `/` it is what `api.runs` takes."""
        return [self.entity, self._name]

    def runs(
        self,
        filters: Filters | None = None,
        order: Order = "+created_at",
        per_page: int = PER_PAGE,
        include_sweeps: bool = True,
        *,
        config_keys: list[K] | tuple[K, ...] | None = None,
        summary_keys: list[K] | tuple[K, ...] | None = None,
        limit: int | None = None,
        checkpoint: Checkpoint | None = None,
        strict: bool = False,
        config: type[ConfigT] | None = None,
        summary: type[SummaryT] | None = None,
        on_invalid: OnInvalid = "raise",
    ) -> Runs[ConfigT, SummaryT]:
        """The runs of the project that fit a filter, in order, as `Api.runs` has them.

        Args:
            filters: A MongoDB query over runs: `{"state": "finished", "config.lr": {"$lt":
                0.1}}`; see `docs/filters.md`.
            order: `created_at`, `heartbeat_at`, `updated_at`, `name` (which is the run's id),
                `config.<key>` or `summary.<key>`, with `+` (ascending, the default) or `-`
                (descending) in front; see `docs/filters.md`.
            per_page: Runs per request, at least 1; more than 1000 is sent as 1000. Where it is
                not given, the first page has 50 runs, and later ones up to 1000.
            include_sweeps: Whether `run.sweep` fetches the sweep when touched.
            config_keys: The keys that `run.config` is to hold; None for all, an empty list for
                none. Only what is asked for travels: some projects have thousands. A key with
                dots may be a path, as for `Runs.configs`: `run.config["model.depth"]`.
            summary_keys: The keys that `run.summary` is to hold, likewise.
            limit: The most runs that the sequence has, whatever `per_page`; None for all.
            checkpoint: Where to continue: the `checkpoint()` of a loop over the same runs, or the
                `error.checkpoint` of an error that ended it.
            strict: Whether to raise a `DriftError` in place of a `DriftWarning`.
            config: The type of `run.config`: a pydantic model, a dataclass or a `TypedDict`; by
                default a mapping of JSON values.
            summary: The type of `run.summary`, likewise.
            on_invalid: What to do with a run that does not fit these types: `"raise"` a
                `RunValidationError` when its config or summary is read, or `"skip"` the run, with
                a warning in the log.

        Raises:
            InvalidArgumentError: An argument that cannot be right; nothing was sent.

        >>> project = api.project("sample/digits")
        >>> [run.state for run in project.runs({"state": "failed"}, limit=1)]
        ['failed']
        """
        return Runs(
            self._client,
            self._given_entity,
            self._name,
            filters,
            order,
            per_page,
            include_sweeps,
            config_keys=config_keys,
            summary_keys=summary_keys,
            limit=limit,
            checkpoint=checkpoint,
            strict=strict,
            config=config,
            summary=summary,
            on_invalid=on_invalid,
        )

    def sweeps(self, per_page: int = 50) -> ProjectSweeps:
        """The sweeps of the project, in the server's order: new and lazy each time.

        Args:
            per_page: Sweeps per request, at least 1; more than 1000 is sent as 1000.

        Raises:
            InvalidArgumentError: `per_page` cannot be right; nothing was sent.
            NotFoundError: No such project, or the key may not see it; when a sweep is taken.
            WandbRunsError: What any request may raise; see `docs/reference/errors.md`.

        Warns:
            MissingItemsWarning: Some came as null.

        >>> [sweep.method for sweep in api.project("sample/digits").sweeps()][:1]
        ['grid']
        """
        return ProjectSweeps(self._client, self, per_page)

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
            WandbRunsError: What any request may raise; see `docs/reference/errors.md`.

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
            WandbRunsError: What any request may raise; see `docs/reference/errors.md`.

        >>> counts = api.project("sample/digits").tags({"state": "finished"})
        >>> counts["long"] == len(api.runs("sample/digits", {"state": "finished", "tags": "long"}))
        True
        """
        return self._client.run(self._fetch_tags(filters))


class Projects(Items[Project]):
    """The projects of a user or a team: a lazy, replayable sequence.

    Made by `api.projects(entity)`. Pages are read when a project of them is taken, and kept.
    `len` reads every page, since W&B does not count projects. Threads may share one.

    Args:
        client: The client to send requests with: `api.client`.
        entity: The user or team; None for the default of the client's settings, else the viewer's.
        per_page: Projects per request, at least 1; more than 1000 is sent as 1000.

    Raises:
        InvalidArgumentError: `per_page` cannot be right; nothing was sent.

    >>> [project.name for project in api.projects("sample")]
    ['digits']
    """

    def __init__(
        self, client: RetryingClient, entity: str | None = None, per_page: int = 200
    ) -> None:
        listing = project_listing(client, entity, per_page, Project)
        super().__init__(client, listing, entity or "(default entity)")
        self._made_of = (client, entity, per_page)

    @override
    def __reduce__(self) -> tuple[type[Self], tuple[RetryingClient, str | None, int]]:
        return type(self), self._made_of


class ProjectSweeps(Items[Sweep]):
    """The sweeps of a project: a lazy, replayable sequence.

    Made by `project.sweeps()`. Pages are read when a sweep of them is taken, and kept; `len`
    reads every page. Threads may share one.

    Args:
        client: The client to send requests with.
        project: The project.
        per_page: Sweeps per request, at least 1; more than 1000 is sent as 1000.

    Raises:
        InvalidArgumentError: `per_page` cannot be right; nothing was sent.
    """

    def __init__(self, client: RetryingClient, project: Project, per_page: int = 50) -> None:
        listing = sweep_listing(client, project, per_page, Sweep)
        super().__init__(client, listing, project.name)
        self._made_of = (client, project, per_page)

    @override
    def __reduce__(self) -> tuple[type[Self], tuple[RetryingClient, Project, int]]:
        return type(self), self._made_of
