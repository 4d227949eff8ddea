"""An environment for each version of the wandb SDK, made once."""

from __future__ import annotations

import subprocess
import sys
import venv
from pathlib import Path
from typing import Final

__all__ = ["REQUIREMENTS", "prepare"]

_FOLDER: Final = Path(__file__).parents[2] / ".venv-sdks"

# The newest; the last one whose `wandb sync` is written in Python; one with the core in Go and its
# first shared mode; the last series that logs in Python. setuptools 81 lacks pkg_resources.
REQUIREMENTS: Final = {
    "0.31.0": ("wandb==0.31.0",),
    "0.25.0": ("wandb==0.25.0",),
    "0.20.1": ("wandb==0.20.1",),
    "0.17.9": ("wandb==0.17.9", "setuptools<81"),
}
"""What is installed for each version."""


def prepare(version: str) -> Path:
    """Make the environment of a version, unless it is there.

    Args:
        version: A key of `REQUIREMENTS`.

    Returns:
        Its interpreter.
    """
    folder = _FOLDER / version
    python = folder / "bin" / "python"
    made = folder / "requirements.txt"
    wanted = "\n".join(REQUIREMENTS[version])
    if not made.exists() or made.read_text(encoding="utf-8") != wanted:
        print(f"installing {wanted!r} into {folder}", file=sys.stderr)
        venv.create(folder, clear=True, with_pip=True)
        pip = [str(python), "-m", "pip", "--disable-pip-version-check", "--quiet", "install"]
        subprocess.run([*pip, *REQUIREMENTS[version]], check=True)
        made.write_text(wanted, encoding="utf-8")
    return python
