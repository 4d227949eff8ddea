"""A typed, fast and light client for reading experiment runs from Weights & Biases.

>>> from wandb_runs import Api
>>> api = Api(base_url=server.url, api_key="any-key")
>>> for run in api.runs("sample/digits", {"state": "finished"}, order="-summary_metrics.accuracy"):
...     print(run.state, run.summary["accuracy"] > 0.9)
...     break
finished True
"""

import logging

from wandb_runs.api import Api
from wandb_runs.checkpoint import Checkpoint
from wandb_runs.errors import (
    AuthenticationError,
    BadResponseError,
    CertificateError,
    ConnectionFailedError,
    DriftError,
    DriftWarning,
    EmptyJoinWarning,
    GraphQLError,
    HistoriesError,
    InvalidArgumentError,
    MissingDependencyError,
    NotFoundError,
    PermissionDeniedError,
    RateLimitError,
    RequestTimeoutError,
    ResponseError,
    ResponseTooLargeError,
    RunValidationError,
    SchemaError,
    ServerError,
    TransportError,
    TruncatedResponseError,
    WandbRunsError,
)
from wandb_runs.explain import Explanation
from wandb_runs.filters import Filters, RawFilter
from wandb_runs.histories import Format, Join, OnError, Row, Stream
from wandb_runs.iteration import RunIterator, RunPages
from wandb_runs.jsontext import JSONObject, JSONValue
from wandb_runs.models import OnInvalid
from wandb_runs.order import Order, RawOrder
from wandb_runs.progress import Progress
from wandb_runs.run import Run
from wandb_runs.runs import Runs
from wandb_runs.sweep import Sweep
from wandb_runs.transport import Clock, Request, Response, RetryingClient, Stats, Transport
from wandb_runs.user import User
from wandb_runs.version import __version__

__all__ = [
    "Api",
    "AuthenticationError",
    "BadResponseError",
    "CertificateError",
    "Checkpoint",
    "Clock",
    "ConnectionFailedError",
    "DriftError",
    "DriftWarning",
    "EmptyJoinWarning",
    "Explanation",
    "Filters",
    "Format",
    "GraphQLError",
    "HistoriesError",
    "InvalidArgumentError",
    "JSONObject",
    "JSONValue",
    "Join",
    "MissingDependencyError",
    "NotFoundError",
    "OnError",
    "OnInvalid",
    "Order",
    "PermissionDeniedError",
    "Progress",
    "RateLimitError",
    "RawFilter",
    "RawOrder",
    "Request",
    "RequestTimeoutError",
    "Response",
    "ResponseError",
    "ResponseTooLargeError",
    "RetryingClient",
    "Row",
    "Run",
    "RunIterator",
    "RunPages",
    "RunValidationError",
    "Runs",
    "SchemaError",
    "ServerError",
    "Stats",
    "Stream",
    "Sweep",
    "Transport",
    "TransportError",
    "TruncatedResponseError",
    "User",
    "WandbRunsError",
    "__version__",
]

# Silent, unless the program that uses this package says what to do with its records.
logging.getLogger("wandb_runs").addHandler(logging.NullHandler())
