"""Find the best run of a sweep by its best epoch, not by its last one, and its config."""

from wandb_runs import Api, Config

api = Api()

(sweep,) = api.project("sample/digits").sweeps()
best = sweep.runs.best("val/accuracy", "max", format="polars")
run_id, accuracy, step = best.sort("value", descending=True, nulls_last=True).row(0)
run = api.run(f"sample/digits/{run_id}")
print(f"{run.name}: {accuracy:.4f} at step {step}")
print("rate", run[Config("learning_rate", type=float)], "width", run[Config("width", type=int)])
