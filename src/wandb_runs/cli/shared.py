"""Options and error handling that the commands share."""

from __future__ import annotations

import errno
import json
import logging
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, TypeVar, cast

import click
from typing_extensions import override

from wandb_runs.errors import (
    EmptyJoinWarning,
    InvalidArgumentError,
    MissingDependencyError,
    WandbRunsError,
)
from wandb_runs.errors.text import as_message

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from wandb_runs.query.filters import Filters

__all__ = [
    "ORDER",
    "Refused",
    "errors_in_one_line",
    "read_keys",
    "selecting",
    "warnings_in_one_line",
]

CommandT = TypeVar("CommandT", bound="Callable[..., object]")

ORDER: Final = "+created_at"


class Refused(click.ClickException):
    """A usage error, in one line."""

    exit_code = 2


@contextmanager
def errors_in_one_line() -> Generator[None]:
    """End the command with one line and a status: 2 for a usage error, else 1."""
    try:
        yield
    except (InvalidArgumentError, MissingDependencyError) as error:
        raise Refused(_one_line(error.message)) from error
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "rich":
            raise
        raise Refused("this command needs: pip install 'wandb-runs[cli]'") from error
    except WandbRunsError as error:
        raise click.ClickException(_one_line(error.message)) from error
    except OSError as error:
        if error.errno == errno.EPIPE:
            raise  # what reads the output has seen enough; click ends the command quietly
        raise click.ClickException(_one_line(str(error))) from error


@contextmanager
def warnings_in_one_line() -> Generator[None]:
    """Print this package's warnings, and warnings in its log, as one line each on stderr."""
    log, kept = logging.getLogger("wandb_runs"), _Kept(logging.WARNING)
    log.addHandler(kept)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", EmptyJoinWarning)
        try:
            yield
        finally:
            log.removeHandler(kept)
            for message in (*(str(warning.message) for warning in caught), *kept.messages):
                click.echo(f"Warning: {_one_line(message)}", err=True)


class _Kept(logging.Handler):
    """Keeps log records for later: nothing is printed while a bar is drawn."""

    def __init__(self, level: int) -> None:
        super().__init__(level)
        self.messages: list[str] = []

    @override
    def emit(self, record: logging.LogRecord) -> None:
        self.messages.append(record.getMessage())


def selecting(command: CommandT) -> CommandT:
    """Add the arguments that select runs: PATH, --filters and --order."""
    for option in (
        click.option(
            "--order",
            default=ORDER,
            show_default=True,
            help="created_at, heartbeat_at, config.KEY or summary.KEY, with + or - in front.",
        ),
        click.option(
            "--filters",
            callback=_read_filters,
            metavar="JSON",
            help="""Which runs, in MongoDB's language: '{"state": "finished"}'.""",
        ),
        click.argument("path", metavar="PATH"),
    ):
        command = option(command)
    return command


def read_keys(
    _context: click.Context, _option: click.Parameter, texts: tuple[str, ...]
) -> tuple[str, ...]:
    """Read keys from an option that may be repeated and hold several, with commas between."""
    keys = dict.fromkeys(key for text in texts for part in text.split(",") if (key := part.strip()))
    if texts and not keys:
        raise Refused("--keys names no key; leave it out to get all")
    return tuple(keys)


def _read_filters(
    _context: click.Context, _option: click.Parameter, text: str | None
) -> Filters | None:
    if text is None:
        return None
    try:
        filters: object = json.loads(text)
    except RecursionError as error:
        raise click.BadParameter("nested too deeply to be read as JSON") from error
    except ValueError as error:
        raise click.BadParameter(
            f"""not JSON: {error}; write '{{"state": "finished"}}', in quotes"""
        ) from error
    if not isinstance(filters, dict):
        raise click.BadParameter("""a JSON object is needed, like '{"state": "finished"}'""")
    return cast("Filters", filters)


def _one_line(message: str) -> str:
    """A message on one line, which moves no cursor."""
    return as_message(" ".join(message.split()))
