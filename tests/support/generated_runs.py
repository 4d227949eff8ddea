"""Generated runs for tests of filters and orders, and a function that writes them to a store."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from hypothesis import strategies as st

from wandb_runs.local.ids import new_id
from wandb_runs.local.ingest import upsert_run

if TYPE_CHECKING:
    from collections.abc import Sequence

    from support.filter_language import Run

    from wandb_runs.graphql.scalars import JSONValue
    from wandb_runs.local.store import Store

DAY = 86400.0
NOW = 20_000 * DAY
"""The time of the server, in seconds since 1970."""

KEYS: list[str] = ["a", "b", "a.b", "c/d"]
SUFFIXES: list[str] = ["", ".a", ".b", ".c/d"]

numbers = st.sampled_from([0, 1, 2, -1, 1.0, 0.5, 2**53 + 1, float(2**53), 2**70, float("nan")])
words = st.sampled_from(["", "a", "ab", "b", "NaN", "Infinity", "1", "ü", "\x00"])
scalars = st.none() | st.booleans() | numbers | words
values: st.SearchStrategy[JSONValue] = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=2)
    ),
    max_leaves=4,
)
tag_lists: st.SearchStrategy[list[JSONValue]] = st.lists(st.sampled_from("xyz"), max_size=2)
documents: st.SearchStrategy[dict[str, JSONValue]] = st.dictionaries(
    st.sampled_from(KEYS), values, max_size=3
)
names = st.none() | st.sampled_from(["x", "y", "xy"])


@st.composite
def runs(draw: st.DrawFn) -> Run:
    silent = draw(st.sampled_from([0.0, 299.0, 301.0, DAY]))
    stored = draw(st.sampled_from(["running", "finished", "failed", "pending"]))
    run: Run = {
        "display_name": draw(names),
        "group": draw(names),
        "job_type": draw(names),
        "host": draw(names),
        "sweep": draw(names),
        "tags": draw(st.none() | tag_lists),
    }
    run = {key: value for key, value in run.items() if value is not None}
    return run | {
        "username": "me",
        "stored": stored,
        "state": "crashed" if stored == "running" and silent > 300 else stored,
        "created_at": NOW - silent,
        "heartbeat_at": NOW - silent,
        "duration": 0.0,
        "config": enveloped(draw(documents)),
        "summary_metrics": finite(draw(documents)),
    }


def enveloped(config: dict[str, JSONValue]) -> JSONValue:
    return {key: {"value": value} for key, value in config.items()}


def finite(value: JSONValue) -> JSONValue:
    """Replace NaN in a summary by a string, as W&B does."""
    match value:
        case float() if value != value:  # noqa: PLR0124 - only NaN differs from itself
            return "NaN"
        case list():
            return [finite(item) for item in value]
        case dict():
            return {key: finite(item) for key, item in value.items()}
        case _:
            return value


def fill(store: Store, given: Sequence[Run]) -> str:
    """Write runs to a new project, each at its own time."""
    project = new_id()
    with store.write() as writer:
        for number, run in enumerate(given):
            run["name"] = f"r{number}"
            run.setdefault("display_name", run["name"])
            created = run["created_at"]
            assert isinstance(created, float)
            writer.now = int(created * 1_000_000)
            columns = ("display_name", "group", "job_type", "host", "username")
            texts = {column: _word(run.get(column)) for column in columns}
            tags = run.get("tags")
            upsert_run(
                writer,
                "me",
                project,
                f"r{number}",
                texts | {"state": _word(run["stored"]), "sweep_name": _word(run.get("sweep"))},
                tags=[str(tag) for tag in tags] if isinstance(tags, list) else None,
                config=json.dumps(run["config"]),
                summary_metrics=json.dumps(run["summary_metrics"]),
            )
    return project


def _word(value: JSONValue) -> str | None:
    return None if value is None else str(value)
