"""Tries versions of the wandb SDK with the local server.

    python tools/sdks.py [--versions V ...] [--scenarios NAME ...]

Each version has an environment of its own in `.venv-sdks`, made once. Programs log with it, and
what they logged is read back with this package and with the version's own `wandb.Api`. The command
prints a table, then what failed, and exits with 1 if anything did.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

from sdk_versions.environments import REQUIREMENTS, prepare
from sdk_versions.reading import READ, differences, missing_output, read_by_client, read_by_sdk
from sdk_versions.scenarios import ENTITY, PROJECT, SCENARIOS, Program, Sync
from wandb_runs import Api, WandbRunsError
from wandb_runs.testing import LocalServer

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sdk_versions.scenarios import Scenario

_SECONDS: Final = 180.0
"""How long one program may take."""

_OK: Final = "ok"
_FAILED: Final = "FAILED"
_NOT_THERE: Final = "not in this version"


class _ProgramError(Exception):
    """A program did not end well."""


@dataclass(frozen=True)
class Trial:
    """One version, with a server and a folder of its own."""

    version: str
    python: Path
    server: LocalServer
    folder: Path

    def run(self, scenario: Scenario) -> list[str]:
        """Run a scenario, and say what was wrong."""
        if self._is_older_than(scenario):
            return [_NOT_THERE]
        try:
            return list(self._attempt(scenario))
        except (OSError, ValueError, WandbRunsError, _ProgramError) as error:
            return [str(error)]

    def _is_older_than(self, scenario: Scenario) -> bool:
        return tuple(int(part) for part in self.version.split(".")) < scenario.since

    def _attempt(self, scenario: Scenario) -> list[str]:
        for step in scenario.steps:
            match step:
                case Program(text, arguments, is_offline):
                    mode = {"WANDB_MODE": "offline"} if is_offline else {}
                    self._finish(["-c", text, *arguments], mode)
                case Sync():
                    folders = sorted((self.folder / "wandb").glob("offline-run-*"))
                    self._finish(["-m", "wandb", "sync", *map(str, folders)], {})
        if scenario.run is None or scenario.expected is None:
            return []
        with Api(base_url=self.server.url, api_key="k" * 40) as api:
            ours = read_by_client(api, scenario.run)
        theirs = read_by_sdk(self._finish(["-c", READ, scenario.run], {}))
        return [
            *(f"wandb_runs: {each}" for each in differences(ours, scenario.expected)),
            *(f"wandb.Api: {each}" for each in differences(theirs, scenario.expected)),
            *missing_output(self.server.url, self.version, scenario.run, scenario.expected),
        ]

    def _finish(self, arguments: Sequence[str], environment: Mapping[str, str]) -> str:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("WANDB")}
        given = {
            "HOME": str(self.folder),
            "PYTHONIOENCODING": "utf-8",
            "WANDB_API_KEY": "k" * 40,
            "WANDB_BASE_URL": self.server.url,
            "WANDB_CACHE_DIR": str(self.folder / "cache"),
            "WANDB_CONFIG_DIR": str(self.folder / "config"),
            "WANDB_DIR": str(self.folder),
            "WANDB_ENTITY": ENTITY,
            "WANDB_ERROR_REPORTING": "false",
            "WANDB_PROJECT": PROJECT,
            "WANDB_SILENT": "true",
        }
        try:
            finished = subprocess.run(
                [str(self.python), *arguments],
                cwd=self.folder,
                env={**kept, **given, **environment},
                capture_output=True,
                check=False,
                text=True,
                encoding="utf-8",
                timeout=_SECONDS,
            )
        except subprocess.TimeoutExpired as error:
            raise _ProgramError(f"no end after {_SECONDS:.0f} s") from error
        if finished.returncode != 0:
            last = (finished.stderr or finished.stdout).strip().splitlines()[-1:]
            raise _ProgramError(f"exit code {finished.returncode}: {' '.join(last)}")
        return finished.stdout


def try_version(version: str, scenarios: Sequence[Scenario]) -> list[list[str]]:
    """Run scenarios with a version: what was wrong in each."""
    python = prepare(version)
    with LocalServer() as server, TemporaryDirectory(prefix="wandb-runs-sdks-") as folder:
        trial = Trial(version, python, server, Path(folder))
        return [trial.run(scenario) for scenario in scenarios]


def main() -> None:
    """Run the command."""
    names = [scenario.name for scenario in SCENARIOS]
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--versions", nargs="+", choices=list(REQUIREMENTS), metavar="V")
    parser.add_argument("--scenarios", nargs="+", choices=names, metavar="NAME")
    given = parser.parse_args()
    versions: list[str] = given.versions or list(REQUIREMENTS)
    scenarios = [each for each in SCENARIOS if each.name in (given.scenarios or names)]
    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(try_version, versions, [scenarios] * len(versions)))
    sys.exit(_print(versions, scenarios, found))


def _print(
    versions: Sequence[str], scenarios: Sequence[Scenario], found: Sequence[list[list[str]]]
) -> int:
    """Print the table and what failed; 1 if anything did."""
    cells = [
        ["", *versions],
        *(
            [scenario.name, *(_cell(each[row]) for each in found)]
            for row, scenario in enumerate(scenarios)
        ),
    ]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for line in cells:
        padded = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        print("  ".join(padded).rstrip())
    failures = [
        f"{scenarios[row].name}, {version}: {reason}"
        for version, each in zip(versions, found, strict=True)
        for row, reasons in enumerate(each)
        if _cell(reasons) == _FAILED
        for reason in reasons
    ]
    print(*failures, sep="\n", end="\n" if failures else "")
    return bool(failures)


def _cell(reasons: Sequence[str]) -> str:
    if not reasons:
        return _OK
    return _NOT_THERE if list(reasons) == [_NOT_THERE] else _FAILED


if __name__ == "__main__":
    main()
