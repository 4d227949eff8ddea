"""The benchmark of exports measures each way of exporting."""

from __future__ import annotations

from typing import TYPE_CHECKING

import bench_exports

if TYPE_CHECKING:
    import pytest

RUNS = 5


def test_each_export_is_a_row_of_the_table(capsys: pytest.CaptureFixture[str]) -> None:
    sizes = ["--runs", str(RUNS), "--rows", "4", "--runs-per-part", "2", "--delay", "1"]
    assert bench_exports.main([*sizes, "--workers", "1"]) == 0
    lines = capsys.readouterr().out.splitlines()
    rows = [line.strip("| ").split(" | ") for line in lines if line.startswith(f"| {RUNS} ")]
    assert [row[1] for row in rows] == ["one process", "the same folder, unchanged", "1 worker"]
    first, again, by_worker = (int(row[4]) for row in rows)
    assert again < RUNS < first, "an unchanged project costs its listing alone"
    assert by_worker > RUNS
    assert {row[6] for row in rows} == {rows[0][6]}, "each writes the same dataset"
    memory_of_workers = [row[8] for row in rows]
    assert [each.isdigit() for each in memory_of_workers] == [False, False, True]
