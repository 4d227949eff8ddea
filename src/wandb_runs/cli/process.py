"""A command as a process: its streams, its signals, and the status that it ends with."""

from __future__ import annotations

import errno
import io
import os
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Final, NoReturn

import click
from typing_extensions import override

from wandb_runs.cli.status import Status
from wandb_runs.errors.text import as_message

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["run_command"]

_FAILING: Final = frozenset({"strict", "surrogateescape"})
"""What streams do with characters that they cannot encode, where that is an error."""

_REPORT: Final = (
    "this is a fault of wandb-runs: report it, with the traceback that "
    "`python -X dev -m wandb_runs` prints for the same arguments"
)


def run_command(command: click.Command, arguments: Sequence[str] | None, program: str) -> int:
    """Run a command, and report in one line what ends it.

    Args:
        command: The command.
        arguments: What follows the program's name; None takes the process's own.
        program: The program's name, as it is called.

    Returns:
        The status for the process to end with.

    Raises:
        KeyboardInterrupt: Ctrl-C; a line says so on stderr.
    """
    _prepare_streams()
    if f"_{program.replace('-', '_').upper()}_COMPLETE" in os.environ:
        command.main(args=arguments, prog_name=program)  # a shell asks what can follow
    try:
        try:
            status = _run(command, arguments, program)
            sys.stdout.flush()  # at the end of the process an error could not be reported
        except OSError as error:
            if error.errno == errno.EPIPE:
                status = Status.CLOSED_PIPE
            else:
                status = Status.OTHER
                _tell(f"Error: {as_message(str(error))}")
    except KeyboardInterrupt:
        with suppress(OSError):
            _tell("Interrupted.")
        raise
    except BrokenPipeError:  # stderr has no reader: the status alone can tell
        status = Status.CLOSED_PIPE
    finally:
        _drop_unwritten()
    return status


def _run(command: click.Command, arguments: Sequence[str] | None, program: str) -> int:
    # `click.Command.main` would turn a closed pipe into status 1, and an interrupt, too.
    try:
        given = sys.argv[1:] if arguments is None else list(arguments)
        with command.make_context(program, given) as context:
            command.invoke(context)
    except click.exceptions.Exit as end:
        return end.exit_code
    except click.ClickException as error:
        # click would write UTF-8 to a stream of ASCII.
        error.show(sys.stderr)
        return error.exit_code
    except OSError:
        raise
    except Exception as error:
        if sys.flags.dev_mode:
            raise
        problem = as_message(f"unexpected {type(error).__name__}: {error}")
        _tell(f"Error: {problem}; {_REPORT}")
        return Status.OTHER
    return Status.DONE


def _tell(line: str) -> None:
    click.echo(line, file=sys.stderr)


class _Closed(io.TextIOBase):
    """stdout of a process that has none (`>&-`): what needs it fails."""

    @override
    def write(self, text: str, /) -> NoReturn:
        raise OSError(errno.EBADF, "stdout is closed")


def _prepare_streams() -> None:
    for stream in (sys.stdout, sys.stderr):
        # The encoding of a terminal or a pipe may lack what a name holds (cp1252, ASCII).
        if isinstance(stream, io.TextIOWrapper) and stream.errors in _FAILING:
            stream.reconfigure(errors="backslashreplace")
    # Python has None for a stream that is closed at the start.
    given: tuple[object, object] = (sys.stdout, sys.stderr)
    if given[0] is None:
        sys.stdout = _Closed()
    if given[1] is None:
        sys.stderr = io.StringIO()


def _drop_unwritten() -> None:
    """Keep what could not be written from failing again, with a traceback, as the process ends."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            with suppress(OSError, ValueError):
                null = os.open(os.devnull, os.O_WRONLY)
                os.dup2(null, stream.fileno())
                os.close(null)
