"""Filter by a nested value, and by a key that has a dot in its name."""

from wandb_runs import Api, Config, InvalidArgumentError

api = Api()

nested = Config("model", "depth") == 3  # {"model": {"depth": 3}}
flat = Config("model.depth") == 3  # {"model.depth": 3}
print("nested:", [run.name for run in api.runs("me/dots", nested)])
print("flat:  ", [run.name for run in api.runs("me/dots", flat)])
print("either:", [run.name for run in api.runs("me/dots", nested | flat)])

try:
    api.runs("me/dots", {"config.model.depth": 3})
except InvalidArgumentError as error:
    print(error)
