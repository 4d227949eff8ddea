"""Checkpoints: where a listing stands, as a token from which another process can continue.

A token is base64url of a digest and of JSON. It holds the entity, the project, the order and ids of
runs, and a digest of the filters, so it is as private as they are. The digest finds accidents, such
as a token that was cut or merged; it does not prove who wrote the token.
"""

from __future__ import annotations

import base64
import hashlib
import json
from datetime import MAXYEAR, MINYEAR, datetime
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from typing_extensions import TypedDict

from wandb_runs.errors import InvalidArgumentError
from wandb_runs.pagination.changes import creation_key, is_by_creation
from wandb_runs.pagination.page import Overlap
from wandb_runs.pagination.paginator import Position
from wandb_runs.pagination.seen import Watermark

if TYPE_CHECKING:
    from wandb_runs.pagination.page import Selection

__all__ = ["Checkpoint", "ListingState", "make_checkpoint", "read_checkpoint"]

_VERSION: Final = 3

_DIGEST: Final = 9
"""Bytes of the digest in front of the JSON: twelve characters of a token."""

_LONGEST: Final = 64 * 2**20
"""Characters of a token; that of a million ids of 20 characters has half as many."""

Checkpoint: TypeAlias = str
"""Where a listing stands: an opaque token, to be kept unchanged.

A few hundred characters in an order by `created_at`, unless many runs were created in the same
instant. In any other order it holds the id of each run that has been read: where runs change their
positions, nothing less tells which ones those are.
"""


class _Content(TypedDict):
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
    by_key: bool
    key: str | None
    ids: list[str]
    keyless: list[str]


class ListingState(NamedTuple):
    """Where a listing begins.

    Attributes:
        position: Where its next page starts.
        watermark: What has been read, in an order by creation.
        ids: The ids of what has been read, in any other order.
        read: The number of runs that have been read.
        began: When it began, by the server's clock.
    """

    position: Position = Position()
    watermark: Watermark = Watermark()
    ids: tuple[str, ...] = ()
    read: int = 0
    began: datetime | None = None


def make_checkpoint(selection: Selection, entity: str | None, state: ListingState) -> Checkpoint:
    """Write the token of a listing's state.

    Args:
        selection: The runs that it lists.
        entity: Their entity; None as long as only the server knows it.
        state: Where it would begin again.
    """
    position, watermark = state.position, state.watermark
    return _write(
        _Content(
            version=_VERSION,
            entity=entity,
            project=selection["project"],
            order=selection["order"],
            filters=_digest(selection["filters"]),
            read=state.read,
            began=None if state.began is None else state.began.isoformat(),
            after=position.after,
            overlap=[] if position.overlap is None else [position.overlap.after],
            last=position.last,
            by_key=position.by_key,
            key=watermark.key,
            ids=[*state.ids, *sorted(watermark.ids)],
            keyless=sorted(watermark.keyless),
        )
    )


def read_checkpoint(checkpoint: object, selection: Selection, entity: str | None) -> ListingState:
    """Read a token that `make_checkpoint` wrote, perhaps in another process.

    Args:
        checkpoint: The token.
        selection: The runs that are to be listed.
        entity: Their entity, if that is known.

    Raises:
        InvalidArgumentError: It is no checkpoint, an altered one, or one of another listing.
    """
    content = _read(checkpoint)
    for name, then, now in (
        ("entity", content["entity"], entity),
        ("project", content["project"], selection["project"]),
        ("order", content["order"], selection["order"]),
    ):
        if None not in (then, now) and then != now:
            raise InvalidArgumentError(
                f"checkpoint was made with the {name} {then!r}, and {name} is {now!r} now; pass "
                "the same"
            )
    if content["filters"] != _digest(selection["filters"]):
        raise InvalidArgumentError("checkpoint was made with other filters; pass the same")
    state = ListingState(
        Position(
            content["after"],
            Overlap(content["overlap"][0]) if content["overlap"] else None,
            content["last"],
            content["by_key"],
        ),
        read=content["read"],
        began=None if content["began"] is None else datetime.fromisoformat(content["began"]),
    )
    if not is_by_creation(selection["order"]):
        return state._replace(ids=tuple(content["ids"]))
    ids, keyless = frozenset(content["ids"]), frozenset(content["keyless"])
    return state._replace(watermark=Watermark(content["key"], ids, keyless))


def _write(content: _Content) -> str:
    written = json.dumps(content, separators=(",", ":")).encode()
    digest = hashlib.sha256(written).digest()[:_DIGEST]
    return base64.urlsafe_b64encode(digest + written).decode().rstrip("=")


def _read(checkpoint: object) -> _Content:
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
        return _decode(checkpoint)
    except ValueError as error:
        raise InvalidArgumentError(
            "checkpoint is altered, or none that this version has written; pass what checkpoint() "
            "or error.checkpoint gave, unchanged, or list from the start"
        ) from error


def _decode(checkpoint: str) -> _Content:
    from pydantic import TypeAdapter  # noqa: PLC0415 - it takes long to import

    padded = checkpoint.encode("ascii") + b"=" * (-len(checkpoint) % 4)
    written = base64.b64decode(padded, altchars=b"-_", validate=True)[_DIGEST:]
    content = TypeAdapter(_Content).validate_json(written, strict=True)
    # Written again: no other text, digest, field or order of fields makes the same token.
    if _write(content) != checkpoint or content["version"] != _VERSION:
        raise ValueError("not as this version writes it")
    read, key = content["read"], content["key"]
    if not 0 <= read <= 2**53 or key != creation_key(key) or len(content["overlap"]) > 1:
        raise ValueError("a value that no listing has")
    began = None if content["began"] is None else datetime.fromisoformat(content["began"])
    if began is not None and (began.tzinfo is None or not MINYEAR < began.year < MAXYEAR):
        raise ValueError("it began at no instant")
    return content


def _digest(filters: str) -> str:
    return hashlib.sha256(filters.encode()).hexdigest()[:16]
