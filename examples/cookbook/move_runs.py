"""Move runs to another project."""

from wandb_runs import Api, State

api = Api()

api.create_project("archive", "me")
runs = api.runs("me/drafts", State == "finished")
outcome = runs.move("me/archive", expect=3)
print("moved:", *outcome.done)
print(len(api.runs("me/archive")), "in the archive")
print(len(api.runs("me/drafts")), "left")
