"""Export a whole project to Parquet files; run again, it fetches what is new."""

from wandb_runs import Api
from wandb_runs.exports import export

with Api() as api:
    result = export(api.runs("sample/digits"), "digits")
print(f"{result.added} new runs, {result.unchanged} unchanged, {result.rows_fetched} rows fetched")
