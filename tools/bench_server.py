"""Measure how fast the local server answers the first page of a large project.

    python tools/bench_server.py [RUNS]

Runs are written by the functions behind the server's mutations, and the first page is requested
over HTTP with several filters and orders. The command prints median times in milliseconds.
"""

from __future__ import annotations

import json
import random
import sys
import time
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

import httpx

from wandb_runs.local import LocalServer
from wandb_runs.local.ingest import upsert_run

if TYPE_CHECKING:
    from wandb_runs.graphql.scalars import JSONValue
    from wandb_runs.local.store import Store

RUNS: Final = 100_000
ROUNDS: Final = 9
BATCH: Final = 5_000
LIMIT: Final = 100.0
"""The longest acceptable time of a first page, in milliseconds."""

QUERY: Final = """
query ListRuns($filters: JSONString, $order: String, $first: Int) {
  project(entityName: "bench", name: "many") {
    runs(filters: $filters, order: $order, first: $first) {
      edges {
        node {
          id name displayName state createdAt updatedAt heartbeatAt tags group jobType notes
          description commit host readOnly projectId sweepName historyLineCount
          user { username name } config summaryMetrics
        }
        cursor
      }
      pageInfo { endCursor hasNextPage }
    }
  }
}
"""

CASES: Final[list[tuple[str, JSONValue, str]]] = [
    ("all, by creation", {}, "+created_at"),
    ("40 % by config, by summary", {"config.lr": {"$gt": 0.01}}, "-summary_metrics.loss"),
    ("0.1 % by config, by summary", {"config.lr": {"$gt": 0.99}}, "-summary_metrics.loss"),
    ("20 runs by config, by summary", {"config.rare": True}, "-summary_metrics.loss"),
    (
        "17 % by config and summary, by config",
        {"config.optimizer": "adam", "summary_metrics.accuracy": {"$gt": 0.5}},
        "+config.lr.value",
    ),
    ("a third by config, by that key", {"config.optimizer": "adam"}, "+config.optimizer.value"),
    ("80 % by state, by summary", {"state": "finished"}, "-summary_metrics.val/loss"),
    ("none by state, by summary", {"state": "running"}, "-summary_metrics.val/loss"),
    ("half by tag, by summary", {"tags": {"$in": ["a"]}}, "-summary_metrics.loss"),
    ("half by $ne, by config", {"tags": {"$ne": "a"}}, "-config.seed.value"),
    (
        "a third by $regex, by summary",
        {"config.optimizer": {"$regex": "^a"}},
        "-summary_metrics.loss",
    ),
    ("1 % by group, by config", {"group": "g7"}, "-config.seed.value"),
    (
        "4 % by three, by creation",
        {
            "config.lr": {"$gt": 0.01},
            "config.batch_size": 32,
            "summary_metrics.accuracy": {"$gt": 0.5},
        },
        "+created_at",
    ),
]


def fill(store: Store, count: int) -> None:
    """Write runs with configs and summaries like those of a large hyperparameter search."""
    chance = random.Random(0)  # noqa: S311 - reproducible by its seed
    for start in range(0, count, BATCH):
        with store.write() as writer:
            for number in range(start, min(start + BATCH, count)):
                config: dict[str, JSONValue] = {
                    "lr": 10 ** chance.uniform(-5, 0),
                    "batch_size": chance.choice([16, 32, 64, 128]),
                    "optimizer": chance.choice(["adam", "sgd", "lion"]),
                    "model": {"depth": chance.randint(1, 50), "width": chance.choice([64, 128])},
                    "seed": number,
                    "rare": number % (count // 20 or 1) == 0,
                }
                summary = {
                    "loss": chance.random(),
                    "accuracy": chance.random(),
                    "val/loss": chance.random(),
                    "_step": chance.randint(1, 1000),
                    "_runtime": chance.random() * 1000,
                }
                upsert_run(
                    writer,
                    "bench",
                    "many",
                    f"r{number:06d}",
                    {
                        "group": f"g{number % 100}",
                        "username": "bench",
                        "state": chance.choice(["finished"] * 8 + ["failed", "crashed"]),
                    },
                    tags=["a" if number % 2 else "b"],
                    config=json.dumps({key: {"value": value} for key, value in config.items()}),
                    summary_metrics=json.dumps(summary),
                )


def measure(client: httpx.Client, filters: JSONValue, order: str, first: int) -> float:
    """The median time of a page, in milliseconds."""
    variables = {"filters": json.dumps(filters), "order": order, "first": first}
    times: list[float] = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        answer = client.post("/graphql", json={"query": QUERY, "variables": variables})
        times.append((time.perf_counter() - start) * 1000)
        answer.raise_for_status()
    return median(times)


def main() -> int:
    """Measure and print; return 1 if a first page took longer than `LIMIT`."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else RUNS
    slowest = 0.0
    with TemporaryDirectory() as folder, LocalServer(store=Path(folder) / "bench.db") as server:
        start = time.perf_counter()
        fill(server.store, count)
        print(f"{count} runs written in {time.perf_counter() - start:.0f} s")
        with httpx.Client(base_url=server.url, timeout=60) as client:
            print(f"{'first page of 50':40} {'ms':>8}")
            for name, filters, order in CASES:
                took = measure(client, filters, order, 50)
                slowest = max(slowest, took)
                print(f"{name:40} {took:8.1f}")
            took = measure(client, {}, "+created_at", 1000)
            print(f"{'a page of 1000, by creation':40} {took:8.1f}")
    print(f"slowest first page: {slowest:.1f} ms; the limit is {LIMIT:.0f} ms")
    return int(slowest > LIMIT)


if __name__ == "__main__":
    sys.exit(main())
