"""Find the runs that are listed as running, and whose program is long gone."""

from datetime import UTC, datetime, timedelta

from wandb_runs import Api, HeartbeatAt, State

api = Api()

silent_since = datetime.now(UTC) - timedelta(minutes=30)
silent = (State == "running") & (HeartbeatAt < silent_since)
for run in api.runs("me/drafts", silent):
    print(run.name, "was", run.state, end=", ")
    print("is", run.update_state("failed").state)
