"""`wandb-runs local`: serve W&B's API from this machine."""

from __future__ import annotations

import re
import signal
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import click

from wandb_runs.errors import InvalidArgumentError, MissingDependencyError
from wandb_runs.errors.text import as_message

if TYPE_CHECKING:
    from types import FrameType

__all__ = ["local"]


class _Refused(click.ClickException):
    """A usage error, in one line."""

    exit_code = 2


def _store_path(_context: click.Context, _option: click.Parameter, name: str | None) -> Path | None:
    """The file that an option names.

    Raises:
        click.BadParameter: The name is empty, as that of a variable that is not set.
    """
    if name == "":
        raise click.BadParameter("the name is empty; name a file, or leave the option out")
    return None if name is None else Path(name)


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=0,
    show_default=True,
    help="Port to listen on; 0 takes a free one.",
)
@click.option(
    "--store",
    type=click.Path(dir_okay=False),
    callback=_store_path,
    help="SQLite file to keep what is logged in.  [default: a temporary one]",
)
@click.option("--entity", default="local", show_default=True, help="Where runs go by default.")
@click.option("--sample", is_flag=True, help="Add the sample project.")
@click.option(
    "--api-key",
    envvar="WANDB_RUNS_LOCAL_API_KEY",
    show_envvar=True,
    help="The one key that is right, for reading too; given by the variable, it is not in the list "
    "of processes.  [default: any key is right]",
)
@click.option(
    "--allow-host",
    "allow_hosts",
    metavar="NAME",
    multiple=True,
    help="Another name or address under which the server may be asked for, such as that of a "
    "container; repeatable.  [default: those of this machine]",
)
@click.option("--compress", is_flag=True, help="Compress answers where a client accepts gzip.")
def local(
    host: str,
    port: int,
    store: Path | None,
    entity: str,
    *,
    sample: bool,
    api_key: str | None,
    allow_hosts: tuple[str, ...],
    compress: bool,
) -> None:
    """Serve W&B's API from this machine, until it is interrupted.

    The first line printed is the server's URL. Set WANDB_BASE_URL to it, and WANDB_API_KEY to
    anything of 40 characters, or to the key of --api-key: the wandb SDK then logs to it, and every
    client reads from it. A browser shows projects, runs and their curves there.

    A --host that other machines reach needs --api-key; names that they ask it by need --allow-host.
    """
    try:
        from wandb_runs.local import LocalServer  # noqa: PLC0415 - its libraries are optional
    except MissingDependencyError as error:
        raise _Refused(error.message) from error
    stopped = threading.Event()

    def stop(_signal: int, _frame: FrameType | None) -> None:
        stopped.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    try:
        server = LocalServer(
            store=store,
            sample=sample,
            host=host,
            port=port,
            entity=entity,
            api_key=api_key,
            allow_hosts=allow_hosts,
            compress=compress,
        )
    except InvalidArgumentError as error:
        # The arguments of `LocalServer`, as options.
        message = error.message.replace(" or api_key=", "")
        raise _Refused(re.sub(r"\bapi_key\b", "--api-key", message)) from error
    except OSError as error:
        where = "" if error.filename else f"{host}:{port}: "
        raise click.ClickException(as_message(f"{where}{error}")) from error
    with server:
        click.echo(server.url)
        click.echo("Open it in a browser to see projects, runs and curves.", err=True)
        stopped.wait()
