"""Programs that run in a process of their own."""

from __future__ import annotations

import subprocess
import sys
from typing import Final

__all__ = ["SOCKETS", "run_program"]

SOCKETS: Final = """
import os
from pathlib import Path

def sockets():
    found = []
    for each in Path("/proc/self/fd").iterdir():
        try:
            found.append(os.readlink(each))
        except OSError:
            pass
    return sum(each.startswith("socket:") for each in found)
"""
"""The beginning of a program that counts its open sockets; on Linux alone."""


# Python 3.12 warns of a fork beside threads, which tests of forks mean.
_WARNINGS: Final = ("-W", "error", "-W", "ignore:This process:DeprecationWarning")


def run_program(program: str, *arguments: str) -> None:
    """Run a program, and find that it succeeds, without a warning or a word on stderr.

    Args:
        program: Its text.
        arguments: What it finds in `sys.argv`.
    """
    done = subprocess.run(
        [sys.executable, *_WARNINGS, "-c", program, *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert not done.stderr
