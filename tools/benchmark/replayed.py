"""`ReplayedServer`: a local server, and a process that replays its answers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

import httpx

from benchmark.link import Link
from wandb_runs.local import LocalServer

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from benchmark.replay import Counts
    from wandb_runs.local.store import Store

__all__ = ["ReplayedServer"]

TOOLS: Final = Path(__file__).parents[1]


class ReplayedServer:
    """A store, a local server for it, and a server that replays the local server's answers.

    Args:
        links: The connections; the server has a port for each, and for each without a latency.

    Attributes:
        folder: A folder that is removed with the server.
        urls: The base URL for each link.
    """

    def __init__(self, links: Iterable[Link] = ()) -> None:
        self._folder = TemporaryDirectory(prefix="bench-")
        self.folder = Path(self._folder.name)
        self._local = LocalServer(store=self.folder / "bench.db")
        listed = [Link(), *links]
        listed = list(dict.fromkeys([*listed, *(link.unhindered for link in listed)]))
        self._replay = subprocess.Popen(
            [sys.executable, "-m", "benchmark.replay", self._local.url, *map(str, listed)],
            env=_environment(self.folder),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        if self._replay.stdout is None:
            raise AssertionError("the process has no pipe")
        addresses = json.loads(self._replay.stdout.readline() or "[]")
        self.urls: Mapping[Link, str] = dict(zip(listed, addresses, strict=True))
        self._client = httpx.Client(base_url=self.urls[Link()], trust_env=False)

    @property
    def store(self) -> Store:
        """What the local server serves."""
        return self._local.store

    def environment(self, url: str, *, is_own: bool = True) -> Mapping[str, str]:
        """Environment variables of a process that is measured.

        Args:
            url: The server that it reads from.
            is_own: Whether its interpreter is the current one. Another one must import its own
                installed package, not one from PYTHONPATH.
        """
        own = {} if is_own else {"PYTHONPATH": str(TOOLS)}
        return {**_environment(self.folder), **own, "WANDB_BASE_URL": url}

    def take(self) -> Counts:
        """The counts of the replaying server since they were last taken."""
        counts: Counts = self._client.post("/bench/take").json()
        return counts

    def close(self) -> None:
        """End both servers, and remove the folder."""
        self._client.close()
        self._replay.communicate()  # it ends with its standard input
        self._local.close()
        self._folder.cleanup()


def _environment(folder: Path) -> dict[str, str]:
    """Environment variables of workers, without the user's settings, key and proxies."""
    folders = {
        f"WANDB_{name}_DIR": str(folder / name.lower()) for name in ("CACHE", "CONFIG", "DATA")
    }
    inherited = {
        name: os.environ[name]
        for name in ("PATH", "LANG", "LC_ALL", "SYSTEMROOT", "TEMP", "TMP", "TMPDIR")
        if name in os.environ
    }
    paths = [str(TOOLS), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {
        **inherited,
        **folders,
        "PYTHONPATH": os.pathsep.join(paths),
        "HOME": str(folder),
        "USERPROFILE": str(folder),
        "WANDB_DIR": str(folder),
        "WANDB_API_KEY": "k" * 40,
        "WANDB_SILENT": "true",
    }
