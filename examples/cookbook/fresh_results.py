"""See runs that were logged since, and how a run goes on."""

from wandb_runs import Api

api = Api()

before = api.runs("me/drafts")
print(len(before), "runs")

# As another program does:
api.create_run(run_id="d4", project="drafts", entity="me")
print(len(before), "runs in the listing from before")
print(len(api.runs("me/drafts")), "runs in a new one")

run = before[3]
# As another program does:
api.run("me/drafts/d3").update(notes="goes on", force=True)
print("notes before:", run.notes)
run.refresh()
print("notes now:", run.notes)
