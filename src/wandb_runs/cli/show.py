"""`wandb-runs show`: what one run is, its config and its summary."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from wandb_runs.cli.document import attributes, flat, own_keys
from wandb_runs.cli.formats import (
    Records,
    exact,
    json_document,
    json_line,
    markdown_table,
    markdown_text,
)
from wandb_runs.cli.output import choose_output, printing
from wandb_runs.cli.session import connect, reporting

if TYPE_CHECKING:
    from pathlib import Path

    from wandb_runs.cli.output import Output
    from wandb_runs.graphql.scalars import JSONValue
    from wandb_runs.runs.run import Run

__all__ = ["show"]


@click.command()
@click.argument("run", metavar="RUN")
@printing
@reporting
def show(
    run: str,
    format: str | None,  # noqa: A002 - the option's name
    output: Path,
    *,
    quiet: bool,
    verbose: bool,
) -> None:
    """Print the attributes, the config and the summary of RUN, which is entity/project/run_id.

    RUN may be the URL of the run's page, too. JSON has config and summary as objects; the other
    formats have a line for each key, with dots for what is nested. Attributes without a value are
    left out of tables and of Markdown.

    The server and the key come from WANDB_BASE_URL and WANDB_API_KEY, or a netrc file.
    """
    del quiet  # there is nothing to leave out
    target = choose_output(output, format)
    with connect(verbose=verbose) as session:
        _print(session.api.run(run), target)
    session.told.end()


def _print(run: Run, output: Output) -> None:
    about = attributes(run)
    parts: dict[str, dict[str, JSONValue]] = {
        "config": dict(run.config),
        "summary": own_keys(run.summary),
    }
    if output.format in {"json", "jsonl"}:
        write = json_document if output.format == "json" else json_line
        output.write(write({**about, **parts}, output.encoding))
        return
    flattened = {part: flat(document) for part, document in parts.items()}
    if output.format == "csv":
        named = {
            f"{part}.{key}": value
            for part, values in flattened.items()
            for key, value in values.items()
        }
        output.write_records(Records(("key", "value"), [*about.items(), *named.items()]))
        return
    told: dict[str, JSONValue] = {
        name: value for name, value in about.items() if value not in (None, "", [])
    }
    title = run.name or run.id
    sections = {"": told, **flattened}
    if output.format == "markdown":
        texts = [f"# {markdown_text(title)}\n"]
        for part, values in sections.items():
            heading = f"## {part}\n\n" if part else ""
            cells = [(key, exact(value)) for key, value in values.items()]
            texts.append(heading + markdown_table(Records(("key", "value"), cells)))
        output.write("\n".join(texts))
        return
    from wandb_runs.cli.sections import print_sections  # noqa: PLC0415 - rich is optional

    print_sections(title, sections, output)
