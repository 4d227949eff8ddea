"""The documents are true: links, names of tests, places and commands exist."""

from __future__ import annotations

import ast
import inspect
import re
from functools import cache
from importlib import import_module
from pathlib import Path

import pytest
from support.moving import CLASSES, FEWER, NOT_HERE, THE_SAME, TWINS, moving_table

from docs_site.public_names import PUBLIC_MODULES, names_without_a_page, public_names

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "wandb_runs"
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
RECORDS = sorted((ROOT / "docs" / "decisions").glob("[0-9]*.md"))

LINK = re.compile(r"\]\(([^)\s]+)\)")
CODE = re.compile(r"`([^`]+)`")
FILE = re.compile(r"(?:[\w.-]+/)+[\w.-]*\.(?:py|md|graphql|toml|txt|yaml)")
"""A path with a folder in it; a name alone may be anywhere."""


def text_of(document: Path) -> str:
    """A document without its blocks of code."""
    return re.sub(
        r"^```.*?^```", "", document.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL
    )


def name_of(document: Path) -> str:
    return str(document.relative_to(ROOT))


def anchors_of(document: Path) -> set[str]:
    """The fragments that headings make, spelt as code hosts do."""
    headings = re.findall(r"^#+ (.+)$", text_of(document), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", each.lower()).strip().replace(" ", "-") for each in headings}


@cache
def names_in_tests() -> frozenset[str]:
    """The names of all test functions, of all test classes and of all test files."""
    names: set[str] = set()
    for file in (ROOT / "tests").rglob("test_*.py"):
        names |= {file.name, str(file.relative_to(ROOT / "tests"))}
        tree = ast.parse(file.read_text(encoding="utf-8"))
        kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
        names |= {each.name for each in ast.walk(tree) if isinstance(each, kinds)}
    return frozenset(names)


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_relative_links_resolve(document: Path) -> None:
    text = CODE.sub("", text_of(document))  # a call of something in brackets is no link
    links = [each for each in LINK.findall(text) if "://" not in each]
    dead: list[str] = []
    for link in links:
        path, _, anchor = link.partition("#")
        target = (document.parent / path).resolve() if path else document
        if not target.exists() or (anchor and anchor not in anchors_of(target)):
            dead.append(link)
    assert not dead


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_files_named_in_documents_exist(document: Path) -> None:
    if document.name == "CHANGELOG.md":
        pytest.skip("it may name what an older version had")
    named = {path for code in CODE.findall(text_of(document)) for path in FILE.findall(code)}
    bases = (ROOT, PACKAGE, ROOT / "tests")
    assert not {each for each in named if not any((base / each).exists() for base in bases)}


def test_the_site_leads_to_every_document() -> None:
    """`make docs` sees it, too, and needs an installation of its own."""
    navigation = (ROOT / "mkdocs.yml").read_text(encoding="utf-8").split("\nnav:\n")[1]
    listed = re.findall(r"^ +- (?:.*: )?([\w/-]+\.md)$", navigation, flags=re.MULTILINE)
    found = {each.relative_to(ROOT / "docs").as_posix() for each in (ROOT / "docs").rglob("*.md")}
    records = {f"decisions/{each.name}" for each in RECORDS}  # their index leads to them
    assert sorted(listed) == sorted((found - records) | {"CHANGELOG.md"})


@pytest.mark.parametrize("document", [ROOT / "docs" / "reliability.md", *RECORDS], ids=name_of)
def test_tests_named_in_documents_exist(document: Path) -> None:
    named = {
        name
        for code in CODE.findall(text_of(document))
        for name in re.findall(r"(?:[\w/]+/)?test_\w+(?:\.py)?|\bTest\w+", code)
    }
    assert named
    assert not {each.removeprefix("tests/") for each in named} - names_in_tests()


def test_the_index_lists_every_decision_record() -> None:
    index = (ROOT / "docs" / "decisions" / "README.md").read_text(encoding="utf-8")
    listed = [each for each in LINK.findall(index) if "/" not in each]
    assert listed == [each.name for each in RECORDS]
    numbers = [int(each.name[:4]) for each in RECORDS]
    assert numbers == list(range(1, len(numbers) + 1))


@pytest.mark.parametrize("record", RECORDS, ids=name_of)
def test_decision_records_have_one_form(record: Path) -> None:
    text = record.read_text(encoding="utf-8")
    assert re.match(rf"# {int(record.name[:4])}\. .+\n\nDate: \d{{4}}-\d\d-\d\d\n", text)
    headings = re.findall(r"^## (.+)$", text, flags=re.MULTILINE)
    assert headings == ["Context", "Decision", "Rejected", "Consequences", "Tests"]


def test_the_table_of_places_is_complete() -> None:
    contributing = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    section = contributing.split("\n## Where things live\n")[1].split("\n## ")[0]
    rows = [line.split("|")[1] for line in section.splitlines() if line.startswith("| `")]
    places = [place.rstrip("/") for row in rows for place in CODE.findall(row)]
    assert not [
        each for each in places if not any((base / each).exists() for base in (ROOT, PACKAGE))
    ]
    entries = {each.name for each in PACKAGE.iterdir() if each.name != "__pycache__"}
    assert not entries - set(places)
    assert len(section.splitlines()) <= 50, "the table fits on one screen"


@pytest.mark.parametrize("kind", [*CLASSES.values(), *TWINS.values()])
def test_each_row_about_moving_over_is_true(kind: type[object]) -> None:
    half_made = object.__new__(kind)  # an unknown name is told of without asking the object
    for name, here in moving_table()[kind.__name__.removeprefix("Async")].items():
        if here == THE_SAME and not (kind in TWINS.values() and name in FEWER):
            assert hasattr(kind, name), f"{kind.__name__}.{name} is not here"
            continue
        assert not hasattr(kind, name), f"{kind.__name__}.{name} is here: fix docs/moving.md"
        with pytest.raises(AttributeError, match=f"^W&B's SDK has [A-Z][a-z]+.{name}; ") as caught:
            getattr(half_made, name)
        told = str(caught.value)
        if here == NOT_HERE:
            assert told.endswith("; it is not in this version")
        elif kind in CLASSES.values():
            assert told.endswith(f"; use {here} instead")
        else:  # some of it is awaited
            assert "; use " in told


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_make_targets_named_in_documents_exist(document: Path) -> None:
    targets = re.findall(
        r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE
    )
    named = re.findall(
        r"(?:`|^)make ([a-z]+)", document.read_text(encoding="utf-8"), flags=re.MULTILINE
    )
    assert set(named) <= set(targets)


def test_every_public_name_has_a_place_in_the_reference() -> None:
    assert len(public_names(ROOT / "src")) > 150
    absent = names_without_a_page(ROOT / "docs" / "reference", ROOT / "src")
    assert not absent, f"write `::: {absent[0]}` into a page of docs/reference/"


def test_the_reference_places_every_name_once() -> None:
    pages = (ROOT / "docs" / "reference").rglob("*.md")
    text = "\n".join(page.read_text(encoding="utf-8") for page in pages)
    placed = re.findall(r"^::: (wandb_runs[\w.]*)$", text, flags=re.MULTILINE)
    assert len(placed) == len(set(placed))


def test_modules_that_documents_and_examples_import_are_public() -> None:
    readers = [
        ROOT / "README.md",
        *(ROOT / "docs").rglob("*.md"),
        *(ROOT / "examples").glob("*.py"),
    ]
    imports = re.compile(r"(?:from|import) (wandb_runs(?:\.\w+)*)")
    named = {name for each in readers for name in imports.findall(each.read_text("utf-8"))}
    assert named
    assert not named - set(PUBLIC_MODULES)


def public_classes() -> dict[str, type[object]]:
    """The public classes by their full names; those of a package that is absent are left out."""
    found: dict[str, type[object]] = {}
    for full in public_names(ROOT / "src"):
        module, _, name = full.rpartition(".")
        value: object = getattr(import_module(module), name)
        if inspect.isclass(value) and value.__module__.startswith("wandb_runs"):
            found[full] = value
    return found


def is_described(kind: type[object], name: str) -> bool:
    """Whether a member has a docstring, or a line in that of its class or of a base."""
    ours = [each for each in kind.__mro__ if each.__module__.startswith("wandb_runs")]
    value = next((vars(each)[name] for each in ours if name in vars(each)), None)
    if inspect.isroutine(value) or isinstance(value, property | classmethod | staticmethod):
        return any(getattr(vars(each).get(name), "__doc__", None) for each in ours)
    in_class = re.compile(rf"^    {name}\b.*\n    \"\"\"", re.MULTILINE)
    in_docstring = re.compile(rf"^ +{name}: ", re.MULTILINE)
    sources = [  # errors name another module than that of their file
        inspect.getsource(each) for each in ours if each.__module__ != "wandb_runs.errors"
    ]
    return any(in_docstring.search(each.__doc__ or "") for each in ours) or any(
        map(in_class.search, sources)
    )


@pytest.mark.parametrize("kind", public_classes().values(), ids=lambda kind: kind.__name__)
def test_every_public_member_is_described(kind: type[object]) -> None:
    ours = [each for each in kind.__mro__ if each.__module__.startswith("wandb_runs")]
    members = {
        name
        for each in ours
        for name in (*vars(each), *inspect.get_annotations(each))
        if not name.startswith("_")
    }
    assert not {name for name in members if not is_described(kind, name)}
