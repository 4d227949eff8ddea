"""Delete the checkpoints of runs to free storage, but for the last one."""

from wandb_runs import Api

api = Api()

freed = 0
for run in api.runs("me/drafts"):
    old = list(run.files(pattern="checkpoints/epoch-%.pt"))
    if old:
        run.delete_files(old)
        freed += sum(file.size or 0 for file in old)
        print(run.name, "keeps", *(file.name for file in run.files()))
print(freed, "bytes freed")
