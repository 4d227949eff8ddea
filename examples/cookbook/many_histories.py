"""Read the histories of all runs, without a request for each of them."""

from wandb_runs import Api

with Api(requests_per_second=5) as api:  # a bound for this program
    runs = api.runs("sample/digits")
    frame = runs.histories(
        samples=100, keys=["loss", "accuracy"], format="polars"
    )
    print(frame["run_id"].n_unique(), "runs,", len(frame), "rows")
    print(api.stats.requests, "request")
