"""Names to remove that no run has: misspelt ones would remove nothing without a word."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wandb_runs.errors import NothingToRemoveWarning
from wandb_runs.errors.suggest import nearest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from wandb_runs.graphql._generated import RunFields
    from wandb_runs.runs.changes.arguments import Update
    from wandb_runs.runs.changes.documents import DocumentChange

__all__ = ["unknown_removals"]


def unknown_removals(
    update: Update, runs: Sequence[RunFields], examples: Sequence[RunFields] | None = None
) -> Iterator[NothingToRemoveWarning]:
    """Warn of tags and keys that are to be removed and that no run has, with the nearest ones.

    Args:
        update: What changes.
        runs: The runs before that; what cannot be read of them has everything.
        examples: Runs whose names are suggested, where `runs` were read in part.
    """
    if not runs:
        return
    ids, named = [run.id for run in runs], runs if examples is None else examples
    present = {tag for run in runs for tag in run.tags or ()}
    tags = [tag for tag in update.remove_tags if tag not in present]
    if tags:
        shown = {tag: None for run in named for tag in run.tags or () if tag is not None}
        yield NothingToRemoveWarning("remove_tags", _hints(tags, shown), ids)
    for change in update.documents:
        keys = [key for key in change.unset if all(key in _unknown(change, run) for run in runs)]
        if keys:
            paths = {
                path: None for run in named for key in keys for path in _paths(change, run, key)
            }
            yield NothingToRemoveWarning(f"unset_{change.part}", _hints(keys, paths), ids)


def _hints(names: Iterable[str], present: Iterable[str]) -> dict[str, str | None]:
    choices = [*present]
    return {name: nearest(name, choices) for name in names}


def _text_of(change: DocumentChange, run: RunFields) -> str | None:
    return run.config if change.part == "config" else run.summary_metrics


def _unknown(change: DocumentChange, run: RunFields) -> list[str]:
    try:
        return change.unknown_in(_text_of(change, run))
    except ValueError:  # reported where the document is to be written
        return []


def _paths(change: DocumentChange, run: RunFields, key: str) -> list[str]:
    try:
        return change.paths_in(_text_of(change, run), key)
    except ValueError:  # likewise
        return []
