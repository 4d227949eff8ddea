"""`wandb-runs codegen`: typed operations from a user's own GraphQL files."""

from __future__ import annotations

import tempfile
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import click

from wandb_runs.cli.shared import Failed, Refused, errors_in_one_line, tell
from wandb_runs.errors import InvalidArgumentError
from wandb_runs.errors.extras import needs_extra
from wandb_runs.errors.text import as_message

if TYPE_CHECKING:
    from collections.abc import Callable

    from wandb_runs.cli.codegen.settings import Settings

__all__ = ["codegen"]

_PATH = click.Path(path_type=Path)


@click.command()
@click.argument("queries", nargs=-1, type=_PATH, metavar="[QUERIES]")
@click.option("-o", "--output", type=_PATH, metavar="PACKAGE", help="Folder of the package.")
@click.option(
    "--schema",
    multiple=True,
    type=_PATH,
    metavar="FILE",
    help="More of the schema, as `extend type`. May be repeated.",
)
@click.option(
    "--scalar",
    multiple=True,
    metavar="NAME=TYPE",
    help="Python type of a scalar of --schema: str, int, float, bool or object. May be repeated.",
)
@click.option("--check", is_flag=True, help="Write nothing; fail if the package is out of date.")
@click.option(
    "--force", is_flag=True, help="Replace the folder even if this command did not write it."
)
@click.option("-q", "--quiet", is_flag=True, help="Leave out the notes; errors stay.")
def codegen(
    queries: tuple[Path, ...],
    output: Path | None,
    schema: tuple[Path, ...],
    scalar: tuple[str, ...],
    *,
    check: bool,
    force: bool,
    quiet: bool,
) -> None:
    """Compile GraphQL files into a package of typed operations.

    QUERIES are files of queries and mutations, or folders of them. They are compiled against W&B's
    schema as this package has it, and what --schema adds. For each operation the package has a
    function that takes its variables and returns an Operation, which api.execute() sends, and
    pydantic models of its answer.

    What is not given is taken from [tool.wandb-runs.codegen] in the nearest pyproject.toml, as
    queries, output, schema and scalars. The same files give the same package. It is replaced as a
    whole, or stays as it was.
    """
    with errors_in_one_line():
        with needs_extra("codegen", "codegen"):
            import_module("ariadne_codegen")
        from wandb_runs.cli.codegen.settings import (  # noqa: PLC0415 - only this command takes it
            Settings,
            find_root,
            parse_scalars,
            read_settings,
        )
        from wandb_runs.cli.codegen.sources import (  # noqa: PLC0415 - only this command takes it
            shown,
        )

        root = find_root(Path.cwd())
        given = Settings(root, queries, schema, parse_scalars(scalar, "--scalar"), output)
        package, generate = _prepare(given, read_settings(root))
        if not check and not force:
            _check_place(package, shown(package, root))
        if check:
            found = _differences(package, generate)
            if found:
                name = as_message(shown(package, root))
                raise Failed(f"{name}: out of date; run the command without --check", notes=found)
            return
        from wandb_runs.cli.codegen.folders import (  # noqa: PLC0415 - only this command takes it
            replace_package,
        )

        changed = replace_package(package, lambda folder: _refusing(generate, folder))
    if not quiet:
        name = shown(package, root)
        files = "1 file" if len(changed) == 1 else f"{len(changed)} files"
        tell(as_message(f"{name}: {f'{files} changed' if changed else 'nothing changed'}"))


def _prepare(given: Settings, kept: Settings) -> tuple[Path, Callable[[Path], Path]]:
    """Where the package goes, and what generates it into a folder.

    Args:
        given: What was given as arguments.
        kept: What `pyproject.toml` has.

    Raises:
        InvalidArgumentError: There is nothing to compile, or nowhere to write to.
    """
    from wandb_runs.cli.codegen.header import (  # noqa: PLC0415 - only this command takes it
        command_again,
        header_of,
    )
    from wandb_runs.cli.codegen.project import (  # noqa: PLC0415 - only this command takes it
        generate_project,
    )
    from wandb_runs.cli.codegen.settings import (  # noqa: PLC0415 - only this command takes it
        TABLE,
        check_output,
    )

    root = given.root
    queries = given.queries or kept.queries
    schema = given.schema or kept.schema
    scalars = dict((*kept.scalars, *given.scalars))
    output = given.output or kept.output
    if not queries:
        raise InvalidArgumentError(
            "there is nothing to compile; name GraphQL files or folders of them, or write queries "
            f"into [{TABLE}] of pyproject.toml"
        )
    if output is None:
        raise InvalidArgumentError(
            f"where is the package to go? Give -o, or write output into [{TABLE}] of pyproject.toml"
        )
    check_output(output, root)
    again = command_again(
        root,
        given.queries,
        {
            "-o": [] if given.output is None else [given.output],
            "--scalar": [f"{name}={kind}" for name, kind in given.scalars],
            "--schema": given.schema,
        },
    )
    header = header_of(again)

    def generate(folder: Path) -> Path:
        return generate_project(
            queries, schema, scalars, root, header=header, folder=folder, name=output.resolve().name
        )

    return output, generate


def _differences(package: Path, generate: Callable[[Path], Path]) -> list[str]:
    from wandb_runs.cli.codegen.folders import (  # noqa: PLC0415 - only this command takes it
        differences,
    )
    from wandb_runs.cli.codegen.header import (  # noqa: PLC0415 - only this command takes it
        without_command,
    )

    with tempfile.TemporaryDirectory() as folder:
        fresh = _refusing(generate, Path(folder))
        # Another command for the same files, or from another folder, is no difference.
        return list(map(as_message, differences(fresh, package, compared=without_command)))


def _refusing(generate: Callable[[Path], Path], folder: Path) -> Path:
    """Generate, with each problem in a line of its own."""
    from wandb_runs.cli.codegen.plugin import (  # noqa: PLC0415 - only this command takes it
        CodegenRefusedError,
    )

    try:
        return generate(folder)
    except CodegenRefusedError as error:
        first, *others = map(as_message, error.problems)
        raise Refused(first, others) from error


def _check_place(package: Path, name: str) -> None:
    """Refuse a folder that this command did not write.

    Args:
        package: The folder.
        name: Its name, for the message.

    Raises:
        Refused: It is one.
    """
    from wandb_runs.cli.codegen.folders import (  # noqa: PLC0415 - only this command takes it
        foreign_files,
    )
    from wandb_runs.cli.codegen.header import MARK  # noqa: PLC0415 - only this command takes it

    foreign = foreign_files(package, MARK)
    if foreign:
        more = f" and {len(foreign) - 1} more" if len(foreign) > 1 else ""
        raise Refused(
            f"{name}: {foreign[0]}{more} not written by this command; --force replaces the "
            "folder all the same"
        )
