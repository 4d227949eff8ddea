"""The examples of the guide, compiled as they stand there."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from wandb_runs.cli.commands import cli

GUIDE = Path(__file__).parents[3] / "docs" / "own-queries.md"
TEXT = GUIDE.read_text(encoding="utf-8")
COMMANDS = re.findall(
    r"^\$ (wandb-runs codegen .+)$|`(wandb-runs codegen \w[^`]*)`", TEXT, re.MULTILINE
)


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)


def documents() -> dict[str, str]:
    """The blocks of GraphQL, by the names that their first lines give, or one of their own."""
    found: dict[str, str] = {}
    for number, text in enumerate(blocks("graphql")):
        name = re.match(r"# (\S+\.graphql)\n", text)
        found[name[1] if name else f"queries/{number}.graphql"] = text
    return found


def compiles(*arguments: str) -> str:
    done = CliRunner().invoke(cli, ["codegen", *arguments])
    assert done.exit_code == 0, done.output
    return done.stderr


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The project of the guide, which is the current folder."""
    monkeypatch.chdir(tmp_path)
    for name, text in documents().items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    # What the schema file adds is asked for as well.
    fields = re.findall(r"^  (\w+):", documents()["more.graphql"], re.MULTILINE)
    assert fields
    asked = f'query Added {{ project(name: "p") {{ run(name: "r") {{ {" ".join(fields)} }} }} }}'
    (tmp_path / "added.graphql").write_text(asked, encoding="utf-8")
    return tmp_path


def test_the_settings_of_the_guide_compile_its_documents(folder: Path) -> None:
    (settings,) = blocks("toml")
    (folder / "pyproject.toml").write_text(settings, encoding="utf-8")
    (folder / "src" / "app").mkdir(parents=True)
    compiles()
    assert (folder / "src" / "app" / "mine" / "best_runs_result.py").is_file()
    compiles("--check")
    compiles("added.graphql")
    model = (folder / "src" / "app" / "mine" / "added_result.py").read_text(encoding="utf-8")
    assert "float | None" in model or "Optional[float]" in model


@pytest.mark.parametrize("command", ["".join(each) for each in COMMANDS])
def test_the_commands_of_the_guide_compile_its_documents(command: str) -> None:
    words = shlex.split(command)[2:]
    compiles(*words)
    if "--schema" in words:
        compiles(*words, "added.graphql")


def test_the_first_example_writes_as_many_files_as_it_says(folder: Path) -> None:
    for path in (folder / "queries").iterdir():
        if path.name != "sweeps.graphql":
            path.unlink()
    (console,) = (each for each in blocks("console") if "$ wandb-runs codegen" in each)
    command, said = console.splitlines()
    assert compiles(*shlex.split(command)[3:]) == f"{said}\n"
