"""Read metrics that were logged at different steps into one frame, a row for each epoch."""

from wandb_runs import Api, Group

api = Api()

runs = api.runs("sample/digits", Group == "seeds")
frame = runs.histories(
    keys=["accuracy", "val/accuracy"], x_axis="epoch", join="outer", exact=True, format="pandas"
)
epochs = frame.groupby(["run_id", "epoch"], as_index=False).first()  # the first that is not null
print(len(frame), "rows,", len(epochs), "epochs")

both = epochs.dropna().groupby("epoch")[["accuracy", "val/accuracy"]].mean()
print(both.round(3).to_string())
