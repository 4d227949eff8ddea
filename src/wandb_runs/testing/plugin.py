"""The pytest plugin: the fixture `wandb_server`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wandb_runs.local import LocalServer

__all__ = ["wandb_server"]


@pytest.fixture(scope="session")
def wandb_server() -> Iterator[LocalServer]:
    """A W&B-compatible server, empty at first, one for the whole test session."""
    from wandb_runs.local import LocalServer  # noqa: PLC0415 - only a test that asks pays for it

    with LocalServer() as server:
        yield server
