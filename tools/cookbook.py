"""Write the programs of the cookbook, and what they print, into its pages.

A section of a page holds a question, a program, its output, and a line that names its file and the
number of its requests. Each program is run against a local server of its own; the tests compare.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from dataclasses import dataclass
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

from wandb_runs.testing import LocalServer

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = [
    "PAGES",
    "PROGRAMS",
    "READ_ONLY_KEY",
    "Outcome",
    "Section",
    "run",
    "sections",
    "serving",
]

_ROOT: Final = Path(__file__).parents[1]
PAGES: Final = tuple(
    _ROOT / f"docs/cookbook/{name}.md"
    for name in ("finding", "histories", "tables", "changing", "programs")
)
PROGRAMS: Final = _ROOT / "examples/cookbook"
READ_ONLY_KEY: Final = "read-only"
"""A key with which a program that changes something fails."""

_SECTION: Final = re.compile(
    r"^## (?P<question>[^\n]+)\n.*?^```python\n(?P<program>.*?)^```\n"
    r".*?^```text\n(?P<printed>.*?)^```\n"
    r".*?^`examples/cookbook/(?P<file>\w+\.py)` · (?P<requests>\d+ requests?) · (?P<rest>[^\n]+)$",
    re.MULTILINE | re.DOTALL,
)
_LATE: Final = 3600
"""The clock of the server is an hour late, so that a run has been silent for that long."""
_TIMEOUT: Final = 60


@dataclass(frozen=True)
class Outcome:
    """What a program did.

    Attributes:
        printed: What it printed, to stdout and to stderr.
        requests: The number of GraphQL requests.
    """

    printed: str
    requests: int


@dataclass(frozen=True)
class Section:
    """One question of a page.

    Attributes:
        question: Its heading.
        program: The text of the program, as the page has it.
        file: The program's file.
        outcome: What the page says that it does.
        sources: The numbers of the issues that ask it.
    """

    question: str
    program: str
    file: Path
    outcome: Outcome
    sources: tuple[int, ...]


def sections(page: Path) -> list[Section]:
    """The questions of a page, in order."""
    return [_section(found) for found in _SECTION.finditer(page.read_text(encoding="utf-8"))]


def _section(found: re.Match[str]) -> Section:
    sources = re.findall(
        r"\[wandb/wandb#(\d+)\]\(https://github\.com/wandb/wandb/issues/\1\)", found["rest"]
    )
    return Section(
        question=found["question"],
        program=found["program"],
        file=PROGRAMS / found["file"],
        outcome=Outcome(found["printed"], int(found["requests"].split()[0])),
        sources=tuple(map(int, sources)),
    )


def serving() -> LocalServer:
    """A server with the sample project and what `set_up.py` logs; the caller closes it."""
    server = LocalServer(
        sample=True, clock=lambda: time.time() - _LATE, read_only_key=READ_ONLY_KEY
    )
    spec = spec_from_file_location("set_up", PROGRAMS / "set_up.py")
    if spec is None or spec.loader is None:
        raise ImportError("set_up.py")
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    module.set_up(server.url)
    server.clear_operations()
    return server


def run(program: Path, server: LocalServer, folder: Path, key: str = "any-key") -> Outcome:
    """Run a program as a reader would: in a process of its own, in an empty folder."""
    tests = ["-m", "pytest", "-q", "-p", "no:cacheprovider"]
    environment = {
        **{
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("WANDB_", "PYTEST_"))
        },
        "WANDB_BASE_URL": server.url,
        "WANDB_API_KEY": key,
        "PYTHONIOENCODING": "utf-8",
    }
    done = subprocess.run(
        [sys.executable, *(tests if program.name.startswith("test_") else []), str(program)],
        env=environment,
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        timeout=_TIMEOUT,
        check=False,
    )
    printed = re.sub(r" in [\d.]+s( \([\d:]+\))?$", "", done.stdout, flags=re.MULTILINE)
    if done.returncode:
        printed += f"exit status {done.returncode}\n"
    return Outcome(printed, len(server.operations))


def _written(page: Path) -> str:
    """The text of a page with programs and outcomes as they are now."""
    text = page.read_text(encoding="utf-8")
    return "".join(_parts(text))


def _parts(text: str) -> Iterator[str]:
    end = 0
    for found in _SECTION.finditer(text):
        file = PROGRAMS / found["file"]
        with serving() as server, TemporaryDirectory() as folder:
            outcome = run(file, server, Path(folder))
        print(f"{file.name}: {outcome.requests} requests\n{outcome.printed}", flush=True)
        new = {
            "program": file.read_text(encoding="utf-8"),
            "printed": outcome.printed,
            "requests": f"{outcome.requests} request{'s' * (outcome.requests != 1)}",
        }
        for name, value in new.items():
            yield text[end : found.start(name)]
            yield value
            end = found.end(name)
    yield text[end:]


if __name__ == "__main__":
    for each in PAGES:
        each.write_text(_written(each), encoding="utf-8")
