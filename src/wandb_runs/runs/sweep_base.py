"""What `Sweep` and `AsyncSweep` share, and how a sweep is fetched."""

from __future__ import annotations

import importlib
import re
from typing import TYPE_CHECKING, Final, Generic, TypeAlias, TypeVar, cast

from typing_extensions import deprecated, override

from wandb_runs.errors import BadResponseError, DeprecatedNameWarning, NotFoundError
from wandb_runs.errors.extras import needs_extra
from wandb_runs.errors.text import as_message
from wandb_runs.graphql._generated import get_sweep
from wandb_runs.graphql.flow import ask
from wandb_runs.graphql.read_only import read_only_graph
from wandb_runs.graphql.scalars import parse_moment
from wandb_runs.query.location import missing_sweep, page_url
from wandb_runs.runs.assignment import ReadOnlyAttributes
from wandb_runs.runs.changes.sweep_state import set_state
from wandb_runs.runs.markup import html_text
from wandb_runs.runs.notebook import sweep_html
from wandb_runs.runs.page_html import PageHtml
from wandb_runs.runs.unknown_names import UnknownNames

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from typing import Self

    from wandb_runs.graphql._generated import SweepFields
    from wandb_runs.graphql.flow import Flow
    from wandb_runs.graphql.scalars import JSONObject
    from wandb_runs.runs.changes.sweep_state import StateChange
    from wandb_runs.transport.client_base import Client
    from wandb_runs.transport.session import SessionBase

__all__ = ["AnySweep", "SweepBase", "SweepsBase", "fetch_sweep"]

# A line at the margin that is no plain key other than `name`, no item of a list, comment or
# indented line: only a YAML parser can tell whether it names the sweep.
_MAY_NAME: Final = re.compile(r"^(?!(?!name\b)\w+:|[ \t#]|- |$)", re.MULTILINE)

ClientT_co = TypeVar("ClientT_co", bound="Client[SessionBase]", covariant=True)
SweepT = TypeVar("SweepT")


class SweepBase(UnknownNames, PageHtml, ReadOnlyAttributes, Generic[ClientT_co]):
    """What `Sweep` and `AsyncSweep` share: all that takes no request."""

    __slots__ = ("_client", "_entity", "_fields", "_project")

    _why_fixed = "a sweep is read-only, and nothing would be saved; pause(), resume(), stop() and \
cancel() set its state"

    def __init__(self, client: ClientT_co, entity: str, project: str, fields: SweepFields) -> None:
        self._client = client
        self._entity = entity
        self._project = project
        self._fields = fields

    @override
    def __repr__(self) -> str:
        if not hasattr(self, "_fields"):  # an interrupt came while it was made
            return f"<{type(self).__name__}, not made>"
        shown = f"{'/'.join(self.path)} ({self.state})"
        return f"<{type(self).__name__} {as_message(shown)}>"

    def _repr_html_(self) -> str:
        """What a notebook shows of the sweep; sends nothing."""
        if not hasattr(self, "_fields"):
            return html_text(repr(self))
        return sweep_html(self, self._fields.display_name)

    @override
    def __eq__(self, other: object) -> bool:
        return self.path == other.path if isinstance(other, SweepBase) else NotImplemented

    @override
    def __hash__(self) -> int:
        return hash(tuple(self.path))

    @property
    def id(self) -> str:
        """The sweep's id: the last part of its URL."""
        return self._fields.id

    @property
    def storage_id(self) -> str | None:
        """What W&B's database calls the sweep."""
        return self._fields.storage_id

    @property
    def entity(self) -> str:
        """The user or team that owns the project."""
        return self._entity

    @property
    @deprecated("W&B deprecates sweep.username; use sweep.entity", category=DeprecatedNameWarning)
    def username(self) -> str:
        """`entity`, as W&B's SDK spelt it once; deprecated."""
        return self._entity

    @property
    def project(self) -> str:
        """The project's name."""
        return self._project

    @property
    def path(self) -> list[str]:
        """Entity, project and id."""
        return [self._entity, self._project, self.id]

    @property
    @override
    def url(self) -> str:
        """The address of the sweep's page."""
        app_url = self._client.settings.app_url
        return page_url(app_url, self._entity, self._project, "sweeps", self.id)

    @property
    def name(self) -> str:
        """The human name: one given later, else the `name` in the definition, else the id.

        Follows W&B's own `Sweep.name`. A definition that is not a YAML mapping has no name.

        Raises:
            MissingDependencyError: The definition may hold the name, and PyYAML is not installed.
        """
        if self._fields.display_name:
            return self._fields.display_name
        if _MAY_NAME.search(self.config_yaml) is None:
            return self.id
        try:
            defined = self.config.get("name")
        except BadResponseError:
            return self.id
        return str(defined) if defined else self.id

    @property
    def state(self) -> str | None:
        """One of PENDING, RUNNING, PAUSED, CANCELED, FINISHED, or a word that W&B adds later."""
        return self._fields.state

    @property
    def method(self) -> str | None:
        """How values are chosen: grid, random, bayes."""
        return self._fields.method

    @property
    def description(self) -> str | None:
        """Free text."""
        return self._fields.description

    @property
    def best_loss(self) -> float | None:
        """The best value so far of the metric that the sweep optimises."""
        return self._fields.best_loss

    @property
    def created_at(self) -> datetime | None:
        """When the sweep was created, aware, in UTC."""
        return self._moment(self._fields.created_at, "createdAt")

    @property
    def updated_at(self) -> datetime | None:
        """When the sweep was last changed, aware, in UTC."""
        return self._moment(self._fields.updated_at, "updatedAt")

    @property
    def run_count(self) -> int | None:
        """How many runs the sweep has started."""
        return self._fields.run_count

    @property
    def expected_run_count(self) -> int | None:
        """How many runs the sweep will start; None when it goes on for ever."""
        return self._fields.run_count_expected

    @property
    def config_yaml(self) -> str:
        """The definition as W&B stores it: YAML; empty when there is none."""
        return self._fields.config or ""

    @property
    def config(self) -> JSONObject:
        """The definition: method, metric, parameters.

        Raises:
            MissingDependencyError: PyYAML is not installed.
            BadResponseError: The definition is not a YAML mapping.
        """
        with needs_extra("yaml", "a sweep's config, whose text is sweep.config_yaml,"):
            yaml = importlib.import_module("yaml")
        try:
            loaded: object = yaml.safe_load(self.config_yaml)
        except (ValueError, yaml.YAMLError) as error:
            raise self._malformed() from error
        if loaded is None:
            loaded = {}
        if not isinstance(loaded, dict):
            raise self._malformed()
        return read_only_graph(cast("dict[str, object]", loaded))

    @property
    def order(self) -> str | None:
        """The order that puts the best run first, from the metric in `config`.

        None when the definition names no metric. Follows W&B's own `Sweep.order`.
        """
        metric = self.config.get("metric")
        if not isinstance(metric, dict) or not isinstance(metric.get("name"), str):
            return None
        sign = "-" if metric.get("goal") == "maximize" else "+"
        return f"{sign}summary_metrics.{metric['name']}"

    def _set_state(self, change: StateChange) -> Flow[SweepFields]:
        where = (self._entity, self._project, self.id)
        return set_state(
            self._client, "/".join(where), self._fields, change, lambda: fetch_sweep(*where)
        )

    def _moment(self, text: str | None, field: str) -> datetime | None:
        try:
            return None if text is None else parse_moment(text)
        except ValueError as error:
            raise BadResponseError(
                f"the server's {field} of sweep {'/'.join(self.path)!r} is {text!r}, not an ISO "
                "8601 instant; ask for the sweep again",
                status=200,
            ) from error

    def _malformed(self) -> BadResponseError:
        return BadResponseError(
            f"the config of sweep {'/'.join(self.path)!r} is not a YAML mapping; "
            "sweep.config_yaml holds the text",
            status=200,
        )


AnySweep: TypeAlias = "SweepBase[Client[SessionBase]]"
"""A sweep of whichever client."""


class SweepsBase(Generic[ClientT_co, SweepT]):
    """The sweeps of a listing, each fetched once, however many of its runs are asked for it."""

    __slots__ = ("_client", "_known", "_new_sweep")

    def __init__(
        self,
        client: ClientT_co,
        new_sweep: Callable[[ClientT_co, str, str, SweepFields], SweepT],
    ) -> None:
        self._client = client
        self._new_sweep = new_sweep
        self._known: dict[tuple[str, str, str], SweepT | None] = {}

    @override
    def __reduce__(self) -> tuple[type[Self], tuple[ClientT_co]]:
        return type(self), (self._client,)

    def _fetch(self, *path: *tuple[str, str, str]) -> Flow[SweepT | None]:
        if path not in self._known:
            try:
                fields = yield from fetch_sweep(*path)
            except NotFoundError:
                self._known[path] = None
            else:
                self._known[path] = self._new_sweep(self._client, path[0], path[1], fields)
        return self._known[path]


def fetch_sweep(entity: str, project: str, sweep_id: str) -> Flow[SweepFields]:
    """Ask for one sweep.

    Raises:
        NotFoundError: No such project or sweep.
    """
    answer = yield from ask(get_sweep(entity=entity, project=project, id=sweep_id))
    fields = answer.project.sweep if answer.project is not None else None
    if fields is None:
        raise missing_sweep(entity, project, sweep_id)
    return fields
