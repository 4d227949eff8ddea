"""Export a project to Parquet files; run again, it fetches what is new."""

from wandb_runs import Api
from wandb_runs.exports import export

with Api() as api:
    result = export(api.runs("sample/digits"), "digits")
print(result.added, "new runs,", result.unchanged, "unchanged")
print(result.rows_fetched, "rows fetched")
