"""Copy the sections of docstrings from the blocking half of the package into the awaiting half.

`Args`, `Returns`, `Raises` and `Warns` are written once, in the blocking half, and an editor shows
them for both. The description before them and the examples after them are written for each half.
With `--check`, write nothing and fail when a section differs.
"""

from __future__ import annotations

import argparse
import ast
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["copy_sections", "main"]

_PACKAGE: Final = Path(__file__).resolve().parent.parent / "src" / "wandb_runs"

_PAIRS: Final = {
    "runs/api.py": "aio/api.py",
    "runs/runs.py": "aio/runs.py",
    "runs/fields_of_runs.py": "aio/fields_of_runs.py",
    "runs/lazy.py": "aio/lazy.py",
    "runs/tables.py": "aio/tables.py",
    "runs/run.py": "aio/run.py",
    "runs/files/of_runs.py": "aio/files.py",
    "runs/files/run_file.py": "aio/run_file.py",
    "runs/sweep.py": "aio/sweep.py",
    "runs/project.py": "aio/project.py",
}
"""Files of the blocking half, and those of the awaiting half. Classes pair as `X` and `AsyncX`."""

_REPLACEMENTS: Final = {
    r"`(Api|Runs|Run|Sweep)\.": r"`Async\1.",
    r"an `Api`": "an `AsyncApi`",
    r"An iterator\b": "An asynchronous iterator",
    r"a callable that returns it": "a callable, async or not, that returns it",
    r"the thread that makes the call": "the task that makes the call",
    r"the calling thread": "the event loop",
    r"whatever the threads": "in each event loop",
    r"`run\.sweep`": "`run.sweep()`",
}
"""What the awaiting half calls by another name."""

_HEADER: Final = re.compile(r" *(Args|Returns|Raises|Warns):")

Docstring: TypeAlias = "tuple[int, list[str]]"
"""The number of the first line, counted from 0, and the lines."""


def copy_sections(blocking: str, awaiting: str) -> str:
    """The source of the awaiting half, with the sections of the blocking half.

    Args:
        blocking: The source of a file of the blocking half.
        awaiting: The source of its counterpart.
    """
    originals = dict(_docstrings(blocking.splitlines()))
    lines = awaiting.splitlines()
    for name, (first, docstring) in reversed([*_docstrings(lines)]):
        if (original := originals.get(name.removeprefix("Async"))) is not None:
            head, sections, tail = _split(docstring)
            written = _split(original[1])[1]
            if written or sections:
                lines[first : first + len(docstring)] = [*head, *_respell(written), *tail]
    return "\n".join([*lines, ""])


def _docstrings(lines: list[str]) -> Iterator[tuple[str, Docstring]]:
    """The docstrings of classes and their methods, in order."""
    kinds = (each for each in ast.parse("\n".join(lines)).body if isinstance(each, ast.ClassDef))
    for kind in kinds:
        for owner in (kind, *kind.body):
            if isinstance(owner, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                name = owner.name if owner is kind else f"{kind.name}.{owner.name}"
                node = owner.body[0]
                if ast.get_docstring(owner) is not None and node.end_lineno is not None:
                    yield name, (node.lineno - 1, lines[node.lineno - 1 : node.end_lineno])


def _split(docstring: list[str]) -> tuple[list[str], list[str], list[str]]:
    """The description, the sections, and what follows: examples and the closing quotes."""
    if len(docstring) == 1:
        indent = docstring[0][: len(docstring[0]) - len(docstring[0].lstrip())]
        docstring = [docstring[0].removesuffix('"""'), "", f'{indent}"""']
    last = len(docstring) - 1
    end = next((at for at in range(last) if docstring[at].lstrip().startswith(">>>")), last)
    start = next((at for at in range(end) if _HEADER.fullmatch(docstring[at])), end)
    head = docstring[:start] if docstring[start - 1] == "" else [*docstring[:start], ""]
    sections, tail = docstring[start:end], docstring[end:]
    while sections and not sections[-1]:
        sections.pop()
    return head, sections, tail if len(tail) == 1 else ["", *tail]


def _respell(sections: list[str]) -> list[str]:
    """The sections in the words of the awaiting half; ruff tells where a line gets too long."""
    text = "\n".join(sections)
    for pattern, replacement in _REPLACEMENTS.items():
        text = re.sub(pattern, replacement, text)
    return text.split("\n") if sections else []


def main(arguments: Sequence[str] | None = None, *, package: Path = _PACKAGE) -> int:
    """Run the command; return its exit code."""
    parser = argparse.ArgumentParser(description="Copy sections of docstrings into aio/.")
    parser.add_argument("--check", action="store_true", help="write nothing, report differences")
    is_check = parser.parse_args(arguments).check
    stale: list[str] = []
    for blocking, awaiting in _PAIRS.items():
        source = (package / awaiting).read_text(encoding="utf-8")
        fresh = copy_sections((package / blocking).read_text(encoding="utf-8"), source)
        if fresh != source:
            stale.append(awaiting)
            if not is_check:
                (package / awaiting).write_text(fresh, encoding="utf-8")
    if is_check and stale:
        print("docstrings are out of date; run `make codegen`", *stale, sep="\n  ")
    return int(is_check and bool(stale))


if __name__ == "__main__":
    sys.exit(main())
