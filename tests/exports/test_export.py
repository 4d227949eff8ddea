"""Datasets of projects: every reader opens them, and what is new or changed alone is fetched."""

from __future__ import annotations

import json
import threading
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

import duckdb
import pandas as pd
import polars as pl
import pyarrow.dataset as ds
import pytest
from filelock import FileLock
from polars.testing import assert_frame_equal

from wandb_runs import (
    Api,
    ExportError,
    IncompleteExportWarning,
    InvalidArgumentError,
    NotFoundError,
    Progress,
    ServerError,
)
from wandb_runs.exports import ExportResult, export, verify
from wandb_runs.local.ids import new_id
from wandb_runs.testing import LocalServer, Status, log_run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from wandb_runs import JSONValue

KEY: Final = "k" * 40
RUNS: Final = 7
PER_PART: Final = 3


@pytest.fixture(scope="module")
def server() -> Iterator[LocalServer]:
    """A server that writes files of a few rows."""
    with LocalServer(export_rows=40) as server:
        yield server


@pytest.fixture
def api(server: LocalServer) -> Iterator[Api]:
    with Api(base_url=server.url, api_key=KEY, max_retries=0) as api:
        yield api


@pytest.fixture
def project(server: LocalServer) -> str:
    """A project of six runs that have ended, and one that goes on."""
    name = new_id()
    for number in range(RUNS):
        goes_on = number == RUNS - 1
        log_run(
            server,
            "team",
            name,
            f"r{number}",
            config={"lr": number, "model": {"depth": number}},
            history=[{"loss": step / 2, "acc": step} for step in range(10 + number)],
            events=[{"system.cpu": float(step)} for step in range(5)],
            exit_code=None if goes_on else 0,
        )
    server.clear_operations()
    return f"team/{name}"


def histories(folder: Path) -> pl.DataFrame:
    """All rows of histories."""
    return pl.read_parquet(folder / "histories" / "*.parquet")


def expected(api: Api, project: str) -> pl.DataFrame:
    """What they should be."""
    return api.runs(project).scan_histories().collect()


def by_run(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.sort("run_id", "_step", maintain_order=True)


def test_a_dataset_has_every_row_of_every_run(api: Api, project: str, tmp_path: Path) -> None:
    result = export(api.runs(project), tmp_path, runs_per_part=PER_PART)
    rows = sum(range(10, 10 + RUNS))
    assert result == ExportResult(tmp_path, RUNS, RUNS, 0, 0, 0, 1, rows + 5 * RUNS, 6)
    assert_frame_equal(histories(tmp_path), expected(api, project))
    system = pl.read_parquet(tmp_path / "system" / "*.parquet")
    assert_frame_equal(
        system,
        api.runs(project).histories(10_000, format="polars", stream="system"),
        check_column_order=False,
    )
    table = pl.read_parquet(tmp_path / "runs" / "runs.parquet")
    assert_frame_equal(table.drop("deleted", "history_line_count"), api.runs(project).to_polars())
    assert not table["deleted"].any()
    found = verify(tmp_path)
    assert (found.runs, found.rows, found.problems) == (RUNS, rows + 5 * RUNS, [])


def test_each_reader_opens_it_without_an_option(
    server: LocalServer, api: Api, project: str, tmp_path: Path
) -> None:
    """Also where the first file has fewer columns than a later one, and other types."""
    name = project.partition("/")[2]
    log_run(server, "team", name, "odd", history=[{"loss": 1, "extra": "text"}])
    log_run(server, "team", name, "more", history=[{"loss": 0.5, "extra": "text", "n": 1}])
    export(api.runs(project), tmp_path, runs_per_part=1)
    rows = expected(api, project)
    folder = tmp_path / "histories"
    assert len(list(folder.iterdir())) == RUNS + 2
    assert_frame_equal(by_run(histories(tmp_path)), by_run(rows))
    lazy = pl.scan_parquet(folder / "*.parquet").filter(pl.col("n") == 1).collect()
    assert lazy["run_id"].to_list() == ["more"]
    dataset = ds.dataset(folder)  # pyright: ignore[reportUnknownMemberType] - an overload of its stubs
    assert dataset.schema.names == rows.columns
    assert dataset.count_rows() == rows.height
    frame = pd.read_parquet(folder)
    assert [*frame] == rows.columns
    assert frame["extra"].notna().sum() == 2
    relation = duckdb.read_parquet(f"{folder}/*.parquet")
    found = relation.aggregate("count(*), count(extra), sum(loss)")
    assert found.fetchall() == [(rows.height, 2, rows["loss"].sum())]


def test_an_unchanged_project_costs_its_listing_alone(
    server: LocalServer, api: Api, project: str, tmp_path: Path
) -> None:
    export(api.runs(project), tmp_path, runs_per_part=PER_PART)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.parquet")}
    server.clear_operations()
    result = export(api.runs(project), tmp_path, runs_per_part=PER_PART)
    assert server.operations == ("ListRuns",)
    assert result == ExportResult(tmp_path, RUNS, 0, 0, RUNS, 0, 1, 0, 0)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.parquet")} == before
    assert verify(tmp_path).problems == []


def test_what_changed_is_fetched_and_what_is_gone_is_kept(
    server: LocalServer, api: Api, project: str, tmp_path: Path
) -> None:
    export(api.runs(project), tmp_path, runs_per_part=PER_PART)
    name = project.partition("/")[2]
    first = tmp_path / "histories" / "part-000000.parquet"
    untouched = first.stat().st_mtime_ns
    log_run(server, "team", name, "r6", history=[{"loss": 9.5, "acc": 99}])
    log_run(server, "team", name, "r7", history=[{"loss": 1.0, "acc": 1}])
    api.run(f"{project}/r0").update(notes="the best")
    api.run(f"{project}/r2").delete()
    told = export(api.runs(project), tmp_path, runs_per_part=PER_PART, dry_run=True)
    assert (told.added, told.changed, told.deleted, told.parts_written) == (1, 2, 1, 2)
    assert told.is_dry_run
    assert verify(tmp_path).problems == []
    result = export(api.runs(project), tmp_path, runs_per_part=PER_PART)
    assert (result.added, result.changed, result.unchanged, result.deleted) == (1, 2, 4, 1)
    assert (result.live, result.rows_fetched, result.parts_written) == (0, 18 + 5, 2)
    assert first.stat().st_mtime_ns == untouched
    rows = histories(tmp_path)
    assert_frame_equal(
        by_run(rows.filter(pl.col("run_id") != "r2")), by_run(expected(api, project))
    )
    assert rows.filter(pl.col("run_id") == "r2").height == 12
    table = pl.read_parquet(tmp_path / "runs" / "runs.parquet")
    assert table.filter(pl.col("deleted"))["id"].to_list() == ["r2"]
    assert table.filter(pl.col("id") == "r0")["notes"].to_list() == ["the best"]
    assert verify(tmp_path).problems == []


def test_each_export_of_one_listing_lists_anew(
    server: LocalServer, api: Api, project: str, tmp_path: Path
) -> None:
    runs = api.runs(project)
    assert len([*runs]) == RUNS
    export(runs, tmp_path)
    name = project.partition("/")[2]
    log_run(server, "team", name, "r1", history=[{"loss": 9.5, "acc": 99}])
    log_run(server, "team", name, "r7", history=[{"loss": 1.0, "acc": 1}])
    told = export(runs, tmp_path, dry_run=True)
    assert (told.added, told.changed) == (1, 1)
    result = export(runs, tmp_path)
    assert (result.added, result.changed, result.rows_fetched) == (1, 1, 12 + 1 + 5)
    assert_frame_equal(by_run(histories(tmp_path)), by_run(expected(api, project)))
    assert len(runs) == RUNS  # the caller's listing is as it was


def test_without_an_entity_the_runs_are_those_of_the_key(
    server: LocalServer, api: Api, tmp_path: Path
) -> None:
    name = new_id()
    with Api(base_url=server.url, api_key=KEY) as viewing:
        entity = viewing.viewer.entity
    log_run(server, str(entity), name, "r0", history=[{"loss": 1.0}])
    runs = api.runs(name)
    assert export(runs, tmp_path, dry_run=True).added == 1
    assert export(runs, tmp_path).rows_fetched == 1
    assert export(api.runs(f"{entity}/{name}"), tmp_path).unchanged == 1
    assert verify(tmp_path).problems == []


def test_a_run_that_cannot_be_read_is_named_and_read_again(
    server: LocalServer, api: Api, project: str, tmp_path: Path
) -> None:
    export(api.runs(project), tmp_path, runs_per_part=PER_PART)
    name = project.partition("/")[2]
    log_run(server, "team", name, "r6", history=[{"loss": 9.5}], exit_code=None)
    with (
        server.fail_always(Status(500), operation="ScanHistory"),
        pytest.warns(IncompleteExportWarning, match="r6"),
    ):
        result = export(api.runs(project), tmp_path, runs_per_part=PER_PART)
    assert [*result.failed] == ["r6"]
    assert not result.is_complete
    assert histories(tmp_path).filter(pl.col("run_id") == "r6").height == 16  # those of before
    assert any("r6" in problem for problem in verify(tmp_path).problems)
    with warnings.catch_warnings():
        warnings.simplefilter("error", IncompleteExportWarning)
        again = export(api.runs(project), tmp_path, runs_per_part=PER_PART)
    assert again.is_complete
    assert again.rows_fetched == 17
    assert_frame_equal(by_run(histories(tmp_path)), by_run(expected(api, project)))


def test_an_export_that_ends_early_is_gone_on_with(
    server: LocalServer, api: Api, project: str, tmp_path: Path
) -> None:
    with server.fail_always(Status(503), operation="ListEvents"), pytest.raises(ServerError):
        export(api.runs(project), tmp_path, runs_per_part=PER_PART)
    assert "did not come to its end" in verify(tmp_path).problems[0]
    assert len(list((tmp_path / "histories").iterdir())) == 1
    result = export(api.runs(project), tmp_path, runs_per_part=PER_PART)
    assert result.rows_fetched == 5 * RUNS + sum(range(13, 10 + RUNS))  # those of the first three
    assert result.added == RUNS
    assert_frame_equal(histories(tmp_path), expected(api, project))
    assert verify(tmp_path).problems == []


def test_a_run_that_is_deleted_after_an_export_that_ended_early_is_in_the_table(
    server: LocalServer, api: Api, project: str, tmp_path: Path
) -> None:
    with server.fail_always(Status(503), operation="ListEvents"), pytest.raises(ServerError):
        export(api.runs(project), tmp_path)
    api.run(f"{project}/r2").delete()
    result = export(api.runs(project), tmp_path)
    assert (result.added, result.deleted) == (RUNS - 1, 1)
    table = pl.read_parquet(tmp_path / "runs" / "runs.parquet")
    assert table.filter(pl.col("deleted"))["id"].to_list() == ["r2"]
    assert {*histories(tmp_path)["run_id"]} <= {*table["id"]}
    assert export(api.runs(project), tmp_path).parts_written == 0
    assert verify(tmp_path).problems == []


def test_a_filter_and_keys_belong_to_a_folder(api: Api, project: str, tmp_path: Path) -> None:
    some = api.runs(project, {"config.lr": {"$lt": 3}})
    result = export(some, tmp_path, keys=["loss"], system=False)
    assert result.runs == 3
    assert histories(tmp_path).columns == ["_step", "loss", "run_id"]
    assert not (tmp_path / "system").exists()
    for runs, keys in ((api.runs(project), ["loss"]), (some, ["acc"]), (some, None)):
        with pytest.raises(ExportError, match="choose another folder"):
            export(runs, tmp_path, keys=keys)


def test_machine_metrics_and_the_server_belong_to_a_folder(
    api: Api, project: str, tmp_path: Path
) -> None:
    export(api.runs(project), tmp_path)
    with pytest.raises(ExportError, match="choose another folder"):
        export(api.runs(project), tmp_path, system=False)
    with LocalServer() as other, Api(base_url=other.url, api_key=KEY) as elsewhere:
        log_run(other, "team", project.partition("/")[2], "r0")
        with pytest.raises(ExportError, match="choose another folder"):
            export(elsewhere.runs(project), tmp_path)
    assert verify(tmp_path).problems == []


def test_machine_metrics_of_any_name_are_exported(
    server: LocalServer, api: Api, tmp_path: Path
) -> None:
    odd_names = ["*", "^x$", "a,b", "", " ", "run_id", "ä", r"x\x00y", "x" * 300, "'\"\\"]
    names = [*odd_names, "x\0y", "\0"]
    project = new_id()
    log_run(
        server,
        "team",
        project,
        "odd",
        events=[{f"system.{name}": float(number) for number, name in enumerate(names)}],
    )
    log_run(server, "team", project, "usual", events=[{"system.cpu": 7.0}])
    export(api.runs(f"team/{project}"), tmp_path)
    rows = pl.read_parquet(tmp_path / "system" / "*.parquet").to_dicts()
    (odd,) = (row for row in rows if row["run_id"] == "odd")
    kept = [*odd_names, r"x\x00y_", r"\x00"]  # NUL as an escape, which one has already
    assert [odd[f"system.{name}"] for name in kept] == [float(each) for each in range(len(names))]
    assert verify(tmp_path).problems == []
    assert export(api.runs(f"team/{project}"), tmp_path).parts_written == 0


def test_a_part_of_a_listing_by_places_is_refused(
    server: LocalServer, api: Api, project: str, tmp_path: Path
) -> None:
    with pytest.raises(InvalidArgumentError, match="choose what is exported by filters"):
        export(api.runs(project, limit=3), tmp_path)
    assert server.operations == ()


def test_a_folder_of_something_else_is_refused(
    server: LocalServer, api: Api, project: str, tmp_path: Path
) -> None:
    (tmp_path / "thesis.tex").write_text("precious")
    with pytest.raises(ExportError, match=r"holds 'thesis\.tex' and no export"):
        export(api.runs(project), tmp_path)
    with pytest.raises(ExportError, match=r"holds 'thesis\.tex'"):
        verify(tmp_path)
    assert server.operations == ()
    assert [each.name for each in tmp_path.iterdir()] == ["thesis.tex"]


def test_a_refused_folder_is_left_as_it_was(api: Api, project: str, tmp_path: Path) -> None:
    """Also where it has what looks like partial files."""
    names = ["runs/.mine.0123456789abcdef.part", ".mine.0123456789abcdef.part", "thesis.tex"]
    (tmp_path / "runs").mkdir()
    for name in names:
        (tmp_path / name).write_text("precious")
    with pytest.raises(ExportError, match="and no export"):
        export(api.runs(project), tmp_path)
    found = {each.relative_to(tmp_path).as_posix() for each in tmp_path.rglob("*")}
    assert found == {*names, "runs"}


def test_no_folder_is_made_for_a_project_that_does_not_exist(api: Api, tmp_path: Path) -> None:
    for folder in (tmp_path / "new", tmp_path):
        with pytest.raises(NotFoundError):
            export(api.runs(f"team/{new_id()}"), folder)
        assert not list(tmp_path.iterdir())


def test_a_first_export_that_ended_at_once_is_no_strange_folder(
    api: Api, project: str, tmp_path: Path
) -> None:
    left = tmp_path / ".manifest.json.0123456789abcdef.part"
    left.write_bytes(b"{")
    (tmp_path / ".lock").touch()
    assert export(api.runs(project), tmp_path).added == RUNS
    assert not left.exists()


def test_the_same_query_otherwise_written_goes_on(
    server: LocalServer, api: Api, project: str, tmp_path: Path
) -> None:
    filters: list[dict[str, JSONValue]] = [
        {"state": "finished", "config.lr": {"$gt": 0, "$lt": 5}},
        {"config.lr": {"$lt": 5, "$gt": 0}, "state": "finished"},
    ]
    for each, keys, added in zip(filters, (["loss", "acc"], ["acc", "loss"]), (4, 0), strict=True):
        assert export(api.runs(project, each), tmp_path, keys=keys).added == added
    other = {"config.lr": {"$gt": 1, "$lt": 5}, "state": "finished"}
    server.clear_operations()
    with pytest.raises(ExportError) as told:
        export(api.runs(project, other), tmp_path, keys=["loss"])
    assert 'keys ["acc", "loss"], not ["loss"]' in str(told.value)
    assert "filters {" in str(told.value)
    assert "server" not in str(told.value)
    assert server.operations == ()


def test_dtypes_belong_to_a_folder(
    server: LocalServer, api: Api, project: str, tmp_path: Path
) -> None:
    runs = api.runs(project)
    export(runs, tmp_path, schema={"acc": pl.Float32, "loss": "json"})
    assert histories(tmp_path).schema["acc"] == pl.Float32
    server.clear_operations()
    for schema in (None, {"acc": pl.Float32}, {"acc": pl.Float64, "loss": pl.String}):
        with pytest.raises(
            ExportError, match=r'of schema \{"acc": "Float32", "loss": "json"\}, not'
        ):
            export(runs, tmp_path, schema=schema)
    assert server.operations == ()
    again = export(runs, tmp_path, schema={"loss": "json", "acc": pl.Float32()})
    assert (again.unchanged, again.parts_written) == (RUNS, 0)


def test_a_manifest_of_before_dtypes_were_kept_goes_on(
    server: LocalServer, api: Api, project: str, tmp_path: Path
) -> None:
    runs = api.runs(project)
    export(runs, tmp_path, schema={"loss": "json"})
    path = tmp_path / "manifest.json"
    manifest = json.loads(path.read_text())
    for name in ("lost",):
        del manifest[name]
    assert manifest["query"].pop("dtypes") == {"loss": "json"}
    path.write_text(json.dumps(manifest))
    assert verify(tmp_path).problems == []
    assert export(runs, tmp_path, schema={"loss": "json"}).unchanged == RUNS
    assert json.loads(path.read_text())["query"]["dtypes"] == {"loss": "json"}
    with pytest.raises(ExportError, match="schema"):
        export(runs, tmp_path)


def test_damage_is_not_copied_into_new_files(
    server: LocalServer, api: Api, project: str, tmp_path: Path
) -> None:
    """Neither where rows of other runs change, nor where a column is added."""
    name = project.partition("/")[2]
    export(api.runs(project), tmp_path, runs_per_part=PER_PART)
    for changes, number in (({"r6": {"loss": 2.5}}, 2), ({"r7": {"loss": 1.0, "new": 1}}, 0)):
        path = tmp_path / "histories" / f"part-{number:06}.parquet"
        good = path.read_bytes()
        for run_id, row in changes.items():
            log_run(server, "team", name, run_id, history=[row])
        alter(path)
        with pytest.raises(ExportError, match=rf"part-{number:06}.*damaged.*repair=True"):
            export(api.runs(project), tmp_path, runs_per_part=PER_PART)
        assert path.read_bytes() != good
        path.write_bytes(good)
        export(api.runs(project), tmp_path, runs_per_part=PER_PART)
        assert verify(tmp_path).problems == []
        assert_frame_equal(by_run(histories(tmp_path)), by_run(expected(api, project)))


def test_each_page_has_a_checksum(
    server: LocalServer, api: Api, project: str, tmp_path: Path
) -> None:
    """So that damage is noticed where no manifest has a digest: after an export that ended."""
    with server.fail_always(Status(503), operation="ListEvents"), pytest.raises(ServerError):
        export(api.runs(project), tmp_path)
    path = tmp_path / "histories" / "part-000000.parquet"
    alter(path)
    log_run(server, "team", project.partition("/")[2], "r6", history=[{"loss": 2.5}])
    with pytest.raises(ExportError, match=r"part-000000.*damaged.*repair=True"):
        export(api.runs(project), tmp_path)
    path.unlink()
    export(api.runs(project), tmp_path)
    assert_frame_equal(by_run(histories(tmp_path)), by_run(expected(api, project)))
    assert verify(tmp_path).problems == []


def test_a_damaged_table_is_not_gone_on_with(api: Api, project: str, tmp_path: Path) -> None:
    export(api.runs(project), tmp_path)
    alter(tmp_path / "runs" / "runs.parquet")
    with pytest.raises(ExportError, match=r"runs\.parquet.*repair=True"):
        export(api.runs(project), tmp_path)


@pytest.mark.parametrize("name", ["part-000007.parquet", "part-000000 copy.parquet", "x.parquet"])
@pytest.mark.parametrize("kind", ["runs", "histories", "system"])
def test_verify_finds_what_readers_would_open_too(
    api: Api, project: str, tmp_path: Path, kind: str, name: str
) -> None:
    export(api.runs(project), tmp_path)
    source = next((tmp_path / kind).iterdir())
    (tmp_path / kind / name).write_bytes(source.read_bytes())
    assert verify(tmp_path).problems == [f"{kind}/{name}: the manifest does not name it"]
    if kind != "runs" and name.startswith("part-000007"):  # would be one of its own
        with pytest.raises(ExportError, match="does not name it; move it elsewhere"):
            export(api.runs(project), tmp_path)


def test_files_that_cannot_be_had_are_in_the_manifest(
    server: LocalServer, api: Api, project: str, tmp_path: Path
) -> None:
    source = tmp_path / "weights.bin"
    source.write_bytes(b"0123")
    api.run(f"{project}/r1").upload_file(source, tmp_path)
    folder = tmp_path / "dataset"
    export(api.runs(project), folder)
    (folder / "files" / "r1" / "weights.bin").mkdir(parents=True)  # in the file's place
    with pytest.warns(IncompleteExportWarning, match="^1 file could not be had, r1/weights.bin"):
        result = export(api.runs(project), folder, files=True)
    assert [*result.files_failed] == ["r1/weights.bin"]
    (problem,) = verify(folder).problems
    assert problem.startswith("file r1/weights.bin: ")
    (folder / "files" / "r1" / "weights.bin").rmdir()
    assert export(api.runs(project), folder, files=True).is_complete
    assert verify(folder).problems == []


def test_two_exports_into_one_folder_exclude_each_other(
    server: LocalServer, api: Api, project: str, tmp_path: Path
) -> None:
    with (
        FileLock(tmp_path / ".lock"),
        pytest.raises(ExportError, match="another export writes to"),
    ):
        export(api.runs(project), tmp_path)
    assert server.operations == ()
    assert export(api.runs(project), tmp_path).added == RUNS


def test_partial_files_of_an_ended_export_are_removed(
    api: Api, project: str, tmp_path: Path
) -> None:
    export(api.runs(project), tmp_path)
    left = tmp_path / "histories" / ".part-000000.parquet.0123456789abcdef.part"
    left.write_bytes(b"half")
    mine = tmp_path / "histories" / "notes.txt"
    mine.write_text("mine")
    export(api.runs(project), tmp_path)
    assert not left.exists()
    assert mine.read_text() == "mine"


def shorten(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-9])


def alter(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[:99] + bytes([content[99] ^ 1]) + content[100:])


def move(path: Path) -> None:
    path.rename(path.with_name("part-000009.parquet"))


@pytest.mark.parametrize(
    ("damage", "problem"),
    [
        (Path.unlink, "cannot be read"),
        (shorten, "bytes, and the manifest says"),
        (alter, "its digest is another"),
        (move, "does not name it"),
    ],
)
@pytest.mark.parametrize("name", ["histories/part-000001.parquet", "system/part-000000.parquet"])
def test_verify_finds_damage(
    api: Api,
    project: str,
    tmp_path: Path,
    name: str,
    damage: Callable[[Path], object],
    problem: str,
) -> None:
    export(api.runs(project), tmp_path, runs_per_part=PER_PART)
    damage(tmp_path / name)
    assert any(problem in each for each in verify(tmp_path).problems)


def test_files_of_runs_are_downloaded_under_their_ids(
    api: Api, project: str, tmp_path: Path
) -> None:
    source = tmp_path / "weights.bin"
    source.write_bytes(b"0123")
    api.run(f"{project}/r1").upload_file(source, tmp_path)
    folder = tmp_path / "dataset"
    export(api.runs(project), folder, files=True)
    assert (folder / "files" / "r1" / "weights.bin").read_bytes() == b"0123"
    left = folder / "files" / "r1" / ".weights.bin.0123456789abcdef.part"
    left.write_bytes(b"01")
    export(api.runs(project), folder, files=True)
    assert not left.exists()


def test_progress_tells_the_runs_that_are_written(api: Api, project: str, tmp_path: Path) -> None:
    told: list[Progress] = []
    thread: list[int] = []

    def tell(progress: Progress) -> None:
        told.append(progress)
        thread.append(threading.get_ident())

    export(api.runs(project), tmp_path, runs_per_part=PER_PART, progress=tell)
    assert [each.runs for each in told] == [0, 3, 3, 6, 6, 7]
    assert {each.total for each in told} == {RUNS}
    assert [each.bytes for each in told] == sorted({each.bytes for each in told})
    assert {*thread} == {threading.get_ident()}


def test_progress_tells_the_files_that_are_downloaded(
    api: Api, project: str, tmp_path: Path
) -> None:
    for run_id, size in (("r1", 10), ("r2", 3)):
        source = tmp_path / "weights.bin"
        source.write_bytes(b"x" * size)
        api.run(f"{project}/{run_id}").upload_file(source, tmp_path)
    told: list[Progress] = []
    export(api.runs(project), tmp_path / "to", files=True, progress=told.append)
    assert [each[3:] for each in told] == [(0, None), (0, None), (1, 2), (2, 2)]
    assert {each[:2] for each in told[1:]} == {(RUNS, RUNS)}
    rows = told[1].bytes
    assert told[2].bytes - rows in {10, 3}
    assert told[3].bytes - rows == 13
    # What is there already is done with as well.
    told.clear()
    export(api.runs(project), tmp_path / "to", files=True, progress=told.append)
    assert [each[3:] for each in told] == [(1, 2), (2, 2)]
    assert {each[:2] for each in told} == {(0, 0)}
    assert told[1].bytes == 13


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({"runs_per_part": 0}, "runs_per_part is at least 1, got 0"),
        ({"runs_per_part": True}, "runs_per_part is at least 1, got True"),
        ({"keys": "loss"}, "keys"),
        ({"keys": ["loss"], "schema": {"los": pl.Float64}}, "los"),
        ({"to": 7}, "to is a path"),
        ({"to": ""}, "to is a path"),
        ({"progress": True}, "progress is called with a Progress"),
        ({"client": "tcp://scheduler:8786"}, "client is a distributed.Client that blocks, got str"),
    ],
)
def test_wrong_arguments_are_refused_before_anything_is_sent(
    server: LocalServer,
    api: Api,
    tmp_path: Path,
    arguments: dict[str, object],
    problem: str,
) -> None:
    server.clear_operations()
    call = cast("Callable[..., object]", export)
    with pytest.raises(InvalidArgumentError, match=problem):
        call(api.runs("team/any"), **({"to": tmp_path / "new"} | arguments))
    assert server.operations == ()
    assert not (tmp_path / "new").exists()


def test_what_is_no_listing_is_refused(tmp_path: Path) -> None:
    call = cast("Callable[..., object]", export)
    with pytest.raises(InvalidArgumentError, match=r"runs are those of Api\(\)\.runs"):
        call([], tmp_path)
