"""Tells where every row of runs was read from."""

from __future__ import annotations

import logging
from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import TypeVar

    FrameT = TypeVar("FrameT")

__all__ = ["count_origins", "log_origins", "note_origins"]

_log = logging.getLogger("wandb_runs")


def count_origins(origins: Mapping[str, str]) -> dict[str, int]:
    """How many runs were read from where, the most common first.

    >>> count_origins({"r1": "files", "r2": "step ranges", "r3": "files"})
    {'files': 2, 'step ranges': 1}
    """
    return dict(Counter(origins.values()).most_common())


def log_origins(origins: Mapping[str, str]) -> None:
    """Log how many runs were read from where, with the origin of each as a field.

    Args:
        origins: The origins, by the runs' ids.
    """
    runs = "1 run" if len(origins) == 1 else f"{len(origins)} runs"
    told = ", ".join(f"{count} from {origin}" for origin, count in count_origins(origins).items())
    _log.info("read every row of %s: %s", runs, told, extra={"origins": {**origins}})


def note_origins(frame: FrameT, origins: Mapping[str, str]) -> FrameT:
    """Note in a frame of pandas how many runs were read from where, and return what is given.

    Counts alone: pandas copies `attrs` deeply with each operation. A list or a frame of polars has
    no place for them.

    Args:
        frame: A frame, or a list of rows.
        origins: The origins, by the runs' ids; none of a sample.
    """
    attrs = getattr(frame, "attrs", None)
    if origins and isinstance(attrs, dict):
        attrs["wandb_runs"] = {"origins": count_origins(origins)}
    return frame
