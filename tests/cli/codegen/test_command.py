"""`wandb-runs codegen`: what a user's own GraphQL files become, and what is refused."""

from __future__ import annotations

import importlib
import json
import os
import shlex
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from wandb_runs.cli.codegen.folders import replace_package
from wandb_runs.cli.commands import cli

if TYPE_CHECKING:
    from collections.abc import Mapping

    from click.testing import Result

GET_RUN = """
query GetRun($entity: String, $project: String!, $id: String!) {
  project(entityName: $entity, name: $project) { run(name: $id) { name displayName } }
}
"""


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["codegen", *arguments])


def refusal(*arguments: str) -> str:
    done = run(*arguments)
    assert done.exit_code == 2, done.output
    assert done.stdout == ""
    assert done.stderr.startswith("Error: ")
    return done.stderr.removeprefix("Error: ")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project of a user, which is the current folder."""
    root = tmp_path / "theirs"
    root.mkdir()
    (root / "pyproject.toml").write_text("")
    monkeypatch.chdir(root)
    return root


def write(files: Mapping[str, str]) -> None:
    for name, text in files.items():
        path = Path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text), encoding="utf-8")


def contents(package: str | Path) -> dict[str, str]:
    return {
        path.name: path.read_text(encoding="utf-8") for path in sorted(Path(package).glob("*.py"))
    }


def names(folder: str) -> set[str]:
    return {path.name for path in Path(folder).iterdir()}


def loads(package: str, statement: str) -> str:
    """What a program prints that imports a package from the current folder."""
    return subprocess.run(
        [sys.executable, "-c", f"import {package} as mine; {statement}"],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": str(Path.cwd()), "PYTHONDONTWRITEBYTECODE": "1"},
    ).stdout.strip()


# --- what is written -----------------------------------------------------------------------------


def test_files_become_a_package_of_typed_operations() -> None:
    write({"queries/runs.graphql": GET_RUN})
    done = run("queries", "-o", "mine")
    assert (done.exit_code, done.stdout, done.stderr) == (0, "", "mine: 5 files changed\n")
    assert set(contents("mine")) == {
        "__init__.py",
        "base_model.py",
        "get_run_result.py",
        "operations.py",
        "selections.py",
    }
    answer = json.dumps({"data": {"project": {"run": {"name": "r1", "displayName": "fox"}}}})
    assert (
        loads(
            "mine",
            "operation = mine.get_run(project='p', id='r1');"
            f"print(operation, operation.parse({answer.encode()!r}).project.run.display_name)",
        )
        == "<Operation query GetRun(project, id)> fox"
    )


def test_nothing_is_any_and_nothing_names_the_machine(folder: Path) -> None:
    write(
        {
            "queries/all.graphql": """
                query All { viewer { name } project(name: "p") { access views
                  run(name: "r") { config historyKeys createdAt summaryMetrics __typename } } }
            """
        }
    )
    assert run(str(folder / "queries"), "-o", str(folder / "mine")).exit_code == 0
    written = "".join(contents("mine").values())
    assert "Any" not in written
    assert str(folder) not in written
    assert folder.parent.name not in written
    assert "typename__: str" in written


def test_the_header_is_the_command_that_writes_it_again() -> None:
    write(
        {
            "queries/b.graphql": GET_RUN,
            "a query.graphql": "query Viewer { viewer { name } }",
            "more.graphql": "extend type Run { mood: Mood } scalar Mood",
        }
    )
    given = ("queries", "a query.graphql", "--schema", "more.graphql", "--scalar", "Mood=str")
    assert run(*given, "-o", "mine").exit_code == 0
    before = contents("mine")
    heads = {text.split("\n\n")[0] for text in before.values()}
    assert len({head.replace("\n# pyright: reportUnusedImport=false", "") for head in heads}) == 1
    first, _, command = next(iter(heads)).splitlines()[:3]
    assert first == "# Written by wandb-runs codegen, not by hand. To write it again:"
    words = shlex.split(command.removeprefix("#"))
    assert words[:2] == ["wandb-runs", "codegen"]
    shutil.rmtree("mine")
    assert run(*words[2:]).exit_code == 0
    assert contents("mine") == before


def test_settings_in_pyproject_take_the_place_of_arguments(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(
        {
            "pyproject.toml": """
                [tool.wandb-runs.codegen]
                queries = ["queries"]
                schema = "more.graphql"
                output = "src/mine"
                scalars = { Mood = "str" }
            """,
            "queries/b.graphql": 'query Get { project(name: "p") { mood } }',
            "more.graphql": "extend type Project { mood: Mood } scalar Mood",
            "src/inner/x": "",
        }
    )
    monkeypatch.chdir(folder / "src" / "inner")
    assert run().stderr == "src/mine: 5 files changed\n"
    package = contents(folder / "src" / "mine")
    assert "\n#     wandb-runs codegen\n" in package["operations.py"]
    assert run("--check").exit_code == 0
    # What is given wins.
    assert run("-o", "other").exit_code == 0
    assert contents("other").keys() == package.keys()


@pytest.mark.parametrize(
    ("table", "problem"),
    [
        ("[tool.wandb-runs.codegen]\nquerys = ['a']", "did you mean 'queries'?"),
        ("[tool.wandb-runs.codegen]\nqueries = [1]", "queries must be a list of paths, not [1]"),
        ("[tool.wandb-runs.codegen]\noutput = 1", "output must be a string, not 1"),
        ("[tool.wandb-runs.codegen]\nscalars = 1", "scalars must be a table like"),
        ("[tool.wandb-runs.codegen.scalars]\nMood = 'Any'", "'Mood=Any' is no type of a scalar"),
        ("[tool.wandb-runs]\ncodegen = 1", "[tool.wandb-runs.codegen] must be a table"),
        ("[tool", "pyproject.toml cannot be read"),
    ],
)
def test_settings_that_are_wrong_are_refused(table: str, problem: str) -> None:
    write({"pyproject.toml": table, "a.graphql": GET_RUN})
    message = refusal("a.graphql", "-o", "mine")
    assert message.startswith("pyproject.toml")
    assert problem in message


def test_the_same_files_give_the_same_package_whatever_the_order(tmp_path: Path) -> None:
    queries = {
        f"queries/{name}.graphql": f"""
            query Get{name} {{ project(name: "p") {{ ...Of{name} ...OfAll }} }}
            fragment Of{name} on Project {{ id }}
        """
        for name in "ABC"
    } | {"queries/inner/all.gql": "fragment OfAll on Project { description createdAt }"}
    packages: list[dict[str, str]] = []
    for seed, files in (("0", [*queries]), ("1", [*reversed(queries)]), ("2", ["queries"])):
        shutil.rmtree("queries", ignore_errors=True)
        write({name: queries[name] for name in (reversed(queries) if seed == "1" else queries)})
        arguments = [*files, *files, "-o", f"{tmp_path}/{seed}/mine"]
        (tmp_path / seed).mkdir()
        subprocess.run(
            [sys.executable, "-m", "wandb_runs", "codegen", *arguments],
            check=True,
            env={**os.environ, "PYTHONHASHSEED": seed},
        )
        package = contents(tmp_path / seed / "mine")
        # The folder stands for the files in it, and the header says which were named.
        packages.append({name: text.split("\n\n", 1)[1] for name, text in package.items()})
    assert packages[0] == packages[1] == packages[2]


def test_what_a_file_extends_is_compiled_and_may_be_what_the_wheel_has_too() -> None:
    write(
        {
            "a.graphql": 'query Get($by: Asked) { project(name: "p") { mood(by: $by) name } }',
            "more.graphql": """
                extend type Project { mood(by: Asked): Mood  name: String }
                enum Mood { GOOD BAD }
                enum Unused { GOOD BAD }
                input Asked { mood: Mood! }
            """,
        }
    )
    assert run("a.graphql", "-o", "mine", "--schema", "more.graphql").exit_code == 0
    printed = loads("mine", "print(mine.get(by={'mood': mine.Mood.BAD}).variables)")
    assert printed == "{'by': {'mood': <Mood.BAD: 'BAD'>}}"
    assert "Unused" not in contents("mine")["enums.py"]


@pytest.mark.parametrize(
    ("more", "problem"),
    [
        (
            "extend type Projct { mood: Int }",
            "more.graphql:1:13: Cannot extend type 'Projct' because it is not defined. "
            "Did you mean 'Project'",
        ),
        (
            "extend type Project {\n  name: Int }",
            "more.graphql:2: Project.name is 'name: String' in schema/wandb.graphql:",
        ),
        ("extend type Project { mood: Mod }", "more.graphql:1:29: Unknown type 'Mod'."),
        ("extend type Project { mood: ", "more.graphql:1:29: Syntax Error"),
        ("interface A { a: Int } type B implements A { b: Int }", "more.graphql:1:"),
        (
            "extend type Project { mood: Mood } scalar Mood",
            "scalar Mood has no type in Python and would be Any; write --scalar Mood=str, or "
            'scalars = { Mood = "str" } in pyproject.toml',
        ),
    ],
)
def test_schema_files_that_are_wrong_are_refused(more: str, problem: str) -> None:
    write({"a.graphql": GET_RUN, "more.graphql": more})
    assert problem in refusal("a.graphql", "-o", "mine", "--schema", "more.graphql")
    assert not Path("mine").exists()


MOOD = {
    "a.graphql": 'query Get { project(name: "p") { mood } }',
    "more.graphql": "extend type Project { mood: Mood } scalar Mood",
}


@pytest.mark.parametrize(
    ("scalar", "problem"),
    [
        ("Mod=str", "scalar Mod is not in the schema; did you mean 'Mood'?"),
        (
            "Temperature=float",
            "scalar Temperature is not in the schema; only a scalar that --schema brings takes "
            "a type",
        ),
        ("Project=str", "Project is no scalar in the schema"),
        ("DateTime=float", "scalar DateTime has a type already: str"),
        ("Int=float", "scalar Int has a type already: int"),
    ],
)
def test_scalars_that_take_no_type_are_refused(scalar: str, problem: str) -> None:
    write(MOOD)
    given = ("a.graphql", "--schema", "more.graphql", "--scalar", "Mood=str", "-o", "mine")
    assert problem in refusal(*given, "--scalar", scalar)
    name, _, kind = scalar.partition("=")
    write({"pyproject.toml": f"[tool.wandb-runs.codegen.scalars]\n{name} = '{kind}'"})
    assert problem in refusal(*given)
    assert not Path("mine").exists()


def test_a_scalar_may_be_given_the_type_that_it_has() -> None:
    write(MOOD)
    given = ("a.graphql", "--schema", "more.graphql", "--scalar", "Mood=str", "-o", "mine")
    assert run(*given, "--scalar", "DateTime=str").exit_code == 0


def test_without_pyproject_the_current_folder_makes_no_difference(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("pyproject.toml").unlink()
    write({"queries/inner/a.graphql": GET_RUN})
    found: list[dict[str, str]] = []
    for current, given in (
        (".", "queries"),
        (".", "queries/inner/a.graphql"),
        ("queries/inner", "a.graphql"),
    ):
        monkeypatch.chdir(folder / current)
        assert run(given, "-o", str(folder / "mine")).exit_code == 0
        package = contents(folder / "mine")
        found.append({name: text.split("\n\n", 1)[1] for name, text in package.items()})
    assert found[0] == found[1] == found[2]
    assert "`GetRun` in `a.graphql`" in found[0]["operations.py"]


def test_with_pyproject_paths_belong_to_its_folder(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write({"queries/inner/a.graphql": GET_RUN})
    monkeypatch.chdir(folder / "queries" / "inner")
    assert run("a.graphql", "-o", "../../mine").exit_code == 0
    monkeypatch.chdir(folder)
    assert run("queries/inner/a.graphql", "-o", "mine").stderr == "mine: nothing changed\n"
    assert "in `queries/inner/a.graphql`" in contents("mine")["operations.py"]


def test_check_accepts_a_package_that_another_command_wrote(folder: Path) -> None:
    write({"queries/a.graphql": GET_RUN})
    assert run("queries", "-o", "mine").exit_code == 0
    before = contents("mine")
    assert run("queries/a.graphql", "-o", "mine", "--check").exit_code == 0
    # What was written is the command that was given last.
    assert run("queries/a.graphql", "-o", "mine").stderr == "mine: 5 files changed\n"
    assert contents("mine") != before
    # What is below the header counts, a comment like the header's too.
    operations = folder / "mine" / "operations.py"
    text = operations.read_text(encoding="utf-8")
    for changed in (text + "#     x\n", text.replace("# Written by", "# Made by")):
        operations.write_text(changed, encoding="utf-8")
        done = run("queries", "-o", "mine", "--check")
        assert done.exit_code == 1
        assert done.stderr.splitlines()[1:] == ["changed: operations.py"]


def test_the_order_of_arguments_makes_no_difference() -> None:
    names = [f"{each}.graphql" for each in "dbeca"]
    write({name: f"query Get{name[0]} {{ viewer {{ id }} }}" for name in names})
    assert run(*names, "-o", "mine").exit_code == 0
    named = "a.graphql b.graphql c.graphql d.graphql e.graphql"
    assert f"\n#     wandb-runs codegen {named} -o mine\n" in contents("mine")["operations.py"]
    assert run(*reversed(names), "-o", "mine", "--check").exit_code == 0


# --- the folder ----------------------------------------------------------------------------------


def test_modules_of_queries_that_are_gone_go() -> None:
    write({"a.graphql": GET_RUN, "b.graphql": "query Viewer { viewer { name } }"})
    assert run("a.graphql", "b.graphql", "-o", "mine").exit_code == 0
    assert "viewer_result.py" in contents("mine")
    assert run("a.graphql", "-o", "mine").exit_code == 0
    assert "viewer_result.py" not in contents("mine")


def test_a_folder_of_other_files_is_refused_without_force() -> None:
    write({"a.graphql": GET_RUN, "mine/theirs.py": "x = 1\n", "mine/data.txt": "1"})
    message = refusal("a.graphql", "-o", "mine")
    assert message == (
        "mine: data.txt and 1 more not written by this command; --force replaces the folder all "
        "the same\n"
    )
    assert names("mine") == {"theirs.py", "data.txt"}
    assert run("a.graphql", "-o", "mine", "--force").exit_code == 0
    assert "theirs.py" not in names("mine")
    # A file beside generated ones is not lost either.
    write({"mine/helpers.py": "x = 1\n"})
    assert "helpers.py" in refusal("a.graphql", "-o", "mine")
    # Caches are no work.
    Path("mine/helpers.py").unlink()
    write({"mine/__pycache__/x.pyc": ""})
    assert run("a.graphql", "-o", "mine").exit_code == 0


def test_what_fails_leaves_what_was_there() -> None:
    write({"a.graphql": GET_RUN})
    assert run("a.graphql", "-o", "mine").exit_code == 0
    before = contents("mine")
    for text in (
        "query Get { viewer { nmae } }",
        "query Get { viewer {",
        "fragment A on Run { id }",
    ):
        write({"a.graphql": text})
        refusal("a.graphql", "-o", "mine")
        refusal("a.graphql", "-o", "mine", "--check")
        assert contents("mine") == before
    assert names(".") == {"a.graphql", "mine", "pyproject.toml"}


def test_a_package_that_cannot_take_its_place_leaves_the_one_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    write({"mine/__init__.py": "x = 1\n"})
    rename, moved = Path.rename, list[Path]()

    def fail_once(path: Path, target: Path) -> Path:
        moved.append(path)
        if len(moved) == 2:
            raise OSError("no space left")
        return rename(path, target)

    def generate(folder: Path) -> Path:
        (folder / "new").mkdir()
        return folder / "new"

    monkeypatch.setattr(Path, "rename", fail_once)
    with pytest.raises(OSError, match="no space left"):
        replace_package(Path("mine"), generate)
    assert len(moved) == 3
    assert contents("mine") == {"__init__.py": "x = 1\n"}
    assert names(".") == {"mine", "pyproject.toml"}


def test_what_would_be_the_same_is_left_alone() -> None:
    write({"a.graphql": GET_RUN})
    assert run("a.graphql", "-o", "mine").exit_code == 0
    before = {path: path.stat().st_mtime_ns for path in Path("mine").iterdir()}
    done = run("a.graphql", "-o", "mine")
    assert done.stderr == "mine: nothing changed\n"
    assert {path: path.stat().st_mtime_ns for path in Path("mine").iterdir()} == before
    assert run("a.graphql", "-o", "mine", "--quiet").stderr == ""


def test_a_symbolic_link_is_followed_and_the_mode_is_kept() -> None:
    write({"a.graphql": GET_RUN})
    Path("far").mkdir(mode=0o750)
    Path("mine").symlink_to("far")
    assert run("a.graphql", "-o", "mine").exit_code == 0
    assert Path("mine").is_symlink()
    assert Path("far").stat().st_mode & 0o777 == 0o750
    assert "operations.py" in contents("far")


def test_check_tells_what_is_out_of_date_and_writes_nothing() -> None:
    write({"a.graphql": GET_RUN})
    done = run("a.graphql", "-o", "mine", "--check")
    assert done.exit_code == 1
    assert done.stderr.startswith("Error: mine: out of date; run the command without --check\n")
    assert "missing: operations.py" in done.stderr
    assert not Path("mine").exists()
    assert run("a.graphql", "-o", "mine").exit_code == 0
    assert run("a.graphql", "-o", "mine", "--check").exit_code == 0
    write({"a.graphql": GET_RUN.replace("displayName", "state")})
    done = run("a.graphql", "-o", "mine", "--check")
    assert done.exit_code == 1
    assert done.stderr.splitlines()[1:] == [
        "changed: get_run_result.py",
        "changed: operations.py",
        "changed: selections.py",
    ]


@pytest.mark.parametrize(
    ("output", "problem"),
    [
        ("my-queries", "'my-queries' cannot be imported as a package"),
        ("class", "'class' cannot be imported as a package"),
        ("a.graphql", "cannot be imported as a package"),
        ("wandb_runs", "'wandb_runs' would be imported in place of the one that it imports"),
        ("src/pydantic", "'pydantic' would be imported in place of the one that it imports"),
        (
            "typing_extensions",
            "'typing_extensions' would be imported in place of the one that it imports",
        ),
        ("httpx", "'httpx' would be imported in place of the one that it imports"),
        ("json", "'json' would be imported in place of Python's own"),
        ("src/typing", "'typing' would be imported in place of Python's own"),
        ("nowhere/mine", "nowhere/mine: there is no folder nowhere; create it first"),
        ("file", "a file, where the package would be a folder"),
    ],
)
def test_places_that_cannot_be_a_package_are_refused(output: str, problem: str) -> None:
    write({"a.graphql": GET_RUN, "file": "", "src/x": ""})
    assert problem in refusal("a.graphql", "-o", output)
    assert names(".") == {"a.graphql", "file", "src", "pyproject.toml"}
    assert names("src") == {"x"}


def test_each_module_that_a_package_brings_with_it_is_refused_as_its_name() -> None:
    write({"a.graphql": GET_RUN})
    assert run("a.graphql", "-o", "mine").exit_code == 0
    program = (
        "import sys; from wandb_runs import Api; Api(api_key='k' * 40).close(); mine.GetRun;"
        "print(*{name.split('.')[0] for name in sys.modules if name[0] != '_'} - {'mine'})"
    )
    found = loads("mine", program).split()
    assert {"wandb_runs", "pydantic", "typing_extensions"} <= {*found}
    for name in found:
        assert "give it another name" in refusal("a.graphql", "-o", name)


def test_the_folder_of_a_package_that_is_not_there_is_named_from_the_root(folder: Path) -> None:
    write({"a.graphql": GET_RUN})
    settings = '[tool.wandb-runs.codegen]\nqueries = "a.graphql"\noutput = "src/app/mine"\n'
    (folder / "pyproject.toml").write_text(settings)
    assert refusal() == "src/app/mine: there is no folder src/app; create it first\n"
    (folder / "src" / "app").mkdir(parents=True)
    assert run().exit_code == 0


# --- what is refused -----------------------------------------------------------------------------


def test_an_unknown_field_is_told_by_its_place_with_the_nearest() -> None:
    write({"queries/runs.graphql": GET_RUN.replace("displayName", "dispalyName")})
    assert refusal("queries", "-o", "mine") == (
        "queries/runs.graphql:3:72: Cannot query field 'dispalyName' on type 'Run'. "
        "Did you mean 'displayName'?\n"
    )


def test_all_problems_are_told_each_in_a_line() -> None:
    write(
        {
            "queries/a.graphql": "query A { viewer { nmae } }",
            "queries/b.graphql": "query B { viewer { emial } }",
        }
    )
    for given in (("queries",), ("queries/b.graphql", "queries/a.graphql")):
        lines = refusal(*given, "-o", "mine").splitlines()
        assert [line.split(": ")[0] for line in lines] == [
            "queries/a.graphql:1:20",
            "queries/b.graphql:1:20",
        ]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("query A {", "a.graphql:1:10: Syntax Error: Expected Name, found <EOF>."),
        ("", "a.graphql:1:1: Syntax Error: Unexpected <EOF>."),
        ("query A { viewer { id } } query A { viewer { id } }", "a.graphql:1:7: There can be only"),
        ("query A { viewer { ...B } }", "a.graphql:1:23: Unknown fragment 'B'."),
        ("fragment B on User { id }", "Fragment 'B' is never used."),
        ("query A { viewer { id @optinal } }", "Unknown directive '@optinal'."),
        (
            "query A($c: String) {\n  viewer { email @optional(costs: $c) } }",
            "a.graphql:2: User.email: costs: of @optional is a text, and no variable",
        ),
        (
            "query A($c: String) { viewer { ...B } }\n"
            "fragment B on User { email @optional(costs: $c) }",
            "a.graphql:2: User.email: costs: of @optional is a text, and no variable",
        ),
        (
            "query A($n: Int) {\n" + 'project(name: "p") { run(name: $n) { id } } }',
            "expecting type 'String!', and line 2\n",
        ),
        ("{ viewer { id } }", "a.graphql:1: a query: it has no name; name it with a verb"),
        ("type Run { id: ID }", "The 'Run' definition is not executable."),
        ("query A { " + "viewer { " * 3000, "nested too deep"),
        (
            "query A { viewer { id @optional @essential } }",
            "a.graphql:1: User.id is @optional and @essential; remove one",
        ),
        (
            'query A { project(name: "p") { run(name: "r") { name @optional } } }',
            "a.graphql:1: Run.name is never null in the schema",
        ),
        (
            'query A { project(name: "p") { runs { pageInfo @optional { endCursor } } } }',
            "a.graphql:1: RunConnection.pageInfo makes pages, and is never left out",
        ),
        (
            "mutation A($id: ID!) { stopRun(input: {id: $id}) { success @optional } }",
            "a.graphql:1: StopRunPayload.success: nothing of a mutation is left out",
        ),
    ],
)
def test_documents_that_are_wrong_are_refused(text: str, problem: str) -> None:
    write({"a.graphql": text})
    assert problem in refusal("a.graphql", "-o", "mine")
    assert not Path("mine").exists()


def test_files_that_cannot_be_read_are_told() -> None:
    write({"empty/readme.md": ""})
    Path("latin.graphql").write_bytes("query A { viewer { id } } # \xe9".encode("latin-1"))
    lines = refusal("nowhere.graphql", "empty", "latin.graphql", "-o", "mine").splitlines()
    assert sorted(lines) == [
        "empty: no .graphql file is in this folder",
        "latin.graphql: not in UTF-8",
        "nowhere.graphql: No such file or directory",
    ]


def test_what_is_not_given_is_told() -> None:
    assert "there is nothing to compile" in refusal("-o", "mine")
    write({"a.graphql": GET_RUN})
    assert "where is the package to go? Give -o" in refusal("a.graphql")


def test_a_missing_generator_is_an_error_with_the_pip_command(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "ariadne_codegen", None)
    assert refusal("a.graphql", "-o", "mine") == (
        "codegen needs the library ariadne_codegen, which cannot be imported here; install it: "
        "pip install 'wandb-runs[codegen]'\n"
    )


# --- names that others choose --------------------------------------------------------------------

OPERATIONS = ("class", "import", "def", "type", "list", "str", "print", "id", "input", "object")


def test_names_of_python_are_names_of_operations() -> None:
    queries = "".join(f"query {name} {{ viewer {{ id }} }}\n" for name in OPERATIONS)
    write({"a.graphql": queries})
    assert run("a.graphql", "-o", "mine").exit_code == 0
    names = loads("mine", "print(*(getattr(mine, n)().name for n in mine.operations.__all__))")
    assert sorted(names.split()) == sorted(OPERATIONS)


ALIASES = (
    *("class", "import", "type", "list", "str", "int", "dict", "model_config", "model_fields"),
    *("copy", "json", "self", "cls", "Optional", "Field", "BaseModel", "_private", "fields"),
)


def test_names_of_python_are_aliases_and_variables() -> None:
    fields = " ".join(f"{name}: displayName" for name in ALIASES)
    variables = ("class", "self", "str", "list", "type", "Operation", "object", "async")
    declared = ", ".join(f"${name}: String!" for name in variables)
    runs = " ".join(f"run{i}: run(name: ${name}) {{ id }}" for i, name in enumerate(variables))
    write(
        {
            "a.graphql": f"""
                query Get({declared}) {{
                  project(name: "p") {{ {runs} run(name: "r") {{ {fields} }} }}
                }}
            """
        }
    )
    assert run("a.graphql", "-o", "mine").exit_code == 0
    answer = {"data": {"project": {"run": dict.fromkeys(ALIASES, "v")}}}
    program = (
        "import inspect;"
        "names = inspect.signature(mine.get).parameters;"
        "operation = mine.get(**dict.fromkeys(names, 'x'));"
        f"found = operation.parse({json.dumps(answer).encode()!r}).project.run;"
        "print(*operation.variables, {*found.model_dump().values()}, len(type(found).model_fields))"
    )
    assert loads("mine", program) == f"{' '.join(variables)} {{'v'}} {len(ALIASES)}"


@pytest.mark.parametrize(
    "text",
    [
        # Classes of these names would be keywords, or hide what modules import.
        "query none { viewer { id } }",
        "query True_ { viewer { id } }",
        "query _ { viewer { id } }",
        "query _1 { viewer { id } }",
        "query Operation { viewer { id } }",
        "query GetRun { viewer { id } } query get_run { viewer { id } }",
        # The module of one would stand in the place of the other's builder.
        "query Get { viewer { id } } query GetResult { viewer { id } }",
        "query Get { viewer { ...field } } fragment field on User { id }",
        "query Get { viewer { ...False } } fragment False on User { id }",
        "query Get($_given: String) { project(name: $_given) { id } }",
        "query Get($aB: String, $a_b: String) { project(name: $aB, entityName: $a_b) { id } }",
    ],
)
def test_names_that_a_package_cannot_have_are_refused(text: str) -> None:
    write({"a.graphql": text})
    assert refusal("a.graphql", "-o", "mine").startswith("a.graphql:1: ")
    assert not Path("mine").exists()


@pytest.mark.parametrize(
    "more",
    [
        "enum mood { A }",
        "enum Optional { A }",
        "enum Mood { name }",
        "enum Mood { title }",
        "enum Mood { mro }",
        "enum Mood { _x_ }",
    ],
)
def test_types_that_a_package_cannot_have_are_refused(more: str) -> None:
    name = more.split()[1]
    write(
        {
            "a.graphql": 'query Get { project(name: "p") { it } }',
            "more.graphql": f"extend type Project {{ it: {name} }} {more}",
        }
    )
    assert refusal("a.graphql", "-o", "mine", "--schema", "more.graphql").startswith(
        "more.graphql:1: "
    )


def test_names_of_files_break_nothing() -> None:
    name = 'q"""\n\\\u202e\u2028é\n import os #.graphql'
    write({name: GET_RUN})
    assert run(name, "-o", "mine").exit_code == 0
    assert "GetRun" in loads("mine", "print(mine.get_run(project='p', id='r'))")
    assert "\u202e" not in "".join(contents("mine").values())
    assert run(name, "-o", "mine", "--check").exit_code == 0
    write({name: "query GetRun { viewer { nmae } }"})
    message = refusal(name, "-o", "mine")
    assert message.count("\n") == 1
    assert "\u202e" not in message


def test_text_in_documents_survives() -> None:
    text = r"""query Get { project(name: "\u202e\u00e9\n\\\"\"\" \t'") { id } }"""
    write({"a.graphql": text})
    assert run("a.graphql", "-o", "mine").exit_code == 0
    printed = loads(
        "mine",
        "from graphql import parse;"
        "field = parse(mine.get().document).definitions[0].selection_set.selections[0];"
        "print(ascii(field.arguments[0].value.value))",
    )
    assert printed == ascii('\u202e\u00e9\n\\""" \t\'')


def test_importing_a_package_imports_no_generator() -> None:
    write({"a.graphql": GET_RUN})
    assert run("a.graphql", "-o", "mine").exit_code == 0
    heavy = ("ariadne_codegen", "graphql", "click", "mine.selections", "mine.get_run_result")
    program = (
        "import sys; mine.get_run(project='p', id='r');"
        f"print([name for name in {heavy!r} if name in sys.modules])"
    )
    assert loads("mine", program) == "[]"


def test_a_package_can_be_moved_and_renamed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write({"a.graphql": GET_RUN, "app/__init__.py": ""})
    assert run("a.graphql", "-o", "mine").exit_code == 0
    shutil.move("mine", "app/theirs")
    monkeypatch.setattr(sys, "path", [str(folder), *sys.path])
    package = importlib.import_module("app.theirs")
    assert package.GetRun is package.get_run(project="p", id="r").result
