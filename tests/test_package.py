"""What an installed package is: typed, complete, and light to import."""

from __future__ import annotations

import ast
import inspect
import re
import subprocess
import sys
from importlib.metadata import files, requires, version
from pathlib import Path

import pytest
import typing_extensions

import wandb_runs
from wandb_runs import Api, Run, Runs

PUBLIC = {name: getattr(wandb_runs, name) for name in wandb_runs.__all__}
SHARED = {
    name: kind
    for name, kind in PUBLIC.items()
    if inspect.isclass(kind)
    and kind.__module__.startswith("wandb_runs")
    and not issubclass(kind, BaseException)
    and not typing_extensions.is_typeddict(kind)
}
"""What holds something, so that threads or tasks may meet in it."""

REPOSITORY = Path(__file__).parents[1]


def printed_by(code: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.strip()


def test_the_tests_run_against_what_was_installed() -> None:
    installed = Path(wandb_runs.__file__)
    assert "site-packages" in installed.parts
    assert not installed.is_relative_to(REPOSITORY / "src")


def test_the_wheel_contains_the_package_alone() -> None:
    held = {str(each) for each in files("wandb-runs") or () if "dist-info" not in str(each)}
    held = {each for each in held if "__pycache__" not in each and not each.startswith("..")}
    assert "wandb_runs/py.typed" in held
    assert "wandb_runs/schema/wandb.graphql" in held
    assert "wandb_runs/schema/sdk.graphql" in held
    assert any(each.startswith("wandb_runs/local/sample/") for each in held)
    room = "wandb_runs/local/web"
    source = REPOSITORY / "src" / room
    pages = {f"{room}/{each.relative_to(source)}" for each in source.rglob("*.*")}
    assert f"{room}/static/index.html" in pages
    assert {each for each in pages if "__pycache__" not in each} <= held
    assert all(each.startswith("wandb_runs/") for each in held)
    assert not any("test_" in each or each.endswith((".toml", ".md")) for each in held)
    assert version("wandb-runs") == wandb_runs.__version__


def test_the_core_needs_five_libraries_and_every_bound_is_stated() -> None:
    needed = requires("wandb-runs") or []
    core = sorted(each.split(">=")[0] for each in needed if "extra ==" not in each)
    assert core == ["anyio", "httpcore", "httpx", "pydantic", "typing-extensions"]
    assert all(">=" in each or each.startswith("wandb-runs[") for each in needed)


def test_importing_loads_no_frame_library_and_no_server() -> None:
    heavy = (
        "pandas polars numpy ariadne graphql starlette uvicorn sqlalchemy yaml wandb "
        "httpx httpcore click rich altair vl_convert"
    )
    code = (
        "import sys, wandb_runs; wandb_runs.Api(api_key='k').runs('a/b');"
        f"print([name for name in {heavy.split()!r} if name in sys.modules])"
    )
    assert printed_by(code) == "[]"


def test_the_signatures_are_those_of_the_reference() -> None:
    def defaults(function: object) -> dict[str, object]:
        assert callable(function)
        parameters = inspect.signature(function).parameters.values()
        return {
            each.name: each.default
            for each in parameters
            if each.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD and each.name != "self"
        }

    empty = inspect.Parameter.empty
    assert defaults(Runs.__init__) == {
        "client": empty,
        "entity": empty,
        "project": empty,
        "filters": None,
        "order": "+created_at",
        "per_page": 50,
        "include_sweeps": True,
    }
    assert defaults(Runs.histories) == {
        "samples": 500,
        "keys": None,
        "x_axis": "_step",
        "format": "default",
        "stream": "default",
    }
    assert defaults(Api.runs) == {
        "path": None,
        "filters": None,
        "order": "+created_at",
        "per_page": 50,
        "include_sweeps": True,
    }
    history = inspect.signature(Run.history)
    assert list(history.parameters)[1:7] == [
        "samples", "keys", "x_axis", "pandas", "stream", "format",
    ]  # fmt: skip
    assert repr(history.parameters["pandas"].default) == "True"


def is_value(kind: type) -> bool:
    """Whether nothing changes in it once it is made, by the way in which it is made."""
    parameters = getattr(kind, "__dataclass_params__", None)
    return issubclass(kind, (str, tuple)) or (parameters is not None and parameters.frozen)


@pytest.mark.parametrize("name", SHARED)
def test_every_class_documents_its_thread_safety(name: str) -> None:
    kind = SHARED[name]
    said = " ".join(re.split(r"\n\n(?:\w+:\n|>>> )", inspect.getdoc(kind) or "")[0].split())
    if is_value(kind) or "Immutable" in said:
        assert "Immutable, and therefore safe to share" in said
        assert kind.__dictoffset__ == 0  # nothing can be hung on it
    elif name.startswith("Async"):
        assert re.search(r"\b(tasks?|event loops?)\b", said, re.IGNORECASE)
    else:
        assert re.search(r"\bthreads?\b", said, re.IGNORECASE)


def documented_names() -> set[str]:
    """The names of modules that have a docstring: of a class or function, or below a value."""
    found: set[str] = set()
    for path in Path(wandb_runs.__file__).parent.rglob("*.py"):
        body = ast.parse(path.read_text(encoding="utf-8")).body
        for node, following in zip(body, [*body[1:], ast.Pass()], strict=True):
            if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                found |= {node.name} if ast.get_docstring(node) else set()
            elif isinstance(node, ast.AnnAssign | ast.Assign) and isinstance(following, ast.Expr):
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                found |= {each.id for each in targets if isinstance(each, ast.Name)}
    return found


def test_every_exported_name_has_a_docstring() -> None:
    assert {*PUBLIC} - documented_names() == set()


OTHER_WORDS = {
    *("walk", "Border", "Place", "Start", "Standing", "Anchor", "passed", "Frontier", "Watch"),
    *("ahead", "unread", "Content", "plain", "checked", "Asked", "Known", "Together", "drive"),
    *("Piece", "Block", "Missing", "Tally", "Home", "decide", "Bench", "Form", "Common", "until"),
}
"""Names of an earlier version for which the field has words of its own."""


def test_names_are_the_words_of_the_field() -> None:
    found = {
        f"{path.relative_to(REPOSITORY)}: {name}"
        for folder in ("src", "tests", "tools", "examples")
        for path in (REPOSITORY / folder).rglob("*.py")
        for name in (path.stem, *names_defined_in(path))
        if name in OTHER_WORDS
    }
    assert not found


PERSONS = re.compile(
    r"\b(?:no|some|any|every)(?:body|[ ]?one(?=[ ](?:who|else)))\b|\b(?:who(?:m|ever|mever))\b",
    re.IGNORECASE,
)


def test_prose_is_about_programs_and_not_about_persons() -> None:
    """Of docs and of the package's own text; names of sample users are no prose."""
    texts = [
        *(REPOSITORY / "src").rglob("*.py"),
        *(REPOSITORY / "docs").rglob("*.md"),
        *REPOSITORY.glob("*.md"),
    ]
    found = {
        f"{path.relative_to(REPOSITORY)}: {match[0]}"
        for path in texts
        for match in PERSONS.finditer(path.read_text(encoding="utf-8"))
    }
    assert not found


HELD_DURING_REQUESTS = (
    "diagnosis",
    "frames",
    "graphql",
    "pagination",
    "query",
    "runs",
    "transport",
)
"""The rooms whose values are in the frames of a call that an interrupt ends."""


def test_a_dataclass_in_the_frames_of_a_request_has_a_repr_that_never_fails() -> None:
    source = REPOSITORY / "src" / "wandb_runs"
    paths = [
        path for room in HELD_DURING_REQUESTS for path in sorted((source / room).rglob("*.py"))
    ]
    classes = [
        each
        for path in paths
        if "_generated" not in path.parts
        for each in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(each, ast.ClassDef)
        and any("dataclass" in ast.unparse(decorator) for decorator in each.decorator_list)
    ]
    assert len(classes) > 40
    for each in classes:
        assert any("repr=False" in ast.unparse(one) for one in each.decorator_list), each.name


def names_defined_in(path: Path) -> list[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    kinds = (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    return [node.name for node in ast.walk(tree) if isinstance(node, kinds)]
