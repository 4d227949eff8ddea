"""The public names of the package, and those that pages of the reference have a place for.

Both are read from text alone, so that tests need neither mkdocs nor what the extras install.
"""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

__all__ = [
    "PUBLIC_MODULES",
    "documented_names",
    "names_without_a_page",
    "places_of_names",
    "public_names",
]

PUBLIC_MODULES: Final = (
    "wandb_runs",
    "wandb_runs.bar",
    "wandb_runs.exports",
    "wandb_runs.exports.dask",
    "wandb_runs.plots",
    "wandb_runs.testing",
)
"""The modules whose `__all__` is public."""

_INSTANCES: Final = {
    "api": "wandb_runs.Api",
    "run": "wandb_runs.Run",
    "runs": "wandb_runs.Runs",
    "server": "wandb_runs.testing.LocalServer",
    "sweep": "wandb_runs.Sweep",
}
"""What documents call instances of these classes."""

_OTHER_MEANINGS: Final = frozenset({"wandb_runs.Host", "wandb_runs.Request"})
"""Names that documents also have for something else, such as a header."""

_LEFT_OUT: Final = frozenset({"wandb_runs.__version__"})
"""Needs no page."""

_DIRECTIVE: Final = re.compile(r"^::: +([\w.]+)", re.MULTILINE)


def public_names(source: Path) -> list[str]:
    """The full names of all that is public, in order.

    Args:
        source: The folder with the package, `src`.
    """
    names = (f"{module}.{name}" for module in PUBLIC_MODULES for name in _exported(source, module))
    return [each for each in names if each not in _LEFT_OUT]


def documented_names(pages: Iterable[Path], source: Path) -> set[str]:
    """The full names that directives of pages, `::: wandb_runs.Api`, have a place for.

    A public module's directive stands for all that it exports.

    Args:
        pages: The pages.
        source: The folder with the package.
    """
    named = {name for page in pages for name in _DIRECTIVE.findall(page.read_text("utf-8"))}
    modules = named & set(PUBLIC_MODULES)
    return named | {f"{each}.{name}" for each in modules for name in _exported(source, each)}


def names_without_a_page(pages: Path, source: Path) -> list[str]:
    """The public names that no page has a directive for.

    Args:
        pages: The folder of the reference.
        source: The folder with the package.
    """
    documented = documented_names(pages.rglob("*.md"), source)
    return [each for each in public_names(source) if each not in documented]


def places_of_names(public: Iterable[str]) -> dict[str, str]:
    """The full names of all that is public, by what documents call them.

    Args:
        public: The full names.
    """
    modules = {each.rpartition(".")[2]: each for each in PUBLIC_MODULES[1:]}
    names = {
        name: full
        for full in public
        for module, _, name in [full.rpartition(".")]
        if (not name.islower() or module == "wandb_runs") and full not in _OTHER_MEANINGS
    }
    return modules | _INSTANCES | names


def _exported(source: Path, module: str) -> list[str]:
    path = source.joinpath(*module.split("."))
    file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    for node in ast.parse(file.read_text("utf-8")).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return [str(each) for each in ast.literal_eval(node.value)]
    raise ValueError(f"{file} has no __all__")
