"""What `Project` and `AsyncProject` share, and how a project is asked about."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Generic, TypeVar

from typing_extensions import override

from wandb_runs.errors import BadResponseError
from wandb_runs.errors.immutable import immutable
from wandb_runs.errors.text import FieldsRepr, as_message
from wandb_runs.graphql._generated import count_tags, list_fields
from wandb_runs.graphql.flow import ask
from wandb_runs.query.filters import filters_to_json
from wandb_runs.query.location import missing_project
from wandb_runs.query.mentions import name_at
from wandb_runs.runs.assignment import ReadOnlyAttributes

if TYPE_CHECKING:
    from wandb_runs.graphql.flow import Flow
    from wandb_runs.query.filters import Filters
    from wandb_runs.transport.client_base import Client
    from wandb_runs.transport.session import SessionBase

__all__ = ["ProjectBase", "ProjectKey"]

_PAGE: Final = 1000

ClientT_co = TypeVar("ClientT_co", bound="Client[SessionBase]", covariant=True)


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

    __slots__ = ("_client", "_given_entity", "_name")

    _why_fixed = "a project is read-only, and nothing would be saved"

    def __init__(self, client: ClientT_co, entity: str | None, name: str) -> None:
        self._client = client
        self._given_entity = entity
        self._name = name

    @override
    def __repr__(self) -> str:
        if not hasattr(self, "_name"):  # an interrupt came while it was made
            return f"<{type(self).__name__}, not made>"
        shown = self._name if self._given_entity is None else f"{self._given_entity}/{self._name}"
        return f"<{type(self).__name__} {as_message(shown)}>"

    @property
    def name(self) -> str:
        """The project's name."""
        return self._name

    def _fetch_entity(self) -> Flow[str]:
        return self._given_entity or (yield from self._client.viewer.entity())

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


def _key(server_path: str, kind: str) -> ProjectKey:
    """A key, with its path in the short spelling where that means the same.

    >>> _key("config.lr.value", "number").path, _key("config.a.b.value", "number").path
    ('config.lr', 'config.a.b.value')
    >>> _key("summary_metrics.eval/loss", "number").path
    'summary.eval/loss'
    """
    name = name_at(server_path)
    return ProjectKey(server_path if name is None else name.label, kind, server_path)
