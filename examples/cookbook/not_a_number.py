"""Find the runs whose loss became NaN, and the step at which it did."""

import polars as pl

from wandb_runs import Api

api = Api()

runs = api.runs("sample/digits")
frame = runs.histories(keys=["loss"], exact=True, format="polars")
first = (
    frame.filter(pl.col("loss").is_nan())
    .group_by("run_id")
    .agg(pl.col("_step").min())
    .rows()
)
names = {run.id: run.name for run in runs}
for run_id, step in first:
    print(names[run_id], "is NaN from step", step)
