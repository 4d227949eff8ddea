"""The schema in the wheel: W&B's, as far as public sources tell it."""

from __future__ import annotations

from pathlib import Path
from typing import Final

__all__ = ["schema_path"]

_PACKAGE: Final = Path(__file__).parents[1]


def schema_path() -> Path:
    """The folder of W&B's GraphQL schema, as `.graphql` files that are one schema together.

    For editors, and for other generators: both take folders, or `*.graphql` in them. It is what
    `wandb-runs codegen` compiles against. W&B keeps its own schema private; each file says what it
    was written from.

    >>> from wandb_runs import schema_path
    >>> "wandb.graphql" in {path.name for path in schema_path().iterdir()}
    True
    """
    packaged = _PACKAGE / "schema"
    return packaged if packaged.is_dir() else _PACKAGE.parents[1] / "schema"
