"""Programs that use W&B's SDK with a local server, each in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from wandb_runs.testing import LocalServer

__all__ = ["require_sdk", "run_sdk", "sdk_environment"]


def require_sdk() -> None:
    """Skip the test where the SDK is not installed, as with the lowest versions."""
    if find_spec("wandb") is None:
        pytest.skip("W&B's SDK is not installed")


def sdk_environment(url: str, folder: Path, api_key: str | None = None) -> dict[str, str]:
    """The environment of a process that uses the SDK.

    Args:
        url: The server.
        folder: Where all goes that the SDK writes.
        api_key: The key; any by default.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith("WANDB")}
    return kept | {
        "HOME": str(folder),
        "WANDB_API_KEY": api_key or "k" * 40,
        "WANDB_BASE_URL": url,
        "WANDB_CACHE_DIR": str(folder / "cache"),
        "WANDB_CONFIG_DIR": str(folder / "config"),
        "WANDB_DIR": str(folder),
        "WANDB_SILENT": "true",
    }


def run_sdk(program: str, server: LocalServer, folder: Path, *arguments: str) -> str:
    """Run a program, and find that it succeeds.

    Args:
        program: Its text.
        server: The server.
        folder: An empty folder, for all that the SDK writes.
        *arguments: Its arguments.

    Returns:
        What it printed.
    """
    require_sdk()
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        cwd=folder,
        env=sdk_environment(server.url, folder),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
