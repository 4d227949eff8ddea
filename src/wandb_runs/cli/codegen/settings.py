"""What is to be generated: from the arguments, else from the table in `pyproject.toml`."""

from __future__ import annotations

import keyword
import sys
import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, cast

from wandb_runs.cli.codegen.sources import shown
from wandb_runs.errors import InvalidArgumentError
from wandb_runs.errors.suggest import did_you_mean, show

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

__all__ = [
    "PYTHON_TYPES",
    "TABLE",
    "Settings",
    "check_output",
    "find_root",
    "has_pyproject",
    "parse_scalars",
    "read_settings",
]

TABLE: Final = "tool.wandb-runs.codegen"
"""The table in `pyproject.toml`."""

PYTHON_TYPES: Final = ("str", "int", "float", "bool", "object")
"""What a scalar may be: builtins, so that no module has to import anything for it."""

_FILE: Final = "pyproject.toml"

_IMPORTED: Final = frozenset(
    {
        "annotated_types",
        "anyio",
        "certifi",
        "h11",
        "httpcore",
        "httpx",
        "idna",
        "pydantic",
        "pydantic_core",
        "typing_extensions",
        "typing_inspection",
        "wandb_runs",
    }
)
"""What a generated package, or `wandb_runs` for it, imports beside Python's own modules."""

_KEYS: Final = ("output", "queries", "scalars", "schema")


@dataclass(frozen=True)
class Settings:
    """What is to be generated.

    Attributes:
        root: The folder to which the paths in headers belong.
        queries: Files and folders of documents.
        schema: Files and folders that extend the schema.
        scalars: The Python types of scalars that these bring.
        output: Where the package goes.
    """

    root: Path
    queries: tuple[Path, ...] = ()
    schema: tuple[Path, ...] = ()
    scalars: tuple[tuple[str, str], ...] = ()
    output: Path | None = None


def find_root(start: Path) -> Path:
    """The nearest folder, from `start` upwards, that holds a `pyproject.toml`; else `start`."""
    return next((each for each in (start, *start.parents) if has_pyproject(each)), start)


def has_pyproject(folder: Path) -> bool:
    """Whether a folder holds a `pyproject.toml`."""
    return (folder / _FILE).is_file()


def read_settings(root: Path) -> Settings:
    """Read the table in `pyproject.toml`; nothing is set where there is none.

    Args:
        root: The folder that holds it, to which its paths belong.

    Raises:
        InvalidArgumentError: The file is no TOML, or a setting is unknown or not as it has to be.
        OSError: The file cannot be read.
    """
    file = root / _FILE
    if not has_pyproject(root):
        return Settings(root)
    try:
        document: dict[str, object] = tomllib.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:  # of TOML, and of UTF-8
        raise InvalidArgumentError(f"{file.name} cannot be read: {error}") from error
    settings = document
    for key in TABLE.split("."):
        inner = settings.get(key, {})
        if not isinstance(inner, dict):
            raise InvalidArgumentError(f"{file.name}: [{TABLE}] must be a table")
        settings = cast("dict[str, object]", inner)
    for key in settings:
        if key not in _KEYS:
            raise InvalidArgumentError(
                f"{file.name}: [{TABLE}] has no setting {key!r}{did_you_mean(key, _KEYS)}"
            )
    output = settings.get("output")
    if output is not None and not isinstance(output, str):
        raise InvalidArgumentError(f"{file.name}: output must be a string, not {show(output)}")
    scalars = settings.get("scalars", {})
    if not isinstance(scalars, dict):
        raise InvalidArgumentError(
            f'{file.name}: scalars must be a table like {{ Seconds = "float" }}, '
            f"not {show(scalars)}"
        )
    pairs = cast("Mapping[str, object]", scalars).items()
    return Settings(
        root=root,
        queries=tuple(root / each for each in _strings(file, settings, "queries")),
        schema=tuple(root / each for each in _strings(file, settings, "schema")),
        scalars=parse_scalars((f"{name}={kind}" for name, kind in pairs), f"{file.name}: scalars"),
        output=None if output is None else root / output,
    )


def parse_scalars(texts: Iterable[str], where: str) -> tuple[tuple[str, str], ...]:
    """Read the types of scalars, each as `NAME=TYPE`.

    Raises:
        InvalidArgumentError: One has another form, or a type that none can have.

    >>> parse_scalars(["Seconds=float"], "--scalar")
    (('Seconds', 'float'),)
    """
    found: dict[str, str] = {}
    for text in texts:
        name, _, kind = (part.strip() for part in text.partition("="))
        if not name or kind not in PYTHON_TYPES:
            raise InvalidArgumentError(
                f"{where}: {show(text)} is no type of a scalar"
                f"{did_you_mean(kind, PYTHON_TYPES)}; write NAME=TYPE, such as Seconds=float"
            )
        found[name] = kind
    return tuple(sorted(found.items()))


def check_output(output: Path, root: Path) -> None:
    """Check that a package can be of that name, and in that folder.

    Args:
        output: The folder of the package.
        root: The folder to which names in messages belong.

    Raises:
        InvalidArgumentError: It cannot.
    """
    name = output.resolve().name
    if not name.isidentifier() or keyword.iskeyword(name):
        raise InvalidArgumentError(
            f"{name!r} cannot be imported as a package; write letters, digits and underscores"
        )
    if name in _IMPORTED or name in sys.stdlib_module_names:
        other = "Python's own" if name in sys.stdlib_module_names else "the one that it imports"
        raise InvalidArgumentError(
            f"a package {name!r} would be imported in place of {other}, by each script in the "
            "same folder; give it another name"
        )
    place = shown(output, root)
    if output.exists() and not output.is_dir():
        raise InvalidArgumentError(f"{place}: a file, where the package would be a folder")
    parent = output.resolve().parent
    if not parent.is_dir():
        raise InvalidArgumentError(
            f"{place}: there is no folder {shown(parent, root)}; create it first"
        )


def _strings(file: Path, settings: Mapping[str, object], key: str) -> tuple[str, ...]:
    value = settings.get(key, [])
    values = [value] if isinstance(value, str) else value
    if not isinstance(values, list) or not all(isinstance(each, str) for each in values):  # pyright: ignore[reportUnknownVariableType] - of TOML
        raise InvalidArgumentError(f"{file.name}: {key} must be a list of paths, not {show(value)}")
    return tuple(cast("list[str]", values))
