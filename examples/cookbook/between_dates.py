"""Find the runs that were created between two moments."""

from datetime import UTC, datetime, timedelta

from wandb_runs import Api, CreatedAt, parse_filter

api = Api()

start = datetime(2026, 11, 23, 13, 34, tzinfo=UTC)
runs = api.runs(
    "sample/digits",
    (CreatedAt >= start) & (CreatedAt < start + timedelta(minutes=1)),
    order=CreatedAt.asc(),
)
for run in runs:
    print(run.created_at.isoformat(" ", "seconds"), run.name)

# The same as text, for a command line or a user of your program:
text = "created_at >= 2026-11-23T13:34Z and created_at < 2026-11-23T13:35Z"
print(len(api.runs("sample/digits", parse_filter(text))) == len(runs))
