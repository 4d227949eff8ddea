"""A typed, fast and light client for reading experiment runs from Weights & Biases.

>>> from wandb_runs import Api
>>> api = Api(base_url=server.url, api_key="any-key")
>>> for run in api.runs("sample/digits", {"state": "finished"}, order="-summary_metrics.accuracy"):
...     print(run.state, run.summary["accuracy"] > 0.9)
...     break
finished True
"""

from wandb_runs.api import Api
from wandb_runs.checkpoint import Checkpoint
from wandb_runs.errors import (
    AuthenticationError,
    BadResponseError,
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
    SchemaError,
    ServerError,
    TransportError,
    WandbRunsError,
)
from wandb_runs.explain import Explanation
from wandb_runs.filters import Filters, RawFilter
from wandb_runs.histories import Format, Join, OnError, Row, Stream
from wandb_runs.iteration import RunIterator, RunPages
from wandb_runs.jsontext import JSONObject, JSONValue
from wandb_runs.order import Order, RawOrder
from wandb_runs.progress import Progress
from wandb_runs.run import Run
from wandb_runs.runs import Runs
from wandb_runs.sweep import Sweep
from wandb_runs.transport import Request, Response, RetryingClient, Transport
from wandb_runs.user import User
from wandb_runs.version import __version__

__all__ = [
    "Api",
    "AuthenticationError",
    "BadResponseError",
    "Checkpoint",
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
    "RetryingClient",
    "Row",
    "Run",
    "RunIterator",
    "RunPages",
    "Runs",
    "SchemaError",
    "ServerError",
    "Stream",
    "Sweep",
    "Transport",
    "TransportError",
    "User",
    "WandbRunsError",
    "__version__",
]
