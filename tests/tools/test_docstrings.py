"""The awaiting half shows the arguments, results and errors that the blocking half describes."""

from __future__ import annotations

import inspect

import pytest

import wandb_runs
from docstrings import copy_sections, main

BLOCKING = '''
class Runs:
    """Blocking.

    Args:
        entity: Of `Runs.project`.

    >>> 1
    1
    """

    def length(self):
        """How many.

        Raises:
            NotFoundError: No such project.
        """

    def pages(self):
        """Pages."""
'''
AWAITING = '''
class AsyncRuns:
    """Awaiting.

    Args:
        entity: Stale.

    >>> 2
    2
    """

    async def length(self):
        """How many, awaited."""

    async def pages(self):
        """Pages, awaited."""

    async def get(self):
        """One.

        Raises:
            IndexError: None.
        """
'''
COPIED = '''
class AsyncRuns:
    """Awaiting.

    Args:
        entity: Of `AsyncRuns.project`.

    >>> 2
    2
    """

    async def length(self):
        """How many, awaited.

        Raises:
            NotFoundError: No such project.
        """

    async def pages(self):
        """Pages, awaited."""

    async def get(self):
        """One.

        Raises:
            IndexError: None.
        """
'''


def test_sections_are_copied_and_the_rest_is_kept() -> None:
    assert copy_sections(BLOCKING, AWAITING) == COPIED
    assert copy_sections(BLOCKING, COPIED) == COPIED


def test_sections_that_are_gone_are_removed() -> None:
    assert "Args:" not in copy_sections('class Runs:\n    """Blocking."""\n', COPIED)


def test_the_sections_of_the_package_are_up_to_date(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--check"]) == 0, capsys.readouterr().out


PUBLIC: dict[str, object] = {name: getattr(wandb_runs, name) for name in wandb_runs.__all__}


@pytest.mark.parametrize("name", PUBLIC)
def test_no_description_of_an_argument_stands_in_for_another(name: str) -> None:
    members = [PUBLIC[name], *(member for _, member in inspect.getmembers_static(PUBLIC[name]))]
    assert not any("The same." in (inspect.getdoc(member) or "") for member in members)
