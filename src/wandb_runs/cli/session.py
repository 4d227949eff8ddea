"""What commands that read tell while they do: requests with -v, and how far they are."""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import click

from wandb_runs.cli.shared import errors_in_one_line, tell, warnings_in_one_line
from wandb_runs.errors.text import as_message
from wandb_runs.runs.api import Api
from wandb_runs.transport.events import Answered, Retrying

if TYPE_CHECKING:
    from collections.abc import Generator

    from wandb_runs.cli.shared import CommandT, Told
    from wandb_runs.pagination.progress import OnProgress, Progress
    from wandb_runs.transport.events import Event

__all__ = ["Session", "connect", "reporting", "show_progress"]

_FIRST_LINE: Final = 10.0
"""Seconds until a line tells how far a command is, where no bar can be drawn."""

_SLOWEST: Final = 60.0
"""Seconds between two such lines, to which the time between them grows."""


@dataclass(frozen=True, slots=True)
class Session:
    """A connection of a command.

    Attributes:
        api: The connection.
        told: What the package reports beside the result.
    """

    api: Api
    told: Told


def reporting(command: CommandT) -> CommandT:
    """Add the options that say what to tell on stderr: -q and -v, as `quiet` and `verbose`."""
    for option in (
        click.option(
            "-v",
            "--verbose",
            is_flag=True,
            help="Tell of each request on stderr: its name, status, size and time.",
        ),
        click.option(
            "-q",
            "--quiet",
            is_flag=True,
            help="Leave out the bar and the notes; warnings and errors stay.",
        ),
    ):
        command = option(command)
    return command


@contextmanager
def connect(*, verbose: bool) -> Generator[Session]:
    """Connect to the server, and report errors and warnings in one line each."""
    with (
        errors_in_one_line(),
        warnings_in_one_line() as told,
        Api(on_event=_tell_event if verbose else None) as api,
    ):
        if verbose:
            tell(as_message(f"Server: {api.client.settings.base_url}"))
        yield Session(api, told)


@contextmanager
def show_progress(
    *, quiet: bool, verbose: bool, what: str = "runs"
) -> Generator[OnProgress | None]:
    """Show how far a call is: as a bar on a terminal, else as a line now and then.

    Args:
        quiet: Whether to show nothing.
        verbose: Whether lines are told of each request, which would go through a bar.
        what: What is counted.

    Yields:
        A callback for `progress=`; None for nothing to show.
    """
    from wandb_runs.bar import progress_bar  # noqa: PLC0415 - rich is optional

    if quiet:
        yield None
    elif verbose or not sys.stderr.isatty():  # the lines of -v would go through a bar
        yield _Lines(what)
    else:
        with progress_bar(what=what) as progress:
            yield progress


class _Lines:
    """Tells how far a call is, in a line after ten seconds, then less and less often."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._pause = _FIRST_LINE
        self._due = time.monotonic() + self._pause

    def __call__(self, progress: Progress) -> None:
        now = time.monotonic()
        if now < self._due:
            return
        self._due = now + self._pause
        self._pause = min(2 * self._pause, _SLOWEST)
        done, total, what = progress.runs, progress.total, self._what
        if progress.total_files is not None:
            done, total, what = progress.files, progress.total_files, "files"
        of = "" if total is None else f" of {total:,}"
        tell(f"{done:,}{of} {what} read, {progress.bytes / 1e6:.1f} MB")


def _tell_event(event: Event) -> None:
    match event:
        case Answered(status=None):
            tell(as_message(f"{event.operation}: {event.error} after {event.elapsed:.3f} s"))
        case Answered():
            request = "" if event.request_id is None else f", request {event.request_id}"
            size = f"{event.bytes_received:,} bytes in {event.elapsed:.3f} s"
            tell(as_message(f"{event.operation}: HTTP {event.status}, {size}{request}"))
        case Retrying():
            tell(as_message(f"{event.operation}: again in {event.delay:.1f} s ({event.reason})"))
        case _:
            pass
