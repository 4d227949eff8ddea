"""Find runs by the name that the app shows, by a pattern, and by ids."""

from wandb_runs import Api, DisplayName, RunId

api = Api()

(run,) = api.runs("sample/digits", DisplayName == "diverged")
print(run.id, run.name)

seeds = api.runs("sample/digits", DisplayName.matches("^adam-seed-"))
print([run.name for run in seeds])

ids = [run.id for run in seeds]
print([run.name for run in api.runs("sample/digits", RunId.is_in(ids[:2]))])
print(api.run(f"sample/digits/{run.id}") == run)
