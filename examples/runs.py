"""Read a project's runs and their histories.

python examples/runs.py [entity/project]

Reads from W&B with the key of WANDB_API_KEY or a netrc file, or from WANDB_BASE_URL.
"""

import os
import sys

from wandb_runs import Api

path = sys.argv[1] if len(sys.argv) > 1 else os.environ.get("WANDB_RUNS_PATH", "")
entity, _, project = path.partition("/")
if not project:
    sys.exit(__doc__)

api = Api()

# Get all runs from a project that satisfy the filters
filters = {"state": "finished", "config.optimizer": "adam"}

runs = Api().runs(
    client=api.client,
    entity=entity,
    project=project,
    filters=filters,
)

# Iterate over runs and print details
for run in runs:
    print(f"Run name: {run.name}")
    print(f"Run ID: {run.id}")
    print(f"Run URL: {run.url}")
    print(f"Run state: {run.state}")
    print(f"Run config: {run.config}")
    print(f"Run summary: {run.summary}")
    print(f"Run history (samples=5): {run.history(samples=5)}")
    print("----------")

# Get histories for all runs with specific metrics
histories_df = runs.histories(
    samples=100,  # Number of samples per run
    keys=["loss", "accuracy"],  # Metrics to fetch
    x_axis="_step",  # X-axis metric
    format="pandas",  # Return as pandas DataFrame
)
print("\n== pandas ==")
print(histories_df)

histories_pl = runs.histories(
    samples=100, keys=["loss", "accuracy"], x_axis="_step", format="polars"
)
print("\n== polars ==")
print(histories_pl)

histories = runs.histories(samples=100, keys=["loss", "accuracy"], x_axis="_step")
print(f"\n== list of {len(histories)} dicts, the first and the last three ==")
for row in [*histories[:3], *histories[-3:]]:
    print(row)
