"""`make sdks` finds what a version of the SDK lost, and what it should not have."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sdk_versions.reading import Read, differences, read_by_sdk
from sdk_versions.scenarios import Expected

READ = Read(
    rows=[
        {"_step": 0, "_timestamp": 1.5, "loss": float("nan")},
        {"_step": 1, "loss": 2, "late": None},
    ],
    config={"lr": 1, "_wandb": {}},
    summary={"loss": 2, "_step": 1},
    state="finished",
    tags=["b", "a"],
)
LOGGED = Expected([{"loss": "NaN"}, {"loss": 2}], {"lr": 1}, {"loss": 2}, tags=("a", "b"))


def test_what_was_logged_is_no_difference() -> None:
    assert list(differences(READ, LOGGED)) == []
    shared = replace(LOGGED, rows=[{"loss": 2}, {"loss": "NaN"}], in_any_order=True)
    assert list(differences(READ, shared)) == []


@pytest.mark.parametrize(
    ("read", "named"),
    [
        (replace(READ, rows=READ.rows[:1]), "rows"),
        (replace(READ, rows=[*READ.rows, READ.rows[1]]), "rows"),
        (replace(READ, config={}), "config"),
        (replace(READ, summary={"loss": 2, "old": 1}), "summary"),
        (replace(READ, state="crashed"), "state"),
        (replace(READ, tags=[]), "tags"),
    ],
)
def test_a_difference_names_what_differs(read: Read, named: str) -> None:
    assert [each.partition(":")[0] for each in differences(read, LOGGED)] == [named]


def test_what_the_sdk_read_is_found_among_what_it_prints() -> None:
    line = '{"rows": [], "config": {}, "summary": {}, "state": "running", "tags": []}'
    assert read_by_sdk(f"a warning\nREAD {line}\n") == Read([], {}, {}, "running", [])
    with pytest.raises(ValueError, match="a warning"):
        read_by_sdk("a warning")
