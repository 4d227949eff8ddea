"""The tables of `docs/moving.md`: the names of W&B's SDK, and what they are here."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from wandb_runs import Api, AsyncApi, AsyncRun, AsyncRuns, AsyncSweep, Run, Runs, Sweep, User

__all__ = ["CLASSES", "FEWER", "NOT_HERE", "THE_SAME", "TWINS", "moving_table"]

CLASSES: Final[dict[str, type[object]]] = {
    each.__name__: each for each in (Api, Runs, Run, Sweep, User)
}
TWINS: Final[dict[str, type[object]]] = {
    each.__name__: each for each in (AsyncApi, AsyncRuns, AsyncRun, AsyncSweep)
}

THE_SAME: Final = "the same"
NOT_HERE: Final = "not in this version"

FEWER: Final = frozenset({"next", "index", "lastHistoryStep"})
"""The names that the awaiting half refuses; the text above the tables says so."""


def moving_table() -> dict[str, dict[str, str]]:
    """What each name is here, by class and name: the second column, without marks of code."""
    text = (Path(__file__).parents[2] / "docs" / "moving.md").read_text(encoding="utf-8")
    found: dict[str, dict[str, str]] = {}
    for section in text.split("\n## ")[1:]:
        rows = [line.split(" | ") for line in section.splitlines() if line.startswith("| `")]
        names = [
            (name, here.replace("`", ""))
            for first, here, *_ in rows
            for name in re.findall(r"`(\w+)`", first)
        ]
        found[section.partition("\n")[0]] = dict(names)
        assert len(dict(names)) == len(names), "each name is in one row"
    return found
