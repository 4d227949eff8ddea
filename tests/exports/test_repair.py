"""Damaged files are kept apart and fetched again on request, and nothing is lost without a word."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Final

import polars as pl
import pytest
from polars.testing import assert_frame_equal
from support.exports import OfRun

from wandb_runs import (
    Api,
    ExportError,
    IncompleteExportWarning,
    RepairedExportWarning,
    ServerError,
)
from wandb_runs.exports import export, verify
from wandb_runs.local.ids import new_id
from wandb_runs.testing import LocalServer, Status, log_run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

RUNS: Final = 5
PER_PART: Final = 2


@pytest.fixture(scope="module")
def server() -> Iterator[LocalServer]:
    with LocalServer(export_rows=4) as server:
        yield server


@pytest.fixture
def api(server: LocalServer) -> Iterator[Api]:
    with Api(base_url=server.url, api_key="k" * 40, max_retries=0) as api:
        yield api


@pytest.fixture
def project(server: LocalServer) -> str:
    """A project of five runs."""
    name = new_id()
    for number in range(RUNS):
        log_run(
            server,
            "team",
            name,
            f"r{number}",
            config={"lr": number},
            history=[{"loss": step / 2} for step in range(6 + number)],
            events=[{"system.cpu": float(step)} for step in range(3)],
        )
    return f"team/{name}"


def alter(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[:99] + bytes([content[99] ^ 1]) + content[100:])


def shorten(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-9])


def empty(path: Path) -> None:
    path.write_bytes(b"")


def rows_of(folder: Path, kind: str = "histories") -> pl.DataFrame:
    return pl.read_parquet(folder / kind / "*.parquet")


def check_whole(api: Api, project: str, folder: Path) -> None:
    """A dataset is what the project is."""
    runs = api.runs(project)
    assert verify(folder).problems == []
    for kind, axis, expected in (
        ("histories", "_step", runs.scan_histories().collect()),
        ("system", "_runtime", runs.histories(10_000, format="polars", stream="system")),
    ):
        found = rows_of(folder, kind).select(expected.columns)
        sides = [each.sort("run_id", axis, maintain_order=True) for each in (found, expected)]
        assert_frame_equal(*sides)
    table = pl.read_parquet(folder / "runs" / "*.parquet")
    assert_frame_equal(table.drop("deleted", "history_line_count"), runs.to_polars())


@pytest.mark.parametrize("damage", [alter, shorten, empty])
@pytest.mark.parametrize(
    ("name", "rows"),
    [
        ("histories/part-000000.parquet", 6 + 7),
        ("histories/part-000002.parquet", 10),
        ("system/part-000001.parquet", 2 * 3),
        ("runs/runs.parquet", 0),
    ],
)
def test_what_a_damaged_file_held_is_fetched_again(
    api: Api, project: str, tmp_path: Path, name: str, rows: int, damage: Callable[[Path], None]
) -> None:
    runs = api.runs(project)
    export(runs, tmp_path, runs_per_part=PER_PART)
    damage(tmp_path / name)
    broken = (tmp_path / name).read_bytes()
    kept = f"damaged/{name}"
    told = export(runs, tmp_path, runs_per_part=PER_PART, repair=True, dry_run=True)
    assert dict(told.damaged) == {name: kept}
    assert (tmp_path / name).read_bytes() == broken
    assert not (tmp_path / "damaged").exists()
    with pytest.warns(RepairedExportWarning) as caught:
        result = export(runs, tmp_path, runs_per_part=PER_PART, repair=True)
    assert str(caught[0].message) == f"damaged, and fetched again: {name} (kept as {kept})"
    assert (dict(result.damaged), dict(result.lost)) == ({name: kept}, {})
    assert (result.is_complete, result.rows_fetched) == (True, rows)
    assert (tmp_path / kept).read_bytes() == broken
    check_whole(api, project, tmp_path)
    assert verify(tmp_path).notes == []
    again = export(runs, tmp_path, runs_per_part=PER_PART)
    assert (again.unchanged, again.parts_written) == (RUNS, 0)


def test_where_nothing_is_damaged_nothing_is_written(
    server: LocalServer, api: Api, project: str, tmp_path: Path
) -> None:
    export(api.runs(project), tmp_path)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.parquet")}
    server.clear_operations()
    result = export(api.runs(project), tmp_path, repair=True)
    assert (result.unchanged, result.parts_written, dict(result.damaged)) == (RUNS, 0, {})
    assert server.operations == ("ListRuns",)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.parquet")} == before


def test_all_damage_is_repaired_at_once_and_again(api: Api, project: str, tmp_path: Path) -> None:
    runs = api.runs(project)
    export(runs, tmp_path, runs_per_part=PER_PART)
    for night in range(2):
        files = sorted(tmp_path.glob("[!d]*/*.parquet"))
        assert len(files) == 1 + 2 * 3
        for each in files:
            alter(each)
        with pytest.warns(RepairedExportWarning):
            result = export(runs, tmp_path, runs_per_part=PER_PART, repair=True)
        assert len(result.damaged) == 7
        ending = f"-{night}.parquet" if night else ".parquet"
        assert result.damaged["runs/runs.parquet"] == f"damaged/runs/runs{ending}"
        check_whole(api, project, tmp_path)
    assert len([*tmp_path.glob("damaged/*/*.parquet")]) == 14


def test_without_repair_damage_is_an_error_that_says_how(
    server: LocalServer, api: Api, project: str, tmp_path: Path
) -> None:
    export(api.runs(project), tmp_path)
    path = tmp_path / "histories" / "part-000000.parquet"
    shorten(path)
    broken = path.read_bytes()
    for dry_run in (True, False):
        with pytest.raises(ExportError, match=r"part-000000.*is damaged.*with repair=True"):
            export(api.runs(project), tmp_path, dry_run=dry_run)
    assert path.read_bytes() == broken


@pytest.mark.parametrize("name", ["histories/part-000000.parquet", "runs/runs.parquet"])
def test_what_is_left_in_a_damaged_file_alone_is_told(
    server: LocalServer, api: Api, project: str, tmp_path: Path, name: str
) -> None:
    runs = api.runs(project)
    export(runs, tmp_path)
    api.run(f"{project}/r1").delete()
    export(runs, tmp_path)
    alter(tmp_path / name)
    kept = f"damaged/{name}"
    told = export(runs, tmp_path, repair=True, dry_run=True)
    assert dict(told.lost) == {"r1": kept}
    with pytest.warns(RepairedExportWarning, match=r"1 run \(r1\), listed no more") as caught:
        result = export(runs, tmp_path, repair=True)
    assert len(caught) == 1
    assert (dict(result.lost), result.is_complete) == ({"r1": kept}, False)
    found = verify(tmp_path)
    note = f"what there was of 1 run (r1), listed no more, is in {kept} alone"
    assert (found.problems, found.notes) == ([], [note])
    table = pl.read_parquet(tmp_path / "runs" / "*.parquet")
    assert table.filter(pl.col("deleted"))["id"].to_list() == ["r1"]
    # It is told once, and kept in mind.
    with warnings.catch_warnings():
        warnings.simplefilter("error", RepairedExportWarning)
        again = export(runs, tmp_path)
    assert (again.is_complete, dict(again.lost), again.parts_written) == (True, {}, 0)
    assert verify(tmp_path).notes == [note]
    # Until the file is put away.
    (tmp_path / kept).unlink()
    log_run(server, "team", project.partition("/")[2], "r9", history=[{"loss": 1.0}])
    export(runs, tmp_path)
    assert verify(tmp_path).notes == []


def test_a_repair_that_does_not_come_to_its_end_is_gone_on_with(
    server: LocalServer, api: Api, project: str, tmp_path: Path
) -> None:
    runs = api.runs(project)
    export(runs, tmp_path, runs_per_part=PER_PART)
    api.run(f"{project}/r1").delete()
    path = tmp_path / "histories" / "part-000000.parquet"
    alter(path)
    with (
        server.fail_always(Status(503), operation="ListParquetHistories"),
        pytest.warns(RepairedExportWarning, match="r1"),
        pytest.raises(ServerError),
    ):
        export(runs, tmp_path, runs_per_part=PER_PART, repair=True)
    assert not path.exists()
    kept = "damaged/histories/part-000000.parquet"
    with pytest.warns(RepairedExportWarning, match=f"listed no more, is in {kept} alone"):
        result = export(runs, tmp_path, runs_per_part=PER_PART)
    assert (dict(result.lost), result.rows_fetched) == ({"r1": kept}, 6)
    assert export(runs, tmp_path, runs_per_part=PER_PART).is_complete
    found = verify(tmp_path)
    assert (found.problems, len(found.notes)) == ([], 1)


def test_a_run_that_cannot_be_fetched_again_yet_stays_in_mind(
    server: LocalServer, api: Api, project: str, tmp_path: Path
) -> None:
    runs = api.runs(project)
    export(runs, tmp_path, runs_per_part=PER_PART)
    alter(tmp_path / "histories" / "part-000002.parquet")  # r4 alone
    with (
        server.fail_always(OfRun("r4", Status(404)), operation="a file"),
        pytest.warns(IncompleteExportWarning, match="r4"),
        pytest.warns(RepairedExportWarning),
    ):
        result = export(runs, tmp_path, runs_per_part=PER_PART, repair=True)
    assert ([*result.failed], dict(result.lost)) == (["r4"], {})
    api.run(f"{project}/r4").delete()
    export(runs, tmp_path, runs_per_part=PER_PART)
    assert "r4" in verify(tmp_path).notes[0]


def test_damage_after_an_export_that_was_ended_is_found_by_checksums(
    server: LocalServer, api: Api, project: str, tmp_path: Path
) -> None:
    runs = api.runs(project)
    with server.fail_always(Status(503), operation="ListEvents"), pytest.raises(ServerError):
        export(runs, tmp_path)
    alter(tmp_path / "histories" / "part-000000.parquet")
    with pytest.warns(RepairedExportWarning, match=r"histories/part-000000\.parquet"):
        assert export(runs, tmp_path, repair=True).is_complete
    check_whole(api, project, tmp_path)
