"""How many requests a loop over a listing sends, where the number of runs is not known."""

from __future__ import annotations

__all__ = ["requests_for"]


def requests_for(pages: int, width: int = 4) -> int:
    """The requests for so many pages: from the third on, as many are sent as may be at once.

    >>> [requests_for(pages) for pages in (1, 2, 3, 6, 7)]
    [1, 2, 6, 6, 10]
    """
    return pages if pages <= 2 else 2 + -(-(pages - 2) // width) * width
