"""Polars' types, or what stands for them where it is absent."""

# The class stands for what the star brings, where that is absent; then the star finds nothing.
# pyright: reportAssignmentType=false, reportWildcardImportFromLibrary=false

from __future__ import annotations

from typing import TYPE_CHECKING

__all__ = ["DataFrame", "DataType"]

MYPY = False

if TYPE_CHECKING:
    if MYPY:
        from polars import *
    else:
        try:
            from polars import *
        except ImportError:

            class DataFrame:
                """Stands for Polars', which is not installed."""

            class DataType:
                """Stands for Polars', which is not installed."""

        from polars import *
