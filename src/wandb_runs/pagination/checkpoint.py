"""Checkpoints: where a listing stands, as a token that another process can go on from.

A token is base64url of JSON. It holds the listing's filters as a digest, and the ids of runs, so
it is as private as they are.
"""

from __future__ import annotations

import base64
import hashlib
import json
from datetime import datetime
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from typing_extensions import TypedDict

from wandb_runs.errors import InvalidArgumentError
from wandb_runs.pagination.changes import is_by_creation
from wandb_runs.pagination.page import Overlap
from wandb_runs.pagination.paginator import Position
from wandb_runs.pagination.seen import Watermark

if TYPE_CHECKING:
    from wandb_runs.pagination.page import Selection

__all__ = ["Checkpoint", "ListingState", "make_checkpoint", "read_checkpoint"]

_VERSION: Final = 1


_LONGEST: Final = 64 * 2**20
"""Characters of a token; that of a million ids of 20 characters has half as many."""

Checkpoint: TypeAlias = str
"""Where a listing stands: an opaque token, to be kept as it is.

A few hundred characters in an order by `created_at`, unless many runs were created in the same
instant. In any other order it holds the id of each run that has been read: which runs have been
read cannot be told in another way where runs change their places.
"""


class _Token(TypedDict):
    version: int
    entity: str | None
    project: str
    order: str
    filters: str
    read: int
    began: str | None
    after: str | None
    overlap: list[str | None]
    last: str | None
    key: str | None
    ids: list[str]
    keyless: list[str]


class ListingState(NamedTuple):
    """Where a listing begins.

    Attributes:
        position: The page.
        watermark: How far it has come, in an order by creation.
        ids: What has been read, in any other order.
        read: How many runs have been read.
        began: When it began, by the server's clock.
    """

    position: Position = Position()
    watermark: Watermark = Watermark()
    ids: tuple[str, ...] = ()
    read: int = 0
    began: datetime | None = None


def make_checkpoint(selection: Selection, entity: str | None, start: ListingState) -> Checkpoint:
    """Write down where a listing stands.

    Args:
        selection: Which runs it lists.
        entity: Whose they are; None as long as only the server knows.
        start: Where it would begin again.
    """
    watermark, overlap = start.watermark, start.position.overlap
    content = _Token(
        version=_VERSION,
        entity=entity,
        project=selection["project"],
        order=selection["order"],
        filters=_digest(selection["filters"]),
        read=start.read,
        began=None if start.began is None else start.began.isoformat(),
        after=start.position.after,
        overlap=[] if overlap is None else [overlap.after],
        last=start.position.last,
        key=watermark.key,
        ids=[*start.ids, *sorted(watermark.ids)],
        keyless=sorted(watermark.keyless),
    )
    return _write(content)


def read_checkpoint(checkpoint: object, selection: Selection, entity: str | None) -> ListingState:
    """Read where a listing stands.

    Args:
        checkpoint: What `make_checkpoint` wrote, perhaps in another process.
        selection: Which runs are to be listed.
        entity: Whose they are, if that is known.

    Raises:
        InvalidArgumentError: It is no checkpoint, or one of another listing.
    """
    read = _read(checkpoint)
    began = None if read["began"] is None else datetime.fromisoformat(read["began"])
    if read["version"] != _VERSION or (began is not None and began.tzinfo is None):
        raise InvalidArgumentError(
            f"checkpoint has version {read['version']}, and this version reads {_VERSION}; list "
            "from the start"
        )
    _check_same("entity", read["entity"], entity if read["entity"] is not None else None)
    _check_same("project", read["project"], selection["project"])
    _check_same("order", read["order"], selection["order"])
    if read["filters"] != _digest(selection["filters"]):
        raise InvalidArgumentError("checkpoint was made with other filters; pass the same")
    is_keyed = is_by_creation(selection["order"])
    position = Position(
        read["after"], Overlap(read["overlap"][0]) if read["overlap"] else None, read["last"]
    )
    watermark = Watermark(read["key"], frozenset(read["ids"]), frozenset(read["keyless"]))
    return ListingState(
        position,
        watermark if is_keyed else Watermark(),
        () if is_keyed else tuple(read["ids"]),
        read["read"],
        began,
    )


def _write(content: _Token) -> str:
    text = json.dumps(content, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _read(checkpoint: object) -> _Token:
    from pydantic import TypeAdapter, ValidationError  # noqa: PLC0415 - it takes long to import

    if not isinstance(checkpoint, str):
        raise InvalidArgumentError(
            "checkpoint is a str that checkpoint() or error.checkpoint gave; got "
            f"{type(checkpoint).__name__}"
        )
    if len(checkpoint) > _LONGEST:
        raise InvalidArgumentError(
            f"checkpoint has {len(checkpoint):,} characters, and none has more than {_LONGEST:,}"
        )
    try:
        padded = checkpoint.encode("ascii") + b"=" * (-len(checkpoint) % 4)
        content = base64.b64decode(padded, altchars=b"-_", validate=True)
        read = TypeAdapter(_Token).validate_json(content, strict=True)
        if read["began"] is not None:
            datetime.fromisoformat(read["began"])
    except (ValidationError, ValueError) as error:
        raise InvalidArgumentError(
            "checkpoint is none that this version has written; pass on what checkpoint() or "
            "error.checkpoint gave, as it was"
        ) from error
    return read


def _check_same(what: str, of_checkpoint: str | None, asked: str | None) -> None:
    if asked is not None and of_checkpoint is not None and of_checkpoint != asked:
        raise InvalidArgumentError(
            f"checkpoint was made with the {what} {of_checkpoint!r}, and {what} is {asked!r} now; "
            "pass the same"
        )


def _digest(filters: str) -> str:
    return hashlib.sha256(filters.encode()).hexdigest()[:16]
