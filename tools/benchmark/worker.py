"""Does one task in this process: `python -m benchmark.worker TASK`."""

from __future__ import annotations

import json
import os
import sys
from time import perf_counter
from typing import TYPE_CHECKING, Final, cast

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl

    from benchmark.work import Prepare, Report, Result, Side, Task

__all__ = ["peak_memory", "run_task"]

KIBIBYTE: Final = 1024


def run_task(task: Task, url: str) -> Report:
    """Do a task, and report its time and memory."""
    work = _prepare_of(task["side"])(task, url)
    before = peak_memory()
    start = perf_counter()
    result = work()
    seconds = perf_counter() - start
    return {
        "seconds": seconds,
        "before": before,
        "peak": peak_memory(),
        "size": _size(result),
        "values": _values(result),
        "libraries": sorted({"pandas", "polars"} & set(sys.modules)),
        "digest": _digest(result) if task["check"] else "",
    }


def _prepare_of(side: Side) -> Prepare:
    # Imported here, so that one side's imports do not count for another side.
    if side in ("wandb", "fastest"):
        from benchmark.sdk import prepare as sdk  # noqa: PLC0415 - see above

        return sdk
    if side == "floor":
        from benchmark.floor import prepare as floor  # noqa: PLC0415 - see above

        return floor
    from benchmark.ours import prepare as ours  # noqa: PLC0415 - see above

    return ours


def peak_memory() -> int:
    """The peak memory of this process, in bytes."""
    try:
        with open("/proc/self/status", encoding="ascii", errors="replace") as status:  # noqa: PTH123 - importing pathlib would count for every side
            for line in status:
                if line.startswith("VmHWM:"):
                    return int(line.split()[1]) * KIBIBYTE
    except OSError:
        pass
    # Without /proc. On Linux this value would include the memory of the parent at the fork.
    import resource  # noqa: PLC0415 - absent from Windows

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * KIBIBYTE


def _size(result: Result) -> int:
    if isinstance(result, list):
        return 0
    if hasattr(result, "estimated_size"):
        return int(cast("pl.DataFrame", result).estimated_size())
    return int(cast("pd.DataFrame", result).memory_usage(deep=True).sum())


def _values(result: Result) -> int:
    if isinstance(result, list):
        return sum(len(row) for row in result if isinstance(row, dict))
    rows, columns = cast("pl.DataFrame | pd.DataFrame", result).shape
    return rows * columns


def _digest(result: Result) -> str:
    from hashlib import sha256  # noqa: PLC0415 - importing it would count for every side

    if isinstance(result, list):
        values: object = result
    elif hasattr(result, "estimated_size"):
        values = cast("pl.DataFrame", result).to_dicts()
    else:
        values = cast("pd.DataFrame", result).to_dict(orient="records")
    return sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


if __name__ == "__main__":
    print(json.dumps(run_task(json.loads(sys.argv[1]), os.environ["WANDB_BASE_URL"])))
