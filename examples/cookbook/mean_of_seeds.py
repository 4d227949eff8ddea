"""Take the mean and the standard deviation of a metric over seeds."""

from wandb_runs import Api, Group

api = Api()

runs = api.runs("sample/digits", Group == "seeds")
frame = runs.histories(
    keys=["epoch", "val/accuracy"], exact=True, format="pandas"
)
epochs = frame.groupby("epoch")["val/accuracy"].agg(["count", "mean", "std"])
print(epochs.round(4).to_string())
