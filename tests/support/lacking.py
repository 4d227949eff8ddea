"""All that is read of a project, call by call, and what is left of it where a server lacks names.

What a server may lack is taken from the generated table; what a caller then reads is said here.
"""

from __future__ import annotations

import warnings
from functools import partial
from typing import TYPE_CHECKING, Final, NamedTuple, cast

from typing_extensions import override

from wandb_runs import (
    Api,
    DegradedServerWarning,
    DeprecatedNameWarning,
    NotFoundError,
    ProjectKey,
    Run,
    Sweep,
    UnsupportedByServerError,
    User,
)
from wandb_runs.cli.typegen import read_documents
from wandb_runs.cli.typegen.shapes import shape_of
from wandb_runs.graphql._generated.selections import FRAGMENTS, OPERATIONS
from wandb_runs.graphql.selections import sent_names, without

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from wandb_runs.testing import LocalServer

__all__ = [
    "ALL_OPTIONAL",
    "ESSENTIAL",
    "OPTIONAL",
    "PATH",
    "Raised",
    "Reading",
    "concerned",
    "expected",
    "read",
]

PATH: Final = "sample/digits"
_LOSS: Final = ["loss"]
_BEST: Final = "-summary_metrics.accuracy"

# Which send a request, each for itself.
_DETAILS: Final = ("history_keys", "last_history_step", "metadata", "sweep", "system_metrics")


_KINDS: Final[tuple[type[object], ...]] = (Run, Sweep, User)


class Raised:
    """An error that was raised: equal to another of its kind."""

    def __init__(self, kind: type[Exception], missing: Iterable[str] = ()) -> None:
        self.kind = kind
        self.missing = frozenset(missing)

    @override
    def __eq__(self, other: object) -> bool:
        return isinstance(other, Raised) and self.kind is other.kind

    @override
    def __hash__(self) -> int:
        return hash(self.kind)

    @override
    def __repr__(self) -> str:
        return f"{self.kind.__name__}({sorted(self.missing)})"


_UNSUPPORTED: Final = Raised(UnsupportedByServerError)


def _tried(get: Callable[[], object]) -> object:
    try:
        return get()
    except UnsupportedByServerError as error:
        return Raised(UnsupportedByServerError, error.missing)
    except NotFoundError:
        return Raised(NotFoundError)


def _shown(value: object) -> object:
    """A value that compares by all that can be read of it."""
    kind = next((kind for kind in _KINDS if type(value) is kind), None)
    if kind is not None:
        names = [name for name in dir(kind) if not name.startswith("_")]
        if kind is not User:
            names = [name for name in names if isinstance(getattr(kind, name), property)]
        left_out = {*_DETAILS, "lastHistoryStep", "runs"}
        shown = {
            name: _tried(partial(_read_attribute, value, name))
            for name in names
            if name not in left_out and not callable(getattr(kind, name, None))
        }
        return {"kind": kind.__name__, **shown}
    if isinstance(value, list) or type(value) is tuple:
        return [_shown(each) for each in cast("list[object]", value)]
    if isinstance(value, dict):
        return {name: _shown(each) for name, each in cast("dict[str, object]", value).items()}
    return "NaN" if value != value else value  # noqa: PLR0124 - it alone differs from itself


def _read_attribute(value: object, name: str) -> object:
    return _shown(getattr(value, name))


def _call(name: str, api: Api) -> object:
    return _shown(_CALLS[name](api))


def _detail(name: str, api: Api) -> object:
    run = api.runs(PATH, {"sweep": {"$ne": None}}, "+created_at")[0]
    return {"kind": "Run", name: _tried(lambda: _shown(getattr(run, name)))}


def _documents(api: Api) -> object:
    return {"kind": "Documents", **read_documents(api, PATH)._asdict()}


def _keys_of(api: Api) -> tuple[ProjectKey, ...]:
    return api.project(PATH).keys()


_CALLS: Final[Mapping[str, Callable[[Api], object]]] = {
    "runs": lambda api: list(api.runs(PATH, order=_BEST, per_page=13)),
    "by creation": lambda api: [run.id for run in api.runs(PATH, order="+created_at", per_page=7)],
    "keys": lambda api: list(
        api.runs(
            PATH,
            {"config.optimizer": "adam", "summary_metrics.loss": {"$lt": 9}},
            config_keys=["optimizer", "model.kind"],
            summary_keys=["accuracy"],
            per_page=13,
        )
    ),
    "length": lambda api: len(api.runs(PATH, {"state": "finished"})),
    "run": lambda api: api.run("/".join(api.runs(PATH, order="+created_at")[3].path)),
    "viewer": lambda api: api.viewer,
    "entity": lambda api: api.default_entity,
    "one sweep": lambda api: api.sweep(f"{PATH}/y37vw51v"),
    "histories": lambda api: api.runs(PATH, per_page=11).histories(keys=_LOSS, format="default"),
    "frame": lambda api: api.runs(PATH).histories(keys=_LOSS, format="polars").to_dicts(),
    "joined": lambda api: api.runs(PATH, per_page=11).histories(
        keys=["loss", "accuracy"], join="outer", format="default"
    ),
    "whole": lambda api: api.runs(PATH).histories(samples=5, format="default"),
    "machine": lambda api: api.runs(PATH).histories(
        keys=["system.cpu"], stream="system", format="default"
    ),
    "history": lambda api: api.runs(PATH, order=_BEST)[0].history(keys=_LOSS, pandas=False),
    "rows": lambda api: api.runs(PATH, order=_BEST)[0].history(samples=9, pandas=False),
    "events": lambda api: api.runs(PATH, order=_BEST)[0].history(stream="system", pandas=False),
    "exact": lambda api: api.runs(PATH, per_page=11).histories(keys=_LOSS, exact=True),
    "exact history": lambda api: api.runs(PATH, order=_BEST)[0].history(
        keys=_LOSS, pandas=False, exact=True
    ),
    "scan": lambda api: list(api.runs(PATH, order=_BEST)[0].scan_history()),
    "configs": lambda api: api.runs(PATH, per_page=11).configs(["optimizer"], "default"),
    "all configs": lambda api: api.runs(PATH).configs(format="default"),
    "summaries": lambda api: api.runs(PATH).summaries(["accuracy"], "default"),
    "documents": _documents,
    "project keys": lambda api: [[key.path, key.type] for key in _keys_of(api)],
    "tags": lambda api: api.project(PATH).tags(),
    **{name: partial(_detail, name) for name in _DETAILS},
}


class Reading(NamedTuple):
    """What was read.

    Attributes:
        values: The result of each call.
        operations: What each call sent.
        warned: What a warning said is missing.
        missing: What `api.server.missing` says.
    """

    values: Mapping[str, object]
    operations: Mapping[str, tuple[str, ...]]
    warned: tuple[str, ...]
    missing: tuple[str, ...]

    @override
    def __repr__(self) -> str:
        return f"<Reading without {self.missing}>"


def read(server: LocalServer, calls: Iterable[str] = tuple(_CALLS)) -> Reading:
    """Make all calls, or some, with an `Api` of their own."""
    values: dict[str, object] = {}
    operations: dict[str, tuple[str, ...]] = {}
    with (
        Api(base_url=server.url, api_key="k" * 40) as api,
        warnings.catch_warnings(record=True) as caught,
    ):
        warnings.simplefilter("always")
        warnings.simplefilter("ignore", DeprecatedNameWarning)  # of attributes, which are all read
        for name in calls:
            server.clear_operations()
            values[name] = _tried(partial(_call, name, api))
            operations[name] = tuple(dict.fromkeys(server.operations))
        missing = api.server.missing
    told = [each.message for each in caught]
    assert all(isinstance(each, DegradedServerWarning) for each in told), told
    assert all(each.filename == __file__ for each in caught), "not at the caller's line"
    warned = tuple(
        name for each in told if isinstance(each, DegradedServerWarning) for name in each.missing
    )
    return Reading(values, operations, warned, missing)


def _without_all(operation: str, names: frozenset[str]) -> tuple[frozenset[str], frozenset[str]]:
    """What of some names an operation leaves out, and what it cannot do without."""
    gone = without(OPERATIONS[operation], FRAGMENTS, names)
    return gone.left_out, gone.essential


# What changes things, or reads them to be changed: tested with what it is for, in `tests/changes`.
_OF_CHANGES: Final = frozenset(
    {
        "GetFeatures",
        "GetProject",
        "GetRunState",
        "GetTask",
        "ListFiles",
        "ListLastLogLines",
        "ListLogLines",
        "ListProjects",
        "ListSweeps",
        *(name for name, query in OPERATIONS.items() if query.kind == "mutation"),
    }
)


def _names(apart: frozenset[str] = frozenset()) -> tuple[list[str], list[str]]:
    """Names that some operation leaves out, and names that some operation cannot do without.

    Args:
        apart: Operations that do not count.
    """
    optional: set[str] = set()
    essential: set[str] = set()
    for operation, query in OPERATIONS.items():
        for name in sent_names(without(query, FRAGMENTS, frozenset())):
            if "." in name and operation not in apart:
                needed = _without_all(operation, frozenset({name}))[1]
                (essential if needed else optional).add(name)
    return sorted(optional), sorted(essential)


OPTIONAL, ESSENTIAL = _names(_OF_CHANGES)
ALL_OPTIONAL, _ = _names()

# What is asked for instead.
_APART: Final = {
    ("ListSampledHistories", "Run.sampledHistory"): "GetSampledHistory",
    ("ListHistories", "Run.history"): "GetHistory",
    ("ListEvents", "Run.events"): "GetEvents",
    ("CountRuns", "Project.runCount"): "ListRunIds",
}

# Only a warning depends on these.
_BEST_EFFORT: Final = frozenset({"ListKeys"})

_EMPTY: Final[Mapping[str, object]] = {}

# What a caller reads of a value of each kind, without a name; None where nothing is said.
_LOST: Final[Mapping[str, Mapping[str, Mapping[str, object]]]] = {
    "User.name": {"User": {"name": None}},
    "User.username": {"User": {"username": None}},
    "User.email": {"User": {"email": None}},
    "User.entity": {"User": {"entity": None}},
    "Run.id": {"Run": {"storage_id": _UNSUPPORTED}},
    "Run.state": {"Run": {"state": _UNSUPPORTED}},
    "Run.createdAt": {"Run": {"created_at": _UNSUPPORTED}},
    "Run.displayName": {"Run": {"name": None, "display_name": None}},
    "Run.updatedAt": {"Run": {"updated_at": None}},
    "Run.heartbeatAt": {"Run": {"heartbeat_at": None}},
    "Run.tags": {"Run": {"tags": []}},
    "Run.group": {"Run": {"group": None}},
    "Run.jobType": {"Run": {"job_type": None}},
    "Run.notes": {"Run": {"notes": None}},
    "Run.description": {"Run": {"description": None}},
    "Run.commit": {"Run": {"commit": None}},
    "Run.host": {"Run": {"host": None}},
    "Run.readOnly": {"Run": {"read_only": None}},
    "Run.projectId": {"Run": {"project_internal_id": None}},
    "Run.sweepName": {"Run": {"sweep_name": None, "sweep": None}},
    "Run.user": {"Run": {"user": None}},
    "Run.historyLineCount": {"Run": {"history_line_count": None}},
    "Run.historyKeys": {
        "Run": {"history_keys": None, "last_history_step": _UNSUPPORTED},
        "Documents": {"metrics": None},
    },
    "Run.config": {
        "Run": {"config": _EMPTY, "raw_config": _EMPTY, "rawconfig": _EMPTY, "json_config": "{}"},
        "Documents": {"config": shape_of({})},
    },
    "Run.summaryMetrics": {
        "Run": {"summary": _EMPTY, "summary_metrics": _EMPTY},
        "Documents": {"summary": shape_of({})},
    },
    "Run.systemMetrics": {"Run": {"system_metrics": _EMPTY}},
    "Sweep.id": {"Sweep": {"storage_id": None}},
    "Sweep.displayName": {},
    "Sweep.method": {"Sweep": {"method": None}},
    "Sweep.state": {"Sweep": {"state": None}},
    "Sweep.description": {"Sweep": {"description": None}},
    "Sweep.bestLoss": {"Sweep": {"best_loss": None}},
    "Sweep.config": {
        "Sweep": {"config": _EMPTY, "config_yaml": "", "order": None, "name": "y37vw51v"}
    },
    "Sweep.createdAt": {"Sweep": {"created_at": None}},
    "Sweep.updatedAt": {"Sweep": {"updated_at": None}},
    "Sweep.runCount": {"Sweep": {"run_count": None}},
    "Sweep.runCountExpected": {"Sweep": {"expected_run_count": None}},
}


def expected(whole: Reading, names: frozenset[str]) -> dict[str, object]:
    """What each call gives where a server lacks some names."""
    return {call: _expected(whole, call, names) for call in whole.values}


def concerned(whole: Reading, name: str) -> list[str]:
    """The calls that ask for a name."""
    asking = {
        operation
        for operation, query in OPERATIONS.items()
        if name in sent_names(without(query, FRAGMENTS, frozenset()))
    }
    return [call for call in whole.values if not asking.isdisjoint(_sent_by(whole, call))]


def _sent_by(whole: Reading, call: str) -> tuple[str, ...]:
    # The viewer is asked for once, by the call before.
    return ("GetViewer",) if call == "entity" else whole.operations[call]


def _expected(whole: Reading, call: str, names: frozenset[str]) -> object:
    gone: set[str] = set()
    for operation in _sent_by(whole, call):
        if operation in _BEST_EFFORT:
            continue
        left_out, essential = _without_all(operation, names)
        instead = [_APART[operation, name] for name in left_out if (operation, name) in _APART]
        for each in instead:
            essential |= _without_all(each, names)[1]
        if essential:
            return _error_in(call, essential, operation)
        gone |= left_out
    if call == "entity" and "User.entity" in gone:
        return Raised(NotFoundError)
    return _without(whole.values[call], gone)


def _error_in(call: str, essential: frozenset[str], operation: str) -> object:
    error = Raised(UnsupportedByServerError, essential)
    # The runs were listed before.
    is_of_detail = call in _DETAILS and operation not in {"ListRuns", "GetRun"}
    return {"kind": "Run", call: error} if is_of_detail else error


def _without(value: object, gone: set[str]) -> object:
    if isinstance(value, list):
        return [_without(each, gone) for each in cast("list[object]", value)]
    if not isinstance(value, dict):
        return value
    shown = cast("dict[str, object]", value)
    if "kind" not in shown:
        return shown
    left = {name: _without(each, gone) for name, each in shown.items()}
    for name in gone:
        lost = _LOST.get(name, {}).get(str(left["kind"]), {})
        left.update((each, instead) for each, instead in lost.items() if each in left)
    return left
