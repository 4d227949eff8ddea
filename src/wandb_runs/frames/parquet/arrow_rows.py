"""`ArrowRows`: rows of a history by columns."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wandb_runs.frames.parquet.arrow_part import ArrowPart, has_values

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wandb_runs.frames.rows import Row
    from wandb_runs.graphql.scalars import JSONValue

__all__ = ["ArrowRows"]


class ArrowRows:
    """Rows of a history, by columns.

    Args:
        columns: The values of each metric, None where a row lacks it.
        length: How many rows there are.

    Attributes:
        columns: As given.
    """

    __slots__ = ("_length", "columns")

    def __init__(self, columns: Mapping[str, ArrowPart | list[JSONValue]], length: int) -> None:
        self.columns: Mapping[str, ArrowPart | list[JSONValue]] = columns
        self._length = length

    def __len__(self) -> int:
        """How many rows there are."""
        return self._length

    def names_with_values(self) -> set[str]:
        """The columns of which some row has a value."""
        return {name for name, part in self.columns.items() if has_values(part)}

    def rows(self) -> list[Row]:
        """The rows as dicts, without missing values."""
        names = [*self.columns]
        parts = [list(part) for part in self.columns.values()]
        if not parts:
            return [{} for _ in range(self._length)]
        made = [dict(zip(names, values, strict=True)) for values in zip(*parts, strict=True)]
        if any(None in part for part in parts):
            return [
                {name: value for name, value in row.items() if value is not None} for row in made
            ]
        return made
