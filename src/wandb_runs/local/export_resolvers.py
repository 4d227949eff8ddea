"""Resolvers of histories as Parquet files."""

from __future__ import annotations

from random import SystemRandom
from typing import TYPE_CHECKING, Final

from ariadne import ObjectType

from wandb_runs.local.context import context_of, file_path
from wandb_runs.local.exports import read_exports

if TYPE_CHECKING:
    from graphql import GraphQLResolveInfo

    from wandb_runs.local.nodes import Run

__all__ = ["EXPORT_BINDABLES"]

run_exports: Final = ObjectType("Run")

_CHANCE: Final = SystemRandom()


@run_exports.field("parquetHistory")
def _parquet_history(run: Run, info: GraphQLResolveInfo, live_keys: list[str]) -> dict[str, object]:
    context = context_of(info)
    rows = context.rows_of_files
    if rows is None:
        return {"parquet_urls": [], "live_data": []}
    found = run.batch.once(
        ("parquetHistory", *live_keys),
        lambda connection, ids: read_exports(context.store, connection, ids, live_keys, rows),
    )[run.row_id]
    place = (run.project.entity_name, run.project.name, run.name)
    urls = [context.export_url(file_path(*place, name)) for name in found.names]
    # In no order that a client may rely on, as W&B's.
    _CHANCE.shuffle(urls)
    return {"parquet_urls": urls, "live_data": found.live_data}


EXPORT_BINDABLES: Final = (run_exports,)
