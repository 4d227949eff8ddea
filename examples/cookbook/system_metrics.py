"""Read the use of the machine: CPU, memory, GPUs, network."""

from wandb_runs import Api, DisplayName

api = Api()

(run,) = api.runs("sample/digits", DisplayName == "long-haul")
rows = run.history(samples=10_000, stream="system", format="pandas")
metrics = [name for name in rows.columns if name.startswith("system.")]
print(len(rows), "rows:", *metrics[:4])
print("highest use of memory:", f"{rows['system.memory_percent'].max():.0f} %")
