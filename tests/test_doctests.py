"""Every example in a docstring, in the README and in the documents runs as it stands."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import wandb_runs

if TYPE_CHECKING:
    from wandb_runs import Api
    from wandb_runs.testing import LocalServer

MODULES = sorted(
    name
    for _, name, _ in pkgutil.walk_packages(wandb_runs.__path__, "wandb_runs.")
    if not name.endswith("__main__")
)
ROOT = Path(__file__).parents[1]

DOCUMENTS = {
    path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8")
    for path in sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
    if path.parent.name not in {"cookbook", "decisions", "reference"}
}
WITH_EXAMPLES = sorted(name for name, text in DOCUMENTS.items() if ">>> " in text)
WITHOUT_EXAMPLES = {
    "docs/command-line.md",
    "docs/differences.md",
    "docs/frames.md",
    "docs/local-server.md",
    "docs/performance.md",
    "docs/reliability.md",
    "docs/wandb-behaviour.md",
}
"""Documents without an example for the interpreter, each on purpose.

Programs of the cookbook run in `test_cookbook.py`.
"""


@pytest.fixture
def names(sample_server: LocalServer, sample_api: Api) -> dict[str, object]:
    """What an example may use without saying where it comes from."""
    runs = sample_api.runs("sample/digits", {"state": "finished"})
    return {"server": sample_server, "api": sample_api, "runs": runs, "run": runs[0]}


def run_examples(examples: list[doctest.DocTest]) -> None:
    runner = doctest.DocTestRunner(optionflags=doctest.IGNORE_EXCEPTION_DETAIL | doctest.ELLIPSIS)
    printed: list[str] = []
    for each in examples:
        runner.run(each, out=printed.append)
    assert not runner.failures, "".join(printed)


@pytest.mark.parametrize("name", ["wandb_runs", *MODULES])
def test_examples_in_docstrings(name: str, names: dict[str, object]) -> None:
    module = importlib.import_module(name)
    found = doctest.DocTestFinder(exclude_empty=True).find(module, extraglobs=names)
    run_examples([each for each in found if each.examples])


def test_examples_are_found() -> None:
    finder = doctest.DocTestFinder()
    found = [each for name in MODULES for each in finder.find(importlib.import_module(name))]
    assert sum(len(each.examples) for each in found) > 50


def test_documents_without_examples_are_named() -> None:
    assert {*DOCUMENTS} - {*WITH_EXAMPLES} == WITHOUT_EXAMPLES


@pytest.mark.parametrize("name", WITH_EXAMPLES)
def test_examples_in_documents(
    sample_server: LocalServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WANDB_BASE_URL", sample_server.url)
    monkeypatch.setenv("WANDB_API_KEY", "any-key")
    text = (ROOT / name).read_text(encoding="utf-8")
    parsed = doctest.DocTestParser().get_doctest(text, {}, name, name, 0)
    assert parsed.examples
    run_examples([parsed])
