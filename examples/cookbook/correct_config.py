"""Correct the name of a hyperparameter in the configs of runs that are over."""

from wandb_runs import Api, Config

api = Api()

WRONG = Config("learing_rate", type=float)
for run in api.runs("me/drafts", WRONG.exists()):
    run.update(
        config={"learning_rate": run[WRONG]}, unset_config=["learing_rate"]
    )

for run in api.runs("me/drafts", Config("learning_rate").exists()):
    print(run.name, dict(run.config))
