"""`StepRanges`: ranges of steps, so narrow that a server gives every row of each."""

from __future__ import annotations

from typing import Final, NamedTuple

__all__ = ["END_OF_STEPS", "StepPage", "StepRanges"]

END_OF_STEPS: Final = 2**53
"""Greater than every step: the largest integer that JSON numbers hold exactly."""


class StepPage(NamedTuple):
    """What one request asks for.

    Attributes:
        start: The first step.
        stop: The step before which to stop.
        samples: The most rows to answer with.
    """

    start: int
    stop: int
    samples: int


class StepRanges:
    """The ranges of steps that a history is read by.

    W&B answers a range of steps with at most `samples` rows and may drop others by sampling. So a
    full answer counts as truncated: its range is halved and requested again, and a full answer of
    a single step is requested again with twice the samples. After a nearly empty answer the next
    range is twice as wide, since steps may lie far apart; after an empty one where the last step is
    not known, it is all that is left.

    Args:
        start: The first step.
        stop: The step before which to stop; `END_OF_STEPS` where the last one is not known.
        page_size: How many rows to ask for at once.

    >>> ranges = StepRanges(0, 10, page_size=5)
    >>> ranges.page
    StepPage(start=0, stop=4, samples=5)
    >>> ranges.take(5), ranges.page
    (False, StepPage(start=0, stop=2, samples=5))
    >>> ranges.take(2), ranges.page
    (True, StepPage(start=2, stop=4, samples=5))
    """

    __slots__ = ("_page_size", "_samples", "_start", "_stop", "_width")

    def __init__(self, start: int, stop: int, page_size: int) -> None:
        self._start = start
        self._stop = stop
        self._page_size = page_size
        self._samples = page_size
        # One less than a page, so that one row per step does not fill it.
        self._width = max(1, page_size - 1)

    @property
    def page(self) -> StepPage | None:
        """What to ask for next; None at the end."""
        if self._start >= self._stop:
            return None
        return StepPage(self._start, min(self._start + self._width, self._stop), self._samples)

    def take(self, rows: int) -> bool:
        """Go on behind the page that was asked for, if its answer is whole.

        Args:
            rows: How many rows came; of several samples, in the fullest one.

        Returns:
            Whether it is. If it is not, the next page asks for less.
        """
        page = self.page
        if page is None:
            raise ValueError("nothing was asked for")
        if rows >= page.samples:
            if self._width > 1:
                self._width = max(1, (page.stop - page.start) // 2)
            else:
                self._samples *= 2
            return False
        self._start = page.stop
        if not rows and self._stop == END_OF_STEPS:
            self._width = self._stop - self._start  # perhaps nothing follows
        elif rows <= self._page_size // 4:
            self._width *= 2
        self._samples = self._page_size
        return True

    def narrow(self) -> bool:
        """Ask for half as many steps, which an answer was too much for; False for a single step."""
        page = self.page
        if page is None or page.stop - page.start == 1:
            return False
        self._width = max(1, (page.stop - page.start) // 2)
        return True
