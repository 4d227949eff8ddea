r"""Names of files that come from elsewhere: which are refused, and which would meet on a disk.

The rules are the same on every system, since folders travel: what is written on Linux is copied to
Windows and to file systems that do not tell `A` from `a`.
"""

from __future__ import annotations

import os
import re
import unicodedata
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["clashes", "folded", "problem_of_name"]

_LONGEST: Final = 255
"""Bytes of a component, on nearly every file system."""

_DEVICES: Final = frozenset({
    "con", "prn", "aux", "nul", "conin$", "conout$", "clock$",
    *(f"{port}{number}" for port in ("com", "lpt") for number in "0123456789¹²³"),
})  # fmt: skip
"""What Windows takes for a device in any folder, with any ending."""

_DRIVE: Final = re.compile(r"[A-Za-z]:")

_NOT_ON_WINDOWS: Final = re.compile(r'[<>:"|?*]|[. ]$')


def problem_of_name(name: str) -> str | None:
    r"""Why no file is written under a name, a path with slashes; None if it can be.

    >>> problem_of_name("media/images/first one.png")
    >>> problem_of_name("../.ssh/authorized_keys")
    "has the part '..'"
    >>> problem_of_name("aux.txt")
    "has the part 'aux.txt', a device on Windows"
    """
    if "\\" in name:
        return "has a backslash"
    if any(unicodedata.category(each) in {"Cc", "Cs"} for each in name):
        return "has a control character, or half of a surrogate pair"
    if name.startswith("/"):
        return "is absolute"
    return next((problem for part in name.split("/") if (problem := _problem_of(part))), None)


def _problem_of(part: str) -> str | None:
    if not part:
        return "has an empty part"
    # As Windows has it: spaces before the first dot count as little as what follows it.
    device = part.partition(".")[0].strip(" ").partition(":")[0].lower()
    problems = {
        "": not part.strip(". "),
        ", which begins with a drive of Windows": _DRIVE.match(part) is not None,
        ", a device on Windows": device in _DEVICES,
        ", which Windows cannot write": os.name == "nt" and _NOT_ON_WINDOWS.search(part),
        ", which this system cannot write": not _is_encodable(part),
    }
    for problem, is_one in problems.items():
        if is_one:
            return f"has the part {part!r}{problem}"
    return f"has a part of more than {_LONGEST} bytes" if len(part.encode()) > _LONGEST else None


def _is_encodable(part: str) -> bool:
    try:
        os.fsencode(part)
    except UnicodeEncodeError:
        return False
    return True


def folded(name: str) -> str:
    r"""A name as file systems compare it that tell neither case nor Unicode forms apart.

    >>> folded("Caf\u00e9/A. ") == folded("cafe\u0301/a")
    True
    """
    text = unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())
    return "/".join(part.rstrip(". ") for part in text.split("/"))


def clashes(names: Iterable[str]) -> dict[str, str]:
    """The names that would meet another one on some disk, each with that one.

    A file that another one needs as a folder meets it, too.

    >>> clashes(["a", "A", "b/c", "b", "d"])
    {'a': 'A', 'A': 'a', 'b': 'b/c', 'b/c': 'b'}
    """
    by_key: dict[str, list[str]] = {}
    for name in dict.fromkeys(names):
        by_key.setdefault(folded(name), []).append(name)
    found: dict[str, str] = {}
    for alike in by_key.values():
        if len(alike) > 1:
            found |= {name: next(each for each in alike if each != name) for name in alike}
    for key, alike in by_key.items():
        parts = key.split("/")
        for end in range(1, len(parts)):
            above = by_key.get("/".join(parts[:end]))
            if above is not None:
                found |= dict.fromkeys(above, alike[0]) | dict.fromkeys(alike, above[0])
    return found
