"""Options and error handling that the commands share."""

from __future__ import annotations

import errno
import json
import logging
import sys
import warnings
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import wraps
from typing import TYPE_CHECKING, Final, TypeVar, cast

import click
from typing_extensions import override

from wandb_runs.cli.status import Status, status_of
from wandb_runs.cli.wording import in_options, warning_in_options
from wandb_runs.errors import (
    DriftWarning,
    InvalidArgumentError,
    MissingItemsWarning,
    MissingLinesWarning,
    WandbRunsError,
    WandbRunsWarning,
)
from wandb_runs.errors.text import as_message
from wandb_runs.pagination.sizes import PER_PAGE
from wandb_runs.query.filter_text import parse_filter

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping, Sequence

    from wandb_runs.query.filters import Condition, Filters

__all__ = [
    "ORDER",
    "Failed",
    "Refused",
    "Told",
    "errors_in_one_line",
    "fail_on_empty",
    "filtering",
    "filters_given",
    "limiting",
    "naming_keys",
    "nothing_in",
    "per_page",
    "selecting",
    "tell",
    "warnings_in_one_line",
]

CommandT = TypeVar("CommandT", bound="Callable[..., object]")

ORDER: Final = "+created_at"


_log = logging.getLogger("wandb_runs")


class Failed(click.ClickException):
    """An error that ends the command, in one line.

    Args:
        message: What happened and what to do next.
        status: What the process ends with.
        notes: What goes below the message, printable as it is.
    """

    def __init__(
        self, message: str, status: Status = Status.OTHER, notes: Sequence[str] = ()
    ) -> None:
        super().__init__("\n".join((_one_line(message), *notes)))
        # click declares it of the class, and reads it from the instance.
        vars(self)["exit_code"] = int(status)


class Refused(Failed):
    """A usage error, in one line, and notes below it."""

    def __init__(self, message: str, notes: Sequence[str] = ()) -> None:
        super().__init__(message, Status.USAGE, notes)


@contextmanager
def errors_in_one_line() -> Generator[None]:
    """End the command with one line and the status of the error."""
    try:
        yield
    except WandbRunsError as error:
        raise Failed(in_options(error.message), status_of(error)) from error
    except OSError as error:
        if error.errno == errno.EPIPE:
            raise  # what reads the output has seen enough; the command ends quietly
        raise Failed(str(error)) from error


@dataclass(slots=True)
class Told:
    """What the package reported beside a result.

    Attributes:
        messages: Warnings, in order.
        is_partial: Whether something of the result is missing.
        cut_runs: How many runs have more rows than were requested of each.
        most_rows: How many rows the longest of them has.
    """

    messages: list[str] = field(default_factory=list[str])
    is_partial: bool = False
    cut_runs: int = 0
    most_rows: int = 0

    def end(self) -> None:
        """End the command, with the status of a partial result where it is one."""
        if self.is_partial:
            raise click.exceptions.Exit(Status.PARTIAL)


@contextmanager
def warnings_in_one_line() -> Generator[Told]:
    """Print this package's warnings, and warnings in its log, as one line each on stderr."""
    told = Told()
    kept, level = _Kept(told), _log.level
    _log.addHandler(kept)
    _log.setLevel(logging.INFO)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", WandbRunsWarning)
        try:
            yield told
        finally:
            _log.setLevel(level)
            _log.removeHandler(kept)
            for warning in (each.message for each in caught):
                is_cut = isinstance(warning, DriftWarning) and (warning.nulls or warning.gone)
                if is_cut or isinstance(warning, MissingItemsWarning | MissingLinesWarning):
                    told.is_partial = True
            context = click.get_current_context(silent=True)
            given = context.params if context is not None else {}
            single, x_axis = given.get("key", ()), given.get("x_axis")
            holder = " and ".join(filters_given()) or "--filters"
            shown = [warning_in_options(each.message, single, holder, x_axis) for each in caught]
            for message in dict.fromkeys((*shown, *map(in_options, told.messages))):
                tell(f"Warning: {_one_line(message)}")


class _Kept(logging.Handler):
    """Keeps log records for later: nothing is printed while a bar is drawn."""

    def __init__(self, told: Told) -> None:
        super().__init__(logging.INFO)
        self._told = told

    @override
    def emit(self, record: logging.LogRecord) -> None:
        facts: dict[str, object] = vars(record)
        if "skipped_runs" in facts:
            self._told.is_partial = True
        if record.levelno >= logging.WARNING:
            self._told.messages.append(record.getMessage())
        match facts:
            case {"cut_runs": int(cut_runs), "most_rows": int(most_rows)}:
                self._told.cut_runs, self._told.most_rows = cut_runs, most_rows
            case _:
                pass


def tell(line: str) -> None:
    """Print a line on stderr, in its encoding: click would write UTF-8 to a stream of ASCII."""
    click.echo(line, file=sys.stderr)


fail_on_empty: Final = click.option(
    "--fail-on-empty", is_flag=True, help=f"End with status {Status.EMPTY} if nothing is found."
)
"""The option of commands whose result may be empty."""


def _read_per_page(_context: click.Context, _option: click.Parameter, number: int | None) -> int:
    return PER_PAGE if number is None else number


per_page: Final = click.option(
    "--per-page",
    type=click.IntRange(min=1),
    callback=_read_per_page,
    metavar="N",
    help="Runs of each request, at most 1000; by default 50, then more with each page.",
)
"""The option of commands that read all runs; what is given is what is sent, 50 included."""


limiting: Final = click.option(
    "--limit",
    type=click.IntRange(min=1),
    help="How many runs at most, the first ones by --order; all by default.",
)
"""The option of commands that read all runs."""


def nothing_in(path: str) -> str:
    """What is said of a project without a run to print."""
    given = " and ".join(filters_given())
    return f"{path} has no run that fits {given}" if given else f"{path} has no runs"


def selecting(command: CommandT) -> CommandT:
    """Add the arguments that select runs: PATH, --where, --filters and --order.

    The command gets what --where and --filters select together as `filters`.
    """
    order = click.option(
        "--order",
        default=ORDER,
        show_default=True,
        help="created_at, heartbeat_at, config.KEY or summary.KEY, with + or - in front.",
    )
    return click.argument("path", metavar="PATH")(filtering(order(command)))


def filtering(command: CommandT) -> CommandT:
    """Add --where and --filters; the command gets what both select together as `filters`."""

    @wraps(command)
    def selected(
        *, filters: Mapping[str, object] | None, where: Condition | None, **others: object
    ) -> object:
        both: Filters | None = filters if where is None else where
        if where is not None and filters is not None:
            with errors_in_one_line():  # it checks the mapping
                both = filters & where
        return command(filters=both, **others)

    selecting_some = cast("CommandT", selected)
    for option in (
        click.option(
            "--filters",
            callback=_read_filters,
            metavar="JSON",
            help="""Which runs, in MongoDB's language: '{"state": "finished"}'.""",
        ),
        click.option(
            "--where",
            callback=_read_where,
            metavar="TEXT",
            help="""Which runs: 'config.lr < 0.1 and state == "finished"'.""",
        ),
    ):
        selecting_some = option(selecting_some)
    return selecting_some


_GIVEN: Final = "wandb_runs.filters"


def filters_given() -> dict[str, str]:
    """The options of this command that select runs, each with its text, on one line."""
    context = click.get_current_context(silent=True)
    return {} if context is None else cast("dict[str, str]", context.meta.setdefault(_GIVEN, {}))


def naming_keys(what: str, example: str) -> Callable[[CommandT], CommandT]:
    """Add the options that name keys: --key, which takes one as it is, and --keys.

    The command gets them as `key` and `keys`, which add up.

    Args:
        what: What keys are, for the help.
        example: Two keys, with a comma between.
    """

    def add(command: CommandT) -> CommandT:
        one = click.option(
            "--key",
            multiple=True,
            callback=_read_key,
            metavar="KEY",
            help="One more, taken as it is, with any commas; repeatable.",
        )
        several = click.option(
            "--keys",
            multiple=True,
            callback=_read_keys,
            metavar="KEYS",
            help=f"{what}, with commas between, such as {example}; repeatable.",
        )
        return several(one(command))

    return add


def _read_key(
    _context: click.Context, _option: click.Parameter, keys: tuple[str, ...]
) -> tuple[str, ...]:
    if not all(keys):
        raise Refused("--key names no key; leave it out, or name one")
    return keys


def _read_keys(
    _context: click.Context, _option: click.Parameter, texts: tuple[str, ...]
) -> tuple[str, ...]:
    keys = tuple(key for text in texts for part in text.split(",") if (key := part.strip()))
    if texts and not keys:
        raise Refused("--keys names no key; leave it out, or name some")
    return keys


def _read_where(
    _context: click.Context, _option: click.Parameter, text: str | None
) -> Condition | None:
    if text is None:
        return None
    # No string of it has a line break.
    filters_given()["--where"] = " ".join(text.split("\n"))
    try:
        return parse_filter(text)
    except InvalidArgumentError as error:
        notes: list[str] = getattr(error, "__notes__", [])  # a text too long has none
        raise Refused(in_options(error.message), notes) from error


def _read_filters(
    _context: click.Context, _option: click.Parameter, text: str | None
) -> Mapping[str, object] | None:
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
    filters_given()["--filters"] = json.dumps(filters, ensure_ascii=False)
    return cast("dict[str, object]", filters)


def _one_line(message: str) -> str:
    """A message on one line, which moves no cursor."""
    return as_message(" ".join(message.split()))
