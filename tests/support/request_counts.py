"""How many requests a loop over a listing sends, where the number of runs is not known."""

from __future__ import annotations

__all__ = ["most_requests_for", "requests_for"]


def requests_for(pages: int, width: int = 4) -> int:
    """The requests for so many pages: from the third on, as many are sent as may be at once.

    >>> [requests_for(pages) for pages in (1, 2, 3, 6, 7)]
    [1, 2, 6, 6, 10]
    """
    return pages if pages <= 2 else 2 + -(-(pages - 2) // width) * width


def most_requests_for(pages: int, width: int = 4) -> int:
    """The most requests for so many pages, however the pages before were read.

    Pages that an index reads are requested one by one, and shift where the others begin.

    >>> [most_requests_for(pages) for pages in (1, 2, 3, 41)]
    [1, 2, 6, 44]
    """
    return pages if pages <= 2 else pages + width - 1
