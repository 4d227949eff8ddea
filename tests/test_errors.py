"""Every error says something, keeps its facts through a pickle, and has its place in the tree."""

from __future__ import annotations

import copy
import pickle

import pytest

from wandb_runs import (
    AuthenticationError,
    BadResponseError,
    ConnectionFailedError,
    GraphQLError,
    InvalidArgumentError,
    MissingDependencyError,
    NotFoundError,
    PermissionDeniedError,
    RateLimitError,
    RequestTimeoutError,
    ServerError,
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
    ServerError("no", status=503, attempts=6),
    BadResponseError("no", status=200),
    GraphQLError("no", status=400, errors=["first", "second"], data={"project": None}),
]


@pytest.mark.parametrize("error", EXAMPLES, ids=lambda error: type(error).__name__)
def test_an_error_survives_pickle_and_copy(error: WandbRunsError) -> None:
    for twin in (pickle.loads(pickle.dumps(error)), copy.copy(error), copy.deepcopy(error)):
        assert type(twin) is type(error)
        assert twin.message == str(twin) == "no"
        assert vars(twin) == vars(error)


def test_errors_are_also_what_python_calls_them() -> None:
    assert issubclass(InvalidArgumentError, ValueError)
    assert issubclass(MissingDependencyError, ImportError)
    assert issubclass(RequestTimeoutError, TimeoutError)
