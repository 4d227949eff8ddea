"""The types of polars in signatures, with stand-ins where it is not installed."""

# Without the library, the star import binds nothing and the stand-in class is used.
# pyright: reportAssignmentType=false, reportWildcardImportFromLibrary=false

from __future__ import annotations

from typing import TYPE_CHECKING

__all__ = ["DataFrame", "DataType", "LazyFrame"]

MYPY = False

if TYPE_CHECKING:
    if MYPY:
        from polars import *
    else:
        try:
            from polars import *
        except ImportError:

            class DataFrame:
                """Stand-in: polars is not installed."""

            class DataType:
                """Stand-in: polars is not installed."""

            class LazyFrame:
                """Stand-in: polars is not installed."""

        from polars import *
