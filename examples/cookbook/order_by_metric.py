"""List the best runs by a summary metric that has a slash in its name."""

from wandb_runs import Api, State, Summary

api = Api()

ACCURACY = Summary("val/accuracy", type=float)
runs = api.runs(
    "sample/digits", State == "finished", order=ACCURACY.desc(), limit=3
)
for run in runs:
    print(f"{run[ACCURACY]:.4f} {run.name}")
