"""What `Run` and `AsyncRun` share: attributes, decoding, and the flows of their methods."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, ClassVar, Final, Generic, Literal, NamedTuple, TypeAlias, cast

from typing_extensions import TypeVar, deprecated, override

from wandb_runs.errors import (
    BadResponseError,
    DeprecatedNameWarning,
    EmptyJoinWarning,
    InvalidArgumentError,
    RunValidationError,
    UnknownMetricWarning,
)
from wandb_runs.errors.text import FieldsRepr, as_message
from wandb_runs.frames.build import build
from wandb_runs.frames.one_run import (
    fetch_rows,
    has_disjoint_metrics,
    missing_warning,
    suggest_metrics,
)
from wandb_runs.frames.plan import check_format
from wandb_runs.frames.scan import last_step_of
from wandb_runs.graphql._generated import get_run, get_run_details, get_run_file
from wandb_runs.graphql.documents import INTERNAL_KEYS, read_config, read_document
from wandb_runs.graphql.flow import ask
from wandb_runs.graphql.nested import outer_keys
from wandb_runs.graphql.read_only import read_only, read_only_object
from wandb_runs.graphql.scalars import JSONObject, parse_moment
from wandb_runs.query.keys import EVERYTHING, KeySelection
from wandb_runs.query.location import missing_run, page_url
from wandb_runs.runs.assignment import ReadOnlyAttributes
from wandb_runs.runs.attributes import schema_attributes
from wandb_runs.runs.exact.file_tables import Reading
from wandb_runs.runs.exact.one_run import fetch_every_row
from wandb_runs.runs.exact.origins import note_origins
from wandb_runs.runs.field_values import FieldValues
from wandb_runs.runs.markup import html_text
from wandb_runs.runs.models import NO_MODELS, Models
from wandb_runs.runs.notebook import run_html
from wandb_runs.runs.page_html import PageHtml
from wandb_runs.runs.record import read_record, to_node
from wandb_runs.runs.unknown_names import UnknownNames
from wandb_runs.runs.user import User
from wandb_runs.transport.settings import Address

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime
    from typing import Self

    import pandas as pd
    import polars as pl

    from wandb_runs.errors import WandbRunsWarning
    from wandb_runs.frames.plan import Format, HistoryPlan
    from wandb_runs.frames.rows import Row
    from wandb_runs.graphql._generated import RunDetailFields, RunFields
    from wandb_runs.graphql.flow import Flow
    from wandb_runs.graphql.scalars import JSONValue
    from wandb_runs.query.mentions import Section
    from wandb_runs.runs.models import Model
    from wandb_runs.runs.record import Node, RunRecord
    from wandb_runs.transport.client_base import Client
    from wandb_runs.transport.session import SessionBase

__all__ = [
    "CHANGED_BY",
    "NOT_GIVEN",
    "AnyRun",
    "ConfigT_co",
    "NotGiven",
    "RunBase",
    "RunContext",
    "SummaryT_co",
    "choose_format",
    "created_text",
    "fetch_run",
    "fits",
    "sent_config",
    "sent_summary",
]

ConfigT_co = TypeVar("ConfigT_co", covariant=True, default=JSONObject)
SummaryT_co = TypeVar("SummaryT_co", covariant=True, default=JSONObject)

ClientT_co = TypeVar("ClientT_co", bound="Client[SessionBase]", covariant=True)
SweepsT_co = TypeVar("SweepsT_co", covariant=True)

_log = logging.getLogger("wandb_runs")

_METADATA_FILE: Final = "wandb-metadata.json"

# Keys under which a node keeps what was decoded; no field has a space in its name.
_CONFIG: Final = "config as given"
_SUMMARY: Final = "summary as logged"
_METADATA: Final = "metadata or null"
_SENT: Final[Mapping[Section, str]] = {"config": "config as sent", "summary": "summary as sent"}
_NOT_MADE: Final = object()


CHANGED_BY: Final[Mapping[str, str]] = {
    "name": "run.update(name=...)",
    "display_name": "run.update(name=...)",
    "notes": "run.update(notes=...)",
    "tags": "run.update(tags=[...])",
    "group": "run.update(group=...)",
    "job_type": "run.update(job_type=...)",
    "config": "run.update(config={...})",
    "summary": "run.update(summary={...})",
    "summary_metrics": "run.update(summary={...})",
    "state": "run.update_state(...)",
}
"""The calls that change what is an attribute of a run, by its name."""


class NotGiven:
    """The default of `pandas=`: true, and told apart from an explicit True."""

    def __bool__(self) -> Literal[True]:
        return True

    @override
    def __repr__(self) -> str:
        return "True"


NOT_GIVEN: Final = NotGiven()


@dataclass(frozen=True, slots=True, repr=False)
class RunContext(FieldsRepr, Generic[ClientT_co, SweepsT_co]):
    """What the runs of one listing share.

    Attributes:
        client: The client that sends requests.
        entity: The user or team that owns the project.
        project: The project's name.
        sweeps: The sweeps of the listing; None where `run.sweep` is to send nothing.
        keys: The keys of config and summary that the listing asks for.
        models: The types that config and summary are validated as.
    """

    client: ClientT_co
    entity: str
    project: str
    sweeps: SweepsT_co | None
    keys: KeySelection = EVERYTHING
    models: Models = NO_MODELS


ContextT_co = TypeVar(
    "ContextT_co", bound="RunContext[Client[SessionBase], object]", covariant=True
)


class _Details(NamedTuple):
    node: Node
    fields: RunDetailFields
    history_keys: object  # read-only


class RunBase(
    UnknownNames,
    PageHtml,
    ReadOnlyAttributes,
    FieldValues,
    Generic[ContextT_co, ConfigT_co, SummaryT_co],
):
    """What `Run` and `AsyncRun` share: all but the sending."""

    __slots__ = ("__weakref__", "_context", "_details", "_node", "_record")

    _why_fixed = "a run is read-only"
    _instead: ClassVar[Mapping[str, str]] = CHANGED_BY

    def __init__(self, context: ContextT_co, node: Node) -> None:
        self._context = context
        self._node = node
        self._record: RunRecord | None = None
        self._details: _Details | None = None

    @override
    def __repr__(self) -> str:
        if not hasattr(self, "_node"):  # an interrupt came while it was made
            return f"<{type(self).__name__}, not made>"
        shown = f"{'/'.join(self.path)} ({self._node.get('state')})"
        return f"<{type(self).__name__} {as_message(shown)}>"

    def _repr_html_(self) -> str:
        """What a notebook shows of the run; sends nothing."""
        if not hasattr(self, "_node"):
            return html_text(repr(self))
        node = self._node
        return run_html(self, partial(self._plain_config, node), partial(self._plain_summary, node))

    @override
    def __eq__(self, other: object) -> bool:
        return self.path == other.path if isinstance(other, RunBase) else NotImplemented

    @override
    def __hash__(self) -> int:
        return hash((self._context.entity, self._context.project, self.id))

    @override
    def __reduce__(self) -> tuple[type[Self], tuple[object, Node]]:
        # Without what was decoded: the process that loads it may lack the types.
        node = {name: value for name, value in self._node.items() if " " not in name}
        return type(self), (self._context, node)

    # Identity.

    @property
    def id(self) -> str:
        """The run's id, unique in its project: the last part of its URL (the wire's `name`)."""
        return str(self._node["id"])

    @property
    def storage_id(self) -> str:
        """What W&B's database calls the run (the wire's `id`)."""
        return self._told(self._read("storageId").storage_id, "id")

    @property
    def name(self) -> str | None:
        """The human name (the wire's `displayName`)."""
        return self._read("name").name

    @property
    def display_name(self) -> str | None:
        """The human name: `name` as the wire calls it."""
        return self._read("name").name

    @property
    def entity(self) -> str:
        """The user or team that owns the project."""
        return self._context.entity

    @property
    @deprecated("W&B deprecates run.username; use run.entity", category=DeprecatedNameWarning)
    def username(self) -> str:
        """`entity`, as W&B's SDK spelt it once; deprecated. The owner is `user`."""
        return self._context.entity

    @property
    def project(self) -> str:
        """The project's name."""
        return self._context.project

    @property
    @override
    def path(self) -> list[str]:
        """Entity, project and id; joined by `/` it is what `api.run` takes."""
        return [self._context.entity, self._context.project, self.id]

    @property
    @override
    def url(self) -> str:
        """The address of the run's page."""
        context = self._context
        return page_url(
            context.client.settings.app_url, context.entity, context.project, "runs", self.id
        )

    @property
    def user(self) -> User | None:
        """The owner of the run; None if the account is deleted or hidden."""
        user = self._read("user").user
        return None if user is None else User(username=user.username, name=user.name)

    @property
    def project_internal_id(self) -> int | None:
        """A number that W&B's own tools use to name the project."""
        text = self._read("projectInternalId").project_internal_id
        try:
            return int(text) if text is not None and text.isdecimal() else None
        except ValueError as error:  # more digits than Python reads
            raise self._malformed("projectId", f"a text of {len(text or '')} digits") from error

    # State.

    @property
    def state(self) -> str:
        """One of running, finished, crashed, failed, killed, pending, preempting, preempted.

        W&B may add words: treat it as an open set.
        """
        state = self._node.get("state")
        return state if isinstance(state, str) else self._told(self._read("state").state, "state")

    @property
    def created_at(self) -> datetime:
        """When the run began, aware, in UTC."""
        return self._moment(
            self._told(self._read("createdAt").created_at, "createdAt"), "createdAt"
        )

    @property
    def updated_at(self) -> datetime | None:
        """When the run was last changed, aware, in UTC."""
        text = self._read("updatedAt").updated_at
        return None if text is None else self._moment(text, "updatedAt")

    @property
    def heartbeat_at(self) -> datetime | None:
        """When the run last sent a heartbeat, aware, in UTC."""
        text = self._read("heartbeatAt").heartbeat_at
        return None if text is None else self._moment(text, "heartbeatAt")

    @property
    def tags(self) -> list[str]:
        """The labels that users put on the run, a read-only list; empty when it has none."""
        return read_only([tag for tag in self._read("tags").tags or () if tag is not None])

    @property
    def group(self) -> str | None:
        """The name of the group that the run belongs to."""
        return self._read("group").group

    @property
    def job_type(self) -> str | None:
        """What kind of work the run does: train or eval, say."""
        return self._read("jobType").job_type

    @property
    def notes(self) -> str | None:
        """Free text, in Markdown."""
        return self._read("notes").notes

    @property
    def description(self) -> str | None:
        """Free text of older runs."""
        return self._read("description").description

    @property
    def commit(self) -> str | None:
        """The commit of the code that ran."""
        return self._read("commit").commit

    @property
    def host(self) -> str | None:
        """The machine that ran it."""
        return self._read("host").host

    @property
    def read_only(self) -> bool | None:
        """Whether the API key may only read the run."""
        return self._read("readOnly").read_only

    @property
    def sweep_name(self) -> str | None:
        """The id of the sweep that started the run; never sends a request."""
        return self._read("sweepName").sweep_name

    # Config and summary.

    @property
    def config(self) -> ConfigT_co:
        """The hyperparameters, without W&B's own `_wandb` and `wandb_version`.

        A read-only `dict` throughout, unless the listing was given a type.

        Raises:
            BadResponseError: What the server stores is not a JSON object.
            RunValidationError: It does not fit the type that the listing was given.
        """
        # Of this node throughout: another thread may refresh the run meanwhile.
        node = self._node
        config: object = node.get(_CONFIG, _NOT_MADE)
        if config is _NOT_MADE:
            model = self._context.models.config
            config = (
                read_only_object(self._plain_config(node), "config")
                if model is None
                else self._validated(model, self._plain_config, node)
            )
            node[_CONFIG] = cast("JSONValue", config)  # read again as an object only
        return cast("ConfigT_co", config)

    @property
    def raw_config(self) -> JSONObject:
        """The hyperparameters and W&B's own `_wandb` and `wandb_version`, decoded anew.

        Raises:
            BadResponseError: What the server stores is not a JSON object.
        """
        return read_only_object(self._plain_config(self._node, internal=True))

    @property
    def rawconfig(self) -> JSONObject:
        """`raw_config`, as W&B's SDK spells it."""
        return self.raw_config

    @property
    def json_config(self) -> str:
        """The hyperparameters as W&B stores them: JSON, each value in an object of its own.

        `{"lr": {"value": 0.1, "desc": null}, "_wandb": {"value": {...}}}`.

        Raises:
            BadResponseError: What came is not a text.
        """
        text, keys = self._read("config").config or "{}", outer_keys(self._context.keys.config)
        if keys is None or not self._context.client.server.lacks("Run.config(keys:)"):
            return text
        whole = self._document(text, "config")
        return json.dumps({key: whole[key] for key in whole if key in keys}, ensure_ascii=False)

    @property
    def summary(self) -> SummaryT_co:
        """The last, best or chosen value of each metric, with W&B's own `_wandb`.

        A read-only `dict` throughout, unless the listing was given a type.

        Raises:
            BadResponseError: What the server stores is not a JSON object.
            RunValidationError: It does not fit the type that the listing was given.
        """
        node = self._node  # throughout, as for config
        summary: object = node.get(_SUMMARY, _NOT_MADE)
        if summary is _NOT_MADE:
            model = self._context.models.summary
            summary = (
                read_only_object(self._plain_summary(node), "summary")
                if model is None
                else self._validated(model, self._plain_summary, node)
            )
            node[_SUMMARY] = cast("JSONValue", summary)
        return cast("SummaryT_co", summary)

    @property
    def summary_metrics(self) -> SummaryT_co:
        """`summary`, as the wire calls it."""
        return self.summary

    @property
    def history_line_count(self) -> int | None:
        """How many rows the history has."""
        return self._read("historyLineCount").history_line_count

    @override
    def _held(self, section: Section) -> JSONObject:
        node, name = self._node, _SENT[section]
        held = node.get(name)
        if held is None:
            is_config = section == "config"
            document = (
                self._plain_config(node, internal=True, is_whole=True)
                if is_config
                else self._plain_summary(node, is_whole=True)
            )
            held = node[name] = cast("JSONValue", read_only_object(document))
        return cast("JSONObject", held)

    @override
    def _listed_keys(self) -> KeySelection:
        return self._context.keys

    # Flows, which either kind of client runs.

    @property
    def _where(self) -> tuple[str, str, str]:
        return self._context.entity, self._context.project, self.id

    def _fetch_attributes(self, *, again: bool) -> Flow[JSONObject]:
        if again:
            yield from self._fetch_again()
        node = self._node
        return schema_attributes(
            node, self._plain_config(node, internal=True), self._plain_summary(node)
        )

    def _fetch_details(self) -> Flow[_Details]:
        node, details = self._node, self._details
        if details is None or details.node is not node:
            fields = yield from _fetch_details(*self._where)
            keys: object = fields.history_keys
            if isinstance(keys, dict):
                keys = read_only_object(cast("JSONObject", keys))
            details = self._details = _Details(node, fields, keys)
        return details

    def _fetch_system_metrics(self) -> Flow[JSONObject]:
        details = yield from self._fetch_details()
        return read_only_object(self._document(details.fields.system_metrics, "systemMetrics"))

    def _fetch_history_keys(self) -> Flow[JSONObject | None]:
        keys = (yield from self._fetch_details()).history_keys
        if keys is not None and not isinstance(keys, dict):
            raise self._malformed("historyKeys", f"{keys!r:.80}, not a JSON object")
        return cast("JSONObject | None", keys)

    def _fetch_last_history_step(self) -> Flow[int]:
        keys = yield from self._fetch_history_keys()
        if keys is None:
            self._check_supported("historyKeys")
        if keys is None or keys.get("lastStep") is None:
            return -1
        last = last_step_of(keys)
        if last is None:
            raise self._malformed("lastStep", f"{keys['lastStep']!r:.80}, not a step")
        return last

    def _fetch_history(
        self, plan: HistoryPlan, to: Format
    ) -> Flow[tuple[list[Row] | pd.DataFrame | pl.DataFrame, WandbRunsWarning | None]]:
        """The rows, and why some may be left out, or why there may be none."""
        if plan.is_exact:
            reading = self._reading()
            parts, warning, origin = yield from fetch_every_row(self._where, plan, reading)
            built = build([(self.id, part) for part in parts], plan, to=to, run_id=False)
            return note_origins(built, {self.id: origin}), warning
        rows, warning = yield from self._fetch_sample(plan)
        return build([(self.id, rows)], plan, to=to, run_id=False), warning

    def _reading(self) -> Reading:
        """What files of histories are read with."""
        client = self._context.client
        return Reading(client.settings, client.options.max_response_bytes)

    def _fetch_sample(self, plan: HistoryPlan) -> Flow[tuple[list[Row], WandbRunsWarning | None]]:
        entity, project, _ = self._where
        rows, names = yield from fetch_rows(*self._where, plan)
        if plan.stream == "system":
            return rows, (yield from missing_warning(entity, project, names, plan))
        if self.history_line_count == 0:
            return rows, None
        missing = plan.columns_without_rows(rows) if plan.can_be_disjoint else frozenset[str]()
        if missing and (yield from has_disjoint_metrics(*self._where, plan, missing)):
            return rows, EmptyJoinWarning([self.id], plan.x_axis)
        if rows or plan.keys is None:
            return rows, (yield from missing_warning(entity, project, names, plan))
        unknown = yield from suggest_metrics(*self._where, (plan.x_axis, *(plan.keys or ())))
        return rows, UnknownMetricWarning(self.id, unknown) if unknown else None

    def _fetch_again(self) -> Flow[None]:
        fields = yield from fetch_run(*self._where, keys=self._context.keys)
        # A swap of one attribute is atomic: what was decoded is kept in the node, or with it.
        self._node = to_node(fields)

    def _find_metadata(self, node: Node) -> Flow[Address | None]:
        """The address of the metadata file; None without one, or if it has been read."""
        if _METADATA in node:
            return None
        return (yield from _find_file(*self._where, _METADATA_FILE))

    def _read_metadata(self, node: Node, content: bytes | None) -> JSONObject | None:
        """The content of the file, decoded once."""
        if _METADATA not in node:
            node[_METADATA] = (
                None
                if content is None
                else cast(
                    "JSONValue",  # read again as an object only
                    read_only_object(
                        self._document(content.decode("utf-8", "replace"), "metadata")
                    ),
                )
            )
        metadata = node[_METADATA]
        return metadata if isinstance(metadata, dict) else None

    # Decoding and validation.

    def _validated(
        self, model: Model[object], read: Callable[[Node], JSONObject], node: Node
    ) -> object:
        # Read anew for each attempt: validators may change what they are given.
        return model.read(partial(read, node), "/".join(self.path))

    def _read(self, field: str) -> RunFields:
        """The validated values, of which `field` (its name on the wire) is about to be read.

        Raises:
            BadResponseError: It is not what the schema promises.
        """
        node, record = self._node, self._record
        if record is None or record.node is not node:
            record = self._record = read_record(node)
        if field in record.wrong:
            raise self._malformed(field, f"not what the schema promises ({record.wrong[field]})")
        return record.fields

    def _plain_config(
        self, node: Node, *, internal: bool = False, is_whole: bool = False
    ) -> JSONObject:
        """The config, with W&B's own keys only if `internal`.

        Args:
            node: The run's object in an answer.
            internal: Whether to keep W&B's own keys.
            is_whole: Whether to keep all that came, and not the keys of the listing alone.
        """
        text = node.get("config")
        if text is not None and not isinstance(text, str):
            text = self._read("config").config
        try:
            document = read_config(text, None if is_whole else self._context.keys.config)
        except ValueError as error:
            raise self._malformed("config", str(error)) from error
        if not internal:
            for key in INTERNAL_KEYS:
                if key in document:
                    del document[key]
        return document

    def _plain_summary(self, node: Node, *, is_whole: bool = False) -> JSONObject:
        text = node.get("summaryMetrics")
        if text is not None and not isinstance(text, str):
            text = self._read("summaryMetrics").summary_metrics
        keys = None if is_whole else self._context.keys.summary
        return self._document(text, "summaryMetrics", keys)

    def _document(
        self, text: str | None, field: str, keys: tuple[str, ...] | None = None
    ) -> dict[str, JSONValue]:
        try:
            return read_document(text, keys)
        except ValueError as error:
            raise self._malformed(field, str(error)) from error

    def _moment(self, text: str, field: str) -> datetime:
        try:
            return parse_moment(text)
        except ValueError as error:
            raise self._malformed(field, f"{text!r}, not an ISO 8601 instant") from error

    def _told(self, value: str | None, field: str) -> str:
        if value is None:
            self._check_supported(field)
            raise self._malformed(field, "null")
        return value

    def _check_supported(self, field: str) -> None:
        """Check that a value did not come as null since the server lacks the field.

        Raises:
            UnsupportedByServerError: The server lacks it.
        """
        server, coordinate = self._context.client.server, f"Run.{field}"
        if server.lacks(coordinate):
            raise server.unsupported("this value of a run", (coordinate,))

    def _malformed(self, field: str, found: str) -> BadResponseError:
        return BadResponseError(
            f"the server's {field} of run {'/'.join(self.path)!r} is {found}; run.refresh() "
            "asks again",
            status=200,
        )


AnyRun: TypeAlias = "RunBase[RunContext[Client[SessionBase], object], object, object]"
"""A run of whichever client, config and summary."""


def choose_format(pandas: object, format: object) -> Format:
    """The format of a history: `format` if given, else by `pandas`.

    Raises:
        InvalidArgumentError: Both were passed, or a value that is no choice.
    """
    if format is None:
        if not isinstance(pandas, bool | NotGiven):
            raise InvalidArgumentError(
                f"pandas must be True or False, got {type(pandas).__name__}; format= names a format"
            )
        return "pandas" if pandas else "default"
    if pandas is not NOT_GIVEN:
        raise InvalidArgumentError("pass pandas= or format=, not both")
    return check_format(format)


def fetch_run(
    entity: str, project: str, run_id: str, *, keys: KeySelection = EVERYTHING
) -> Flow[RunFields]:
    """Ask for one run.

    Raises:
        NotFoundError: No such project or run.
    """
    answer = yield from ask(
        get_run(
            entity=entity,
            project=project,
            id=run_id,
            config_keys=outer_keys(keys.config),
            summary_keys=outer_keys(keys.summary),
        )
    )
    fields = answer.project.run if answer.project is not None else None
    if fields is None:
        raise missing_run(entity, project, run_id)
    return fields


def _fetch_details(entity: str, project: str, run_id: str) -> Flow[RunDetailFields]:
    answer = yield from ask(get_run_details(entity=entity, project=project, id=run_id))
    details = answer.project.run if answer.project is not None else None
    if details is None:
        raise missing_run(entity, project, run_id)
    return details


def _find_file(entity: str, project: str, run_id: str, name: str) -> Flow[Address | None]:
    """The address of a file that a run saved; None without one."""
    answer = yield from ask(get_run_file(entity=entity, project=project, id=run_id, names=[name]))
    run = answer.project.run if answer.project is not None else None
    if run is None:
        raise missing_run(entity, project, run_id)
    edges = (run.files.edges if run.files is not None else None) or ()
    files = (edge.node for edge in edges if edge is not None and edge.node is not None)
    urls = (file.direct_url for file in files if file.name == name)
    return next((Address(url) for url in urls if url is not None), None)


def created_text(run: AnyRun) -> JSONValue:
    """The time of creation as the server sent it."""
    return run._node.get("createdAt")  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] - the class's own module


def sent_config(run: AnyRun) -> JSONObject:
    """All that came of the config, decoded anew, W&B's own keys among it."""
    return run._plain_config(run._node, internal=True, is_whole=True)  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] - the class's own module


def sent_summary(run: AnyRun) -> JSONObject:
    """All that came of the summary, decoded anew."""
    return run._plain_summary(run._node, is_whole=True)  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] - the class's own module


def fits(run: AnyRun) -> bool:
    """Whether config and summary are valid for the models; logs a warning if not."""
    models = run._context.models  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] - the class's own module
    try:
        if models.config is not None:
            _ = run.config
        if models.summary is not None:
            _ = run.summary
    except RunValidationError as error:
        problems = "; ".join(error.problems)
        left_out = f"run {error.path!r} is left out: in its {error.part}, {problems}"
        _log.warning("%s", as_message(left_out))
        return False
    return True
