"""What `Project` and `AsyncProject` share, and how a project is asked about."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Generic, TypeVar

from typing_extensions import override

from wandb_runs.errors import BadResponseError
from wandb_runs.errors.immutable import immutable
from wandb_runs.errors.text import FieldsRepr, as_message
from wandb_runs.graphql._generated import (
    count_tags,
    get_project,
    list_fields,
    list_projects,
    list_sweeps,
)
from wandb_runs.graphql.flow import ask
from wandb_runs.graphql.scalars import parse_moment
from wandb_runs.query.filters import filters_to_json
from wandb_runs.query.location import missing_project
from wandb_runs.query.mentions import name_at
from wandb_runs.runs.assignment import ReadOnlyAttributes
from wandb_runs.runs.items_base import ItemListing, ItemPage, check_page

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from wandb_runs.graphql._generated import ProjectFields, SweepFields
    from wandb_runs.graphql.flow import Flow
    from wandb_runs.query.filters import Filters
    from wandb_runs.runs.sweep_base import AnySweep
    from wandb_runs.transport.client_base import Client
    from wandb_runs.transport.session import SessionBase

__all__ = ["ProjectBase", "ProjectKey", "fetch_project", "project_listing", "sweep_listing"]

_PAGE: Final = 1000

ClientT = TypeVar("ClientT", bound="Client[SessionBase]")
ClientT_co = TypeVar("ClientT_co", bound="Client[SessionBase]", covariant=True)
ProjectT = TypeVar("ProjectT", bound="ProjectBase[Client[SessionBase]]")
SweepT = TypeVar("SweepT", bound="AnySweep")


@immutable
@dataclass(frozen=True, slots=True, repr=False)
class ProjectKey(FieldsRepr):
    """A key that runs of a project have, as the server tells it.

    Immutable, and therefore safe to share.

    Attributes:
        path: The path, as filters and orders take it: `config.lr`, `summary.loss`.
        type: What kind of value it leads to, in the server's words: `number`, `string`. A key with
            values of several kinds comes once for each.
        server_path: The path in the server's own spelling: `config.lr.value`,
            `summary_metrics.loss`.
    """

    path: str
    type: str
    server_path: str


class ProjectBase(ReadOnlyAttributes, Generic[ClientT_co]):
    """What `Project` and `AsyncProject` share: all that takes no request."""

    __slots__ = ("_client", "_fields", "_given_entity", "_name")

    _why_fixed = "a project is read-only, and nothing would be saved"

    def __init__(
        self,
        client: ClientT_co,
        entity: str | None,
        name: str,
        fields: ProjectFields | None = None,
    ) -> None:
        self._client = client
        self._given_entity = entity
        self._name = name
        self._fields = fields

    @override
    def __repr__(self) -> str:
        if not hasattr(self, "_name"):  # an interrupt came while it was made
            return f"<{type(self).__name__}, not made>"
        shown = self._name if self._given_entity is None else f"{self._given_entity}/{self._name}"
        return f"<{type(self).__name__} {as_message(shown)}>"

    @override
    def __eq__(self, other: object) -> bool:
        if not isinstance(other, ProjectBase):
            return NotImplemented
        return (self._given_entity, self._name) == (other._given_entity, other._name)

    @override
    def __hash__(self) -> int:
        return hash((self._given_entity, self._name))

    @property
    def name(self) -> str:
        """The project's name."""
        return self._name

    def _fetch_entity(self) -> Flow[str]:
        return self._given_entity or (yield from self._client.viewer.entity())

    def _fetch_fields(self) -> Flow[ProjectFields]:
        """What the server tells of the project, asked for once."""
        fields = self._fields
        if fields is None:
            entity = yield from self._fetch_entity()
            fields = self._fields = yield from fetch_project(entity, self._name)
        return fields

    def _fetch_storage_id(self) -> Flow[str | None]:
        return (yield from self._fetch_fields()).storage_id

    def _fetch_description(self) -> Flow[str | None]:
        return (yield from self._fetch_fields()).description

    def _fetch_created_at(self) -> Flow[datetime | None]:
        text = (yield from self._fetch_fields()).created_at
        try:
            return None if text is None else parse_moment(text)
        except ValueError as error:
            raise self._incomplete(f"has {text!r:.80} for createdAt, no instant") from error

    def fetch_sweeps(
        self, after: str | None, first: int
    ) -> Flow[tuple[str, ItemPage[SweepFields]]]:
        """Ask for a page of sweeps; the owner of the project comes along.

        Raises:
            NotFoundError: No such project.
            BadResponseError: The answer does not tell them.
        """
        entity = yield from self._fetch_entity()
        operation = list_sweeps(entity=entity, project=self._name, first=first, after=after)
        project = (yield from ask(operation)).project
        if project is None:
            raise missing_project(entity, self._name)
        if project.sweeps is None or project.sweeps.edges is None:
            raise self._incomplete("lacks its sweeps")
        nodes = [None if edge is None else edge.node for edge in project.sweeps.edges]
        return entity, ItemPage(nodes, project.sweeps.page_info)

    def _fetch_keys(self) -> Flow[tuple[ProjectKey, ...]]:
        entity = yield from self._fetch_entity()
        found: dict[ProjectKey, None] = {}
        after: str | None = None
        seen: set[str | None] = set()
        while True:
            operation = list_fields(entity=entity, project=self._name, after=after, first=_PAGE)
            project = (yield from ask(operation)).project
            if project is None:
                raise missing_project(entity, self._name)
            page = project.fields
            if page is None or page.page_info is None:
                raise self._incomplete("lacks its keys")
            for edge in page.edges or ():
                node = None if edge is None else edge.node
                if node is not None and node.path is not None:
                    found[_key(node.path, node.kind or "")] = None
            if not page.page_info.has_next_page:
                return (*found,)
            seen.add(after)
            after = page.page_info.end_cursor
            if after is None or after in seen:
                raise self._incomplete("does not say where the next page of keys begins")

    def _fetch_tags(self, filters: Filters | None) -> Flow[dict[str, int]]:
        query = filters_to_json(filters) or "{}"
        entity = yield from self._fetch_entity()
        operation = count_tags(entity=entity, project=self._name, filters=query)
        project = (yield from ask(operation)).project
        if project is None:
            raise missing_project(entity, self._name)
        if project.tag_counts is None:
            raise self._incomplete("lacks the counts of its tags")
        counts = {
            each.name: each.count
            for each in project.tag_counts
            if each is not None and each.name is not None and each.count is not None
        }
        return dict(sorted(counts.items(), key=lambda count: (-count[1], count[0])))

    def _incomplete(self, lack: str) -> BadResponseError:
        return BadResponseError(
            f"the server's answer about project {self._name!r} {lack}; ask again", status=200
        )


def fetch_project(entity: str, name: str) -> Flow[ProjectFields]:
    """Ask for one project.

    Raises:
        NotFoundError: No such project.
    """
    project = (yield from ask(get_project(entity=entity, project=name))).project
    if project is None:
        raise missing_project(entity, name)
    return project


def _fetch_projects(entity: str, after: str | None, first: int) -> Flow[ItemPage[ProjectFields]]:
    """Ask for a page of the projects of a user or a team.

    Raises:
        BadResponseError: The answer does not tell them.
    """
    models = (yield from ask(list_projects(entity=entity, first=first, after=after))).models
    if models is None or models.edges is None:
        raise BadResponseError(
            f"the server answered null in place of the projects of {entity!r}; check the spelling "
            "of the entity, or try again",
            status=200,
        )
    nodes = [None if edge is None else edge.node for edge in models.edges]
    named = [node if node is not None and node.name else None for node in nodes]
    return ItemPage(named, models.page_info)


def project_listing(
    client: ClientT,
    entity: str | None,
    per_page: int,
    make: Callable[[ClientT, str, str, ProjectFields], ProjectT],
) -> ItemListing[ProjectT]:
    """The projects of a user or a team; None for the default entity, asked for when it is needed.

    Raises:
        InvalidArgumentError: `per_page` is no number of projects.
    """
    first = check_page(per_page)

    def fetch(after: str | None) -> Flow[ItemPage[ProjectT]]:
        owner = entity or client.settings.entity or (yield from client.viewer.entity())
        page = yield from _fetch_projects(owner, after, first)
        made = [
            None if each is None else make(client, each.entity_name or owner, each.name or "", each)
            for each in page.items
        ]
        return ItemPage(made, page.page_info)

    return ItemListing("projects", fetch, _name_of)


def sweep_listing(
    client: ClientT,
    project: ProjectBase[ClientT],
    per_page: int,
    make: Callable[[ClientT, str, str, SweepFields], SweepT],
) -> ItemListing[SweepT]:
    """The sweeps of a project.

    Raises:
        InvalidArgumentError: `per_page` is no number of sweeps.
    """
    first = check_page(per_page)

    def fetch(after: str | None) -> Flow[ItemPage[SweepT]]:
        entity, page = yield from project.fetch_sweeps(after, first)
        made = [
            None if each is None else make(client, entity, project.name, each)
            for each in page.items
        ]
        return ItemPage(made, page.page_info)

    return ItemListing("sweeps", fetch, _id_of)


def _name_of(project: ProjectBase[Client[SessionBase]]) -> str:
    return project.name


def _id_of(sweep: AnySweep) -> str:
    return sweep.id


def _key(server_path: str, kind: str) -> ProjectKey:
    """A key, with its path in the short spelling where that means the same.

    >>> _key("config.lr.value", "number").path, _key("config.a.b.value", "number").path
    ('config.lr', 'config.a.b.value')
    >>> _key("summary_metrics.eval/loss", "number").path
    'summary.eval/loss'
    """
    name = name_at(server_path)
    return ProjectKey(server_path if name is None else name.label, kind, server_path)
