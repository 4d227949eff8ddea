"""The types of pandas in signatures, with stand-ins where it is not installed."""

# Without the library, the star import binds nothing and the stand-in class is used.
# pyright: reportAssignmentType=false, reportWildcardImportFromLibrary=false

from __future__ import annotations

from typing import TYPE_CHECKING

__all__ = ["DataFrame"]

MYPY = False

if TYPE_CHECKING:
    if MYPY:
        from pandas import *
    else:
        try:
            from pandas import *
        except ImportError:

            class DataFrame:
                """Stand-in: pandas is not installed."""

        from pandas import *
