"""Add a tag to many runs at once, and take it away again."""

from wandb_runs import Api, Config

api = Api()

runs = api.runs("sample/digits", Config("learning_rate") >= 0.1)
preview = runs.update(dry_run=True, add_tags=["too-fast"])
print(len(preview), "runs would change, among them", preview[0]["name"])

outcome = runs.update(expect=len(preview), add_tags=["too-fast"])
print(len(outcome.done), "changed")
print(len(api.runs("sample/digits", {"tags": "too-fast"})), "runs have the tag")

runs.update(expect=len(preview), remove_tags=["too-fast"])
print(len(api.runs("sample/digits", {"tags": "too-fast"})), "runs have the tag")
