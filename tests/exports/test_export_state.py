"""Whatever happens to a project and to its exports, the dataset is what the project is."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
import warnings
from contextlib import suppress
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING, Final

import polars as pl
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from polars.testing import assert_frame_equal

from wandb_runs import Api, IncompleteExportWarning, WandbRunsError
from wandb_runs.exports import export, verify
from wandb_runs.local.ids import new_id
from wandb_runs.testing import LocalServer, Status, delete_run, log_run

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wandb_runs import JSONValue, Progress
    from wandb_runs.exports import ExportResult
    from wandb_runs.pagination.progress import OnProgress

KEY: Final = "k" * 40
PER_PART: Final = 2
NAMES: Final = tuple(f"r{number}" for number in range(6))


class StoppedError(Exception):
    """Raised in mid-export."""


class Exports(RuleBasedStateMachine):
    """A project that changes, and its exports, of which some are ended early."""

    server: LocalServer

    def __init__(self) -> None:
        super().__init__()
        self.project = new_id()
        self.folder = Path(mkdtemp(prefix="exports-"))
        self.api = Api(base_url=self.server.url, api_key=KEY, max_retries=0)
        self.step = 0
        self.there: set[str] = set()
        self.exported: dict[str, int] = {}
        self.is_current = False
        self.log("r0", ["loss"], goes_on=False)

    @rule(
        name=st.sampled_from(NAMES),
        keys=st.lists(st.sampled_from(["loss", "acc", "text"]), min_size=1, unique=True),
        goes_on=st.booleans(),
    )
    def log(self, name: str, keys: list[str], *, goes_on: bool) -> None:
        """A run logs a row; perhaps it is a new one, perhaps it ends."""
        self.step += 1
        values: dict[str, JSONValue] = {
            "loss": self.step / 2,
            "acc": self.step,
            "text": f"row {self.step}",
        }
        log_run(
            self.server,
            "team",
            self.project,
            name,
            history=[{key: values[key] for key in keys}],
            events=[{"system.cpu": float(self.step)}],
            exit_code=None if goes_on else 0,
        )
        self.there.add(name)
        self.is_current = False

    @precondition(lambda self: len(self.there) > 1)
    @rule(data=st.data())
    def delete(self, data: st.DataObject) -> None:
        """A run is deleted."""
        name = data.draw(st.sampled_from(sorted(self.there)))
        delete_run(self.server, "team", self.project, name)
        self.there.remove(name)
        self.is_current = False

    @rule(data=st.data())
    def edit(self, data: st.DataObject) -> None:
        """Someone edits a run in the browser."""
        name = data.draw(st.sampled_from(sorted(self.there)))
        self.step += 1
        self.api.run(f"team/{self.project}/{name}").update(notes=f"note {self.step}", force=True)
        self.is_current = False

    @rule(after=st.integers(0, 3))
    def begin_export(self, after: int) -> None:
        """An export is ended after some files."""

        def end(progress: Progress) -> None:
            nonlocal after
            after -= 1
            if after < 0:
                raise StoppedError

        with suppress(StoppedError):
            self.export(end)

    @rule(
        operation=st.sampled_from(["ListParquetHistories", "ScanHistory", "ListEvents", "ListRuns"])
    )
    def fail(self, operation: str) -> None:
        """The server fails in mid-export."""
        with (
            self.server.fail_always(Status(500), operation=operation),
            warnings.catch_warnings(action="ignore", category=IncompleteExportWarning),
            suppress(WandbRunsError),
        ):
            self.export()

    @rule()
    def export_all(self) -> None:
        """An export comes to its end."""
        result = self.export()
        assert result.is_complete
        assert result.runs == len(self.there)
        self.is_current = True
        again = self.export()
        assert (again.rows_fetched, again.parts_written) == (0, 0)
        assert again.unchanged == len(self.there)

    def export(self, progress: OnProgress | None = None) -> ExportResult:
        runs = self.api.runs(f"team/{self.project}")
        return export(runs, self.folder, runs_per_part=PER_PART, progress=progress)

    @invariant()
    def no_row_is_there_twice(self) -> None:
        """What is there can be read at any time, and has each row once."""
        if not list(self.folder.glob("histories/*.parquet")):
            return
        rows = pl.read_parquet(self.folder / "histories" / "*.parquet", missing_columns="insert")
        assert not rows.select("run_id", "_step").is_duplicated().any()

    @invariant()
    def a_current_dataset_is_the_project(self) -> None:
        """After an export that came to its end."""
        if not self.is_current:
            return
        listed = self.api.runs(f"team/{self.project}")
        table = pl.read_parquet(self.folder / "runs" / "runs.parquet")
        assert {*table.filter(~pl.col("deleted"))["id"]} == self.there
        now = listed.to_polars()
        kept = table.filter(~pl.col("deleted")).select(now.columns)
        assert_frame_equal(kept, now, check_dtypes=False)
        for kind, axis, expected in (
            ("histories", "_step", listed.scan_histories().collect()),
            ("system", "_runtime", listed.histories(10_000, format="polars", stream="system")),
        ):
            rows = pl.read_parquet(self.folder / kind / "*.parquet")
            rows = rows.filter(pl.col("run_id").is_in(sorted(self.there)))
            found, right = (
                each.select(expected.columns).sort("run_id", axis, maintain_order=True)
                for each in (rows, expected)
            )
            assert_frame_equal(found, right, check_dtypes=False)
        assert verify(self.folder).problems == []

    def teardown(self) -> None:
        self.api.close()
        shutil.rmtree(self.folder)


@pytest.fixture(scope="module")
def server() -> Iterator[LocalServer]:
    with LocalServer(export_rows=4) as server:
        yield server


def test_a_dataset_is_what_the_project_is(server: LocalServer) -> None:
    Exports.server = server
    run_state_machine_as_test(
        Exports, settings=settings(max_examples=20, stateful_step_count=15, deadline=None)
    )


PROGRAM: Final = """
import sys
from wandb_runs import Api
from wandb_runs.exports import export

with Api(base_url=sys.argv[1], api_key="k" * 40) as api:
    runs = api.runs(sys.argv[2])
    print("begun", flush=True)
    export(runs, sys.argv[3], runs_per_part=3, progress=lambda _: print(".", flush=True))
"""


def test_an_export_that_is_killed_at_any_moment_is_gone_on_with(
    server: LocalServer, tmp_path: Path
) -> None:
    project = new_id()
    for number in range(30):
        rows: list[dict[str, JSONValue]] = [
            {"loss": step / 2, "text": "x" * step} for step in range(20)
        ]
        log_run(server, "team", project, f"r{number:02}", history=rows, events=[{"cpu": 1.0}])
    arguments = [sys.executable, "-c", PROGRAM, server.url, f"team/{project}", str(tmp_path)]
    for number in range(8):
        process = subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True)
        with process, suppress(subprocess.TimeoutExpired):
            assert process.stdout is not None
            assert process.stdout.readline() == "begun\n"
            # Moments within the listing, the first files and later ones.
            for _ in range(number // 2):
                process.stdout.readline()
            time.sleep(0.013 * number)
            process.kill()
        for path in tmp_path.glob("histories/*.parquet"):
            pl.read_parquet(path)
    with Api(base_url=server.url, api_key=KEY) as api:
        runs = api.runs(f"team/{project}")
        export(runs, tmp_path, runs_per_part=3)
        written = pl.read_parquet(tmp_path / "histories" / "*.parquet")
        assert_frame_equal(written, runs.scan_histories().collect())
    assert verify(tmp_path).problems == []
    assert not list(tmp_path.rglob(".*.part"))
