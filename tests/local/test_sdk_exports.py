"""W&B's SDK reads exact histories from the Parquet files of the local server."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, NamedTuple

import pytest
from support.exports import Exporting, exporting, joined, settled
from support.sdk_programs import require_sdk, run_sdk

from wandb_runs.testing import LocalServer

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from wandb_runs.graphql.scalars import JSONObject, JSONValue

pytest.importorskip("pyarrow")

READ = """
import json, shutil, sys
import pyarrow.parquet as pq
import wandb
from wandb.apis.public.runhistory import IncompleteRunHistoryError

def read(project):
    run = wandb.Api().run(f"me/{project}/r")
    keyed = list(run.scan_history(keys=["loss", "rare"], page_size=45))
    whole = list(run.scan_history(page_size=45, use_cache=False))
    some = list(run.scan_history(min_step=33, max_step=71, use_cache=False))
    try:
        run.download_history_exports("strict")
        is_complete = True
    except IncompleteRunHistoryError:
        is_complete = False
    done = run.download_history_exports("files", require_complete_history=False)
    assert not done.errors, done
    tables = [pq.read_table(path) for path in done.paths]
    files = [row for table in tables for row in table.to_pylist(maps_as_pydicts="strict")]
    for folder in ("strict", "files"):
        shutil.rmtree(folder, ignore_errors=True)
    return [keyed, whole, some, is_complete, done.contains_live_data, files]

print(json.dumps([read(project) for project in sys.argv[1:]]))
"""

ROWS = 50


class Read(NamedTuple):
    """What the SDK reads of a run."""

    keyed: list[JSONObject]
    whole: list[JSONObject]
    some: list[JSONObject]
    is_complete: bool
    has_live: bool
    files: list[JSONObject]


def row_of(step: int) -> JSONObject:
    row: dict[str, JSONValue] = {"_step": step, "loss": 1 / (step + 1)}
    if step % 3 == 0:
        row |= {"rare": step, "text": f"at {step}", "flag": step % 2 == 0}
    if step % 4 == 0:
        row |= {"box": {"x": step / 2, "inner": {"name": "n"}}, "list": [1, 2.5, step]}
    if step in {10, 60}:
        row |= {"loss": math.nan if step == 10 else -math.inf, "box": {"y": None, "z": step}}
    # A kind that changes, and with it the file; a whole number among others.
    row["kind"] = step if step < 70 else str(step)
    if step % 5 == 0:
        row["loss"] = 2
    return row


HISTORY = [row_of(step) for step in range(130)]


def by_step(rows: Iterable[JSONObject]) -> list[dict[str, JSONValue]]:
    """Comparable rows in the order of their steps, each of them once."""
    found = {json.dumps(row["_step"]): settled(row) for row in rows}
    return sorted(found.values(), key=lambda row: json.loads(json.dumps(row["_step"])))


def with_keys(rows: Iterable[JSONObject], *keys: str) -> list[dict[str, JSONValue]]:
    """The rows that hold all keys, and these alone."""
    kept = [row for row in rows if all(row.get(key) is not None for key in keys)]
    return by_step({key: row[key] for key in ("_step", *keys)} for row in kept)


@pytest.fixture(scope="module")
def files() -> Iterator[Exporting]:
    require_sdk()
    with LocalServer(export_rows=ROWS) as server, exporting(server) as files:
        yield files


def test_the_sdk_reads_the_files_of_runs_and_the_rows_behind_them(
    files: Exporting, tmp_path: Path
) -> None:
    over = files.log_rows(HISTORY)
    # Files of the first rows, and live ones behind them.
    resumed = files.log_rows(HISTORY[:60])
    files.log_rows(HISTORY[60:], resumed, exit_code=None)
    live = files.log_rows(HISTORY[:ROWS], exit_code=None)
    printed = run_sdk(READ, files.server, tmp_path, over, resumed, live)
    read = [Read(*each) for each in json.loads(printed)]
    for project, found in zip((over, resumed, live), read, strict=True):
        ours = files.read(project)
        exported = joined(files.files(ours.urls))
        assert by_step(found.files) == by_step(exported)
        assert found.has_live == bool(ours.live)
        assert found.is_complete == (not ours.live)
        assert by_step(found.whole) == by_step(ours.rows)
        assert by_step(found.some) == by_step(
            row for row in ours.rows if 33 <= float(str(row["_step"])) < 71
        )
        assert with_keys(found.keyed, "loss", "rare") == with_keys(ours.rows, "loss", "rare")
    assert [len(files.read(project).urls) for project in (over, resumed, live)] == [4, 4, 0]
    # Once more those of files that are in one page with live rows, as `history` has them.
    assert [len(found.whole) for found in read] == [130, 120 + 40, ROWS]
    # Rows of files where a key is missing are given, too; those of `history` are not.
    assert [len(found.keyed) for found in read] == [130, 120 + 14, 17]
