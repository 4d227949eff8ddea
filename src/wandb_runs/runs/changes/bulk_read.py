"""Runs as the server has them now, by their ids: before a change, and after it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from wandb_runs.graphql._generated import list_runs
from wandb_runs.graphql.flow import gather
from wandb_runs.pagination.page import MAX_PER_PAGE, Selection, fetch_page
from wandb_runs.pagination.paginator import fetch_named
from wandb_runs.runs.record import read_record

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wandb_runs.graphql._generated import RunFields
    from wandb_runs.graphql.flow import Flow
    from wandb_runs.pagination.page import Node, Page, PageRequest

__all__ = ["divided", "read_runs"]

_NOTHING: Final[tuple[str, ...]] = ()


def read_runs(
    entity: str,
    project: str,
    run_ids: Sequence[str],
    *,
    config_keys: tuple[str, ...] | None = _NOTHING,
    summary_keys: tuple[str, ...] | None = _NOTHING,
) -> Flow[dict[str, RunFields]]:
    """Read runs by their ids, in this order; those that there are not are left out.

    Args:
        entity: The user or team that owns the project.
        project: The project's name.
        run_ids: The ids.
        config_keys: The names at the top of the configs that are to come; None for all.
        summary_keys: Those of the summaries, likewise.

    Raises:
        NotFoundError: No such project, or the key may not see it.
    """
    selection = Selection(
        entity=entity, project=project, filters="{}", order="+created_at", first=MAX_PER_PAGE
    )

    def fetch(selection: Selection, request: PageRequest) -> Flow[Page[Node]]:
        operation = list_runs(
            **request.variables(selection), config_keys=config_keys, summary_keys=summary_keys
        )
        return fetch_page(operation, selection, request)

    found = yield from gather(
        [fetch_named(selection, part, fetch, _id_of) for part in divided(run_ids)]
    )
    fields = [read_record(node).fields for nodes in found for node in nodes]
    return {each.id: each for each in fields}


def divided(run_ids: Sequence[str], most: int = MAX_PER_PAGE) -> list[Sequence[str]]:
    """Ids in parts of at most so many.

    >>> divided(["r1", "r2", "r3"], 2)
    [['r1', 'r2'], ['r3']]
    """
    return [run_ids[start : start + most] for start in range(0, len(run_ids), most)]


def _id_of(node: Node) -> str:
    return str(node["id"])
