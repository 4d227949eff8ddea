"""Wrong uses of the public API are rejected, line by line, by both checkers."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

REPOSITORY = Path(__file__).parents[1]
WRONG = REPOSITORY / "tests" / "typing" / "wrong.py"


def marked() -> set[int]:
    lines = WRONG.read_text(encoding="utf-8").splitlines()
    return {number for number, line in enumerate(lines, 1) if line.endswith("# wrong")}


def run_checker(*arguments: str) -> str:
    return subprocess.run(
        [sys.executable, "-m", *arguments],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    ).stdout


def rejected_by_mypy() -> set[int]:
    printed = run_checker("mypy", "--no-error-summary", "--hide-error-context", str(WRONG))
    return {int(number) for number in re.findall(r"wrong\.py:(\d+): error", printed)}


def rejected_by_pyright() -> set[int]:
    # Settings of its own: an unused expression is no error here, or every line would be one.
    printed = run_checker(
        "pyright", "--outputjson", "--project", str(WRONG.parent), "--pythonpath", sys.executable
    )
    return {
        diagnostic["range"]["start"]["line"] + 1
        for diagnostic in json.loads(printed)["generalDiagnostics"]
        if diagnostic["severity"] == "error"
    }


def test_there_are_wrong_uses() -> None:
    assert len(marked()) >= 30


@pytest.mark.parametrize("rejected", [rejected_by_mypy, rejected_by_pyright])
def test_wrong_uses_are_rejected_and_nothing_else(rejected: Callable[[], set[int]]) -> None:
    assert rejected() == marked()
