"""The package's own operations: what is committed is what the queries give."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from shutil import copytree
from typing import TYPE_CHECKING

import pytest

import codegen
from wandb_runs.cli.codegen.folders import differences

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(codegen.__file__).parent.parent


def test_what_is_committed_is_fresh() -> None:
    assert codegen.main(["--check"]) == 0


def test_generation_is_the_same_to_the_byte_whatever_the_hash_seed(tmp_path: Path) -> None:
    packages: list[Path] = []
    for seed in ("0", "1"):
        target = tmp_path / seed
        target.mkdir()
        script = f"import codegen, pathlib; codegen.generate(pathlib.Path({str(target)!r}))"
        subprocess.run(
            [sys.executable, "-c", script],
            check=True,
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT / "tools")},
        )
        packages.append(target / "_generated")

    assert differences(*packages) == []
    assert any(packages[0].iterdir())


def test_the_generator_needs_nothing_of_what_it_generates() -> None:
    script = (
        "import codegen, sys;"
        "print([name for name in sys.modules if 'wandb_runs.runs' in name or '_generated' in name])"
    )
    printed = subprocess.run(
        [sys.executable, "-c", script],
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT / "tools")},
    ).stdout
    assert printed == "[]\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A copy of what is generated from."""
    for folder in ("schema", "queries"):
        copytree(ROOT / folder, tmp_path / folder)
    settings = (ROOT / "codegen.toml").read_text().replace("src/wandb_runs/graphql/", "")
    (tmp_path / "codegen.toml").write_text(settings)
    return tmp_path


CHANGED = ["changed: __init__.py", "changed: operations.py", "changed: selections.py"]


def add(root: Path) -> None:
    (root / "queries" / "more.graphql").write_text("query AskName { viewer { name } }")


def remove(root: Path) -> None:
    (root / "queries" / "sweeps.graphql").unlink()


def edit(root: Path) -> None:
    file = root / "queries" / "viewer.graphql"
    file.write_text(file.read_text().replace("email", "mail: email"))


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (add, ["missing: ask_name_result.py", *CHANGED]),
        (remove, ["left over: get_sweep_result.py", *CHANGED]),
        (edit, ["changed: fragments.py", *CHANGED[1:]]),
    ],
)
def test_check_fails_when_queries_were_added_removed_or_edited(
    root: Path,
    capsys: pytest.CaptureFixture[str],
    change: Callable[[Path], None],
    found: list[str],
) -> None:
    package = root / "_generated"
    assert codegen.main([], root=root) == 0
    present = {file.name: file.read_bytes() for file in package.iterdir()}
    change(root)
    capsys.readouterr()

    assert codegen.main(["--check"], root=root) == 1

    assert capsys.readouterr().out.splitlines()[1:] == [f"  {line}" for line in found]
    assert {file.name: file.read_bytes() for file in package.iterdir()} == present
    assert codegen.main([], root=root) == 0
    assert codegen.main(["--check"], root=root) == 0


@pytest.mark.parametrize("arguments", [[], ["--check"]])
def test_the_command_tells_what_is_refused_without_a_traceback(
    root: Path, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    file = root / "queries" / "more.graphql"
    file.write_text("query Get { viewer { userName: name user_name: email } }")

    assert codegen.main(arguments, root=root) == 1
    told = capsys.readouterr().err
    assert told.startswith("queries/more.graphql:1: Get.viewer: userName and user_name")


@pytest.mark.parametrize(
    "settings",
    [
        "",
        '[codegen]\nschema = ["schema"]\nqueries = ["queries"]\n',
        '[codegen]\nschema = "schema"\nqueries = ["queries"]\npackage = "p"\n',
        '[codegen]\nschema = ["schema"]\nqueries = ["queries"]\npackage = "p"\nnames = 1\n',
        '[codegen]\nschema = ["schema"]\nqueries = ["queries"]\npackage = "p"\n[tool]\n',
    ],
)
def test_settings_that_are_missing_or_unknown_are_refused(
    root: Path, capsys: pytest.CaptureFixture[str], settings: str
) -> None:
    (root / "codegen.toml").write_text(settings)
    assert codegen.main(["--check"], root=root) == 1
    assert capsys.readouterr().err.startswith("codegen.toml: expected [codegen] with schema")
