"""Read metrics that were logged at different steps, a row for each epoch."""

from wandb_runs import Api, Group

api = Api()

runs = api.runs("sample/digits", Group == "seeds")
frame = runs.histories(
    keys=["accuracy", "val/accuracy"],
    x_axis="epoch",
    join="outer",
    exact=True,
    format="pandas",
)
# The first value of each epoch that is not null:
epochs = frame.groupby(["run_id", "epoch"], as_index=False).first()
print(len(frame), "rows,", len(epochs), "epochs")

both = epochs.dropna().groupby("epoch")[["accuracy", "val/accuracy"]].mean()
print(both.round(3).to_string())
