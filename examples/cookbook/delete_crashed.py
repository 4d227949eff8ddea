"""Delete the runs that crashed or failed, after a look at them."""

from wandb_runs import Api, Duration, State

api = Api()

short = State.is_in(["crashed", "failed"]) & (Duration < 60)
runs = api.runs("sample/digits", short)
for row in runs.delete(dry_run=True):
    print(row["id"], row["name"], row["state"])

outcome = runs.delete(expect=2)
print("deleted:", len(outcome.done))

restored = api.undelete_runs("sample/digits", list(outcome.done), expect=2)
print("restored:", len(restored.done))
