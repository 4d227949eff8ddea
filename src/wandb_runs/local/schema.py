"""The schema that the server binds: the client's, and what only the wandb SDK sends."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

__all__ = ["read_sdl"]


def read_sdl() -> list[str]:
    """Read the schema files, in GraphQL's schema language.

    A wheel carries them as `wandb_runs/local/schema/`; a checkout has them in `schema/`, where
    the client's code generation reads them, so that there is one copy.

    Returns:
        The text of each file.

    Raises:
        FileNotFoundError: Neither place has them: the installation is broken.

    >>> any("type Query" in text for text in read_sdl())
    True
    """
    packaged = resources.files("wandb_runs.local").joinpath("schema")
    folder = packaged if packaged.is_dir() else Path(__file__).parents[3] / "schema"
    return [
        folder.joinpath(name).read_text(encoding="utf-8")
        for name in ("wandb.graphql", "sdk.graphql")
    ]
