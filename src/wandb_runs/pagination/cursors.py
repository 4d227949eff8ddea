"""Cursors: the offsets that they encode, and a guard against cursors that lead in circles."""

from __future__ import annotations

import base64
import re
from typing import Final

from wandb_runs.errors import BadResponseError

__all__ = ["CursorGuard", "cursor_after", "offset_of"]

_MOST_EMPTY: Final = 100
"""How many pages without an item may follow each other."""

_CURSOR: Final = re.compile(rb"arrayconnection:(\d{1,15})")


def offset_of(cursor: str) -> int | None:
    """The offset that a cursor counts, from 0; None for a cursor of another kind.

    W&B's cursors are `arrayconnection:<offset>` in base64 (wandb/wandb#6614).

    >>> offset_of("YXJyYXljb25uZWN0aW9uOjQ5"), offset_of("opaque")
    (49, None)
    """
    try:
        found = _CURSOR.fullmatch(base64.b64decode(cursor, validate=True))
    except ValueError:
        return None
    offset = int(found[1]) if found else None
    return offset if offset is not None and cursor_after(offset) == cursor else None


def cursor_after(offset: int) -> str:
    """The cursor of the item at an offset, after which a page can start.

    >>> cursor_after(49)
    'YXJyYXljb25uZWN0aW9uOjQ5'
    """
    return base64.b64encode(b"arrayconnection:%d" % offset).decode()


class CursorGuard:
    """Ends a listing whose cursors lead in a circle, or through empty pages for ever.

    Args:
        what: What is listed, in the plural, for messages.
    """

    def __init__(self, what: str = "runs") -> None:
        self._what = what
        self._followed: set[str] = set()
        self._empty = 0

    def follow(self, cursor: str | None, *, is_empty: bool, is_new: bool = False) -> None:
        """Check the cursor that a page ends with, and note it.

        Args:
            cursor: The cursor; None after the last page.
            is_empty: Whether the page holds no item, and none that came as null.
            is_new: Whether it holds an item that no page before it did: then there is no circle.

        Raises:
            BadResponseError: It leads nowhere.
        """
        self.check(cursor, is_empty=is_empty, is_new=is_new)
        self.note(cursor, is_empty=is_empty, is_new=is_new)

    def check(self, cursor: str | None, *, is_empty: bool, is_new: bool = False) -> None:
        """Check the cursor that a page ends with; arguments and errors are those of `follow`."""
        if cursor is None:
            return
        if cursor in self._followed and not is_new:
            raise BadResponseError(
                f"the server's cursors lead in a circle (at {cursor!r}); try again", status=200
            )
        if is_empty and self._empty >= _MOST_EMPTY:
            raise BadResponseError(
                f"the server says that more {self._what} follow, and has given {_MOST_EMPTY} pages "
                "without any; try again",
                status=200,
            )

    def note(self, cursor: str | None, *, is_empty: bool, is_new: bool = False) -> None:
        """Note a cursor that was checked, once its page is taken and will not be read again."""
        self._empty = self._empty + 1 if is_empty else 0
        if is_new:
            self._followed.clear()
        if cursor is not None:
            self._followed.add(cursor)

    def forget(self) -> None:
        """Allow the cursors so far to come again, after a step back."""
        self._followed.clear()
