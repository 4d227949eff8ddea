"""The page of a run or a sweep within a notebook."""

from __future__ import annotations

import importlib
import sys
from abc import abstractmethod
from html import escape
from typing import TYPE_CHECKING, Final, Protocol, cast

from wandb_runs.errors import InvalidArgumentError
from wandb_runs.errors.suggest import describe
from wandb_runs.frames.plan import check_int

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["PageHtml"]

_HEIGHT: Final = 420

_TERMINAL: Final = "TerminalInteractiveShell"
"""IPython's shell that shows text alone."""


class PageHtml:
    """A base of classes that have a page in W&B's application, which a notebook can show."""

    __slots__ = ()

    @property
    @abstractmethod
    def url(self) -> str:
        """The address of the page."""

    def to_html(self, height: int = _HEIGHT, hidden: bool = False) -> str:
        """HTML that shows the page in a frame; sends nothing.

        The browser that shows it needs to be logged in to W&B, or the project to be public.

        Args:
            height: The height of the frame in pixels, at least 1.
            hidden: Whether the frame is folded away until it is clicked.

        Raises:
            InvalidArgumentError: An argument that cannot be right.

        >>> api.runs("sample/digits")[0].to_html(height=300).startswith('<iframe src="http')
        True
        """
        check_int("height", height, least=1)
        if not isinstance(hidden, bool):  # pyright: ignore[reportUnnecessaryIsInstance] - untyped callers
            raise InvalidArgumentError(f"hidden must be True or False; got {describe(hidden)}")
        style = f"border: none; width: 100%; height: {height}px"
        # W&B's pages leave out the navigation where they are told that a notebook shows them.
        address = escape(f"{self.url}?jupyter=true")
        frame = f'<iframe src="{address}" style="{style}"></iframe>'
        if not hidden:
            return frame
        return f"<details><summary>{escape(repr(self))}</summary>{frame}</details>"

    def display(self, height: int = _HEIGHT, hidden: bool = False) -> bool:
        """Show the page below the cell of a notebook; sends nothing itself.

        Args:
            height: The height of the frame in pixels, at least 1.
            hidden: Whether the frame is folded away until it is clicked.

        Returns:
            Whether it is shown: False outside IPython, and in its terminal, which shows text alone.

        Raises:
            InvalidArgumentError: An argument that cannot be right.
        """
        page = {"text/html": self.to_html(height, hidden), "text/plain": repr(self)}
        if not _is_in_notebook():
            return False
        ipython = cast("_Display", importlib.import_module("IPython.display"))
        ipython.display(page, raw=True)
        return True


class _IPython(Protocol):
    """What is used of IPython, which does not annotate its functions."""

    def get_ipython(self) -> object: ...


class _Display(Protocol):
    """What is used of its module `display`."""

    def display(self, shown: Mapping[str, str], /, *, raw: bool) -> object: ...


def _is_in_notebook() -> bool:
    if "IPython" not in sys.modules:  # it is not imported for this, which takes long
        return False
    shell = cast("_IPython", sys.modules["IPython"]).get_ipython()
    return shell is not None and _TERMINAL not in {each.__name__ for each in type(shell).__mro__}
