"""Optional libraries: what to install where one is missing, in the same words everywhere."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from wandb_runs.errors.exceptions import MissingDependencyError

if TYPE_CHECKING:
    from collections.abc import Generator

__all__ = ["needs_extra"]

_PACKAGE = __name__.partition(".")[0]


@contextmanager
def needs_extra(extra: str, by: str) -> Generator[None]:
    """Import optional libraries within.

    Args:
        extra: The extra of this package that installs them.
        by: What needs them, for the message.

    Raises:
        MissingDependencyError: One cannot be imported; the message has the pip command.

    >>> with needs_extra("polars", "format 'polars'"):
    ...     import polars_that_is_not_installed
    Traceback (most recent call last):
    wandb_runs.errors.MissingDependencyError: format 'polars' needs the library \
polars_that_is_not_installed, which cannot be imported here; install it: \
pip install 'wandb-runs[polars]'
    """
    try:
        yield
    except MissingDependencyError:
        raise
    except ImportError as error:
        library = (error.name or extra).partition(".")[0]
        if library == _PACKAGE:  # a fault of this package
            raise
        raise MissingDependencyError(
            f"{by} needs the library {library}, which cannot be imported here; install it: "
            f"pip install 'wandb-runs[{extra}]'"
        ) from error
