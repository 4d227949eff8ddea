"""Programs that use W&B's SDK with a local server, each in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from wandb_runs.testing import LocalServer

__all__ = ["run_sdk"]


def run_sdk(program: str, server: LocalServer, folder: Path) -> str:
    """Run a program, and find that it succeeds.

    Args:
        program: Its text.
        server: The server.
        folder: An empty folder, for all that the SDK writes.

    Returns:
        What it printed.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith("WANDB")}
    environment = kept | {
        "HOME": str(folder),
        "WANDB_API_KEY": "k" * 40,
        "WANDB_BASE_URL": server.url,
        "WANDB_CACHE_DIR": str(folder / "cache"),
        "WANDB_CONFIG_DIR": str(folder / "config"),
        "WANDB_DIR": str(folder),
        "WANDB_SILENT": "true",
    }
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
