# The stubs of pyarrow leave open what its containers hold.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false
"""Rows of a Parquet file, of which the bytes that hold them are there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wandb_runs.frames.parquet.sparse_file import open_held

if TYPE_CHECKING:
    import pyarrow as pa

    from wandb_runs.frames.parquet.footer import Chunks, Footer
    from wandb_runs.frames.parquet.sparse_file import HeldBytes

__all__ = ["decode"]


def decode(held: HeldBytes, footer: Footer, chunks: Chunks) -> pa.Table:
    """Decode columns of row groups.

    Args:
        held: The bytes of the chunks.
        footer: The file's footer.
        chunks: What to read.

    Raises:
        ValueError: They cannot be decoded.
    """
    import pyarrow as pa  # noqa: PLC0415 - an optional library, and a slow import
    from pyarrow import parquet  # noqa: PLC0415

    source = open_held(held, footer.size)
    try:
        with parquet.ParquetFile(source, metadata=footer.metadata, pre_buffer=False) as file:
            # Not in threads of Arrow's, which would wait for each other's turn to read `source`:
            # one takes a third of the time, and the rows of several runs are read at once.
            table = file.read_row_groups(
                [*chunks.row_groups], columns=[*chunks.columns], use_threads=False
            )
        table.validate(full=True)
    except (pa.ArrowException, OSError, LookupError, UnicodeDecodeError) as error:
        raise ValueError(f"its rows cannot be read: {error}") from error
    try:
        return table.select([*chunks.columns])
    except (KeyError, pa.ArrowException) as error:
        raise ValueError(f"several of its columns have one name: {error}") from None
