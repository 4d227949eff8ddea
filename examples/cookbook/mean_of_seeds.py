"""Take the mean and the standard deviation of a metric over runs that differ in their seed."""

from wandb_runs import Api, Group

api = Api()

runs = api.runs("sample/digits", Group == "seeds")
frame = runs.histories(keys=["epoch", "val/accuracy"], exact=True, format="pandas")
print(frame.groupby("epoch")["val/accuracy"].agg(["count", "mean", "std"]).round(4).to_string())
