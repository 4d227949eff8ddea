"""Write configs and summaries to a CSV file, a row for each run."""

from wandb_runs import Api

api = Api()
table = api.runs("sample/digits").to_pandas(
    attributes=["id", "name", "state"],
    config=["optimizer", "learning_rate", "model"],  # without it, all keys
    summary=["loss", "val/accuracy"],
)
table.to_csv("runs.csv", index=False)
print(len(table), "rows of", len(table.columns), "columns")
print(*table.columns, sep="\n")
