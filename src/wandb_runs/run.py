"""`Run`: one run, with what it was configured with and what it logged."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Final, Generic, Literal, NamedTuple, cast, overload

from typing_extensions import TypeVar, override

from wandb_runs._generated import get_run, get_run_details, get_run_file
from wandb_runs.checked import check, node_of
from wandb_runs.documents import EVERYTHING, INTERNAL_KEYS, Asked, read_config, read_document
from wandb_runs.errors import BadResponseError, EmptyJoinWarning, InvalidArgumentError
from wandb_runs.flow import ask
from wandb_runs.histories import (
    HistoryScan,
    build,
    check_format,
    check_installed,
    fetch_rows,
    is_apart,
    last_step_of,
    plan_histories,
    plan_scan,
)
from wandb_runs.jsontext import JSONObject
from wandb_runs.location import missing_run, page_url
from wandb_runs.moment import parse_moment
from wandb_runs.settings import Address
from wandb_runs.user import User

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    import pandas as pd
    import polars as pl

    from wandb_runs._generated import RunDetailFields, RunFields
    from wandb_runs.checked import Checked, Node
    from wandb_runs.flow import Flow
    from wandb_runs.histories import Format, Join, Row, Stream
    from wandb_runs.jsontext import JSONValue
    from wandb_runs.sweep import Sweep, Sweeps
    from wandb_runs.transport import RetryingClient

__all__ = ["ConfigT_co", "Home", "Run", "SummaryT_co", "created_text", "fetch_run"]

ConfigT_co = TypeVar("ConfigT_co", covariant=True, default=JSONObject)
SummaryT_co = TypeVar("SummaryT_co", covariant=True, default=JSONObject)

K = TypeVar("K", bound=str)

_METADATA_FILE: Final = "wandb-metadata.json"

# Where a node keeps what was made of it.
_CONFIG: Final = "config as given"
_SUMMARY: Final = "summary as logged"
_METADATA: Final = "metadata or null"


class _NotGiven:
    """What `pandas=` is when nobody passed it: True, and known not to have been passed."""

    def __bool__(self) -> Literal[True]:
        return True

    @override
    def __repr__(self) -> str:
        return "True"


NOT_GIVEN: Final = _NotGiven()


class Home(NamedTuple):
    """What the runs of one listing share.

    Attributes:
        client: What sends requests.
        entity: The user or team that owns the project.
        project: The project's name.
        sweeps: Where `run.sweep` looks; None where nothing is to be asked for it.
        asked: The keys of config and summary that the listing asks for.
    """

    client: RetryingClient
    entity: str
    project: str
    sweeps: Sweeps | None
    asked: Asked = EVERYTHING


class _Details(NamedTuple):
    node: Node
    fields: RunDetailFields


class Run(Generic[ConfigT_co, SummaryT_co]):
    """One run, as it stood when it was listed.

    Made by listing (`api.runs(...)`) and by `api.run("entity/project/run_id")`. Reading an
    attribute sends no request, but for those that say so. Two runs are equal when entity,
    project and id are. Threads may share one; `refresh` swaps its contents in one step.

    `config` and `summary` are decoded when first touched, and kept. They hold every key, or those
    that the listing was told to ask for.

    >>> run = api.runs("sample/digits", {"state": "finished"})[0]
    >>> run == api.run("/".join(run.path))
    True
    >>> isinstance(run.config["optimizer"], str)
    True
    """

    __slots__ = ("__weakref__", "_checked", "_details", "_home", "_node")

    def __init__(self, home: Home, node: Node) -> None:
        self._home = home
        self._node = node
        self._checked: Checked | None = None
        self._details: _Details | None = None

    @override
    def __repr__(self) -> str:
        return f"<Run {'/'.join(self.path)} ({self._node.get('state')})>"

    @override
    def __eq__(self, other: object) -> bool:
        return self.path == other.path if isinstance(other, Run) else NotImplemented

    @override
    def __hash__(self) -> int:
        return hash((self._home.entity, self._home.project, self.id))

    # Who and where.

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
        """The same as `name`, under the wire's word for it."""
        return self._read("name").name

    @property
    def entity(self) -> str:
        """The user or team that owns the project."""
        return self._home.entity

    @property
    def project(self) -> str:
        """The project's name."""
        return self._home.project

    @property
    def path(self) -> list[str]:
        """Entity, project and id; joined by `/` it is what `api.run` takes."""
        return [self._home.entity, self._home.project, self.id]

    @property
    def url(self) -> str:
        """The address of the run's page."""
        return page_url(
            self._home.client.settings, self._home.entity, self._home.project, "runs", self.id
        )

    @property
    def user(self) -> User | None:
        """Who started the run; None for a user who is gone or hidden."""
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

    # How it went.

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
        """When the run was last heard of, aware, in UTC."""
        text = self._read("heartbeatAt").heartbeat_at
        return None if text is None else self._moment(text, "heartbeatAt")

    @property
    def tags(self) -> list[str]:
        """The labels that users put on the run; empty when it has none."""
        return [tag for tag in self._read("tags").tags or () if tag is not None]

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

    @property
    def sweep(self) -> Sweep | None:
        """The sweep that started the run.

        The first touch sends a request, one for each distinct sweep of a listing. None without
        a request when the run has no sweep, or was listed with `include_sweeps=False`.
        """
        if self._home.sweeps is None or not self.sweep_name:
            return None
        return self._home.sweeps.get(self._home.entity, self._home.project, self.sweep_name)

    # What it was given and what it logged.

    @property
    def config(self) -> ConfigT_co:
        """The hyperparameters, without W&B's own `_wandb` and `wandb_version`.

        Raises:
            BadResponseError: What the server stores is not a JSON object.
        """
        node = self._node
        config = node.get(_CONFIG)
        if not isinstance(config, dict):
            config = self._read_config(node)
            for key in INTERNAL_KEYS:
                config.pop(key, None)
            node[_CONFIG] = config
        return cast("ConfigT_co", config)

    @property
    def raw_config(self) -> JSONObject:
        """The hyperparameters and W&B's own `_wandb` and `wandb_version`, decoded anew.

        Raises:
            BadResponseError: What the server stores is not a JSON object.
        """
        return self._read_config(self._node)

    @property
    def rawconfig(self) -> JSONObject:
        """The same as `raw_config`, as W&B's SDK spells it."""
        return self.raw_config

    @property
    def summary(self) -> SummaryT_co:
        """The last, best or chosen value of each metric, with W&B's own `_wandb`.

        Raises:
            BadResponseError: What the server stores is not a JSON object.
        """
        node = self._node
        summary = node.get(_SUMMARY)
        if not isinstance(summary, dict):
            text = node.get("summaryMetrics")
            if text is not None and not isinstance(text, str):
                text = self._read("summaryMetrics").summary_metrics
            summary = self._document(text, "summaryMetrics", self._home.asked.summary)
            node[_SUMMARY] = summary
        return cast("SummaryT_co", summary)

    @property
    def summary_metrics(self) -> SummaryT_co:
        """The same as `summary`, under the wire's word for it."""
        return self.summary

    @property
    def history_line_count(self) -> int | None:
        """How many rows the history has."""
        return self._read("historyLineCount").history_line_count

    @property
    def system_metrics(self) -> JSONObject:
        """The last value of each machine metric; the first touch sends a request.

        Raises:
            BadResponseError: What the server stores is not a JSON object.
        """
        return self._document(self._load_details().system_metrics, "systemMetrics")

    @property
    def metadata(self) -> JSONObject | None:
        """What the run's machine and program were, from `wandb-metadata.json`.

        The first touch sends two requests. None when the run saved no such file.

        Raises:
            BadResponseError: The file is not a JSON object.
        """
        node = self._node
        if _METADATA not in node:
            address = self._home.client.run(
                _find_file(self._home.entity, self._home.project, self.id, _METADATA_FILE)
            )
            if address is None:
                node[_METADATA] = None
            else:
                text = self._home.client.download(address).decode("utf-8", "replace")
                node[_METADATA] = self._document(text, "metadata")
        metadata = node[_METADATA]
        return metadata if isinstance(metadata, dict) else None

    @property
    def history_keys(self) -> JSONObject | None:
        """What the history holds, as W&B describes it; the first touch sends a request.

        `{"sets": [], "lastStep": 9, "keys": {"loss": {"typeCounts": [...], ...}}}`, or None
        without a history.

        Raises:
            BadResponseError: What came is not a JSON object.
        """
        keys = self._load_details().history_keys
        if keys is not None and not isinstance(keys, dict):
            raise self._malformed("historyKeys", f"{keys!r:.80}, not a JSON object")
        return cast("JSONObject | None", keys)

    @property
    def last_history_step(self) -> int:
        """The last step of the history; -1 without one. The first touch sends a request.

        Raises:
            BadResponseError: What came is not a step.
        """
        keys = self.history_keys
        if keys is None or keys.get("lastStep") is None:
            return -1
        last = last_step_of(keys)
        if last is None:
            raise self._malformed("lastStep", f"{keys['lastStep']!r:.80}, not a step")
        return last

    @property
    def lastHistoryStep(self) -> int:  # noqa: N802 - W&B's spelling, for code that moves over
        """The same as `last_history_step`, as W&B's SDK spells it."""
        return self.last_history_step

    @overload
    def history(
        self,
        samples: int = 500,
        keys: list[K] | tuple[K, ...] | None = None,
        x_axis: str = "_step",
        pandas: Literal[True] = True,
        stream: Stream = "default",
        *,
        format: None = None,
        join: Join = "inner",
    ) -> pd.DataFrame: ...
    @overload
    def history(
        self,
        samples: int = 500,
        keys: list[K] | tuple[K, ...] | None = None,
        x_axis: str = "_step",
        *,
        pandas: Literal[False],
        stream: Stream = "default",
        format: None = None,
        join: Join = "inner",
    ) -> list[Row]: ...
    @overload
    def history(
        self,
        samples: int,
        keys: list[K] | tuple[K, ...] | None,
        x_axis: str,
        pandas: Literal[False],
        stream: Stream = "default",
        *,
        format: None = None,
        join: Join = "inner",
    ) -> list[Row]: ...
    @overload
    def history(
        self,
        samples: int = 500,
        keys: list[K] | tuple[K, ...] | None = None,
        x_axis: str = "_step",
        *,
        stream: Stream = "default",
        format: Literal["default"],
        join: Join = "inner",
    ) -> list[Row]: ...
    @overload
    def history(
        self,
        samples: int = 500,
        keys: list[K] | tuple[K, ...] | None = None,
        x_axis: str = "_step",
        *,
        stream: Stream = "default",
        format: Literal["pandas"],
        join: Join = "inner",
    ) -> pd.DataFrame: ...
    @overload
    def history(
        self,
        samples: int = 500,
        keys: list[K] | tuple[K, ...] | None = None,
        x_axis: str = "_step",
        *,
        stream: Stream = "default",
        format: Literal["polars"],
        join: Join = "inner",
    ) -> pl.DataFrame: ...
    @overload
    def history(
        self,
        samples: int = 500,
        keys: list[K] | tuple[K, ...] | None = None,
        x_axis: str = "_step",
        pandas: bool = True,
        stream: Stream = "default",
        *,
        format: None = None,
        join: Join = "inner",
    ) -> list[Row] | pd.DataFrame: ...
    @overload
    def history(
        self,
        samples: int = 500,
        keys: list[K] | tuple[K, ...] | None = None,
        x_axis: str = "_step",
        *,
        stream: Stream = "default",
        format: Format | None,
        join: Join = "inner",
    ) -> list[Row] | pd.DataFrame | pl.DataFrame: ...
    def history(
        self,
        samples: int = 500,
        keys: list[K] | tuple[K, ...] | None = None,
        x_axis: str = "_step",
        pandas: bool | _NotGiven = NOT_GIVEN,
        stream: Stream = "default",
        *,
        format: Format | None = None,
        join: Join = "inner",
    ) -> list[Row] | pd.DataFrame | pl.DataFrame:
        """The sampled history of this run; sends one request.

        Args:
            samples: The most rows, at least 1. With keys they are evenly spread; without, W&B
                chooses them at random.
            keys: The metrics to read; None for all. Several keys give the rows that hold all
                of them, as W&B has it; of machine metrics, the rows that hold any.
            x_axis: The metric that comes first in each row. Machine metrics have no `_step`:
                there it stands for `_runtime`, in seconds.
            pandas: Whether to return a `pandas.DataFrame` or a list of dicts.
            stream: `"default"` for metrics, `"system"` for machine metrics.
            format: `"default"` for a list of dicts, `"pandas"` or `"polars"` for a frame; in
                place of `pandas=`.
            join: `"inner"` for the rows that hold all keys; `"outer"` for all rows of each key,
                merged by `_step`, which is right for metrics that are logged at different steps:
                up to `samples` rows for each key.

        Returns:
            The columns and dtypes of `Runs.histories`, without `run_id`.

        Raises:
            InvalidArgumentError: An argument that cannot be right, or both `pandas=` and
                `format=`; nothing was sent.
            MissingDependencyError: The format's library is not installed; nothing was sent.
            NotFoundError: The run is gone.

        Warns:
            EmptyJoinWarning: The run has rows of each key and none of all. Finding out costs
                another request, when there is no row.

        >>> run.history(samples=2, keys=["loss"], format="polars").columns
        ['_step', 'loss']
        """
        plan = plan_histories(samples, keys, x_axis, stream, join=join, run_id=False)
        to = _choose_format(pandas, format)
        check_installed(to)
        client, where = self._home.client, (self._home.entity, self._home.project, self.id)
        rows = client.run(fetch_rows(*where, plan))
        may_be_apart = plan.can_miss and not rows and self.history_line_count != 0
        if may_be_apart and client.run(is_apart(*where, plan)):
            warnings.warn(EmptyJoinWarning([self.id]), stacklevel=2)
        return build([(self.id, rows)], plan, to=to, run_id=False)

    def scan_history(
        self,
        keys: list[K] | tuple[K, ...] | None = None,
        page_size: int = 1000,
        min_step: int = 0,
        max_step: int | None = None,
        *,
        use_cache: bool | None = None,
    ) -> Iterator[Row]:
        """Every row of the history, unsampled, in the order of steps.

        The arguments are checked at once; requests are sent as rows are taken: one for the last
        step, then about one for each `page_size` steps.

        Args:
            keys: Only rows that hold all of these, with their `_step` and these alone; None
                for whole rows.
            page_size: The most rows to ask for at once, at least 1.
            min_step: The first step.
            max_step: The step before which to stop; None for the whole history.
            use_cache: Ignored, with a warning: nothing is kept on disk.

        Raises:
            InvalidArgumentError: An argument that cannot be right; nothing was sent.
            NotFoundError: The run is gone.

        >>> losses = [row["loss"] for row in run.scan_history(keys=["loss"])]
        >>> len(losses) >= len(run.history(samples=5, keys=["loss"], pandas=False))
        True
        """
        if use_cache is not None:
            warnings.warn(
                "use_cache= does nothing: nothing is kept on disk",
                DeprecationWarning,
                stacklevel=2,
            )
        scan = HistoryScan(
            self._home.entity,
            self._home.project,
            self.id,
            plan_scan(keys, page_size, min_step, max_step),
        )
        return self._take(scan)

    def _take(self, scan: HistoryScan) -> Iterator[Row]:
        while (rows := self._home.client.run(scan.next_rows())) is not None:
            yield from rows

    def refresh(self) -> None:
        """Ask for the run again: for runs that are still running.

        Raises:
            NotFoundError: The run is gone.
        """
        fields = self._home.client.run(
            fetch_run(self._home.entity, self._home.project, self.id, asked=self._home.asked)
        )
        # The one thing to swap: what was made of the old node is known by it, or kept in it.
        self._node = node_of(fields)

    def _load_details(self) -> RunDetailFields:
        node, details = self._node, self._details
        if details is None or details.node is not node:
            flow = _fetch_details(self._home.entity, self._home.project, self.id)
            details = self._details = _Details(node, self._home.client.run(flow))
        return details.fields

    def _read(self, field: str) -> RunFields:
        """The run's values, of which `field`, as the wire calls it, is about to be read.

        Raises:
            BadResponseError: It is not what the schema promises.
        """
        node, checked = self._node, self._checked
        if checked is None or checked.node is not node:
            checked = self._checked = check(node)
        if field in checked.wrong:
            raise self._malformed(field, f"not what the schema promises ({checked.wrong[field]})")
        return checked.fields

    def _read_config(self, node: Node) -> dict[str, JSONValue]:
        text = node.get("config")
        if text is not None and not isinstance(text, str):
            text = self._read("config").config
        try:
            return read_config(text, self._home.asked.config)
        except ValueError as error:
            raise self._malformed("config", str(error)) from error

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
            raise self._malformed(field, "null")
        return value

    def _malformed(self, field: str, found: str) -> BadResponseError:
        return BadResponseError(
            f"the server's {field} of run {'/'.join(self.path)!r} is {found}; run.refresh() "
            "asks again",
            status=200,
        )


def _choose_format(pandas: object, format: object) -> Format:
    if format is None:
        if not isinstance(pandas, bool | _NotGiven):
            raise InvalidArgumentError(
                f"pandas must be True or False, got {type(pandas).__name__}; format= names a format"
            )
        return "pandas" if pandas else "default"
    if pandas is not NOT_GIVEN:
        raise InvalidArgumentError("pass pandas= or format=, not both")
    return check_format(format)


def fetch_run(
    entity: str, project: str, run_id: str, *, asked: Asked = EVERYTHING
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
            config_keys=asked.config,
            summary_keys=asked.summary,
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


def created_text(run: Run[object, object]) -> JSONValue:
    """When a run was created, as the server wrote it."""
    return run._node.get("createdAt")  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] - the class's own module
