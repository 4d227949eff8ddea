"""`Link`: the connection between a worker and the replaying server."""

from __future__ import annotations

from typing import NamedTuple

from typing_extensions import override

__all__ = ["Link"]


class Link(NamedTuple):
    """What lies between the two, and whether answers travel compressed.

    Attributes:
        delay: Milliseconds added to each answer.
        megabits: The bandwidth in megabits a second, which all connections share; 0 for all that
            the machine has.
        is_compressed: Whether answers are compressed where gzip is accepted.

    >>> Link(20, 50, True).title, Link.parse(str(Link(20, 50, True)))
    ('20 ms, 50 Mbit/s, gzip', Link(delay=20, megabits=50, is_compressed=True))
    """

    delay: int = 0
    megabits: int = 0
    is_compressed: bool = False

    @property
    def title(self) -> str:
        """A description in the table."""
        parts = [f"{self.delay} ms"]
        if self.megabits:
            parts.append(f"{self.megabits} Mbit/s")
        if self.is_compressed:
            parts.append("gzip")
        return ", ".join(parts)

    @property
    def unhindered(self) -> Link:
        """The same answers, as fast as they come."""
        return Link(is_compressed=self.is_compressed)

    @override
    def __str__(self) -> str:
        return f"{self.delay}:{self.megabits}:{'gzip' if self.is_compressed else ''}"

    @classmethod
    def parse(cls, text: str) -> Link:
        """A link from its text."""
        delay, megabits, encoding = text.split(":")
        return cls(int(delay), int(megabits), encoding == "gzip")
