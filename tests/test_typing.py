"""Wrong uses of the public API are rejected, line by line, by three checkers; right ones pass.

mypy and pyright check the right ones with everything else (`make types`).
"""

from __future__ import annotations

import inspect
import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import typing
import venv
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import wandb_runs

if TYPE_CHECKING:
    from collections.abc import Callable

REPOSITORY = Path(__file__).parents[1]
PROGRAMS = REPOSITORY / "tests" / "typing"
WRONG = sorted(PROGRAMS.glob("wrong*.py"))
RIGHT = sorted(PROGRAMS.glob("right*.py"))
BIN = Path(sys.executable).parent


def run_checker(*arguments: str) -> str:
    return subprocess.run(
        arguments, cwd=REPOSITORY, capture_output=True, text=True, check=False
    ).stdout


def marked(program: Path) -> set[int]:
    lines = program.read_text(encoding="utf-8").splitlines()
    return {number for number, line in enumerate(lines, 1) if line.endswith("# wrong")}


@cache
def mypy() -> str:
    return run_checker(
        *(sys.executable, "-m", "mypy", "--no-error-summary", "--hide-error-context"),
        *map(str, WRONG),
    )


@cache
def pyright() -> str:
    # Settings of its own: an unused expression is no error here, or every line would be one.
    return run_checker(
        *(sys.executable, "-m", "pyright", "--outputjson", "--project", str(PROGRAMS)),
        *("--pythonpath", sys.executable),
    )


def rejected_by_mypy(program: Path) -> set[int]:
    name = re.escape(program.name)
    return {int(number) for number in re.findall(rf"{name}:(\d+): error", mypy())}


def rejected_by_pyright(program: Path) -> set[int]:
    return {
        diagnostic["range"]["start"]["line"] + 1
        for diagnostic in json.loads(pyright())["generalDiagnostics"]
        if diagnostic["severity"] == "error" and Path(diagnostic["file"]) == program
    }


def rejected_by_pyrefly(program: Path) -> set[int]:
    printed = run_checker(
        *(str(BIN / "pyrefly"), "check", str(program), "--config", str(PROGRAMS / "pyrefly.toml")),
        *("--python-interpreter-path", sys.executable, "--output-format", "json"),
    )
    return {error["line"] for error in json.loads(printed)["errors"]}


CHECKERS: list[Callable[[Path], set[int]]] = [
    rejected_by_mypy,
    rejected_by_pyright,
    rejected_by_pyrefly,
]


@pytest.mark.parametrize("program", WRONG, ids=lambda path: path.name)
def test_there_are_at_least_forty_wrong_lines(program: Path) -> None:
    assert len(marked(program)) >= 40


@pytest.mark.parametrize("program", WRONG, ids=lambda path: path.name)
@pytest.mark.parametrize("rejected", CHECKERS)
def test_each_checker_rejects_exactly_the_wrong_lines(
    program: Path, rejected: Callable[[Path], set[int]]
) -> None:
    assert rejected(program) == marked(program)


@pytest.mark.parametrize("program", RIGHT, ids=lambda path: path.name)
def test_pyrefly_accepts_the_right_programs(program: Path) -> None:
    assert rejected_by_pyrefly(program) == set()


@pytest.fixture(scope="module", params=["pandas polars", "pandas", "polars"])
def lacking(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, Path]:
    """What is not installed, and a Python that has everything else that this one has."""
    absent = str(request.param)
    home = tmp_path_factory.mktemp("lacking")
    venv.create(home, symlinks=True)
    (packages,) = home.glob("lib/*/site-packages")
    for each in Path(sysconfig.get_path("purelib")).iterdir():
        if not each.name.startswith(tuple(absent.split())):
            (packages / each.name).symlink_to(each)
    return absent, home / "bin" / "python"


@pytest.mark.parametrize("checker", ["mypy", "pyright", "pyrefly"])
def test_programs_check_without_the_libraries_they_do_not_import(
    lacking: tuple[str, Path], checker: str, tmp_path: Path
) -> None:
    absent, python = lacking
    names = ["rows", *(f"{name}_alone" for name in ("pandas", "polars") if name not in absent)]
    programs = [str(shutil.copy(PROGRAMS / f"{name}.py", tmp_path)) for name in names]
    (tmp_path / "pyrightconfig.json").write_text('{"typeCheckingMode": "strict"}', encoding="utf-8")
    (tmp_path / "pyrefly.toml").write_text('preset = "strict"', encoding="utf-8")
    arguments: dict[str, list[str]] = {
        "mypy": ["--strict", "--no-error-summary", "--python-executable", str(python), *programs],
        "pyright": ["--pythonpath", str(python)],
        "pyrefly": ["check", "--python-interpreter-path", str(python), *programs],
    }
    done = subprocess.run(
        [str(BIN / checker), *arguments[checker]],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


def test_every_symbol_has_a_type_that_all_checkers_know(tmp_path: Path) -> None:
    # It looks for the package where the interpreter that is first on the path has it.
    environment = {**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ.get('PATH', '')}"}
    printed = subprocess.run(
        [sys.executable, "-m", "pyright", "--verifytypes", "wandb_runs", "--ignoreexternal"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    ).stdout
    assert "Type completeness score: 100%" in printed, printed


def signatures() -> dict[str, list[str]]:
    """What each public function and method is annotated with."""
    found: dict[str, list[str]] = {}
    for name in wandb_runs.__all__:
        value = getattr(wandb_runs, name)
        members = inspect.getmembers_static(value) if inspect.isclass(value) else [(name, value)]
        for member, thing in members:
            function = thing.fget if isinstance(thing, property) else thing
            is_ours = str(getattr(function, "__module__", "")).startswith("wandb_runs.")
            is_private = member.startswith("_") and not member.startswith("__")
            if inspect.isfunction(function) and is_ours and not is_private:
                found[f"{name}.{member}"] = [
                    str(annotation)
                    for each in (function, *typing.get_overloads(function))
                    for annotation in each.__annotations__.values()
                ]
    return found


def test_no_public_signature_holds_any() -> None:
    found = signatures()
    assert len(found) > 300
    holding = {name for name, held in found.items() if re.search(r"\bAny\b", " ".join(held))}
    # Python's own protocol for pickles holds it.
    assert {name for name in holding if not name.endswith(".__reduce__")} == set()
