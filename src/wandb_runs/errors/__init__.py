"""Errors: exceptions, warnings, and how their messages suggest the right spelling."""

from wandb_runs.errors.exceptions import (
    AuthenticationError,
    BadResponseError,
    CertificateError,
    ChangesError,
    ConnectionFailedError,
    DriftError,
    GraphQLError,
    HistoriesError,
    InvalidArgumentError,
    MissingDependencyError,
    NotFoundError,
    PermissionDeniedError,
    RateLimitError,
    ReadOnlyError,
    RequestTimeoutError,
    ResponseError,
    ResponseTooLargeError,
    RunValidationError,
    SchemaError,
    ServerError,
    TransportError,
    TruncatedResponseError,
    UnsupportedByServerError,
    UpdateConflictError,
    WandbRunsError,
    is_too_large,
)
from wandb_runs.errors.outcome import ChangeOutcome
from wandb_runs.errors.warnings import (
    DegradedServerWarning,
    DeprecatedNameWarning,
    DriftWarning,
    EmptyJoinWarning,
    HiddenValueWarning,
    IgnoredArgumentWarning,
    MissingLinesWarning,
    UndrawnWarning,
    UnknownKeyWarning,
    UnknownMetricWarning,
    UnknownStateWarning,
    WandbRunsWarning,
)

__all__ = [
    "AuthenticationError",
    "BadResponseError",
    "CertificateError",
    "ChangeOutcome",
    "ChangesError",
    "ConnectionFailedError",
    "DegradedServerWarning",
    "DeprecatedNameWarning",
    "DriftError",
    "DriftWarning",
    "EmptyJoinWarning",
    "GraphQLError",
    "HiddenValueWarning",
    "HistoriesError",
    "IgnoredArgumentWarning",
    "InvalidArgumentError",
    "MissingDependencyError",
    "MissingLinesWarning",
    "NotFoundError",
    "PermissionDeniedError",
    "RateLimitError",
    "ReadOnlyError",
    "RequestTimeoutError",
    "ResponseError",
    "ResponseTooLargeError",
    "RunValidationError",
    "SchemaError",
    "ServerError",
    "TransportError",
    "TruncatedResponseError",
    "UndrawnWarning",
    "UnknownKeyWarning",
    "UnknownMetricWarning",
    "UnknownStateWarning",
    "UnsupportedByServerError",
    "UpdateConflictError",
    "WandbRunsError",
    "WandbRunsWarning",
    "is_too_large",
]


def _set_public_module() -> None:
    """Make tracebacks and pickles name `wandb_runs.errors`, not the file inside."""
    for name in __all__:
        globals()[name].__module__ = __name__


_set_public_module()
