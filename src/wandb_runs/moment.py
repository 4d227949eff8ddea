"""Instants as W&B writes them: UTC in ISO 8601, with or without the `Z`."""

from __future__ import annotations

from datetime import UTC, datetime

__all__ = ["parse_moment"]


def parse_moment(text: str) -> datetime:
    """An aware `datetime`, in UTC unless the text names another offset.

    Raises:
        ValueError: `text` is not an ISO 8601 instant.

    >>> parse_moment("2026-01-02T03:04:05")
    datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.timezone.utc)
    """
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
