"""The programs of the cookbook do what its pages say, over real HTTP."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from cookbook import PAGES, PROGRAMS, READ_ONLY_KEY, Section, run, sections, serving

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wandb_runs.testing import LocalServer

SECTIONS = [(page, section) for page in PAGES for section in sections(page)]
INDEX = Path(__file__).parents[1] / "docs/cookbook/index.md"


def is_reading(page: Path) -> bool:
    """Whether the programs of a page change nothing, and may share a server."""
    return page.stem in {"finding", "histories", "tables"}


def name_of(value: object) -> str:
    return value.file.stem if isinstance(value, Section) else ""


@pytest.fixture(scope="module")
def shared() -> Iterator[LocalServer]:
    with serving() as server:
        yield server


@pytest.fixture
def new() -> Iterator[LocalServer]:
    with serving() as server:
        yield server


@pytest.mark.parametrize(
    "section", [section for page, section in SECTIONS if is_reading(page)], ids=name_of
)
def test_programs_that_read_do_what_the_page_says(
    shared: LocalServer, tmp_path: Path, section: Section
) -> None:
    shared.clear_operations()
    assert run(section.file, shared, tmp_path, READ_ONLY_KEY) == section.outcome


@pytest.mark.parametrize(
    "section", [section for page, section in SECTIONS if not is_reading(page)], ids=name_of
)
def test_programs_that_change_something_do_what_the_page_says(
    new: LocalServer, tmp_path: Path, section: Section
) -> None:
    assert run(section.file, new, tmp_path) == section.outcome


@pytest.mark.parametrize("section", [section for _, section in SECTIONS], ids=name_of)
def test_pages_hold_the_programs_as_they_are(section: Section) -> None:
    assert section.program == section.file.read_text(encoding="utf-8")


def test_the_index_holds_the_program_that_logs_their_data() -> None:
    text = (PROGRAMS / "set_up.py").read_text(encoding="utf-8")
    assert f"\n```python\n{text}```\n" in INDEX.read_text(encoding="utf-8")


def test_every_section_is_a_recipe_with_a_thread_that_asks_it() -> None:
    headings = [
        line.removeprefix("## ")
        for page in PAGES
        for line in page.read_text(encoding="utf-8").splitlines()
        if line.startswith("## ")
    ]
    assert headings == [section.question for _, section in SECTIONS]
    assert not [section.question for _, section in SECTIONS if not section.sources]
    issues = [link for page in PAGES for link in re.findall("/issues/[0-9]+", page.read_text())]
    assert len(issues) == sum(len(section.sources) for _, section in SECTIONS)


def test_every_program_has_one_section() -> None:
    files = [section.file for _, section in SECTIONS]
    assert len(files) == len(set(files)) == 25
    assert set(files) == set(PROGRAMS.glob("*.py")) - {PROGRAMS / "set_up.py"}


def test_the_index_lists_all_questions_in_order() -> None:
    questions = re.findall(r"^- \[(.+)\]\(", INDEX.read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert questions == [section.question for _, section in SECTIONS]
