"""What type checkers say of generated packages, and of programs that use them."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import textwrap
from pathlib import Path
from shutil import copytree, ignore_patterns
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

QUERIES = """
query GetRun($project: String!, $id: String!, $moods: [Mood!]) {
  project(name: $project) {
    run(name: $id) { __typename ...RunFields state user { name } moody(moods: $moods) createdAt }
  }
}
query List($first: Int! = 10) { models(first: $first) { edges { node { ...ProjectFields } } } }
mutation Tag($input: ModifyRunsInput!) { modifyRuns(input: $input) { runs { ...RunFields } } }
mutation Feel($asked: AskedInput!) { feel(asked: $asked) { mood } }
fragment RunFields on Run { name config historyKeys mood summaryMetrics }
fragment ProjectFields on Project { name user { username } }
"""

MORE = """
extend type Run { mood: Mood  moody(moods: [Mood!]): [Mood!] }
extend type Mutation { feel(asked: AskedInput!): Feeling }
type Feeling { mood: Mood! }
enum Mood { GOOD BAD }
"How to feel."
input AskedInput { mood: Mood! depth: Int! = 1 inside: AskedInput strange: Strange }
scalar Strange
"""

USE = """
from wandb_runs import Operation

from mine import GetRun, Mood, Tag, feel, get_run, list_, tag

operation: Operation[GetRun] = get_run(project="p", id="r", moods=[Mood.GOOD])
tagged: Operation[Tag] = tag(input={"ids": ["a"], "addTags": ("b", None)})
feel(asked={"mood": Mood.BAD, "inside": {"mood": Mood.GOOD}, "strange": [1]})
list_()
list_(first=None)


def show(answer: GetRun) -> str:
    project = answer.project
    if project is None or project.run is None:
        return ""
    for mood in project.run.moody or ():
        return mood.value
    return project.run.name


wrong: Operation[Tag] = get_run(project="p", id="r")  # wrong
get_run(project="p")  # wrong
get_run("p", "r")  # wrong
get_run(project="p", id=1)  # wrong
get_run(project="p", id="r", modes=[])  # wrong
get_run(project="p", id="r", moods="GOOD")  # wrong
tag(input={"addTag": ["b"]})  # wrong
feel(asked={"depth": 1})  # wrong
feel(asked={"mood": Mood.BAD, "inside": {"mood": 1}})  # wrong


def show_wrongly(answer: GetRun) -> str:
    answer.project.run  # wrong
    if answer.project is None or answer.project.run is None:
        return ""
    answer.project.run.nmae  # wrong
    answer.project.run.history_keys["loss"]  # wrong
    return answer.project.run.user  # wrong
"""


OWN_QUERIES = Path(__file__).parents[3] / "examples" / "own_queries"

USE_OF_EXAMPLE = """
from wandb_queries import best_runs_of_sweeps, tag_runs, tags_of_project, teams_of_viewer
from wandb_runs import Api


def read(api: Api) -> list[str]:
    answer = api.execute(tags_of_project(project="p"))
    if answer.project is None:
        return []
    return [tag.name for tag in answer.project.tag_counts or () if tag and tag.name]


def read_wrongly(api: Api) -> int:
    api.execute(tags_of_project(project=1))  # wrong
    api.execute(tags_of_project(project="p", filters={"state": "finished"}))  # wrong
    api.execute(best_runs_of_sweeps(project="p"))  # wrong
    api.execute(tag_runs(input={"runs": ["a"]}))  # wrong
    api.execute(teams_of_viewer)  # wrong
    api.execute(teams_of_viewer()).viewer.username  # wrong
    answer = api.execute(tags_of_project(project="p"))
    if answer.project is None:
        return 0
    answer.project.tags  # wrong
    answer.project.tag_counts[0]  # wrong
    for tag in answer.project.tag_counts or ():
        tag.name  # wrong
    nodes = api.paginate(
        lambda cursor: best_runs_of_sweeps(project="p", order="x", after=cursor),
        lambda answer: None if answer.project is None else answer.project.sweeps,
    )
    for sweep in nodes:
        sweep.best  # wrong
    return answer.project.run_count  # wrong
"""


def prepare(folder: Path) -> None:
    settings = {"typeCheckingMode": "strict", "reportUnusedExpression": "none"}
    (folder / "pyrightconfig.json").write_text(json.dumps(settings))
    (folder / "pyrefly.toml").write_text('preset = "strict"')


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A package of odd queries, and a program that uses it, wrongly in lines that say so."""
    folder = tmp_path_factory.mktemp("odd")
    for name, text in (("a.graphql", QUERIES), ("more.graphql", MORE), ("use.py", USE)):
        (folder / name).write_text(textwrap.dedent(text).strip() + "\n")
    prepare(folder)
    given = ("a.graphql", "--schema", "more.graphql", "--scalar", "Strange=object", "-o", "mine")
    generate(folder, *given)
    return folder


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example, generated anew, and such a program beside it."""
    folder = tmp_path_factory.mktemp("example") / "own_queries"
    copytree(OWN_QUERIES, folder, ignore=ignore_patterns("wandb_queries", "__pycache__"))
    (folder / "use.py").write_text(USE_OF_EXAMPLE.strip() + "\n")
    prepare(folder)
    generate(folder)
    return folder


def generate(folder: Path, *arguments: str) -> None:
    command = [sys.executable, "-m", "wandb_runs", "codegen", *arguments]
    subprocess.run(command, cwd=folder, check=True)


def errors_of_mypy(folder: Path) -> set[str]:
    programs = [path.name for path in folder.iterdir() if path.is_dir() or path.suffix == ".py"]
    programs = [name for name in programs if not name.startswith(".") and name != "queries"]
    printed = printed_by(folder, "mypy", "--strict", "--config-file=", *programs)
    return {f"{name}:{line}" for name, line in re.findall(r"([\w/]+\.py):(\d+): error", printed)}


def errors_of_pyright(folder: Path) -> set[str]:
    printed = printed_by(folder, "pyright", "--outputjson", "--pythonpath", sys.executable)
    return {
        f"{Path(each['file']).relative_to(folder)}:{each['range']['start']['line'] + 1}"
        for each in json.loads(printed)["generalDiagnostics"]
    }


def errors_of_pyrefly(folder: Path) -> set[str]:
    # Without names of files: each would bring the settings that are above it.
    arguments = ("--python-interpreter-path", sys.executable, "--output-format", "json")
    printed = printed_by(folder, "pyrefly", "check", *arguments)
    return {f"{Path(each['path']).name}:{each['line']}" for each in json.loads(printed)["errors"]}


def printed_by(folder: Path, checker: str, *arguments: str) -> str:
    command = (str(Path(sys.executable).with_name(checker)), *arguments)
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False).stdout


@pytest.mark.parametrize("errors_of", [errors_of_mypy, errors_of_pyright, errors_of_pyrefly])
@pytest.mark.parametrize("package", ["odd", "example"])
def test_checkers_pass_what_is_right_and_find_each_wrong_use(
    request: pytest.FixtureRequest, package: str, errors_of: Callable[[Path], set[str]]
) -> None:
    folder: Path = request.getfixturevalue(package)
    lines = (folder / "use.py").read_text().splitlines()
    wrong = {f"use.py:{number}" for number, line in enumerate(lines, 1) if "# wrong" in line}
    assert len(wrong) > 10
    assert errors_of(folder) == wrong
