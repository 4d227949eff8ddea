"""A W&B-compatible server inside the package: `wandb-runs local`, or `LocalServer` in a process.

It needs the extra `local`: `pip install 'wandb-runs[local]'`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wandb_runs.errors.extras import needs_extra

if TYPE_CHECKING:
    from wandb_runs.local.server import LocalServer

__all__ = ["LocalServer"]


def __getattr__(name: str) -> object:
    # The server's libraries are optional and take half a second to import.
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    with needs_extra("local", "the local server"):
        from wandb_runs.local.server import LocalServer  # noqa: PLC0415 - an optional one
    return LocalServer
