"""Histories: what to ask for, what came, and the frames that it becomes. No I/O.

`plan_histories` checks the arguments and says what to send (`HistoryPlan.field`, `.specs`),
`read_rows` turns what came for one run into rows, and `build` joins the rows of all runs:

>>> plan = plan_histories(samples=100, keys=["loss"])
>>> plan.field, plan.specs
('sampledHistory', ['{"keys": ["_step", "loss"], "samples": 100}'])
>>> sent = {"a": [[{"_step": 0, "loss": 0.5}]], "b": [[]], "c": [[{"_step": 0, "loss": 2}]]}
>>> blocks = [(run_id, read_rows(plan, rows)) for run_id, rows in sent.items()]
>>> build(blocks, plan, to="default")
[{'_step': 0, 'loss': 0.5, 'run_id': 'a'}, {'_step': 0, 'loss': 2, 'run_id': 'c'}]
"""

from wandb_runs.histories.answers import Block, HistoryRequest, Piece, Reader, RowsReader
from wandb_runs.histories.batches import AnyBatches, Batches
from wandb_runs.histories.collect import collect
from wandb_runs.histories.fetch import fetch_rows, is_apart
from wandb_runs.histories.frames import Builder, build, check_installed
from wandb_runs.histories.pages import HistoryPages, Missing
from wandb_runs.histories.plan import (
    Field,
    Format,
    HistoryPlan,
    Join,
    OnError,
    Stream,
    check_format,
    check_keys,
    check_on_error,
    plan_histories,
)
from wandb_runs.histories.rows import Row, decode_rows, read_rows, rows_with_all
from wandb_runs.histories.scan import HistoryScan, ScanPlan, last_step_of, plan_scan
from wandb_runs.histories.schema import PolarsSchema, check_schema, conform, text_columns

__all__ = [
    "AnyBatches",
    "Batches",
    "Block",
    "Builder",
    "Field",
    "Format",
    "HistoryPages",
    "HistoryPlan",
    "HistoryRequest",
    "HistoryScan",
    "Join",
    "Missing",
    "OnError",
    "Piece",
    "PolarsSchema",
    "Reader",
    "Row",
    "RowsReader",
    "ScanPlan",
    "Stream",
    "build",
    "check_format",
    "check_installed",
    "check_keys",
    "check_on_error",
    "check_schema",
    "collect",
    "conform",
    "decode_rows",
    "fetch_rows",
    "is_apart",
    "last_step_of",
    "plan_histories",
    "plan_scan",
    "read_rows",
    "rows_with_all",
    "text_columns",
]
