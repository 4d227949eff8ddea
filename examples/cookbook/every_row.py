"""Read every row of a history, the same ones each time."""

from wandb_runs import Api, DisplayName

api = Api()

(run,) = api.runs("sample/digits", DisplayName == "long-haul")
sample = run.history(samples=50, format="pandas")
every = run.history(exact=True, format="pandas")
print(run.history_line_count, "rows were logged")
print(len(sample), "sampled,", len(every), "read")
print("last epoch:", every["epoch"].max())
