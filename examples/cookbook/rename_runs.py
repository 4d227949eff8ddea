"""Name runs after their hyperparameters."""

from wandb_runs import Api, Config

api = Api()

OPTIMIZER = Config("optimizer", type=str)
for run in api.runs("me/drafts", OPTIMIZER.exists()):
    run.update(name=f"{run[OPTIMIZER]}-{run.id}")

print([run.name for run in api.runs("me/drafts", OPTIMIZER.exists())])
