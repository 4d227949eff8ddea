"""Where a command writes its result, and how: `--format` and `-o`."""

from __future__ import annotations

import importlib
import sys
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from wandb_runs.cli.formats import WRITERS
from wandb_runs.cli.shared import Refused, errors_in_one_line
from wandb_runs.errors.extras import needs_extra
from wandb_runs.errors.text import printable
from wandb_runs.files import replace_file

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import polars as pl

    from wandb_runs.cli.formats import Records
    from wandb_runs.cli.shared import CommandT

__all__ = [
    "STDOUT",
    "TABLE_FORMATS",
    "Output",
    "choose_output",
    "printing",
    "printing_tables",
    "write_parquet",
]

STDOUT: Final = Path("-")

_ENDINGS: Final[Mapping[str, str]] = {
    ".csv": "csv",
    ".json": "json",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".md": "markdown",
    ".parquet": "parquet",
}
"""The formats of files, by the endings of their names."""

FORMATS: Final = ("table", "json", "jsonl", "csv", "markdown")
"""What commands print."""

TABLE_FORMATS: Final = (*FORMATS, "parquet")
"""What commands print whose columns have types."""


@dataclass(frozen=True, slots=True)
class Output:
    """A file or stdout, and the format of what goes there.

    Attributes:
        path: The file; None for stdout.
        format: The format.
    """

    path: Path | None
    format: str

    @property
    def encoding(self) -> str:
        """The encoding of its text."""
        return "utf-8" if self.path is not None else sys.stdout.encoding

    @property
    def is_for_people(self) -> bool:
        """Whether it is a format to read, with short times."""
        return self.format in {"table", "markdown"}

    def write(self, text: str) -> None:
        """Write a text; on a terminal, with escapes of what moves its cursor.

        Raises:
            OSError: It cannot be written.
        """
        if self.path is not None:
            content = text.encode(errors="backslashreplace")  # halves of surrogate pairs
            replace_file(self.path, lambda file: file.write(content))
        elif sys.stdout.isatty():
            sys.stdout.write("\n".join(map(printable, text.split("\n"))))
        else:
            sys.stdout.write(text)  # `click.echo` would take out what looks like colours

    def write_records(self, records: Records) -> None:
        """Write records in another format than a table.

        Raises:
            OSError: They cannot be written.
        """
        self.write(WRITERS[self.format](records, self.encoding))


def printing(command: CommandT) -> CommandT:
    """Add the options of a command that prints: --format and -o, as `format` and `output`."""
    return _options(FORMATS, ".csv, .json, .jsonl, .ndjson or .md")(command)


def printing_tables(command: CommandT) -> CommandT:
    """Add the options of a command that prints what Parquet holds, likewise."""
    return _options(TABLE_FORMATS, ".csv, .json, .jsonl, .ndjson, .md or .parquet")(command)


def _options(formats: Sequence[str], endings: str) -> Callable[[CommandT], CommandT]:
    def add(command: CommandT) -> CommandT:
        output = click.option(
            "-o",
            "--output",
            default=STDOUT,
            type=click.Path(dir_okay=False, allow_dash=True, path_type=Path),
            help=f"File to write: {endings}; stdout by default, or for -.",
        )
        form = click.option(
            "--format",
            type=click.Choice(formats),
            help="How to print.  [default: table, or what the ending of -o says]",
        )
        return form(output(command))

    return add


def write_parquet(frame: pl.DataFrame, output: Output) -> None:
    """Write a frame as Parquet.

    Raises:
        OSError: It cannot be written.
    """
    if output.path is not None:
        replace_file(output.path, frame.write_parquet)
        return
    content = BytesIO()  # what writes may want to seek
    frame.write_parquet(content)
    sys.stdout.flush()
    sys.stdout.buffer.write(content.getbuffer())


def choose_output(path: Path, format: str | None, formats: Sequence[str] = FORMATS) -> Output:  # noqa: A002 - the option's name
    """Choose the format of an output, and check that it can be written before anything is read.

    Args:
        path: The value of -o.
        format: The value of --format, which wins.
        formats: The formats of the command.

    Raises:
        Failed: It cannot be written, or a library that tables need is not installed.
        Refused: The ending of the file tells no format, or its folder is not there.
    """
    with errors_in_one_line():
        target = None if path == STDOUT else path
        by_name = formats[0] if target is None else _ENDINGS.get(path.suffix.lower(), "")
        chosen = format or by_name
        if chosen not in formats:
            known = [ending for ending, each in _ENDINGS.items() if each in formats]
            raise Refused(
                f"{path}: unknown ending; name a file in {', '.join(known)}, or pass --format"
            )
        if chosen == "parquet" and target is None and sys.stdout.isatty():
            raise Refused("Parquet is nothing that a terminal shows; name a file, or use a pipe")
        if chosen == "table":
            with needs_extra("cli", "a table"):
                importlib.import_module("rich")
        if target is not None:
            if not target.parent.is_dir():
                raise Refused(f"{path}: there is no folder {target.parent}")
            replace_file(target, None)
    return Output(target, chosen)
