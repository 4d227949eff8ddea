"""How many runs a page holds: as many as given, or more with each page where nothing is given."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from typing_extensions import override

from wandb_runs.errors import ServerError, is_too_large
from wandb_runs.pagination.page import MAX_PER_PAGE

if TYPE_CHECKING:
    from typing import Self

    from wandb_runs.errors import WandbRunsError
    from wandb_runs.pagination.page import Page

__all__ = ["PER_PAGE", "PageSize"]


class _NotGiven(int):
    """The default of `per_page=`, told from an equal number that is given by its identity."""

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, _memo: object) -> Self:
        return self

    @override
    def __reduce__(self) -> str:
        return "PER_PAGE"


PER_PAGE: Final[int] = _NotGiven(50)
"""The default of `per_page=`: 50 runs in the first page, and more in later ones."""

_SLOW: Final = 1.0
"""Seconds from which on a page is large enough."""

_LARGE: Final = 4_000_000
"""Bytes, likewise."""


class PageSize(NamedTuple):
    """How many runs the next page of a listing asks for.

    Attributes:
        runs: The number.
        grows: Whether the pages behind it ask for more.
        least: What a page that the server cannot do is not divided below.
    """

    runs: int
    grows: bool
    least: int

    @classmethod
    def of(cls, per_page: int) -> PageSize:
        """The size of the first page.

        >>> PageSize.of(PER_PAGE).grows, PageSize.of(50).grows
        (True, False)
        """
        if per_page is PER_PAGE:
            return cls(int(per_page), grows=True, least=int(per_page))
        return cls(min(per_page, MAX_PER_PAGE), grows=False, least=MAX_PER_PAGE)

    @property
    def most(self) -> int:
        """How many runs a later page may ask for."""
        return MAX_PER_PAGE if self.grows else self.runs

    @property
    def is_divisible(self) -> bool:
        """Whether to ask for less where this is too much for the server."""
        return self.runs > self.least

    def at_most(self, runs: int) -> PageSize:
        """The same, or fewer runs; at least one."""
        return self._replace(runs=max(1, min(self.runs, runs)))

    def next(self) -> PageSize:
        """The size of the next page, if nothing speaks against it.

        >>> PageSize.of(PER_PAGE).next().runs
        100
        """
        return self._replace(runs=min(2 * self.runs, MAX_PER_PAGE)) if self.grows else self

    def pages(self, runs: int) -> int:
        """How many pages hold so many runs, where nothing speaks against their sizes.

        >>> PageSize.of(PER_PAGE).pages(10_000), PageSize.of(50).pages(0)
        (14, 1)
        """
        size, pages, left = self, 1, runs - self.runs
        while size.grows and size.runs < MAX_PER_PAGE and left > 0:
            size = size.next()
            pages, left = pages + 1, left - size.runs
        return pages + max(0, -(-left // size.runs))

    def after(self, page: Page[object]) -> PageSize:
        """The size of the page behind one that was read."""
        if page.size > _LARGE or page.seconds > _SLOW:
            return self._replace(grows=False)
        return self.next()

    def after_failure(self, error: WandbRunsError) -> PageSize | None:
        """The size to ask for in place of one that the server could not do.

        Where its error says nothing of sizes, each try may take all retries: then it is the least.

        Returns:
            The size; None where a smaller one would not help.
        """
        if not self.is_divisible:
            return None
        if is_too_large(error):
            return self._replace(runs=max(self.least, self.runs // 2), grows=False)
        if isinstance(error, ServerError):
            return self._replace(runs=self.least, grows=False)
        return None
