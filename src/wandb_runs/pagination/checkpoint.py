"""Checkpoints: where a listing of runs stands, from which another process can continue.

A checkpoint is a token that holds the entity, the project, the order and ids of runs, and a digest
of the filters, so it is as private as they are.
"""

from __future__ import annotations

from datetime import MAXYEAR, MINYEAR, datetime
from typing import TYPE_CHECKING, Final, NamedTuple

from typing_extensions import TypedDict

from wandb_runs.errors import InvalidArgumentError
from wandb_runs.pagination.changes import creation_key, is_by_creation
from wandb_runs.pagination.page import Overlap
from wandb_runs.pagination.paginator import Position
from wandb_runs.pagination.seen import Watermark
from wandb_runs.pagination.token import Checkpoint, digest_of, read_token, write_token

if TYPE_CHECKING:
    from wandb_runs.pagination.page import Selection

__all__ = ["Checkpoint", "ListingState", "make_checkpoint", "read_checkpoint"]

_VERSION: Final = 3


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
    return write_token(
        _Content(
            version=_VERSION,
            entity=entity,
            project=selection["project"],
            order=selection["order"],
            filters=digest_of(selection["filters"]),
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
    content = read_token(checkpoint, _Content, _check)
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
    if content["filters"] != digest_of(selection["filters"]):
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


def _check(content: _Content) -> None:
    """Refuse what no listing writes.

    Raises:
        ValueError: It holds a value that no listing has.
    """
    read, key = content["read"], content["key"]
    if content["version"] != _VERSION:
        raise ValueError("of another version")
    if not 0 <= read <= 2**53 or key != creation_key(key) or len(content["overlap"]) > 1:
        raise ValueError("a value that no listing has")
    began = None if content["began"] is None else datetime.fromisoformat(content["began"])
    if began is not None and (began.tzinfo is None or not MINYEAR < began.year < MAXYEAR):
        raise ValueError("it began at no instant")
