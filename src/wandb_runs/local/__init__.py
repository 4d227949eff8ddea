"""A W&B-compatible server inside the package: `wandb-runs local`, or `LocalServer` in a process.

It needs the extra `local`: `pip install 'wandb-runs[local]'`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wandb_runs.errors import MissingDependencyError

if TYPE_CHECKING:
    from wandb_runs.local.server import LocalServer

__all__ = ["LocalServer"]


def __getattr__(name: str) -> object:
    # The server's libraries are optional and take half a second to import.
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        from wandb_runs.local.server import LocalServer  # noqa: PLC0415 - an optional one
    except ModuleNotFoundError as error:
        if error.name is None or error.name.startswith("wandb_runs"):
            raise
        raise MissingDependencyError(
            f"{error.name} is missing. The local server needs: pip install 'wandb-runs[local]'"
        ) from error
    return LocalServer
