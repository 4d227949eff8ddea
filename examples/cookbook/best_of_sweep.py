"""Find the best run of a sweep by its best epoch, and its config."""

from wandb_runs import Api, Config

api = Api()

(sweep,) = api.project("sample/digits").sweeps()
best = sweep.runs.best("val/accuracy", "max", format="polars")
best = best.drop_nulls().sort("value", "step", descending=[True, False])
run_id, accuracy, step = best.row(0)
run = api.run(f"sample/digits/{run_id}")
print(f"{run.name}: {accuracy:.4f} at step {step}")
print("rate:", run[Config("learning_rate", type=float)])
print("width:", run[Config("width", type=int)])
