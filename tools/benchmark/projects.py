"""Writes the projects that are read, by the functions behind the server's mutations."""

from __future__ import annotations

import json
import math
import random
from typing import TYPE_CHECKING, Final

from benchmark.work import ENTITY, KEYS, wide_keys
from wandb_runs.local.ingest import upsert_run
from wandb_runs.local.lines import append_lines
from wandb_runs.local.states import end_run
from wandb_runs.local.tables import Stream

if TYPE_CHECKING:
    from wandb_runs.graphql.scalars import JSONValue
    from wandb_runs.local.store import Store

__all__ = ["write_histories", "write_listing", "write_many_columns", "write_wide"]

BATCH: Final = 1_000
"""Runs, or rows of one run, in one transaction."""


def write_listing(store: Store, project: str, runs: int, options: int = 0) -> None:
    """Write runs without history, with configs and summaries like those of a large search.

    Args:
        store: Where they are written.
        project: The project.
        runs: How many there are.
        options: Entries of each config, of some 45 bytes, beside the usual ones.
    """
    chance = _chance()
    for start in range(0, runs, BATCH):
        with store.write() as writer:
            for number in range(start, min(start + BATCH, runs)):
                config: dict[str, JSONValue] = {
                    "lr": 10 ** chance.uniform(-5, 0),
                    "batch_size": chance.choice([16, 32, 64, 128]),
                    "optimizer": chance.choice(["adam", "sgd", "lion"]),
                    "model": {"depth": chance.randint(1, 50), "width": chance.choice([64, 128])},
                    "seed": number,
                }
                config |= {f"option/{option:04d}": chance.random() for option in range(options)}
                summary = {key: chance.random() for key in KEYS}
                upsert_run(
                    writer,
                    ENTITY,
                    project,
                    f"r{number:06d}",
                    {"username": ENTITY, "state": "finished", "group": f"g{number % 100}"},
                    tags=["a" if number % 2 else "b"],
                    config=json.dumps({key: {"value": value} for key, value in config.items()}),
                    summary_metrics=json.dumps({**summary, "_step": 499, "_runtime": 61.5}),
                )


def write_histories(store: Store, project: str, runs: int, rows: int) -> None:
    """Write runs that logged every metric at every step."""
    chance = _chance()
    for number in range(runs):
        with store.write() as writer:
            run, _ = upsert_run(
                writer,
                ENTITY,
                project,
                f"h{number:04d}",
                {"username": ENTITY},
                config=json.dumps({"lr": {"value": chance.random()}}),
            )
            append_lines(
                writer, run, Stream.HISTORY, 0, [_row(step, chance) for step in range(rows)]
            )
            end_run(writer, run, 0)


def write_many_columns(
    store: Store, project: str, runs: int, rows: int, columns: int, *, is_over: bool
) -> None:
    """Write runs with the usual metrics and others at every step, each of random floats.

    Args:
        store: Where they are written.
        project: The project.
        runs: How many there are.
        rows: Rows of each.
        columns: Metrics of each row, the usual ones among them.
        is_over: Whether they have ended, so that all of their rows are in files.
    """
    chance = _chance()
    names = [*KEYS, *wide_keys(columns - len(KEYS))]
    # All runs have the same rows: making as many of them would take longer than all else.
    lines = [
        json.dumps({"_step": step, **{name: chance.random() for name in names}})
        for step in range(rows)
    ]
    for number in range(runs):
        with store.write() as writer:
            run, _ = upsert_run(writer, ENTITY, project, f"e{number:04d}", {"username": ENTITY})
            for start in range(0, rows, BATCH):
                append_lines(writer, run, Stream.HISTORY, start, lines[start : start + BATCH])
            if is_over:
                end_run(writer, run, 0)


def write_wide(
    store: Store, project: str, rows: int, keys: int, *, has_partial_row: bool = False
) -> None:
    """Write one run that logged very many metrics at every step, but one, if one row is partial."""
    chance, names = _chance(), wide_keys(keys)
    with store.write() as writer:
        run, _ = upsert_run(writer, ENTITY, project, "wide", {"username": ENTITY})
        lines = [
            json.dumps({"_step": step, **{name: chance.random() for name in names}})
            for step in range(rows)
        ]
        if has_partial_row:
            lines[-1] = json.dumps({"_step": rows - 1, names[0]: 0.5})
        append_lines(writer, run, Stream.HISTORY, 0, lines)
        end_run(writer, run, 0)


def _row(step: int, chance: random.Random) -> str:
    values: dict[str, JSONValue] = {
        "_step": step,
        "_timestamp": 1.7e9 + step,
        "_runtime": step / 3,
        "loss": math.exp(-step / 100) + chance.random() / 10,
        "accuracy": chance.random(),
        "learning_rate": 0.001 * 0.99**step,
        "gradient_norm": chance.lognormvariate(0, 1),
        "throughput": chance.gauss(1000, 50),
    }
    return json.dumps(values)


def _chance() -> random.Random:
    return random.Random(0)  # noqa: S311 - reproducible by its seed
