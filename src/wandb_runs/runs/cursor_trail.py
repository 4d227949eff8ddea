"""`CursorTrail`: follows the cursors of a listing, and ends one whose cursors lead nowhere."""

from __future__ import annotations

from typing import NamedTuple

from wandb_runs.errors import BadResponseError

__all__ = ["CursorTrail"]


class CursorTrail(NamedTuple):
    """Where a listing stands that follows the server's cursors.

    Attributes:
        after: The cursor after which the next page starts; None at the start.
        mark: A cursor that came before. It is replaced at each power of two, so that a circle of
            any length comes back to one.
        pages: How many pages were followed.

    >>> trail = CursorTrail().follow("a", "files").follow("b", "files").follow("c", "files")
    >>> trail.after
    'c'
    >>> trail.follow("b", "files")
    Traceback (most recent call last):
    wandb_runs.errors.BadResponseError: the server says that more files follow, and gives no new \
cursor (after 'c'); try again
    """

    after: str | None = None
    mark: str | None = None
    pages: int = 0

    def follow(self, cursor: str | None, what: str) -> CursorTrail:
        """Go on behind a page that others follow.

        Args:
            cursor: The cursor that the page ends with.
            what: What is listed, in the plural.

        Raises:
            BadResponseError: The cursor is none that leads on.
        """
        if cursor is None or cursor in (self.after, self.mark):
            raise BadResponseError(
                f"the server says that more {what} follow, and gives no new cursor "
                f"(after {self.after!r}); try again",
                status=200,
            )
        pages = self.pages + 1
        is_power_of_two = pages & self.pages == 0
        return CursorTrail(cursor, cursor if is_power_of_two else self.mark, pages)
