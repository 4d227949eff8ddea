"""`read_ending`: what the last bytes of an answer tell of its page, before the answer is parsed."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from wandb_runs.graphql.scalars import decode
from wandb_runs.pagination.cursors import offset_of

if TYPE_CHECKING:
    from wandb_runs.graphql.scalars import JSONValue

__all__ = ["Ending", "read_ending"]

_READ: Final = 4096
"""Bytes: more than what a server writes behind the runs of a page, but for the runs that moved."""

# The runs of a page have cursors, those that are asked for behind it have none.
_INFO: Final = re.compile(rb'"cursor"\s*:\s*"[^"]*"\s*\}\s*\]\s*,\s*"pageInfo"\s*:\s*(\{[^{}]*\})')
_COUNT: Final = re.compile(rb'"runCount"\s*:\s*(\d{1,15})\s*[,}]')


class Ending(NamedTuple):
    """How a page ends, as far as its last bytes tell: a guess, until the answer is parsed.

    Attributes:
        offset: The position of its last item, after which another page follows.
        total: The number of all items, where that was asked for.
    """

    offset: int
    total: int | None


def read_ending(body: bytes) -> Ending | None:
    """Find the end of a page in the last bytes of an answer.

    GraphQL answers with fields in the order in which they were asked for: the end of a page stands
    behind its runs, and what else is asked for behind that.

    Args:
        body: The answer.

    Returns:
        None where no page follows, where cursors do not count, or where nothing is found.

    >>> info = b'{"endCursor": "YXJyYXljb25uZWN0aW9uOjQ5", "hasNextPage": true}'
    >>> read_ending(b'{"edges": [{"cursor": ""}], "pageInfo": ' + info + b'}, "runCount": 60}')
    Ending(offset=49, total=60)
    """
    end = body[-_READ:]
    # The last one: logged values, which stand before it, may look like it.
    found = max(_INFO.finditer(end), key=lambda match: match.start(), default=None)
    if found is None:
        return None
    try:
        info: JSONValue = decode(found[1])
    except ValueError:
        return None
    cursor = info.get("endCursor") if isinstance(info, dict) else None
    if not isinstance(info, dict) or info.get("hasNextPage") is not True:
        return None
    offset = offset_of(cursor) if isinstance(cursor, str) else None
    if offset is None:
        return None
    count = _COUNT.search(end, found.end())
    return Ending(offset, None if count is None else int(count[1]))
