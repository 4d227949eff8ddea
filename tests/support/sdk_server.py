"""A local server, and methods to run programs that use the unpatched wandb SDK with it."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, cast

import httpx
from support.graphql_query import of_run
from support.sdk_programs import require_sdk, sdk_environment

from wandb_runs.testing import LocalServer

if TYPE_CHECKING:
    from collections.abc import Iterable

    from wandb_runs.graphql.scalars import JSONObject


class Sdk:
    """A server, and methods to run programs that use the wandb SDK with it."""

    def __init__(
        self, folder: Path, api_key: str | None = None, features: Iterable[str] = ()
    ) -> None:
        require_sdk()
        self.folder = folder
        self.later = 0.0
        self.server = LocalServer(
            clock=lambda: time.time() + self.later, api_key=api_key, features=features
        )
        self.environment = sdk_environment(self.server.url, folder, api_key)

    def run(self, program: str, **environment: str) -> str:
        return self._finish([sys.executable, "-c", program], environment)

    def sync(self, *folders: Path) -> None:
        wandb = str(Path(sys.executable).with_name("wandb"))
        self._finish([wandb, "sync", *map(str, folders)], {})

    def _finish(self, command: list[str], environment: dict[str, str]) -> str:
        finished = subprocess.run(
            command,
            cwd=self.folder,
            env=self.environment | environment,
            capture_output=True,
            check=False,
            text=True,
            timeout=120,
        )
        assert finished.returncode == 0, finished.stderr
        return finished.stdout

    def ask(self, run: str, fields: str) -> JSONObject:
        query = f"{{ {of_run('team', 'digits', run, fields)} }}"
        answer = httpx.post(f"{self.server.url}/graphql", json={"query": query})
        assert answer.status_code == 200, answer.text
        return cast("JSONObject", answer.json()["data"]["project"]["run"])

    def history(self, run: str) -> list[JSONObject]:
        rows = self.ask(run, "history(samples: 10000)")["history"]
        assert isinstance(rows, list)
        return [json.loads(str(row)) for row in rows]
