"""What this process uses: memory and sockets."""

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
    """How many sockets are open; None where the system does not tell."""
    if not _DESCRIPTORS.is_dir():
        return None
    count = 0
    for name in os.listdir(_DESCRIPTORS):  # noqa: PTH208 - names alone, and no objects, every time
        # Others are closed meanwhile, and the one that lists them is.
        with suppress(OSError):
            count += os.readlink(f"{_DESCRIPTORS}/{name}").startswith("socket:")  # noqa: PTH115 - the target is no path
    return count


def memory() -> int | None:
    """How many bytes of memory are resident; None where the system does not tell."""
    if sys.platform == "win32" or not _STATM.exists():
        return None
    return int(_STATM.read_text().split()[1]) * os.sysconf("SC_PAGESIZE")
