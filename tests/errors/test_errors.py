"""Errors have a message, keep their attributes when pickled, and derive from builtin errors."""

from __future__ import annotations

import copy
import pickle

import pytest

from wandb_runs import (
    AuthenticationError,
    BadResponseError,
    CertificateError,
    ConnectionFailedError,
    GraphQLError,
    InvalidArgumentError,
    MissingDependencyError,
    NotFoundError,
    PermissionDeniedError,
    RateLimitError,
    RequestTimeoutError,
    ResponseTooLargeError,
    ServerError,
    TruncatedResponseError,
    WandbRunsError,
)

EXAMPLES: list[WandbRunsError] = [
    InvalidArgumentError("no"),
    MissingDependencyError("no"),
    NotFoundError("no"),
    ConnectionFailedError("no"),
    RequestTimeoutError("no"),
    AuthenticationError("no", status=401, request_id="r", attempts=1),
    PermissionDeniedError("no", status=403),
    RateLimitError("no", retry_after=2.5, attempts=3),
    NotFoundError("no", status=404, request_id="r", attempts=2),
    ConnectionFailedError("no", attempts=4, may_have_arrived=False),
    CertificateError("no", attempts=1, may_have_arrived=False),
    RequestTimeoutError("no", attempts=2),
    ServerError("no", status=503, attempts=6, retry_after=7.0),
    TruncatedResponseError("no", status=200, attempts=2),
    ResponseTooLargeError("no", status=200, request_id="r"),
    BadResponseError("no", status=200),
    GraphQLError("no", status=400, errors=["first", "second"], data={"project": None}),
]


@pytest.mark.parametrize("error", EXAMPLES, ids=lambda error: type(error).__name__)
def test_an_error_survives_pickle_and_copy(error: WandbRunsError) -> None:
    for twin in (pickle.loads(pickle.dumps(error)), copy.copy(error), copy.deepcopy(error)):
        assert type(twin) is type(error)
        assert twin.message == str(twin) == "no"
        assert vars(twin) == vars(error)


def test_errors_derive_from_builtin_errors() -> None:
    assert issubclass(InvalidArgumentError, ValueError)
    assert issubclass(MissingDependencyError, ImportError)
    assert issubclass(RequestTimeoutError, TimeoutError)
