"""Errors have a message, keep their attributes when pickled, and derive from builtin errors."""

from __future__ import annotations

import copy
import pickle

import pytest

import wandb_runs
from wandb_runs import (
    AuthenticationError,
    BadResponseError,
    CertificateError,
    ConnectionFailedError,
    DegradedServerWarning,
    DeprecatedNameWarning,
    DriftWarning,
    EmptyJoinWarning,
    FieldValidationError,
    GraphQLError,
    HiddenValueWarning,
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
    RepairedExportWarning,
    RequestTimeoutError,
    ResponseTooLargeError,
    ServerError,
    TruncatedResponseError,
    UndrawnWarning,
    UnknownKeyWarning,
    UnknownMetricWarning,
    UnknownStateWarning,
    UnsafeNameError,
    UnsupportedByServerError,
    UnverifiedFileWarning,
    WandbRunsError,
    WandbRunsWarning,
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
    FieldValidationError("no", path="e/p/r", part="config", problems=["a"], field="Config('a')"),
    MissingValueError("no", path="e/p/r", field="Config('a')"),
    UnsafeNameError("no", name="../x"),
    UnsupportedByServerError("no", missing=["Run.host"], status=422, errors=["first"]),
]


@pytest.mark.parametrize("error", EXAMPLES, ids=lambda error: type(error).__name__)
def test_an_error_survives_pickle_and_copy(error: WandbRunsError) -> None:
    for twin in (pickle.loads(pickle.dumps(error)), copy.copy(error), copy.deepcopy(error)):
        assert type(twin) is type(error)
        assert twin.message == str(twin) == "no"
        assert vars(twin) == vars(error)


WARNINGS: list[WandbRunsWarning] = [
    DegradedServerWarning("https://wandb.example", {"Run.host": "run.host is None"}),
    DriftWarning(["a"], 1, ["b"]),
    EmptyJoinWarning(["a"]),
    EmptyJoinWarning(["a"], call="scan_history"),
    DeprecatedNameWarning("no"),
    HiddenValueWarning({"config.a.b": ["config['a']['b']"]}, ["r1"]),
    IncompleteExportWarning(
        "data", {"r1": "no answer"}, {"r2/m.pt": "it is gone"}, {"r2/aux": "no"}
    ),
    RepairedExportWarning("data", {"runs/runs.parquet": "damaged/x"}, {"r1": "damaged/x"}),
    IgnoredArgumentWarning("no"),
    UndrawnWarning(3, "loss", "infinite"),
    UnknownKeyWarning("order", {"x": "y", "z": None}, 3),
    UnknownMetricWarning("r1", {"los": "loss"}),
    UnknownMetricWarning("r1", {"x": None}, 2, "system", "others", "x_axis"),
    UnknownStateWarning("filters", {"x": None}, ["running"]),
    MissingItemsWarning("projects", 2),
    MissingLinesWarning("r1", 2),
    NothingToRemoveWarning("unset_config", {"lrr": "lr"}, ["r1"]),
    NothingToRemoveWarning("remove_tags", {"a": None}, ["r1", "r2"]),
    UnverifiedFileWarning(["r1/model.pt"], "the server gives no MD5 digest"),
]


@pytest.mark.parametrize("warning", WARNINGS, ids=lambda warning: type(warning).__name__)
def test_a_warning_survives_pickle_and_copy(warning: WandbRunsWarning) -> None:
    for twin in (pickle.loads(pickle.dumps(warning)), copy.copy(warning), copy.deepcopy(warning)):
        assert type(twin) is type(warning)
        assert str(twin) == str(warning)
        assert vars(twin) == vars(warning)


def test_every_warning_is_one_of_the_package() -> None:
    public = {getattr(wandb_runs, name) for name in wandb_runs.__all__ if name.endswith("Warning")}
    assert {WandbRunsWarning, *map(type, WARNINGS)} == public
    assert all(issubclass(each, WandbRunsWarning) for each in public)
    assert issubclass(WandbRunsWarning, UserWarning)
    # Where Python shows no `DeprecationWarning` by default, it shows none of these.
    assert issubclass(IgnoredArgumentWarning, DeprecationWarning)
    assert issubclass(DeprecatedNameWarning, DeprecationWarning)


def test_an_unknown_key_is_told_of_one_run_and_of_several() -> None:
    names = {"x": "y", "z": None}
    assert str(UnknownKeyWarning("order", names, 1)) == (
        "order: the newest run has no 'x' (did you mean 'y'?) and no 'z'"
    )
    assert str(UnknownKeyWarning("order", names, 2)) == (
        "order: none of the 2 newest runs has 'x' (did you mean 'y'?) or 'z'"
    )


def test_of_many_unknown_names_the_first_ones_are_told() -> None:
    names = {f"m{number}": None for number in range(2000)}
    told = str(UnknownMetricWarning("r", names, 3, rows="others"))
    assert told.startswith("no row of 3 runs has 'm0' or 'm1' or ")
    assert told.endswith(" or 'm9' or 1990 more")


def test_errors_derive_from_builtin_errors() -> None:
    assert issubclass(InvalidArgumentError, ValueError)
    assert issubclass(MissingDependencyError, ImportError)
    assert issubclass(RequestTimeoutError, TimeoutError)
