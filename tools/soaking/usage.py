"""Memory and open sockets of this process."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import Final

__all__ = ["memory", "open_sockets"]

_DESCRIPTORS: Final = Path("/proc/self/fd")
_STATM: Final = Path("/proc/self/statm")


def open_sockets() -> int | None:
    """The number of open sockets; None where the system does not report it."""
    if not _DESCRIPTORS.is_dir():
        return None
    count = 0
    for name in os.listdir(_DESCRIPTORS):  # noqa: PTH208 - names are enough, and called often
        # A descriptor may be closed meanwhile, as the one of this listing is.
        with suppress(OSError):
            count += os.readlink(f"{_DESCRIPTORS}/{name}").startswith("socket:")  # noqa: PTH115 - the target is not a path
    return count


def memory() -> int | None:
    """Resident memory in bytes; None where the system does not report it."""
    if sys.platform == "win32" or not _STATM.exists():
        return None
    return int(_STATM.read_text().split()[1]) * os.sysconf("SC_PAGESIZE")
