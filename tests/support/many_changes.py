"""Projects of runs that are changed, and what there is to compare before and after."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hypothesis import strategies as st
from typing_extensions import override

from wandb_runs.testing import Fault, Html, NullData, PartialData, Reset, Status, Truncate, log_run

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wandb_runs import Api, JSONObject, JSONValue
    from wandb_runs.local.faults import Answer, Answering, GraphQLRequest
    from wandb_runs.testing import LocalServer

__all__ = ["FAULTS", "Logged", "Seen", "log_all", "projects", "snapshot"]

FAULTS: list[Fault] = [
    # Nothing was done.
    Status(500),
    Html(502),
    Reset(),
    NullData(),
    Status(403),
    # All was done, and the answer does not tell.
    Truncate(at=5),
    Truncate(at=5, whole_http=True),
    PartialData("a shard is down"),
]
"""What happens to a mutation, or to its answer."""


@dataclass(frozen=True)
class Logged:
    """A run to log.

    Attributes:
        is_chosen: Whether the change is of it.
        tags: Its tags, beside those that choose it.
        config: Its config.
        summary: Its summary.
        group: Its group.
        rows: How many rows its history has.
    """

    is_chosen: bool = True
    tags: Sequence[str] = ()
    config: JSONObject = field(default_factory=dict[str, "JSONValue"])
    summary: JSONObject = field(default_factory=dict[str, "JSONValue"])
    group: str | None = None
    rows: int = 0


@dataclass
class Seen(Fault):
    """No fault: keeps the variables of each request that it is for."""

    variables: list[Mapping[str, object]] = field(default_factory=list["Mapping[str, object]"])
    lock: threading.Lock = field(default_factory=threading.Lock)

    @override
    def strike(self, request: GraphQLRequest, answer: Answering) -> Answer:
        with self.lock:
            self.variables.append(request.variables)
        return answer(request)


VALUES = st.one_of(
    st.booleans(),
    st.integers(-9, 9),
    st.floats(-1, 1),
    st.sampled_from(["", "a", "NaN", "ü"]),
    st.lists(st.integers(0, 3), max_size=2),
)
KEYS = st.sampled_from(["lr", "model.depth", "a b", "seed"])

projects: st.SearchStrategy[list[Logged]] = st.lists(
    st.builds(
        Logged,
        is_chosen=st.booleans(),
        tags=st.lists(st.sampled_from(["x", "y", "z"]), unique=True),
        config=st.dictionaries(KEYS, VALUES, max_size=3),
        summary=st.dictionaries(KEYS, VALUES, max_size=3),
        group=st.sampled_from([None, "g1", "g2"]),
        rows=st.integers(0, 2),
    ),
    max_size=7,
)
"""The runs of a project, of which some are chosen."""


def log_all(server: LocalServer, project: str, runs: Sequence[Logged]) -> list[str]:
    """Log runs to a project, which they are alone in; returns the ids of the chosen ones."""
    server.reset()
    log_run(server, "me", project, "first")  # so that there is a project
    for number, run in enumerate(runs):
        log_run(
            server,
            "me",
            project,
            f"r{number}",
            tags=[*run.tags, *(["chosen"] if run.is_chosen else [])],
            config=run.config,
            summary=run.summary,
            group=run.group,
            history=[{"loss": row} for row in range(run.rows)],
        )
    return [f"r{number}" for number, run in enumerate(runs) if run.is_chosen]


def snapshot(api: Api, path: str) -> dict[str, dict[str, object]]:
    """All that there is of the runs of a project, by id."""
    return {
        run.id: {
            "name": run.name,
            "state": run.state,
            "created_at": run.created_at,
            "tags": run.tags,
            "group": run.group,
            "job_type": run.job_type,
            "notes": run.notes,
            "user": run.user,
            "config": run.json_config,
            "summary": run.summary,
            "history": [*run.scan_history()],
        }
        for run in api.runs(path)
    }
