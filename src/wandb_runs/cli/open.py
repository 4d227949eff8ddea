"""`wandb-runs open`: the page of a project, a run or a sweep in W&B's application."""

from __future__ import annotations

import sys
import webbrowser

import click

from wandb_runs.cli.session import connect, reporting
from wandb_runs.cli.shared import Failed
from wandb_runs.query.location import kind_of_path, page_url, parse_path

__all__ = ["open_page"]


@click.command("open")
@click.argument("path", metavar="PATH")
@click.option("--print", "only_print", is_flag=True, help="Print the address, and open nothing.")
@reporting
def open_page(path: str, *, only_print: bool, quiet: bool, verbose: bool) -> None:
    """Print the address of a page of W&B's App, and open it in a browser on a terminal.

    PATH is entity/project, entity/project/run_id or entity/project/sweeps/sweep_id. In a pipe
    nothing is opened. The server is not asked whether there is such a page; it is asked for the
    entity where PATH and the settings name none.

    The server comes from WANDB_BASE_URL, its pages from WANDB_APP_URL where they are elsewhere.
    """
    del quiet  # there is nothing to leave out
    with connect(verbose=verbose) as session:
        app_url = session.api.client.settings.app_url
        kind = kind_of_path(path, app_url=app_url)
        parts = parse_path(path, kind=kind, app_url=app_url)
        runs = session.api.runs(entity=parts.entity, project=parts.project)
        page = () if parts.id is None else (f"{kind}s", parts.id)
        address = page_url(app_url, runs.entity, runs.project, *page)
    click.echo(address)
    if not only_print and sys.stdout.isatty() and not webbrowser.open(address):
        raise Failed("no browser could be started; open the address above")
