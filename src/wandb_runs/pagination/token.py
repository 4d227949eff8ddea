"""Tokens: where a listing stands, as text that another process can read.

A token is base64url of a digest and of JSON. The digest finds accidents, such as a token that was
cut or merged; it does not prove who wrote the token.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, TypeAlias, TypeVar

from wandb_runs.errors import InvalidArgumentError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Checkpoint", "digest_of", "read_token", "write_token"]

ContentT = TypeVar("ContentT", bound=Mapping[str, object])

_DIGEST: Final = 9
"""Bytes of the digest in front of the JSON: twelve characters of a token."""

_LONGEST: Final = 64 * 2**20
"""Characters of a token; that of a million ids of 20 characters has half as many."""

Checkpoint: TypeAlias = str
"""Where a listing stands: an opaque token, to be kept unchanged.

Of runs, a few hundred characters in an order by `created_at`, unless many runs were created in the
same instant. In any other order it holds the id of each run that has been read: where runs change
their positions, nothing less tells which ones those are.
"""


def write_token(content: Mapping[str, object]) -> Checkpoint:
    """Write a token.

    Args:
        content: What it holds: JSON, its fields always in the same order.
    """
    written = json.dumps(content, separators=(",", ":")).encode()
    digest = hashlib.sha256(written).digest()[:_DIGEST]
    return base64.urlsafe_b64encode(digest + written).decode().rstrip("=")


def read_token(
    checkpoint: object, kind: type[ContentT], check: Callable[[ContentT], None]
) -> ContentT:
    """Read a token that `write_token` wrote, perhaps in another process.

    Args:
        checkpoint: The token.
        kind: The `TypedDict` of what it holds.
        check: Raises a `ValueError` for values that are never written.

    Raises:
        InvalidArgumentError: It is no token, an altered one, or one of another kind.
    """
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
        content = _decode(checkpoint, kind)
        check(content)
    except ValueError as error:
        raise InvalidArgumentError(
            "checkpoint is altered, or none that this version has written; pass what checkpoint() "
            "or error.checkpoint gave, unchanged, or list from the start"
        ) from error
    return content


def _decode(checkpoint: str, kind: type[ContentT]) -> ContentT:
    from pydantic import TypeAdapter  # noqa: PLC0415 - it takes long to import

    padded = checkpoint.encode("ascii") + b"=" * (-len(checkpoint) % 4)
    written = base64.b64decode(padded, altchars=b"-_", validate=True)[_DIGEST:]
    content = TypeAdapter(kind).validate_json(written, strict=True)
    # Written again: no other text, digest, field or order of fields makes the same token.
    if write_token(content) != checkpoint:
        raise ValueError("not as this version writes it")
    return content


def digest_of(text: str) -> str:
    """What a token holds in the place of a text that it only compares."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]
