"""A typed, fast and light client for reading and managing experiment runs in Weights & Biases.

>>> from wandb_runs import Api
>>> api = Api(base_url=server.url, api_key="any-key")
>>> for run in api.runs("sample/digits", {"state": "finished"}, order="-summary_metrics.accuracy"):
...     print(run.state, run.summary["accuracy"] > 0.9)
...     break
finished True
"""

import logging
from typing import TYPE_CHECKING

from wandb_runs._version import __version__
from wandb_runs.errors import (
    AuthenticationError,
    BadResponseError,
    CertificateError,
    ChangeOutcome,
    ChangesError,
    ConnectionFailedError,
    DegradedServerWarning,
    DeprecatedNameWarning,
    DriftError,
    DriftWarning,
    EmptyJoinWarning,
    ExportError,
    FieldValidationError,
    GraphQLError,
    HiddenValueWarning,
    HistoriesError,
    IgnoredArgumentWarning,
    IncompleteExportWarning,
    InvalidArgumentError,
    MissingDependencyError,
    MissingItemsWarning,
    MissingLinesWarning,
    MissingValueError,
    NotFoundError,
    NothingToRemoveWarning,
    PermissionDeniedError,
    RateLimitError,
    ReadOnlyError,
    RepairedExportWarning,
    RequestTimeoutError,
    ResponseError,
    ResponseTooLargeError,
    RunValidationError,
    SchemaError,
    ServerError,
    TransportError,
    TruncatedResponseError,
    UndrawnWarning,
    UnknownKeyWarning,
    UnknownMetricWarning,
    UnknownStateWarning,
    UnsafeNameError,
    UnsupportedByServerError,
    UnverifiedFileWarning,
    UpdateConflictError,
    WandbRunsError,
    WandbRunsWarning,
)
from wandb_runs.frames.plan import Format, Join, OnError, Stream
from wandb_runs.frames.rows import Row
from wandb_runs.frames.table import TableRow
from wandb_runs.graphql.connections import Connection, OperationBuilder
from wandb_runs.graphql.operation import Operation
from wandb_runs.graphql.scalars import JSONObject, JSONValue
from wandb_runs.graphql.schema import schema_path
from wandb_runs.pagination.checkpoint import Checkpoint
from wandb_runs.pagination.progress import Progress
from wandb_runs.query.fields import (
    CreatedAt,
    DisplayName,
    Duration,
    Group,
    HeartbeatAt,
    Host,
    JobType,
    RunId,
    State,
    SweepId,
    Tags,
    UpdatedAt,
    Username,
)
from wandb_runs.query.filter_text import parse_filter
from wandb_runs.query.filters import Condition, Filters, RawFilter
from wandb_runs.query.key_fields import Config, Summary
from wandb_runs.query.order import FieldOrder, Order, RawOrder
from wandb_runs.runs.api import Api
from wandb_runs.runs.console import ConsoleLine
from wandb_runs.runs.explain import Explanation
from wandb_runs.runs.files.downloads import Downloads, FileDownload
from wandb_runs.runs.files.file_progress import FileProgress
from wandb_runs.runs.files.run_file import RunFile, RunFiles
from wandb_runs.runs.iterators import RunIterator, RunPages
from wandb_runs.runs.models import OnInvalid
from wandb_runs.runs.nodes import NodeIterator, Nodes
from wandb_runs.runs.project import Project, Projects, ProjectSweeps
from wandb_runs.runs.project_base import ProjectKey
from wandb_runs.runs.run import Run
from wandb_runs.runs.runs import Runs
from wandb_runs.runs.sweep import Sweep
from wandb_runs.runs.user import User
from wandb_runs.transport import (
    Answered,
    AsyncClock,
    AsyncRetryingClient,
    AsyncTransport,
    Clock,
    HttpTransport,
    Request,
    RequestSent,
    Response,
    Retrying,
    RetryingClient,
    Server,
    Stats,
    Transport,
)

if TYPE_CHECKING:
    from wandb_runs.aio import (
        AsyncApi,
        AsyncHttpTransport,
        AsyncNodeIterator,
        AsyncNodes,
        AsyncProject,
        AsyncProjects,
        AsyncProjectSweeps,
        AsyncRun,
        AsyncRunFile,
        AsyncRunFiles,
        AsyncRunIterator,
        AsyncRunPages,
        AsyncRuns,
        AsyncSweep,
    )
    from wandb_runs.diagnosis import Check, DoctorReport, doctor, doctor_async
else:

    def __getattr__(name: str) -> object:
        """Import the awaiting half, and `doctor`, on first use: most programs need neither."""
        if name in {"Check", "DoctorReport", "doctor", "doctor_async"}:
            from wandb_runs import diagnosis as room  # noqa: PLC0415 - few programs use it
        elif name.startswith("Async"):
            from wandb_runs import aio as room  # noqa: PLC0415 - it imports asyncio
        else:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(room, name)


__all__ = [
    "Answered",
    "Api",
    "AsyncApi",
    "AsyncClock",
    "AsyncHttpTransport",
    "AsyncNodeIterator",
    "AsyncNodes",
    "AsyncProject",
    "AsyncProjectSweeps",
    "AsyncProjects",
    "AsyncRetryingClient",
    "AsyncRun",
    "AsyncRunFile",
    "AsyncRunFiles",
    "AsyncRunIterator",
    "AsyncRunPages",
    "AsyncRuns",
    "AsyncSweep",
    "AsyncTransport",
    "AuthenticationError",
    "BadResponseError",
    "CertificateError",
    "ChangeOutcome",
    "ChangesError",
    "Check",
    "Checkpoint",
    "Clock",
    "Condition",
    "Config",
    "Connection",
    "ConnectionFailedError",
    "ConsoleLine",
    "CreatedAt",
    "DegradedServerWarning",
    "DeprecatedNameWarning",
    "DisplayName",
    "DoctorReport",
    "Downloads",
    "DriftError",
    "DriftWarning",
    "Duration",
    "EmptyJoinWarning",
    "Explanation",
    "ExportError",
    "FieldOrder",
    "FieldValidationError",
    "FileDownload",
    "FileProgress",
    "Filters",
    "Format",
    "GraphQLError",
    "Group",
    "HeartbeatAt",
    "HiddenValueWarning",
    "HistoriesError",
    "Host",
    "HttpTransport",
    "IgnoredArgumentWarning",
    "IncompleteExportWarning",
    "InvalidArgumentError",
    "JSONObject",
    "JSONValue",
    "JobType",
    "Join",
    "MissingDependencyError",
    "MissingItemsWarning",
    "MissingLinesWarning",
    "MissingValueError",
    "NodeIterator",
    "Nodes",
    "NotFoundError",
    "NothingToRemoveWarning",
    "OnError",
    "OnInvalid",
    "Operation",
    "OperationBuilder",
    "Order",
    "PermissionDeniedError",
    "Progress",
    "Project",
    "ProjectKey",
    "ProjectSweeps",
    "Projects",
    "RateLimitError",
    "RawFilter",
    "RawOrder",
    "ReadOnlyError",
    "RepairedExportWarning",
    "Request",
    "RequestSent",
    "RequestTimeoutError",
    "Response",
    "ResponseError",
    "ResponseTooLargeError",
    "Retrying",
    "RetryingClient",
    "Row",
    "Run",
    "RunFile",
    "RunFiles",
    "RunId",
    "RunIterator",
    "RunPages",
    "RunValidationError",
    "Runs",
    "SchemaError",
    "Server",
    "ServerError",
    "State",
    "Stats",
    "Stream",
    "Summary",
    "Sweep",
    "SweepId",
    "TableRow",
    "Tags",
    "Transport",
    "TransportError",
    "TruncatedResponseError",
    "UndrawnWarning",
    "UnknownKeyWarning",
    "UnknownMetricWarning",
    "UnknownStateWarning",
    "UnsafeNameError",
    "UnsupportedByServerError",
    "UnverifiedFileWarning",
    "UpdateConflictError",
    "UpdatedAt",
    "User",
    "Username",
    "WandbRunsError",
    "WandbRunsWarning",
    "__version__",
    "doctor",
    "doctor_async",
    "parse_filter",
    "schema_path",
]

# Silent, unless the program that uses this package says what to do with its records.
logging.getLogger("wandb_runs").addHandler(logging.NullHandler())
