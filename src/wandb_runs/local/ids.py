"""Ids as W&B makes them."""

from __future__ import annotations

import base64
import secrets
from urllib.parse import unquote

__all__ = ["new_id", "storage_id", "storage_parts"]


def new_id() -> str:
    """Make a random id in W&B's form: eight letters and digits."""
    return "".join(secrets.choice("0123456789abcdefghijklmnopqrstuvwxyz") for _ in range(8))


def storage_id(kind: str, *parts: str) -> str:
    """Encode a storage id as W&B does; colons within a part are escaped.

    >>> storage_parts(storage_id("Run", "r1", "digits", "me"))
    ['Run', 'v1', 'r1', 'digits', 'me']
    >>> storage_parts(storage_id("Run", "a:b", "50%3A", "me"))
    ['Run', 'v1', 'a:b', '50%3A', 'me']
    """
    escaped = [part.replace("%", "%25").replace(":", "%3A") for part in parts]
    return base64.b64encode(":".join((kind, "v1", *escaped)).encode()).decode()


def storage_parts(text: str) -> list[str]:
    """Decode a storage id; an empty list for any other text."""
    try:
        parts = base64.b64decode(text, validate=True).decode().split(":")
    except ValueError:
        return []
    return [unquote(part) for part in parts]
