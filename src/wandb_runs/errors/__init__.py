"""What can go wrong: exceptions, warnings, and how their messages suggest the right spelling."""

from wandb_runs.errors.exceptions import (
    AuthenticationError,
    BadResponseError,
    CertificateError,
    ConnectionFailedError,
    DriftError,
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
    asked_too_much,
)
from wandb_runs.errors.warnings import DriftWarning, EmptyJoinWarning, UnknownMetricWarning

__all__ = [
    "AuthenticationError",
    "BadResponseError",
    "CertificateError",
    "ConnectionFailedError",
    "DriftError",
    "DriftWarning",
    "EmptyJoinWarning",
    "GraphQLError",
    "HistoriesError",
    "InvalidArgumentError",
    "MissingDependencyError",
    "NotFoundError",
    "PermissionDeniedError",
    "RateLimitError",
    "RequestTimeoutError",
    "ResponseError",
    "ResponseTooLargeError",
    "RunValidationError",
    "SchemaError",
    "ServerError",
    "TransportError",
    "TruncatedResponseError",
    "UnknownMetricWarning",
    "WandbRunsError",
    "asked_too_much",
]


def _name_the_room() -> None:
    """Have tracebacks and pickles name the place that programs import from, not the file inside."""
    for name in __all__:
        globals()[name].__module__ = __name__


_name_the_room()
