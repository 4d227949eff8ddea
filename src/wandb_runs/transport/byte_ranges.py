"""What the answers to requests for parts of files say of the part, the file and its version."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from wandb_runs.transport.file_request import FileAnswer

__all__ = ["ContentRange", "content_range", "etag_of", "is_as_stored", "is_part"]

_RANGE: Final = re.compile(r"bytes (?:(\d{1,18})-(\d{1,18})|\*)/(\d{1,18}|\*)", re.ASCII)
_STRONG: Final = re.compile(r'"[!#-~]*"', re.ASCII)


class ContentRange(NamedTuple):
    """Which bytes of a file an answer has; None for what it does not tell.

    Attributes:
        start: The first byte.
        end: The one after the last.
        total: How many bytes the file has.
    """

    start: int | None
    end: int | None
    total: int | None


def content_range(answer: FileAnswer) -> ContentRange:
    """The bytes that an answer has, by its `Content-Range`."""
    found = _RANGE.fullmatch(answer.headers.get("content-range", "").strip())
    if found is None:
        return ContentRange(None, None, None)
    first, last, total = found.groups()
    return ContentRange(
        None if first is None else int(first),
        None if last is None else int(last) + 1,
        None if total == "*" else int(total),
    )


def etag_of(answer: FileAnswer) -> str | None:
    """The version of a file, if it stands for the same bytes."""
    etag = answer.headers.get("etag", "").strip()
    return etag if _STRONG.fullmatch(etag) else None


def is_as_stored(answer: FileAnswer) -> bool:
    """Whether a part is one of the file's own bytes, and not of what they are compressed to."""
    return answer.headers.get("content-encoding", "identity").lower() in {"", "identity"}


def is_part(answer: FileAnswer, start: int, end: int, total: int) -> bool:
    """Whether an answer is what was asked for, or the beginning of that."""
    first, after, of = content_range(answer)
    if first != start or after is None or of != total or not start < after <= end:
        return False
    return after - start == len(answer.content)
